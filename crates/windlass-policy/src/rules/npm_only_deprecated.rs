//! `npm-only-deprecated`: npm has deprecated --only.

use windlass_core::shell::Manager;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "npm-only-deprecated",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/npm-only-deprecated.md"),
)
.starred()
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().packages() {
        if found.call.manager != Manager::Npm {
            continue;
        }
        for word in found.call.arguments {
            if !matches!(word.text.as_str(), "--only=production" | "--only=prod") {
                continue;
            }
            hits.push(
                Hit::at(subject.at(&word.span), format!("npm has deprecated `{}`", word.text))
                    .help("write --omit=dev")
                    .fix(Fix::replace("write --omit=dev", &word.span, "--omit=dev")),
            );
        }
    }
}
