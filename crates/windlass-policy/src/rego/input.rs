//! The input of policies in Rego (`docs/policies.md`, "Rules in Rego").

use std::ops::Range;

use serde_json::{Value, json};
use windlass_core::context::OutlineKind;
use windlass_core::dockerfile::Instruction;

use crate::evaluate::Found;
use crate::subject::{Fact, ImageSubject, RepositorySubject, TagFacts};

/// What all inputs hold.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The selected environment.
    pub environment: Option<&'a str>,
    /// The day, `YYYY-MM-DD`.
    pub today: &'a str,
}

impl Facts<'_> {
    fn document(self) -> serde_json::Map<String, Value> {
        let mut map = serde_json::Map::new();
        map.insert("format_version".to_owned(), json!("1.0"));
        map.insert("environment".to_owned(), json!(self.environment));
        map.insert("today".to_owned(), json!(self.today));
        map
    }
}

/// Returns the input about an image, and its Dockerfile in conftest's shape.
pub fn image_input(subject: &ImageSubject, found: &[&Found], facts: Facts<'_>) -> (Value, Value) {
    let dockerfile = dockerfile(subject);
    let mut map = facts.document();
    let value = |it: &crate::subject::Setting| json!(it.value);
    let settings = |all: &std::collections::BTreeMap<String, crate::subject::Setting>| -> Value {
        all.iter()
            .map(|(name, it)| (name.clone(), value(it)))
            .collect()
    };
    let targets: Vec<Value> = subject
        .targets
        .iter()
        .map(|target| {
            json!({
                "registry": target.key.registry.as_str(),
                "repository": target.key.repository.as_str(),
                "tags": target.tags.iter().map(tag).collect::<Vec<_>>(),
            })
        })
        .collect();
    map.insert(
        "image".to_owned(),
        json!({
            "address": subject.address,
            "name": subject.name,
            "file": subject.dockerfile.source.name,
            "pattern": subject.pattern,
            "stage": subject.stage,
            "platforms": subject.platforms.iter().map(windlass_core::name::Platform::as_str).collect::<Vec<_>>(),
            "args": settings(&subject.args),
            "stamp_args": settings(&subject.stamp_args),
            "labels": settings(&subject.labels),
            "action": subject.action.map(windlass_core::plan::ImageAction::as_str),
            "targets": targets,
            "bases": bases(subject),
            "stages": stages(subject),
            "context": context(subject),
        }),
    );
    map.insert("dockerfile".to_owned(), dockerfile.clone());
    let findings: Vec<Value> = found
        .iter()
        .map(|it| json!({ "rule": it.finding.rule, "level": it.finding.level.as_str(), "line": it.finding.line, "message": it.finding.message, "waived": it.finding.waived_by.is_some(), "loc": it.place.as_ref().map(|place| loc(subject, &place.span)) }))
        .collect();
    map.insert("findings".to_owned(), Value::Array(findings));
    (Value::Object(map), dockerfile)
}

/// Returns the input about a repository.
pub fn repository_input(subject: &RepositorySubject, facts: Facts<'_>) -> Value {
    fn known<T: serde::Serialize>(fact: &Fact<T>) -> Value {
        fact.known().map_or(Value::Null, |it| json!(it))
    }
    let mut map = facts.document();
    let tags = subject.wanted_tags.iter();
    let tags: Vec<Value> = tags
        .map(|(image, it)| json!({ "image": image, "tag": tag(it) }))
        .collect();
    map.insert(
        "repository".to_owned(),
        json!({
            "address": subject.address,
            "name": subject.key.repository.as_str(),
            "registry": subject.registry.name.as_str(),
            "account": subject.registry.account,
            "region": subject.registry.region,
            "tag_mutability": known(&subject.tags),
            "scan_on_push": known(&subject.scan_on_push),
            "encryption": known(&subject.encryption),
            "lifecycle": known(&subject.lifecycle),
            "resource_tags": subject.resource_tags,
            "action": subject.action.map(windlass_core::plan::RepositoryAction::as_str),
            "wanted_tags": tags,
        }),
    );
    Value::Object(map)
}

/// Returns the input about a plan as a whole.
pub fn plan_input(plan: &Value, facts: Facts<'_>) -> Value {
    let mut map = facts.document();
    map.insert("plan".to_owned(), plan.clone());
    Value::Object(map)
}

