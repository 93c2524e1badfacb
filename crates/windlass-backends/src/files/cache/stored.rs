//! The file that remembers: records sorted by path, in blocks with a checksum each, behind a list of them. A run reads the blocks that its
//! files are in, however many files of other workspaces are remembered; a damaged block is as if its files had never been hashed.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use super::{Content, Remembered, Stamp};

const MAGIC: &[u8; 16] = b"windlass hashes\n";
/// Magic, length of the list of blocks, checksum of it.
const HEAD: usize = 16 + 4 + 32;
/// A larger file is not read: something else wrote it.
const LARGEST: u64 = 512 * 1024 * 1024;
/// Bytes after which a block ends: some two hundred files.
const BLOCK: usize = 32 * 1024;
/// How many bytes follow the path of a record.
const STATED: usize = 8 + 32 + 8 + 32 + 1 + 4;

/// What the file holds. Blocks are read when they are needed, out of the file as it was when it was opened.
#[derive(Debug, Default)]
pub(super) struct Stored {
    blocks: Vec<Block>,
    file: Option<File>,
}

#[derive(Debug)]
struct Block {
    /// The first path in it.
    first: Box<[u8]>,
    offset: u64,
    length: usize,
    checksum: [u8; 32],
    records: OnceLock<Records>,
}

/// A block as it was read: 20,000 files cost no allocation each.
#[derive(Debug, Default)]
struct Records {
    bytes: Vec<u8>,
    /// Where each record begins.
    places: Vec<usize>,
}

/// A place in the file. Whoever asks for paths in their order finds the next one there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Cursor {
    block: usize,
    at: usize,
}

impl Stored {
    /// Opens the file; nothing is in it where it is missing, damaged or of another version.
    pub(super) fn open(path: &Path) -> Self {
        open(path).unwrap_or_default()
    }

    /// Looks for a path, first at the place behind the one that was found last.
    pub(super) fn get(&self, path: &[u8], cursor: &mut Cursor) -> Option<Remembered> {
        let found = self.find(path, *cursor)?;
        *cursor = Cursor {
            at: found.at + 1,
            ..found
        };
        let records = self.records(self.blocks.get(found.block)?);
        remembered(records.record(found.at)?.1)
    }

    fn find(&self, path: &[u8], next: Cursor) -> Option<Cursor> {
        let after = Cursor {
            block: next.block + 1,
            at: 0,
        };
        if let Some(next) = [next, after]
            .into_iter()
            .find(|it| self.is_at(path, *it).unwrap_or_default())
        {
            return Some(next);
        }
        let block = self.blocks.partition_point(|block| *block.first <= *path);
        let block = block.checked_sub(1)?;
        let at = self.records(&self.blocks[block]).find(path)?;
        Some(Cursor { block, at })
    }

    /// Says whether a path is the one at a place, without reading a block for it.
    fn is_at(&self, path: &[u8], place: Cursor) -> Option<bool> {
        let block = self.blocks.get(place.block)?;
        if place.at == 0 {
            return Some(*block.first == *path);
        }
        Some(block.records.get()?.record(place.at)?.0 == path)
    }

    /// Reads the blocks of all paths that begin with `prefix`.
    pub(super) fn read_ahead(&self, prefix: &[u8]) {
        let begin = self.blocks.partition_point(|block| *block.first <= *prefix);
        let last_before = begin.saturating_sub(1);
        let reach = self.blocks[begin..]
            .iter()
            .take_while(|block| block.first.starts_with(prefix))
            .count();
        for block in &self.blocks[last_before..begin + reach] {
            self.records(block);
        }
    }

    /// Returns all that is remembered, sorted by path.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], Remembered)> {
        let blocks = self.blocks.iter().map(|block| self.records(block));
        blocks.flat_map(|records| {
            let places = 0..records.places.len();
            places.filter_map(|at| {
                let (path, stated) = records.record(at)?;
                Some((path, remembered(stated)?))
            })
        })
    }

    fn records<'a>(&self, block: &'a Block) -> &'a Records {
        block.records.get_or_init(|| {
            let read = |file| read_block(file, block);
            self.file.as_ref().and_then(read).unwrap_or_default()
        })
    }
}

impl Records {
    fn record(&self, at: usize) -> Option<(&[u8], &[u8])> {
        record(&self.bytes[*self.places.get(at)?..])
    }

    fn find(&self, path: &[u8]) -> Option<usize> {
        let path_at = |place: &usize| record(&self.bytes[*place..]).map_or(&[][..], |it| it.0);
        let found = self.places.binary_search_by(|it| path_at(it).cmp(path));
        found.ok()
    }
}

