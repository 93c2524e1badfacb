//! Compressed layers for a push: from memory where an earlier run found them out, else from an export of the image.
//!
//! Compressed files live in a folder of this process. Images that share layers share the files; old files go when
//! they grow too many, unless an image still holds them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OnceCell, Semaphore};
use windlass_core::name::Digest;
use windlass_engine::ports::{Boxed, BuilderError, CompressedLayer, LocalImage};

use crate::docker::cache::Cache;
use crate::docker::engine::Engine;
use crate::docker::error::DockerError;
use crate::docker::export::{Spooled, Wanted};
use crate::docker::gzip::compress_file;

/// Bytes of compressed layers kept for images that may still want them.
const KEPT_BYTES: u64 = 1 << 30;

/// The compressed layers of this process.
pub(crate) struct LayerStore {
    cache: Cache,
    scratch: tempfile::TempDir,
    next: AtomicU64,
    /// One compression at a time, which then uses all cores.
    turn: Semaphore,
    files: Mutex<Files>,
}

#[derive(Default)]
struct Files {
    by_diff_id: BTreeMap<Digest, Arc<OnceCell<Arc<LayerFile>>>>,
    /// Oldest first.
    order: VecDeque<(Digest, u64)>,
}

/// A compressed layer, deleted with its last owner.
struct LayerFile {
    digest: Digest,
    size: u64,
    path: PathBuf,
}

impl Drop for LayerFile {
    fn drop(&mut self) {
        // The folder goes at the latest with the process.
        drop(fs::remove_file(&self.path));
    }
}

impl LayerStore {
    pub(crate) fn new(cache: Cache) -> Result<Self, DockerError> {
        Ok(Self {
            scratch: cache.scratch()?,
            cache,
            next: AtomicU64::new(0),
            turn: Semaphore::new(1),
            files: Mutex::default(),
        })
    }

    /// Opens an image for a push. Its layers are exported now only if its config is not known already.
    pub(crate) async fn open(
        self: &Arc<Self>,
        engine: &Engine,
        id: &Digest,
    ) -> Result<EngineImage, DockerError> {
        let image = engine.image(id.as_str()).await?;
        let image = image.ok_or_else(|| DockerError::NotFound {
            image: id.to_string(),
        })?;
        let unknown: BTreeSet<Digest> = image
            .diff_ids
            .iter()
            .filter(|diff_id| self.cache.compressed(diff_id).is_none())
            .cloned()
            .collect();
        let (config, spool) = if let Some(config) = self.cache.config(id) {
            (config, Spool::default())
        } else {
            let (config, spool) = self.export(engine, id, unknown).await?;
            self.cache.remember_config(id, &config)?;
            (config, spool)
        };
        Ok(EngineImage {
            engine: engine.clone(),
            store: Arc::clone(self),
            id: id.clone(),
            config,
            diff_ids: image.diff_ids,
            spool: tokio::sync::Mutex::new(spool),
            held: Mutex::default(),
        })
    }

    async fn export(
        &self,
        engine: &Engine,
        id: &Digest,
        diff_ids: BTreeSet<Digest>,
    ) -> Result<(Vec<u8>, Spool), DockerError> {
        let folder = self.fresh_path();
        fs::create_dir_all(&folder)
            .map_err(|error| DockerError::cache("create", &folder, error))?;
        let mut spool = Spool {
            folders: vec![folder.clone()],
            layers: BTreeMap::new(),
        };
        let wanted = Wanted {
            image: id.clone(),
            diff_ids,
            folder,
        };
        let exported = engine.export(wanted).await?;
        spool.layers = exported.layers;
        Ok((exported.config, spool))
    }

    fn fresh_path(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.scratch.path().join(number.to_string())
    }

    fn cell(&self, diff_id: &Digest) -> Arc<OnceCell<Arc<LayerFile>>> {
        Arc::clone(
            lock(&self.files)
                .by_diff_id
                .entry(diff_id.clone())
                .or_default(),
        )
    }

    fn has(&self, diff_id: &Digest) -> bool {
        lock(&self.files)
            .by_diff_id
            .get(diff_id)
            .is_some_and(|cell| cell.initialized())
    }

    /// Notes a new file and forgets the oldest ones beyond the limit.
    fn keep(&self, diff_id: &Digest, size: u64) {
        let mut files = lock(&self.files);
        files.order.push_back((diff_id.clone(), size));
        let mut total: u64 = files.order.iter().map(|(_, size)| size).sum();
        while total > KEPT_BYTES && files.order.len() > 1 {
            if let Some((oldest, size)) = files.order.pop_front() {
                files.by_diff_id.remove(&oldest);
                total -= size;
            }
        }
    }

