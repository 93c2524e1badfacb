//! The `FileSync` service: gives `BuildKit` the Dockerfile and the context it asks for.
//!
//! The tree served is already filtered, so the patterns of a request are not looked at. The protocol is that of
//! `github.com/tonistiigi/fsutil` (`send.go`, `receive.go`): every entry as a STAT, an empty STAT, then DATA for each
//! file that was requested by its position, and FIN answered with FIN.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use bollard_buildkit_proto::fsutil::types::Packet;
use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSync;
use futures_util::{Stream, StreamExt as _, stream};
use sha2::{Digest as _, Sha256};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};
use windlass_core::dockerfile::ContextSources;

use crate::docker::tree::{Content, Source, Tree};

/// Bytes in one DATA packet; well below the 4 MiB that Go accepts in a message.
const CHUNK: usize = 256 << 10;
/// Packets read ahead of the connection.
const READ_AHEAD: usize = 16;
/// Files up to this size are checked before their first byte is sent.
const CHECKED_WHOLE: u64 = 1 << 20;

type PacketStream = Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>;

/// The two folders of one build and what became of them.
#[derive(Clone)]
pub(crate) struct Files {
    pub(crate) dockerfile: Arc<Tree>,
    pub(crate) context: Arc<Tree>,
    /// What the context was chosen by.
    pub(crate) sources: Arc<ContextSources>,
    pub(crate) outcome: Arc<Outcome>,
}

/// What the sender found out while the build ran.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// The first file that is not what was fingerprinted.
    pub(crate) stale: OnceLock<String>,
    /// The first source that the build asked for and the Dockerfile's text does not name.
    pub(crate) unforeseen: OnceLock<String>,
    pub(crate) files: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

#[tonic::async_trait]
impl FileSync for Files {
    type DiffCopyStream = PacketStream;
    type TarStreamStream = PacketStream;

