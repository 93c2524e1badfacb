//! `npm-install-not-ci`: npm install where npm ci would keep to the lock file.

use windlass_core::shell::{Action, Manager};

use crate::facts::ScriptAt;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "npm-install-not-ci",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/npm-install-not-ci.md"),
)
.starred()
.needs(&[Need::Shell, Need::Context]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().packages() {
        let call = &found.call;
        if call.manager != Manager::Npm
            || call.action != Action::Install
            || !call.packages.is_empty()
            || call.has_flag(&["-g", "--global", "--package-lock-only", "--no-package-lock", "--no-save"])
            || !has_lock(subject, found.at)
        {
            continue;
        }
        let verb = call.verb;
        hits.push(
            Hit::at(subject.at(&verb.span), "the lock file is only a hint here, and may be rewritten")
                .help("write npm ci: it installs what package-lock.json says, or fails")
                .fix(Fix::replace("write npm ci", &verb.span, "ci")),
        );
    }
}

/// Whether package-lock.json was copied before, by name or with a wildcard; what else is copied is not known.
fn has_lock(subject: &ImageSubject, at: &ScriptAt) -> bool {
    let dockerfile = &subject.dockerfile;
    let history = subject.facts().history(dockerfile, at.stage);
    let before = history.into_iter().filter(|it| *it < at.instruction);
    let mut sources = before
        .filter_map(|it| dockerfile.instructions[it].transfer())
        .flat_map(|it| &it.sources);
    let named = |text: &str| {
        let file = text.rsplit('/').next().unwrap_or(text);
        matches!(file, "package-lock.json" | "npm-shrinkwrap.json" | "package*.json" | "package-*.json")
    };
    let listed = subject.context.as_ref().is_some_and(|it| {
        it.listing.entries.iter().any(|it| it.path == "package-lock.json")
    });
    sources.any(|it| named(&it.text) || listed && matches!(it.text.as_str(), "." | "./"))
}
