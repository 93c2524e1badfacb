//! The base images in the local registry: the vendors' own where their registries can be reached, else
//! stand-ins made of Debian, `PyPI` and npm packages.

use crate::failure::{Doing as _, Failure, Outcome};
use crate::registry::Registry;
use crate::shell::{read_output, run_logged, say, timed};
use crate::standins;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// One base image: where it comes from, and its name and tag in the local registry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base {
    /// What a Dockerfile names, in full.
    pub(crate) upstream: &'static str,
    /// The repository in the local registry.
    pub(crate) name: &'static str,
    /// The tag, the same in both.
    pub(crate) tag: &'static str,
}

/// Images that exist in both worlds.
pub(crate) const BASES: [Base; 6] = [
    Base {
        upstream: "docker.io/library/debian",
        name: "library/debian",
        tag: "bookworm-slim",
    },
    Base {
        upstream: "docker.io/library/python",
        name: "library/python",
        tag: "3.12-slim-bookworm",
    },
    Base {
        upstream: "docker.io/library/golang",
        name: "library/golang",
        tag: "1.22-bookworm",
    },
    Base {
        upstream: "docker.io/library/node",
        name: "library/node",
        tag: "20-bookworm-slim",
    },
    Base {
        upstream: "gcr.io/distroless/static-debian12",
        name: "gcr.io/distroless/static-debian12",
        tag: "nonroot",
    },
    Base {
        upstream: "gcr.io/distroless/static-debian12",
        name: "gcr.io/distroless/static-debian12",
        tag: "latest",
    },
];

/// Releases that are supported, which `init` and the examples name; a set of their own, so that adding one leaves the others alone.
pub(crate) const NEWER: [Base; 2] = [
    Base {
        upstream: "docker.io/library/golang",
        name: "library/golang",
        tag: "1.26-bookworm",
    },
    Base {
        upstream: "docker.io/library/node",
        name: "library/node",
        tag: "24-bookworm-slim",
    },
];

/// Images that only the vendors' registries have; nothing here builds an Alpine root.
const ALPINE: [Base; 2] = [
    Base {
        upstream: "docker.io/library/golang",
        name: "library/golang",
        tag: "1.22-alpine",
    },
    Base {
        upstream: "docker.io/library/node",
        name: "library/node",
        tag: "20-alpine",
    },
];

/// The registries asked once, without credentials, to decide between vendors' images and stand-ins.
const PROBES: [&str; 2] = ["https://registry-1.docker.io/v2/", "https://gcr.io/v2/"];

/// Where the images of a set-up come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Source {
    /// Copied from the vendors' registries.
    Vendor,
    /// Built here.
    StandIn,
}

/// What the last set-up served; kept as `bases.json` so that the next one has nothing to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Served {
    inputs: String,
    /// Decided once, by probing.
    pub(crate) source: Source,
    /// Digest in the local registry by `name:tag`.
    pub(crate) images: BTreeMap<String, String>,
}

/// What making the images takes.
#[derive(Debug)]
pub(crate) struct Workshop<'a> {
    /// The Docker command.
    pub(crate) docker: &'a Path,
    /// The test bed's pip, for downloads from `PyPI`.
    pub(crate) python: &'a Path,
    /// The test bed's folder.
    pub(crate) directory: &'a Path,
    /// Where the images go.
    pub(crate) registry: Registry,
}

impl Workshop<'_> {
    /// Returns a Docker command that uses BuildKit and none of the user's own configuration.
    pub(crate) fn docker(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.docker);
        command
            .args(arguments)
            .env("DOCKER_BUILDKIT", "1")
            .env("BUILDKIT_PROGRESS", "plain");
        command.env("DOCKER_CONFIG", self.directory.join("docker-config"));
        command
    }

    /// Returns the full local reference of an image.
    pub(crate) fn reference(&self, base: &Base) -> String {
        format!("{}/{}:{}", self.registry.host(), base.name, base.tag)
    }
}

/// Base images that are made together.
struct Set<'a> {
    /// The file that keeps what was served.
    marker: &'a str,
    bases: &'a [Base],
    /// Copied as well where the vendors' registries have them.
    more: &'a [Base],
    /// What the stand-ins are made of.
    inputs: String,
    build: fn(&Workshop<'_>) -> Outcome,
}

