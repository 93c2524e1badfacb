//! `secret-value-pattern`: a text that has the form of a credential.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use super::credentials::credentials;

pub(super) const RULE: Rule = Rule::new(
    "secret-value-pattern",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/secret-value-pattern.md"),
)
.starred()
.aliases(&["CKV_SECRET"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for it in credentials(&subject.dockerfile) {
        let place = subject.at(&(it.start..it.end));
        let what = it.what;
        let hit = Hit::at(
            place,
            format!("this has the form of {what}, for everybody who can read the file"),
        );
        let hit = hit.help(
            "revoke it, and mount a secret where it is used: RUN --mount=type=secret,id=..",
        );
        // What only looks random may be something else.
        hits.push(if it.is_certain {
            hit
        } else {
            hit.at_most(Level::Warn)
        });
    }
}
