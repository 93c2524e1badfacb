//! `pipefail`: a pipeline hides that its first part failed.

use windlass_core::shell::{Simple, Within};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "pipefail",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/pipefail.md"),
)
.starred()
.aliases(&["DL4006"])
.needs(&[Need::Stages, Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for at in subject.facts().runs() {
        let interpreter = &at.script.interpreter;
        if !interpreter.posix || !interpreter.known && !interpreter.name.is_empty() && is_windows(subject) {
            continue;
        }
        for pipe in at.script.pipes.iter().filter(|it| !it.pipefail) {
            let parts = &pipe.parts[..pipe.parts.len() - 1];
            let matters = parts.iter().any(|part| part.iter().any(|&it| can_fail(&at.script.commands[it])));
            let asked = pipe.parts.iter().flatten().next().is_some_and(|&it| {
                at.script.commands[it].within.contains(&Within::Condition)
            });
            if !matters || asked {
                continue;
            }
            hits.push(
                Hit::at(subject.at(&pipe.operators[0]), "what fails before the last `|` goes unnoticed")
                    .help(advice(&interpreter.name)),
            );
        }
    }
}

fn advice(shell: &str) -> String {
    match shell {
        "bash" => "begin the step with: set -o pipefail;".to_owned(),
        _ => "write before the step: SHELL [\"/bin/bash\", \"-o\", \"pipefail\", \"-c\"] (in Alpine /bin/ash)".to_owned(),
    }
}

/// Commands that only print do not fail.
fn can_fail(simple: &Simple) -> bool {
    simple
        .call()
        .is_some_and(|it| !matches!(it.name, "echo" | "printf" | "yes" | "true" | ":" | "[" | "set"))
}

fn is_windows(subject: &ImageSubject) -> bool {
    subject.dockerfile.escape == '`'
}
