//! `useradd-high-uid-no-l`: useradd with a high number writes a huge log file.

use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "useradd-high-uid-no-l",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/useradd-high-uid-no-l.md"),
)
.aliases(&["DL3046"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().calls() {
        let call = &found.call;
        if call.name != "useradd" || call.has_flag(&["-l", "--no-log-init"]) {
            continue;
        }
        let number = call.flag_value(&["-u", "--uid"]).and_then(|it| it.parse::<u64>().ok());
        if number.is_none_or(|it| it < 100_000) {
            continue;
        }
        let span = &call.word.span;
        hits.push(
            Hit::at(subject.at(span), "a high number makes useradd write a huge sparse file: /var/log/lastlog")
                .help("add --no-log-init")
                .fix(Fix::insert("add --no-log-init", span.end, " --no-log-init")),
        );
    }
}
