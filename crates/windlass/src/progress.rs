//! How a run is shown while it runs: a live area on a terminal, lines in a pipe, JSON objects on request.
//!
//! Everything comes from the engine's one stream of events. They are sent into an unbounded channel, so whoever sends never waits for a
//! terminal; one thread folds them into a small model and writes. Nothing here decides anything, and nothing here is asked by the engine.
//!
//! There is no progress-bar crate below it: they own bars that somebody sets, while here one pure function makes a frame from a model,
//! which can be compared with a snapshot at any width, and what writes it to the terminal is `screen`, some hundred lines.

mod frame;
mod json;
mod model;
mod plain;
mod renderer;
mod screen;
mod text;

#[cfg(test)]
mod emulator;
#[cfg(test)]
mod samples;

use std::io::{IsTerminal as _, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, channel, sync_channel};
use std::sync::{Mutex, Once, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use windlass_engine::event::{Event, Events};

pub(crate) use crate::progress::frame::Size;
use crate::progress::renderer::{Renderer, View};
use crate::progress::screen::Screen;
pub(crate) use crate::progress::screen::SizeSource;

/// How long the thread waits for a writer that has asked for the terminal, and that writer for the thread.
const PATIENCE: Duration = Duration::from_secs(2);

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A live area, redrawn in place.
    Tty,
    /// A line for each change.
    Plain,
    /// A JSON object for each event.
    Json,
    /// Only what fails.
    Quiet,
}

impl Mode {
    /// Returns what was asked for; otherwise a live area on a terminal and lines elsewhere.
    pub(crate) fn choose(flag: Option<Self>, is_terminal: bool) -> Self {
        match (flag, is_terminal) {
            (Some(mode), _) => mode,
            (None, true) => Self::Tty,
            (None, false) => Self::Plain,
        }
    }
}

/// What to show and how.
pub(crate) struct Settings {
    /// The form.
    pub(crate) mode: Mode,
    /// Whether lines are coloured.
    pub(crate) color: bool,
    /// Whether the output of every build step is shown, not only that of one that failed.
    pub(crate) verbose: bool,
    /// Where the terminal's size comes from; [`terminal_size`] for stderr.
    pub(crate) size: SizeSource,
    /// Where every event is also written as a JSON object on a line of its own, whatever the form.
    pub(crate) events: Option<Box<dyn Write + Send>>,
}

/// Says whether stderr is a terminal that can redraw a line.
pub(crate) fn is_terminal() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|name| name != "dumb")
}

/// Returns the size of the terminal behind stderr; 80 by 24 where there is none.
pub(crate) fn terminal_size() -> Size {
    match terminal_size::terminal_size_of(std::io::stderr()) {
        Some((terminal_size::Width(width), terminal_size::Height(height)))
            if width > 0 && height > 0 =>
        {
            Size {
                width: width.into(),
                height: height.into(),
            }
        }
        _ => Size {
            width: 80,
            height: 24,
        },
    }
}

/// A run that is shown. Dropping it ends the display as [`Progress::finish`] does, also while a panic unwinds.
pub(crate) struct Progress {
    sender: mpsc::Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    Event(Event),
    Print(String),
    /// Take the live area away, say so, and write nothing until the other side hangs up.
    Pause {
        paused: SyncSender<()>,
        resume: Receiver<()>,
    },
    Finish,
}

impl Progress {
    /// Starts to show what is sent to [`Progress::events`] on `out`, which is stderr outside tests.
    pub(crate) fn start(settings: Settings, out: Box<dyn Write + Send>) -> Self {
        let Settings {
            mode,
            color,
            verbose,
            size,
            events,
        } = settings;
        let view = match mode {
            Mode::Tty => View::Tty(Screen::new(out, size, color)),
            Mode::Plain => View::Plain { out, color },
            Mode::Json => View::Json(out),
            Mode::Quiet => View::Quiet { out, color },
        };
        let (sender, receiver) = channel();
        if mode == Mode::Tty {
            pause_when_something_panics(sender.clone());
        }
        let renderer = Renderer::new(view, verbose);
        let thread = std::thread::Builder::new()
            .name("progress".to_owned())
            .spawn(move || show(renderer, &receiver, events))
            // Without a thread nothing is shown, and the run goes on.
            .ok();
        Self { sender, thread }
    }

    /// Returns where events go. Sending never waits; after the end events are dropped.
    pub(crate) fn events(&self) -> Events {
        let sender = self.sender.clone();
        Events::new(move |event| drop(sender.send(Message::Event(event))))
    }

    /// Returns what prints a text between the events that were sent before and those that come after; above the live area where there is one.
    pub(crate) fn printer(&self) -> impl Fn(&str) + Send + 'static {
        let sender = self.sender.clone();
        move |text| drop(sender.send(Message::Print(text.to_owned())))
    }

    /// Writes all that was sent, says what was still in flight, takes the live area away and shows the cursor. Returns when that is done.
    pub(crate) fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        if let Some(thread) = self.thread.take() {
            drop(self.sender.send(Message::Finish));
            drop(thread.join());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// Takes the live area away until the answer is dropped.
fn pause(sender: &mpsc::Sender<Message>) -> mpsc::Sender<()> {
    let (paused, is_paused) = sync_channel(1);
    let (hold, resume) = channel();
    if sender.send(Message::Pause { paused, resume }).is_ok() {
        is_paused.recv_timeout(PATIENCE).ok();
    }
    hold
}

/// Makes the message of a panic, in whichever thread, appear on a terminal that is free for it.
fn pause_when_something_panics(sender: mpsc::Sender<Message>) {
    static LIVE: Mutex<Option<mpsc::Sender<Message>>> = Mutex::new(None);
    static HOOK: Once = Once::new();
    *LIVE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner) = Some(sender);
    HOOK.call_once(|| {
        let report = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let sender = LIVE
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
                .clone();
            let own = std::thread::current().name() == Some("progress");
            let _pause = sender.filter(|_| !own).map(|sender| pause(&sender));
            report(panic);
        }));
    });
}

