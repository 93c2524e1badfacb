//! Dockerfiles as conftest's parser gives them (`parser/docker` of conftest, after BuildKit's syntax tree), with `Loc` added.

use serde_json::{Value, json};
use windlass_core::dockerfile::{Body, Instruction};

use super::loc;
use crate::subject::ImageSubject;

pub(super) fn dockerfile(subject: &ImageSubject) -> Value {
    let dockerfile = &subject.dockerfile;
    let instructions = dockerfile.instructions.iter().enumerate();
    instructions
        .map(|(at, instruction)| {
            // What stands before the first FROM counts to the first stage.
            let stage = dockerfile.stage_of(at).unwrap_or(0);
            value(subject, instruction, stage)
        })
        .collect()
}

fn value(subject: &ImageSubject, instruction: &Instruction, stage: usize) -> Value {
    // Only ONBUILD has another instruction in it.
    let (sub, inner) = match &instruction.body {
        Body::Onbuild(inner) => (inner.keyword.to_lowercase(), inner.as_ref()),
        _ => (String::new(), instruction),
    };
    let (is_json, values) = values(inner);
    let flags = instruction.flags.iter().map(|flag| {
        if flag.value.text.is_empty() {
            format!("--{}", flag.name)
        } else {
            format!("--{}={}", flag.name, flag.value.text)
        }
    });
    json!({
        "Cmd": instruction.keyword.to_lowercase(),
        "SubCmd": sub,
        "JSON": is_json,
        "Flags": flags.collect::<Vec<_>>(),
        "Value": values,
        "Stage": stage,
        "Loc": loc(subject, &instruction.span),
    })
}

/// Whether it is the JSON form, and its values.
fn values(instruction: &Instruction) -> (bool, Vec<String>) {
    let arguments = instruction.arguments.as_str();
    match instruction.keyword.as_str() {
        "HEALTHCHECK" => {
            let (kind, rest) = arguments
                .split_once(char::is_whitespace)
                .unwrap_or((arguments, ""));
            let (is_json, command) = json_or_text(rest.trim_start());
            let kind = [kind.to_uppercase()].into_iter();
            (is_json, kind.chain(command).collect())
        }
        "RUN" | "CMD" | "ENTRYPOINT" | "SHELL" => json_or_text(arguments),
        "MAINTAINER" | "USER" | "WORKDIR" | "STOPSIGNAL" => (false, vec![arguments.to_owned()]),
        "ENV" | "LABEL" => (false, pairs(arguments)),
        _ => json_list(arguments).map_or_else(
            || {
                (
                    false,
                    instruction.words().into_iter().map(|it| it.text).collect(),
                )
            },
            |list| (true, list),
        ),
    }
}

fn json_or_text(text: &str) -> (bool, Vec<String>) {
    match json_list(text) {
        Some(list) => (true, list),
        None if text.is_empty() => (false, Vec::new()),
        None => (false, vec![text.to_owned()]),
    }
}

fn json_list(text: &str) -> Option<Vec<String>> {
    let text = text.trim();
    text.starts_with('[')
        .then(|| serde_json::from_str(text).ok())
        .flatten()
}

/// `ENV A=1 B=2` is `A`, `1`, `=`, `B`, `2`, `=` for BuildKit's parser, and so for conftest.
fn pairs(arguments: &str) -> Vec<String> {
    let first = arguments.split_whitespace().next().unwrap_or_default();
    if !first.contains('=') {
        let (name, value) = arguments
            .split_once(char::is_whitespace)
            .unwrap_or((arguments, ""));
        return vec![
            name.to_owned(),
            value.trim_start().to_owned(),
            String::new(),
        ];
    }
    let mut found = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for c in arguments.chars().chain([' ']) {
        match quote {
            Some(open) if open == c => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            _ => {}
        }
        if quote.is_none() && c.is_whitespace() {
            if let Some((name, value)) = word.split_once('=') {
                found.extend([name.to_owned(), value.to_owned(), "=".to_owned()]);
            }
            word.clear();
        } else {
            word.push(c);
        }
    }
    found
}
