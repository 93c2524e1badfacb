//! Two files at a time, each read piece by piece.

use std::fs::File;
use std::io::Read as _;

use super::sha256::{self, BLOCK, State};
use super::{Counter, Hashed, Job};
use crate::files::cache::{Content, Stamp};

/// How much of a file is read at a time: so little that it is still near the processor when it is hashed.
const PIECE: usize = 64 * 1024;
/// How a pointer file of Git LFS begins.
const LFS: &[u8] = b"version https://git-lfs.github.com/spec/v1";

/// What a job of `J` came to.
pub(super) type Done<J> = (J, std::io::Result<Hashed>);

/// Hashes what `next` gives until it gives no more.
pub(super) fn hash_while<'a, J>(
    mut next: impl FnMut() -> Option<(J, &'a Job)>,
    counter: &Counter<'_>,
) -> Vec<Done<J>> {
    let mut done = Vec::new();
    let (mut one, mut other) = (Lane::new(), Lane::new());
    loop {
        one.prepare(&mut next, &mut done, counter);
        other.prepare(&mut next, &mut done, counter);
        match (&mut one.reading, &mut other.reading) {
            (Some(one), Some(other)) => Reading::hash_both(one, other),
            (Some(alone), None) | (None, Some(alone)) => alone.hash(),
            (None, None) => return done,
        }
    }
}

/// Room for one file after the other.
struct Lane<'a, J> {
    reading: Option<Reading<'a, J>>,
    /// The buffer of the file before.
    spare: Vec<u8>,
}

impl<'a, J> Lane<'a, J> {
    fn new() -> Self {
        Self {
            reading: None,
            spare: vec![0; BLOCK + PIECE + sha256::MOST_PADDING],
        }
    }

    /// Sees to it that there is a file with something to hash, unless there is no more.
    fn prepare(
        &mut self,
        next: &mut impl FnMut() -> Option<(J, &'a Job)>,
        done: &mut Vec<Done<J>>,
        counter: &Counter<'_>,
    ) {
        loop {
            let Some(mut reading) = self.reading.take() else {
                let Some((name, job)) = next() else {
                    return;
                };
                match File::open(&job.path) {
                    Ok(file) => {
                        let buffer = std::mem::take(&mut self.spare);
                        self.reading = Some(Reading::new(name, job, file, buffer));
                    }
                    Err(error) => done.push((name, Err(error))),
                }
                continue;
            };
            if !reading.blocks().is_empty() {
                self.reading = Some(reading);
                return;
            }
            let result = match reading.was_still {
                Some(was_still) => Ok(reading.hashed(was_still)),
                None => match reading.fill(counter) {
                    Ok(()) => {
                        self.reading = Some(reading);
                        continue;
                    }
                    Err(error) => Err(error),
                },
            };
            done.push((reading.name, result));
            self.spare = reading.buffer;
        }
    }
}

/// A file that is being hashed.
struct Reading<'a, J> {
    name: J,
    job: &'a Job,
    file: File,
    /// How many bytes were read.
    bytes: u64,
    state: State,
    buffer: Vec<u8>,
    /// What of `buffer` is to be hashed.
    from: usize,
    to: usize,
    is_pointer: bool,
    /// Whether it was the file that the walk saw, when its end was reached.
    was_still: Option<bool>,
}

impl<'a, J> Reading<'a, J> {
    fn new(name: J, job: &'a Job, file: File, buffer: Vec<u8>) -> Self {
        Self {
            name,
            job,
            file,
            bytes: 0,
            state: State::START,
            buffer,
            from: 0,
            to: 0,
            is_pointer: false,
            was_still: None,
        }
    }

