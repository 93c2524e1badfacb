//! Hashing of many files on all processors, each only if it is not remembered.

mod lanes;
mod sha256;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::files::cache::{Content, HashCache, Stamp};
use crate::files::{HashProgress, processors};

/// Fewer bytes than this are hashed by the calling thread alone: starting threads would cost more.
const WORTH_THREADS: u64 = 2 * 1024 * 1024;
/// Fewer files than this are hashed by the calling thread alone.
const MANY_FILES: usize = 128;

/// A file whose content is asked for.
pub(super) struct Job {
    pub(super) path: PathBuf,
    /// What the walk saw of it.
    pub(super) stamp: Stamp,
}

/// A file that was hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hashed {
    pub(super) content: Content,
    /// How many bytes were hashed.
    pub(super) bytes: u64,
    /// Whether it was the file that the walk saw, before and after it was read.
    was_still: bool,
}

/// What hashing works with beside the files.
#[derive(Clone, Copy, Default)]
pub(super) struct Aids<'a> {
    /// What is remembered.
    pub(super) cache: Option<&'a HashCache>,
    /// Who wants to know how far it is.
    pub(super) progress: Option<&'a (dyn Fn(HashProgress) + Send + Sync)>,
}

/// Returns the content of each file, or what the system says, in the order of `jobs`.
pub(super) fn hash_all(jobs: &[Job], aids: Aids<'_>) -> Vec<std::io::Result<Hashed>> {
    let _alone = aids.cache.map(HashCache::alone);
    let known = match aids.cache {
        Some(cache) => cache.get(jobs.iter().map(|job| (job.path.as_path(), job.stamp))),
        None => vec![None; jobs.len()],
    };
    let open: Vec<&Job> = jobs
        .iter()
        .zip(&known)
        .filter_map(|(job, known)| known.is_none().then_some(job))
        .collect();
    let since = aids.cache.map(HashCache::now);
    let mut hashed = hash_open(&open, aids.progress);
    if let (Some(cache), Some(since)) = (aids.cache, since) {
        let good = open.iter().zip(&hashed).filter_map(|(job, hashed)| {
            let hashed = hashed.as_ref().ok().filter(|it| it.was_still)?;
            Some((job.path.as_path(), job.stamp, hashed.content))
        });
        cache.put(since, good);
    }
    let mut fresh = hashed.drain(..);
    jobs.iter()
        .zip(known)
        .map(|(job, known)| match known {
            Some(content) => Ok(Hashed {
                content,
                bytes: job.stamp.size(),
                was_still: true,
            }),
            None => fresh.next().expect("every file is known or was hashed"),
        })
        .collect()
}

fn hash_open(
    jobs: &[&Job],
    progress: Option<&(dyn Fn(HashProgress) + Send + Sync)>,
) -> Vec<std::io::Result<Hashed>> {
    let total: u64 = jobs.iter().map(|job| job.stamp.size()).sum();
    let threads = processors().min(jobs.len());
    let counter = Counter {
        done: AtomicU64::new(0),
        total,
        progress,
    };
    let next = AtomicUsize::new(0);
    let worker = || lanes::hash_while(|| take(&next, jobs), &counter);
    let mut results = if threads < 2 || (total < WORTH_THREADS && jobs.len() < MANY_FILES) {
        worker()
    } else {
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
            workers
                .into_iter()
                .flat_map(|worker| {
                    worker
                        .join()
                        .expect("a worker that only hashes does not panic")
                })
                .collect()
        })
    };
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn take<'a>(next: &AtomicUsize, jobs: &[&'a Job]) -> Option<(usize, &'a Job)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(at).map(|job| (at, *job))
}

/// How many bytes of all files are done.
struct Counter<'a> {
    done: AtomicU64,
    total: u64,
    progress: Option<&'a (dyn Fn(HashProgress) + Send + Sync)>,
}

impl Counter<'_> {
    fn add(&self, bytes: usize) {
        let Some(progress) = self.progress else {
            return;
        };
        let bytes = bytes as u64;
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        progress(HashProgress {
            done,
            total: self.total,
        });
    }
}
