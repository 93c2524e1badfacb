//! What rules are asked about: a Dockerfile with all that is known around it, a repository with its settings.
//!
//! The same facts come from a file alone (`lint`), from a manifest (`check`), from a plan, or from a saved plan, so a fact that is
//! not known is `None` and never taken for absent.

mod judged;
mod manifest;
mod needs;
mod plan;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use windlass_core::context::{ContextOutline, Ignore, IgnoreLine};
use windlass_core::diag::{Location, Source};
use windlass_core::dockerfile::{BaseQuery, BaseReference, Dockerfile, bases, parse};
use windlass_core::lock::LockedBase;
use windlass_core::manifest::model::{AccessPolicy, Encryption, LifecycleRule, TagMutability};
use windlass_core::name::{Digest, Platform, RegistryName, RepositoryKey};
use windlass_core::observed::ScanReport;
use windlass_core::plan::{ImageAction, RepositoryAction, TagAction};

use crate::facts::Facts;
use crate::rendered::pattern_of;
pub(crate) use needs::HandedOn;

/// One Dockerfile with all that is known around it.
#[derive(Debug, Clone)]
pub struct ImageSubject {
    /// `image.NAME`, `None` for a file that belongs to no image.
    pub address: Option<String>,
    /// Its name in the manifest.
    pub name: Option<String>,
    /// The Dockerfile.
    pub dockerfile: Dockerfile,
    /// The pattern that rendered it, such as `python@1`.
    pub pattern: Option<String>,
    /// Where the image stands in the manifest.
    pub place: Option<Location>,
    /// Build args of the manifest.
    pub args: BTreeMap<String, Setting>,
    /// Build args of the manifest that are stamped.
    pub stamp_args: BTreeMap<String, Setting>,
    /// Labels of the manifest, stamped ones among them.
    pub labels: BTreeMap<String, Setting>,
    /// The stage that is built, the last one where `None`.
    pub stage: Option<String>,
    /// The platforms it is built for, never empty.
    pub platforms: Vec<Platform>,
    /// Names that stand for images of the workspace, with the names of these in the manifest.
    pub needs: BTreeMap<String, String>,
    /// What the lock holds, by normalised reference.
    pub locked: BTreeMap<String, LockedBase>,
    /// The build context, where it was listed.
    pub context: Option<ContextFacts>,
    /// Where it is held.
    pub targets: Vec<TargetFacts>,
    /// The attestations that it is built with, `None` for a file that belongs to no image.
    pub attestations: Option<Attestations>,
    /// What the plan does, where there is one.
    pub action: Option<ImageAction>,
    /// What the images leave behind that it needs, by the names in its Dockerfile; see [`Subjects::settle_needs`].
    ///
    /// [`Subjects::settle_needs`]: crate::evaluate::Subjects::settle_needs
    pub(crate) handed_on: BTreeMap<String, HandedOn>,
    facts: OnceCell<Box<Facts>>,
}

/// What a build says about itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attestations {
    /// How it was built.
    pub provenance: bool,
    /// What it holds.
    pub sbom: bool,
}

/// A value of the manifest, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The value.
    pub value: String,
    /// Its place, `None` where only a saved plan tells it.
    pub place: Option<Location>,
}

/// A build context as a build would see it.
#[derive(Debug, Clone)]
pub struct ContextFacts {
    /// Its folder, relative to the workspace.
    pub folder: String,
    /// What is sent and what is left out.
    pub listing: ContextOutline,
    /// The ignore lines in the order in which they count.
    pub ignore: Vec<IgnoreLine>,
}

impl ContextFacts {
    /// Compiles the ignore lines.
    pub fn compiled(&self) -> Ignore {
        Ignore::new(self.ignore.clone(), Vec::new()).0
    }
}

/// A place that holds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetFacts {
    /// Registry and repository.
    pub key: RepositoryKey,
    /// The wanted tags.
    pub tags: Vec<TagFacts>,
}

/// A wanted tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagFacts {
    /// The tag.
    pub tag: String,
    /// Where it stands in the manifest.
    pub place: Option<Location>,
    /// What the plan does, where there is one.
    pub action: Option<TagAction>,
    /// What it holds now.
    pub from_digest: Option<Digest>,
    /// What it holds after the plan, where that is there already.
    pub held: Option<Held>,
}

/// An image that is in a registry already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Where it is: the repository of the tag, or the one that it is copied from.
    pub key: RepositoryKey,
    /// Its digest.
    pub digest: Digest,
    /// Its bytes, compressed.
    pub bytes: Fact<u64>,
    /// The bytes of the image that the tag holds before, where that is another one.
    pub bytes_before: Fact<u64>,
    /// What its scan found; `None` where there is no scan.
    pub scan: Fact<Option<ScanReport>>,
}