    /// Reads a piece; after the last one comes what ends a text.
    fn fill(&mut self, counter: &Counter<'_>) -> std::io::Result<()> {
        self.buffer.copy_within(self.from..self.to, 0);
        self.to -= self.from;
        self.from = 0;
        let piece = &mut self.buffer[self.to..self.to + PIECE];
        let count = self.file.read(piece)?;
        if self.bytes == 0 {
            self.is_pointer = piece[..count].starts_with(LFS);
        }
        self.to += count;
        self.bytes += count as u64;
        counter.add(count);
        // The size alone would not tell that a file was written to since the walk saw it, or while it was read.
        let stamp = self.job.stamp;
        let is_whole = self.bytes >= stamp.size();
        let was_still = is_whole && Stamp::of(&self.file.metadata()?) == stamp;
        if was_still || count == 0 {
            self.was_still = Some(was_still);
            for (byte, end) in self.buffer[self.to..]
                .iter_mut()
                .zip(sha256::padding(self.bytes))
            {
                *byte = end;
                self.to += 1;
            }
        }
        Ok(())
    }

    fn blocks(&self) -> &[[u8; BLOCK]] {
        self.buffer[self.from..self.to].as_chunks().0
    }

    fn hash(&mut self) {
        let blocks = self.buffer[self.from..self.to].as_chunks().0;
        self.state.update(blocks);
        self.from += blocks.as_flattened().len();
    }

    /// Hashes as much of both as both have at hand.
    fn hash_both(one: &mut Self, other: &mut Self) {
        let texts = [&*one, &*other].map(Self::blocks);
        let (mut left, mut right) = (one.state, other.state);
        let bytes = BLOCK * State::update_both([&mut left, &mut right], texts);
        for (reading, state) in [(one, left), (other, right)] {
            reading.state = state;
            reading.from += bytes;
        }
    }

    fn hashed(&self, was_still: bool) -> Hashed {
        Hashed {
            content: Content {
                sha256: self.state.digest(),
                // A pointer file has about 130 bytes.
                is_pointer: self.is_pointer && self.bytes <= 1024,
            },
            bytes: self.bytes,
            was_still,
        }
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;
    use crate::files::hash::{Aids, hash_all};

    #[test]
    fn files_of_all_lengths_are_hashed_beside_each_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let around = |length: usize| [length - 1, length, length + 1];
        let lengths = [56, 64, 1024, PIECE, 2 * PIECE, 3 * PIECE + 56].map(around);
        let mut texts = vec![
            Vec::new(),
            b"version https://git-lfs.github.com/spec/v1\n".to_vec(),
        ];
        for (seed, length) in (0..u8::MAX).zip(lengths.concat()) {
            let bytes = (seed..=u8::MAX).chain(0..=seed).cycle();
            texts.push(bytes.take(length).collect());
        }
        let mut jobs: Vec<Job> = (0..texts.len())
            .map(|at| {
                let path = folder.path().join(at.to_string());
                std::fs::write(&path, &texts[at]).expect("a file");
                let stamp = Stamp::of(&path.metadata().expect("a file"));
                Job { path, stamp }
            })
            .collect();
        // One is gone, and one is longer, when it is their turn.
        std::fs::remove_file(&jobs[3].path).expect("a file");
        texts[5].extend(std::iter::repeat_n(7, 2 * PIECE));
        std::fs::write(&jobs[5].path, &texts[5]).expect("a file");
        for _ in 0..2 {
            let hashed = hash_all(&jobs, Aids::default());
            assert_eq!(hashed.len(), texts.len());
            for (at, (hashed, text)) in hashed.iter().zip(&texts).enumerate() {
                match hashed {
                    Ok(hashed) => {
                        let sha256: [u8; 32] = Sha256::digest(text).into();
                        assert_eq!(hashed.content.sha256, sha256, "{} bytes", text.len());
                        assert_eq!(hashed.bytes, text.len() as u64);
                        assert_eq!(hashed.was_still, text != &texts[5]);
                        assert_eq!(hashed.content.is_pointer, text == &texts[1]);
                    }
                    Err(error) => assert_eq!((at, error.raw_os_error()), (3, Some(2))),
                }
            }
            // Again, in another order: other files are beside each other.
            jobs.swap(0, 19);
            texts.swap(0, 19);
        }
    }
}
