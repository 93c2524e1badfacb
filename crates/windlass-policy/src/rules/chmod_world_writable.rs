//! `chmod-world-writable`: files become writable for everybody.

use std::ops::Range;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "chmod-world-writable",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/chmod-world-writable.md"),
)
.starred()
.aliases(&["world-writable-state-path"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().calls() {
        if found.call.name != "chmod" {
            continue;
        }
        let operands = found.call.operands(&[]);
        let Some((mode, files)) = operands.split_first() else { continue };
        let sticky = files.iter().all(|it| matches!(it.text.as_str(), "/tmp" | "/var/tmp"));
        if opens(&mode.text) && !sticky {
            hits.push(report(subject, &mode.span, &mode.text));
        }
    }
    for instruction in &subject.dockerfile.instructions {
        let Some(flag) = instruction.flag("chmod").filter(|_| instruction.transfer().is_some()) else {
            continue;
        };
        if opens(&flag.value.text) {
            hits.push(report(subject, &flag.value.span, &flag.value.text));
        }
    }
}

fn report(subject: &ImageSubject, span: &Range<usize>, mode: &str) -> Hit {
    Hit::at(subject.at(span), format!("`{mode}` lets every user of the container write"))
        .help("give the files to the user that writes: chown, or COPY --chown; then 755 and 644 are enough")
}

/// Whether a mode gives others the right to write; a sticky bit makes a folder safe.
fn opens(mode: &str) -> bool {
    if mode.chars().all(|c| c.is_digit(8)) {
        let sticky = mode.len() == 4 && matches!(mode.as_bytes()[0], b'1' | b'3' | b'5' | b'7');
        let others = mode.chars().last().and_then(|c| c.to_digit(8)).unwrap_or(0);
        return mode.len() >= 3 && others & 2 != 0 && !sticky;
    }
    mode.split(',').any(|part| {
        let at = part.find(['+', '=']);
        at.is_some_and(|at| {
            let who = &part[..at];
            let rights = &part[at + 1..];
            rights.contains('w') && !rights.contains('t') && (who.contains('o') || who.contains('a'))
        })
    })
}
