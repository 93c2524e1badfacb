//! `copy-ignored-file`: COPY of something that the ignore lines leave out, or that is not there.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::{ContextFacts, ImageSubject};

pub(super) const RULE: Rule = Rule::new(
    "copy-ignored-file",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/copy-ignored-file.md"),
)
.starred()
.aliases(&["CopyIgnoredFile"])
.needs(&[Need::Dockerfile, Need::Context]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(context) = &subject.context else {
        return;
    };

    let ignore = context.compiled();
    for instruction in &subject.dockerfile.instructions {
        let copies = matches!(instruction.keyword.as_str(), "COPY" | "ADD");
        if !copies || instruction.flag("from").is_some() || !instruction.heredocs.is_empty() {
            continue;
        }
        let words = instruction.words();
        let Some((_, sources)) = words.split_last() else {
            continue;
        };
        for source in sources {
            let text = source.text.trim_matches(|c| matches!(c, '[' | ',' | '"'));
            if !is_plain(text) {
                continue;
            }
            let path = text.trim_start_matches("./").trim_matches('/');
            if path.is_empty() || path == "." || is_there(context, path) {
                continue;
            }
            let place = subject.at(&source.span);
            let line = ignored_by(context, path).or_else(|| {
                let decision = ignore.decide(path);
                decision.line.filter(|_| decision.ignored)
            });
            let hit = match line.and_then(|at| ignore.line(at)) {
                Some(line) => Hit::at(place, format!("`{text}` is left out of the context, so the build fails"))
                    .help(format!("take it out of {}:{} `{}`, or bring it back: !{path}", line.origin, line.line, line.text.trim())),
                None => Hit::at(place, format!("`{text}` is not in the build context, so the build fails"))
                    .help(format!("paths count from the context, here `{}`", context.folder)),
            };
            hits.push(hit);
        }
    }
}

/// Only a path without variables, wildcards and schemes is certain.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(['$', '*', '?', '[', '\\', '<']) && !text.contains("://") && !text.starts_with("git@") && !text.contains("..")
}

fn is_there(context: &ContextFacts, path: &str) -> bool {
    let below = format!("{path}/");
    let listing = &context.listing;
    let kept = listing.entries.iter().map(|it| it.path.as_str());
    kept.chain(listing.unread.iter().map(String::as_str))
        .any(|it| it == path || it.starts_with(&below))
}

/// Returns the ignore line that left a path or a folder above it out.
fn ignored_by(context: &ContextFacts, path: &str) -> Option<usize> {
    let ignored = context.listing.ignored.iter();
    ignored
        .filter(|it| {
            let folder = it.path.ends_with('/') && path.starts_with(&it.path);
            folder || it.path.trim_end_matches('/') == path
        })
        .find_map(|it| it.line)
}
