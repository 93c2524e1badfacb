//! One line on a terminal while large build contexts are hashed.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use windlass_backends::files::HashProgress;

/// Less than this is hashed before anybody wonders.
const WORTH_A_LINE: u64 = 64 * 1024 * 1024;
/// How long hashing may take without a word.
const PATIENCE: Duration = Duration::from_millis(500);
/// How often the line changes.
const REFRESH: Duration = Duration::from_millis(100);

/// The line, made anew at each change and taken away at the end.
#[derive(Debug)]
pub(crate) struct HashingLine {
    began: Instant,
    shown: Mutex<Option<Instant>>,
}

impl HashingLine {
    /// Returns the line, where standard error is a terminal.
    pub(crate) fn on_terminal() -> Option<Self> {
        std::io::stderr().is_terminal().then(|| Self {
            began: Instant::now(),
            shown: Mutex::new(None),
        })
    }

    /// Shows how far it is; called often, and from several threads.
    pub(crate) fn show(&self, progress: HashProgress) {
        if progress.total < WORTH_A_LINE || self.began.elapsed() < PATIENCE {
            return;
        }
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let is_last = progress.done >= progress.total;
        if is_last && shown.is_none() {
            return;
        }
        if !is_last && shown.is_some_and(|at| at.elapsed() < REFRESH) {
            return;
        }
        *shown = (!is_last).then(Instant::now);
        let text = if is_last {
            String::new()
        } else {
            line(progress)
        };
        // A terminal that is gone is no reason to stop.
        drop(write!(std::io::stderr(), "\r\x1b[2K{text}"));
    }
}

fn line(progress: HashProgress) -> String {
    let mebibytes = |bytes: u64| bytes / (1024 * 1024);
    format!(
        "Hashing the build context: {} of {} MiB",
        mebibytes(progress.done),
        mebibytes(progress.total)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_how_much_of_how_much() {
        let progress = HashProgress {
            done: 512 * 1024 * 1024,
            total: 2048 * 1024 * 1024,
        };
        assert_eq!(line(progress), "Hashing the build context: 512 of 2048 MiB");
    }

    #[test]
    fn a_small_context_and_one_that_is_done_at_once_show_nothing() {
        let quiet = HashingLine {
            began: Instant::now(),
            shown: Mutex::new(None),
        };
        for total in [1, WORTH_A_LINE] {
            quiet.show(HashProgress { done: 1, total });
            assert_eq!(*quiet.shown.lock().expect("no panic"), None);
        }
    }
}
