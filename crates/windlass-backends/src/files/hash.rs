//! Hashing of many files on all processors.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use sha2::{Digest as _, Sha256};
use windlass_core::name::Digest;

/// Fewer bytes than this are hashed by the calling thread alone: starting threads would cost more.
const WORTH_THREADS: u64 = 2 * 1024 * 1024;
/// Fewer files than this are hashed by the calling thread alone.
const MANY_FILES: usize = 128;

/// A file to be hashed.
pub(super) struct Job {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

/// Returns digest and real size of each file, or what the system says, in the order of `jobs`.
pub(super) fn hash_all(jobs: &[Job]) -> Vec<std::io::Result<(Digest, u64)>> {
    let bytes: u64 = jobs.iter().map(|job| job.bytes).sum();
    let threads = std::thread::available_parallelism()
        .map_or(1, std::num::NonZero::get)
        .min(jobs.len());
    if threads < 2 || (bytes < WORTH_THREADS && jobs.len() < MANY_FILES) {
        let mut buffer = vec![0; 256 * 1024];
        return jobs
            .iter()
            .map(|job| hash_file(&job.path, &mut buffer))
            .collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut buffer = vec![0; 256 * 1024];
        let mut done = Vec::new();
        while let Some((at, job)) = take(&next, jobs) {
            done.push((at, hash_file(&job.path, &mut buffer)));
        }
        done
    };
    let mut results: Vec<(usize, std::io::Result<(Digest, u64)>)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .flat_map(|worker| {
                worker
                    .join()
                    .expect("a worker that only hashes does not panic")
            })
            .collect()
    });
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

fn take<'a>(next: &AtomicUsize, jobs: &'a [Job]) -> Option<(usize, &'a Job)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    jobs.get(at).map(|job| (at, job))
}

fn hash_file(path: &Path, buffer: &mut [u8]) -> std::io::Result<(Digest, u64)> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut size = 0;
    loop {
        let count = file.read(buffer)?;
        if count == 0 {
            break;
        }
        size += count as u64;
        hash.update(&buffer[..count]);
    }
    let digest =
        Digest::new(format!("sha256:{:x}", hash.finalize())).expect("SHA-256 has 64 hex digits");
    Ok((digest, size))
}