    async fn compress(&self, diff_id: &Digest, layer: Spooled) -> Result<LayerFile, DockerError> {
        let path = self.fresh_path();
        if let Some((digest, size)) = layer.compressed {
            fs::rename(&layer.path, &path)
                .map_err(|error| DockerError::cache("move", &layer.path, error))?;
            self.cache.remember_compressed(diff_id, &digest, size)?;
            return Ok(LayerFile { digest, size, path });
        }
        let turn = self.turn.acquire().await;
        let output = path.clone();
        let compressed = tokio::task::spawn_blocking(move || {
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            let compressed = compress_file(&layer.path, &output, threads);
            // It is not needed again, and its folder goes with the image.
            drop(fs::remove_file(&layer.path));
            compressed
        })
        .await;
        drop(turn);
        let (digest, size) = compressed
            .map_err(std::io::Error::other)
            .flatten()
            .map_err(|error| DockerError::cache("compress a layer into", &path, error))?;
        self.cache.remember_compressed(diff_id, &digest, size)?;
        Ok(LayerFile { digest, size, path })
    }
}

/// Layers as the Engine gave them; the folders go with the value.
#[derive(Default)]
struct Spool {
    folders: Vec<PathBuf>,
    layers: BTreeMap<Digest, Spooled>,
}

impl Drop for Spool {
    fn drop(&mut self) {
        for folder in &self.folders {
            drop(fs::remove_dir_all(folder));
        }
    }
}

/// An image in the Engine, opened for a push.
pub(crate) struct EngineImage {
    engine: Engine,
    store: Arc<LayerStore>,
    id: Digest,
    config: Vec<u8>,
    diff_ids: Vec<Digest>,
    spool: tokio::sync::Mutex<Spool>,
    /// Files given out live as long as the image.
    held: Mutex<Vec<Arc<LayerFile>>>,
}

impl LocalImage for EngineImage {
    fn config(&self) -> &[u8] {
        &self.config
    }

    fn diff_ids(&self) -> &[Digest] {
        &self.diff_ids
    }

    fn known(&self, diff_id: &Digest) -> Option<(Digest, u64)> {
        self.store.cache.compressed(diff_id)
    }

    fn compress(&self, diff_id: Digest) -> Boxed<'_, Result<CompressedLayer, BuilderError>> {
        Box::pin(async move {
            let file = self.file(&diff_id).await.map_err(BuilderError::from)?;
            let layer = CompressedLayer {
                digest: file.digest.clone(),
                size: file.size,
                path: file.path.clone(),
            };
            lock(&self.held).push(file);
            Ok(layer)
        })
    }
}

impl EngineImage {
    async fn file(&self, diff_id: &Digest) -> Result<Arc<LayerFile>, DockerError> {
        let cell = self.store.cell(diff_id);
        let file = cell
            .get_or_try_init(|| async {
                let layer = self.spooled(diff_id).await?;
                let file = self.store.compress(diff_id, layer).await?;
                self.store.keep(diff_id, file.size);
                Ok::<_, DockerError>(Arc::new(file))
            })
            .await?;
        Ok(Arc::clone(file))
    }

    /// Takes a layer out of the last export, or exports the image again for it and all layers that are not compressed yet.
    async fn spooled(&self, diff_id: &Digest) -> Result<Spooled, DockerError> {
        let mut spool = self.spool.lock().await;
        if let Some(layer) = spool.layers.remove(diff_id) {
            return Ok(layer);
        }
        if !self.diff_ids.contains(diff_id) {
            return Err(DockerError::Damaged {
                message: format!("the image `{}` has no layer {diff_id}", self.id),
            });
        }
        let wanted = self
            .diff_ids
            .iter()
            .filter(|id| !spool.layers.contains_key(id) && !self.store.has(id))
            .cloned()
            .chain([diff_id.clone()])
            .collect();
        let (_, mut fresh) = self.store.export(&self.engine, &self.id, wanted).await?;
        spool.folders.append(&mut fresh.folders);
        spool.layers.append(&mut fresh.layers);
        let layer = spool.layers.remove(diff_id);
        let layer = layer.expect("an export has all that was wanted");
        Ok(layer)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves these maps whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
