//! Logical lines: parser directives, comments, continuations and heredocs (BuildKit `frontend/dockerfile/parser/parser.go`).

use std::ops::Range;

use crate::diag::{Code, Diagnostic};

use super::words::{Word, split_flags};
use super::{Dockerfile, Heredoc, Instruction};

/// The text of an instruction with continuations joined, and where each piece of it stands in the source.
#[derive(Debug, Clone, Default)]
pub(super) struct Logical {
    text: String,
    /// Offset in `text`, offset in the source.
    pieces: Vec<(usize, usize)>,
}

impl Logical {
    fn push(&mut self, text: &str, at: usize) {
        if !text.is_empty() {
            self.pieces.push((self.text.len(), at));
            self.text.push_str(text);
        }
    }

    /// Returns where a range of the text stands in the source.
    pub(super) fn locate(&self, range: Range<usize>) -> Range<usize> {
        let start = self.offset(range.start);
        let end = if range.is_empty() {
            start
        } else {
            self.offset(range.end - 1) + 1
        };
        start..end
    }

    fn offset(&self, at: usize) -> usize {
        let index = self.pieces.partition_point(|(start, _)| *start <= at);
        match self.pieces.get(index.wrapping_sub(1)) {
            Some((start, source)) => source + (at - start),
            None => 0,
        }
    }
}

/// A physical line: its text without line end, and its offset.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    at: usize,
    /// Offset of the next line.
    end: usize,
}

fn physical_lines(text: &str) -> Vec<Line<'_>> {
    let mut at = 0;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        let end = at + line.len();
        lines.push(Line {
            text: line.trim_end_matches(['\r', '\n']),
            at,
            end,
        });
        at = end;
    }
    if let Some(first) = lines.first_mut()
        && let Some(rest) = first.text.strip_prefix('\u{feff}')
    {
        first.text = rest;
        first.at += '\u{feff}'.len_utf8();
    }
    lines
}