/// Makes sure that all base images are in the registry.
pub(crate) fn ensure(workshop: &Workshop<'_>) -> Outcome<Served> {
    let mut served = ensure_set(
        workshop,
        &Set {
            marker: "bases.json",
            bases: &BASES,
            more: &ALPINE,
            inputs: inputs_hash(standins::RECIPES, &[]),
            build: standins::build_all,
        },
    )?;
    let below: Vec<&str> = served.images.values().map(String::as_str).collect();
    let newer = ensure_set(
        workshop,
        &Set {
            marker: "bases-newer.json",
            bases: &NEWER,
            more: &[],
            inputs: inputs_hash(standins::NEWER_RECIPES, &below),
            build: standins::build_newer,
        },
    )?;
    served.images.extend(newer.images);
    Ok(served)
}

fn ensure_set(workshop: &Workshop<'_>, set: &Set<'_>) -> Outcome<Served> {
    let marker = workshop.directory.join(set.marker);
    if let Some(served) = read_marker(&marker).filter(|served| served.inputs == set.inputs)
        && still_there(workshop.registry, &served, set.bases.len())?
    {
        return Ok(served);
    }
    let source = make(workshop, set)?;
    let served = Served {
        inputs: set.inputs.clone(),
        source,
        images: digests(workshop.registry, set.bases)?,
    };
    fs::write(&marker, serde_json::to_vec_pretty(&served)?).doing(marker.display())?;
    Ok(served)
}

fn make(workshop: &Workshop<'_>, set: &Set<'_>) -> Outcome<Source> {
    if vendors_reachable() {
        match timed("copying the vendors' base images", || {
            copy_all(workshop, set)
        }) {
            Ok(()) => return Ok(Source::Vendor),
            Err(failure) => say(&format!(
                "copying failed, building stand-ins instead: {failure}"
            )),
        }
    } else {
        say("no image registry can be reached: building stand-ins for the base images");
    }
    (set.build)(workshop)?;
    Ok(Source::StandIn)
}

fn vendors_reachable() -> bool {
    PROBES.iter().all(|url| {
        let mut curl = Command::new("curl");
        curl.args([
            "--silent",
            "--head",
            "--max-time",
            "3",
            "--output",
            "/dev/null",
            "--write-out",
            "%{http_code}",
            url,
        ]);
        read_output(&mut curl).is_ok_and(|code| code == "200" || code == "401")
    })
}

fn copy_all(workshop: &Workshop<'_>, set: &Set<'_>) -> Outcome {
    set.bases.iter().try_for_each(|base| copy(workshop, base))?;
    for base in set.more {
        copy(workshop, base)
            .unwrap_or_else(|failure| say(&format!("without {}: {failure}", base.tag)));
    }
    Ok(())
}

fn copy(workshop: &Workshop<'_>, base: &Base) -> Outcome {
    let from = format!("docker://{}:{}", base.upstream, base.tag);
    let to = format!("docker://{}", workshop.reference(base));
    let log = workshop.directory.join("logs/skopeo.log");
    let mut skopeo = Command::new("skopeo");
    skopeo.args([
        "copy",
        "--override-os=linux",
        "--override-arch=amd64",
        "--dest-tls-verify=false",
        &from,
        &to,
    ]);
    run_logged(&mut skopeo, &log)
}

fn digests(registry: Registry, bases: &[Base]) -> Outcome<BTreeMap<String, String>> {
    let mut images = BTreeMap::new();
    for base in bases {
        let digest = registry.digest(base.name, base.tag)?;
        let digest = digest.ok_or_else(|| {
            Failure::new(format!("{}:{} is not in the registry", base.name, base.tag))
        })?;
        images.insert(format!("{}:{}", base.name, base.tag), digest);
    }
    Ok(images)
}

fn still_there(registry: Registry, served: &Served, count: usize) -> Outcome<bool> {
    for (reference, digest) in &served.images {
        let Some((name, tag)) = reference.rsplit_once(':') else {
            return Ok(false);
        };
        if registry.digest(name, tag)?.as_ref() != Some(digest) {
            return Ok(false);
        }
    }
    Ok(served.images.len() == count)
}

/// A marker that cannot be read is as good as none: the images are made again.
fn read_marker(marker: &Path) -> Option<Served> {
    serde_json::from_slice(&fs::read(marker).ok()?).ok()
}

/// Hashes what the stand-ins are made of, and the images they stand on, so that a changed recipe or CA builds them anew.
fn inputs_hash(recipes: &[&str], below: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in recipes.iter().chain(below) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(fs::read(standins::certificate_bundle()).unwrap_or_default());
    hash.finalize()
        .iter()
        .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
