//! The live area of a terminal: drawn in place, one write a frame.
//!
//! Between frames the cursor stands, hidden, at the *start* of the live area. So a frame begins by writing over the old one, without
//! counting how many lines up that is: a resize may have wrapped the old lines, and something else may have printed. What another
//! writer prints lands at the top of the live area, moves the cursor on, and stays when the next frame is drawn below it.

use std::io::Write;

use crate::progress::frame::Size;
use crate::progress::text::Line;

const HIDE_CURSOR: &str = "\x1b[?25l";
const SHOW_CURSOR: &str = "\x1b[?25h";
/// While the live area is written, lines that are too long are cut and not wrapped: a terminal may have become narrower, and not have
/// said so yet.
const DO_NOT_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";
const CLEAR_LINE_END: &str = "\x1b[K";
const CLEAR_BELOW: &str = "\x1b[J";
/// Clears from the start of a line. It goes through the second column: a terminal that is told to clear all of itself may first put
/// what it shows into its history (tmux does), and old frames are no history.
const CLEAR_FROM_START: &str = " \x1b[J\r";

/// Where the sizes of the terminal come from; asked before every frame.
pub(crate) type SizeSource = Box<dyn Fn() -> Size + Send>;

/// A terminal with a live area below what was printed for good. Dropping it clears the area and shows the cursor again.
pub(crate) struct Screen {
    out: Box<dyn Write + Send>,
    size: SizeSource,
    color: bool,
    /// What is to be printed above the live area with the next frame.
    pending: String,
    /// The live area as it was drawn last, empty where there is none.
    drawn: Vec<String>,
    drawn_size: Option<Size>,
}

impl Screen {
    /// Takes over a terminal whose cursor stands at the start of a line. Nothing is written yet.
    pub(crate) fn new(out: Box<dyn Write + Send>, size: SizeSource, color: bool) -> Self {
        Self {
            out,
            size,
            color,
            pending: String::new(),
            drawn: Vec::new(),
            drawn_size: None,
        }
    }

    /// Returns the size that a live area may have now. The last column stays free: a terminal that has filled it waits with the
    /// line break, and what comes next is drawn differently from one terminal to another.
    pub(crate) fn size(&self) -> Size {
        let Size { width, height } = (self.size)();
        Size {
            width: width.saturating_sub(1).max(1),
            height,
        }
    }

    /// Prints a line above the live area, for good, with the next frame.
    pub(crate) fn print(&mut self, line: &Line) {
        self.pending += &line.painted(self.color);
        self.pending += "\r\n";
    }

    /// Prints text with colours of its own above the live area, for good, with the next frame.
    pub(crate) fn print_text(&mut self, text: &str) {
        for line in text.lines() {
            self.pending += line;
            self.pending += "\r\n";
        }
    }

    /// Draws what was printed, and the live area; writes nothing where all is as it was.
    pub(crate) fn draw(&mut self, area: &[Line]) {
        let area: Vec<String> = area.iter().map(|line| line.painted(self.color)).collect();
        let size = self.size();
        let (was_live, is_live) = (!self.drawn.is_empty(), !area.is_empty());
        let resized = was_live && self.drawn_size != Some(size);
        if self.pending.is_empty() && self.drawn == area && !resized {
            return;
        }
        let mut frame = String::new();
        if is_live && !was_live {
            frame += HIDE_CURSOR;
        }
        frame += "\r";
        // Lines that are printed may wrap, and lines that a resize has wrapped must go. Otherwise new lines are written over the old
        // ones, so that nothing flickers.
        if resized || !is_live || !self.pending.is_empty() {
            frame += CLEAR_FROM_START;
        }
        frame += &std::mem::take(&mut self.pending);
        if is_live {
            frame += DO_NOT_WRAP;
        }
        for (index, line) in area.iter().enumerate() {
            frame += if index > 0 { "\r\n" } else { "" };
            frame += line;
            frame += CLEAR_LINE_END;
        }
        if is_live {
            frame += CLEAR_BELOW;
            frame += WRAP;
        }
        if area.len() > 1 {
            frame += &cursor_up(area.len() - 1);
        }
        frame += "\r";
        if was_live && !is_live {
            frame += SHOW_CURSOR;
        }
        self.drawn = area;
        self.drawn_size = Some(size);
        self.write(&frame);
    }

    /// Says whether there is a live area.
    pub(crate) fn is_live(&self) -> bool {
        !self.drawn.is_empty()
    }

