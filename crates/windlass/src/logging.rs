//! `--log LEVEL`: what windlass does behind the scenes, on standard error, a line each.
//!
//! Only windlass' own records are shown, and they are made of names, times, counts and status codes. Libraries log headers and bodies,
//! which hold tokens: their records go nowhere.

use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use log::{LevelFilter, Log, Metadata, Record};

/// What writes a line where something else owns the terminal.
type Sink = Box<dyn Fn(&str) + Send>;

static SINK: Mutex<Option<Sink>> = Mutex::new(None);

struct Logger {
    begun: Instant,
}

/// Starts logging; a second call changes nothing.
pub(crate) fn start(level: LevelFilter) {
    if level == LevelFilter::Off {
        return;
    }
    let logger = Logger {
        begun: Instant::now(),
    };
    if log::set_boxed_logger(Box::new(logger)).is_ok() {
        log::set_max_level(level);
    }
}

/// Sends lines through `sink` until the answer is dropped.
pub(crate) fn through(sink: impl Fn(&str) + Send + 'static) -> Detour {
    *sink_of() = Some(Box::new(sink));
    Detour
}

/// Lines go through a sink while this lives.
pub(crate) struct Detour;

impl Drop for Detour {
    fn drop(&mut self) {
        *sink_of() = None;
    }
}

fn sink_of() -> MutexGuard<'static, Option<Sink>> {
    SINK.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("windlass")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let seconds = self.begun.elapsed().as_secs_f64();
        let level = record.level().as_str().to_ascii_lowercase();
        let text = record.args().to_string().replace(char::is_control, "?");
        let line = format!("{seconds:8.3} {level:5} {text}\n");
        match &*sink_of() {
            Some(sink) => sink(&line),
            // Where nobody reads, nothing happens.
            None => drop(std::io::stderr().lock().write_all(line.as_bytes())),
        }
    }

    fn flush(&self) {}
}
