//! Words: quotes, escapes, variables and substitutions.

use super::read::Reader;
use super::{ShellWord, Use, Within};

/// Characters that end a word outside quotes.
fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, ';' | '&' | '|' | '<' | '>' | '(' | ')')
}

/// A word in the making.
#[derive(Default)]
struct Making {
    text: String,
    pieces: Vec<(usize, usize)>,
    variables: Vec<Use>,
    substitutes: bool,
    quoted: bool,
}

impl Making {
    fn push(&mut self, c: char, source: usize) {
        let next = self
            .pieces
            .last()
            .is_some_and(|(text, at)| at + (self.text.len() - text) == source);
        if !next {
            self.pieces.push((self.text.len(), source));
        }
        self.text.push(c);
    }
}

impl Reader<'_> {
    /// Reads a word; `None` where there is none at this place.
    pub(super) fn word(&mut self) -> Option<ShellWord> {
        self.word_until(&ends_word)
    }

    /// Reads a word up to a character of `ends` outside quotes.
    pub(super) fn word_until(&mut self, ends: &dyn Fn(char) -> bool) -> Option<ShellWord> {
        let start = self.at;
        let mut word = Making::default();
        while let Some(c) = self.peek() {
            match c {
                '<' | '>' if self.at_process_substitution() => {
                    self.take(&mut word);
                    self.parenthesis(&mut word);
                }
                c if ends(c) => break,
                '\'' => self.single_quoted(&mut word),
                '"' => self.double_quoted(&mut word),
                '\\' => self.escaped(&mut word),
                '$' => self.dollar(&mut word, false),
                '`' => self.backtick(&mut word),
                _ => self.take(&mut word),
            }
        }
        (self.at > start).then(|| ShellWord {
            span: self.locate(start..self.at),
            text: word.text,
            variables: word.variables,
            substitutes: word.substitutes,
            quoted: word.quoted,
            pieces: word.pieces,
        })
    }

    fn at_process_substitution(&self) -> bool {
        self.rest().starts_with("<(") || self.rest().starts_with(">(")
    }

    /// Takes a character into the word as it is.
    fn take(&mut self, word: &mut Making) {
        let at = self.source_offset();
        if let Some(c) = self.next() {
            word.push(c, at);
        }
    }

    fn single_quoted(&mut self, word: &mut Making) {
        word.quoted = true;
        self.next();
        while let Some(c) = self.peek() {
            if c == '\'' {
                self.next();
                return;
            }
            self.take(word);
        }
        self.incomplete();
    }

    fn double_quoted(&mut self, word: &mut Making) {
        word.quoted = true;
        self.next();
        while let Some(c) = self.peek() {
            match c {
                '"' => {
                    self.next();
                    return;
                }
                '\\' => {
                    let escapes = self.rest()[1..].starts_with(['"', '$', '`', '\\', '\n']);
                    if escapes {
                        self.escaped(word);
                    } else {
                        self.take(word);
                    }
                }
                '$' => self.dollar(word, true),
                '`' => self.backtick(word),
                _ => self.take(word),
            }
        }
        self.incomplete();
    }

    fn escaped(&mut self, word: &mut Making) {
        word.quoted = true;
        self.next();
        if self.peek() == Some('\n') {
            self.next();
        } else {
            self.take(word);
        }
    }

    fn dollar(&mut self, word: &mut Making, quoted: bool) {
        let rest = &self.rest()[1..];
        if rest.starts_with("((") {
            self.take(word);
            self.arithmetic(word);
        } else if rest.starts_with('(') {
            self.take(word);
            self.parenthesis(word);
        } else if rest.starts_with('{') {
            self.braced(word, quoted);
        } else if rest.starts_with('\'') && !quoted {
            self.next();
            self.dollar_quoted(word);
        } else if rest.starts_with('"') && !quoted {
            self.next();
        } else {
            self.plain_variable(word, quoted);
        }
    }

    /// `$'...'`, in which a backslash escapes.
    fn dollar_quoted(&mut self, word: &mut Making) {
        word.quoted = true;
        self.next();
        while let Some(c) = self.peek() {
            match c {
                '\'' => {
                    self.next();
                    return;
                }
                '\\' => {
                    self.take(word);
                    self.take(word);
                }
                _ => self.take(word),
            }
        }
        self.incomplete();
    }

    fn plain_variable(&mut self, word: &mut Making, quoted: bool) {
        let start = self.at;
        self.take(word);
        let name = self.take_name(word);
        if !name.is_empty() {
            word.variables.push(Use {
                name,
                span: self.locate(start..self.at),
                quoted,
                operator: false,
            });
        }
    }

    fn take_name(&mut self, word: &mut Making) -> String {
        let start = self.at;
        if self
            .peek()
            .is_some_and(|c| matches!(c, '@' | '*' | '#' | '?' | '-' | '$' | '!'))
        {
            self.take(word);
        } else {
            while self
                .peek()
                .is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
            {
                self.take(word);
            }
        }
        self.text()[start..self.at].to_owned()
    }

    /// `${NAME...}`: the name counts, what follows it is read for further variables and substitutions.
    fn braced(&mut self, word: &mut Making, quoted: bool) {
        let start = self.at;
        self.take(word);
        self.take(word);
        if self.peek() == Some('!')
            || self.rest().starts_with('#') && !self.rest().starts_with("#}")
        {
            self.take(word);
        }
        let name = self.take_name(word);
        let operator = self.peek() != Some('}');
        let slot = word.variables.len();
        if !self.enter() {
            return;
        }
        loop {
            match self.peek() {
                None => {
                    self.incomplete();
                    break;
                }
                Some('}') => {
                    self.take(word);
                    break;
                }
                Some('\'') if !quoted => self.single_quoted(word),
                Some('"') => self.double_quoted(word),
                Some('\\') => self.escaped(word),
                Some('$') => self.dollar(word, quoted),
                Some('`') => self.backtick(word),
                Some(_) => self.take(word),
            }
        }
        self.leave();
        let used = Use {
            name,
            span: self.locate(start..self.at),
            quoted,
            operator,
        };
        word.variables.insert(slot, used);
    }

    /// `$(( ))` or `(( ))`, at its first parenthesis; variables count.
    fn arithmetic(&mut self, word: &mut Making) {
        let mut depth = 0;
        while let Some(c) = self.peek() {
            match c {
                '(' => depth += 1,
                ')' => depth -= 1,
                '$' if self.enter() => {
                    self.dollar(word, true);
                    self.leave();
                    continue;
                }
                _ => {}
            }
            self.take(word);
            if depth == 0 {
                return;
            }
        }
        self.incomplete();
    }

    /// `( )` of a substitution: its commands are read, its text goes into the word.
    fn parenthesis(&mut self, word: &mut Making) {
        word.substitutes = true;
        let start = self.at;
        self.next();
        self.nested_list(Within::Substitution, ')');
        self.copy(word, start);
    }

    fn backtick(&mut self, word: &mut Making) {
        word.substitutes = true;
        let start = self.at;
        self.next();
        self.nested_list(Within::Substitution, '`');
        self.copy(word, start);
    }

    fn copy(&mut self, word: &mut Making, start: usize) {
        let end = self.at;
        let text = self.text()[start..end].to_owned();
        for (offset, c) in text.char_indices() {
            word.push(c, self.offset_of(start + offset));
        }
    }
}
