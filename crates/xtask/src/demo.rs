//! `cargo xtask demo`: the shop example from manifest to a plan without changes, with the real binary.

use crate::failure::{Doing as _, Failure, Outcome};
use crate::setup::{self, Testbed};
use crate::shell::{line, print, read_output, run_shown, timed};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

/// The commands that are shown, in this order.
const STEPS: [&[&str]; 3] = [
    &["plan"],
    &["apply", "--auto-approve"],
    &["plan", "--detailed-exitcode"],
];

/// Runs the demo. Its exit code is that of the last plan: 0 when nothing is left to do.
pub(crate) fn run() -> Outcome<ExitCode> {
    let testbed = setup::run()?;
    let binary = release_binary()?;
    let start = Instant::now();
    let shop = copy_shop()?;
    let mut code = 0;
    for arguments in STEPS {
        code = step(&testbed, &binary, shop.path(), arguments)?;
    }
    let seconds = start.elapsed().as_secs_f64();
    if code == 0 {
        print(&format!(
            "\nThe second plan says there is nothing to do. The demo took {seconds:.1} s."
        ));
        return Ok(ExitCode::SUCCESS);
    }
    let kept = shop.keep();
    print(&format!(
        "\nThe second plan exited {code} after {seconds:.1} s; the workspace is kept in {}",
        kept.display()
    ));
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}

/// Builds windlass with the release profile and returns the binary; `WINDLASS_BENCH_BINARY` names one that is built already.
pub(crate) fn release_binary() -> Outcome<PathBuf> {
    if let Some(binary) = std::env::var_os("WINDLASS_BENCH_BINARY") {
        return Ok(std::path::absolute(PathBuf::from(binary))?);
    }
    timed("cargo build --release -p windlass", || {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = run_shown(
            Command::new(cargo)
                .args(["build", "--release", "-p", "windlass"])
                .current_dir(root()),
        )?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::new("windlass does not build"))
        }
    })?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(std::path::absolute(target.join("release/windlass"))?)
}

/// Returns the root of this repository.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .ancestors()
        .nth(2)
        .expect("the crate lies in crates/xtask")
        .to_owned()
}

/// Runs git with an identity of its own, whatever the machine's configuration says.
pub(crate) fn git(folder: &Path, arguments: &[&str]) -> Outcome<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder);
    for setting in [
        "user.name=windlass",
        "user.email=windlass@localhost",
        "commit.gpgsign=false",
    ] {
        command.args(["-c", setting]);
    }
    read_output(command.args(arguments))
}

/// Copies the example into a folder of its own, with a Git repository around it.
pub(crate) fn copy_shop() -> Outcome<tempfile::TempDir> {
    let folder = tempfile::Builder::new()
        .prefix("windlass-demo-")
        .tempdir()?;
    let from = root().join("examples/shop");
    // A copy by git takes what is part of the example, and nothing that lies beside it.
    let listed = git(
        &root(),
        &[
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "examples/shop",
        ],
    )?;
    for name in listed.split('\0').filter(|name| !name.is_empty()) {
        let relative = Path::new(name).strip_prefix("examples/shop").doing(name)?;
        let to = folder.path().join(relative);
        std::fs::create_dir_all(to.parent().expect("a file has a folder"))?;
        std::fs::copy(from.join(relative), &to).doing(to.display())?;
    }
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "--all"],
        &["commit", "--quiet", "--message", "shop"],
    ] {
        git(folder.path(), arguments)?;
    }
    Ok(folder)
}

fn step(testbed: &Testbed, binary: &Path, folder: &Path, arguments: &[&str]) -> Outcome<i32> {
    let mut command = Command::new(binary);
    command.arg("--local");
    for mirror in &testbed.mirrors {
        command.args(["--mirror", mirror]);
    }
    command.args(arguments).current_dir(folder);
    print(&format!(
        "\n$ {}",
        line(&command).replace(&binary.display().to_string(), "windlass")
    ));
    let start = Instant::now();
    let status = run_shown(&mut command)?;
    let code = status
        .code()
        .ok_or_else(|| Failure::new("windlass was ended by a signal"))?;
    print(&format!(
        "[exit code {code}, {:.1} s]",
        start.elapsed().as_secs_f64()
    ));
    Ok(code)
}
