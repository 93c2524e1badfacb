//! `context-vcs-deps`: version control or installed packages in the build context.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use super::words::copies_all;

pub(super) const RULE: Rule = Rule::new(
    "context-vcs-deps",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/context-vcs-deps.md"),
)
.starred()
.needs(&[Need::Context]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(context) = &subject.context else {
        return;
    };

    let Some(copy) = copies_all(subject) else {
        return;
    };
    for name in FOLDERS {
        let entries = context.listing.entries.iter();
        let Some(found) = entries
            .map(|it| it.path.as_str())
            .find(|path| path.split('/').any(|part| part == name))
        else {
            continue;
        };
        let end = found.find(name).map_or(found.len(), |at| at + name.len());
        hits.push(
            Hit::at(copy.clone(), format!("`{}` reaches the image", &found[..end]))
                .help(format!("add to .dockerignore: **/{name}")),
        );
    }
}

const FOLDERS: [&str; 7] = [
    ".git", ".hg", ".svn", "node_modules", ".venv", "venv", "__pycache__",
];
