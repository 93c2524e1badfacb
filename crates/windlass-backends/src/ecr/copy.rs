//! Copying an image from one repository to another: what is there is left, what the same registry holds is mounted, the rest goes
//! through a file, so that a transfer that breaks does not have to be read twice.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt as _;
use windlass_core::name::{Digest, ImageName, RepositoryName};
use windlass_engine::event::Events;
use windlass_engine::ports::{Manifest, RegistryError};

use super::account::Account;
use super::plane::{Begun, PATIENCE, Payload, Place, transport_error};
use super::push::Meter;
use crate::oci::transport::TransportError;

/// Blobs that are copied at once.
const LANES: usize = 4;

/// What an image or an index consists of.
#[derive(Default, Deserialize)]
struct Parts {
    #[serde(default)]
    config: Option<Blob>,
    #[serde(default)]
    layers: Vec<Blob>,
    #[serde(default)]
    manifests: Vec<Blob>,
}

#[derive(Clone, Deserialize)]
struct Blob {
    digest: Digest,
    #[serde(default)]
    size: u64,
}

/// Where an image is copied from, and where to.
pub(crate) struct Copy {
    pub(crate) from: Arc<Account>,
    pub(crate) from_name: RepositoryName,
    pub(crate) to: Arc<Account>,
    pub(crate) to_name: RepositoryName,
    meter: Arc<Meter>,
}

impl Copy {
    pub(crate) fn new(
        (from, from_name): (&Arc<Account>, &RepositoryName),
        (to, to_name): (&Arc<Account>, &RepositoryName),
        events: &Events,
        image: &ImageName,
    ) -> Self {
        Self {
            from: Arc::clone(from),
            from_name: from_name.clone(),
            to: Arc::clone(to),
            to_name: to_name.clone(),
            meter: Arc::new(Meter::new(events.clone(), image.clone())),
        }
    }

    /// Brings everything that a manifest names; returns its bytes.
    pub(crate) fn run<'a>(
        &'a self,
        digest: &'a Digest,
    ) -> BoxFuture<'a, Result<Manifest, RegistryError>> {
        Box::pin(async move {
            let manifest = self.from.manifest(&self.from_name, digest).await?;
            let parts: Parts = serde_json::from_slice(&manifest.bytes).map_err(|error| {
                RegistryError::Other(format!(
                    "the manifest {}@{digest} cannot be read: {error}",
                    self.from_name
                ))
            })?;
            for child in &parts.manifests {
                let child = self.run(&child.digest).await?;
                self.to.put_image(&self.to_name, &child, None).await?;
            }
            let blobs: Vec<Blob> = parts.layers.into_iter().chain(parts.config).collect();
            for blob in &blobs {
                self.meter.expect(blob.size);
            }
            stream::iter(blobs)
                .map(|blob| async move { self.blob(&blob).await })
                .buffer_unordered(LANES)
                .try_collect::<()>()
                .await?;
            Ok(manifest)
        })
    }

    async fn blob(&self, blob: &Blob) -> Result<(), RegistryError> {
        let (place, own_host) = self.to.place(&self.to_name).await?;
        if self.to.has_blob(&place, &blob.digest).await?
            || self.is_mounted(&place, &own_host, &blob.digest).await
        {
            self.meter.advance(blob.size);
            return Ok(());
        }
        let file = self
            .from
            .retrying(async || self.from.fetch_blob(&self.from_name, &blob.digest).await)
            .await?;
        let size = file.as_file().metadata().map_or(blob.size, |it| it.len());
        let payload = Payload::File(file.path().to_owned(), size);
        let counter = Arc::new(Meter::counter(&self.meter));
        self.to
            .retrying(
                async || match self.to.begin_upload(&place, &own_host, None).await? {
                    Begun::Mounted => Ok(()),
                    Begun::At(location) => {
                        self.to
                            .finish_upload(
                                &place,
                                &location,
                                &blob.digest,
                                &payload,
                                Some(&counter),
                            )
                            .await
                    }
                },
            )
            .await
    }

    /// Mounts a blob within one registry. A mount that is refused, for whatever reason, is no failure: the blob is sent instead.
    async fn is_mounted(&self, place: &Place, own_host: &str, digest: &Digest) -> bool {
        if !Arc::ptr_eq(&self.from, &self.to) {
            return false;
        }
        let mount = Some((digest, &self.from_name));
        let asked = self.to.begin_upload(place, own_host, mount).await;
        matches!(asked, Ok(Begun::Mounted))
    }
}

impl Account {
    /// Reads a blob of any size into a file; its bytes are checked against the digest.
    async fn fetch_blob(
        &self,
        name: &RepositoryName,
        digest: &Digest,
    ) -> Result<NamedTempFile, RegistryError> {
        let (place, host) = self.place(name).await?;
        let what = format!("reading a blob of {name}");
        let on_disk = |error: std::io::Error| {
            RegistryError::Other(format!(
                "{what}: cannot write to the temporary folder: {error}"
            ))
        };
        let answer = self.open_blob(&place, &host, &what, digest).await?;
        let file = NamedTempFile::new().map_err(on_disk)?;
        let mut writer = tokio::fs::File::from_std(file.reopen().map_err(on_disk)?);
        let mut hash = Sha256::new();
        let mut body = answer.into_body();
        loop {
            let frame = tokio::time::timeout(PATIENCE, body.frame()).await;
            let broken = |text: String| transport_error(&TransportError::Broken(text), &what);
            let frame = match frame {
                Err(_) => return Err(broken("no bytes came for a while".to_owned())),
                Ok(None) => break,
                Ok(Some(Err(error))) => return Err(broken(error.to_string())),
                Ok(Some(Ok(frame))) => frame,
            };
            if let Ok(bytes) = frame.into_data() {
                hash.update(&bytes);
                writer.write_all(&bytes).await.map_err(on_disk)?;
            }
        }
        writer.flush().await.map_err(on_disk)?;
        let read = format!("sha256:{:x}", hash.finalize());
        if read == digest.as_str() {
            Ok(file)
        } else {
            // A body that was cut off looks like this too.
            Err(RegistryError::Transient(format!(
                "{what}: the bytes are not {digest}"
            )))
        }
    }
}
