//! What the manifest wants, with every input settled: rendered, listed, locked and fingerprinted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::diag::Location;
use crate::dockerfile::ContextSources;
use crate::fingerprint::{Inputs, InputsRecord, RecipeRecord};
use crate::manifest::model::{
    ImageTarget, Moved, Registry, Removed, Repository, SecretSource, Variable, Workspace,
};
use crate::name::{Address, Digest, Fingerprint, ImageName, RepositoryKey};

/// Everything a plan is made from on the wanted side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// The workspace's name.
    pub workspace: String,
    /// The selected environment.
    pub environment: Option<String>,
    /// The registries in scope.
    pub registries: Vec<Registry>,
    /// The images in scope, sorted by name.
    pub images: Vec<DesiredImage>,
    /// The repositories in scope, sorted by key.
    pub repositories: Vec<Repository>,
    /// Repositories that were renamed: images are copied from the old ones.
    pub moved: Vec<Moved>,
    /// Repositories that were given up.
    pub removed: Vec<Removed>,
    /// The base images of all images in scope, by normalised upstream reference.
    pub bases: BTreeMap<String, BaseState>,
    /// The variables with their origins.
    pub variables: Vec<Variable>,
    /// The commit at HEAD, where an expression used `git.*`.
    pub git_sha: Option<String>,
    /// When the commit at HEAD was made, RFC 3339 in UTC; `None` outside git.
    pub commit_time: Option<String>,
    /// The time of planning, seconds since 1970: what lifecycle rules are judged at.
    pub now: i64,
    /// Things said for information: warnings of reading, `WINDLASS_*` variables that took effect.
    pub notes: Vec<String>,
}

/// An image with its inputs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredImage {
    /// Its name.
    pub name: ImageName,
    /// Where it stands in the manifest.
    pub location: Location,
    /// Where it must be held.
    pub targets: Vec<ImageTarget>,
    /// Its inputs, or why they are not known.
    pub inputs: DesiredInputs,
}

/// The inputs of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DesiredInputs {
    /// All of them are known.
    Settled(Box<BuildSpec>),
    /// One could not be read (a base registry that does not answer): nothing can be decided.
    Unknown(String),
    /// One is not there or not usable: the image cannot be built as it is written.
    Unusable(String),
}

/// Everything a build needs, and nothing that has to be read from the manifest again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildSpec {
    /// The fingerprint of `inputs`.
    pub fingerprint: Fingerprint,
    /// Folder of the build context, relative to the workspace.
    pub context: String,
    /// The file that the Dockerfile was read from, relative to the workspace; `None` where a pattern rendered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// What of the context the build can read; the entries of `inputs` were chosen by it.
    #[serde(default)]
    pub sources: ContextSources,
    /// The fingerprinted inputs.
    pub inputs: Inputs,
    /// The pattern that the Dockerfile was rendered from, for explanations.
    #[serde(default)]
    pub recipe: Option<RecipeRecord>,
    /// Build args that are not part of the fingerprint.
    pub stamp_args: BTreeMap<String, String>,
    /// Labels that are not part of the fingerprint.
    pub stamp_labels: BTreeMap<String, String>,
    /// Annotations that are not part of the fingerprint.
    pub stamp_annotations: BTreeMap<String, String>,
    /// The words of the Dockerfile that name images, with what they become when it is sent.
    pub pins: Vec<Pin>,
    /// The workspace images that it is built from.
    pub needs: Vec<NeededImage>,
    /// Where the values of its secrets come from, by the id of the mount.
    #[serde(default)]
    pub secrets: BTreeMap<String, SecretSource>,
    /// After how many seconds a build is given up.
    pub timeout_seconds: Option<u64>,
    /// How many bytes it may have in a registry, compressed: a larger image is not brought there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
}

