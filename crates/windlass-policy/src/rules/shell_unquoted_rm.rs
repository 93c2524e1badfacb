//! `shell-unquoted-rm`: rm of a path with a variable that may be empty or have blanks.

use crate::facts::CallAt;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "shell-unquoted-rm",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/shell-unquoted-rm.md"),
)
.aliases(&["SC2086", "SC2115"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().calls() {
        let recursive = found.call.has_flag(&["-r", "-R", "--recursive"]);
        if found.call.name != "rm" || !recursive {
            continue;
        }
        for word in found.call.operands(&[]) {
            let Some(used) = word.variables.first() else { continue };
            let rooted = word.text.starts_with('$') && word.text.contains('/') && !used.operator;
            if rooted && is_open(subject, &found, &used.name) {
                hits.push(
                    Hit::at(subject.at(&word.span), format!("without a value of `{}` this is a path at the root", used.name))
                        .help(format!("write ${{{}:?}}, which stops where it is empty", used.name)),
                );
            }
        }
    }
}

/// Whether nothing of the Dockerfile or of the step gives the variable a value.
fn is_open(subject: &ImageSubject, found: &CallAt<'_>, name: &str) -> bool {
    let state = subject.facts().before(&subject.dockerfile, found.at.instruction);
    let set = state.is_some_and(|it| {
        let value = it.variables.get(name).and_then(|it| it.value.as_ref());
        value.is_some_and(|it| !it.text.is_empty())
    });
    let here = found.at.script.commands.iter().any(|it| it.assignments.iter().any(|it| it.name == name));
    let known = matches!(name, "HOME" | "PWD" | "TMPDIR");
    !set && !here && !known && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
