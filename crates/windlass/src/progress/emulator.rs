//! For tests: a writer that keeps what is written, and a terminal that knows the few control codes we use and refuses all others.

use std::io::Write;
use std::sync::{Arc, Mutex};

/// A writer whose clones share what was written.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<(String, usize)>>);

impl Shared {
    /// Returns all that was written.
    pub(crate) fn text(&self) -> String {
        self.0.lock().expect("no writer panics").0.clone()
    }

    /// Returns the number of writes.
    pub(crate) fn writes(&self) -> usize {
        self.0.lock().expect("no writer panics").1
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut shared = self.0.lock().expect("no writer panics");
        shared.0 += std::str::from_utf8(bytes).expect("each write is whole characters");
        shared.1 += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A terminal with everything that has scrolled out of it.
pub(crate) struct Emulator {
    width: usize,
    height: usize,
    rows: Vec<Vec<char>>,
    top: usize,
    row: usize,
    column: usize,
    hidden: bool,
    wraps: bool,
}

impl Emulator {
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            rows: vec![Vec::new()],
            top: 0,
            row: 0,
            column: 0,
            hidden: false,
            wraps: true,
        }
    }

    /// Shows a text.
    pub(crate) fn feed(mut self, text: &str) -> Self {
        let mut characters = text.chars();
        while let Some(c) = characters.next() {
            match c {
                '\r' => self.column = 0,
                '\n' => self.down(),
                '\x1b' => {
                    assert_eq!(characters.next(), Some('['), "only CSI is used");
                    let mut parameters = String::new();
                    let end = loop {
                        match characters.next().expect("a whole sequence") {
                            c if c.is_ascii_alphabetic() => break c,
                            c => parameters.push(c),
                        }
                    };
                    self.control(&parameters, end);
                }
                c => self.put(c),
            }
        }
        self
    }

    /// Returns the text in the window, without what is empty at the end.
    pub(crate) fn shown(&self) -> String {
        self.text(self.top)
    }

    /// Returns the text in the window and above it.
    pub(crate) fn all(&self) -> String {
        self.text(0)
    }

    pub(crate) fn cursor_is_hidden(&self) -> bool {
        self.hidden
    }

    fn text(&self, from: usize) -> String {
        let rows: Vec<String> = self.rows[from..]
            .iter()
            .map(|row| row.iter().collect::<String>().trim_end().to_owned())
            .collect();
        rows.join("\n").trim_end().to_owned()
    }

    fn put(&mut self, c: char) {
        if self.column == self.width && !self.wraps {
            self.column -= 1;
        }
        if self.column == self.width {
            self.column = 0;
            self.down();
        }
        let row = &mut self.rows[self.row];
        row.resize(row.len().max(self.column + 1), ' ');
        row[self.column] = c;
        self.column += 1;
    }

    fn down(&mut self) {
        self.row += 1;
        if self.row == self.rows.len() {
            self.rows.push(Vec::new());
        }
        self.top = self.top.max((self.row + 1).saturating_sub(self.height));
    }

    fn control(&mut self, parameters: &str, end: char) {
        match (parameters, end) {
            (_, 'm') => {}
            ("?7", 'l') => self.wraps = false,
            ("?7", 'h') => self.wraps = true,
            ("?25", 'l') => self.hidden = true,
            ("?25", 'h') => self.hidden = false,
            (lines, 'A') => {
                let lines: usize = lines.parse().expect("a number");
                self.row = self.row.saturating_sub(lines).max(self.top);
            }
            // A terminal that waits with the line break erases its last column.
            ("", 'K') => self.rows[self.row].truncate(self.column.min(self.width - 1)),
            ("", 'J') => {
                let all = self.row == self.top && self.column == 0;
                assert!(!all, "clearing all may put an old frame into the history");
                self.rows[self.row].truncate(self.column.min(self.width - 1));
                self.rows.truncate(self.row + 1);
            }
            other => panic!("{other:?} is not used"),
        }
    }
}