    async fn diff_copy(
        &self,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<PacketStream>, Status> {
        let metadata = request.metadata();
        let named = |key: &str| metadata.get(key).and_then(|value| value.to_str().ok());
        let tree = match named("dir-name") {
            Some("dockerfile") => Arc::clone(&self.dockerfile),
            // The frontend looks for an ignore file of the context; ours has been applied already.
            Some("context") if named("followpaths") == Some(".dockerignore") => {
                Arc::new(Tree::default())
            }
            Some("context") => {
                if let Some(path) = unforeseen(&self.sources, metadata) {
                    let message = format!("the build reads {path}");
                    // Only the first one is reported.
                    drop(self.outcome.unforeseen.set(path));
                    return Err(Status::aborted(message));
                }
                Arc::clone(&self.context)
            }
            other => {
                return Err(Status::not_found(format!(
                    "windlass serves no folder {:?}",
                    other.unwrap_or_default()
                )));
            }
        };
        Ok(Response::new(serve(
            tree,
            Arc::clone(&self.outcome),
            request.into_inner(),
        )))
    }

    async fn tar_stream(
        &self,
        _: Request<Streaming<Packet>>,
    ) -> Result<Response<PacketStream>, Status> {
        Err(Status::unimplemented("windlass serves folders by DiffCopy"))
    }
}

/// Returns what a request for the context asks for beyond the sources that the context was chosen by. What is missing in the tree
/// would silently be missing in the image: a wildcard that finds less is no error.
fn unforeseen(sources: &ContextSources, metadata: &MetadataMap) -> Option<String> {
    if !matches!(sources, ContextSources::Paths(_)) {
        return None;
    }
    let is_encoded = metadata.contains_key("followpaths-encoded");
    let mut asked = metadata
        .get_all("followpaths")
        .iter()
        .map(|value| decode(value.as_encoded_bytes(), is_encoded))
        .peekable();
    if asked.peek().is_none() {
        return Some("all".to_owned());
    }
    asked
        .find(|path| !sources.names(path))
        .map(|path| format!("`{path}`"))
}

/// Reads a value of a header; newer clients of `BuildKit` write those that are not ASCII as in a query.
fn decode(value: &[u8], is_encoded: bool) -> String {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = tail
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        match (
            first,
            hex.and_then(|digits| u8::from_str_radix(digits, 16).ok()),
        ) {
            (b'%', Some(byte)) if is_encoded => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) if is_encoded => bytes.push(b' '),
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn serve(tree: Arc<Tree>, outcome: Arc<Outcome>, inbound: Streaming<Packet>) -> PacketStream {
    let (answers, answered) = mpsc::channel(READ_AHEAD);
    tokio::spawn(receive(Arc::clone(&tree), outcome, inbound, answers));
    let stats = stream::iter(0..tree.len()).map(move |index| {
        Ok(Packet {
            r#type: PacketType::PacketStat.into(),
            stat: tree.get(index).map(|node| node.stat.clone()),
            ..Packet::default()
        })
    });
    let end = stream::iter([Ok(packet(PacketType::PacketStat, 0, Vec::new()))]);
    Box::pin(stats.chain(end).chain(ReceiverStream::new(answered)))
}

type Answers = mpsc::Sender<Result<Packet, Status>>;

/// Takes requests as fast as they come, since a connection whose small frames pile up is cut off, and leaves the
/// reading of files to a thread that starts with the first request.
async fn receive(
    tree: Arc<Tree>,
    outcome: Arc<Outcome>,
    mut inbound: Streaming<Packet>,
    answers: Answers,
) {
    let (requests, requested) = mpsc::unbounded_channel();
    let mut requested = Some(requested);
    while let Ok(Some(packet)) = inbound.message().await {
        match packet.r#type() {
            PacketType::PacketReq => {
                if let Some(requested) = requested.take() {
                    let (tree, outcome, answers) =
                        (Arc::clone(&tree), Arc::clone(&outcome), answers.clone());
                    tokio::task::spawn_blocking(move || {
                        send_requested(&tree, &outcome, requested, &answers);
                    });
                }
                if requests.send(packet.id).is_err() {
                    return;
                }
            }
            PacketType::PacketFin => {
                // The receiver sends it once it has everything; a lost answer is its own concern.
                drop(
                    answers
                        .send(Ok(self::packet(PacketType::PacketFin, 0, Vec::new())))
                        .await,
                );
                return;
            }
            PacketType::PacketErr => return,
            PacketType::PacketStat | PacketType::PacketData => {}
        }
    }
}

fn send_requested(
    tree: &Tree,
    outcome: &Outcome,
    mut requested: mpsc::UnboundedReceiver<u32>,
    answers: &Answers,
) {
    while let Some(id) = requested.blocking_recv() {
        let node = usize::try_from(id).ok().and_then(|index| tree.get(index));
        let sent = match node.and_then(|node| Some((node, node.content.as_ref()?))) {
            Some((node, content)) => send_file(id, content, outcome, answers).map_err(|ending| {
                if ending == Ending::Changed {
                    // Only the first one is reported.
                    drop(outcome.stale.set(node.stat.path.clone()));
                }
                ending
            }),
            None => Err(Ending::Unknown),
        };
        let message = match sent {
            Ok(()) => continue,
            Err(Ending::Closed) => return,
            Err(Ending::Changed) => "a file changed while building".to_owned(),
            Err(Ending::Unknown) => format!("the context has no file {id}"),
        };
        drop(answers.blocking_send(Err(Status::aborted(message))));
        return;
    }
}

/// Why a file was not sent to its end.
#[derive(PartialEq, Eq)]
enum Ending {
    /// Nobody listens any more.
    Closed,
    /// The file is not what was listed, or cannot be read.
    Changed,
    /// No such file was offered.
    Unknown,
}

impl From<io::Error> for Ending {
    fn from(_: io::Error) -> Self {
        Self::Changed
    }
}

fn send_file(
    id: u32,
    content: &Content,
    outcome: &Outcome,
    answers: &Answers,
) -> Result<(), Ending> {
    match &content.source {
        Source::Bytes(bytes) => {
            for chunk in bytes.chunks(CHUNK) {
                send_data(id, chunk.to_vec(), answers)?;
            }
        }
        Source::Path(path) if content.size <= CHECKED_WHOLE => {
            let bytes = read_whole(path, content)?;
            for chunk in bytes.chunks(CHUNK) {
                send_data(id, chunk.to_vec(), answers)?;
            }
        }
        Source::Path(path) => send_large(id, path, content, answers)?,
    }
    outcome.files.fetch_add(1, Ordering::Relaxed);
    outcome.bytes.fetch_add(content.size, Ordering::Relaxed);
    send_data(id, Vec::new(), answers)
}

fn read_whole(path: &Path, content: &Content) -> Result<Vec<u8>, Ending> {
    let capacity = usize::try_from(content.size).expect("at most a mebibyte");
    let mut bytes = Vec::with_capacity(capacity + 1);
    open(path)?.take(content.size + 1).read_to_end(&mut bytes)?;
    if bytes.len() != capacity || Sha256::digest(&bytes)[..] != content.sha256 {
        return Err(Ending::Changed);
    }
    Ok(bytes)
}

/// Sends a file while hashing it; its empty last packet follows only if the hash is right.
fn send_large(id: u32, path: &Path, content: &Content, answers: &Answers) -> Result<(), Ending> {
    let mut file = open(path)?;
    let mut hash = Sha256::new();
    let mut left = content.size;
    while left > 0 {
        let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut chunk = vec![0; wanted];
        file.read_exact(&mut chunk)?;
        hash.update(&chunk);
        left -= wanted as u64;
        send_data(id, chunk, answers)?;
    }
    if file.read(&mut [0])? != 0 || hash.finalize()[..] != content.sha256 {
        return Err(Ending::Changed);
    }
    Ok(())
}

/// Opens a file, but not through a link that has taken its place, nor a pipe that would block.
fn open(path: &Path) -> io::Result<File> {
    if !path.symlink_metadata()?.is_file() {
        return Err(io::Error::other("no longer a file"));
    }
    File::open(path)
}

fn send_data(id: u32, data: Vec<u8>, answers: &Answers) -> Result<(), Ending> {
    answers
        .blocking_send(Ok(packet(PacketType::PacketData, id, data)))
        .map_err(|_| Ending::Closed)
}

fn packet(r#type: PacketType, id: u32, data: Vec<u8>) -> Packet {
    Packet {
        r#type: r#type.into(),
        stat: None,
        id,
        data,
    }
}
