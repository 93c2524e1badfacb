//! From events to what is written, in each mode. Knows the time only as it is told, and no threads.

use std::io::Write;
use std::time::Duration;

use windlass_engine::event::Event;

use crate::progress::frame::{frame, permanent, stopped};
use crate::progress::model::Model;
use crate::progress::screen::Screen;
use crate::progress::text::Line;
use crate::progress::{json, plain};

/// The shortest time between two frames.
const FRAME: Duration = Duration::from_millis(100);

/// Takes events in and writes.
pub(crate) struct Renderer {
    model: Model,
    view: View,
    verbose: bool,
    /// Whether something has changed since the last frame.
    changed: bool,
    /// When the last frame was drawn.
    drawn: Option<Duration>,
}

/// How it is written, and where to.
pub(crate) enum View {
    /// A live area.
    Tty(Screen),
    /// Lines.
    Plain {
        /// Where they go.
        out: Box<dyn Write + Send>,
        /// Whether in colour.
        color: bool,
    },
    /// JSON objects.
    Json(Box<dyn Write + Send>),
    /// Only failures, as lines.
    Quiet {
        /// Where they go.
        out: Box<dyn Write + Send>,
        /// Whether in colour.
        color: bool,
    },
}

impl Renderer {
    /// Begins with nothing known and nothing written.
    pub(crate) fn new(view: View, verbose: bool) -> Self {
        Self {
            model: Model::default(),
            view,
            verbose,
            changed: false,
            drawn: None,
        }
    }

    /// Takes in an event that came at `now`, a time since the start.
    pub(crate) fn event(&mut self, event: &Event, now: Duration) {
        let news = self.model.fold(event, now);
        match &mut self.view {
            View::Tty(screen) => {
                for line in permanent(&self.model, event, self.verbose, screen.size().width) {
                    screen.print(&line);
                }
                self.changed = true;
            }
            View::Plain { out, color } if news => {
                write_lines(out, &plain::lines(&self.model, event, self.verbose), *color);
            }
            View::Quiet { out, color }
                if matches!(
                    event,
                    Event::Finished {
                        failure: Some(_),
                        ..
                    }
                ) =>
            {
                write_lines(out, &plain::lines(&self.model, event, false), *color);
            }
            View::Json(out) => write(out, &(json::line(event, now) + "\n")),
            View::Plain { .. } | View::Quiet { .. } => {}
        }
    }

    /// Prints a text of the program's own, which may have several lines and colours.
    pub(crate) fn print(&mut self, text: &str, now: Duration) {
        match &mut self.view {
            View::Tty(screen) => {
                screen.print_text(text);
                self.changed = true;
            }
            View::Plain { out, .. } | View::Quiet { out, .. } => {
                let end = if text.ends_with('\n') { "" } else { "\n" };
                write(out, &format!("{text}{end}"));
            }
            View::Json(out) => write(
                out,
                &(json::line(&Event::Note(text.to_owned()), now) + "\n"),
            ),
        }
    }

    /// Returns how long to wait for events before the next frame is due, `None` where nothing moves.
    pub(crate) fn wait(&self, now: Duration) -> Option<Duration> {
        let View::Tty(screen) = &self.view else {
            return None;
        };
        let due = self.drawn.map_or(Duration::ZERO, |drawn| drawn + FRAME);
        (self.changed || screen.is_live()).then(|| due.saturating_sub(now))
    }

    /// Draws a frame.
    pub(crate) fn draw(&mut self, now: Duration) {
        if let View::Tty(screen) = &mut self.view {
            let area = frame(&self.model, screen.size(), now);
            screen.draw(&area);
            self.drawn = Some(now);
            self.changed = false;
        }
    }

    /// Writes what is left to write and takes the live area away, so that something else can write to the terminal.
    pub(crate) fn clear(&mut self) {
        if let View::Tty(screen) = &mut self.view {
            screen.clear();
            self.changed = true;
        }
    }

    /// Writes what was in flight at the end.
    pub(crate) fn finish(&mut self) {
        match &mut self.view {
            View::Tty(screen) => {
                for line in stopped(&self.model) {
                    screen.print(&line);
                }
                screen.clear();
            }
            View::Plain { out, color } => write_lines(out, &plain::stopped(&self.model), *color),
            View::Json(_) | View::Quiet { .. } => {}
        }
    }
}

fn write_lines(out: &mut Box<dyn Write + Send>, lines: &[Line], color: bool) {
    let text: String = lines
        .iter()
        .map(|line| line.painted(color) + "\n")
        .collect();
    if !text.is_empty() {
        write(out, &text);
    }
}

