//! `ignore-root-only-pattern`: an ignore line that holds at the root only, while files of that kind lie deeper.

use windlass_core::finding::Level;

use crate::glob;
use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use super::words::line_place;

pub(super) const RULE: Rule = Rule::new(
    "ignore-root-only-pattern",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/ignore-root-only-pattern.md"),
)
.starred()
.needs(&[Need::Context]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(context) = &subject.context else {
        return;
    };

    for line in &context.ignore {
        let pattern = line.text.trim();
        let plain = pattern.trim_end_matches('/');
        if !is_meant_everywhere(plain) {
            continue;
        }
        let kept = context.listing.entries.iter().map(|it| it.path.as_str());
        let kept = kept.chain(context.listing.unread.iter().map(String::as_str));
        let escaped: Vec<&str> = kept
            .filter(|path| {
                let name = path.rsplit('/').next().unwrap_or(path);
                path.contains('/') && glob::matches(plain, name)
            })
            .collect();
        let Some(first) = escaped.first() else {
            continue;
        };
        let more = escaped.len() - 1;
        let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
        let message = format!("`{pattern}` holds at the root of the context only: `{first}`{rest} is sent");
        hits.push(Hit::maybe_at(line_place(line).as_ref(), message).help(format!("write `**/{pattern}`")));
    }
}

/// Kinds of files that nobody wants anywhere, and that are no names of source folders.
const KINDS: [&str; 16] = [
    ".env", ".env.*", "*.pyc", "*.pyo", "__pycache__", "node_modules", ".venv", "*.log", "*.pem",
    "*.key", ".npmrc", ".DS_Store", ".git", ".idea", ".vscode", "*.swp",
];

fn is_meant_everywhere(pattern: &str) -> bool {
    KINDS.contains(&pattern)
}
