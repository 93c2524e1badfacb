//! Changes of a registry, as the journal keeps them, and their application.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::model::manifest::Manifest;
use crate::model::repository::{
    Image, ImageStatus, Registry, RegistrySettings, Repository, RepositorySettings,
};

/// One change of one registry. A change of something that is not there does nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(crate) enum Event {
    /// A loopback port was allotted.
    Port { port: u16 },
    /// The settings of the registry were replaced.
    Registry { settings: RegistrySettings },
    /// A repository was created, or its settings replaced.
    Repository {
        repository: String,
        settings: RepositorySettings,
    },
    /// A repository was deleted.
    RepositoryGone { repository: String },
    /// A layer was added.
    Layer {
        repository: String,
        digest: String,
        size: u64,
    },
    /// Layers were removed.
    LayersGone {
        repository: String,
        digests: Vec<String>,
    },
    /// An image was pushed.
    Image {
        repository: String,
        digest: String,
        media_type: String,
        text: String,
        pushed: Timestamp,
    },
    /// A tag was put on an image, and taken from the one that had it.
    Tag {
        repository: String,
        tag: String,
        digest: String,
    },
    /// A tag was removed.
    TagGone { repository: String, tag: String },
    /// An image was deleted with its tags.
    ImageGone { repository: String, digest: String },
    /// An image was archived or restored.
    Status {
        repository: String,
        digest: String,
        status: ImageStatus,
        at: Timestamp,
    },
    /// An image was pulled.
    Pulled {
        repository: String,
        digest: String,
        at: Timestamp,
    },
}

impl Registry {
    /// Applies one change.
    pub(crate) fn apply(&mut self, event: Event) {
        match event {
            Event::Port { port } => self.port = Some(port),
            Event::Registry { settings } => self.settings = settings,
            Event::Repository {
                repository,
                settings,
            } => self.apply_settings(repository, settings),
            Event::RepositoryGone { repository } => drop(self.repositories.remove(&repository)),
            Event::Layer {
                repository,
                digest,
                size,
            } => {
                self.change(&repository, |found| {
                    found.layers.insert(digest, size);
                });
            }
            Event::LayersGone {
                repository,
                digests,
            } => {
                self.change(&repository, |found| {
                    found.layers.retain(|digest, _| !digests.contains(digest));
                });
            }
            Event::Image {
                repository,
                digest,
                media_type,
                text,
                pushed,
            } => {
                self.change(&repository, |found| {
                    found.add_image(digest, &media_type, &text, pushed);
                });
            }
            Event::Tag {
                repository,
                tag,
                digest,
            } => self.change(&repository, |found| found.put_tag(tag, digest)),
            Event::TagGone { repository, tag } => {
                self.change(&repository, |found| found.remove_tag(&tag));
            }
            Event::ImageGone { repository, digest } => {
                self.change(&repository, |found| found.remove_image(&digest));
            }
            Event::Status {
                repository,
                digest,
                status,
                at,
            } => {
                self.change_image(&repository, &digest, |image| image.set_status(status, at));
            }
            Event::Pulled {
                repository,
                digest,
                at,
            } => self.change_image(&repository, &digest, |image| {
                image.pulled = Some(at);
                image.pulled_in_journal = Some(at);
            }),
        }
    }

    fn apply_settings(&mut self, repository: String, settings: RepositorySettings) {
        match self.repositories.get_mut(&repository) {
            Some(found) => found.settings = settings,
            None => drop(
                self.repositories
                    .insert(repository, Repository::new(settings)),
            ),
        }
    }

    fn change(&mut self, repository: &str, change: impl FnOnce(&mut Repository)) {
        if let Some(found) = self.repositories.get_mut(repository) {
            change(found);
        }
    }

    fn change_image(&mut self, repository: &str, digest: &str, change: impl FnOnce(&mut Image)) {
        self.change(repository, |found| {
            if let Some(image) = found.images.get_mut(digest) {
                change(image);
            }
        });
    }
}

impl Repository {
    fn add_image(&mut self, digest: String, media_type: &str, text: &str, pushed: Timestamp) {
        let Ok(manifest) = Manifest::parse(text, Some(media_type)) else {
            return;
        };
        let image = Image {
            text: Arc::from(text),
            manifest,
            tags: BTreeSet::new(),
            pushed,
            pulled: None,
            pulled_in_journal: None,
            status: ImageStatus::Active,
            restored_at: None,
            archived: None,
            activated: None,
        };
        self.images.insert(digest, image);
    }

    fn put_tag(&mut self, tag: String, digest: String) {
        self.remove_tag(&tag);
        if let Some(image) = self.images.get_mut(&digest) {
            image.tags.insert(tag.clone());
            self.tags.insert(tag, digest);
        }
    }

    fn remove_tag(&mut self, tag: &str) {
        let Some(digest) = self.tags.remove(tag) else {
            return;
        };
        if let Some(image) = self.images.get_mut(&digest) {
            image.tags.remove(tag);
        }
    }

    fn remove_image(&mut self, digest: &str) {
        if let Some(image) = self.images.remove(digest) {
            self.tags.retain(|tag, _| !image.tags.contains(tag));
        }
    }
}

impl Image {
    fn set_status(&mut self, status: ImageStatus, at: Timestamp) {
        self.status = status;
        match status {
            ImageStatus::Archived => self.archived = Some(at),
            ImageStatus::Active => self.activated = Some(at),
        }
    }
}
