//! Compresses a file with all cores into one gzip member whose bytes depend on the file alone.
//!
//! The file is cut into pieces of a fixed size; each is deflated by itself and ended on a byte boundary, so that the
//! pieces can follow each other in one deflate stream (as `pigz --independent` does). The header names no time. A piece of what
//! is compressed already (archives, pictures, wheels) is stored as it is: deflate would take its time and make it no smaller.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use flate2::{Compress, Compression, Crc, FlushCompress, Status};
use sha2::{Digest as _, Sha256};
use windlass_core::name::Digest;

/// Bytes deflated by themselves. Changing this, or the level, changes the digests of all layers.
const PIECE: u64 = 2 << 20;
const LEVEL: u32 = 5;
/// How many places of a piece are tried, how many bytes at each, and how hard, to tell whether it can be compressed. Changing these
/// changes digests as well.
const TRIES: usize = 8;
const TRY: usize = 4 << 10;
const TRY_LEVEL: u32 = 2;
/// RFC 1952: magic, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// Writes `input`, compressed, to `output`; returns digest and size of what it wrote.
pub(crate) fn compress_file(
    input: &Path,
    output: &Path,
    threads: usize,
) -> io::Result<(Digest, u64)> {
    let input = File::open(input)?;
    let size = input.metadata()?.len();
    let mut writer = Hashing::new(BufWriter::new(File::create(output)?));
    writer.write_all(&HEADER)?;
    let crc = deflate(&input, size, threads.max(1), &mut writer)?;
    writer.write_all(&crc.sum().to_le_bytes())?;
    let modulo = u32::try_from(size % (1 << 32)).expect("less than 2^32");
    writer.write_all(&modulo.to_le_bytes())?;
    writer.finish()
}

struct Piece {
    body: Body,
    crc: Crc,
}

enum Body {
    Deflated(Vec<u8>),
    /// To be stored as it is; whether it is the end of the stream.
    Plain(Vec<u8>, bool),
}

fn deflate(input: &File, size: u64, threads: usize, output: &mut impl Write) -> io::Result<Crc> {
    let count = size.div_ceil(PIECE).max(1);
    let next = AtomicU64::new(0);
    let (sender, receiver) = mpsc::sync_channel(threads);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(usize::try_from(count).unwrap_or(threads)) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || {
                let mut deflaters = Deflaters::default();
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count {
                        return;
                    }
                    let piece =
                        deflate_piece(&mut deflaters, input, size, index, index + 1 == count);
                    let failed = piece.is_err();
                    if sender.send((index, piece)).is_err() || failed {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let crc = write_in_order(&receiver, count, output);
        // After a failure this ends the threads that still have pieces to hand over.
        drop(receiver);
        crc
    })
}

fn write_in_order(
    receiver: &mpsc::Receiver<(u64, io::Result<Piece>)>,
    count: u64,
    output: &mut impl Write,
) -> io::Result<Crc> {
    let mut waiting = BTreeMap::new();
    let mut crc = Crc::new();
    let mut written = 0;
    while written < count {
        let (index, piece) = receiver
            .recv()
            .map_err(|_| io::Error::other("compression stopped"))?;
        waiting.insert(index, piece?);
        while let Some(piece) = waiting.remove(&written) {
            match piece.body {
                Body::Deflated(bytes) => output.write_all(&bytes)?,
                Body::Plain(bytes, last) => write_stored(&bytes, last, output)?,
            }
            crc.combine(&piece.crc);
            written += 1;
        }
    }
    Ok(crc)
}

/// One for each level that was needed: each has hundreds of kilobytes to be cleared.
#[derive(Default)]
struct Deflaters(BTreeMap<u32, Compress>);

impl Deflaters {
    fn of_level(&mut self, level: u32) -> &mut Compress {
        let new = || Compress::new(Compression::new(level), false);
        self.0.entry(level).or_insert_with(new)
    }

