//! Tokens of KDL, none lost: joined they are the text again.

use crate::node::{is_newline, is_space};

/// One token and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Space,
    Newline,
    LineComment,
    BlockComment,
    SlashDash,
    /// A backslash, the space and the comment behind it, and the line end.
    Continuation,
    /// A quoted text, plain or raw, that is not over several lines.
    Text,
    /// A text over several lines, `"""`.
    Multiline,
    /// A bare word, a number or a keyword.
    Word,
    Open,
    Close,
    OpenParen,
    CloseParen,
    Equals,
    Semicolon,
}

/// Cuts a text into tokens.
pub(crate) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let (kind, length) = next(rest, first);
        let (text, left) = rest.split_at(length.clamp(first.len_utf8(), rest.len()));
        all.push(Token { kind, text });
        rest = left;
    }
    all
}

fn next(rest: &str, first: char) -> (Kind, usize) {
    let one = first.len_utf8();
    match first {
        _ if is_space(first) => (Kind::Space, while_len(rest, is_space)),
        '\r' if rest.starts_with("\r\n") => (Kind::Newline, 2),
        _ if is_newline(first) => (Kind::Newline, one),
        '{' => (Kind::Open, one),
        '}' => (Kind::Close, one),
        '(' => (Kind::OpenParen, one),
        ')' => (Kind::CloseParen, one),
        '=' => (Kind::Equals, one),
        ';' => (Kind::Semicolon, one),
        '\\' => (Kind::Continuation, continuation(rest)),
        '"' => quoted(rest, 0),
        '#' => {
            let hashes = while_len(rest, |c| c == '#');
            if rest[hashes..].starts_with('"') {
                quoted(rest, hashes)
            } else {
                (Kind::Word, hashes + while_len(&rest[hashes..], is_word))
            }
        }
        '/' if rest.starts_with("//") => (Kind::LineComment, while_len(rest, |c| !is_newline(c))),
        '/' if rest.starts_with("/*") => (Kind::BlockComment, block_comment(rest)),
        '/' if rest.starts_with("/-") => (Kind::SlashDash, 2),
        _ => (Kind::Word, while_len(rest, is_word)),
    }
}

fn while_len(text: &str, good: impl Fn(char) -> bool) -> usize {
    text.find(|c| !good(c)).unwrap_or(text.len())
}

/// Says whether a character may stand in a bare word.
pub(super) fn is_word(c: char) -> bool {
    !is_space(c) && !is_newline(c) && !"\\/(){};[]\"#=".contains(c)
}

fn continuation(rest: &str) -> usize {
    let mut length = 1;
    length += while_len(&rest[length..], is_space);
    if rest[length..].starts_with("//") {
        length += while_len(&rest[length..], |c| !is_newline(c));
    }
    match rest[length..].chars().next() {
        Some('\r') if rest[length..].starts_with("\r\n") => length + 2,
        Some(c) if is_newline(c) => length + c.len_utf8(),
        _ => length,
    }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else if let Some(c) = rest[at..].chars().next() {
            at += c.len_utf8();
        } else {
            return at;
        }
    }
}

fn quoted(rest: &str, hashes: usize) -> (Kind, usize) {
    let body = &rest[hashes..];
    let quotes = if body.starts_with("\"\"\"") {
        "\"\"\""
    } else {
        "\""
    };
    let kind = if quotes.len() == 3 {
        Kind::Multiline
    } else {
        Kind::Text
    };
    let close = format!("{quotes}{}", "#".repeat(hashes));
    let start = hashes + quotes.len();
    let end = find_close(&rest[start..], &close, hashes == 0);
    (kind, end.map_or(rest.len(), |it| start + it + close.len()))
}

fn find_close(text: &str, close: &str, escapes: bool) -> Option<usize> {
    let mut from = 0;
    while let Some(found) = text[from..].find(close) {
        let at = from + found;
        let backslashes = text[..at].bytes().rev().take_while(|b| *b == b'\\').count();
        if !escapes || backslashes % 2 == 0 {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_byte_is_lost_and_kinds_are_right() {
        let text = "\u{feff}a (t)\"b\\\"c\" k=#\"r\"# /- 1 \\ // x\r\n 2 /* /* n */ */ {\n d \"\"\"\n  q\n  \"\"\"; #true } // end";
        let all = tokens(text);
        let joined: String = all.iter().map(|it| it.text).collect();
        assert_eq!(joined, text);
        let shown: Vec<&str> = all
            .iter()
            .filter(|it| !matches!(it.kind, Kind::Space | Kind::Newline))
            .map(|it| it.text)
            .collect();
        assert_eq!(
            shown,
            [
                "\u{feff}a",
                "(",
                "t",
                ")",
                "\"b\\\"c\"",
                "k",
                "=",
                "#\"r\"#",
                "/-",
                "1",
                "\\ // x\r\n",
                "2",
                "/* /* n */ */",
                "{",
                "d",
                "\"\"\"\n  q\n  \"\"\"",
                ";",
                "#true",
                "}",
                "// end"
            ]
        );
    }
}
