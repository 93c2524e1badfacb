//! Words: flags, `NAME=value` lists and the expansion of variables (BuildKit `frontend/dockerfile/shell/lex.go`).

use std::ops::Range;

use super::Flag;

/// A text with its place in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The text.
    pub text: String,
    /// The bytes it stands for; with a continuation inside, these hold the line end too.
    pub span: Range<usize>,
}

impl Flag {
    pub(super) fn located(self, locate: impl FnOnce(Range<usize>) -> Range<usize>) -> Self {
        Self {
            value: Word {
                span: locate(self.value.span),
                text: self.value.text,
            },
            ..self
        }
    }
}

/// Takes the flags from the front of the arguments; returns them with spans inside `text`, and how many bytes they have.
pub(super) fn split_flags(text: &str, escape: char) -> (Vec<Flag>, usize) {
    let mut flags = Vec::new();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let start = at + rest.len() - rest.trim_start().len();
        let word = &text[start..];
        if !word.starts_with("--") {
            return (flags, start);
        }
        let length = word_length(word, escape);
        at = start + length;
        let word = &word[..length];
        if word == "--" {
            let rest = &text[at..];
            return (flags, at + rest.len() - rest.trim_start().len());
        }
        let (name, value) = word[2..].split_once('=').unwrap_or((&word[2..], ""));
        flags.push(Flag {
            name: name.to_ascii_lowercase(),
            value: Word {
                text: unquote(value, escape),
                span: start + length - value.len()..start + length,
            },
        });
    }
}

/// Returns how many bytes the first word has, white space in quotes included.
fn word_length(text: &str, escape: char) -> usize {
    let mut quote = None;
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == escape && quote != Some('\'') {
            escaped = true;
        } else if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '"' | '\'') {
            quote = Some(c);
        } else if quote.is_none() && c.is_whitespace() {
            return at;
        }
    }
    text.len()
}

/// Splits `text` into words at white space outside quotes; returns ranges.
pub(super) fn split_words(text: &str, escape: char) -> Vec<Range<usize>> {
    let mut words = Vec::new();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        let start = at + rest.len() - rest.trim_start().len();
        if start == text.len() {
            return words;
        }
        at = start + word_length(&text[start..], escape);
        words.push(start..at);
    }
}

fn unquote(text: &str, escape: char) -> String {
    let mut plain = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '"' | '\'') {
            quote = Some(c);
        } else if c == escape && quote != Some('\'') {
            plain.extend(characters.next());
        } else {
            plain.push(c);
        }
    }
    plain
}

/// What a word is after expansion.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// The variables that had no value where one was needed.
    pub(super) undefined: Vec<String>,
}

/// Expands `$NAME` and `${NAME}` with `:-`, `-`, `:+`, `+`, `:?`, `?`, `#`, `##`, `%`, `%%`, `/` and `//`, and removes quotes.
///
/// # Errors
/// Says what form is not understood or which value a `?` asked for.
pub(super) fn expand(
    word: &str,
    escape: char,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Expanded, String> {
    let mut expander = Expander {
        rest: word,
        escape,
        lookup,
        undefined: Vec::new(),
    };
    let text = expander.run(None, 0, false)?;
    Ok(Expanded {
        text,
        undefined: expander.undefined,
    })
}

/// No value that a person wants has more bytes.
const LONGEST: usize = 1 << 16;

struct Expander<'a> {
    rest: &'a str,
    escape: char,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    undefined: Vec<String>,
}

