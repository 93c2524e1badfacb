//! The pre-scan: finds, before the parser sees the text, what people type out of habit from other languages, and what the
//! parser would answer with a crash or a riddle.
//!
//! Each finding is also mended in a copy of the text, byte for byte in place, so that the parser can go on and every other
//! problem of the file is still reported. Values that were mended by guessing are *poisoned*: nothing more is said about them.

mod brackets;
mod character;
mod foreign;
mod string;
mod word;

use std::ops::Range;
use std::sync::Arc;

use crate::diag::{Code, Diagnostic, Location, Source};
use crate::secret;

pub(crate) use self::character::{is_newline, is_space};

/// The largest manifest in bytes.
pub const MAX_BYTES: usize = 1024 * 1024;
/// The deepest nesting of blocks and of comments.
pub const MAX_DEPTH: usize = 16;

/// What the pre-scan found.
pub(super) struct Scan {
    /// The text for the parser: as long as the original or longer by closing braces at its end.
    pub(super) text: String,
    /// Places about which everything has been said.
    pub(super) poisoned: Vec<Range<usize>>,
    /// Places that must not be shown.
    pub(super) masked: Vec<Range<usize>>,
    /// The statements of the top level.
    pub(super) statements: Vec<Range<usize>>,
    /// Whether a part of the text was given up.
    pub(super) incomplete: bool,
    /// Whether the text must not be parsed at all.
    pub(super) fatal: bool,
    /// The findings.
    pub(super) diagnostics: Vec<Diagnostic>,
}

/// Scans a manifest.
pub(super) fn scan(source: &Arc<Source>) -> Scan {
    let mut scanner = Scanner::new(source);
    if source.text.len() > MAX_BYTES {
        let message = format!(
            "`{}` is {} bytes; the limit is 1 MiB",
            source.name,
            source.text.len()
        );
        scanner
            .diagnostics
            .push(Diagnostic::error(Code::FileTooLarge, message).help(
            "a manifest is written by people; generated data belongs in the files that it names",
        ));
        scanner.fatal = true;
    } else {
        scanner.check_characters();
        scanner.run();
        if !scanner.diagnostics.is_empty() {
            scanner.judge_language();
        }
    }
    scanner.finish()
}

/// What is known of the statement being read.
#[derive(Default)]
struct Statement {
    start: Option<usize>,
    /// Where its last token ends.
    end: usize,
    /// Name and values seen so far.
    words: usize,
    /// The last word, if nothing but space came after it.
    last: Option<Range<usize>>,
    /// The last word is the key of a property with a secret's name.
    secret_key: bool,
    /// Its block has been closed.
    closed: bool,
    /// Brackets have been reported in it.
    brackets: bool,
}

