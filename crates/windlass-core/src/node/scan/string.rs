//! Quoted texts: plain, raw and over several lines.

use std::ops::Range;

use crate::diag::{Code, Diagnostic};

use super::Scanner;
use super::character::{is_newline, is_space};

impl Scanner<'_> {
    /// Reads what starts with `"`.
    pub(super) fn string(&mut self) {
        self.begin();
        let start = self.at;
        if self.rest().starts_with("\"\"\"") {
            self.multiline(start, 0);
        } else {
            self.plain_string(start);
        }
    }

    /// Reads what starts with `#` and quotes: a raw text.
    pub(super) fn raw_string(&mut self, hashes: usize) {
        let start = self.at;
        self.at += hashes;
        if self.rest().starts_with("\"\"\"") {
            self.multiline(start, hashes);
            return;
        }
        let close = format!("\"{}", "#".repeat(hashes));
        let line = &self.text[self.at..self.line_end(self.at)];
        match line[1..].find(&close) {
            Some(found) => {
                self.at += 1 + found + close.len();
                self.end_word(start..self.at);
            }
            None => self.unclosed(start),
        }
    }

    fn plain_string(&mut self, start: usize) {
        let mut escapes = Vec::new();
        let mut chars = self.text[start + 1..].char_indices().peekable();
        let mut end = None;
        while let Some((offset, c)) = chars.next() {
            let at = start + 1 + offset;
            match c {
                '"' => {
                    end = Some(at + 1);
                    break;
                }
                '\\' => match chars.peek().map(|it| it.1) {
                    Some('n' | 'r' | 't' | '\\' | '"' | 'b' | 'f' | 's' | 'u') => {
                        chars.next();
                    }
                    Some(c) if is_space(c) || is_newline(c) => {
                        while chars
                            .next_if(|it| is_space(it.1) || is_newline(it.1))
                            .is_some()
                        {}
                    }
                    Some(c) => {
                        escapes.push(at..at + 1 + c.len_utf8());
                        chars.next();
                    }
                    None => {}
                },
                _ if is_newline(c) => break,
                _ => {}
            }
        }
        let Some(end) = end else {
            return self.unclosed(start);
        };
        self.at = end;
        self.bad_escapes(start..end, &escapes);
        self.after_string(start..end);
    }

    fn bad_escapes(&mut self, string: Range<usize>, escapes: &[Range<usize>]) {
        let Some(first) = escapes.first() else { return };
        let escape = &self.text[first.clone()];
        self.report(
            Code::BadEscape,
            first.clone(),
            format!("`{escape}` escapes nothing"),
            "not an escape of KDL",
            "write `\\\\` for one backslash, or quote as `#\"..\"#`, where backslashes are plain text",
        );
        self.poison(string);
    }

    /// Looks at what follows the closing quote without a space.
    fn after_string(&mut self, span: Range<usize>) {
        let next = self.peek();
        match next {
            Some(',') => {
                self.end_word(span);
                self.comma();
            }
            Some(':') => {
                self.end_word(span);
                let at = self.at;
                self.report(
                    Code::Colon,
                    at..at + 1,
                    "a name is not followed by `:`",
                    "not needed here",
                    "write the name, a space, and the value",
                );
                self.patch(at..at + 1, b' ');
                self.at += 1;
            }
            Some(c) if !is_space(c) && !is_newline(c) && !";{}()=/\\[]".contains(c) => {
                self.glued_string(span);
            }
            _ => self.end_word(span),
        }
    }

    /// A quoted text that goes straight on into something else: its quotes do not pair up.
    fn glued_string(&mut self, span: Range<usize>) {
        let line_end = self.line_end(self.at);
        let text = &self.text[span.clone()];
        if text.contains("{{") && !text.contains("}}") {
            let end = self.text[self.at..line_end]
                .find("}}\"")
                .map_or(line_end, |it| self.at + it + 3);
            self.report(
                Code::QuotesInTemplate,
                self.at - 1..self.at,
                "double quotes inside `{{ }}` end the text",
                "the text ends here",
                "use 'single quotes' inside `{{ }}`",
            );
            self.at = end;
            self.poison(span.start..end);
            self.end_word(span.start..end);
        } else if self.text[span.start..line_end].matches('"').count() % 2 == 1 {
            self.at = span.start;
            self.unclosed(span.start);
        } else {
            let at = self.at;
            self.report(
                Code::InvalidSyntax,
                at..at + self.peek().map_or(0, char::len_utf8),
                "a quoted text goes straight on into another word",
                "no space in front of this",
                "put a space between them, or the closing quote at the end of the text",
            );
            let end = self.word_end(at);
            self.at = end;
            self.poison(span.start..end);
            self.end_word(span.start..end);
        }
    }

    fn unclosed(&mut self, start: usize) {
        let line_end = self.line_end(start);
        let line = self.text[start..line_end].trim_end();
        let kept = line.strip_suffix('{').map_or(line, str::trim_end);
        let end = start + kept.len().max(1);
        self.report(
            Code::UnclosedString,
            start..start + 1,
            "a quoted text is never closed",
            "opened here",
            "add the closing `\"` on the same line; a text over several lines starts and ends with `\"\"\"`",
        );
        self.at = end;
        self.poison(start..end);
        self.end_word(start..end);
    }

    /// Reads a text over several lines; `self.at` stands at its first quote.
    fn multiline(&mut self, start: usize, hashes: usize) {
        let body = self.at + 3;
        let close = format!("\"\"\"{}", "#".repeat(hashes));
        let Some(end) = find_close(&self.text[body..], &close, hashes == 0).map(|it| body + it)
        else {
            self.report(
                Code::UnclosedString,
                start..body,
                "a text over several lines is never closed",
                "opened here",
                "end it with `\"\"\"` on a line of its own",
            );
            self.at = self.text.len();
            self.poison(start..self.text.len());
            self.end_word(start..self.text.len());
            self.cut = true;
            self.incomplete = true;
            return;
        };
        self.at = end + close.len();
        let good = self.check_multiline(start, body, end);
        if !good {
            self.poison(start..self.at);
        }
        self.end_word(start..self.at);
    }

    fn check_multiline(&mut self, start: usize, body: usize, end: usize) -> bool {
        let text = &self.text[body..end];
        let prefix_start = text.rfind(is_newline).map(|it| {
            let width = text[it..].chars().next().map_or(1, char::len_utf8);
            body + it + width
        });
        let prefix = prefix_start.map(|it| &self.text[it..end]);
        let (Some(prefix), true) = (prefix, text.starts_with(is_newline)) else {
            self.report(
                Code::MultilineString,
                start..body,
                "the text must start on the line below `\"\"\"`",
                "a line end must follow",
                "use `\"..\"` for a text on one line",
            );
            return false;
        };
        if !prefix.chars().all(is_space) {
            self.report(
                Code::MultilineString,
                end..end + 3,
                "the closing `\"\"\"` must stand on a line of its own",
                "text in front of it",
                "put `\"\"\"` on the next line",
            );
            return false;
        }
        self.check_indent(body..end, prefix)
    }

    fn check_indent(&mut self, body: Range<usize>, prefix: &str) -> bool {
        let mut good = true;
        let mut at = body.start;
        let mut continued = false;
        for line in self.text[body.clone()].split_inclusive(is_newline) {
            let text = line.trim_end_matches(is_newline);
            let blank = text.chars().all(is_space);
            if at > body.start && !blank && !continued && !text.starts_with(prefix) {
                let close = self.location(body.end..body.end + 3);
                let indent: usize = text
                    .chars()
                    .take_while(|c| is_space(*c))
                    .map(char::len_utf8)
                    .sum();
                let place = self.location(at + indent..at + text.trim_end().len());
                self.diagnostics.push(
                    Diagnostic::error(
                        Code::MultilineIndent,
                        "a line of the text is indented less than its closing quotes",
                    )
                    .at(&place, "this line starts too far left")
                    .at(&close, "the indentation here is taken off every line")
                    .help("indent the line at least as far as the closing `\"\"\"`, with the same characters"),
                );
                good = false;
            }
            continued = text.trim_end_matches(is_space).ends_with('\\');
            at += line.len();
        }
        good
    }
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