fn open(path: &Path) -> Option<Stored> {
    let file = File::open(path).ok()?;
    let metadata = file.metadata().ok()?;
    let size = metadata.len();
    if !metadata.is_file() || size > LARGEST {
        return None;
    }
    let head: [u8; HEAD] = read_at(&file, 0, HEAD)?.try_into().ok()?;
    let mut rest = head.strip_prefix(MAGIC)?;
    let length = u32::from_le_bytes(take(&mut rest)?);
    if u64::from(length) > size {
        return None;
    }
    let list = read_at(&file, HEAD as u64, usize::try_from(length).ok()?)?;
    if Sha256::digest(&list)[..] != *rest {
        return None;
    }
    let mut rest = list.as_slice();
    let mut blocks: Vec<Block> = Vec::new();
    while !rest.is_empty() {
        let offset = u64::from_le_bytes(take(&mut rest)?);
        let length = u32::from_le_bytes(take(&mut rest)?);
        let checksum = take(&mut rest)?;
        let (first, after) = record(rest)?;
        let is_behind = blocks.last().is_none_or(|last| *last.first < *first);
        if !is_behind || offset.checked_add(length.into())? > size {
            return None;
        }
        blocks.push(Block {
            first: first.into(),
            offset,
            length: usize::try_from(length).ok()?,
            checksum,
            records: OnceLock::new(),
        });
        rest = after;
    }
    Some(Stored {
        blocks,
        file: Some(file),
    })
}

fn read_at(file: &File, offset: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, offset).ok()?;
    Some(bytes)
}

fn read_block(file: &File, block: &Block) -> Option<Records> {
    let bytes = read_at(file, block.offset, block.length)?;
    if Sha256::digest(&bytes)[..] != block.checksum {
        return None;
    }
    let mut places = Vec::with_capacity(bytes.len() / 150);
    let mut at = 0;
    let mut last = &[][..];
    while at < bytes.len() {
        let (path, after) = record(&bytes[at..])?;
        // They are looked for by halves.
        if path < last {
            return None;
        }
        places.push(at);
        last = path;
        at = bytes.len() - after.get(STATED..)?.len();
    }
    Some(Records { bytes, places })
}

/// Writes files, sorted by path, as the file holds them.
pub(super) fn render(files: &[(&[u8], Remembered)]) -> Vec<u8> {
    let mut blocks = Vec::with_capacity(files.len() * 160);
    // Of each block, the first path and where it begins.
    let mut begun: Vec<(&[u8], usize)> = Vec::new();
    for (path, it) in files {
        if begun.last().is_none_or(|it| blocks.len() - it.1 >= BLOCK) {
            begun.push((path, blocks.len()));
        }
        write_text(&mut blocks, path);
        write_stated(&mut blocks, it);
    }
    let ends = begun.iter().skip(1).map(|it| it.1).chain([blocks.len()]);
    let parts: Vec<_> = begun.iter().zip(ends).collect();
    let listed: usize = begun
        .iter()
        .map(|(path, _)| 8 + 4 + 32 + 4 + path.len())
        .sum();
    let mut list = Vec::with_capacity(listed);
    for ((first, start), end) in parts {
        list.extend_from_slice(&((HEAD + listed + start) as u64).to_le_bytes());
        let length = u32::try_from(end - start).expect("a path and some kilobytes");
        list.extend_from_slice(&length.to_le_bytes());
        list.extend_from_slice(&Sha256::digest(&blocks[*start..end]));
        write_text(&mut list, first);
    }
    let mut bytes = Vec::with_capacity(HEAD + list.len() + blocks.len());
    bytes.extend_from_slice(MAGIC);
    let length = u32::try_from(list.len()).expect("a list of some thousand blocks");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&Sha256::digest(&list));
    bytes.extend_from_slice(&list);
    bytes.extend_from_slice(&blocks);
    bytes
}

fn write_text(bytes: &mut Vec<u8>, text: &[u8]) {
    let length = u32::try_from(text.len()).expect("no path has gigabytes");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(text);
}

fn write_stated(bytes: &mut Vec<u8>, it: &Remembered) {
    let Remembered {
        stamp,
        content,
        day,
    } = it;
    bytes.extend_from_slice(&stamp.size.to_le_bytes());
    for number in [
        stamp.modified.0,
        stamp.modified.1,
        stamp.changed.0,
        stamp.changed.1,
    ] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&stamp.inode.to_le_bytes());
    bytes.extend_from_slice(&content.sha256);
    bytes.push(u8::from(content.is_pointer));
    bytes.extend_from_slice(&day.to_le_bytes());
}