/// Reads directives and instructions into `dockerfile`; instructions are not judged yet.
pub(super) fn read_lines(dockerfile: &mut Dockerfile, problems: &mut Vec<Diagnostic>) {
    let source = dockerfile.source.clone();
    let lines = physical_lines(&source.text);
    read_directives(&lines, dockerfile, problems);
    let mut index = 0;
    while index < lines.len() {
        let first = lines[index];
        index += 1;
        if is_comment(first.text) || first.text.trim().is_empty() {
            continue;
        }
        let indent = first.text.len() - first.text.trim_start().len();
        let mut logical = Logical::default();
        let (piece, mut ended) = cut_continuation(&first.text[indent..], dockerfile.escape);
        logical.push(piece, first.at + indent);
        while !ended && index < lines.len() {
            let line = lines[index];
            index += 1;
            if is_comment(line.text) || line.text.trim().is_empty() {
                continue;
            }
            let (piece, end) = cut_continuation(line.text, dockerfile.escape);
            logical.push(piece, line.at);
            ended = end;
        }
        if logical.text.trim().is_empty() {
            continue;
        }
        let mut instruction = split_instruction(logical, dockerfile.escape);
        instruction.heredocs = read_heredocs(&instruction, &lines, &mut index);
        dockerfile.instructions.push(instruction);
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// Takes the escape character from the end of a line; the second value says whether the instruction ends here.
fn cut_continuation(line: &str, escape: char) -> (&str, bool) {
    let trimmed = line.trim_end_matches([' ', '\t']);
    match trimmed.strip_suffix(escape) {
        Some(rest) if !rest.ends_with(escape) => (rest, false),
        _ => (line, true),
    }
}

/// Reads `# name=value` lines at the top; the first line of another form ends them.
fn read_directives(
    lines: &[Line<'_>],
    dockerfile: &mut Dockerfile,
    problems: &mut Vec<Diagnostic>,
) {
    let mut seen = Vec::new();
    let shebang = lines.first().is_some_and(|it| it.text.starts_with("#!"));
    for line in lines.iter().skip(usize::from(shebang)) {
        let Some((name, value)) = directive(line) else {
            return;
        };
        if !matches!(name.as_str(), "syntax" | "escape" | "check") {
            continue;
        }
        if seen.contains(&name) {
            problems.push(
                Diagnostic::error(
                    Code::DockerfileSyntax,
                    format!("the directive `{name}` is given twice"),
                )
                .at(
                    &dockerfile.location(&value.span),
                    "the builder refuses this",
                )
                .help("keep one of them"),
            );
        }
        match (name.as_str(), value.text.as_str()) {
            ("syntax", text) => {
                let length = text.find(char::is_whitespace).unwrap_or(text.len());
                dockerfile.syntax = Some(Word {
                    text: text[..length].to_owned(),
                    span: value.span.start..value.span.start + length,
                });
            }
            ("escape", "`") => dockerfile.escape = '`',
            ("escape", "\\") | ("check", _) => {}
            _ => problems.push(
                Diagnostic::error(
                    Code::DockerfileSyntax,
                    format!("`{}` is no escape character", value.text),
                )
                .at(
                    &dockerfile.location(&value.span),
                    "the builder refuses this",
                )
                .help("write a backslash or a backtick"),
            ),
        }
        seen.push(name);
    }
}

fn directive(line: &Line<'_>) -> Option<(String, Word)> {
    let rest = line.text.strip_prefix('#')?;
    let (name, value) = rest.split_once('=')?;
    let name = name.trim();
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric());
    let text = value.trim();
    if !good || text.is_empty() {
        return None;
    }
    let start = line.at + line.text.len() - value.trim_start().len();
    let word = Word {
        text: text.to_owned(),
        span: start..start + text.len(),
    };
    Some((name.to_ascii_lowercase(), word))
}

fn split_instruction(line: Logical, escape: char) -> Instruction {
    let text = line.text.trim_end();
    let length = text.find(char::is_whitespace).unwrap_or(text.len());
    let rest = &text[length..];
    let arguments_at = length + rest.len() - rest.trim_start().len();
    let (flags, flags_length) = split_flags(&text[arguments_at..], escape);
    let flags = flags
        .into_iter()
        .map(|flag| {
            flag.located(|range| line.locate(range.start + arguments_at..range.end + arguments_at))
        })
        .collect();
    let arguments_at = arguments_at + flags_length;
    Instruction {
        keyword: text[..length].to_uppercase(),
        flags,
        arguments: text[arguments_at..].to_owned(),
        span: line.locate(0..text.len()),
        heredocs: Vec::new(),
        arguments_at,
        line,
    }
}

/// Takes the bodies of the heredocs that an instruction opens. One that is never closed is shell text (`$((1 << 3))`), as
/// frontends without heredocs read it.
fn read_heredocs(instruction: &Instruction, lines: &[Line<'_>], index: &mut usize) -> Vec<Heredoc> {
    let mut heredocs = Vec::new();
    if !matches!(instruction.keyword.as_str(), "RUN" | "COPY" | "ADD") {
        return heredocs;
    }
    for (name, expands, tabs) in opened_heredocs(&instruction.arguments) {
        let rest = &lines[*index..];
        let closes = |line: &Line<'_>| {
            let text = if tabs {
                line.text.trim_start_matches('\t')
            } else {
                line.text
            };
            text == name
        };
        let Some(length) = rest.iter().position(closes) else {
            continue;
        };
        let start = rest[0].at;
        let end = if length == 0 {
            start
        } else {
            rest[length - 1].end
        };
        heredocs.push(Heredoc {
            name,
            expands,
            span: start..end,
        });
        *index += length + 1;
    }
    heredocs
}

/// Returns the heredocs of a line: name, whether variables are expanded, whether leading tabs are dropped.
fn opened_heredocs(text: &str) -> Vec<(String, bool, bool)> {
    let mut found = Vec::new();
    for word in unquoted_words(text) {
        let digits = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let Some(rest) = digits.strip_prefix("<<") else {
            continue;
        };
        let (tabs, rest) = match rest.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, rest),
        };
        let name: String = rest.chars().filter(|c| !matches!(c, '"' | '\'')).collect();
        if !name.is_empty() && !name.contains('<') {
            found.push((name.clone(), name == rest, tabs));
        }
    }
    found
}

/// Splits at white space outside quotes; quotes stay in the words.
fn unquoted_words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for c in text.chars() {
        match quote {
            Some(open) if open == c => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        if quote.is_none() && c.is_whitespace() {
            words.push(String::new());
        } else if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    words
}
