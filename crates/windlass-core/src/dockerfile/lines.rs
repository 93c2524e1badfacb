//! Logical lines: parser directives, comments, continuations and heredocs (BuildKit `frontend/dockerfile/parser/parser.go`).

use std::ops::Range;

use crate::diag::{Code, Diagnostic};

use super::heredoc::opened_heredocs;
use super::words::{Word, split_flags};
use super::{Comment, Directive, Dockerfile, Heredoc, Instruction};

/// The text of an instruction with continuations joined, and where each piece of it stands in the source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

    /// The joined text.
    pub(super) fn text(&self) -> &str {
        &self.text
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

    /// Returns the pieces from an offset on, counted from there: offset in the text, offset in the source.
    pub(super) fn pieces_from(&self, start: usize) -> Vec<(usize, usize)> {
        let later = self.pieces.iter().filter(|(at, _)| *at > start);
        std::iter::once((0, self.offset(start)))
            .chain(later.map(|(at, source)| (at - start, *source)))
            .collect()
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

/// Reads directives, comments and instructions into `dockerfile`; instructions are not judged yet.
pub(super) fn read_lines(dockerfile: &mut Dockerfile, problems: &mut Vec<Diagnostic>) {
    let source = dockerfile.source.clone();
    let lines = physical_lines(&source.text);
    let directives = read_directives(&lines, dockerfile, problems);
    let mut index = 0;
    // The first of the comments that stand directly above the next instruction.
    let mut above = 0;
    while index < lines.len() {
        let first = lines[index];
        index += 1;
        if is_comment(first.text) {
            if index > directives {
                dockerfile.comments.push(comment(&first));
            } else {
                above = dockerfile.comments.len();
            }
            continue;
        }
        if first.text.trim().is_empty() {
            continue;
        }
        let comments = above..dockerfile.comments.len();
        let Some(mut instruction) = join_lines(first, &lines, &mut index, dockerfile) else {
            continue;
        };
        instruction.comments = comments;
        above = dockerfile.comments.len();
        read_heredocs(&mut instruction, &lines, &mut index);
        dockerfile.instructions.push(instruction);
    }
}

/// Reads one instruction that starts at `first`: its line and those that continue it.
fn join_lines(
    first: Line<'_>,
    lines: &[Line<'_>],
    index: &mut usize,
    dockerfile: &mut Dockerfile,
) -> Option<Instruction> {
    let indent = first.text.len() - first.text.trim_start().len();
    let mut logical = Logical::default();
    let mut empty = Vec::new();
    let (piece, mut ended) = cut_continuation(&first.text[indent..], dockerfile.escape);
    logical.push(piece, first.at + indent);
    while !ended && *index < lines.len() {
        let line = lines[*index];
        *index += 1;
        if is_comment(line.text) {
            dockerfile.comments.push(comment(&line));
            continue;
        }
        if line.text.trim().is_empty() {
            empty.push(line.at..line.end);
            continue;
        }
        let (piece, end) = cut_continuation(line.text, dockerfile.escape);
        logical.push(piece, line.at);
        ended = end;
    }
    if logical.text.trim().is_empty() {
        return None;
    }
    let mut instruction = split_instruction(logical, 0, dockerfile.escape);
    instruction.empty_continuations = empty;
    Some(instruction)
}

fn comment(line: &Line<'_>) -> Comment {
    let text = line.text.trim();
    let start = line.at + line.text.len() - line.text.trim_start().len();
    Comment {
        text: text[1..].trim().to_owned(),
        span: start..start + text.len(),
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

/// Reads `# name=value` lines at the top; the first line of another form ends them. Returns how many lines they take.
///
/// A first line `#!` is passed over only in the search for `syntax`, and only there a line must not be indented: BuildKit
/// looks for the frontend before it parses.
fn read_directives(
    lines: &[Line<'_>],
    dockerfile: &mut Dockerfile,
    problems: &mut Vec<Diagnostic>,
) -> usize {
    let shebang = lines.first().is_some_and(|it| it.text.starts_with("#!"));
    let mut count = usize::from(shebang);
    let mut frontend = true;
    for line in lines.iter().skip(count) {
        let Some((name, value)) = directive(line) else {
            break;
        };
        count += 1;
        frontend &= line.text.starts_with('#');
        if dockerfile.directives.iter().any(|it| it.name == name) {
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
            ("syntax", text) if frontend => {
                let length = text.find(char::is_whitespace).unwrap_or(text.len());
                dockerfile.syntax = Some(Word {
                    text: text[..length].to_owned(),
                    span: value.span.start..value.span.start + length,
                });
            }
            ("escape", "`") if !shebang => dockerfile.escape = '`',
            ("escape", "\\") | ("check" | "syntax", _) => {}
            ("escape", _) if shebang => {}
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
        dockerfile.directives.push(Directive { name, value });
    }
    count
}

fn directive(line: &Line<'_>) -> Option<(String, Word)> {
    let rest = line.text.trim_start().strip_prefix('#')?;
    let (name, value) = rest.split_once('=')?;
    let name = name.trim().to_ascii_lowercase();
    let text = value.trim();
    if !matches!(name.as_str(), "syntax" | "escape" | "check") || text.is_empty() {
        return None;
    }
    let start = line.at + line.text.len() - value.trim_start().len();
    let word = Word {
        text: text.to_owned(),
        span: start..start + text.len(),
    };
    Some((name, word))
}

/// Whether BuildKit splits keyword and words there.
pub(super) fn is_blank(c: char) -> bool {
    matches!(c, '\t' | '\u{b}' | '\u{c}' | '\r' | ' ')
}

/// Splits what follows `start` in a joined line into keyword, flags and arguments.
pub(super) fn split_instruction(line: Logical, start: usize, escape: char) -> Instruction {
    let whole = line.text.trim_end();
    let text = &whole[start.min(whole.len())..];
    let start = start + text.len() - text.trim_start().len();
    let text = &whole[start.min(whole.len())..];
    let length = text.find(is_blank).unwrap_or(text.len());
    let rest = &text[length..];
    let arguments_at = start + length + rest.len() - rest.trim_start().len();
    let (flags, flags_length) = split_flags(&whole[arguments_at..], escape);
    let flags = flags
        .into_iter()
        .map(|flag| {
            flag.located(|range| line.locate(range.start + arguments_at..range.end + arguments_at))
        })
        .collect();
    let arguments_at = arguments_at + flags_length;
    Instruction {
        keyword: text[..length].to_uppercase(),
        keyword_span: line.locate(start..start + length),
        flags,
        arguments: whole[arguments_at..].to_owned(),
        body: super::Body::Unknown,
        span: line.locate(start..whole.len()),
        heredocs: Vec::new(),
        comments: 0..0,
        empty_continuations: Vec::new(),
        arguments_at,
        line,
    }
}

/// Takes the bodies of the heredocs that an instruction opens. One that is never closed is kept without a body and hides
/// nothing: BuildKit refuses it, frontends without heredocs read it as shell text (`$((1 << 3))`).
fn read_heredocs(instruction: &mut Instruction, lines: &[Line<'_>], index: &mut usize) {
    if !instruction.can_open_heredocs() {
        return;
    }
    for opened in opened_heredocs(instruction.line.text()) {
        let rest = &lines[*index..];
        let closes = |line: &Line<'_>| {
            let text = if opened.tabs {
                line.text.trim_start_matches('\t')
            } else {
                line.text
            };
            text == opened.name
        };
        let length = rest.iter().position(closes);
        let here = rest.first().map_or(instruction.span.end, |it| it.at);
        let (span, end) = match length {
            Some(0) => (here..here, Some(rest[0].at..rest[0].end)),
            Some(length) => (
                here..rest[length - 1].end,
                Some(rest[length].at..rest[length].end),
            ),
            None => (here..here, None),
        };
        *index += length.map_or(0, |it| it + 1);
        instruction.heredocs.push(Heredoc {
            name: opened.name,
            expands: opened.expands,
            strips_tabs: opened.tabs,
            descriptor: opened.descriptor,
            opener: instruction.line.locate(opened.range),
            span,
            end,
        });
    }
}
