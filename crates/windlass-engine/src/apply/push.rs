//! Brings one image into one repository under its `in-` tag.
//!
//! An `in-` tag that holds an image with our fingerprint already, because another run was faster, is adopted: its image is used.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, join, select};
use tokio::time::Instant;

use windlass_core::desired::BuildSpec;
use windlass_core::name::{Digest, ImageName, RepositoryKey};
use windlass_core::observed::Fact;
use windlass_core::oci::{CREATED_ANNOTATION, IMAGE_MANIFEST, image_manifest};
use windlass_core::plan::CopySource;

use crate::apply::Ports;
use crate::apply::check::is_ours;
use crate::apply::work::{Brought, Held, Opened};
use crate::event::Events;
use crate::outcome::Cause;
use crate::ports::{
    Builder, BuilderError, LocalImage, Manifest, PushedBlobs, Put, Registry, RegistryError,
    SentRecord,
};

/// How long ECR may take to copy an image to another region: it says that most are there in less than 30 minutes.
const REPLICATION: Duration = Duration::from_mins(30);
/// How long to wait before looking for a copy, at first and at last.
const FIRST_LOOK: Duration = Duration::from_millis(500);
const LAST_LOOK: Duration = Duration::from_secs(10);

/// How the image gets into the repository.
pub(super) enum Job {
    /// The repository holds it under this digest: only the tag is written.
    Retag(Digest),
    /// The repository holds it under its `in-` tag, in the archive.
    Restore(Digest),
    /// Another repository holds it.
    Copy(CopySource),
    /// The builder holds it.
    Push,
    /// It was pushed to a registry that ECR copies from.
    Wait,
}

/// What a push works with.
pub(super) struct Push<'a, R, B> {
    pub(super) ports: Ports<'a, R, B>,
    pub(super) events: &'a Events,
    pub(super) name: &'a ImageName,
    pub(super) spec: &'a BuildSpec,
    /// How many bytes the image may have in a registry.
    pub(super) max_bytes: Option<u64>,
    pub(super) local: Option<Digest>,
    pub(super) opened: Opened,
}

