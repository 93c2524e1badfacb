//! Reads an image out of the Engine: the tar that `docker save` writes, taken apart while it arrives.
//!
//! Layers are told by their content, not by their names in the tar: the names differ between Engine versions, and
//! newer ones write layers as they were pulled, compressed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Write as _};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bytes::{Buf as _, Bytes};
use futures_util::{Stream, StreamExt as _};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use windlass_core::name::Digest;

use crate::docker::engine::Engine;
use crate::docker::error::{DockerError, chain};
use crate::docker::gzip::finish_digest;

/// Larger entries are layers, never JSON that we need.
const LARGEST_JSON: u64 = 4 << 20;
/// Chunks read ahead of the disk.
const READ_AHEAD: usize = 32;

/// What an export brought.
#[derive(Debug)]
pub(crate) struct Exported {
    /// The image config, byte for byte.
    pub(crate) config: Vec<u8>,
    /// The layers that were wanted, by the digest of their uncompressed form.
    pub(crate) layers: BTreeMap<Digest, Spooled>,
}

/// A layer in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Spooled {
    pub(crate) path: PathBuf,
    /// Digest and size, if the Engine gave the layer in compressed form.
    pub(crate) compressed: Option<(Digest, u64)>,
}

/// Which parts of an image are wanted, and where they go.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The image's id.
    pub(crate) image: Digest,
    /// Layers to keep; others are read and forgotten.
    pub(crate) diff_ids: BTreeSet<Digest>,
    /// A folder for the files, which this export has for itself.
    pub(crate) folder: PathBuf,
}

impl Engine {
    /// Exports an image. Reading and hashing run beside the transfer, on a thread of their own.
    pub(crate) async fn export(&self, wanted: Wanted) -> Result<Exported, DockerError> {
        let image = wanted.image.to_string();
        let begun = Instant::now();
        let (sender, receiver) = mpsc::channel(READ_AHEAD);
        let reading = tokio::task::spawn_blocking(move || read(Chunks::new(receiver), &wanted));
        let arrived = pass_on(self.docker().export_image(&image), sender).await;
        let read = reading.await.map_err(|error| DockerError::Damaged {
            message: format!("reading `{image}` ended: {error}"),
        })?;
        arrived.map_err(|error| match error {
            bollard::errors::Error::DockerResponseServerError {
                status_code: 404, ..
            } => DockerError::NotFound {
                image: image.clone(),
            },
            error => DockerError::from_bollard(&format!("export `{image}`"), error),
        })?;
        let milliseconds = begun.elapsed().as_millis();
        log::info!("engine: exported layers of {image}: {milliseconds} ms");
        read
    }
}

async fn pass_on(
    stream: impl Stream<Item = Result<Bytes, bollard::errors::Error>>,
    sender: mpsc::Sender<io::Result<Bytes>>,
) -> Result<(), bollard::errors::Error> {
    let mut stream = std::pin::pin!(stream);
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => {
                if sender.send(Ok(chunk)).await.is_err() {
                    return Ok(());
                }
            }
            Err(error) => {
                let reason = io::Error::other(chain(&error));
                drop(sender.send(Err(reason)).await);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The arriving chunks, as a reader.
struct Chunks {
    receiver: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
}

impl Chunks {
    fn new(receiver: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self {
            receiver,
            current: Bytes::new(),
        }
    }
}

impl Read for Chunks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.receiver.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.current.len());
        self.current.copy_to_slice(&mut buffer[..length]);
        Ok(length)
    }
}

/// One image's part of `manifest.json` in the tar.
#[derive(Deserialize)]
struct SavedImage {
    #[serde(rename = "Config")]
    config: String,
}

fn read(input: impl Read, wanted: &Wanted) -> Result<Exported, DockerError> {
    let mut layers = BTreeMap::new();
    let mut texts = BTreeMap::new();
    let mut archive = tar::Archive::new(input);
    let mut number = 0_u32;
    for entry in archive.entries().map_err(|error| damaged(&error))? {
        let mut entry = entry.map_err(|error| damaged(&error))?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let size = entry.size();
        let mut start = Vec::new();
        entry
            .by_ref()
            .take(2)
            .read_to_end(&mut start)
            .map_err(|error| damaged(&error))?;
        if size <= LARGEST_JSON && matches!(start.first(), Some(b'{' | b'[')) {
            entry
                .read_to_end(&mut start)
                .map_err(|error| damaged(&error))?;
            texts.insert(name, start);
            continue;
        }
        let path = wanted.folder.join(number.to_string());
        number += 1;
        if let Some((diff_id, layer)) = spool(&start, entry, path, wanted)? {
            layers.insert(diff_id, layer);
        }
    }
    let config = config(texts, &wanted.image)?;
    if let Some(missing) = wanted.diff_ids.iter().find(|id| !layers.contains_key(id)) {
        return Err(DockerError::Damaged {
            message: format!("the export of `{}` lacks the layer {missing}", wanted.image),
        });
    }
    Ok(Exported { config, layers })
}

