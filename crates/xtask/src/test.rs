//! `cargo xtask test`: the whole test suite, against the services of the test bed.

use crate::failure::Outcome;
use crate::setup::{self, Testbed};
use crate::shell::{find_program, line, run_shown, say};
use std::process::{Command, ExitCode};

/// The version of cargo-nextest that is installed when there is none; newer ones may need a newer Rust.
const NEXTEST: &str = "cargo-nextest@0.9.143";

/// Sets up, then runs the tests; `arguments` go to the test runner.
pub(crate) fn run(arguments: &[String]) -> Outcome<ExitCode> {
    let testbed = setup::run()?;
    let mut command = runner(have_nextest()?);
    command.args(arguments);
    prepare(&mut command, &testbed);
    say(&line(&command));
    let status = run_shown(&mut command)?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn runner(nextest: bool) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    if !nextest {
        command.args(["test", "--workspace"]);
        return command;
    }
    command.args(["nextest", "run", "--workspace"]);
    if std::env::var_os("CI").is_some_and(|value| !value.is_empty()) {
        command.args(["--profile", "ci"]);
    }
    command
}

fn prepare(command: &mut Command, testbed: &Testbed) {
    command.env("INSTA_UPDATE", "no").envs(testbed.variables());
}

/// Finds cargo-nextest, or installs it. Says whether it is there; `cargo test` serves where it is not.
fn have_nextest() -> Outcome<bool> {
    if find_program("cargo-nextest").is_some() {
        return Ok(true);
    }
    say(&format!("installing {NEXTEST} ..."));
    let status =
        run_shown(Command::new("cargo").args(["install", "--locked", "--quiet", NEXTEST]))?;
    if !status.success() {
        say("cargo-nextest could not be installed; using `cargo test`");
    }
    Ok(status.success())
}