struct Scanner<'a> {
    source: &'a Arc<Source>,
    text: &'a str,
    at: usize,
    patched: Vec<u8>,
    statement: Statement,
    /// The statements around the current one, with the offset of their `{`.
    open: Vec<(Statement, usize)>,
    /// A `{` whose `}` stands at another indentation.
    suspect: Option<usize>,
    /// Something that never ends takes the rest of the text, closing braces too.
    cut: bool,
    /// Inside brackets whose end is known: line ends do not count up to here.
    brackets_until: usize,
    credentials: Vec<Range<usize>>,
    poisoned: Vec<Range<usize>>,
    masked: Vec<Range<usize>>,
    statements: Vec<Range<usize>>,
    incomplete: bool,
    fatal: bool,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Scanner<'a> {
    fn new(source: &'a Arc<Source>) -> Self {
        let credentials = secret::find_credentials(&source.text);
        Self {
            source,
            text: &source.text,
            at: 0,
            patched: source.text.clone().into_bytes(),
            statement: Statement::default(),
            open: Vec::new(),
            suspect: None,
            cut: false,
            brackets_until: 0,
            masked: credentials.clone(),
            credentials,
            poisoned: Vec::new(),
            statements: Vec::new(),
            incomplete: false,
            fatal: false,
            diagnostics: Vec::new(),
        }
    }

    fn run(&mut self) {
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        while let Some(c) = self.peek() {
            if self.fatal {
                return;
            }
            match c {
                _ if is_space(c) => self.at += c.len_utf8(),
                _ if is_newline(c) => self.newline(c),
                ';' => {
                    self.at += 1;
                    self.end_statement();
                }
                '/' => self.slash(),
                '"' => self.string(),
                '#' => self.hash(),
                '{' => self.open_brace(),
                '}' => self.close_brace(),
                '=' => self.equals(),
                '[' | ']' => self.bracket(c),
                '\\' => self.line_continuation(),
                '(' | ')' => {
                    self.begin();
                    self.at += 1;
                }
                _ => self.word(),
            }
        }
        self.end_statement();
        self.check_open();
    }

    fn finish(mut self) -> Scan {
        self.check_credentials();
        let text = String::from_utf8(self.patched).unwrap_or_else(|_| self.text.to_owned());
        Scan {
            text,
            poisoned: self.poisoned,
            masked: self.masked,
            statements: self.statements,
            incomplete: self.incomplete,
            fatal: self.fatal,
            diagnostics: self.diagnostics,
        }
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn location(&self, span: Range<usize>) -> Location {
        Location::new(self.source, span)
    }

    fn report(
        &mut self,
        code: Code,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let location = self.location(span);
        self.diagnostics.push(
            Diagnostic::error(code, message)
                .at(&location, label)
                .help(help),
        );
    }

    /// Overwrites a part of the text for the parser.
    fn patch(&mut self, span: Range<usize>, with: u8) {
        self.patched[span].fill(with);
    }

    /// Makes a word out of a part of the text, about which nothing more is said.
    fn poison(&mut self, span: Range<usize>) {
        self.patch(span.clone(), b'x');
        self.poisoned.push(span);
    }

    /// Notes that a token of the current statement starts here.
    fn begin(&mut self) {
        if self.statement.closed {
            let at = self.at;
            self.report(
                Code::InvalidSyntax,
                at..at + self.peek().map_or(0, char::len_utf8),
                "something follows `}` on the same line",
                "this starts a new node",
                "put it on a line of its own, or a `;` behind the `}`",
            );
            if self.text[..at].ends_with(' ') {
                self.patch(at - 1..at, b';');
            }
            self.end_statement();
        }
        self.statement.start.get_or_insert(self.at);
    }

    /// Notes a complete word of the current statement.
    fn end_word(&mut self, span: Range<usize>) {
        if self.statement.secret_key {
            self.mask_value(&span);
        }
        self.statement.secret_key = false;
        self.statement.end = span.end;
        self.statement.words += 1;
        self.statement.last = Some(span);
    }

    fn mask_value(&mut self, span: &Range<usize>) {
        let token = &self.text[span.clone()];
        let inner = token.trim_start_matches(['#', '"']);
        let start = span.end - inner.len();
        let end = start + inner.trim_end_matches(['#', '"']).len();
        self.masked.push(start..end);
    }

    fn end_statement(&mut self) {
        let ended = std::mem::take(&mut self.statement);
        let Some(start) = ended.start else { return };
        if self.open.is_empty() {
            self.statements.push(start..self.at);
        }
        // Kept for a `{` that stands on the next line.
        self.statement.end = ended.end.max(start);
    }

    fn newline(&mut self, c: char) {
        if self.at < self.brackets_until {
            let at = self.at;
            self.patch(at..at + c.len_utf8(), b' ');
            self.at += c.len_utf8();
        } else {
            self.at += c.len_utf8();
            self.end_statement();
        }
    }

    fn line_continuation(&mut self) {
        self.begin();
        self.at += 1;
        while self.peek().is_some_and(is_space) {
            self.at += self.peek().map_or(1, char::len_utf8);
        }
        if self.rest().starts_with("//") {
            self.skip_line();
        }
        if self.rest().starts_with("\r\n") {
            self.at += 2;
        } else if let Some(c) = self.peek().filter(|c| is_newline(*c)) {
            self.at += c.len_utf8();
        }
    }

    /// Goes to the end of the line, in front of its line end.
    fn skip_line(&mut self) {
        self.at = self.line_end(self.at);
    }

    fn line_end(&self, from: usize) -> usize {
        self.text[from..]
            .find(is_newline)
            .map_or(self.text.len(), |at| from + at)
    }

    fn open_brace(&mut self) {
        if self.rest().starts_with("{{") {
            self.begin();
            let at = self.at;
            self.unquoted(at);
            return;
        }
        if self.statement.start.is_none() {
            self.brace_on_own_line();
            if self.fatal {
                return;
            }
        }
        let outer = std::mem::take(&mut self.statement);
        self.open.push((outer, self.at));
        if self.open.len() > MAX_DEPTH {
            let at = self.at;
            self.report(
                Code::TooDeep,
                at..at + 1,
                format!("blocks are nested deeper than {MAX_DEPTH}"),
                "this one is too deep",
                "no node of a manifest needs more than five levels",
            );
            self.fatal = true;
        }
        self.at += 1;
    }

    fn brace_on_own_line(&mut self) {
        let at = self.at;
        let end = self.statement.end;
        self.report(
            Code::BraceOnOwnLine,
            at..at + 1,
            "`{` stands without its node",
            "a line end ends the node, so this opens nothing",
            "put `{` at the end of the line of its node",
        );
        if end == 0 {
            self.fatal = true;
            return;
        }
        self.patch(end..at, b' ');
        self.statement.start = Some(end);
        if self.open.is_empty() {
            self.statement.start = self.statements.pop().map(|it| it.start);
        }
    }

    fn close_brace(&mut self) {
        self.end_statement();
        let at = self.at;
        self.at += 1;
        let Some((outer, opened)) = self.open.pop() else {
            self.report(
                Code::UnmatchedBrace,
                at..at + 1,
                "`}` closes nothing",
                "no `{` is open here",
                "remove it, or look for a block that was closed too early",
            );
            self.patch(at..at + 1, b' ');
            return;
        };
        if self.suspect.is_none() && self.starts_line(at) && self.indent(at) != self.indent(opened)
        {
            self.suspect = Some(opened);
        }
        self.statement = outer;
        self.statement.end = self.at;
        self.statement.last = None;
        self.statement.closed = true;
    }

    fn starts_line(&self, at: usize) -> bool {
        let line = self.text[..at].rfind(is_newline).map_or(0, |it| it + 1);
        self.text
            .get(line..at)
            .is_some_and(|it| it.chars().all(is_space))
    }

    fn indent(&self, at: usize) -> usize {
        let line = self.text[..at].rfind('\n').map_or(0, |it| it + 1);
        self.text[line..]
            .chars()
            .take_while(|c| is_space(*c))
            .count()
    }

    fn check_open(&mut self) {
        let Some((_, innermost)) = self.open.last() else {
            return;
        };
        let opened = self
            .suspect
            .filter(|it| *it >= self.open[0].1)
            .unwrap_or(*innermost);
        if !self.cut {
            self.report(
                Code::UnclosedBlock,
                opened..opened + 1,
                "a block is never closed",
                "opened here",
                "add the missing `}`",
            );
        }
        // What follows cannot be told from what is inside: all of it is given up.
        let start = self.open[0].0.start.unwrap_or(self.open[0].1);
        self.patch(start..self.text.len(), b' ');
        self.incomplete = true;
    }

    fn equals(&mut self) {
        self.begin();
        let at = self.at;
        self.at += 1;
        if self.statement.words > 1 && self.statement.last.is_some() {
            let key = self.statement.last.clone().unwrap_or(at..at);
            let key = self.text[key].trim_matches('"');
            self.statement.secret_key = secret::is_secret_name(key);
            return;
        }
        let end = self.line_end(self.at);
        let name = self.statement.last.clone().map(|it| &self.text[it]);
        let value = self.text[self.at..end].trim();
        let short = (value.len() <= 40 && !value.is_empty() && !value.contains(['[', '{', '\'']))
            .then_some(value);
        let help = match (name, short) {
            (Some(name), Some(value)) if !secret::is_secret_name(name) => {
                format!("write `{name} {value}`")
            }
            (Some(name), _) => format!("write `{name}`, a space, and the value"),
            (None, _) => "remove it".to_owned(),
        };
        if let Some(name) = name {
            self.statement.secret_key = secret::is_secret_name(name);
        }
        self.report(
            Code::EqualsSign,
            at..at + 1,
            "a setting has no `=`",
            "not needed here",
            help,
        );
        self.patch(at..at + 1, b' ');
    }

    /// Reports credentials wherever they stand, comments included.
    fn check_credentials(&mut self) {
        for span in std::mem::take(&mut self.credentials) {
            self.report(
                Code::CredentialValue,
                span,
                "this looks like a credential",
                "hidden here, but not in the file",
                "take it out of the manifest and of its history, and make a new one; a build gets secrets as mounts, never as text",
            );
        }
    }
}
