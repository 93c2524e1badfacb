//! `setuid-added`: a program gets the setuid or setgid bit.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "setuid-added",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/setuid-added.md"),
)
.aliases(&["CIS-DI-0008"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().calls() {
        if found.call.name != "chmod" {
            continue;
        }
        let operands = found.call.operands(&[]);
        let Some(mode) = operands.first() else { continue };
        if sets(&mode.text) {
            let message = format!("`{}` lets whoever starts it become somebody else", mode.text);
            hits.push(
                Hit::at(subject.at(&mode.span), message)
                    .help("run the program as the user it needs, or give it a capability with setcap"),
            );
        }
    }
}

fn sets(mode: &str) -> bool {
    if mode.chars().all(|c| c.is_digit(8)) {
        return mode.len() == 4 && matches!(mode.as_bytes()[0], b'2' | b'4' | b'6' | b'3' | b'5' | b'7');
    }
    mode.split(',').any(|part| {
        let at = part.find(['+', '=']);
        at.is_some_and(|at| part[at..].contains('s'))
    })
}