fn config(texts: BTreeMap<String, Vec<u8>>, image: &Digest) -> Result<Vec<u8>, DockerError> {
    let missing = || DockerError::Damaged {
        message: format!("the export of `{image}` lacks its config"),
    };
    let manifest = texts.get("manifest.json").ok_or_else(missing)?;
    let saved: Vec<SavedImage> =
        serde_json::from_slice(manifest).map_err(|error| damaged(&error))?;
    let [saved] = saved.as_slice() else {
        return Err(missing());
    };
    let mut texts = texts;
    texts.remove(&saved.config).ok_or_else(missing)
}

/// Writes a layer to a file, unless it turns out not to be wanted.
fn spool(
    start: &[u8],
    rest: impl Read,
    path: PathBuf,
    wanted: &Wanted,
) -> Result<Option<(Digest, Spooled)>, DockerError> {
    let gzip = start == [0x1f, 0x8b];
    if wanted.diff_ids.is_empty() {
        return Ok(None);
    }
    let mut input = Read::chain(start, rest);
    let (digest, size) = write_file(&mut input, &path)?;
    let (diff_id, compressed) = if gzip {
        (uncompressed_digest(&path)?, Some((digest, size)))
    } else {
        (digest, None)
    };
    if !wanted.diff_ids.contains(&diff_id) {
        fs::remove_file(&path).map_err(|error| DockerError::cache("remove", &path, error))?;
        return Ok(None);
    }
    Ok(Some((diff_id, Spooled { path, compressed })))
}

fn write_file(input: &mut impl Read, path: &Path) -> Result<(Digest, u64), DockerError> {
    let failed = |error| DockerError::cache("write", path, error);
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = vec![0; 256 << 10];
    loop {
        let length = input.read(&mut buffer).map_err(|error| damaged(&error))?;
        if length == 0 {
            break;
        }
        hash.update(&buffer[..length]);
        size += length as u64;
        file.write_all(&buffer[..length]).map_err(failed)?;
    }
    file.flush().map_err(failed)?;
    Ok((finish_digest(hash), size))
}

fn uncompressed_digest(path: &Path) -> Result<Digest, DockerError> {
    let file = File::open(path).map_err(|error| DockerError::cache("read", path, error))?;
    let mut input = flate2::read::MultiGzDecoder::new(file);
    let mut hash = Sha256::new();
    io::copy(&mut input, &mut hash).map_err(|error| damaged(&error))?;
    Ok(finish_digest(hash))
}

fn damaged(error: &(dyn std::error::Error + 'static)) -> DockerError {
    DockerError::Damaged {
        message: chain(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            builder.append_data(&mut header, name, *content).unwrap();
        }
        builder.into_inner().unwrap()
    }

    fn gzip(content: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn wanted(folder: &Path, layers: &[&[u8]]) -> Wanted {
        Wanted {
            image: Digest::of(b"{}"),
            diff_ids: layers.iter().map(|layer| Digest::of(layer)).collect(),
            folder: folder.to_owned(),
        }
    }

    const MANIFEST: &[u8] = br#"[{"Config":"c.json","Layers":["a/layer.tar"]}]"#;

    #[test]
    fn keeps_wanted_layers_and_the_config() {
        let folder = tempfile::tempdir().unwrap();
        let tar = archive(&[
            ("a/VERSION", b"1.0"),
            ("a/json", b"{\"id\":1}"),
            ("a/layer.tar", b"layer a"),
            ("b/layer.tar", b"layer b"),
            ("c.json", b"{}"),
            ("manifest.json", MANIFEST),
        ]);
        let exported = read(tar.as_slice(), &wanted(folder.path(), &[b"layer a"])).unwrap();
        assert_eq!(exported.config, b"{}");
        let layer = &exported.layers[&Digest::of(b"layer a")];
        assert_eq!(
            (fs::read(&layer.path).unwrap(), &layer.compressed),
            (b"layer a".to_vec(), &None)
        );
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn takes_compressed_layers_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let blob = gzip(b"layer a");
        let tar = archive(&[
            ("blobs/1", &blob),
            ("c.json", b"{}"),
            ("manifest.json", MANIFEST),
        ]);
        let exported = read(tar.as_slice(), &wanted(folder.path(), &[b"layer a"])).unwrap();
        assert_eq!(
            exported.layers[&Digest::of(b"layer a")].compressed,
            Some((Digest::of(&blob), blob.len() as u64))
        );
    }

    #[test]
    fn a_cut_or_incomplete_export_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let tar = archive(&[
            ("a/layer.tar", &[b'a'; 2000]),
            ("c.json", b"{}"),
            ("manifest.json", MANIFEST),
        ]);
        for end in [0, 600, 1500, 3000] {
            read(&tar[..end], &wanted(folder.path(), &[b"x"])).unwrap_err();
        }
        let error = read(tar.as_slice(), &wanted(folder.path(), &[b"x"])).unwrap_err();
        assert!(error.to_string().contains("lacks the layer"), "{error}");
    }
}