/// Writes and forgets errors: a pipe that nobody reads is no reason to stop a run.
fn write(out: &mut Box<dyn Write + Send>, text: &str) {
    let written = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    drop(written);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::emulator::{Emulator, Shared};
    use crate::progress::frame::Size;
    use crate::progress::samples;
    use windlass_engine::event::Phase;

    const WIDTH: usize = 60;
    const HEIGHT: usize = 12;

    fn tty(shared: &Shared) -> Renderer {
        let size = Box::new(|| Size {
            width: WIDTH,
            height: HEIGHT,
        });
        Renderer::new(
            View::Tty(Screen::new(Box::new(shared.clone()), size, true)),
            false,
        )
    }

    fn shown(shared: &Shared) -> String {
        Emulator::new(WIDTH, HEIGHT).feed(&shared.text()).all()
    }

    /// Plays events with `step` between them as the thread does it.
    fn play(renderer: &mut Renderer, events: &[Event], step: Duration) -> Duration {
        let mut now = Duration::ZERO;
        for event in events {
            renderer.event(event, now);
            now += step;
            if renderer.wait(now) == Some(Duration::ZERO) {
                renderer.draw(now);
            }
        }
        now
    }

    #[test]
    fn a_run_leaves_its_permanent_lines_and_nothing_else() {
        let shared = Shared::default();
        let mut renderer = tty(&shared);
        let events = [samples::life(), samples::failure()].concat();
        play(&mut renderer, &events, Duration::from_millis(700));
        renderer.print("in between\nwith two lines", Duration::ZERO);
        renderer.finish();
        insta::assert_snapshot!(shown(&shared), @r#"
        ✓ repository.shop/web@local  created
        ✓ web  v1, latest  sha256:0123456789ab  42 MB  11.2 s
        ✗ api  `[3/4] RUN pip install` failed with exit code 1
          │ Collecting fastapy
          │ ERROR: No matching distribution found for fastapy
        in between
        with two lines
        "#);
        assert!(
            !Emulator::new(WIDTH, HEIGHT)
                .feed(&shared.text())
                .cursor_is_hidden()
        );
    }

    #[test]
    fn there_are_at_most_ten_frames_a_second() {
        let shared = Shared::default();
        let mut renderer = tty(&shared);
        let mut events = vec![samples::phase("web", Phase::Pushing)];
        events.extend((0..10_000).map(|done| samples::pushed("web", done, 10_000)));
        let took = play(&mut renderer, &events, Duration::from_millis(1));
        assert!(took > Duration::from_secs(10));
        assert!((90..=101).contains(&shared.writes()), "{}", shared.writes());
    }

    #[test]
    fn nothing_is_drawn_while_nothing_is_in_flight() {
        let shared = Shared::default();
        let mut renderer = tty(&shared);
        assert_eq!(renderer.wait(Duration::ZERO), None);
        play(&mut renderer, &samples::life(), Duration::from_secs(1));
        assert_eq!(renderer.wait(Duration::from_mins(1)), None);
        renderer.event(
            &samples::phase("web", Phase::Building),
            Duration::from_mins(1),
        );
        assert_eq!(renderer.wait(Duration::from_mins(1)), Some(Duration::ZERO));
    }

    #[test]
    fn after_a_pause_the_live_area_comes_back_below() {
        let mut shared = Shared::default();
        let mut renderer = tty(&shared);
        renderer.event(&samples::phase("web", Phase::Building), Duration::ZERO);
        renderer.draw(Duration::ZERO);
        renderer.clear();
        assert!(
            !Emulator::new(WIDTH, HEIGHT)
                .feed(&shared.text())
                .cursor_is_hidden()
        );
        shared.write_all(b"Really? yes\r\n").unwrap();
        renderer.draw(Duration::from_secs(1));
        assert!(
            shown(&shared).starts_with("Really? yes\n⠋ web"),
            "{}",
            shown(&shared)
        );
    }

    #[test]
    fn plain_lines_hold_no_control_codes() {
        let shared = Shared::default();
        let view = View::Plain {
            out: Box::new(shared.clone()),
            color: false,
        };
        let mut renderer = Renderer::new(view, true);
        play(
            &mut renderer,
            &[samples::life(), samples::failure()].concat(),
            Duration::from_secs(1),
        );
        renderer.finish();
        assert!(shared.text().lines().count() > 15);
        assert!(
            !shared
                .text()
                .contains(|c: char| c.is_control() && c != '\n'),
            "{}",
            shared.text()
        );
    }

    #[test]
    fn json_is_an_object_for_every_event_and_print() {
        let shared = Shared::default();
        let mut renderer = Renderer::new(View::Json(Box::new(shared.clone())), false);
        let events = [samples::life(), samples::failure()].concat();
        play(&mut renderer, &events, Duration::from_secs(1));
        renderer.print("a word\nof ours", Duration::ZERO);
        renderer.finish();
        let text = shared.text();
        let kinds: Vec<String> = text
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).expect("an object")["event"]
                    .to_string()
            })
            .collect();
        assert_eq!(kinds.len(), events.len() + 1);
        assert_eq!(kinds.last().map(String::as_str), Some("\"note\""));
    }

    #[test]
    fn quiet_shows_failures_only() {
        let shared = Shared::default();
        let view = View::Quiet {
            out: Box::new(shared.clone()),
            color: false,
        };
        let mut renderer = Renderer::new(view, false);
        play(
            &mut renderer,
            &[samples::life(), samples::failure()].concat(),
            Duration::from_secs(1),
        );
        renderer.finish();
        insta::assert_snapshot!(shared.text(), @r#"
        api  failed  `[3/4] RUN pip install` failed with exit code 1
        api  log     | Collecting fastapy
        api  log     | ERROR: No matching distribution found for fastapy
        "#);
    }
}
