//! `cargo xtask setup`: everything that tests, demo and benchmark stand on, in one cached folder.

use crate::bases::{self, Source, Workshop};
use crate::browser::{self, Browser};
use crate::engine;
use crate::failure::{Doing as _, Failure, Outcome};
use crate::packages;
use crate::python;
use crate::registry::{self, Registry};
use crate::schemas::{self, Schemas};
use crate::shell::{find_program, say};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// What a set-up leaves for others, also as `env.json` in its folder.
#[derive(Debug, Serialize)]
pub(crate) struct Testbed {
    /// The folder with all state.
    #[serde(skip)]
    pub(crate) directory: PathBuf,
    /// The Docker command; with BuildKit when `DOCKER_BUILDKIT=1`.
    pub(crate) docker: PathBuf,
    /// `DOCKER_HOST`, where it is set.
    pub(crate) docker_host: Option<String>,
    /// The port of the registry with the base images, on 127.0.0.1.
    pub(crate) registry_port: u16,
    /// Values of `--mirror`.
    pub(crate) mirrors: Vec<String>,
    /// A python with boto3; `aws` lies beside it.
    pub(crate) python: PathBuf,
    /// What compares with published schemas.
    pub(crate) schemas: Schemas,
    /// What looks at pages.
    pub(crate) browser: Browser,
    /// The Dockerfile linter that ours is held against.
    pub(crate) hadolint: PathBuf,
    /// Whether the base images are the vendors' or stand-ins.
    pub(crate) bases: Source,
    /// Digest of each base image by its name and tag in the registry.
    pub(crate) images: BTreeMap<String, String>,
}

impl Testbed {
    /// Returns the variables that the tests read.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "WINDLASS_TEST_SERVICES",
                "docker,registry,ecr,browser,hadolint".to_owned(),
            ),
            ("WINDLASS_TEST_MIRRORS", self.mirrors.join(" ")),
            ("WINDLASS_TEST_PYTHON", self.python.display().to_string()),
            (
                "WINDLASS_TEST_HADOLINT",
                self.hadolint.display().to_string(),
            ),
            ("WINDLASS_TEST_DOCKER", self.docker.display().to_string()),
            (
                "WINDLASS_TEST_SCHEMAS",
                self.schemas.program.display().to_string(),
            ),
            (
                "WINDLASS_TEST_SARIF",
                self.schemas.sarif.display().to_string(),
            ),
            (
                "WINDLASS_TEST_JUNIT",
                self.schemas.junit.display().to_string(),
            ),
            (
                "WINDLASS_TEST_CYCLONEDX",
                self.schemas.cyclonedx.display().to_string(),
            ),
            (
                "WINDLASS_TEST_CHROMIUM",
                self.browser.chromium.display().to_string(),
            ),
            ("WINDLASS_TEST_AXE", self.browser.axe.display().to_string()),
            ("DOCKER_BUILDKIT", "1".to_owned()),
        ]
    }

    /// Returns a Docker command with BuildKit, without the user's own configuration.
    pub(crate) fn docker(&self) -> Command {
        let mut command = Command::new(&self.docker);
        command
            .env("DOCKER_BUILDKIT", "1")
            .env("DOCKER_CONFIG", self.directory.join("docker-config"));
        command
    }
}

/// Sets everything up; a second call finds it done.
pub(crate) fn run() -> Outcome<Testbed> {
    let start = Instant::now();
    let directory = directory()?;
    for folder in ["logs", "engine", "docker-config"] {
        fs::create_dir_all(directory.join(folder)).doing(directory.display())?;
    }
    let lock = File::create(directory.join("lock"))?;
    lock.lock().doing("waiting for another set-up")?;
    let testbed = ensure_all(directory)?;
    let file = testbed.directory.join("env.json");
    fs::write(&file, serde_json::to_vec_pretty(&testbed)?).doing(file.display())?;
    say(&format!(
        "test bed ready in {:.1} s, described in {}",
        start.elapsed().as_secs_f64(),
        file.display()
    ));
    Ok(testbed)
}

/// Stops what a set-up started; its folder, with all images, stays.
pub(crate) fn stop() -> Outcome {
    let directory = directory()?;
    let registry = registry::stop(&directory.join("registry"))?;
    let engine = engine::stop(&directory.join("engine"))?;
    let said = |stopped: bool| {
        if stopped {
            "stopped"
        } else {
            "not ours, or not running"
        }
    };
    say(&format!(
        "registry: {}; Engine: {}",
        said(registry),
        said(engine)
    ));
    Ok(())
}

fn ensure_all(directory: PathBuf) -> Outcome<Testbed> {
    let address = engine::address()?;
    packages::install_missing(engine::answers(&address), &directory.join("logs"))?;
    engine::ensure(&address, &directory.join("engine"))?;
    let registry = registry::ensure(&directory.join("registry"))?;
    let python = python::ensure(&directory)?;
    let schemas = schemas::ensure(&directory)?;
    let browser = browser::ensure(&directory)?;
    let hadolint = python::ensure_hadolint(&directory)?;
    let docker = docker_command()?;
    let workshop = Workshop {
        docker: &docker,
        python: &python,
        directory: &directory,
        registry,
    };
    let served = bases::ensure(&workshop)?;
    Ok(Testbed {
        docker,
        docker_host: std::env::var("DOCKER_HOST")
            .ok()
            .filter(|host| !host.is_empty()),
        registry_port: registry.port,
        mirrors: mirrors(registry),
        python,
        schemas,
        browser,
        hadolint,
        bases: served.source,
        images: served.images,
        directory,
    })
}

fn mirrors(registry: Registry) -> Vec<String> {
    let host = registry.host();
    vec![format!("docker.io={host}"), format!("gcr.io={host}/gcr.io")]
}

/// Debian's own command comes first: a newer one before it in `PATH` may lack the BuildKit plug-in.
fn docker_command() -> Outcome<PathBuf> {
    let own = PathBuf::from("/usr/bin/docker");
    let found = if own.is_file() {
        Some(own)
    } else {
        find_program("docker")
    };
    found.ok_or_else(|| Failure::new("the docker command is not installed"))
}

fn directory() -> Outcome<PathBuf> {
    let named = std::env::var_os("WINDLASS_TESTBED_DIR").filter(|value| !value.is_empty());
    if let Some(named) = named {
        return Ok(std::path::absolute(Path::new(&named))?);
    }
    let home = std::env::var_os("HOME")
        .ok_or_else(|| Failure::new("neither WINDLASS_TESTBED_DIR nor HOME is set"))?;
    Ok(Path::new(&home).join(".cache/windlass-testbed"))
}
