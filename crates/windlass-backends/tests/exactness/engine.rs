//! What the real Engine makes of a case: `docker build`, and layers and config of the image.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::recipe::Case;

/// The Docker command of the test bed.
pub(crate) struct Docker {
    command: String,
    base: String,
}

/// What makes an image: its layers, and its config without times.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Image {
    layers: Value,
    config: Value,
}

impl Docker {
    pub(crate) fn new() -> Self {
        let mirrors = std::env::var("WINDLASS_TEST_MIRRORS").expect("WINDLASS_TEST_MIRRORS is set");
        let hub = mirrors
            .split_whitespace()
            .find_map(|mirror| mirror.strip_prefix("docker.io="))
            .expect("WINDLASS_TEST_MIRRORS has a mirror of docker.io");
        Self {
            command: std::env::var("WINDLASS_TEST_DOCKER").unwrap_or_else(|_| "docker".to_owned()),
            base: format!("{hub}/library/debian:bookworm-slim"),
        }
    }

    /// Returns a base image that has a shell.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Builds the whole context; says why it cannot be built.
    pub(crate) fn build(&self, folder: &Path, case: &Case) -> Result<Image, String> {
        let id = folder.join("id");
        let mut command = Command::new(&self.command);
        command
            .env("DOCKER_BUILDKIT", "1")
            .args(["build", "--quiet", "--iidfile"])
            .arg(&id)
            .arg("--file")
            .arg(folder.join("Dockerfile"));
        for (name, value) in &case.args {
            command.arg("--build-arg").arg(format!("{name}={value}"));
        }
        if let Some(stage) = &case.stage {
            command.args(["--target", stage]);
        }
        let output = command
            .arg(folder.join("context"))
            .output()
            .expect("docker can be started");
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        let id = std::fs::read_to_string(id).expect("docker wrote the id");
        let image = self.inspect(id.trim());
        // The steps stay in the build cache, so a build of the same again gives the same layers.
        drop(
            Command::new(&self.command)
                .args(["image", "rm", "--force", id.trim()])
                .output(),
        );
        Ok(image)
    }

    fn inspect(&self, id: &str) -> Image {
        let output = Command::new(&self.command)
            .args(["image", "inspect", id])
            .output()
            .expect("docker can be started");
        let found: Value = serde_json::from_slice(&output.stdout).expect("inspect answers JSON");
        Image {
            layers: found[0]["RootFS"]["Layers"].clone(),
            config: found[0]["Config"].clone(),
        }
    }

    /// Builds both again and compares: a step that the build cache lost in between gives other times, and no other image.
    pub(crate) fn differs_again(&self, folder: &Path, case: &Case, edited: &Case) -> bool {
        case.write(folder);
        let before = self.build(folder, case);
        edited.write(folder);
        let after = self.build(folder, edited);
        before != after
    }
}
