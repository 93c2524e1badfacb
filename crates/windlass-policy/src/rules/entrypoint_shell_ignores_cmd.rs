//! `entrypoint-shell-ignores-cmd`: a shell-form ENTRYPOINT ignores CMD.

use windlass_core::dockerfile::graph::{Process, Setting};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "entrypoint-shell-ignores-cmd",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/entrypoint-shell-ignores-cmd.md"),
)
.starred()
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(end) = subject.facts().end() else { return };
    let (Setting::Set(entrypoint), Setting::Set(cmd)) = (&end.entrypoint, &end.cmd) else {
        return;
    };
    if matches!(entrypoint.value, Process::Shell(_)) {
        hits.push(
            Hit::at(subject.at(&cmd.span), "the shell form of ENTRYPOINT takes no arguments, so CMD is never used")
                .label(subject.at(&entrypoint.span), "the shell form")
                .help("write ENTRYPOINT in the exec form: ENTRYPOINT [\"...\"]"),
        );
    }
}
