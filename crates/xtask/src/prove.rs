//! `cargo xtask prove`: the long runs of tests that the suite runs short, with their figures.

use crate::failure::{Failure, Outcome};
use crate::setup;
use crate::shell::{print, run_shown, say};
use std::process::{Command, ExitCode};

/// One proof: a test that takes its size from the environment and writes its figures where it is told.
struct Proof {
    name: &'static str,
    /// Package, test binary and filter for cargo.
    test: [&'static str; 3],
    /// The variable with the size, and the size of the full run.
    size: (&'static str, u32),
}

const PROOFS: &[Proof] = &[
    Proof {
        name: "exactness",
        test: [
            "windlass-backends",
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
        test: ["windlass", "proofs", filter],
        size,
    }
}

/// Runs all proofs, or the one that is named, in full or with the size that is given.
pub(crate) fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let name = arguments.first().map(String::as_str);
    let size = match arguments.get(1) {
        Some(text) => Some(
            text.parse()
                .map_err(|_| Failure::new(format!("`{text}` is no number of tries")))?,
        ),
        None => None,
    };
    let chosen: Vec<&Proof> = PROOFS
        .iter()
        .filter(|proof| name.is_none_or(|name| name == proof.name))
        .collect();
    if chosen.is_empty() || arguments.len() > 2 {
        let names: Vec<&str> = PROOFS.iter().map(|proof| proof.name).collect();
        return Err(Failure::new(format!(
            "usage: cargo xtask prove [NAME [TRIES]]; the proofs are {}",
            names.join(", ")
        )));
    }
    let mut all_hold = true;
    for proof in chosen {
        all_hold &= proof.run(size.unwrap_or(proof.size.1))?;
    }
    Ok(if all_hold {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

impl Proof {
    /// Runs the proof and prints its figures; says whether it holds.
    fn run(&self, size: u32) -> Outcome<bool> {
        let testbed = setup::run()?;
        let folder = tempfile::tempdir()?;
        let report = folder.path().join("report");
        let [package, binary, filter] = self.test;
        say(&format!("{}: {size} tries ...", self.name));
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = run_shown(
            Command::new(cargo)
                .args(["test", "--package", package, "--test", binary, filter])
                .envs(testbed.variables())
                .env(self.size.0, size.to_string())
                .env("WINDLASS_PROVE_REPORT", &report),
        )?;
        if let Ok(figures) = std::fs::read_to_string(&report) {
            print(&figures);
        }
        Ok(status.success())
    }
}
