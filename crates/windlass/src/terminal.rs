//! Standard output and standard error: colour, width, questions, and pipes that close.

use std::io::{IsTerminal as _, Write as _};

use windlass_core::diag::{Diagnostic, text};
use windlass_policy::mask::without_secrets;

use crate::cli::When;
use crate::failure::{Failure, io};

/// How to talk to whoever runs the program.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terminal {
    color: When,
    input: bool,
}

#[expect(
    clippy::unused_self,
    reason = "that the streams of a process are global is a detail of this type"
)]
impl Terminal {
    pub(crate) fn new(color: When, input: bool) -> Self {
        Self { color, input }
    }

    /// Says whether standard output is coloured.
    pub(crate) fn colors_stdout(self) -> bool {
        self.colors(std::io::stdout().is_terminal())
    }

    /// Says whether standard error is coloured.
    pub(crate) fn colors_stderr(self) -> bool {
        self.colors(std::io::stderr().is_terminal())
    }

    fn colors(self, terminal: bool) -> bool {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        match self.color {
            When::Always => true,
            When::Never => false,
            When::Auto => terminal && !no_color,
        }
    }

    /// Columns of the terminal; 100 where there is none, or `COLUMNS` where it is set.
    pub(crate) fn width(self) -> usize {
        let columns = std::env::var("COLUMNS")
            .ok()
            .and_then(|text| text.parse().ok());
        columns
            .or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
            .unwrap_or(100)
            .clamp(40, 400)
    }

    /// Writes data to standard output.
    pub(crate) fn print(self, text: &str) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| io("cannot write to standard output", &error))
    }

    /// Writes words for people to standard error; where nobody reads them, nothing happens.
    pub(crate) fn say(self, text: &str) {
        drop(std::io::stderr().lock().write_all(text.as_bytes()));
    }

    /// Shows diagnostics on standard error: the first of very many, and how many more there are.
    pub(crate) fn show(self, diagnostics: &[Diagnostic]) {
        let (shown, more) = text::first(diagnostics);
        if !shown.is_empty() {
            self.say(&text::render_text(
                &without_secrets(shown),
                self.colors_stderr(),
                self.width(),
            ));
            self.say(&more);
        }
    }

    /// Says whether a question can be asked.
    pub(crate) fn can_ask(self) -> bool {
        self.input && std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// Asks a question; only `yes` is a yes.
    pub(crate) fn ask(self, question: &str) -> Result<bool, Failure> {
        Ok(self.answer(question)? == "yes")
    }

    /// Asks for a text; empty where the person just goes on.
    pub(crate) fn answer(self, question: &str) -> Result<String, Failure> {
        self.say(&format!("{question} "));
        let mut answer = String::new();
        std::io::stdin()
            .read_line(&mut answer)
            .map_err(|error| io("cannot read the answer", &error))?;
        Ok(answer.trim().to_owned())
    }
}
