//! `ignore-missing`: a build context without any ignore line.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use super::words::copies_all;

pub(super) const RULE: Rule = Rule::new(
    "ignore-missing",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/ignore-missing.md"),
)
.starred()
.needs(&[Need::Context]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(context) = &subject.context else {
        return;
    };

    let files = context.listing.entries.len() + context.listing.unread.len();
    if !context.ignore.is_empty() || files <= SMALL {
        return;
    }
    let Some(copy) = copies_all(subject) else {
        return;
    };
    hits.push(
        Hit::at(copy, format!("the whole context is copied, {files} files and folders, and nothing is ignored"))
            .help("write a .dockerignore, such as: .git, **/.env, **/node_modules, **/__pycache__"),
    );
}

/// A context as small as this is written by hand, and seen at a glance.
const SMALL: usize = 3;
