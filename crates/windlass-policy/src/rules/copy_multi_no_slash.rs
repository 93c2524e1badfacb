//! `copy-multi-no-slash`: several sources, and a target that is no folder.

use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "copy-multi-no-slash",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/copy-multi-no-slash.md"),
)
.aliases(&["DL3021", "DS-0011"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        let Some(transfer) = instruction.transfer() else { continue };
        let target = transfer.target.text.as_str();
        let bare = target.trim_matches(['"', '\'']);
        let folder = bare.ends_with(['/', '\\']) || matches!(bare, "." | "..") || bare.ends_with("/.");
        if transfer.sources.len() < 2 || folder || bare.contains('$') {
            continue;
        }
        let mut hit = Hit::at(
            subject.at(&transfer.target.span),
            format!("{} sources need a folder, which ends in `/`", transfer.sources.len()),
        )
        .help(format!("write {bare}/"));
        if bare == target {
            hit = hit.fix(Fix::insert("end it in `/`", transfer.target.span.end, "/"));
        }
        hits.push(hit);
    }
}
