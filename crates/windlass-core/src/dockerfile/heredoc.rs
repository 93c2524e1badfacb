//! The heredocs that a line opens, word for word as BuildKit finds them (`heredocsFromLine` over `shell/lex.go`).

use std::ops::Range;

/// What opens a heredoc.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) name: String,
    /// Whether variables are expanded: the name is not quoted.
    pub(super) expands: bool,
    /// `<<-`
    pub(super) tabs: bool,
    /// The number in front, 0 where there is none.
    pub(super) descriptor: u32,
    /// The bytes of the line that open it, `<<` and the name.
    pub(super) range: Range<usize>,
}

/// Returns the heredocs of a line in order. A line whose quotes or `${` are not closed opens none.
pub(super) fn opened_heredocs(line: &str) -> Vec<Opened> {
    if !line.contains("<<") {
        return Vec::new();
    }
    let words = Words::split(line).unwrap_or_default();
    words
        .into_iter()
        .filter_map(|range| heredoc(&line[range.clone()], range.start))
        .collect()
}

/// Reads a word of the form `3<<-NAME`.
fn heredoc(word: &str, at: usize) -> Option<Opened> {
    let rest = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let descriptor = word[..word.len() - rest.len()].parse().unwrap_or(0);
    let rest = rest.strip_prefix("<<")?;
    let (tabs, rest) = match rest.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    let quoted = rest.trim_start();
    if quoted.is_empty() || quoted.contains('<') {
        return None;
    }
    let name = unquote(quoted)?;
    Some(Opened {
        expands: !quoted.contains(['"', '\'']),
        name,
        tabs,
        descriptor,
        range: at..at + word.len(),
    })
}

/// Removes quotes and escapes; `None` where it is not one word.
fn unquote(text: &str) -> Option<String> {
    let mut name = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\'' | '"' if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            '\\' if quote.is_none() => name.extend(characters.next()),
            c if quote.is_none() && c.is_whitespace() => return None,
            c => name.push(c),
        }
    }
    (quote.is_none() && !name.is_empty()).then_some(name)
}

/// Splits a line as BuildKit's lexer does with raw quotes and escapes: `<<` takes the white space behind it along.
struct Words<'a> {
    text: &'a str,
    at: usize,
    word: Option<usize>,
    found: Vec<Range<usize>>,
    depth: usize,
}

impl<'a> Words<'a> {
    /// Returns `None` where BuildKit's lexer gives up.
    fn split(text: &'a str) -> Option<Vec<Range<usize>>> {
        let mut words = Words {
            text,
            at: 0,
            word: None,
            found: Vec::new(),
            depth: 0,
        };
        while let Some(c) = words.peek() {
            let start = words.at;
            match c {
                '\'' | '"' => {
                    words.quoted(c)?;
                    words.word.get_or_insert(start);
                }
                '$' => {
                    words.dollar()?;
                    words.word.get_or_insert(start);
                }
                '<' => {
                    words.angle();
                    words.word.get_or_insert(start);
                }
                '\\' => {
                    words.next();
                    words.next();
                    words.word.get_or_insert(start);
                }
                c if c.is_whitespace() => {
                    words.finish();
                    words.next();
                }
                _ => {
                    words.next();
                    words.word.get_or_insert(start);
                }
            }
        }
        words.finish();
        Some(words.found)
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn finish(&mut self) {
        if let Some(start) = self.word.take() {
            self.found.push(start..self.at);
        }
    }

    fn quoted(&mut self, quote: char) -> Option<()> {
        self.next();
        loop {
            match self.peek()? {
                '$' if quote == '"' => self.dollar()?,
                '\\' if quote == '"' => {
                    self.next();
                    if matches!(self.peek(), Some('"' | '$' | '\\')) {
                        self.next();
                    }
                }
                c => {
                    self.next();
                    if c == quote {
                        return Some(());
                    }
                }
            }
        }
    }

    fn angle(&mut self) {
        self.next();
        if self.peek() == Some('<') {
            self.next();
            while matches!(self.peek(), Some('\t' | '\r' | ' ')) {
                self.next();
            }
        }
    }

    fn dollar(&mut self) -> Option<()> {
        self.next();
        if self.peek() != Some('{') {
            return Some(());
        }
        self.next();
        if matches!(self.peek(), None | Some('{' | '}' | ':')) {
            return None;
        }
        while self
            .peek()
            .is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '@' | '*' | '!' | '$'))
        {
            self.next();
        }
        match self.next()? {
            '}' => Some(()),
            ':' => match self.next()? {
                '-' | '+' | '?' => self.until('}'),
                _ => None,
            },
            '-' | '+' | '?' | '#' | '%' => self.until('}'),
            '/' => {
                if self.peek() == Some('/') {
                    self.next();
                }
                self.until('/')?;
                self.until('}')
            }
            _ => None,
        }
    }

    fn until(&mut self, stop: char) -> Option<()> {
        // Deeper nesting than any person writes would exhaust the stack.
        self.depth += 1;
        let found = (self.depth < 32).then(|| self.inside(stop))?;
        self.depth -= 1;
        found
    }

    fn inside(&mut self, stop: char) -> Option<()> {
        loop {
            match self.peek()? {
                c if c == stop => {
                    self.next();
                    return Some(());
                }
                c @ ('\'' | '"') => self.quoted(c)?,
                '$' => self.dollar()?,
                '\\' => {
                    self.next();
                    self.next();
                }
                _ => {
                    self.next();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Vec<(String, bool)> {
        let found = opened_heredocs(line).into_iter();
        found.map(|it| (it.name, it.expands)).collect()
    }

    #[test]
    fn heredocs_open_at_any_word() {
        assert_eq!(
            names("RUN cat <<A | x && cat <<'B' >f; cat 3<<-\"C D\""),
            [
                ("A".to_owned(), true),
                ("B".to_owned(), false),
                ("C D".to_owned(), false)
            ]
        );
        assert_eq!(names("RUN a\\ <<A"), names("RUN x"));
    }

    #[test]
    fn a_blank_behind_the_operator_belongs_to_it() {
        assert_eq!(names("RUN cat << EOF"), [("EOF".to_owned(), true)]);
        assert_eq!(names("RUN echo $((1 << 3))"), [("3))".to_owned(), true)]);
        assert_eq!(names("RUN cat <<- EOF"), []);
    }

    #[test]
    fn what_is_no_heredoc_opens_none() {
        for line in [
            "RUN cat <<<x",
            "RUN echo \"<<A\"",
            "RUN echo 'it <<A",
            "RUN ${} <<A",
            "RUN ${x,,} <<A",
            "RUN a<<A",
            "RUN $((1<<3))",
        ] {
            assert_eq!(names(line), [], "{line}");
        }
        assert_eq!(names("RUN ${x%<<*} <<A"), [("A".to_owned(), true)]);
    }
}