/// A repository with the settings it ends with, as far as they are known.
#[derive(Debug, Clone)]
pub struct RepositorySubject {
    /// `repository.NAME@REGISTRY`
    pub address: String,
    /// Registry and repository.
    pub key: RepositoryKey,
    /// Where it stands in the manifest.
    pub place: Option<Location>,
    /// Its registry.
    pub registry: RegistryFacts,
    /// Mutability of tags.
    pub tags: Fact<TagMutability>,
    /// Scan on push.
    pub scan_on_push: Fact<bool>,
    /// Encryption at rest.
    pub encryption: Fact<Encryption>,
    /// Lifecycle rules, empty where there are none.
    pub lifecycle: Fact<Vec<LifecycleRule>>,
    /// Whether it has a lifecycle policy that the language cannot say.
    pub foreign_lifecycle: bool,
    /// Who may use it besides its account; the policy that is none where there is none.
    pub access: Fact<AccessPolicy>,
    /// Whether the registry scans it, whatever the repository says itself.
    pub registry_scans: Fact<bool>,
    /// Resource tags that it ends with, those that the manifest does not name among them.
    pub all_resource_tags: Fact<BTreeMap<String, String>>,
    /// Resource tags of the manifest.
    pub resource_tags: BTreeMap<String, String>,
    /// Tags that images want here, with the image and the place.
    pub wanted_tags: Vec<(String, TagFacts)>,
    /// What the plan does, where there is one.
    pub action: Option<RepositoryAction>,
}

/// The registry of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryFacts {
    /// Its name.
    pub name: RegistryName,
    /// The account, twelve digits.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// Where it stands in the manifest.
    pub place: Option<Location>,
}

/// A setting as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact<T> {
    /// It ends up as this; the place where the manifest says so.
    Known(T, Option<Location>),
    /// The manifest says nothing, and no registry was asked: ECR keeps what it has.
    Unmanaged,
    /// It should have been read and was not.
    Unknown(String),
}

impl<T> Fact<T> {
    /// Returns the value where it is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value, _) => Some(value),
            Self::Unmanaged | Self::Unknown(_) => None,
        }
    }

    /// Returns where the manifest says it.
    pub fn place(&self) -> Option<&Location> {
        match self {
            Self::Known(_, place) => place.as_ref(),
            Self::Unmanaged | Self::Unknown(_) => None,
        }
    }
}

impl ImageSubject {
    /// Reads a Dockerfile of which nothing else is known.
    pub fn of_text(source: &Arc<Source>) -> Self {
        Self::of_dockerfile(parse(source).0)
    }

    /// Wraps a Dockerfile of which nothing else is known.
    pub fn of_dockerfile(dockerfile: Dockerfile) -> Self {
        Self {
            address: None,
            name: None,
            pattern: pattern_of(&dockerfile.source.text),
            place: None,
            dockerfile,
            args: BTreeMap::new(),
            stamp_args: BTreeMap::new(),
            labels: BTreeMap::new(),
            stage: None,
            platforms: vec![Platform::new("linux/amd64").expect("a platform")],
            needs: BTreeMap::new(),
            locked: BTreeMap::new(),
            context: None,
            targets: Vec::new(),
            attestations: None,
            action: None,
            handed_on: BTreeMap::new(),
            facts: OnceCell::new(),
        }
    }

    /// Returns what is worked out of the Dockerfile once for all rules. Whatever is known about it is set before.
    pub fn facts(&self) -> &Facts {
        self.facts.get_or_init(|| Box::new(Facts::of(self)))
    }

    /// Returns a place in the Dockerfile.
    pub fn at(&self, span: &Range<usize>) -> Location {
        self.dockerfile.location(span)
    }

    /// Returns the values of all build args.
    pub fn build_args(&self) -> BTreeMap<String, String> {
        let all = self.args.iter().chain(&self.stamp_args);
        all.map(|(name, setting)| (name.clone(), setting.value.clone()))
            .collect()
    }

    /// Returns the images that the wanted stage pulls on any platform, in the order of the text; a reference that cannot be
    /// settled is left out.
    pub fn bases(&self) -> Vec<BaseReference> {
        let args = self.build_args();
        let needs = self.needs.keys().cloned().collect();
        let mut all: Vec<BaseReference> = Vec::new();
        for platform in &self.platforms {
            let query = BaseQuery {
                args: &args,
                stage: self.stage.as_deref(),
                platform,
                needs: &needs,
            };
            let found = bases(&self.dockerfile, &query).0.unwrap_or_default();
            for base in found.pulled {
                if !all.contains(&base) {
                    all.push(base);
                }
            }
        }
        all.sort_by_key(|base| base.span.start);
        all
    }

    /// Returns what findings about it are counted under: its address, or the name of its file.
    pub fn subject(&self) -> &str {
        self.address
            .as_deref()
            .unwrap_or(&self.dockerfile.source.name)
    }
}
