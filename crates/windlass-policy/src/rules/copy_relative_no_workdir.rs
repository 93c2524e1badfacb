//! `copy-relative-no-workdir`: COPY goes to a relative target before any WORKDIR.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "copy-relative-no-workdir",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/copy-relative-no-workdir.md"),
)
.aliases(&["DL3045"])
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for (index, instruction) in subject.dockerfile.instructions.iter().enumerate() {
        let Some(transfer) = instruction.transfer() else { continue };
        let Some(before) = subject.facts().before(&subject.dockerfile, index) else { continue };
        let target = transfer.target.text.trim_matches(['"', '\'']);
        let absolute = target.starts_with(['/', '\\', '$']) || target.get(1..2) == Some(":");
        if absolute || before.workdir.placed().is_some() {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&transfer.target.span), "where this goes only the base image knows")
                .help("set WORKDIR before, or begin the target with `/`"),
        );
    }
}
