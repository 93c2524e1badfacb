//! `user-root-final`: the image runs as root.

use windlass_core::dockerfile::graph::{Setting, StageBase};

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "user-root-final",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/user-root-final.md"),
)
.starred()
.aliases(&["DL3002", "CKV_DOCKER_3", "CKV_DOCKER_8", "DS-0002", "CIS-DI-0001", "last_user_is_root", "missing_user_instruction"])
.needs(&[Need::Stages, Need::Outside]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let (Some(target), Some(end)) = (facts.graph.target, facts.end()) else {
        return;
    };
    if facts.leaves_root(subject) {
        return;
    }
    let stage = &subject.dockerfile.stages[target];
    let from = subject.at(&stage.base.span);
    let help = "add a user and switch to it: USER 10001:10001";
    // Files on `scratch` that nothing starts are data, such as the base of another image.
    let starts_nothing =
        matches!(end.entrypoint, Setting::Unset) && matches!(end.cmd, Setting::Unset);
    let is_scratch = facts.is_on_scratch(subject);
    match &end.user {
        Setting::Unset if is_scratch && starts_nothing => {}
        Setting::Unset => {
            let what = match facts.graph.root(target) {
                StageBase::Scratch => "`scratch` has no user",
                _ => "the user of the base image is root",
            };
            hits.push(Hit::at(from, format!("the image runs as root: {what}, and no USER follows")).help(help));
        }
        Setting::Base(user) if is_root(&user.text) => {
            hits.push(
                Hit::at(from, "the image runs as root: the user of the base image is root, and no USER follows")
                    .help(help),
            );
        }
        Setting::Set(user) if user.value.is_fixed() && is_root(&user.value.text) => {
            let shown = &user.value.text;
            let message = if subject.dockerfile.source.text[user.span.clone()].contains('$') {
                format!("the image runs as root: USER is `{shown}` after arguments are put in")
            } else {
                "the image runs as root: this is its last USER".to_owned()
            };
            hits.push(
                Hit::at(subject.at(&user.span), message)
                    .label(from, "the final image starts here")
                    .help("switch back to a user without rights after the steps that need root: USER 10001:10001"),
            );
        }
        Setting::Unknown if matches!(facts.graph.root(target), StageBase::Image(_)) => {
            hits.push(
                Hit::at(from, "no USER is set, and the user of the base image is not known")
                    .help("end with USER 10001:10001, or let `windlass lock` read the base image")
                    .at_most(Level::Info),
            );
        }
        // An argument decides, or a user without rights is set.
        _ => {}
    }
}

/// Whether a USER is root, by name or number, whatever group it names.
fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default().trim();
    name.is_empty() || name == "root" || !name.is_empty() && name.chars().all(|c| c == '0')
}
