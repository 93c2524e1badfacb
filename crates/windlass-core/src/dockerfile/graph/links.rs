//! What a stage takes from other stages and images: COPY and ADD `--from`, and the mounts of RUN.

use std::ops::Range;

use super::super::{Dockerfile, Flag, Instruction, Word};

/// A COPY or a mount that reads another stage or an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The index of the instruction in [`Dockerfile::instructions`].
    pub instruction: usize,
    /// The name as written.
    pub name: Word,
    /// What it is.
    pub target: LinkTarget,
}

/// What a name behind `from=` stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkTarget {
    /// A stage.
    Stage(usize),
    /// An image or a named context.
    Image(String),
    /// Nothing.
    Scratch,
    /// A number that no stage has, or a variable, which is not expanded there.
    Unknown,
}

/// Returns the links of a stage in order.
pub(super) fn links(dockerfile: &Dockerfile, stage: usize) -> Vec<Link> {
    let range = dockerfile.stages[stage].instructions.clone();
    let mut found = Vec::new();
    for index in range {
        for name in names(dockerfile, &dockerfile.instructions[index]) {
            let target = target(dockerfile, stage, &name.text);
            found.push(Link {
                instruction: index,
                name,
                target,
            });
        }
    }
    found
}

fn names(dockerfile: &Dockerfile, instruction: &Instruction) -> Vec<Word> {
    match instruction.keyword.as_str() {
        "COPY" => {
            let from = instruction.flag("from").map(|it| it.value.clone());
            from.into_iter().collect()
        }
        "RUN" => {
            let mounts = instruction.flags.iter().filter(|it| it.name == "mount");
            mounts
                .filter_map(|flag| mount_from(dockerfile, flag))
                .collect()
        }
        _ => Vec::new(),
    }
}

fn mount_from(dockerfile: &Dockerfile, flag: &Flag) -> Option<Word> {
    let fields = mount_fields(dockerfile, flag);
    let field = |name: &str| fields.iter().find(|(key, _)| key == name);
    let kind = field("type").map_or("bind", |(_, value)| value.text.as_str());
    let from = field("from").map(|(_, value)| value.clone());
    from.filter(|_| matches!(kind, "bind" | "cache"))
}

fn target(dockerfile: &Dockerfile, stage: usize, name: &str) -> LinkTarget {
    if name.contains('$') {
        return LinkTarget::Unknown;
    }
    if let Ok(index) = name.parse::<usize>() {
        return if index < dockerfile.stages.len() {
            LinkTarget::Stage(index)
        } else {
            LinkTarget::Unknown
        };
    }
    let count = dockerfile.stages.len();
    let found = dockerfile
        .stage_named(name, stage)
        .or_else(|| dockerfile.stage_named(name, count));
    match found {
        Some(found) => LinkTarget::Stage(found),
        None if name == "scratch" => LinkTarget::Scratch,
        None => LinkTarget::Image(name.to_owned()),
    }
}

/// Returns the fields of the value of `--mount` in order: key in lower case, value with its place in the source.
pub fn mount_fields(dockerfile: &Dockerfile, flag: &Flag) -> Vec<(String, Word)> {
    let span = &flag.value.span;
    let raw = dockerfile.source.text.get(span.clone()).unwrap_or("");
    let mut at = span.start;
    let mut fields = Vec::new();
    for field in raw.split(',') {
        let start = at;
        at += field.len() + 1;
        if field.is_empty() {
            continue;
        }
        let key_length = field.find('=').unwrap_or(field.len());
        let key = field[..key_length].trim_matches(blank);
        let range = value_range(field, (key_length + 1).min(field.len()));
        let text = field[range.clone()].to_owned();
        let word = Word {
            text,
            span: start + range.start..start + range.end,
        };
        fields.push((key.to_ascii_lowercase(), word));
    }
    fields
}

/// Quotes and white space around a field do not belong to it, nor does a continuation.
fn blank(c: char) -> bool {
    matches!(c, '"' | '\'' | '\\' | '`') || c.is_whitespace()
}

fn value_range(field: &str, start: usize) -> Range<usize> {
    let value = &field[start..];
    let trimmed = value.trim_start_matches(blank);
    let start = start + value.len() - trimmed.len();
    start..start + trimmed.trim_end_matches(blank).len()
}