impl Expander<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.rest.chars().next()?;
        self.rest = &self.rest[c.len_utf8()..];
        Some(c)
    }

    fn skip(&mut self, c: char) -> bool {
        let found = self.rest.starts_with(c);
        if found {
            self.next();
        }
        found
    }

    /// Expands up to the end, or up to and with `stop`. With `raw` escapes stay.
    fn run(&mut self, stop: Option<char>, depth: usize, raw: bool) -> Result<String, String> {
        let mut text = String::new();
        let mut quote = None;
        while let Some(c) = self.next() {
            // Values that double themselves would exhaust the memory.
            if text.len() > LONGEST {
                return Err("the value is too long".to_owned());
            }
            match c {
                _ if Some(c) == stop && quote.is_none() => return Ok(text),
                '\'' | '"' if quote == Some(c) => quote = None,
                '\'' | '"' if quote.is_none() => quote = Some(c),
                '$' if quote != Some('\'') => text.push_str(&self.variable(depth)?),
                _ if c == self.escape && quote != Some('\'') => {
                    let next = self.next();
                    let plain = quote == Some('"')
                        && !matches!(next, Some('"' | '$'))
                        && next != Some(self.escape);
                    if plain || raw {
                        text.push(c);
                    }
                    text.extend(next);
                }
                _ => text.push(c),
            }
        }
        match (quote, stop) {
            (Some(quote), _) => Err(format!("a {quote} is never closed")),
            (None, Some(_)) => Err("a `${` is never closed".to_owned()),
            (None, None) => Ok(text),
        }
    }

    fn variable(&mut self, depth: usize) -> Result<String, String> {
        if self.skip('{') {
            return self.braced(depth);
        }
        let name = self.name();
        if name.is_empty() {
            return Ok("$".to_owned());
        }
        Ok(self.value(name))
    }

    fn name(&mut self) -> String {
        let first = self.rest.chars().next();
        let length = match first {
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => 1,
            Some(c) if c.is_ascii_digit() => self.length(|c| c.is_ascii_digit()),
            _ => self.length(|c| c.is_alphanumeric() || c == '_'),
        };
        let (name, rest) = self.rest.split_at(length);
        self.rest = rest;
        name.to_owned()
    }

    fn length(&self, inside: impl Fn(char) -> bool) -> usize {
        self.rest.find(|c| !inside(c)).unwrap_or(self.rest.len())
    }

    fn value(&mut self, name: String) -> String {
        (self.lookup)(&name).unwrap_or_else(|| {
            self.undefined.push(name);
            String::new()
        })
    }

    fn braced(&mut self, depth: usize) -> Result<String, String> {
        // Deeper nesting than any person writes would exhaust the stack.
        if depth > 16 {
            return Err("`${` is nested too deep".to_owned());
        }
        let name = self.name();
        if name.is_empty() {
            return Err("`${` needs a name behind it".to_owned());
        }
        let colon = self.skip(':');
        match self.next() {
            Some('}') if !colon => Ok(self.value(name)),
            Some(operator @ ('-' | '+' | '?')) => self.choice(&name, operator, colon, depth),
            Some(operator @ ('#' | '%')) if !colon => {
                let greedy = self.skip(operator);
                let pattern = self.run(Some('}'), depth + 1, true)?;
                let value = self.value(name);
                cut(&value, &pattern, operator, greedy)
            }
            Some('/') if !colon => {
                let all = self.skip('/');
                let pattern = self.run(Some('/'), depth + 1, true)?;
                let with = self.run(Some('}'), depth + 1, true)?;
                let value = self.value(name);
                replace(&value, &pattern, &with, all)
            }
            _ => Err(format!(
                "`${{{name}` has a form that the builder does not know"
            )),
        }
    }

    fn choice(
        &mut self,
        name: &str,
        operator: char,
        colon: bool,
        depth: usize,
    ) -> Result<String, String> {
        let known = self.undefined.len();
        let word = self.run(Some('}'), depth + 1, false)?;
        let value = (self.lookup)(name).filter(|value| !colon || !value.is_empty());
        if (operator == '+') != value.is_some() {
            // The word behind the operator is not used, so what it lacks does not matter.
            self.undefined.truncate(known);
        }
        match (operator, value) {
            ('-' | '?', Some(value)) => Ok(value),
            ('-', None) | ('+', Some(_)) => Ok(word),
            ('+', None) => Ok(String::new()),
            (_, _) => Err(format!("`{name}` has no value: {word}")),
        }
    }
}

/// Cuts what a pattern matches from the front (`#`) or the end (`%`) of a value.
fn cut(value: &str, pattern: &str, side: char, greedy: bool) -> Result<String, String> {
    let pattern = glob(pattern)?;
    let fits = |part: &str| pattern.is_match(part);
    let mut ends = value.char_indices().map(|(at, _)| at).chain([value.len()]);
    let found = match (side, greedy) {
        ('#', false) => ends.find(|&at| fits(&value[..at])),
        ('#', true) => ends.rfind(|&at| fits(&value[..at])),
        (_, false) => ends.rfind(|&at| fits(&value[at..])),
        (_, true) => ends.find(|&at| fits(&value[at..])),
    };
    Ok(match (found, side) {
        (Some(at), '#') => value[at..].to_owned(),
        (Some(at), _) => value[..at].to_owned(),
        (None, _) => value.to_owned(),
    })
}

fn replace(value: &str, pattern: &str, with: &str, all: bool) -> Result<String, String> {
    let pattern = regex(&expression(pattern)?)?;
    let with = regex_lite::NoExpand(with);
    Ok(if all {
        pattern.replace_all(value, with).into_owned()
    } else {
        pattern.replace(value, with).into_owned()
    })
}

/// Returns a pattern that matches a whole text.
fn glob(pattern: &str) -> Result<regex_lite::Regex, String> {
    regex(&format!("^(?:{})$", expression(pattern)?))
}

fn regex(text: &str) -> Result<regex_lite::Regex, String> {
    regex_lite::Regex::new(text).map_err(|_| "a pattern in `${` is too large".to_owned())
}

/// Writes a shell pattern (`*`, `?`, no brackets) as a regular expression.
fn expression(pattern: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut characters = pattern.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '*' => text.push_str(".*"),
            '?' => text.push('.'),
            '\\' => match characters.peek() {
                Some('}' | '/') => {}
                Some('*' | '?' | '\\') => text.push_str(&regex_lite::escape(
                    &characters.next().unwrap_or_default().to_string(),
                )),
                _ => return Err("an escape in a pattern of `${` is not understood".to_owned()),
            },
            c => text.push_str(&regex_lite::escape(&c.to_string())),
        }
    }
    Ok(text)
}

/// Returns the names of the variables that a text mentions, with where each stands in it.
pub(super) fn mentioned(text: &str, escape: char) -> Vec<(String, Range<usize>)> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut found = Vec::new();
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
            continue;
        }
        if c == escape {
            escaped = true;
        }
        if c != '$' {
            continue;
        }
        let after = &text[at + 1..];
        let inner = after.strip_prefix('{').unwrap_or(after);
        let length = inner.find(|c| !word(c)).unwrap_or(inner.len());
        if length > 0 {
            let start = text.len() - inner.len();
            found.push((inner[..length].to_owned(), at..start + length));
        }
    }
    found
}
