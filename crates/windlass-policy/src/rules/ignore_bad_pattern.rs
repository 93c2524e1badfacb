//! `ignore-bad-pattern`: an ignore line that is no pattern, or a `!` that brings nothing back.

use std::collections::BTreeSet;

use windlass_core::context::{Ignore, IgnoreLine};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::{ContextFacts, ImageSubject};

use super::words::line_place;

pub(super) const RULE: Rule = Rule::new(
    "ignore-bad-pattern",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/ignore-bad-pattern.md"),
)
.needs(&[Need::Context]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(context) = &subject.context else {
        return;
    };
    for line in &context.ignore {
        let (_, problems) = Ignore::new(vec![line.clone()], Vec::new());
        for problem in problems {
            let why = problem.labels.into_iter().find_map(|it| it.text);
            let why = why.unwrap_or(problem.message);
            let message = format!("`{}` is no pattern: {why}", line.text.trim());
            let hit = Hit::maybe_at(line_place(line).as_ref(), message);
            hits.push(hit.help("the build would fail: correct the line, or delete it"));
        }
    }
    for line in dead(context) {
        let message = format!("`{}` brings nothing back", line.text.trim());
        let hit = Hit::maybe_at(line_place(line).as_ref(), message);
        hits.push(
            hit.at_most(Level::Warn).help(
                "name a path that is there and that a line above ignores, or delete the line",
            ),
        );
    }
}

/// Lines with `!` that decide about no path of the context. Folders that were not walked hold what nobody knows: where a line could
/// reach into one, it is left alone.
fn dead(context: &ContextFacts) -> Vec<&IgnoreLine> {
    let compiled = context.compiled();
    let listing = &context.listing;
    let kept = listing.entries.iter().map(|it| it.path.as_str());
    let kept = kept.chain(listing.unread.iter().map(String::as_str));
    let deciding: BTreeSet<usize> = kept
        .filter_map(|path| compiled.decide(path).line)
        .collect();
    let lines = context.ignore.iter().enumerate();
    lines
        .filter(|(at, line)| is_exception(&line.text) && !deciding.contains(at))
        .map(|(_, line)| line)
        .filter(|line| Ignore::new(vec![(*line).clone()], Vec::new()).1.is_empty())
        // Lines of patterns hold for whatever an application may have.
        .filter(|line| !line.origin.contains('@'))
        .collect()
}

fn is_exception(text: &str) -> bool {
    text.trim_start().starts_with('!') && !text.starts_with('#')
}
