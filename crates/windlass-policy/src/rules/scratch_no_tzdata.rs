//! `scratch-no-tzdata`: an image from scratch has no time zones.

use windlass_core::finding::Level;

use crate::hit::Hits;
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

use super::scratch::{Lack, report_lack};

pub(super) const RULE: Rule = Rule::new(
    "scratch-no-tzdata",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/scratch-no-tzdata.md"),
)
.starred()
.needs(&[Need::Stages]);

const LACK: Lack = Lack {
    brings: &["zoneinfo", "tzdata", "/usr/share"],
    message: "no time zones: only UTC is known",
    help: "copy them: COPY --from=build /usr/share/zoneinfo /usr/share/zoneinfo",
};

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    report_lack(subject, hits, &LACK, is_settled);
}

/// Whether no zone is asked for, or the program holds them itself (a tag of Go).
fn is_settled(text: &str) -> bool {
    text.contains("timetzdata") || !text.contains("TZ")
}
