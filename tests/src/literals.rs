//! Texts in Rust code, as far as tests about the code need them: which call has which words.

/// A call found in code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What it begins with.
    pub head: String,
    /// The line it begins in, from 1.
    pub line: usize,
    /// The arguments; where they have no text, the statements that name them, from the variable's `let` on.
    pub message: String,
}

/// Returns every call whose text begins with one of `heads`, which end in `(`.
pub fn calls(code: &str, heads: &[&str]) -> Vec<Call> {
    let mut found: Vec<(usize, usize)> = heads
        .iter()
        .flat_map(|head| {
            code.match_indices(head)
                .map(|(at, _)| (at, at + head.len()))
        })
        .collect();
    found.sort_unstable();
    let call = |(at, inside): (usize, usize)| {
        let arguments = &code[inside..closing(code, inside - 1)];
        let message = if text_literals(arguments).is_empty() {
            named(code, at, arguments).unwrap_or(arguments)
        } else {
            arguments
        };
        Call {
            head: code[at..inside].to_owned(),
            line: code[..at].matches('\n').count() + 1,
            message: message.to_owned(),
        }
    };
    found.into_iter().map(call).collect()
}

/// Returns the code from the `let` of the last argument to the call.
fn named<'c>(code: &'c str, call: usize, arguments: &str) -> Option<&'c str> {
    let last = arguments
        .rsplit(',')
        .map(str::trim)
        .find(|it| !it.is_empty())?;
    let variable: String = last
        .chars()
        .take_while(|it| it.is_ascii_alphanumeric() || *it == '_')
        .collect();
    let before = &code[..call];
    let at = before.rfind(&format!("let {variable}"));
    let at = at.max(before.rfind(&format!("let (code, {variable}")));
    let at = at.max(before.rfind(&format!("let ({variable}")));
    let statement = &before[at.filter(|_| !variable.is_empty())?..];
    // A `let` of another function names something else.
    (!statement.contains("\nfn ") && !statement.contains(" fn ")).then_some(statement)
}

/// Returns where the bracket that opens at `open` is closed.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    let mut rest = Scanner { code, at: open };
    while let Some(token) = rest.next() {
        match token {
            Token::Other('(' | '[' | '{') => depth += 1,
            Token::Other(')' | ']' | '}') => {
                depth -= 1;
                if depth == 0 {
                    return rest.at - 1;
                }
            }
            _ => {}
        }
    }
    code.len()
}

/// Returns the texts of string literals, escapes undone; empty ones are left out.
pub fn text_literals(code: &str) -> Vec<String> {
    let scanner = Scanner { code, at: 0 };
    let texts = scanner.filter_map(|it| match it {
        Token::Text(text) => Some(text),
        Token::Other(_) => None,
    });
    texts.filter(|it| !it.trim().is_empty()).collect()
}

/// Says whether `words`, with anything inside one line in the place of `{..}`, stand somewhere in `texts`.
pub fn matches_words(words: &str, texts: &str) -> bool {
    // Nothing tells a text of `format!` from a plain one, in which braces are braces.
    texts.contains(words) || matches_parts(&fixed_parts(words), texts)
}

fn matches_parts(parts: &[String], texts: &str) -> bool {
    let Some(first) = parts.first() else {
        return true;
    };
    texts.match_indices(first.as_str()).any(|(at, _)| {
        let line_end = texts[at..].find('\n').map_or(texts.len(), |it| at + it);
        // A message of several lines is compared up to its first break.
        let mut rest = &texts[at..line_end];
        parts.iter().all(|part| match rest.find(part.as_str()) {
            Some(found) => {
                rest = &rest[found + part.len()..];
                true
            }
            None => false,
        })
    })
}

/// Splits the text of a `format!` at its placeholders.
fn fixed_parts(words: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = words.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '{' | '}' if chars.peek() == Some(&c) => {
                chars.next();
                parts.last_mut().expect("there is one").push(c);
            }
            '{' => {
                chars.by_ref().find(|it| *it == '}');
                parts.push(String::new());
            }
            c => parts.last_mut().expect("there is one").push(c),
        }
    }
    parts.retain(|it| !it.is_empty());
    parts
}

enum Token {
    /// A string literal, escapes undone.
    Text(String),
    /// Any other character outside comments and character literals.
    Other(char),
}

struct Scanner<'c> {
    code: &'c str,
    at: usize,
}

impl Iterator for Scanner<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let rest = &self.code[self.at..];
            let c = rest.chars().next()?;
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(length) = raw_length(rest) {
                let hashes = rest[1..].bytes().take_while(|it| *it == b'#').count();
                self.at += length;
                return Some(Token::Text(
                    rest[hashes + 2..length - hashes - 1].to_owned(),
                ));
            } else if c == '"' {
                return Some(Token::Text(self.quoted()));
            } else if let Some(length) = character_length(rest) {
                self.at += length;
            } else {
                self.at += c.len_utf8();
                return Some(Token::Other(c));
            }
        }
    }
}

impl Scanner<'_> {
    fn quoted(&mut self) -> String {
        let mut text = String::new();
        let mut chars = self.code[self.at + 1..].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.at += at + 2;
                    return text;
                }
                '\\' => match chars.next().map(|it| it.1) {
                    Some('n') => text.push('\n'),
                    Some(c) if c.is_whitespace() => {
                        while chars.next_if(|it| it.1.is_whitespace()).is_some() {}
                    }
                    Some(c) => text.push(c),
                    None => break,
                },
                c => text.push(c),
            }
        }
        self.at = self.code.len();
        text
    }
}

/// Returns the length of a raw string at the start of `rest`.
fn raw_length(rest: &str) -> Option<usize> {
    let hashes = rest
        .strip_prefix('r')?
        .bytes()
        .take_while(|it| *it == b'#')
        .count();
    let body = rest.get(1 + hashes..)?.strip_prefix('"')?;
    let close = format!("\"{}", "#".repeat(hashes));
    Some(body.find(&close)? + close.len() + hashes + 2)
}

/// Returns the length of a character literal at the start of `rest`; a lifetime is none.
fn character_length(rest: &str) -> Option<usize> {
    let mut chars = rest.strip_prefix('\'')?.char_indices();
    match chars.next()?.1 {
        '\\' => {
            let body = &rest[2..];
            let from = usize::from(body.starts_with('\''));
            Some(body[from..].find('\'')? + from + 3)
        }
        c => rest[1 + c.len_utf8()..]
            .starts_with('\'')
            .then_some(c.len_utf8() + 2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_calls_are_found_beside_them_and_before_them() {
        let code = "let message = format!(\"a `{x}` \\\n   b\");\nError::new(C, message).at(\"label\");\nError::new(D, \"it's\")";
        let found = calls(code, &["Error::new("]);
        let words: Vec<Vec<String>> = found.iter().map(|it| text_literals(&it.message)).collect();
        assert_eq!(words, [["a `{x}` b"], ["it's"]]);
        assert_eq!(found[1].line, 4);
    }

    #[test]
    fn placeholders_stand_for_anything_in_one_line() {
        assert!(matches_words("`{}` has {n} more", "x: `a` has 3 more"));
        assert!(!matches_words("`{}` has {n} more", "`a` has\n3 more"));
        assert!(matches_words("write {{{{ {x} }}}}", "write {{ a }}"));
    }

    #[test]
    fn characters_lifetimes_raw_texts_and_comments_are_no_texts() {
        let code = "f('\"', '\\'', &'a str) // \"no\"\n r#\"raw \"x\"\"# \"yes\"";
        assert_eq!(text_literals(code), ["raw \"x\"", "yes"]);
    }
}
