//! Diagnostics: the one shape of everything that windlass says about what a person wrote, and the texts they point into.
//!
//! A syntax error, a lock problem and a plan problem differ by their code only, so that one renderer serves all.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text that a person wrote, with the path by which windlass names it (relative to the workspace, `/` between parts).
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The path shown to people.
    pub name: String,
    /// The whole text.
    pub text: String,
}

impl Source {
    /// Wraps a text for sharing.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            name: name.into(),
            text: text.into(),
        })
    }

    /// Returns line and column of a byte offset: both 1-based, the column in Unicode scalar values.
    pub fn position(&self, offset: usize) -> (usize, usize) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.text[..end];
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        (line, before[start..].chars().count() + 1)
    }
}

/// A place in a source: a byte range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The text.
    pub source: Arc<Source>,
    /// The byte range in it.
    pub span: Range<usize>,
}

impl fmt::Display for Location {
    /// Writes `file:line:column`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, column) = self.source.position(self.span.start);
        write!(f, "{}:{line}:{column}", self.source.name)
    }
}

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing goes on; exit code 1.
    Error,
    /// Goes on; somebody should look.
    Warning,
    /// For information.
    Info,
}

/// A place that a diagnostic points at, with what is to be said there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub location: Location,
    /// What is wrong there or why it matters; `None` marks the place only.
    pub text: Option<String>,
}

/// One thing to tell a person: message (what), labels (where, why), help (what to type next).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Which one it is.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: a lower-case fragment without a full stop.
    pub message: String,
    /// Where; the first label is the main one. Empty where no text of the person is at fault.
    pub labels: Vec<Label>,
    /// What to do, a line to paste where possible.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Starts an error with `code` and `message`; labels and help are added by the other builders.
    pub fn error(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: message.into(),
            labels: Vec::new(),
            help: None,
        }
    }

    /// Starts a warning.
    pub fn warning(code: Code, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Warning,
            ..Self::error(code, message)
        }
    }

    /// Adds a place; the first one added is the main one.
    #[must_use]
    pub fn at(mut self, location: &Location, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            location: location.clone(),
            text: Some(text.into()),
        });
        self
    }

    /// Sets what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// What reading a text gives: the value as far as there is one, and everything to say about it.
pub type Checked<T> = (Option<T>, Vec<Diagnostic>);

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal,)*) => {
        /// Every code of windlass, `area/kebab-name`, never reused for another meaning.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $variant,)*
        }

        impl Code {
            /// All codes, in the order of the enum.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Returns the text of the code, such as `syntax/unclosed-string`.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }
    };
}

codes! {
    /// A node, property or form of the grammar that this version cannot carry out.
    NotSupportedYet = "structure/not-supported-yet",
    /// A base image has no locked digest and `--locked` was given, or its digest cannot be found.
    LockMissing = "lock/missing",
    /// `windlass.lock` cannot be read.
    LockInvalid = "lock/invalid",
    /// A file of a build context cannot be used: special file, mode bit or name.
    ContextEntry = "context/unusable-entry",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
