//! The grammar: lists, pipelines, compound commands, redirections (POSIX shell, and what bash adds that people use).

use std::ops::Range;

use super::{Interpreter, Join, Pipe, Script, ShellAssignment, ShellWord, Simple, Text, Within};

/// Deeper nesting than any person writes would exhaust the stack.
const DEEPEST: usize = 40;

pub(super) fn read(text: &Text, bodies: &[(String, Text)]) -> Script {
    let mut reader = Reader::new(text, bodies);
    reader.list(None);
    while reader.at < reader.text().len() {
        // A closer without an opener.
        reader.incomplete();
        reader.next();
        reader.list(None);
    }
    reader.finish_heredocs();
    let length = text.as_str().len();
    Script {
        interpreter: Interpreter::default(),
        commands: reader.commands,
        pipes: reader.pipes,
        functions: reader.functions,
        complete: reader.complete,
        span: text.locate(0..length),
    }
}

pub(super) struct Reader<'a> {
    pub(super) source: &'a Text,
    pub(super) bodies: &'a [(String, Text)],
    pub(super) at: usize,
    pub(super) commands: Vec<Simple>,
    pub(super) pipes: Vec<Pipe>,
    pub(super) functions: Vec<String>,
    pub(super) complete: bool,
    pub(super) within: Vec<Within>,
    pub(super) lists: usize,
    pub(super) pipefail: bool,
    pub(super) depth: usize,
    /// Inside backticks a backtick ends a word.
    pub(super) backticks: usize,
    /// Heredocs whose bodies follow the next line end: command, redirection, name, whether tabs are dropped.
    pub(super) open: Vec<(usize, usize, String, bool)>,
}

/// Where a list ends.
#[derive(Clone, Copy)]
pub(super) enum End {
    Character(char),
    Words(&'static [&'static str]),
    Case,
}

impl<'a> Reader<'a> {
    fn new(source: &'a Text, bodies: &'a [(String, Text)]) -> Self {
        Self {
            source,
            bodies,
            at: 0,
            commands: Vec::new(),
            pipes: Vec::new(),
            functions: Vec::new(),
            complete: true,
            within: Vec::new(),
            lists: 0,
            pipefail: false,
            depth: 0,
            backticks: 0,
            open: Vec::new(),
        }
    }

    pub(super) fn text(&self) -> &'a str {
        self.source.as_str()
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.source.as_str()[self.at..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        let c = self.rest().chars().next()?;
        // A backtick inside backticks closes them: the words in there end before it.
        (c != '`' || self.backticks == 0).then_some(c)
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.rest().chars().next()?;
        self.at += c.len_utf8();
        Some(c)
    }

    pub(super) fn locate(&self, range: Range<usize>) -> Range<usize> {
        self.source.locate(range)
    }

    pub(super) fn source_offset(&self) -> usize {
        self.source.offset(self.at)
    }

    pub(super) fn offset_of(&self, at: usize) -> usize {
        self.source.offset(at)
    }

    pub(super) fn incomplete(&mut self) {
        self.complete = false;
    }

    pub(super) fn enter(&mut self) -> bool {
        self.depth += 1;
        if self.depth < DEEPEST {
            return true;
        }
        self.depth -= 1;
        self.incomplete();
        self.next();
        false
    }

    pub(super) fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Reads a list in parentheses or backticks, its closer included.
    pub(super) fn nested_list(&mut self, within: Within, close: char) {
        let pipefail = self.pipefail;
        let backticks = self.backticks;
        self.backticks = usize::from(close == '`');
        self.inside(within, End::Character(close));
        self.backticks = backticks;
        if self.rest().starts_with(close) {
            self.next();
        } else {
            self.incomplete();
        }
        self.pipefail = pipefail;
    }

    pub(super) fn inside(&mut self, within: Within, end: End) {
        if self.enter() {
            self.within.push(within);
            self.list(Some(end));
            self.within.pop();
            self.leave();
        }
    }

