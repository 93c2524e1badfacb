//! `context-secret-reachable`: a file that holds secrets reaches the image with `COPY .`.

use windlass_core::context::OutlineKind;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use super::secret_file_copied::is_secret_file;
use super::words::copies_all;

pub(super) const RULE: Rule = Rule::new(
    "context-secret-reachable",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/context-secret-reachable.md"),
)
.starred()
.needs(&[Need::Dockerfile, Need::Context]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(context) = &subject.context else {
        return;
    };

    let Some(copy) = copies_all(subject) else {
        return;
    };
    for entry in &context.listing.entries {
        if matches!(entry.kind, OutlineKind::Directory) || !is_secret_file(&entry.path) {
            continue;
        }
        hits.push(
            Hit::at(copy.clone(), format!("`{}` holds secrets, is not ignored, and is copied into the image", entry.path))
                .help(format!("add to .dockerignore: {}", ignore_line(&entry.path))),
        );
    }
}

fn ignore_line(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    format!("**/{name}")
}
