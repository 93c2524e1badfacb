//! What is remembered of files: their digests, as long as size, times and inode say that they are the same.
//!
//! One file in the cache folder, as git's index: `hashes-1`. It is written whole beside itself and renamed, so runs at the same time
//! lose at most what the other one found out; it carries a checksum, and a damaged one is thrown away. A file that changed within
//! [`RACY`] before it was hashed is not remembered: a later change could leave the same times. Nothing depends on it but time.

use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sha2::{Digest as _, Sha256};

use windlass_core::name::Digest;

use crate::files::write_whole;

const NAME: &str = "hashes-1";
const MAGIC: &[u8; 16] = b"windlass hashes\n";
/// A file must have been at rest for this long before it was hashed. Some file systems keep times in steps of two seconds.
const RACY: Duration = Duration::from_secs(2);
/// A larger file is not read: something else wrote it.
const LARGEST: u64 = 512 * 1024 * 1024;
/// More files than this are not remembered; those that were not used for longest go first.
const MOST: usize = 1_000_000;
/// Days after which an unused file is forgotten.
const FORGOTTEN_AFTER: u32 = 30;
/// Days after which it is written down that a file is still used.
const REFRESHED_AFTER: u32 = 7;
/// How often a run writes what it found out, at most.
const WRITES: Duration = Duration::from_secs(2);

/// What tells that a file is the one that was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    inode: u64,
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Says whether the file was at rest when the clock said `now`.
    fn is_at_rest(&self, now: Duration) -> bool {
        let before = |(seconds, nanoseconds): (i64, i64)| {
            let seconds = u64::try_from(seconds).unwrap_or(0);
            let nanoseconds = u32::try_from(nanoseconds).unwrap_or(0);
            Duration::new(seconds, nanoseconds) + RACY < now
        };
        before(self.modified) && before(self.changed)
    }
}

/// What is known of the content of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) sha256: [u8; 32],
    /// Whether it is a pointer of Git LFS.
    pub(super) is_pointer: bool,
}

impl Content {
    pub(super) fn digest(&self) -> Digest {
        Digest::of_sha256(&self.sha256)
    }
}

#[derive(Debug, Clone, Copy)]
struct Remembered {
    stamp: Stamp,
    content: Content,
    /// The day on which it was last used, counted from 1970.
    day: u32,
}

/// The digests that are remembered, shared by all contexts of a run.
#[derive(Debug)]
pub(super) struct HashCache {
    path: PathBuf,
    /// Whether what others wrote is believed.
    trust: bool,
    /// How far the clock is taken to be ahead; for tests, which cannot wait until their files are at rest.
    ahead: Duration,
    /// Held by the context that hashes: each uses all processors, and two contexts of the same files shall not both hash them.
    hashing: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What was remembered when the run began.
    old: Remembrance,
    /// What this run found out, and what it used of the rest that was not used for long.
    new: HashMap<Box<[u8]>, Remembered>,
    is_changed: bool,
    written: Instant,
}

impl HashCache {
    /// Opens the cache in a folder, which may be missing; without `trust` what it holds is not believed, and replaced.
    pub(super) fn open(folder: &Path, trust: bool) -> Self {
        let path = folder.join(NAME);
        let old = if trust {
            read(&path)
        } else {
            Remembrance::default()
        };
        Self {
            path,
            trust,
            ahead: Duration::ZERO,
            hashing: Mutex::new(()),
            state: Mutex::new(State {
                old,
                new: HashMap::new(),
                is_changed: false,
                written: Instant::now(),
            }),
        }
    }

    #[cfg(test)]
    pub(super) fn an_hour_ahead(mut self) -> Self {
        self.ahead = Duration::from_hours(1);
        self
    }

    /// Returns the time, to be handed to [`HashCache::put`].
    pub(super) fn now(&self) -> SystemTime {
        SystemTime::now() + self.ahead
    }

    /// Waits until no other context hashes.
    pub(super) fn alone(&self) -> MutexGuard<'_, ()> {
        self.hashing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns what is known of files, where they are the ones that were hashed.
    pub(super) fn get<'a>(
        &self,
        files: impl Iterator<Item = (&'a Path, Stamp)>,
    ) -> Vec<Option<Content>> {
        let today = today();
        let mut state = self.state();
        let State {
            old,
            new,
            is_changed,
            ..
        } = &mut *state;
        let mut cursor = 0;
        files
            .map(|(path, stamp)| {
                let path = path.as_os_str().as_bytes();
                let found = match new.get(path) {
                    Some(found) => *found,
                    None => old.get(path, &mut cursor)?,
                };
                if found.stamp != stamp {
                    return None;
                }
                if today.abs_diff(found.day) > REFRESHED_AFTER {
                    new.insert(
                        path.into(),
                        Remembered {
                            day: today,
                            ..found
                        },
                    );
                    *is_changed = true;
                }
                Some(found.content)
            })
            .collect()
    }

