//! The Debian packages that the test bed needs, installed only when missing.

use crate::failure::{Failure, Outcome};
use crate::shell::{find_program, run_logged, timed};
use std::path::Path;
use std::process::Command;

/// Each program or file that must be there, and the package that brings it.
const NEEDED: [(&str, &str); 12] = [
    ("docker-registry", "docker-registry"),
    ("skopeo", "skopeo"),
    ("mmdebstrap", "mmdebstrap"),
    ("iptables", "iptables"),
    ("curl", "curl"),
    ("git", "git"),
    ("python3", "python3"),
    ("npm", "npm"),
    ("chromium", "chromium"),
    ("unzip", "unzip"),
    ("hyperfine", "hyperfine"),
    ("/etc/ssl/certs/ca-certificates.crt", "ca-certificates"),
];

/// Installs what is missing. `engine` says whether an Engine already answers, which then is used.
pub(crate) fn install_missing(engine: bool, logs: &Path) -> Outcome {
    let missing = missing_packages(engine, &|name| {
        Path::new(name).exists() || find_program(name).is_some()
    });
    install(&missing, logs)
}

/// Installs the given packages; nothing for an empty list.
pub(crate) fn install(packages: &[&str], logs: &Path) -> Outcome {
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if find_program("apt-get").is_none() || !is_root() {
        return Err(Failure::new(format!(
            "these Debian packages are missing: {list}\n  run as root: apt-get update && apt-get install --no-install-recommends {list}"
        )));
    }
    timed(&format!("apt-get install {list}"), || {
        run_logged(apt().arg("update"), &logs.join("apt-update.log"))?;
        let mut command = apt();
        command
            .args(["install", "--yes", "--no-install-recommends"])
            .args(packages);
        run_logged(&mut command, &logs.join("apt-install.log"))
    })
}

/// Says whether this process may install packages and start an Engine.
pub(crate) fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata("/proc/self").is_ok_and(|entry| entry.uid() == 0)
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn missing_packages(engine: bool, exists: &dyn Fn(&str) -> bool) -> Vec<&'static str> {
    let engine_package = if engine {
        ("docker", "docker.io")
    } else {
        ("dockerd", "docker.io")
    };
    std::iter::once(engine_package)
        .chain(NEEDED)
        .filter(|(program, _)| !exists(program))
        .map(|(_, package)| package)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn asks_for_nothing_when_all_is_there() {
        assert!(missing_packages(false, &|_| true).is_empty());
    }

    #[test]
    fn asks_for_the_engine_only_when_none_answers() {
        let without_daemon = |name: &str| name != "dockerd";
        assert_eq!(missing_packages(false, &without_daemon), ["docker.io"]);
        assert!(missing_packages(true, &without_daemon).is_empty());
    }
}
