//! `apt-yes`: apt asks a question that nobody answers.

use windlass_core::shell::{Action, Join, PackageCall};
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "apt-yes",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/apt-yes.md"),
)
.starred()
.aliases(&["DL3014", "DS-0021"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    if subject.dockerfile.source.text.contains("Assume-Yes") {
        return;
    }
    for found in subject.facts().packages() {
        let call = &found.call;
        let asks = matches!(
            call.action,
            Action::Install | Action::Upgrade | Action::DistUpgrade | Action::Remove
        );
        if !call.manager.is_apt() || !asks || found.simple.join == Join::Pipe || answers(call) {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&call.verb.span), "apt asks whether to go on, and nobody answers")
                .help("add -y")
                .fix(Fix::insert("add -y", call.verb.span.end, " -y")),
        );
    }
}

fn answers(call: &PackageCall<'_>) -> bool {
    call.arguments.iter().any(|it| {
        let text = it.text.as_str();
        let short = text.starts_with('-') && !text.starts_with("--");
        matches!(text, "--yes" | "--assume-yes" | "--force-yes" | "--assume-no" | "--trivial-only" | "-qq" | "--quiet=2")
            || short && (text.contains('y') || text.matches('q').count() > 1)
            || text.starts_with('-') && matches!(text, "-s" | "--dry-run" | "--simulate" | "--download-only")
            || it.variables.iter().any(|_| text.starts_with('$'))
    })
}
