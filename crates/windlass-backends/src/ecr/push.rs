//! Pushing an image's blobs: what is there is not sent, what another repository holds is mounted, the rest goes in one PUT each.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use tokio::io::AsyncReadExt as _;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use windlass_core::name::{Digest, ImageName, RepositoryName};
use windlass_core::oci::{Descriptor, IMAGE_CONFIG, LAYER_GZIP};
use windlass_engine::event::{Event, Events};
use windlass_engine::ports::{LocalImage, PushedBlobs, RegistryError};

use super::account::Account;
use super::plane::{Begun, Payload, Place};
use crate::oci::transport::Body;

/// Blobs of one image that are compressed and sent at once.
const LANES: usize = 6;

/// Bytes of a file that are read at once.
const PART: usize = 256 * 1024;

/// Counts bytes and tells how far a push is.
pub(crate) struct Meter {
    events: Events,
    image: ImageName,
    done: AtomicU64,
    total: AtomicU64,
    sent: AtomicU64,
}

impl Meter {
    pub(crate) fn new(events: Events, image: ImageName) -> Self {
        Self {
            events,
            image,
            done: AtomicU64::new(0),
            total: AtomicU64::new(0),
            sent: AtomicU64::new(0),
        }
    }

    pub(crate) fn expect(&self, bytes: u64) {
        self.total.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Returns a count of one blob's bytes.
    pub(crate) fn counter(meter: &Arc<Self>) -> Counter {
        Counter {
            meter: Arc::clone(meter),
            bytes: AtomicU64::new(0),
        }
    }

    pub(crate) fn advance(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.events.send(Event::Pushed {
            image: self.image.clone(),
            done,
            total: self.total.load(Ordering::Relaxed).max(done),
        });
    }
}

/// Counts the bytes of one blob; an attempt that is repeated takes its count back.
pub(crate) struct Counter {
    meter: Arc<Meter>,
    bytes: AtomicU64,
}

impl Counter {
    fn add(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.meter.sent.fetch_add(bytes, Ordering::Relaxed);
        self.meter.advance(bytes);
    }

    fn reset(&self) {
        let counted = self.bytes.swap(0, Ordering::Relaxed);
        self.meter.done.fetch_sub(counted, Ordering::Relaxed);
    }
}

/// Returns a body that streams a file.
pub(crate) async fn file_body(path: &Path, counter: Option<Arc<Counter>>) -> io::Result<Body> {
    let file = tokio::fs::File::open(path).await?;
    if let Some(counter) = &counter {
        counter.reset();
    }
    let parts = futures_util::stream::try_unfold((file, counter), |(mut file, counter)| async {
        let mut part = BytesMut::with_capacity(PART);
        while part.len() < PART {
            if file.read_buf(&mut part).await? == 0 {
                break;
            }
        }
        if part.is_empty() {
            return Ok::<_, io::Error>(None);
        }
        if let Some(counter) = &counter {
            counter.add(part.len() as u64);
        }
        Ok(Some((Frame::data(part.freeze()), (file, counter))))
    });
    Ok(StreamBody::new(parts).boxed_unsync())
}

struct Push {
    account: Arc<Account>,
    place: Place,
    own_host: String,
    image: Arc<dyn LocalImage>,
    meter: Arc<Meter>,
    lanes: Semaphore,
}

/// Brings config and layers of an image into a repository.
pub(crate) async fn push_blobs(
    account: &Arc<Account>,
    name: &RepositoryName,
    image: Arc<dyn LocalImage>,
    events: &Events,
    image_name: &ImageName,
) -> Result<PushedBlobs, RegistryError> {
    let (place, own_host) = account.place(name).await?;
    let push = Arc::new(Push {
        account: Arc::clone(account),
        place,
        own_host,
        meter: Arc::new(Meter::new(events.clone(), image_name.clone())),
        lanes: Semaphore::new(LANES),
        image,
    });
    let diff_ids = push.image.diff_ids().to_vec();
    let mut unique = diff_ids.clone();
    unique.sort();
    unique.dedup();
    for diff_id in &unique {
        if let Some((_, size)) = push.image.known(diff_id) {
            push.meter.expect(size);
        }
    }
    // Dropping the set ends what still runs, so the first failure ends the push.
    let mut tasks: JoinSet<Result<_, RegistryError>> = JoinSet::new();
    for diff_id in unique {
        let push = Arc::clone(&push);
        tasks.spawn(async move { Ok((Some(diff_id.clone()), push.layer(diff_id).await?)) });
    }
    let config = Arc::clone(&push);
    tasks.spawn(async move { Ok((None, config.config().await?)) });
    let mut config = None;
    let mut layers = std::collections::BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        let done =
            done.map_err(|error| RegistryError::Other(format!("a push task ended: {error}")))?;
        match done? {
            (Some(diff_id), layer) => drop(layers.insert(diff_id, layer)),
            (None, pushed) => config = Some(pushed),
        }
    }
    Ok(PushedBlobs {
        config: config.expect("its task is done"),
        layers: diff_ids.iter().map(|id| layers[id].clone()).collect(),
        sent_bytes: push.meter.sent.load(Ordering::Relaxed),
    })
}

