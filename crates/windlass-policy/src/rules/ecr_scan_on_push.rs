//! `ecr-scan-on-push`: images that nobody looks into.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::{Fact, RepositorySubject};

pub(super) const RULE: Rule = Rule::new(
    "ecr-scan-on-push",
    Level::Warn,
    Check::Repository(check),
    include_str!("../../../../docs/rules/ecr-scan-on-push.md"),
)
.starred()
.aliases(&["CKV_AWS_163", "AWS-0030", "ECR.1"])
.needs(&[Need::Settings]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    if let Fact::Known(false, place) = &subject.scan_on_push {
        let place = place.as_ref().or(subject.place.as_ref());
        let message = format!("images of `{}` are not scanned when they are pushed", subject.key.repository);
        hits.push(Hit::maybe_at(place, message).help("write `scan-on-push`, unless the registry scans continuously"));
    }
}
