//! Dockerfiles: read as BuildKit reads them, with the place of every word; which images they pull, and how those are pinned.
//!
//! The reader never stops: what the builder would refuse is a diagnostic, and the lines after it are still read. Nothing here
//! interprets shell text; RUN is looked at only for its mounts and for the variables it names.

use std::ops::Range;
use std::sync::Arc;

use crate::diag::{Code, Diagnostic, Location, Source};

mod bases;
mod body;
pub mod graph;
mod heredoc;
mod lines;
pub mod mask;
mod pin;
pub mod reference;
mod sources;
mod stamps;
mod words;

pub use bases::{BaseKind, BaseQuery, BaseReference, Bases, NeedReference, bases, check_needs};
pub use body::{Assignment, Body, Command, Form, Transfer};
pub use pin::pin;
pub use sources::{
    ContextSources, RemoteSource, context_sources, leaves_triggers, remote_sources,
    trigger_reads_context,
};
pub use stamps::check_stamps;

use lines::{Logical, is_blank, read_lines};
pub use words::Word;

/// A Dockerfile after reading.
#[derive(Debug, Clone)]
pub struct Dockerfile {
    /// The text it was read from.
    pub source: Arc<Source>,
    /// The value of `# syntax=`, its first word only.
    pub syntax: Option<Word>,
    /// The escape character, a backslash unless `# escape=` says otherwise.
    pub escape: char,
    /// The directives at the top: `syntax`, `escape` and `check`.
    pub directives: Vec<Directive>,
    /// All comments in order, those between continued lines included.
    pub comments: Vec<Comment>,
    /// All instructions in order, those before the first FROM included.
    pub instructions: Vec<Instruction>,
    /// The stages in order.
    pub stages: Vec<Stage>,
}

/// A parser directive: `# name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// The name in lower case.
    pub name: String,
    /// The value.
    pub value: Word,
}

/// A comment, a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// The text behind `#`, without white space around it.
    pub text: String,
    /// The bytes from `#` to the end of the text.
    pub span: Range<usize>,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// The keyword in upper case, such as `FROM`.
    pub keyword: String,
    /// The bytes of the keyword.
    pub keyword_span: Range<usize>,
    /// The flags (`--from=builder`) in order.
    pub flags: Vec<Flag>,
    /// What follows the flags: continuations joined, comments between them dropped.
    pub arguments: String,
    /// The arguments in the form of this kind of instruction.
    pub body: Body,
    /// The bytes of the instruction, heredocs not included.
    pub span: Range<usize>,
    /// The heredocs that it opens.
    pub heredocs: Vec<Heredoc>,
    /// The indexes of the comments that stand above it, up to the instruction before.
    pub comments: Range<usize>,
    /// The empty lines between its continued lines.
    pub empty_continuations: Vec<Range<usize>>,
    line: Logical,
    arguments_at: usize,
}

/// A flag of an instruction: `--name=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The name without dashes, in lower case.
    pub name: String,
    /// What stands behind `=`, empty where there is none, quotes removed.
    pub value: Word,
}

/// A heredoc.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heredoc {
    /// The word that ends it.
    pub name: String,
    /// Whether variables in it are expanded: the name is not quoted.
    pub expands: bool,
    /// Whether tabs in front of its lines are dropped: `<<-`.
    pub strips_tabs: bool,
    /// The number in front of `<<`, 0 where there is none.
    pub descriptor: u32,
    /// The bytes of the word that opens it.
    pub opener: Range<usize>,
    /// The bytes of the body, empty where it is never closed.
    pub span: Range<usize>,
    /// The bytes of the line that ends it; `None` where there is none, which the builder refuses.
    pub end: Option<Range<usize>>,
}

/// One stage.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Its name in lower case.
    pub name: Option<Word>,
    /// The image or stage it starts from, as written.
    pub base: Word,
    /// The value of `--platform`, as written.
    pub platform: Option<Word>,
    /// The indexes of its instructions, FROM first.
    pub instructions: Range<usize>,
}

impl Instruction {
    /// Returns the words of the arguments, split at white space and otherwise as written.
    pub fn words(&self) -> Vec<Word> {
        let mut words = Vec::new();
        let mut start = None;
        let ends = self
            .arguments
            .char_indices()
            .chain([(self.arguments.len(), ' ')]);
        for (at, c) in ends {
            match (is_blank(c), start) {
                (false, None) => start = Some(at),
                (true, Some(begin)) => {
                    words.push(self.word(begin..at));
                    start = None;
                }
                _ => {}
            }
        }
        words
    }

    /// Returns a part of the arguments with its place in the source.
    pub fn word(&self, range: Range<usize>) -> Word {
        let offset = self.arguments_at;
        Word {
            text: self.arguments[range.clone()].to_owned(),
            span: self.line.locate(range.start + offset..range.end + offset),
        }
    }

    /// Returns the flag of that name, the last one if it is repeated.
    pub fn flag(&self, name: &str) -> Option<&Flag> {
        self.flags.iter().rfind(|it| it.name == name)
    }
}

impl Dockerfile {
    /// Returns a place in it.
    pub fn location(&self, span: &Range<usize>) -> Location {
        Location {
            source: Arc::clone(&self.source),
            span: span.clone(),
        }
    }

