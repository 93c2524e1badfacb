//! `cargo xtask prove`: the long runs of tests that the suite runs short, with their figures.
//!
//! Each proof is played with the release binary, some rounds at a time. What was played is kept under `target/prove`, so that a run
//! that was ended goes on where it stopped; another commit begins anew.

use crate::demo::{release_binary, root};
use crate::failure::{Doing as _, Failure, Outcome};
use crate::setup;
use crate::shell::{print, read_output, run_shown, say};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

const USAGE: &str = "usage: cargo xtask prove [NAME [TRIES]] [--jobs N] [--fresh]";
/// Rounds that are played at a time.
const JOBS: u32 = 2;

/// One proof: a test that takes its size from the environment and writes its figures where it is told.
struct Proof {
    name: &'static str,
    /// Test binary and filter for cargo.
    test: [&'static str; 2],
    /// The variable with the size, and the size of the full run.
    size: (&'static str, u32),
}

const PROOFS: &[Proof] = &[
    Proof {
        name: "exactness",
        test: [
            "exactness",
            "what_changes_the_image_changes_the_fingerprint",
        ],
        size: ("WINDLASS_PROVE_EDITS", 2_000),
    },
    whole("kills", "kills::", ("WINDLASS_PROVE_KILLS", 200)),
    whole("doubles", "doubles::", ("WINDLASS_PROVE_DOUBLES", 50)),
    whole("worlds", "worlds::", ("WINDLASS_PROVE_WORLDS", 200)),
    whole("faults", "faults::", ("WINDLASS_PROVE_FAULTS", 50)),
    whole("scale", "scale::", ("WINDLASS_PROVE_IMAGES", 1_000)),
];

/// A proof on the whole program.
const fn whole(name: &'static str, filter: &'static str, size: (&'static str, u32)) -> Proof {
    Proof {
        name,
        test: ["proofs", filter],
        size,
    }
}

/// What was asked for on the command line.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    name: Option<String>,
    size: Option<u32>,
    jobs: u32,
    fresh: bool,
}

/// Runs all proofs, or the one that is named, in full or with the size that is given.
pub(crate) fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let asked = parse(arguments)?;
    let chosen: Vec<&Proof> = PROOFS
        .iter()
        .filter(|proof| asked.name.as_deref().is_none_or(|name| name == proof.name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = PROOFS.iter().map(|proof| proof.name).collect();
        return Err(Failure::new(format!(
            "{USAGE}; the proofs are {}",
            names.join(", ")
        )));
    }
    let binary = release_binary()?;
    let mut all_hold = true;
    for proof in chosen {
        all_hold &= proof.run(&asked, &binary)?;
    }
    Ok(if all_hold {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn parse(arguments: &[String]) -> Outcome<Asked> {
    let number = |text: &String| {
        let parsed = text.parse();
        parsed.map_err(|_| Failure::new(format!("`{text}` is no number; {USAGE}")))
    };
    let mut asked = Asked {
        name: None,
        size: None,
        jobs: JOBS,
        fresh: false,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--fresh" => asked.fresh = true,
            "--jobs" => {
                let jobs = rest.next().ok_or_else(|| Failure::new(USAGE.to_owned()))?;
                asked.jobs = number(jobs)?;
            }
            _ if asked.name.is_none() => asked.name = Some(argument.clone()),
            _ if asked.size.is_none() => asked.size = Some(number(argument)?),
            _ => return Err(Failure::new(USAGE.to_owned())),
        }
    }
    Ok(asked)
}

impl Proof {
    /// Runs the proof and prints its figures; says whether it holds.
    fn run(&self, asked: &Asked, binary: &Path) -> Outcome<bool> {
        let testbed = setup::run()?;
        let size = asked.size.unwrap_or(self.size.1);
        let folder = folder()?;
        let report = folder.join(format!("{}.figures", self.name));
        let rounds = folder.join(format!("{}-{}.rounds", self.name, commit()?));
        if asked.fresh {
            fs::remove_file(&rounds).ok();
        }
        fs::remove_file(&report).ok();
        let played = fs::read_to_string(&rounds).unwrap_or_default();
        say(&format!(
            "{}: {size} tries, {} played before ...",
            self.name,
            played.lines().count()
        ));
        let begun = Instant::now();
        let [test, filter] = self.test;
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = run_shown(
            Command::new(cargo)
                // The whole workspace: the same features, and so the same libraries, as every other test.
                .args(["test", "--workspace", "--test", test, filter])
                .current_dir(root())
                .envs(testbed.variables())
                .env(self.size.0, size.to_string())
                .env("WINDLASS_PROVE_JOBS", asked.jobs.to_string())
                .env("WINDLASS_PROVE_BINARY", binary)
                .env("WINDLASS_PROVE_ROUNDS", &rounds)
                .env("WINDLASS_PROVE_REPORT", &report),
        )?;
        if let Ok(figures) = fs::read_to_string(&report) {
            print(&format!(
                "## {} ({:.0} s in this run)\n\n{figures}",
                self.name,
                begun.elapsed().as_secs_f64()
            ));
        }
        if status.success() {
            // The next run is a new one.
            fs::remove_file(&rounds).ok();
        } else {
            say(&format!(
                "{}: does not hold, or was ended; what was played is kept, and the same command goes on",
                self.name
            ));
        }
        Ok(status.success())
    }
}

fn folder() -> Outcome<PathBuf> {
    let folder = root().join("target/prove");
    fs::create_dir_all(&folder).doing(folder.display())?;
    Ok(folder)
}

/// Names what is proven: figures of two versions do not add up.
fn commit() -> Outcome<String> {
    read_output(
        Command::new("git")
            .args(["describe", "--always", "--dirty", "--exclude", "*"])
            .current_dir(root()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(arguments: &[&str]) -> Outcome<Asked> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        parse(&arguments)
    }

    #[test]
    fn a_name_a_number_and_flags_are_taken_in_any_order() {
        let kills = Asked {
            name: Some("kills".to_owned()),
            size: Some(20),
            jobs: 3,
            fresh: true,
        };
        assert_eq!(
            asked(&["--jobs", "3", "kills", "--fresh", "20"]).unwrap(),
            kills
        );
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert!(asked(&["kills", "many"]).is_err());
        assert!(asked(&["--jobs"]).is_err());
        assert!(asked(&["kills", "1", "2"]).is_err());
    }
}
