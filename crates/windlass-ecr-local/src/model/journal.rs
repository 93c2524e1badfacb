//! The journal: one line a change, appended, read again at the next start.
//!
//! A line is written by a single call and ends with a newline, so that what a kill leaves behind is at most one
//! torn line at the end; that one is cut off. Anything else unreadable is an error, never skipped.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::event::Event;
use crate::model::repository::Scope;

/// One line: changes of one registry that belong together.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// Registry.
    #[serde(flatten)]
    pub(crate) scope: Scope,
    /// Changes, in order.
    pub(crate) events: Vec<Event>,
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    /// The file cannot be read or written.
    #[error("cannot use the journal {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line before the last is unreadable.
    #[error(
        "the journal {path} is damaged at line {line}: {message}; move the data folder away to start anew"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Line, counted from 1.
        line: usize,
        /// What the reader said.
        message: String,
    },
}

/// The open journal.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
    length: u64,
}

impl Journal {
    /// Opens the journal in `folder` and hands its lines to `apply` in order.
    pub(crate) fn open(folder: &Path, mut apply: impl FnMut(Line)) -> Result<Self, JournalError> {
        let path = folder.join("journal.jsonl");
        let failed = |source| JournalError::Io {
            path: path.clone(),
            source,
        };
        let mut options = OpenOptions::new();
        let file = options
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(failed)?;
        let total = file.metadata().map_err(failed)?.len();
        let length = read_lines(&file, total, &path, &mut apply)?;
        let mut journal = Self {
            file,
            path: path.clone(),
            length,
        };
        journal.cut(length).map_err(failed)?;
        Ok(journal)
    }

    /// Appends one line; after an error the file is as it was before.
    pub(crate) fn append(&mut self, line: &Line) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        if let Err(error) = self.file.write_all(&bytes) {
            let _ignored = self.cut(self.length);
            return Err(error);
        }
        self.length += bytes.len() as u64;
        Ok(())
    }

    /// Returns the size in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Replaces the whole content in one step.
    pub(crate) fn rewrite(
        &mut self,
        lines: impl Iterator<Item = Line>,
    ) -> Result<(), JournalError> {
        let path = self.path.clone();
        self.rewrite_file(lines)
            .map_err(|source| JournalError::Io { path, source })
    }

    fn rewrite_file(&mut self, lines: impl Iterator<Item = Line>) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut new = tempfile::Builder::new()
            .prefix(".journal-")
            .tempfile_in(folder)?;
        let mut length = 0;
        for line in lines {
            let mut bytes = serde_json::to_vec(&line)?;
            bytes.push(b'\n');
            new.write_all(&bytes)?;
            length += bytes.len() as u64;
        }
        new.as_file().sync_all()?;
        self.file = new.persist(&self.path).map_err(|error| error.error)?;
        self.length = length;
        Ok(())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.file.set_len(length)?;
        self.file.seek(SeekFrom::End(0)).map(drop)
    }
}

/// Reads all lines and returns the length of the readable part.
fn read_lines(
    file: &File,
    total: u64,
    path: &Path,
    apply: &mut impl FnMut(Line),
) -> Result<u64, JournalError> {
    let mut reader = BufReader::new(file);
    let (mut length, mut number, mut bytes) = (0, 0, Vec::new());
    loop {
        bytes.clear();
        let read = reader.read_until(b'\n', &mut bytes);
        let read = read.map_err(|source| JournalError::Io {
            path: path.to_owned(),
            source,
        })? as u64;
        number += 1;
        let last = length + read >= total;
        if read == 0 || (last && bytes.last() != Some(&b'\n')) {
            return Ok(length);
        }
        match serde_json::from_slice(&bytes) {
            Ok(line) => apply(line),
            Err(_) if last => return Ok(length),
            Err(error) => {
                return Err(JournalError::Damaged {
                    path: path.to_owned(),
                    line: number,
                    message: error.to_string(),
                });
            }
        }
        length += read;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(port: u16) -> Line {
        let scope = Scope {
            account: "1".repeat(12),
            region: "us-east-1".into(),
        };
        Line {
            scope,
            events: vec![Event::Port { port }],
        }
    }

    fn ports(folder: &Path) -> Result<Vec<u16>, JournalError> {
        let mut ports = Vec::new();
        Journal::open(folder, |line| match line.events[0] {
            Event::Port { port } => ports.push(port),
            _ => unreachable!("only ports are written here"),
        })?;
        Ok(ports)
    }

    fn journal_with(folder: &Path, tail: &[u8]) {
        let mut journal = Journal::open(folder, |_| ()).unwrap();
        journal.append(&line(1)).unwrap();
        journal.append(&line(2)).unwrap();
        journal.file.write_all(tail).unwrap();
    }

    #[test]
    fn a_torn_last_line_is_cut_off_and_writing_goes_on() {
        for tail in [&b"{\"account\":\"11"[..], b"\0\0\0\n", b"{}"] {
            let folder = tempfile::tempdir().unwrap();
            journal_with(folder.path(), tail);
            assert_eq!(ports(folder.path()).unwrap(), [1, 2]);
            Journal::open(folder.path(), |_| ())
                .unwrap()
                .append(&line(3))
                .unwrap();
            assert_eq!(ports(folder.path()).unwrap(), [1, 2, 3]);
        }
    }

    #[test]
    fn damage_before_the_last_line_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        journal_with(folder.path(), b"nonsense\n{\"account\":");
        assert!(matches!(
            ports(folder.path()),
            Err(JournalError::Damaged { line: 3, .. })
        ));
    }

    #[test]
    fn a_rewritten_journal_holds_only_the_new_lines() {
        let folder = tempfile::tempdir().unwrap();
        journal_with(folder.path(), b"");
        let mut journal = Journal::open(folder.path(), |_| ()).unwrap();
        journal.rewrite([line(7)].into_iter()).unwrap();
        journal.append(&line(8)).unwrap();
        assert_eq!(ports(folder.path()).unwrap(), [7, 8]);
    }
}