    /// Says whether any of the places that are tried gets smaller by a sixty-fourth or more.
    fn can_compress(&mut self, bytes: &[u8]) -> io::Result<bool> {
        if bytes.len() <= TRIES * TRY {
            return Ok(true);
        }
        let trying = self.of_level(TRY_LEVEL);
        let mut output = Vec::with_capacity(2 * TRY);
        let span = bytes.len() / TRIES;
        for place in 0..TRIES {
            // Not at the ends: there, the archive of a single file is headers and zeros.
            let start = span * place + (span - TRY) / 2;
            output.clear();
            deflate_bytes(trying, &bytes[start..start + TRY], true, &mut output)?;
            if output.len() < TRY - TRY / 64 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn deflate_piece(
    deflaters: &mut Deflaters,
    input: &File,
    size: u64,
    index: u64,
    last: bool,
) -> io::Result<Piece> {
    let offset = index * PIECE;
    let length = usize::try_from(PIECE.min(size - offset)).expect("a piece fits in memory");
    let mut bytes = vec![0; length];
    input.read_exact_at(&mut bytes, offset)?;
    let mut crc = Crc::new();
    crc.update(&bytes);
    // Nothing would make it smaller.
    if !deflaters.can_compress(&bytes)? {
        let body = Body::Plain(bytes, last);
        return Ok(Piece { body, crc });
    }
    let mut output = Vec::with_capacity(length / 2 + 1024);
    deflate_bytes(deflaters.of_level(LEVEL), &bytes, last, &mut output)?;
    let body = Body::Deflated(output);
    Ok(Piece { body, crc })
}

/// Writes `bytes` in stored blocks (RFC 1951, 3.2.4), which end on a byte boundary. They begin on one: every piece does.
fn write_stored(bytes: &[u8], last: bool, output: &mut impl Write) -> io::Result<()> {
    let mut blocks = bytes.chunks(usize::from(u16::MAX)).peekable();
    while let Some(block) = blocks.next() {
        let is_final = last && blocks.peek().is_none();
        let length = u16::try_from(block.len()).expect("a block is no longer");
        let [low, high] = length.to_le_bytes();
        output.write_all(&[u8::from(is_final), low, high, !low, !high])?;
        output.write_all(block)?;
    }
    Ok(())
}

/// Appends `bytes`, deflated by themselves: to a byte boundary, or to the end of a stream.
fn deflate_bytes(
    deflater: &mut Compress,
    bytes: &[u8],
    last: bool,
    output: &mut Vec<u8>,
) -> io::Result<()> {
    deflater.reset();
    let flush = if last {
        FlushCompress::Finish
    } else {
        FlushCompress::Full
    };
    loop {
        let consumed = usize::try_from(deflater.total_in()).expect("a piece fits in memory");
        let status = deflater
            .compress_vec(&bytes[consumed..], output, flush)
            .map_err(io::Error::other)?;
        let consumed = usize::try_from(deflater.total_in()).expect("a piece fits in memory");
        let done = match status {
            Status::StreamEnd => true,
            // A flush is complete when it left room in the buffer.
            Status::Ok | Status::BufError => {
                !last && consumed == bytes.len() && output.len() < output.capacity()
            }
        };
        if done {
            return Ok(());
        }
        output.reserve(64 << 10);
    }
}

struct Hashing<W> {
    inner: W,
    hash: Sha256,
    size: u64,
}

impl<W: Write> Hashing<W> {
    fn new(inner: W) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            size: 0,
        }
    }

    fn finish(mut self) -> io::Result<(Digest, u64)> {
        self.inner.flush()?;
        Ok((finish_digest(self.hash), self.size))
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Writes a finished hash as a digest.
pub(crate) fn finish_digest(hash: Sha256) -> Digest {
    Digest::of_sha256(&hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// Bytes that neither compress to nothing nor stay as they are.
    fn sample(length: usize) -> Vec<u8> {
        let mut state = 1_u32;
        (0..length)
            .map(|index| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if index % 3 == 0 {
                    (state >> 24) as u8
                } else {
                    b'x'
                }
            })
            .collect()
    }

    /// Bytes that nothing makes smaller.
    fn noise(length: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let words = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        words.flatten().take(length).collect()
    }

    fn compressed(content: &[u8], threads: usize) -> (Vec<u8>, Digest, u64) {
        let folder = tempfile::tempdir().unwrap();
        let (input, output) = (folder.path().join("in"), folder.path().join("out"));
        std::fs::write(&input, content).unwrap();
        let (digest, size) = compress_file(&input, &output, threads).unwrap();
        (std::fs::read(&output).unwrap(), digest, size)
    }

    #[test]
    fn what_comes_out_is_one_gzip_member_of_what_went_in() {
        let piece = usize::try_from(PIECE).unwrap();
        for length in [0, 1, 1000, piece - 1, piece, piece + 1, 2 * piece + 77] {
            let turns = [sample(piece), noise(length), sample(length)].concat();
            for content in [sample(length), noise(length), turns] {
                let (bytes, digest, size) = compressed(&content, 2);
                assert_eq!((digest, size), (Digest::of(&bytes), bytes.len() as u64));
                let mut read = Vec::new();
                let mut rest = flate2::bufread::GzDecoder::new(bytes.as_slice());
                rest.read_to_end(&mut read).unwrap();
                assert!(read == content, "{length}");
                assert!(
                    rest.into_inner().is_empty(),
                    "{length}: more than one member"
                );
            }
        }
    }

    #[test]
    fn what_is_compressed_already_is_stored() {
        let deflate = |bytes: &[u8]| {
            let mut deflaters = Deflaters::default();
            deflaters.can_compress(bytes).unwrap()
        };
        let noise = noise(2 << 20);
        assert!(!deflate(&noise));
        let (_, _, size) = compressed(&noise, 1);
        assert!(size < noise.len() as u64 + 1024, "{size}");
        let mut archive = noise.clone();
        archive[..3 << 10].fill(0);
        archive.extend([0; 9 << 10]);
        assert!(!deflate(&archive));
        // Some text in it is worth it, wherever it stands.
        for start in [0, 700_000, noise.len() - 300_000] {
            let mut mixed = noise.clone();
            mixed[start..start + 300_000].fill(b'x');
            assert!(deflate(&mixed), "{start}");
        }
        assert!(deflate(&sample(2 << 20)));
    }

    #[test]
    fn the_number_of_threads_does_not_show() {
        let content = sample(5 << 20);
        assert!(compressed(&content, 1).0 == compressed(&content, 5).0);
    }

    #[test]
    fn the_digest_of_a_known_layer_does_not_change() {
        let (_, digest, size) = compressed(&sample(3 << 20), 2);
        assert_eq!(
            (digest.as_str(), size),
            (
                "sha256:1044f6d6b8b7040c0b901aafc57a1563816bc254801ef0bfdba95fc1dd0b287f",
                1_405_331
            )
        );
    }
}