    /// Remembers files that were hashed after `since`, those that were at rest by then.
    pub(super) fn put<'a>(
        &self,
        since: SystemTime,
        hashed: impl Iterator<Item = (&'a Path, Stamp, Content)>,
    ) {
        let since = since.duration_since(UNIX_EPOCH).unwrap_or_default();
        let day = today();
        let mut state = self.state();
        for (path, stamp, content) in hashed.filter(|(_, stamp, _)| stamp.is_at_rest(since)) {
            let remembered = Remembered {
                stamp,
                content,
                day,
            };
            let path = path.as_os_str().as_bytes().into();
            state.new.insert(path, remembered);
            state.is_changed = true;
        }
        if state.is_changed && state.written.elapsed() > WRITES {
            self.write(&mut state);
        }
    }

    /// Writes what was found out, together with what others wrote meanwhile. A cache that cannot be written costs time and nothing else.
    fn write(&self, state: &mut State) {
        let others = if self.trust {
            read(&self.path)
        } else {
            Remembrance::default()
        };
        let mut files: BTreeMap<&[u8], Remembered> = state.old.iter().collect();
        files.extend(others.iter());
        files.extend(state.new.iter().map(|(path, it)| (&**path, *it)));
        let today = today();
        files.retain(|_, it| today.abs_diff(it.day) <= FORGOTTEN_AFTER);
        let mut files: Vec<(&[u8], Remembered)> = files.into_iter().collect();
        if files.len() > MOST {
            files.sort_by_key(|(_, it)| std::cmp::Reverse(it.day));
            files.truncate(MOST);
            files.sort_unstable_by_key(|(path, _)| *path);
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        if std::fs::create_dir_all(folder).is_ok() {
            drop(write_whole(&self.path, &render(&files)));
        }
        state.is_changed = false;
        state.written = Instant::now();
    }
}

impl Drop for HashCache {
    fn drop(&mut self) {
        let mut state = self.state();
        if state.is_changed {
            self.write(&mut state);
        }
    }
}

fn today() -> u32 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    u32::try_from(now.unwrap_or_default().as_secs() / 86_400).unwrap_or(0)
}

fn render(files: &[(&[u8], Remembered)]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(files.len() * 160 + 48);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&[0; 32]);
    for (path, it) in files {
        let Remembered {
            stamp,
            content,
            day,
        } = it;
        let length = u32::try_from(path.len()).expect("no path has gigabytes");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(path);
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
    let checksum = Sha256::digest(&bytes[48..]);
    bytes[16..48].copy_from_slice(&checksum);
    bytes
}

/// What the file holds, as it was read: 20,000 files cost no allocation each.
#[derive(Debug, Default)]
struct Remembrance {
    bytes: Vec<u8>,
    /// Where each record begins, sorted by path.
    places: Vec<usize>,
}

impl Remembrance {
    /// Looks for a path, first at the place behind the one that was found last: paths are asked for in their order.
    fn get(&self, path: &[u8], cursor: &mut usize) -> Option<Remembered> {
        let is_next = |place: &&usize| self.record(**place).0 == path;
        let at = match self.places.get(*cursor).filter(is_next) {
            Some(_) => *cursor,
            None => self
                .places
                .binary_search_by(|place| self.record(*place).0.cmp(path))
                .ok()?,
        };
        *cursor = at + 1;
        remembered(self.record(self.places[at]).1)
    }

    fn iter(&self) -> impl Iterator<Item = (&[u8], Remembered)> {
        self.places.iter().filter_map(|place| {
            let (path, rest) = self.record(*place);
            Some((path, remembered(rest)?))
        })
    }

    /// Returns the path of the record at a place, and what follows it.
    fn record(&self, place: usize) -> (&[u8], &[u8]) {
        record(&self.bytes[place..]).unwrap_or_default()
    }
}

/// Splits off the path of a record.
fn record(mut rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_le_bytes(take(&mut rest)?);
    rest.split_at_checked(usize::try_from(length).ok()?)
}

/// Reads the file; nothing where it is missing, damaged or of another version.
fn read(path: &Path) -> Remembrance {
    let is_small = std::fs::metadata(path).is_ok_and(|it| it.is_file() && it.len() <= LARGEST);
    if !is_small {
        return Remembrance::default();
    }
    let bytes = std::fs::read(path).unwrap_or_default();
    parse(bytes).unwrap_or_default()
}

fn parse(bytes: Vec<u8>) -> Option<Remembrance> {
    let rest = bytes.strip_prefix(MAGIC)?;
    let (checksum, rest) = rest.split_at_checked(32)?;
    if Sha256::digest(rest)[..] != *checksum {
        return None;
    }
    let mut places = Vec::with_capacity(rest.len() / 150);
    let mut at = bytes.len() - rest.len();
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
    Some(Remembrance { bytes, places })
}