impl Push {
    async fn config(&self) -> Result<Descriptor, RegistryError> {
        let bytes = Bytes::copy_from_slice(self.image.config());
        let size = bytes.len() as u64;
        let digest = Digest::of(&bytes);
        self.meter.expect(size);
        if self.account.has_blob(&self.place, &digest).await? {
            self.meter.advance(size);
        } else {
            self.upload(&digest, Payload::Bytes(bytes)).await?;
            self.meter.sent.fetch_add(size, Ordering::Relaxed);
            self.meter.advance(size);
        }
        Ok(descriptor(IMAGE_CONFIG, digest, size))
    }

    async fn layer(&self, diff_id: Digest) -> Result<Descriptor, RegistryError> {
        let _lane = self
            .lanes
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let known = self.image.known(&diff_id);
        if let Some((digest, size)) = &known
            && self.is_there_or_mounted(digest).await?
        {
            self.meter.advance(*size);
            return Ok(descriptor(LAYER_GZIP, digest.clone(), *size));
        }
        let layer = self
            .image
            .compress(diff_id.clone())
            .await
            .map_err(|error| {
                RegistryError::Other(format!("layer {diff_id} cannot be compressed: {error}"))
            })?;
        let asked_already = known
            .as_ref()
            .is_some_and(|(digest, _)| *digest == layer.digest);
        if known.is_none() {
            self.meter.expect(layer.size);
        }
        if !asked_already && self.is_there_or_mounted(&layer.digest).await? {
            self.meter.advance(layer.size);
        } else {
            let payload = Payload::File(layer.path, layer.size);
            self.upload(&layer.digest, payload).await?;
        }
        Ok(descriptor(LAYER_GZIP, layer.digest, layer.size))
    }

    async fn is_there_or_mounted(&self, digest: &Digest) -> Result<bool, RegistryError> {
        if self.account.has_blob(&self.place, digest).await? {
            return Ok(true);
        }
        let Some(from) = self.account.blob_elsewhere(digest, &self.place.repository) else {
            return Ok(false);
        };
        // A mount that is refused, for whatever reason, is no failure: the blob is sent instead.
        let asked = self
            .account
            .begin_upload(&self.place, &self.own_host, Some((digest, &from)))
            .await;
        Ok(matches!(asked, Ok(Begun::Mounted)))
    }

    async fn upload(&self, digest: &Digest, payload: Payload) -> Result<(), RegistryError> {
        let counter = Arc::new(Meter::counter(&self.meter));
        self.account
            .retrying(async || {
                let begun = self
                    .account
                    .begin_upload(&self.place, &self.own_host, None)
                    .await?;
                let Begun::At(location) = begun else {
                    return Ok(());
                };
                self.account
                    .finish_upload(&self.place, &location, digest, &payload, Some(&counter))
                    .await
            })
            .await
    }
}

fn descriptor(media_type: &str, digest: Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest,
        size,
    }
}
