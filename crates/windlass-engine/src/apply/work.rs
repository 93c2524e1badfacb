//! What has to be brought where: one piece of work a fingerprint, because images with one fingerprint share a build.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::OnceCell;
use windlass_core::desired::BuildSpec;
use windlass_core::name::{Digest, Fingerprint, ImageName, RepositoryKey};
use windlass_core::plan::CopySource;

use crate::apply::push::Job;
use crate::ports::{LocalImage, Manifest, SentRecord};

/// An opened image of the builder, shared by the pushes to all its places.
pub(super) type Opened = Arc<OnceCell<Arc<dyn LocalImage>>>;

/// Everything to be done for one fingerprint, and how far it is.
pub(super) struct Work<'a> {
    pub(super) spec: &'a BuildSpec,
    /// The images with the fingerprint that have steps, in the order of the plan.
    pub(super) images: Vec<&'a ImageName>,
    /// How many bytes it may have, the least that one of the images allows.
    pub(super) max_bytes: Option<u64>,
    /// Where it must be held.
    pub(super) places: BTreeMap<RepositoryKey, Place>,
    /// Whether the plan counted on the image in the builder.
    pub(super) planned_push: bool,
    /// Its id in the builder, once it is there.
    pub(super) local: Option<Digest>,
    pub(super) building: bool,
    pub(super) failed: bool,
    /// Seconds the build took, where this run built it.
    pub(super) built: Option<f64>,
    pub(super) opened: Opened,
}

/// How far an image is in one repository.
pub(super) enum Place {
    /// Not there: it has to be pushed.
    Missing,
    /// There under this digest, but not under its `in-` tag.
    Untagged(Digest),
    /// There under its `in-` tag, but in the archive.
    Archived(Digest),
    /// Not there, but in another repository: it has to be copied.
    Elsewhere(CopySource),
    /// Not there: ECR copies it from this repository once this run has pushed it there.
    Replicated(RepositoryKey),
    /// Being brought.
    Busy,
    /// There, under its `in-` tag.
    Held(Held),
}

/// An image in a repository.
#[derive(Clone)]
pub(super) struct Held {
    pub(super) digest: Digest,
    /// Its bytes, where this run had them in hand.
    pub(super) manifest: Option<Manifest>,
    /// Whether this run wrote the tag.
    pub(super) written: bool,
    /// Whether this run brought the image: then its inputs record has to follow.
    pub(super) brought: bool,
}

/// An image that was brought into a repository.
pub(super) struct Brought {
    pub(super) held: Held,
    /// Its inputs record, where that was sent beside it.
    pub(super) record: Option<SentRecord>,
}

impl From<Held> for Brought {
    fn from(held: Held) -> Self {
        Self { held, record: None }
    }
}

impl<'a> Work<'a> {
    pub(super) fn new(spec: &'a BuildSpec) -> Self {
        Self {
            spec,
            images: Vec::new(),
            max_bytes: None,
            places: BTreeMap::new(),
            planned_push: false,
            local: None,
            building: false,
            failed: false,
            built: None,
            opened: Opened::default(),
        }
    }

    /// Notes how many bytes one of the images may have.
    pub(super) fn limit(&mut self, most: Option<u64>) {
        self.max_bytes = [self.max_bytes, most].into_iter().flatten().min();
    }

    pub(super) fn fingerprint(&self) -> &'a Fingerprint {
        &self.spec.fingerprint
    }

    /// Returns the image that stands for the work in the builder and in failures.
    pub(super) fn name(&self) -> &'a ImageName {
        self.images.first().expect("work is made for an image")
    }

    /// Says whether the builder has to hold the image.
    pub(super) fn needs_local(&self) -> bool {
        self.places
            .values()
            .any(|place| matches!(place, Place::Missing))
    }

    /// Says whether it has to be built, or is being built.
    pub(super) fn needs_build(&self) -> bool {
        self.building || (self.local.is_none() && self.needs_local())
    }

    pub(super) fn is_held(&self) -> bool {
        self.places
            .values()
            .all(|place| matches!(place, Place::Held(_)))
    }

    /// Returns how to bring it to a place that ECR copies it to, once the place that it is copied from is settled: by waiting where
    /// this run pushed it there, else by a copy of our own.
    pub(super) fn replication(&self, source: &RepositoryKey) -> Option<Job> {
        let Place::Held(held) = self.places.get(source)? else {
            return None;
        };
        if held.brought {
            return Some(Job::Wait);
        }
        Some(Job::Copy(CopySource {
            key: source.clone(),
            digest: held.digest.clone(),
        }))
    }

    /// Returns what a repository holds of it.
    pub(super) fn digest_in(&self, key: &RepositoryKey) -> Option<&Digest> {
        match self.places.get(key)? {
            Place::Held(held) => Some(&held.digest),
            Place::Untagged(digest) => Some(digest),
            Place::Missing
            | Place::Archived(_)
            | Place::Elsewhere(_)
            | Place::Replicated(_)
            | Place::Busy => None,
        }
    }
}

impl Place {
    /// Says whether this tells more than what another image of the same fingerprint told of the same repository.
    pub(super) fn is_better_than(&self, other: &Self) -> bool {
        matches!(
            (self, other),
            (
                Self::Untagged(_) | Self::Held(_) | Self::Archived(_) | Self::Elsewhere(_),
                Self::Missing | Self::Replicated(_)
            ) | (
                Self::Held(_),
                Self::Untagged(_) | Self::Archived(_) | Self::Elsewhere(_)
            ) | (Self::Untagged(_), Self::Elsewhere(_))
                | (Self::Replicated(_), Self::Missing)
        )
    }
}