    /// Reads commands up to `end`, which is not taken.
    pub(super) fn list(&mut self, end: Option<End>) {
        self.lists += 1;
        let list = self.lists;
        let mut join = Join::First;
        loop {
            self.blanks(true);
            if self.ended(end) {
                return;
            }
            let before = self.at;
            self.pipeline(list, join);
            self.spaces();
            join = self.separator(end).unwrap_or(Join::Sequence);
            if self.at == before {
                return;
            }
        }
    }

    fn ended(&self, end: Option<End>) -> bool {
        let rest = self.rest();
        match end {
            _ if rest.is_empty() => true,
            Some(End::Character(c)) if rest.starts_with(c) => true,
            Some(End::Words(words)) => words.iter().any(|it| self.at_word(it)),
            Some(End::Case) => {
                rest.starts_with(";;") || rest.starts_with(";&") || self.at_word("esac")
            }
            _ => rest.starts_with(')') || (self.backticks > 0 && rest.starts_with('`')),
        }
    }

    /// Takes what separates commands.
    fn separator(&mut self, end: Option<End>) -> Option<Join> {
        let rest = self.rest();
        if matches!(end, Some(End::Case)) && (rest.starts_with(";;") || rest.starts_with(";&")) {
            return None;
        }
        let (length, join) = if rest.starts_with("&&") {
            (2, Join::And)
        } else if rest.starts_with("||") {
            (2, Join::Or)
        } else if rest.starts_with(';') || rest.starts_with('\n') {
            (usize::from(rest.starts_with(';')), Join::Sequence)
        } else if rest.starts_with('&') {
            (1, Join::Background)
        } else {
            return None;
        };
        self.at += length;
        Some(join)
    }

    /// Skips blanks and comments; with `lines` also line ends, behind which the bodies of heredocs stand.
    pub(super) fn blanks(&mut self, lines: bool) {
        while let Some(c) = self.rest().chars().next() {
            match c {
                '\n' if lines => {
                    self.next();
                    self.take_bodies();
                }
                '\n' => return,
                '#' => {
                    let rest = self.rest();
                    self.at += rest.find('\n').unwrap_or(rest.len());
                }
                '\\' if self.rest().starts_with("\\\n") => self.at += 2,
                '\\' if self.rest().starts_with("\\\r\n") => self.at += 3,
                c if c.is_whitespace() => {
                    self.next();
                }
                _ => return,
            }
        }
    }

    pub(super) fn spaces(&mut self) {
        self.blanks(false);
    }

    /// Whether a reserved word stands here, whole and unquoted.
    pub(super) fn at_word(&self, word: &str) -> bool {
        self.rest().strip_prefix(word).is_some_and(|rest| {
            rest.chars().next().is_none_or(|c| {
                c.is_whitespace() || matches!(c, ';' | '&' | '|' | '<' | '>' | '(' | ')' | '`')
            })
        })
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.at_word(word);
        if found {
            self.at += word.len();
        } else {
            self.incomplete();
        }
        found
    }

    fn pipeline(&mut self, list: usize, join: Join) {
        let start = self.at;
        if self.at_word("!") {
            self.at += 1;
            self.blanks(true);
        }
        let mut parts = Vec::new();
        let mut operators = Vec::new();
        let mut join = join;
        loop {
            let first = self.commands.len();
            let before = self.at;
            self.command(list, join);
            parts.push((first..self.commands.len()).collect::<Vec<_>>());
            let end = self.at;
            self.spaces();
            let rest = self.rest();
            if self.at == before || !rest.starts_with('|') || rest.starts_with("||") {
                if operators.is_empty() {
                    return;
                }
                self.pipes.push(Pipe {
                    parts,
                    pipefail: self.pipefail,
                    operators,
                    span: self.locate(start..end),
                });
                return;
            }
            let length = 1 + usize::from(rest.starts_with("|&"));
            operators.push(self.locate(self.at..self.at + 1));
            self.at += length;
            join = Join::Pipe;
            self.blanks(true);
        }
    }

