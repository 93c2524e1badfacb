//! `ecr-scan-on-push`: images that nobody looks into.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Read, Rule};
use crate::subject::{Fact, RepositorySubject};

use super::settings::known;

pub(super) const RULE: Rule = Rule::new(
    "ecr-scan-on-push",
    Level::Warn,
    Check::Repository(check),
    include_str!("../../../../docs/rules/ecr-scan-on-push.md"),
)
.starred()
.aliases(&["CKV_AWS_163", "AWS-0030", "ECR.1"])
.needs(&[Need::Settings])
.asks(&[Read::Scanning]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    if let Some((false, place)) = known(&subject.scan_on_push, "scan on push", subject, hits) {
        let unread = match &subject.registry_scans {
            Fact::Known(true, _) => return,
            Fact::Known(false, _) | Fact::Unmanaged => String::new(),
            Fact::Unknown(why) => {
                format!(", and whether the registry scans them is not known: {why}")
            }
        };
        let name = &subject.key.repository;
        let message = format!("images of `{name}` are not scanned when they are pushed{unread}");
        hits.push(Hit::maybe_at(place, message).help("write `scan-on-push`, or let the registry scan it"));
    }
}