fn tag(it: &TagFacts) -> Value {
    json!({
        "tag": it.tag,
        "action": it.action.map(windlass_core::plan::TagAction::as_str),
        "from_digest": it.from_digest.as_ref().map(ToString::to_string),
    })
}

fn loc(subject: &ImageSubject, span: &Range<usize>) -> Value {
    let source = &subject.dockerfile.source;
    let (line, column) = source.position(span.start);
    let (end_line, end_column) = source.position(span.end);
    json!({ "start": span.start, "end": span.end, "line": line, "column": column, "end_line": end_line, "end_column": end_column })
}

fn bases(subject: &ImageSubject) -> Value {
    subject
        .bases()
        .iter()
        .map(|base| {
            json!({
                "reference": base.reference,
                "image": base.image.to_string(),
                "host": base.image.host,
                "path": base.image.path,
                "tag": base.image.tag.as_ref().map(ToString::to_string),
                "digest": base.image.digest.as_ref().map(ToString::to_string),
                "loc": loc(subject, &base.span),
            })
        })
        .collect()
}

fn stages(subject: &ImageSubject) -> Value {
    let stages = subject.dockerfile.stages.iter().enumerate();
    stages
        .map(|(at, stage)| {
            json!({
                "index": at,
                "name": stage.name.as_ref().map(|it| it.text.as_str()),
                "base": stage.base.text,
                "platform": stage.platform.as_ref().map(|it| it.text.as_str()),
                "loc": loc(subject, &stage.base.span),
            })
        })
        .collect()
}

fn context(subject: &ImageSubject) -> Value {
    let Some(context) = &subject.context else {
        return Value::Null;
    };
    let files: Vec<Value> = context
        .listing
        .entries
        .iter()
        .filter_map(|entry| match &entry.kind {
            OutlineKind::File { executable, bytes } => {
                Some(json!({ "path": entry.path, "bytes": bytes, "executable": executable }))
            }
            OutlineKind::Link { target } => Some(json!({ "path": entry.path, "link": target })),
            OutlineKind::Directory => None,
        })
        .collect();
    json!({ "folder": context.folder, "files": files })
}

/// The instructions as conftest's parser gives them, with `Loc` added.
fn dockerfile(subject: &ImageSubject) -> Value {
    let dockerfile = &subject.dockerfile;
    let instructions = dockerfile.instructions.iter().enumerate();
    instructions
        .map(|(at, instruction)| {
            let stage = dockerfile
                .stages
                .iter()
                .position(|it| it.instructions.contains(&at));
            instruction_value(subject, instruction, stage.unwrap_or(0))
        })
        .collect()
}

fn instruction_value(subject: &ImageSubject, instruction: &Instruction, stage: usize) -> Value {
    let (sub, inner) = sub_command(instruction);
    let arguments = if inner.is_empty() {
        instruction.arguments.as_str()
    } else {
        inner
    };
    let json_form: Option<Vec<String>> = arguments
        .trim_start()
        .starts_with('[')
        .then(|| serde_json::from_str(arguments.trim()).ok())
        .flatten();
    let keyword = instruction.keyword.to_lowercase();
    let value = match (&json_form, keyword.as_str()) {
        (Some(list), _) => list.clone(),
        (None, "run" | "cmd" | "entrypoint" | "shell" | "healthcheck" | "maintainer") => {
            vec![arguments.to_owned()]
        }
        (None, "env" | "label") => pairs(arguments),
        (None, _) => instruction.words().into_iter().map(|it| it.text).collect(),
    };
    let flags: Vec<String> = instruction
        .flags
        .iter()
        .map(|flag| {
            if flag.value.text.is_empty() {
                format!("--{}", flag.name)
            } else {
                format!("--{}={}", flag.name, flag.value.text)
            }
        })
        .collect();
    json!({
        "Cmd": keyword,
        "SubCmd": sub,
        "JSON": json_form.is_some(),
        "Flags": flags,
        "Value": value,
        "Stage": stage,
        "Loc": loc(subject, &instruction.span),
    })
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

/// ONBUILD and HEALTHCHECK hold another instruction.
fn sub_command(instruction: &Instruction) -> (String, &str) {
    if !matches!(instruction.keyword.as_str(), "ONBUILD" | "HEALTHCHECK") {
        return (String::new(), "");
    }
    let arguments = instruction.arguments.as_str();
    let (sub, rest) = arguments
        .split_once(char::is_whitespace)
        .unwrap_or((arguments, ""));
    (sub.to_lowercase(), rest.trim_start())
}
