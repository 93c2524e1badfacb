//! `secret-in-arg-env`: a secret in ARG or ENV stays in the image's history for everybody who can pull it.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use windlass_core::secret::is_secret_name;

pub(super) const RULE: Rule = Rule::new(
    "secret-in-arg-env",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/secret-in-arg-env.md"),
)
.starred()
.aliases(&[
    "DL3064",
    "SecretsUsedInArgOrEnv",
    "DS-0031",
    "CIS-DI-0010",
])
.needs(&[Need::Dockerfile, Need::Manifest]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        if !matches!(instruction.keyword.as_str(), "ARG" | "ENV") {
            continue;
        }
        for assignment in instruction.assignments() {
            let value = assignment.value.as_ref().map_or("", |it| it.text.as_str());
            if !is_secret_name(&assignment.name.text) || is_harmless(value) {
                continue;
            }
            let name = &assignment.name.text;
            let keyword = &instruction.keyword;
            hits.push(
                Hit::at(
                    subject.at(&assignment.name.span),
                    format!("`{name}` looks like a secret, and {keyword} keeps it in the image's history"),
                )
                .help(format!(
                    "mount it where it is used: RUN --mount=type=secret,id={id},env={name} ...",
                    id = name.to_ascii_lowercase()
                )),
            );
        }
    }
}

/// A value that says where the secret is, or that there is none.
fn is_harmless(value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    value.starts_with('/') || value == "false" || value == "true"
}