/// The thread: takes in what was sent, and draws when a frame is due.
fn show(
    mut renderer: Renderer,
    receiver: &Receiver<Message>,
    mut events: Option<Box<dyn Write + Send>>,
) {
    let start = Instant::now();
    loop {
        let message = match renderer.wait(start.elapsed()) {
            Some(Duration::ZERO) => Err(RecvTimeoutError::Timeout),
            Some(wait) => receiver.recv_timeout(wait),
            None => receiver.recv().map_err(RecvTimeoutError::from),
        };
        match message {
            Ok(Message::Event(event)) => {
                if let Some(out) = &mut events {
                    let line = json::line(&event, start.elapsed());
                    // Whoever followed and went away does not end the run; neither does a full disk.
                    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                        events = None;
                    }
                }
                renderer.event(&event, start.elapsed());
            }
            Ok(Message::Print(text)) => renderer.print(&text, start.elapsed()),
            Ok(Message::Pause { paused, resume }) => {
                renderer.clear();
                paused.send(()).ok();
                // Whoever asked hangs up when it is done, however long that takes.
                resume.recv().ok();
            }
            Err(RecvTimeoutError::Timeout) => renderer.draw(start.elapsed()),
            Ok(Message::Finish) | Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    renderer.finish();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::emulator::{Emulator, Shared};
    use windlass_engine::event::Phase;

    fn start(mode: Mode, shared: &Shared) -> Progress {
        let size = Box::new(|| Size {
            width: 60,
            height: 12,
        });
        Progress::start(
            Settings {
                mode,
                color: false,
                verbose: false,
                size,
                events: None,
            },
            Box::new(shared.clone()),
        )
    }

    fn screen(shared: &Shared) -> Emulator {
        Emulator::new(60, 12).feed(&shared.text())
    }

    #[test]
    fn bars_are_for_terminals_unless_something_else_is_asked_for() {
        assert_eq!(Mode::choose(None, true), Mode::Tty);
        assert_eq!(Mode::choose(None, false), Mode::Plain);
        assert_eq!(Mode::choose(Some(Mode::Json), true), Mode::Json);
        assert_eq!(Mode::choose(Some(Mode::Tty), false), Mode::Tty);
    }

    #[test]
    fn finish_returns_when_all_is_written() {
        let shared = Shared::default();
        let progress = start(Mode::Json, &shared);
        let events = progress.events();
        for line in 0..5000 {
            events.send(samples::log("web", 1, &line.to_string()));
        }
        progress.finish();
        assert_eq!(shared.text().lines().count(), 5000);
        // An engine task that outlives the display must not notice.
        events.send(samples::phase("web", Phase::Building));
    }

    #[test]
    fn events_are_also_written_where_somebody_asked_for_them() {
        let (shown, followed) = (Shared::default(), Shared::default());
        let settings = Settings {
            mode: Mode::Quiet,
            color: false,
            verbose: false,
            size: Box::new(|| Size {
                width: 60,
                height: 12,
            }),
            events: Some(Box::new(followed.clone())),
        };
        let progress = Progress::start(settings, Box::new(shown.clone()));
        progress.events().send(samples::built("web", 1.0));
        progress.events().send(samples::finished("web", None));
        progress.finish();
        assert_eq!(shown.text(), "");
        let kinds: Vec<String> = followed
            .text()
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("JSON"))
            .map(|line| format!("{} {}", line["event"], line["image"]))
            .collect();
        assert_eq!(kinds, ["\"built\" \"web\"", "\"finished\" \"web\""]);
    }

    #[test]
    fn what_is_printed_keeps_its_place_among_the_events() {
        let shared = Shared::default();
        let progress = start(Mode::Plain, &shared);
        progress.events().send(samples::built("web", 1.0));
        progress.printer()("in between");
        progress.events().send(samples::finished("web", None));
        progress.finish();
        assert_eq!(
            shared.text(),
            "web  built   in 1.0 s\nin between\nweb  done    in 0.0 s\n"
        );
    }

    #[test]
    fn a_panic_in_another_thread_is_shown_whole_and_the_cursor_comes_back() {
        let shared = Shared::default();
        let progress = start(Mode::Tty, &shared);
        let events = progress.events();
        let panicked = std::thread::spawn(move || {
            let _progress = progress;
            events.send(samples::phase("web", Phase::Building));
            panic!("as the test wants it");
        });
        assert!(panicked.join().is_err());
        assert!(!screen(&shared).cursor_is_hidden());
        assert_eq!(screen(&shared).all(), "✗ web  stopped in the build");
    }
}
