//! Shell text of RUN and its like: a tolerant reader that yields simple commands with their place, and facts about them.
//!
//! It reads what people write for `sh`, `bash` and their kin. Nothing is executed or expanded; a text that it does not
//! understand gives the commands it could find, and [`Script::complete`] says so.

use std::ops::Range;

mod calls;
mod compound;
mod of_instruction;
mod packages;
mod read;
mod redirect;
mod text;
mod word;

pub use calls::{Call, Wrapper};
pub use of_instruction::{Interpreter, scripts};
pub use packages::{Action, Manager, PackageCall, package_call};
pub use text::Text;

/// A shell text after reading.
#[derive(Debug, Clone)]
pub struct Script {
    /// What runs it.
    pub interpreter: Interpreter,
    /// The simple commands in the order of the text, those inside of others behind the one they stand in.
    pub commands: Vec<Simple>,
    /// The pipelines with more than one part.
    pub pipes: Vec<Pipe>,
    /// The names of the functions that it defines.
    pub functions: Vec<String>,
    /// Whether all of it was understood.
    pub complete: bool,
    /// The bytes of the source that it was read from.
    pub span: Range<usize>,
}

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simple {
    /// Its words; the first is the command.
    pub words: Vec<ShellWord>,
    /// The assignments in front, or that it consists of.
    pub assignments: Vec<ShellAssignment>,
    /// Its redirections.
    pub redirects: Vec<Redirect>,
    /// What joins it with the command before it in its list.
    pub join: Join,
    /// What it stands in, outermost first.
    pub within: Vec<Within>,
    /// Which list it stands in: commands of one list have the same number.
    pub list: usize,
    /// Whether `set -o pipefail` is in force here.
    pub pipefail: bool,
    /// The bytes of the source from its first to its last word.
    pub span: Range<usize>,
}

/// A word after quote removal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellWord {
    /// The text without quotes; expansions are in it as written.
    pub text: String,
    /// The bytes of the source, quotes included.
    pub span: Range<usize>,
    /// The variables that it takes.
    pub variables: Vec<Use>,
    /// Whether it has a command substitution.
    pub substitutes: bool,
    /// Whether some of it is quoted or escaped.
    pub quoted: bool,
    /// Offset in `text`, offset in the source.
    pieces: Vec<(usize, usize)>,
}

/// A variable in a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// Its name.
    pub name: String,
    /// The bytes of the source.
    pub span: Range<usize>,
    /// Whether it stands in double quotes.
    pub quoted: bool,
    /// Whether an operator follows the name in `${NAME...}`.
    pub operator: bool,
}

/// `NAME=value` in front of a command or alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellAssignment {
    /// The name.
    pub name: String,
    /// The value.
    pub value: ShellWord,
}

/// A redirection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The operator, such as `>`, `>>`, `<` or `<<`.
    pub operator: String,
    /// The file, or the name of the heredoc.
    pub target: ShellWord,
    /// The body of a heredoc.
    pub body: Option<Text>,
}

/// What joins a command with the one before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Join {
    /// It is the first of its list.
    First,
    /// `;` or a line end.
    Sequence,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `&`
    Background,
    /// `|`
    Pipe,
}

/// What a command stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// `( )`
    Subshell,
    /// `{ }`
    Group,
    /// The condition of `if`, `while` or `until`.
    Condition,
    /// A branch of `if` or `case`.
    Branch,
    /// The body of a loop.
    Loop,
    /// The body of a function.
    Function,
    /// `$( )`, backticks or `<( )`
    Substitution,
    /// The text of `sh -c`.
    Nested,
}

/// A pipeline with more than one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pipe {
    /// The indexes of the commands of each part; more than one where a part is a group or a loop.
    pub parts: Vec<Vec<usize>>,
    /// Whether `set -o pipefail` is in force.
    pub pipefail: bool,
    /// The bytes of the source of each `|`.
    pub operators: Vec<Range<usize>>,
    /// The bytes of the source, all of it.
    pub span: Range<usize>,
}

impl ShellWord {
    /// Whether its text is all there is: no variable, no substitution.
    pub fn is_fixed(&self) -> bool {
        self.variables.is_empty() && !self.substitutes
    }

    /// Returns the text with its place.
    pub fn as_text(&self) -> Text {
        Text::new(self.text.clone(), self.pieces.clone())
    }

    /// Returns where a part of its text stands in the source.
    pub fn locate(&self, range: Range<usize>) -> Range<usize> {
        self.as_text().locate(range)
    }
}

/// Reads a text; `bodies` are the heredocs that stand outside of it.
pub fn read(text: &Text, bodies: &[(String, Text)]) -> Script {
    read::read(text, bodies)
}

#[cfg(test)]
mod tests;