/// How many bytes follow the path of a record.
const STATED: usize = 8 + 32 + 8 + 32 + 1 + 4;

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

    const CONTENT: Content = Content {
        sha256: [7; 32],
        is_pointer: false,
    };

    fn stamp(seconds: i64) -> Stamp {
        Stamp {
            size: 3,
            modified: (seconds, 5),
            changed: (seconds, 6),
            inode: 9,
        }
    }

    fn put(cache: &HashCache, path: &str, stamp: Stamp, hashed_at: u64) {
        let since = UNIX_EPOCH + Duration::from_secs(hashed_at);
        cache.put(since, std::iter::once((Path::new(path), stamp, CONTENT)));
    }

    fn get(cache: &HashCache, path: &str, stamp: Stamp) -> Option<Content> {
        cache.get(std::iter::once((Path::new(path), stamp)))[0]
    }

    #[test]
    fn a_file_is_known_until_anything_about_it_differs() {
        let folder = tempfile::tempdir().expect("a folder");
        put(&HashCache::open(folder.path(), true), "/a", stamp(100), 200);
        let cache = HashCache::open(folder.path(), true);
        assert_eq!(get(&cache, "/a", stamp(100)), Some(CONTENT));
        assert_eq!(get(&cache, "/b", stamp(100)), None);
        let edits: [fn(&mut Stamp); 5] = [
            |it| it.size += 1,
            |it| it.modified.1 += 1,
            |it| it.changed.1 += 1,
            |it| it.changed.0 -= 1,
            |it| it.inode += 1,
        ];
        for edit in edits {
            let mut other = stamp(100);
            edit(&mut other);
            assert_eq!(get(&cache, "/a", other), None, "{other:?}");
        }
    }

    #[test]
    fn a_file_that_was_not_at_rest_is_not_remembered() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = HashCache::open(folder.path(), true);
        // Changed just before it was hashed, and, by a clock that went back, after it.
        for hashed_at in [101, 100, 50] {
            put(&cache, "/a", stamp(100), hashed_at);
            assert_eq!(get(&cache, "/a", stamp(100)), None, "{hashed_at}");
        }
        put(&cache, "/a", stamp(100), 103);
        assert_eq!(get(&cache, "/a", stamp(100)), Some(CONTENT));
    }

    #[test]
    fn without_trust_nothing_is_believed_and_all_is_written_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        put(&HashCache::open(folder.path(), true), "/a", stamp(100), 200);
        let cache = HashCache::open(folder.path(), false);
        assert_eq!(get(&cache, "/a", stamp(100)), None);
        put(&cache, "/a", stamp(110), 200);
        drop(cache);
        let cache = HashCache::open(folder.path(), true);
        assert_eq!(get(&cache, "/a", stamp(110)), Some(CONTENT));
    }

    #[test]
    fn runs_at_the_same_time_keep_what_each_found_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let (one, two) = (
            HashCache::open(folder.path(), true),
            HashCache::open(folder.path(), true),
        );
        put(&one, "/a", stamp(100), 200);
        put(&two, "/b", stamp(100), 200);
        drop(one);
        drop(two);
        let cache = HashCache::open(folder.path(), true);
        assert!(get(&cache, "/a", stamp(100)).is_some() && get(&cache, "/b", stamp(100)).is_some());
    }

    #[test]
    fn damage_of_any_byte_throws_it_away() {
        let folder = tempfile::tempdir().expect("a folder");
        put(&HashCache::open(folder.path(), true), "/a", stamp(100), 200);
        let path = folder.path().join(NAME);
        let good = std::fs::read(&path).expect("it was written");
        assert!(parse(good.clone()).is_some());
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(parse(bad).is_none(), "byte {at}");
            assert!(parse(good[..at].to_vec()).is_none(), "cut at {at}");
        }
        std::fs::write(&path, b"something else").expect("a file");
        let cache = HashCache::open(folder.path(), true);
        assert_eq!(get(&cache, "/a", stamp(100)), None);
        put(&cache, "/a", stamp(100), 200);
        drop(cache);
        assert!(get(&HashCache::open(folder.path(), true), "/a", stamp(100)).is_some());
    }

    #[test]
    fn every_file_is_found_in_any_order() {
        let folder = tempfile::tempdir().expect("a folder");
        let cache = HashCache::open(folder.path(), true);
        let names: Vec<String> = (0..200).map(|it| format!("/{}", it * 7 % 200)).collect();
        for (at, name) in (0_i64..).zip(&names) {
            put(&cache, name, stamp(at), 1_000);
        }
        drop(cache);
        let cache = HashCache::open(folder.path(), true);
        let asked: Vec<(&Path, Stamp)> = names
            .iter()
            .zip(0_i64..)
            .map(|(name, at)| (Path::new(name), stamp(at)))
            .collect();
        let mut sorted = asked.clone();
        sorted.sort_unstable_by_key(|(path, _)| *path);
        for order in [asked, sorted] {
            let found = cache.get(order.into_iter());
            assert!(found.iter().all(Option::is_some));
        }
        assert_eq!(get(&cache, "/200", stamp(0)), None);
        assert_eq!(get(&cache, "", stamp(0)), None);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_no_error() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("file"), "").expect("a file");
        let cache = HashCache::open(&folder.path().join("file"), true);
        put(&cache, "/a", stamp(100), 200);
        assert!(get(&cache, "/a", stamp(100)).is_some());
    }
}