    /// Clears the live area and shows the cursor, so that something else can write; the next frame takes the place over again.
    pub(crate) fn clear(&mut self) {
        self.draw(&[]);
    }

    /// Writes and forgets errors: a terminal that is gone is no reason to stop a run.
    fn write(&mut self, text: &str) {
        let written = self
            .out
            .write_all(text.as_bytes())
            .and_then(|()| self.out.flush());
        drop(written);
    }
}

fn cursor_up(lines: usize) -> String {
    format!("\x1b[{lines}A")
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::emulator::{Emulator, Shared};
    use crate::progress::text::Style;

    fn lines(texts: &[&str]) -> Vec<Line> {
        texts
            .iter()
            .map(|text| Line::new().with(Style::Good, text))
            .collect()
    }

    fn screen(width: usize, height: usize) -> (Screen, Shared) {
        let shared = Shared::default();
        let size = Box::new(move || Size { width, height });
        (Screen::new(Box::new(shared.clone()), size, true), shared)
    }

    #[test]
    fn a_frame_is_drawn_over_the_last_one_in_one_write() {
        let (mut screen, shared) = screen(20, 5);
        screen.draw(&lines(&["one: long text", "two", "three"]));
        screen.draw(&lines(&["one", "two: more"]));
        assert_eq!(
            Emulator::new(20, 5).feed(&shared.text()).shown(),
            "one\ntwo: more"
        );
        assert_eq!(shared.writes(), 2);
        screen.draw(&lines(&["one", "two: more"]));
        assert_eq!(shared.writes(), 2);
    }

    #[test]
    fn what_is_printed_stays_above_and_scrolls_away() {
        let (mut screen, shared) = screen(10, 4);
        for number in 0..6 {
            screen.draw(&lines(&["live one", "live two"]));
            screen.print(&lines(&[&format!("kept {number}")])[0]);
            screen.print_text("a longer line\nexactly 10");
        }
        drop(screen);
        let kept = (0..6).map(|number| format!("kept {number}\na longer l\nine\nexactly 10"));
        assert_eq!(
            Emulator::new(10, 4).feed(&shared.text()).all(),
            kept.collect::<Vec<_>>().join("\n")
        );
    }

    #[test]
    fn the_cursor_is_hidden_while_something_is_live_and_shown_after() {
        let (mut screen, shared) = screen(20, 5);
        screen.draw(&lines(&["one"]));
        assert!(Emulator::new(20, 5).feed(&shared.text()).cursor_is_hidden());
        screen.clear();
        assert!(!Emulator::new(20, 5).feed(&shared.text()).cursor_is_hidden());
        screen.draw(&lines(&["one"]));
        drop(screen);
        let emulator = Emulator::new(20, 5).feed(&shared.text());
        assert!(!emulator.cursor_is_hidden());
        assert_eq!(emulator.shown(), "");
    }

    #[test]
    fn a_terminal_that_is_narrower_than_it_said_keeps_what_was_printed() {
        let (mut screen, shared) = screen(40, 8);
        screen.print(&lines(&["kept"])[0]);
        screen.draw(&lines(&["a line of thirty characters or", "two"]));
        screen.draw(&lines(&["another of thirty characters..", "two"]));
        let emulator = Emulator::new(20, 8).feed(&shared.text());
        assert_eq!(emulator.all(), "kept\nanother of thirty c\ntwo");
    }

    #[test]
    fn what_another_writer_prints_is_not_lost() {
        let (mut screen, mut shared) = screen(30, 6);
        screen.draw(&lines(&["one", "two", "three"]));
        shared
            .write_all(b"thread panicked at x.rs:1\r\nnote: backtrace\r\n")
            .unwrap();
        screen.draw(&lines(&["one", "two", "four"]));
        let emulator = Emulator::new(30, 6).feed(&shared.text());
        assert_eq!(
            emulator.shown(),
            "thread panicked at x.rs:1\nnote: backtrace\none\ntwo\nfour"
        );
    }

    #[test]
    fn a_terminal_that_is_gone_stops_nothing() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Err(std::io::ErrorKind::BrokenPipe.into())
            }
        }
        let mut screen = Screen::new(
            Box::new(Gone),
            Box::new(|| Size {
                width: 20,
                height: 5,
            }),
            true,
        );
        screen.draw(&lines(&["one"]));
        screen.draw(&lines(&["two"]));
    }
}