    /// Returns the index of a stage by its name in any case, the last one of that name; only among the first `before` stages.
    pub fn stage_named(&self, name: &str, before: usize) -> Option<usize> {
        let name = name.to_lowercase();
        self.stages[..before]
            .iter()
            .rposition(|stage| stage.name.as_ref().is_some_and(|it| it.text == name))
    }

    /// Returns the instructions of a stage, FROM first.
    pub fn instructions_of(&self, stage: usize) -> &[Instruction] {
        &self.instructions[self.stages[stage].instructions.clone()]
    }
}

/// The instructions, in upper case.
pub(crate) const KEYWORDS: &[&str] = &[
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Reads a Dockerfile, and says everything that the builder would refuse.
pub fn parse(source: &Arc<Source>) -> (Dockerfile, Vec<Diagnostic>) {
    let mut dockerfile = Dockerfile {
        source: Arc::clone(source),
        syntax: None,
        escape: '\\',
        directives: Vec::new(),
        comments: Vec::new(),
        instructions: Vec::new(),
        stages: Vec::new(),
    };
    let mut problems = Vec::new();
    read_lines(&mut dockerfile, &mut problems);
    for index in 0..dockerfile.instructions.len() {
        read_instruction(&mut dockerfile, index, &mut problems);
        let body = body::read_body(&dockerfile, &dockerfile.instructions[index], &mut problems);
        dockerfile.instructions[index].body = body;
    }
    if dockerfile.stages.is_empty() && problems.is_empty() {
        let end = dockerfile.source.text.len();
        problems.push(
            Diagnostic::error(Code::DockerfileSyntax, "the Dockerfile has no FROM")
                .at(&dockerfile.location(&(end..end)), "no stage to build")
                .help("begin with the base image, such as: FROM debian:bookworm-slim"),
        );
    }
    (dockerfile, problems)
}

fn read_instruction(dockerfile: &mut Dockerfile, index: usize, problems: &mut Vec<Diagnostic>) {
    let instruction = &dockerfile.instructions[index];
    let keyword = instruction.keyword.clone();
    let place = dockerfile.location(&instruction.keyword_span);
    if !KEYWORDS.contains(&keyword.as_str()) {
        let near = similar::get_close_matches(keyword.as_str(), KEYWORDS, 1, 0.7);
        let help = near.first().map_or_else(
            || "a continued line ends in a backslash; shell commands go behind RUN".to_owned(),
            |near| format!("did you mean {near}?"),
        );
        problems.push(
            Diagnostic::error(
                Code::DockerfileSyntax,
                format!("`{keyword}` is no instruction"),
            )
            .at(&place, "unknown to the builder")
            .help(help),
        );
    } else if keyword == "FROM" {
        let stage = read_from(dockerfile, index, problems);
        dockerfile.stages.extend(stage);
        return;
    } else if dockerfile.stages.is_empty() && keyword != "ARG" {
        problems.push(
            Diagnostic::error(
                Code::DockerfileSyntax,
                format!("{keyword} stands before the first FROM"),
            )
            .at(&place, "belongs to no stage")
            .help("only ARG can stand before FROM"),
        );
    }
    if let Some(stage) = dockerfile.stages.last_mut() {
        stage.instructions.end = index + 1;
    }
}

fn read_from(
    dockerfile: &Dockerfile,
    index: usize,
    problems: &mut Vec<Diagnostic>,
) -> Option<Stage> {
    let instruction = &dockerfile.instructions[index];
    let words = instruction.words();
    let mut refuse = |span: &Range<usize>, message: String, help: &str| {
        problems.push(
            Diagnostic::error(Code::DockerfileSyntax, message)
                .at(&dockerfile.location(span), "the builder refuses this")
                .help(help),
        );
    };
    let name = match words.as_slice() {
        [] => {
            problems.push(
                Diagnostic::error(Code::DockerfileReference, "FROM names no image")
                    .at(
                        &dockerfile.location(&instruction.span),
                        "an image is missing",
                    )
                    .help("write: FROM debian:bookworm-slim"),
            );
            return None;
        }
        [_] => None,
        [_, keyword, name] if keyword.text.eq_ignore_ascii_case("as") => {
            let lower = name.text.to_lowercase();
            if !is_stage_name(&lower) {
                refuse(
                    &name.span,
                    format!("`{}` is no name for a stage", name.text),
                    "a stage's name starts with a letter and has letters, digits, `-`, `_` and `.`",
                );
            }
            Some(Word {
                text: lower,
                span: name.span.clone(),
            })
        }
        [_, rest @ ..] => {
            refuse(
                &(rest[0].span.start..rest[rest.len() - 1].span.end),
                "FROM takes an image, or an image and AS and a name".to_owned(),
                "write: FROM image AS name",
            );
            None
        }
    };
    Some(Stage {
        name,
        base: words[0].clone(),
        platform: instruction.flag("platform").map(|it| it.value.clone()),
        instructions: index..index + 1,
    })
}

fn is_stage_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c))
}

#[cfg(test)]
mod ast_tests;
#[cfg(test)]
mod tests;
