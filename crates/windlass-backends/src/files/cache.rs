//! What is remembered of files: their digests, as long as size, times and inode say that they are the same.
//!
//! One file in the cache folder, as git's index: `hashes-2`. It is written whole beside itself and renamed, so runs at the same time
//! lose at most what the other one found out; it carries checksums, and what is damaged of it is not believed. A file that changed
//! within [`RACY`] before it was hashed is not remembered: a later change could leave the same times. Nothing depends on it but time.

mod stored;

use std::collections::{BTreeMap, HashMap};
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use stored::{Cursor, Stored, render};
use windlass_core::name::Digest;

use crate::files::write_whole;

const NAME: &str = "hashes-2";
/// A file must have been at rest for this long before it was hashed. Some file systems keep times in steps of two seconds.
const RACY: Duration = Duration::from_secs(2);
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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// What was remembered when the run began.
    old: Stored,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
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
            Stored::open(&path)
        } else {
            Stored::default()
        };
        Self {
            path,
            trust,
            ahead: Duration::ZERO,
            hashing: Mutex::new(()),
            old,
            state: Mutex::new(State {
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

    /// Reads what is remembered of the files below a folder.
    pub(super) fn read_ahead(&self, folder: &Path) {
        self.old.read_ahead(folder.as_os_str().as_bytes());
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
            new, is_changed, ..
        } = &mut *state;
        let mut cursor = Cursor::default();
        files
            .map(|(path, stamp)| {
                let path = path.as_os_str().as_bytes();
                let found = match new.get(path) {
                    Some(found) => *found,
                    None => self.old.get(path, &mut cursor)?,
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
            Stored::open(&self.path)
        } else {
            Stored::default()
        };
        let mut files: BTreeMap<&[u8], Remembered> = self.old.iter().collect();
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
    fn a_damaged_file_is_written_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(NAME);
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
