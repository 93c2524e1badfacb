//! `workdir-relative`: WORKDIR is relative to a folder that the Dockerfile does not say.

use windlass_core::dockerfile::Body;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "workdir-relative",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/workdir-relative.md"),
)
.starred()
.aliases(&["DL3000", "WorkdirRelativePath", "CKV_DOCKER_10", "DS-0009"])
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for (index, instruction) in subject.dockerfile.instructions.iter().enumerate() {
        let Body::Text(word) = &instruction.body else { continue };
        if instruction.keyword != "WORKDIR" {
            continue;
        }
        let Some(before) = subject.facts().before(&subject.dockerfile, index) else { continue };
        let value = before.expand(&word.text, subject.dockerfile.escape);
        let path = value.text.as_str();
        let drive = path.get(1..2) == Some(":");
        let open = !value.is_fixed() || path.is_empty();
        if path.starts_with(['/', '\\']) || drive || open || before.workdir.placed().is_some() {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&word.span), format!("`{path}` is below a folder that only the base image knows"))
                .help(format!("write it from the root: WORKDIR /{path}")),
        );
    }
}
