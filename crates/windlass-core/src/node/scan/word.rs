//! Unquoted words, numbers, keywords and comments.

use std::ops::Range;

use crate::diag::{Code, Diagnostic};
use crate::node::suggest;

use super::character::{is_newline, is_space};
use super::{MAX_DEPTH, Scanner};

const KEYWORDS: &[&str] = &["true", "false", "null", "inf", "-inf", "nan"];

impl Scanner<'_> {
    /// Reads a word: a name, an unquoted text or a number.
    pub(super) fn word(&mut self) {
        self.begin();
        let start = self.at;
        if self.rest().starts_with('\'') {
            return self.single_quotes(start);
        }
        let length = self
            .rest()
            .find(|c: char| is_space(c) || is_newline(c) || "(){}[]/\\\"#;=".contains(c));
        let end = length.map_or(self.text.len(), |it| start + it);
        self.at = end;
        let word = &self.text[start..end];
        let rest = self.rest();
        if let Some(comment) = rest.strip_prefix("//") {
            let comment = comment.chars().next();
            if word.ends_with(':') || comment.is_some_and(|c| !is_space(c) && !is_newline(c)) {
                return self.value_is_comment(start..end);
            }
        } else if rest.starts_with("{{")
            || (rest.starts_with('{') && word.ends_with('$'))
            || (rest.starts_with(['/', '\\', '#']) && !rest.starts_with("/*"))
        {
            return self.unquoted(start);
        } else if rest.starts_with('"') && word == "r" {
            return self.old_raw_string(start);
        }
        self.judge_word(start..end);
    }

    fn judge_word(&mut self, span: Range<usize>) {
        let word = &self.text[span.clone()];
        let is_key = self.rest().starts_with('=');
        if KEYWORDS.contains(&word) {
            let help = format!("write `#{word}`");
            let message = format!("`{word}` alone is a word without meaning");
            self.report(
                Code::BareKeyword,
                span.clone(),
                message,
                "`#` is missing",
                help,
            );
            self.poison(span.clone());
        } else if starts_like_number(word) && !is_number(word) {
            let message = format!("`{word}` is neither a number nor quoted text");
            let help = format!("quote it: `\"{word}\"`");
            self.report(
                Code::BadNumber,
                span.clone(),
                message,
                "starts like a number",
                help,
            );
            self.poison(span.clone());
        } else if word.len() > 1 && word.ends_with(':') && self.statement.words == 0 {
            let colon = span.end - 1..span.end;
            self.report(
                Code::Colon,
                colon.clone(),
                "a name is not followed by `:`",
                "not needed here",
                format!(
                    "write `{}`, a space, and the value",
                    &word[..word.len() - 1]
                ),
            );
            self.patch(colon, b' ');
            return self.end_word(span.start..span.end - 1);
        } else if word.contains(',') && !is_key {
            return self.commas_in(span);
        }
        self.end_word(span);
    }

    fn commas_in(&mut self, span: Range<usize>) {
        let word = &self.text[span.clone()];
        let commas: Vec<usize> = word
            .match_indices(',')
            .map(|it| span.start + it.0)
            .collect();
        let first = commas[0];
        self.report(
            Code::Comma,
            first..first + 1,
            "values are not separated by commas",
            "part of the word, for KDL",
            "put spaces between values; quote a text that holds a comma",
        );
        for at in commas {
            self.patch(at..at + 1, b' ');
        }
        self.end_word(span);
    }

    /// Reports one comma behind a quoted text.
    pub(super) fn comma(&mut self) {
        let at = self.at;
        self.at += 1;
        self.patch(at..at + 1, b' ');
        if !self.statement.brackets {
            self.report(
                Code::Comma,
                at..at + 1,
                "values are not separated by commas",
                "not needed here",
                "put spaces between values",
            );
        }
    }

    fn single_quotes(&mut self, start: usize) {
        let line = &self.text[start..self.line_end(start)];
        let end = line[1..]
            .find('\'')
            .map_or_else(|| self.word_end(start), |it| start + it + 2);
        let inner = self.text[start..end].trim_matches('\'');
        let help = format!("write `\"{inner}\"`");
        self.report(
            Code::SingleQuotes,
            start..end,
            "single quotes do not quote",
            "the quotes are part of the word",
            help,
        );
        self.at = end;
        self.poison(start..end);
        self.end_word(start..end);
    }

    /// `http://host`: what follows `//` is a comment for KDL.
    fn value_is_comment(&mut self, word: Range<usize>) {
        let comment = word.end..self.text[..self.line_end(word.end)].trim_end().len();
        let end = self.word_end(word.end);
        let whole = &self.text[word.start..end];
        let diagnostic = Diagnostic::error(
            Code::ValueIsComment,
            "`//` starts a comment inside this value",
        )
        .at(&self.location(word.clone()), "the value ends here")
        .at(&self.location(comment), "all this is a comment")
        .help(format!("quote it: `\"{whole}\"`"));
        self.diagnostics.push(diagnostic);
        self.poison(word.start..end);
        self.at = end;
        self.end_word(word.start..end);
    }

    /// Reports a value that needs quotes and reads up to its end.
    pub(super) fn unquoted(&mut self, start: usize) {
        let rest = &self.text[start..self.line_end(start)];
        let brace = rest
            .find('{')
            .filter(|it| rest[..*it].chars().all(|c| !is_space(c)));
        let template = brace.and_then(|open| rest[open..].rfind('}').map(|close| open + close + 1));
        let end = match template {
            Some(length) => start + length,
            None => self.word_end(start).max(start + 1),
        };
        let value = &self.text[start..end];
        let help = if value.contains('"') {
            "put the whole value in quotes, and 'single quotes' inside it".to_owned()
        } else {
            format!("quote it: `\"{}\"`", value.replace('\\', "\\\\"))
        };
        self.report(
            Code::UnquotedValue,
            start..end,
            "this value needs quotes",
            "has characters that an unquoted word cannot have",
            help,
        );
        self.at = end;
        self.poison(start..end);
        self.end_word(start..end);
    }

    fn old_raw_string(&mut self, start: usize) {
        self.report(
            Code::KdlVersion,
            start..start + 1,
            "`r\"..\"` is KDL v1",
            "not in KDL v2",
            "write `#\"..\"#`",
        );
        self.patch(start..start + 1, b' ');
    }

    /// Returns where an unquoted run of characters ends: at a space, a line end, `;`, `{` or `}`.
    pub(super) fn word_end(&self, from: usize) -> usize {
        self.text[from..]
            .find(|c: char| is_space(c) || is_newline(c) || ";{}\"".contains(c))
            .map_or(self.text.len(), |it| from + it)
    }

    /// Reads what starts with `#`: a raw text, a keyword, or a comment of another language.
    pub(super) fn hash(&mut self) {
        let start = self.at;
        let hashes = self.rest().len() - self.rest().trim_start_matches('#').len();
        let after = &self.rest()[hashes..];
        if after.starts_with('"') {
            self.begin();
            return self.raw_string(hashes);
        }
        let word = &self.text[start..self.word_end(start)];
        let is_word = word.len() > 1 && word[1..].chars().all(|c| c.is_alphanumeric() || c == '-');
        if self.statement.start.is_none() || !is_word {
            return self.hash_comment();
        }
        self.begin();
        self.at = start + word.len();
        if !KEYWORDS.contains(&&word[1..]) {
            let name = self.statement.last.clone().map_or("", |it| &self.text[it]);
            let help = match suggest::closest(&word[1..], &["true", "false"]) {
                Some("true") if !name.is_empty() => {
                    format!("did you mean `#true`, or just `{name}`?")
                }
                Some(keyword) => format!("did you mean `#{keyword}`?"),
                None => "`#` stands only in front of true and false; comments start with `//`"
                    .to_owned(),
            };
            let message = format!("there is no `{word}`");
            self.report(
                Code::UnknownKeyword,
                start..self.at,
                message,
                "not known",
                help,
            );
            self.poison(start..self.at);
        }
        self.end_word(start..self.at);
    }

    fn hash_comment(&mut self) {
        let start = self.at;
        self.skip_line();
        self.report(
            Code::HashComment,
            start..start + 1,
            "comments start with `//`",
            "no comment",
            "write `//` instead of `#`",
        );
        let end = self.at;
        self.patch(start..end, b' ');
    }

    /// Reads what starts with `/`: a comment, a slashdash, or a path without quotes.
    pub(super) fn slash(&mut self) {
        if self.rest().starts_with("//") {
            self.skip_line();
        } else if self.rest().starts_with("/*") {
            self.block_comment();
        } else if self.rest().starts_with("/-") {
            self.slashdash();
        } else {
            self.begin();
            let at = self.at;
            self.unquoted(at);
        }
    }

    fn slashdash(&mut self) {
        let start = self.at;
        let first = self.text[..start]
            .trim_start_matches('\u{feff}')
            .trim()
            .is_empty();
        let marker = self.text[start + 2..self.line_end(start)].trim_start();
        let version = marker.strip_prefix("kdl-version").map(str::trim);
        if let Some(version) = version.filter(|it| first && *it != "2") {
            self.report(
                Code::KdlVersion,
                start..self.line_end(start),
                format!("KDL v{version} is not read"),
                "says that the file is not KDL v2",
                "write the manifest in KDL v2 and remove this line",
            );
            self.fatal = true;
        }
        if self.statement.start.is_none() {
            self.statement.start = Some(start);
        }
        self.at += 2;
    }

    fn block_comment(&mut self) {
        let start = self.at;
        let mut depth = 0_usize;
        while self.at < self.text.len() {
            if self.rest().starts_with("/*") {
                depth += 1;
                self.at += 2;
            } else if self.rest().starts_with("*/") {
                depth -= 1;
                self.at += 2;
            } else {
                self.at += self.peek().map_or(1, char::len_utf8);
            }
            if depth == 0 {
                return;
            }
            if depth > MAX_DEPTH {
                self.report(
                    Code::TooDeep,
                    start..start + 2,
                    format!("comments are nested deeper than {MAX_DEPTH}"),
                    "starts here",
                    "use `//` comments",
                );
                self.fatal = true;
                return;
            }
        }
        self.report(
            Code::UnclosedComment,
            start..start + 2,
            "a comment is never closed",
            "opened here",
            "end it with `*/`",
        );
        self.patch(start..self.text.len(), b' ');
        self.cut = true;
        self.incomplete = true;
    }
}

fn starts_like_number(word: &str) -> bool {
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    let digits = unsigned.strip_prefix('.').unwrap_or(unsigned);
    digits.starts_with(|c: char| c.is_ascii_digit())
}

/// Says whether KDL reads the word as a number.
fn is_number(word: &str) -> bool {
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    let radix = |prefix: &str, good: fn(char) -> bool| {
        unsigned.strip_prefix(prefix).is_some_and(|digits| {
            digits.starts_with(good) && digits.chars().all(|c| good(c) || c == '_')
        })
    };
    if unsigned.starts_with("0x") || unsigned.starts_with("0o") || unsigned.starts_with("0b") {
        return radix("0x", |c| c.is_ascii_hexdigit())
            || radix("0o", |c| matches!(c, '0'..='7'))
            || radix("0b", |c| matches!(c, '0' | '1'));
    }
    let digits = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || c == '_')
    };
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_good = exponent.is_none_or(|it| digits(it.strip_prefix(['+', '-']).unwrap_or(it)));
    let mantissa_good = match mantissa.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(mantissa),
    };
    exponent_good && mantissa_good
}
