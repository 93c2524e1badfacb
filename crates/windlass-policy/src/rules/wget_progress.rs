//! `wget-progress`: wget fills the log with its progress.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "wget-progress",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/wget-progress.md"),
)
.aliases(&["DL3047"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().calls() {
        let call = &found.call;
        let busybox = subject.facts().root_image(found.at.stage).is_some_and(|it| it.path.ends_with("/alpine"));
        let quiet = ["-q", "--quiet", "-nv", "--no-verbose", "--progress", "-o", "--output-file", "-a", "--append-output"];
        if call.name != "wget" || busybox || call.has_flag(&quiet) {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&call.word.span), "the progress of wget fills the log")
                .help("add --progress=dot:giga, or -nv"),
        );
    }
}
