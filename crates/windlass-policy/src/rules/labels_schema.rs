//! `labels-schema`: labels that are missing or have another form than their name promises.

use windlass_core::dockerfile::graph::Value;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "labels-schema",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/labels-schema.md"),
)
.starred()
.aliases(&[
    "DL3048", "DL3049", "DL3050", "DL3051", "DL3052", "DL3053", "DL3054", "DL3055", "DL3056",
    "DL3058",
])
.needs(&[Need::Stages, Need::Manifest])
.parameters(&[Parameter::texts(
    "required",
    "a label that every image must have",
)]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let (Some(target), Some(end)) = (facts.graph.target, facts.end()) else {
        return;
    };
    let from = subject.at(&subject.dockerfile.stages[target].base.span);
    for name in hits.parameters().texts("required") {
        if !end.labels.contains_key(name) && !subject.labels.contains_key(name) {
            hits.push(
                Hit::at(from.clone(), format!("the image has no label `{name}`"))
                    .help(format!("add: LABEL {name}=\"...\"")),
            );
        }
    }
    for index in facts.history(&subject.dockerfile, target) {
        let instruction = &subject.dockerfile.instructions[index];
        let Some(state) = facts.before(&subject.dockerfile, index) else {
            continue;
        };
        for assignment in instruction.assignments() {
            let Some(value) = &assignment.value else {
                continue;
            };
            if instruction.keyword != "LABEL" {
                continue;
            }
            let name = state.expand(&assignment.name.text, subject.dockerfile.escape);
            let text = state.expand(&value.text, subject.dockerfile.escape);
            if let Some(form) = broken(&name.text, &text) {
                hits.push(
                    Hit::at(
                        subject.at(&value.span),
                        format!("`{}` is no {form}", text.text),
                    )
                    .help(format!("`{}` holds a {form}", name.text)),
                );
            }
        }
    }
}

/// Returns the form that a label of the OCI has, where its value has another one. A value with a variable is not judged.
fn broken(name: &str, value: &Value) -> Option<&'static str> {
    let key = name.strip_prefix("org.opencontainers.image.")?;
    let text = value.text.as_str();
    let (form, good) = match key {
        "url" | "source" | "documentation" => ("URL", is_url(text)),
        "version" => ("version without blanks", is_word(text)),
        "revision" => ("revision without blanks", is_word(text)),
        "created" => ("date and time of RFC 3339", is_time(text)),
        "licenses" => ("SPDX expression", is_license(text)),
        _ => return None,
    };
    (value.is_fixed() && !good).then_some(form)
}

fn is_url(text: &str) -> bool {
    let rest = ["https://", "http://", "git+https://", "ssh://"]
        .iter()
        .find_map(|it| text.strip_prefix(it));
    rest.is_some_and(|it| !it.is_empty() && !it.contains(char::is_whitespace))
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

/// `2026-01-31T12:00:00Z`, with a fraction or an offset if wanted.
fn is_time(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let Some(rest) = shape.strip_prefix("0000-00-00T00:00:00") else {
        return false;
    };
    let fraction = rest.strip_prefix('.').map(|it| it.trim_start_matches('0'));
    matches!(fraction.unwrap_or(rest), "Z" | "+00:00" | "-00:00")
}

fn is_license(text: &str) -> bool {
    let word = |it: &str| {
        let it = it.trim_matches(['(', ')']).trim_end_matches('+');
        let letters = it
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':'));
        !it.is_empty() && letters
    };
    let words: Vec<&str> = text.split_whitespace().collect();
    !words.is_empty()
        && words.iter().enumerate().all(|(at, it)| {
            let operator = matches!(*it, "AND" | "OR" | "WITH");
            if at % 2 == 1 { operator } else { !operator && word(it) }
        })
}