impl BuildSpec {
    /// Returns the Dockerfile as it is sent: bases by digest, and each needed image as `needs` says (by the name that stands for it).
    /// A needed image that `needs` lacks keeps its name.
    pub fn pinned_dockerfile(&self, needs: &BTreeMap<String, String>) -> String {
        let text = &self.inputs.dockerfile;
        let mut pinned = String::with_capacity(text.len());
        let mut at = 0;
        for Pin { start, end, to } in &self.pins {
            let word = match to {
                PinTo::Base { reference } => Some(reference),
                PinTo::Need { name } => needs.get(name),
            };
            if let (Some(word), true) = (word, *start >= at && end <= &text.len()) {
                pinned.push_str(&text[at..*start]);
                pinned.push_str(word);
                at = *end;
            }
        }
        pinned.push_str(&text[at..]);
        pinned
    }

    /// Returns the record of the inputs that travels with the image.
    pub fn record(&self) -> InputsRecord {
        InputsRecord::new(self.inputs.clone(), self.recipe.clone())
    }
}

/// A word of a Dockerfile that names an image: its bytes, and what stands there when it is sent. Sorted by place, no overlaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// First byte of the word.
    pub start: usize,
    /// First byte behind it.
    pub end: usize,
    /// What it becomes.
    pub to: PinTo,
}

/// What a word that names an image becomes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum PinTo {
    /// A base image, by digest and from the mirror where there is one.
    Base {
        /// Such as `mirror/library/python:3.12@sha256:..`.
        reference: String,
    },
    /// A workspace image: known when it is built.
    Need {
        /// The name that stands for it.
        name: String,
    },
}

/// A workspace image that another is built from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeededImage {
    /// The word in the Dockerfile that stands for it.
    pub as_name: String,
    /// The image.
    pub image: ImageName,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
}

/// A base image after the lock was consulted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseState {
    /// Its digest.
    pub digest: Digest,
    /// Whether the digest came from `windlass.lock`; else it was resolved on the fly.
    pub locked: bool,
}

/// Narrows a workspace to some addresses: images with the images they need and the repositories that hold them.
///
/// # Errors
/// Returns the addresses that the workspace does not have, and changes nothing.
pub fn select(workspace: &mut Workspace, addresses: &[Address]) -> Result<(), Vec<String>> {
    let unknown: Vec<String> = addresses
        .iter()
        .filter(|address| !has(workspace, address))
        .map(ToString::to_string)
        .collect();
    if !unknown.is_empty() {
        return Err(unknown);
    }
    let mut images: BTreeSet<ImageName> = BTreeSet::new();
    let mut left: Vec<ImageName> = addresses
        .iter()
        .filter_map(|address| {
            if let Address::Image(name) = address {
                Some(name.clone())
            } else {
                None
            }
        })
        .collect();
    while let Some(name) = left.pop() {
        let image = workspace.images.iter().find(|image| image.name == name);
        left.extend(
            image
                .iter()
                .flat_map(|image| &image.needs)
                .map(|need| need.image.clone())
                .filter(|need| !images.contains(need)),
        );
        images.insert(name);
    }
    workspace
        .images
        .retain(|image| images.contains(&image.name));
    let held: BTreeSet<RepositoryKey> = workspace
        .images
        .iter()
        .flat_map(|image| &image.targets)
        .map(|target| target.key.clone())
        .collect();
    // What is given up is given up by a plan of everything.
    workspace.removed.clear();
    workspace.repositories.retain(|repository| {
        let named = addresses.iter().any(|address| match address {
            Address::Repository(key) => *key == repository.key,
            Address::Registry(registry) => *registry == repository.key.registry,
            Address::Image(_) => false,
        });
        named || held.contains(&repository.key)
    });
    Ok(())
}

fn has(workspace: &Workspace, address: &Address) -> bool {
    match address {
        Address::Image(name) => workspace.images.iter().any(|image| image.name == *name),
        Address::Repository(key) => workspace
            .repositories
            .iter()
            .any(|repository| repository.key == *key),
        Address::Registry(name) => workspace
            .registries
            .iter()
            .any(|registry| registry.name == *name),
    }
}
