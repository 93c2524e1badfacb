//! `cargo xtask release`: the binary as it is handed out, with what it is made of and its checksums.
//!
//! The bytes depend on sources, toolchain and target only: paths of the machine are mapped to fixed names. `--twice` builds again in a clone
//! in another folder and compares.

mod sbom;

use crate::demo::{git, root};
use crate::failure::{Doing as _, Failure, Outcome};
use crate::shell::{print, read_output, run_shown, timed};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// How often the start of the binary is measured.
const STARTS: u32 = 200;

/// Builds for a target, the machine's own where none is named, and writes everything to `target/dist`.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let (flags, targets): (Vec<&String>, Vec<&String>) =
        arguments.iter().partition(|it| it.starts_with('-'));
    let twice = match flags.as_slice() {
        [] => false,
        [flag] if *flag == "--twice" => true,
        _ => return Err(usage()),
    };
    let target = match targets.as_slice() {
        [] => host()?,
        [target] => (*target).clone(),
        _ => return Err(usage()),
    };
    has_target(&target)?;
    let top = root();
    let binary = build(&top, &target_folder(), &target)?;
    let folder = target_folder().join("dist");
    fs::create_dir_all(&folder).doing(folder.display())?;
    let name = format!("windlass-{target}");
    let bytes = fs::read(&binary).doing(binary.display())?;
    let digest = sha256(&bytes);
    fs::copy(&binary, folder.join(&name)).doing(folder.display())?;
    let bill = format!("{name}.cdx.json");
    let text = sbom::write(&top, &target, &digest)?;
    fs::write(folder.join(&bill), &text)?;
    let sums = format!("{digest}  {name}\n{}  {bill}\n", sha256(text.as_bytes()));
    fs::write(folder.join(format!("{name}.sha256")), sums)?;
    let tenths = bytes.len() / 100_000;
    print(&format!(
        "{}: {}.{} MB, starts in {:.1} ms (mean of {STARTS})\nsha256 {digest}",
        folder.join(&name).display(),
        tenths / 10,
        tenths % 10,
        start(&binary)?.as_secs_f64() * 1e3
    ));
    if twice {
        again(&top, &target, &digest)?;
    }
    Ok(())
}

fn usage() -> Failure {
    Failure::new("usage: cargo xtask release [--twice] [TARGET]")
}

fn host() -> Outcome<String> {
    let said = read_output(Command::new("rustc").arg("-vV"))?;
    said.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
        .ok_or_else(|| Failure::new("rustc does not name its host"))
}

/// Fails early, and with what to do, where the standard library of a target is not installed.
fn has_target(target: &str) -> Outcome {
    let mut asked = Command::new("rustc");
    asked.args(["--print", "target-libdir", "--target", target]);
    let folder = PathBuf::from(read_output(&mut asked)?);
    if folder.is_dir() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "no standard library for {target}: rustup target add {target}; a musl target also needs a C compiler for it (Debian: musl-tools)"
    )))
}

/// Returns the folder that cargo builds in.
fn target_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Builds the binary of a checkout, with no path of this machine in it.
fn build(checkout: &Path, into: &Path, target: &str) -> Outcome<PathBuf> {
    let mut command = Command::new("cargo");
    command
        .args(["build", "--release", "--locked", "--package", "windlass"])
        .args(["--target", target])
        .arg("--target-dir")
        .arg(into)
        .current_dir(checkout)
        // What cargo itself set for this task would change the flags, and the toolchain is that of the checkout.
        .env_remove("RUSTFLAGS")
        .env("CARGO_INCREMENTAL", "0")
        // The allocator, which is C, says when it was compiled: the C compiler takes the time of the commit.
        .env("SOURCE_DATE_EPOCH", commit_time(checkout))
        .env("CARGO_ENCODED_RUSTFLAGS", mappings(checkout, into)?);
    timed(&format!("cargo build --release --target {target}"), || {
        let status = run_shown(&mut command)?;
        let done = status.success().then_some(());
        done.ok_or_else(|| Failure::new("windlass does not build"))
    })?;
    Ok(into.join(target).join("release/windlass"))
}

/// Returns the seconds from 1970 to the commit that is built; outside git 0.
fn commit_time(checkout: &Path) -> String {
    git(checkout, &["show", "-s", "--format=%ct", "HEAD"])
        .map_or_else(|_| "0".to_owned(), |text| text.trim().to_owned())
}

/// Returns the flags that give folders of this machine fixed names, as cargo takes them. The one that comes last wins.
fn mappings(checkout: &Path, into: &Path) -> Outcome<String> {
    let home = std::env::var_os("CARGO_HOME").map_or_else(
        || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo"),
        PathBuf::from,
    );
    let sysroot = read_output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let folders = [
        (checkout.to_owned(), "/windlass"),
        (into.to_owned(), "/target"),
        (home, "/cargo"),
        (PathBuf::from(sysroot), "/rust"),
    ];
    let mut flags = Vec::new();
    for (folder, name) in folders {
        let folder = std::path::absolute(&folder).doing(folder.display())?;
        flags.push(format!("--remap-path-prefix={}={name}", folder.display()));
    }
    Ok(flags.join("\u{1f}"))
}

/// Builds the commit again, in a clone elsewhere, and compares.
fn again(top: &Path, target: &str, digest: &str) -> Outcome {
    if !git(top, &["status", "--porcelain", "--untracked-files=no"])?.is_empty() {
        return Err(Failure::new("--twice compares commits: commit first"));
    }
    let folder = tempfile::Builder::new()
        .prefix("windlass-again-")
        .tempdir()?;
    let clone = folder.path().join("a checkout");
    let (from, to) = (top.display().to_string(), clone.display().to_string());
    git(folder.path(), &["clone", "--quiet", &from, &to])?;
    let binary = build(&clone, &folder.path().join("built"), target)?;
    let other = sha256(&fs::read(&binary).doing(binary.display())?);
    if other == digest {
        print("built again in another folder: the same bytes");
        return Ok(());
    }
    let kept = folder.keep();
    Err(Failure::new(format!(
        "built again in {}: other bytes, sha256 {other}",
        kept.display()
    )))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a string takes any text");
            text
        })
}

/// Measures how long `--version` takes, in the mean; the first few starts only warm up.
fn start(binary: &Path) -> Outcome<Duration> {
    let once = || read_output(Command::new(binary).arg("--version"));
    for _ in 0..20 {
        once()?;
    }
    let begun = Instant::now();
    for _ in 0..STARTS {
        once()?;
    }
    Ok(begun.elapsed() / STARTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_machine_get_fixed_names() {
        let flags = mappings(Path::new("/home/ann/windlass"), Path::new("/tmp/built")).unwrap();
        let flags: Vec<&str> = flags.split('\u{1f}').collect();
        assert_eq!(
            flags[..2],
            [
                "--remap-path-prefix=/home/ann/windlass=/windlass",
                "--remap-path-prefix=/tmp/built=/target"
            ]
        );
        assert!(flags[2].ends_with("=/cargo") && flags[3].ends_with("=/rust"));
    }

    #[test]
    fn what_cannot_be_built_is_said_before_anything_is_built() {
        let failure = run(&["riscv64gc-unknown-linux-musl".to_owned()]).unwrap_err();
        assert!(
            failure.to_string().contains("rustup target add"),
            "{failure}"
        );
        assert!(run(&["--often".to_owned()]).is_err());
    }
}
