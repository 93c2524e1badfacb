//! `cargo xtask bench policies`: what asking policies costs, with the binary as people run it.
//!
//! 200 Dockerfiles linted by one process, beside hadolint on the same files; a workspace of 1,000 images checked, with the shipped rules
//! alone and with 60 rules in Rego on top. The Dockerfiles are those of `tests/corpus/dockerfiles`.

use crate::bench::median;
use crate::demo::{release_binary, root};
use crate::failure::{Doing as _, Failure, Outcome};
use crate::setup;
use crate::shell::{print, read_output, say, timed};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

const FILES: usize = 200;
const IMAGES: usize = 1000;
const RULES: usize = 60;
const ROUNDS: usize = 5;
/// What the project promises: processor time of linting, wall time of checking, processor time that Rego adds for an image.
const LINT_LIMIT: Duration = Duration::from_millis(300);
const CHECK_LIMIT: Duration = Duration::from_secs(2);
const REGO_LIMIT: Duration = Duration::from_millis(2);

/// What one run took.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Time {
    processor: Duration,
    wall: Duration,
}

/// Runs the benchmark and prints its table. Fails where a limit is missed.
pub(crate) fn run() -> Outcome<ExitCode> {
    let binary = release_binary()?;
    let hadolint = match std::env::var_os("WINDLASS_TEST_HADOLINT") {
        Some(hadolint) => PathBuf::from(hadolint),
        None => setup::run()?.hadolint,
    };
    let folder = tempfile::Builder::new()
        .prefix("windlass-policies-")
        .tempdir()?;
    timed("200 Dockerfiles, 1,000 images", || prepare(folder.path()))?;
    let measured = measure(&binary, &hadolint, folder.path())?;
    Ok(if report(&measured) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Medians of all rounds.
struct Measured {
    lint: Time,
    hadolint: Time,
    check: Time,
    rego: Time,
}

fn measure(binary: &Path, hadolint: &Path, folder: &Path) -> Outcome<Measured> {
    let files: Vec<String> = (0..FILES).map(|it| format!("{it}.Dockerfile")).collect();
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    let lint = [&["lint", "--profile", "all"], files.as_slice()].concat();
    let theirs = [&["--no-fail"], files.as_slice()].concat();
    let pack = ["--policy", "../org/org.kdl", "check"];
    let mut rounds: [Vec<Time>; 4] = Default::default();
    for round in 1..=ROUNDS {
        // In turn, so that the machine is the same for all.
        timed(&format!("round {round} of {ROUNDS}"), || {
            rounds[0].push(time(binary, &lint, &folder.join("lint"))?);
            rounds[1].push(time(hadolint, &theirs, &folder.join("lint"))?);
            rounds[2].push(time(binary, &["check"], &folder.join("workspace"))?);
            rounds[3].push(time(binary, &pack, &folder.join("workspace"))?);
            Ok(())
        })?;
    }
    let [lint, hadolint, check, rego] = rounds.map(|it| Time {
        processor: median(&it.iter().map(|it| it.processor).collect::<Vec<_>>()),
        wall: median(&it.iter().map(|it| it.wall).collect::<Vec<_>>()),
    });
    Ok(Measured {
        lint,
        hadolint,
        check,
        rego,
    })
}

/// Runs a program and returns what it took; findings make exit codes, which do not matter here.
fn time(program: &Path, arguments: &[&str], folder: &Path) -> Outcome<Time> {
    let text = read_output(
        Command::new("bash")
            .args([
                "-c",
                "TIMEFORMAT='%U %S %R'; { time \"$@\" >/dev/null 2>&1; } 2>&1 || true",
                "bash",
            ])
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            // Without UTF-8 hadolint refuses what is not ASCII.
            .env("LC_ALL", "C.UTF-8")
            .env("XDG_CACHE_HOME", folder.join("../cache")),
    )?;
    read_times(&text).ok_or_else(|| Failure::new(format!("bash told no time: {text}")))
}

/// Reads `USER SYSTEM WALL`, in seconds.
fn read_times(text: &str) -> Option<Time> {
    let numbers = text.split_whitespace().map(str::parse::<f64>);
    let numbers: Vec<f64> = numbers.collect::<Result<_, _>>().ok()?;
    let [user, system, wall] = numbers[..] else {
        return None;
    };
    Some(Time {
        processor: Duration::from_secs_f64(user + system),
        wall: Duration::from_secs_f64(wall),
    })
}

fn prepare(folder: &Path) -> Outcome {
    let corpus = corpus()?;
    let lint = folder.join("lint");
    fs::create_dir(&lint)?;
    for (number, path) in corpus.iter().cycle().take(FILES).enumerate() {
        fs::copy(path, lint.join(format!("{number}.Dockerfile"))).doing(path.display())?;
    }
    // Files that people have; those that are broken on purpose are no image.
    let is_real = |it: &&PathBuf| {
        it.file_name()
            .is_some_and(|it| it.to_string_lossy().starts_with("real-"))
    };
    let real: Vec<&PathBuf> = corpus.iter().filter(is_real).collect();
    write_workspace(&folder.join("workspace"), &real)?;
    let org = folder.join("org");
    fs::create_dir(&org)?;
    fs::write(
        org.join("org.kdl"),
        "pack \"org\" version=1\nrego \"*.rego\"\n",
    )?;
    fs::write(org.join("speed.rego"), rego())?;
    Ok(())
}

fn corpus() -> Outcome<Vec<PathBuf>> {
    let folder = root().join("tests/corpus/dockerfiles");
    let mut files = Vec::new();
    for entry in fs::read_dir(&folder).doing(folder.display())? {
        files.push(entry?.path());
    }
    files.retain(|it| it.extension().is_some_and(|it| it == "Dockerfile"));
    files.sort();
    Ok(files)
}

/// Writes a workspace of images that each have a folder, a Dockerfile and a few files.
fn write_workspace(folder: &Path, dockerfiles: &[&PathBuf]) -> Outcome {
    let mut manifest = "workspace \"speed\"\n\nregistry \"main\" {\n    account \"000000000000\"\n    region \"us-east-1\"\n}\n\ndefaults { image { target \"main\"; tag \"v1\" } }\n".to_owned();
    for (number, dockerfile) in dockerfiles.iter().cycle().take(IMAGES).enumerate() {
        let context = folder.join(format!("images/{number}"));
        fs::create_dir_all(context.join("src"))?;
        fs::copy(dockerfile, context.join("Dockerfile"))?;
        for file in ["main.py", "package.json", "requirements.txt", "src/a.txt"] {
            fs::write(context.join(file), "x\n")?;
        }
        writeln!(
            manifest,
            "image \"service-{number}\" {{ context \"images/{number}\" }}"
        )
        .expect("a string takes all text");
    }
    fs::write(folder.join("windlass.kdl"), manifest)?;
    Ok(())
}

/// Rules that each look at every word of every RUN.
fn rego() -> String {
    let mut text = String::from("package org.speed\nimport rego.v1\n");
    for number in 0..RULES {
        write!(
            text,
            "deny contains msg if {{\n  some it in input.dockerfile\n  it.Cmd == \"run\"\n  some value in it.Value\n  contains(value, \"never-{number}\")\n  msg := sprintf(\"%s\", [value])\n}}\n"
        )
        .expect("a string takes all text");
    }
    text
}

/// Prints the table; says whether every limit was kept.
fn report(measured: &Measured) -> bool {
    let Measured {
        lint,
        hadolint,
        check,
        rego,
    } = measured;
    let added = rego.processor.saturating_sub(check.processor);
    let added = added / u32::try_from(IMAGES).expect("a small number");
    let row = |what: &str, it: &Time| {
        let (processor, wall) = (it.processor.as_secs_f64(), it.wall.as_secs_f64());
        print(&format!("| {what} | {processor:.3} s | {wall:.3} s |"));
    };
    print("| what | processor | wall |");
    print("| --- | ---: | ---: |");
    row("`windlass lint`, 200 Dockerfiles, all rules", lint);
    row("`hadolint`, the same files", hadolint);
    row("`windlass check`, 1,000 images", check);
    row("the same with 60 rules in Rego", rego);
    let added_ms = added.as_secs_f64() * 1000.0;
    print(&format!(
        "\n60 rules in Rego add {added_ms:.2} ms of processor time to an image."
    ));
    let mut kept = true;
    for (what, found, limit) in [
        ("linting", lint.processor, LINT_LIMIT),
        ("checking", check.wall, CHECK_LIMIT),
        ("Rego for an image", added, REGO_LIMIT),
    ] {
        if found >= limit {
            say(&format!(
                "{what}: {found:?} is above the limit of {limit:?}"
            ));
            kept = false;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_user_system_and_wall() {
        let read = read_times("0.016 0.004 0.072\n").expect("times");
        assert_eq!(read.processor, Duration::from_millis(20));
        assert_eq!(read.wall, Duration::from_millis(72));
        assert_eq!(read_times("bash: no such program"), None);
    }

    #[test]
    fn a_workspace_of_a_thousand_images_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        prepare(folder.path()).expect("written");
        let manifest = folder.path().join("workspace/windlass.kdl");
        let manifest = fs::read_to_string(manifest).expect("a manifest");
        assert_eq!(manifest.matches("\nimage ").count(), IMAGES);
        let last = folder.path().join("workspace/images/999/Dockerfile");
        assert!(last.is_file() && folder.path().join("lint/199.Dockerfile").is_file());
        assert_eq!(rego().matches("deny contains").count(), RULES);
    }
}
