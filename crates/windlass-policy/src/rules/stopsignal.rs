//! `stopsignal`: a signal that no program can handle.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "stopsignal",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/stopsignal.md"),
)
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for stage in &subject.facts().graph.stages {
        let Some(signal) = stage.end.stop_signal.placed() else { continue };
        let name = signal.value.text.trim_start_matches("SIG");
        if matches!(name, "KILL" | "9" | "STOP" | "19") {
            let hit = Hit::at(subject.at(&signal.span), "no program can handle this signal: nothing is closed properly")
                .help("write SIGTERM, or the signal that the program documents");
            if !hits.contains(&hit) {
                hits.push(hit);
            }
        }
    }
}
