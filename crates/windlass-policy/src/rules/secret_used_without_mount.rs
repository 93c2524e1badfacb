//! `secret-used-without-mount`: a secret from ARG in a shell command.

use std::ops::Range;

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use windlass_core::secret::is_secret_name;

pub(super) const RULE: Rule = Rule::new(
    "secret-used-without-mount",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/secret-used-without-mount.md"),
)
.starred()
.needs(&[Need::Stages, Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let dockerfile = &subject.dockerfile;
    for stage in &dockerfile.stages {
        let mut secrets: Vec<(String, Range<usize>)> = Vec::new();
        for instruction in &dockerfile.instructions[stage.instructions.clone()] {
            match instruction.keyword.as_str() {
                "ARG" | "ENV" => secrets.extend(
                    instruction.assignments()
                        .iter().filter(|it| is_secret_name(&it.name.text)).map(|it| (it.name.text.clone(), it.name.span.clone())),
                ),
                "RUN" => {
                    for (name, declared) in &secrets {
                        let mounted = instruction.flags.iter().any(|flag| {
                            flag.name == "mount" && flag.value.text.split(',').any(|it| it == format!("env={name}"))
                        });
                        if let Some(at) = mentioned(&instruction.arguments, name).filter(|_| !mounted) {
                            let message = format!("`${name}` reaches this command from ARG or ENV, so it is in the image's history");
                            let word = instruction.words().into_iter().find(|word| word.text.contains(&at));
                            let span = word.map_or(instruction.span.clone(), |word| word.span);
                            hits.push(
                                Hit::at(subject.at(&span), message)
                                    .label(subject.at(declared), "declared here")
                                    .help(format!("RUN --mount=type=secret,id={},env={name} ..", name.to_ascii_lowercase())),
                            );
                        }
                    }
                }
                _ => {}
            }
        }
    }
}

/// Returns how a shell text names a variable: `$NAME` or `${NAME`.
fn mentioned(text: &str, name: &str) -> Option<String> {
    [format!("${name}"), format!("${{{name}")].into_iter().find(|form| {
        text.match_indices(form.as_str()).any(|(at, _)| {
            let after = text[at + form.len()..].chars().next();
            !after.is_some_and(|c| c.is_ascii_alphanumeric() || c == '_')
        })
    })
}