    pub(super) fn command(&mut self, list: usize, join: Join) {
        let rest = self.rest();
        if rest.starts_with("((") && rest.contains("))") {
            self.skip_arithmetic();
        } else if rest.starts_with('(') {
            self.next();
            self.nested_list(Within::Subshell, ')');
        } else if self.at_word("{") {
            self.at += 1;
            self.inside(Within::Group, End::Words(&["}"]));
            self.take_word("}");
        } else if self.at_word("if") {
            self.conditional();
        } else if self.at_word("while") || self.at_word("until") {
            self.at += 5;
            self.inside(Within::Condition, End::Words(&["do"]));
            self.loop_body();
        } else if self.at_word("for") || self.at_word("select") {
            self.counted_loop();
        } else if self.at_word("case") {
            self.case();
        } else if self.at_word("function") {
            self.at += "function".len();
            self.spaces();
            let name = self.word();
            self.spaces();
            if self.rest().starts_with("()") {
                self.at += 2;
            }
            self.function(name.map(|it| it.text).unwrap_or_default());
        } else if self.at_word("[[") {
            self.test(list, join);
            return;
        } else {
            self.simple(list, join);
            return;
        }
        self.trailing_redirects();
    }

    pub(super) fn empty(&self, list: usize, join: Join) -> Simple {
        Simple {
            words: Vec::new(),
            assignments: Vec::new(),
            redirects: Vec::new(),
            join,
            within: self.within.clone(),
            list,
            pipefail: self.pipefail,
            span: 0..0,
        }
    }

    /// Reads a simple command. It takes its place before the commands inside its words.
    fn simple(&mut self, list: usize, join: Join) {
        let start = self.at;
        let slot = self.commands.len();
        let waiting = self.empty(list, join);
        self.commands.push(waiting);
        let mut simple = self.empty(list, join);
        let mut end = start;
        loop {
            self.spaces();
            if self.redirect(&mut simple, slot) {
                end = self.at;
                continue;
            }
            let ahead = simple.words.is_empty().then(|| self.assignment()).flatten();
            if let Some(assignment) = ahead {
                simple.assignments.push(assignment);
                end = self.at;
                continue;
            }
            if let [name] = simple.words.as_slice()
                && self.rest().starts_with("()")
            {
                let name = name.text.clone();
                self.at += 2;
                self.commands.truncate(slot);
                self.function(name);
                return;
            }
            let Some(word) = self.word() else {
                break;
            };
            end = self.at;
            simple.words.push(word);
        }
        simple.span = self.locate(start..end);
        if simple.words.is_empty() && simple.assignments.is_empty() && simple.redirects.is_empty() {
            self.commands.remove(slot);
            return;
        }
        self.set_options(&simple);
        self.commands[slot] = simple;
    }

    pub(super) fn finish(&mut self, mut simple: Simple, start: usize) {
        simple.span = self.locate(start..self.at);
        self.commands.push(simple);
    }

    fn assignment(&mut self) -> Option<ShellAssignment> {
        let rest = self.rest();
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = rest.find(|c| !name(c)).unwrap_or(rest.len());
        let operator = if rest[length..].starts_with("+=") {
            2
        } else {
            usize::from(rest[length..].starts_with('='))
        };
        let starts = rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        if !starts || operator == 0 {
            return None;
        }
        let name = rest[..length].to_owned();
        self.at += length + operator;
        if self.rest().starts_with('(') {
            self.skip_array();
        }
        let at = self.source_offset();
        let value = self.word().unwrap_or(ShellWord {
            text: String::new(),
            span: at..at,
            variables: Vec::new(),
            substitutes: false,
            quoted: false,
            pieces: vec![(0, at)],
        });
        Some(ShellAssignment { name, value })
    }

    /// `NAME=(a b)` of bash.
    fn skip_array(&mut self) {
        self.next();
        loop {
            self.blanks(true);
            match self.word() {
                Some(_) => {}
                None if self.rest().starts_with(')') => {
                    self.next();
                    return;
                }
                None => {
                    self.incomplete();
                    return;
                }
            }
        }
    }

    /// Follows `set -o pipefail`.
    fn set_options(&mut self, simple: &Simple) {
        let words: Vec<&str> = simple.words.iter().map(|it| it.text.as_str()).collect();
        let Some((&"set", options)) = words.split_first() else {
            return;
        };
        for pair in options.windows(2) {
            if pair[1] == "pipefail" && pair[0].ends_with('o') {
                self.pipefail = pair[0].starts_with('-');
            }
        }
    }
}