impl<R: Registry, B: Builder> Push<'_, R, B> {
    pub(super) async fn run(&self, key: &RepositoryKey, job: Job) -> Result<Brought, Cause> {
        // A push looks while it opens the image, and what an archive holds is known once it is out.
        if !matches!(job, Job::Push | Job::Restore(_))
            && let Some(held) = self.adopt(key).await?
        {
            return Ok(held.into());
        }
        let held = match job {
            Job::Push => return self.push(key).await,
            Job::Restore(digest) => self.restore(key, &digest).await?,
            Job::Retag(digest) => self.retag(key, &digest).await?,
            Job::Copy(source) => self.copy(key, &source).await?,
            Job::Wait => self.wait(key).await?,
        };
        Ok(held.into())
    }

    async fn retag(&self, key: &RepositoryKey, digest: &Digest) -> Result<Held, Cause> {
        let manifest = self.ports.registry.manifest(key, digest).await?;
        Ok(self.put(key, manifest, false).await?)
    }

    /// Waits until ECR has copied the image here; what it says of its progress is not asked for, what counts is that it is there.
    async fn wait(&self, key: &RepositoryKey) -> Result<Held, Cause> {
        let limit = Instant::now() + REPLICATION;
        let mut pause = FIRST_LOOK;
        while Instant::now() < limit {
            tokio::time::sleep(pause).await;
            if let Some(held) = self.adopt(key).await? {
                let manifest = self.ports.registry.manifest(key, &held.digest).await?;
                return Ok(Held {
                    digest: held.digest,
                    manifest: Some(manifest),
                    written: true,
                    brought: true,
                });
            }
            pause = (pause * 2).min(LAST_LOOK);
        }
        Err(RegistryError::Transient(format!(
            "ECR did not copy the image to {key} within {} minutes: the replication rules of the registry that it was pushed to say where images are copied; the next apply copies it itself",
            REPLICATION.as_secs() / 60
        ))
        .into())
    }

    /// Takes an image out of the archive. Only then can it be read what it was built from: it counts if that is what the plan wants.
    async fn restore(&self, key: &RepositoryKey, digest: &Digest) -> Result<Held, RegistryError> {
        let tag = self.spec.fingerprint.tag();
        self.ports.registry.restore_image(key, digest).await?;
        let held = self.adopt(key).await?;
        held.ok_or_else(|| RegistryError::Changed(format!("{tag} is not there any more")))
    }

    async fn copy(&self, key: &RepositoryKey, source: &CopySource) -> Result<Held, Cause> {
        let manifest = self.copy_image(key, source).await?;
        match self.put(key, manifest, true).await {
            // As for a push: what no manifest names may be gone again.
            Err(RegistryError::NotFound(_) | RegistryError::Transient(_)) => {
                let manifest = self.copy_image(key, source).await?;
                Ok(self.put(key, manifest, true).await?)
            }
            result => Ok(result?),
        }
    }

    async fn copy_image(
        &self,
        key: &RepositoryKey,
        source: &CopySource,
    ) -> Result<Manifest, RegistryError> {
        let registry = self.ports.registry;
        registry
            .copy_image(&source.key, key, &source.digest, self.events, self.name)
            .await
    }

    async fn push(&self, key: &RepositoryKey) -> Result<Brought, Cause> {
        // Another run is seldom faster, so the image is opened while it is asked for.
        let image = match select(pin!(self.adopt(key)), pin!(self.open())).await {
            Either::Left((adopted, open)) => match adopted? {
                Some(held) => return Ok(held.into()),
                None => open.await?,
            },
            Either::Right((image, adopt)) => match adopt.await? {
                Some(held) => return Ok(held.into()),
                None => image?,
            },
        };
        let (blobs, record) = join(self.push_blobs(key, &image), self.send_record(key)).await;
        let held = self.put_image(key, &image, blobs?).await?;
        Ok(Brought { held, record })
    }

    /// Sends what explains the image, beside it. Whether that works is seen when it is attached.
    async fn send_record(&self, key: &RepositoryKey) -> Option<SentRecord> {
        let record = self.spec.record().render();
        self.ports.registry.send_record(key, &record).await.ok()
    }

    async fn put_image(
        &self,
        key: &RepositoryKey,
        image: &Arc<dyn LocalImage>,
        blobs: PushedBlobs,
    ) -> Result<Held, Cause> {
        self.check_size(&blobs)?;
        let pushed = manifest(self.spec, image.config(), &blobs);
        match self.put(key, pushed, true).await {
            // Blobs without a manifest may be cleaned up at any time (ECR API `LayersNotFoundException`): once more.
            Err(RegistryError::NotFound(_) | RegistryError::Transient(_)) => {
                let blobs = self.push_blobs(key, image).await?;
                let pushed = manifest(self.spec, image.config(), &blobs);
                Ok(self.put(key, pushed, true).await?)
            }
            result => Ok(result?),
        }
    }

    /// Compares with `max-size`, before anything names the image: what no manifest names, ECR cleans up.
    fn check_size(&self, blobs: &PushedBlobs) -> Result<(), Cause> {
        let layers: u64 = blobs.layers.iter().map(|layer| layer.size).sum();
        let bytes = blobs.config.size + layers;
        match self.max_bytes {
            Some(most) if bytes > most => Err(Cause::TooLarge { bytes, most }),
            _ => Ok(()),
        }
    }

    async fn open(&self) -> Result<Arc<dyn LocalImage>, Cause> {
        let id = self
            .local
            .as_ref()
            .ok_or_else(|| BuilderError::Other("the builder does not hold the image".to_owned()))?;
        let opened = self
            .opened
            .get_or_try_init(|| self.ports.builder.open(id))
            .await?;
        Ok(Arc::clone(opened))
    }

    async fn push_blobs(
        &self,
        key: &RepositoryKey,
        image: &Arc<dyn LocalImage>,
    ) -> Result<PushedBlobs, RegistryError> {
        let registry = self.ports.registry;
        registry
            .push_blobs(key, Arc::clone(image), self.events, self.name)
            .await
    }

    /// Puts a manifest under the `in-` tag. Where that fails because another run was faster, its image is adopted.
    async fn put(
        &self,
        key: &RepositoryKey,
        manifest: Manifest,
        brought: bool,
    ) -> Result<Held, RegistryError> {
        let tag = self.spec.fingerprint.tag();
        match self.ports.registry.put_manifest(key, &manifest, &tag).await {
            Ok(put) => Ok(Held {
                digest: manifest.digest(),
                manifest: Some(manifest),
                written: put == Put::Written,
                brought,
            }),
            Err(RegistryError::TagImmutable(why)) => {
                let adopted = self.adopt(key).await?;
                adopted.ok_or(RegistryError::TagImmutable(why))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns what the `in-` tag holds, where that is an image with our fingerprint.
    async fn adopt(&self, key: &RepositoryKey) -> Result<Option<Held>, RegistryError> {
        let tag = self.spec.fingerprint.tag();
        let mut facts = self
            .ports
            .registry
            .images(key, &BTreeSet::from([tag.clone()]))
            .await;
        match facts.remove(&tag) {
            Some(Fact::Known(image)) if is_ours(&image, &self.spec.fingerprint) => Ok(Some(Held {
                digest: image.digest,
                manifest: None,
                written: false,
                brought: false,
            })),
            Some(Fact::Known(image)) => Err(RegistryError::Changed(format!(
                "{tag} holds {} now, which is another image",
                image.digest
            ))),
            Some(Fact::Absent) => Ok(None),
            Some(Fact::Unknown(unread)) => Err(unread.into()),
            None => Err(RegistryError::Other(format!("{tag} was not read"))),
        }
    }
}

/// Returns the manifest of a pushed image: its annotations, when it was built, and its fingerprint.
fn manifest(spec: &BuildSpec, config: &[u8], blobs: &PushedBlobs) -> Manifest {
    let mut annotations = spec.inputs.annotations.clone();
    annotations.extend(spec.stamp_annotations.clone());
    if let Some(created) = created(config) {
        annotations
            .entry(CREATED_ANNOTATION.to_owned())
            .or_insert(created);
    }
    Manifest {
        bytes: image_manifest(
            &blobs.config,
            &blobs.layers,
            &annotations,
            &spec.fingerprint,
        ),
        media_type: IMAGE_MANIFEST.to_owned(),
    }
}

/// Returns when an image was built, where its config says so.
fn created(config: &[u8]) -> Option<String> {
    let config: BTreeMap<String, serde_json::Value> = serde_json::from_slice(config).ok()?;
    config.get("created")?.as_str().map(str::to_owned)
}