/// Splits off a text and its length before it: the path of a record.
fn record(mut rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_le_bytes(take(&mut rest)?);
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// Reads what follows the path of a record.
fn remembered(mut rest: &[u8]) -> Option<Remembered> {
    let rest = &mut rest;
    let size = u64::from_le_bytes(take(rest)?);
    let modified = times(rest)?;
    let changed = times(rest)?;
    let inode = u64::from_le_bytes(take(rest)?);
    let sha256 = take(rest)?;
    let [is_pointer] = take(rest)?;
    let day = u32::from_le_bytes(take(rest)?);
    Some(Remembered {
        stamp: Stamp {
            size,
            modified,
            changed,
            inode,
        },
        content: Content {
            sha256,
            is_pointer: is_pointer != 0,
        },
        day,
    })
}

fn times(rest: &mut &[u8]) -> Option<(i64, i64)> {
    Some((
        i64::from_le_bytes(take(rest)?),
        i64::from_le_bytes(take(rest)?),
    ))
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, after) = rest.split_first_chunk::<N>()?;
    *rest = after;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(number: usize) -> (Vec<u8>, Remembered) {
        let stamp = Stamp {
            size: number as u64,
            modified: (100, 5),
            changed: (100, 6),
            inode: 9,
        };
        let content = Content {
            sha256: [7; 32],
            is_pointer: number.is_multiple_of(2),
        };
        let day = 3;
        let remembered = Remembered {
            stamp,
            content,
            day,
        };
        (
            format!("/folder-{}/{number:05}", number / 500).into_bytes(),
            remembered,
        )
    }

    fn stored(count: usize) -> (tempfile::TempDir, Vec<(Vec<u8>, Remembered)>) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut files: Vec<_> = (0..count).map(file).collect();
        files.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let shown: Vec<_> = files.iter().map(|(path, it)| (&**path, *it)).collect();
        std::fs::write(folder.path().join("hashes"), render(&shown)).expect("a file");
        (folder, files)
    }

    fn read(stored: &Stored) -> usize {
        let blocks = stored.blocks.iter();
        blocks.filter(|it| it.records.get().is_some()).count()
    }

    #[test]
    fn what_was_written_is_read_again_in_any_order() {
        for count in [0, 1, 2, 150, 151, 5_000] {
            let (folder, mut files) = stored(count);
            let opened = || Stored::open(&folder.path().join("hashes"));
            let stored = opened();
            let all: Vec<_> = stored
                .iter()
                .map(|(path, it)| (path.to_owned(), it))
                .collect();
            assert!(all == files, "{count}");
            for step in [1, 7] {
                let stored = opened();
                let mut cursor = Cursor::default();
                for (path, it) in files.iter().step_by(step) {
                    assert_eq!(stored.get(path, &mut cursor), Some(*it));
                }
            }
            files.reverse();
            let mut cursor = Cursor::default();
            for (path, it) in &files {
                assert_eq!(stored.get(path, &mut cursor), Some(*it));
                for other in [&path[1..], &[path, &b"0"[..]].concat()] {
                    assert_eq!(stored.get(other, &mut cursor), None);
                }
            }
            assert_eq!(stored.get(b"", &mut cursor), None);
            assert_eq!(stored.get(b"~", &mut cursor), None);
        }
    }

    #[test]
    fn a_folder_costs_its_own_blocks_alone() {
        let (folder, files) = stored(20_000);
        let open = || Stored::open(&folder.path().join("hashes"));
        let stored = open();
        assert_eq!(read(&stored), 0);
        assert!(stored.blocks.len() > 50);
        let prefix = b"/folder-17/";
        let inside = || files.iter().filter(|(path, _)| path.starts_with(prefix));
        let mut cursor = Cursor::default();
        for (path, it) in inside() {
            assert_eq!(stored.get(path, &mut cursor), Some(*it));
        }
        let needed = read(&stored);
        assert!(needed < 6, "{needed}");
        let ahead = open();
        ahead.read_ahead(prefix);
        assert_eq!(read(&ahead), needed);
        for (path, _) in inside() {
            ahead.get(path, &mut cursor);
        }
        assert_eq!(read(&ahead), needed);
        ahead.read_ahead(b"");
        assert_eq!(read(&ahead), ahead.blocks.len());
    }

    #[test]
    fn no_damage_gives_another_answer_than_before() {
        let (folder, files) = stored(400);
        let path = folder.path().join("hashes");
        let good = std::fs::read(&path).expect("it was written");
        let mut lost = 0;
        for at in (0..good.len()).step_by(13) {
            let mut bad = good.clone();
            bad[at] ^= 1;
            for damaged in [&bad, &good[..at]] {
                std::fs::write(&path, damaged).expect("a file");
                let stored = Stored::open(&path);
                let mut cursor = Cursor::default();
                let found = files.iter().map(|(path, it)| {
                    let found = stored.get(path, &mut cursor);
                    assert!(found.is_none() || found == Some(*it), "byte {at}");
                    found
                });
                let missing = found.filter(Option::is_none).count();
                assert!(missing > 0, "byte {at}");
                lost = lost.max(missing);
            }
        }
        assert_eq!(lost, files.len(), "damage of the list loses all");
        for other in [&b""[..], b"something else", &[0xff; 100]] {
            std::fs::write(&path, other).expect("a file");
            assert!(Stored::open(&path).blocks.is_empty());
        }
    }
}
