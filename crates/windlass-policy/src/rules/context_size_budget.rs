//! `context-size-budget`: a build context that is larger than agreed.

use windlass_core::context::OutlineKind;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Rule};
use crate::subject::ImageSubject;

use super::words::copies_all;

pub(super) const RULE: Rule = Rule::new(
    "context-size-budget",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/context-size-budget.md"),
)
.needs(&[Need::Context, Need::Manifest])
.parameters(&[Parameter::number(
    "max-mb",
    "megabytes that a build context may have; 100 where none is set",
)]);

const MAX_MB: u64 = 100;
/// Files that are named.
const NAMED: usize = 3;

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(context) = &subject.context else {
        return;
    };
    // Files that no instruction takes are not sent.
    let Some(copy) = copies_all(subject) else {
        return;
    };
    let entries = context.listing.entries.iter();
    let mut files: Vec<(u64, &str)> = entries
        .filter_map(|entry| match entry.kind {
            OutlineKind::File { bytes, .. } => Some((bytes, entry.path.as_str())),
            OutlineKind::Link { .. } | OutlineKind::Directory => None,
        })
        .collect();
    let total: u64 = files.iter().map(|it| it.0).sum();
    let max = hits.parameters().number("max-mb").unwrap_or(MAX_MB);
    if total <= max.saturating_mul(1_000_000) {
        return;
    }
    files.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    let largest = files.iter().take(NAMED);
    let largest = largest.map(|(bytes, path)| format!("`{path}` ({} MB)", bytes / 1_000_000));
    let message = format!(
        "the build context has {} MB; {max} MB are agreed",
        total / 1_000_000
    );
    let help = format!(
        "the largest files are {}; leave out what the image does not need: `windlass context` lists all",
        largest.collect::<Vec<_>>().join(", ")
    );
    hits.push(Hit::at(copy, message).help(help));
}
