//! `json-cmd`: CMD or ENTRYPOINT in shell form.

use windlass_core::dockerfile::Form;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "json-cmd",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/json-cmd.md"),
)
.starred()
.aliases(&["DL3025", "JSONArgsRecommended"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for (index, instruction) in subject.dockerfile.instructions.iter().enumerate() {
        if !matches!(instruction.keyword.as_str(), "CMD" | "ENTRYPOINT") {
            continue;
        }
        let Some(command) = instruction.command().filter(|it| it.form == Form::Shell) else {
            continue;
        };
        let own_shell = subject
            .facts()
            .before(&subject.dockerfile, index)
            .is_some_and(|it| it.shell.placed().is_some());
        let text = command.text.text.trim();
        // A SHELL of the Dockerfile, and `exec`, which makes the program the first process, are decisions.
        if text.is_empty() || own_shell || text.starts_with("exec ") {
            continue;
        }
        let mut hit = Hit::at(
            subject.at(&command.text.span),
            "a shell is the first process, and passes no signal on",
        );
        match words(subject, index) {
            Some(words) => {
                let json = serde_json::to_string(&words).unwrap_or_default().replace("\",\"", "\", \"");
                hit = hit
                    .help(format!("write {} {json}", instruction.keyword))
                    .fix(Fix::replace("write the exec form", &command.text.span, json));
            }
            None => hit = hit.help("write the exec form; where a shell is needed: [\"sh\", \"-c\", \"exec ...\"]"),
        }
        hits.push(hit);
    }
}

/// Returns the words of a command that needs no shell.
fn words(subject: &ImageSubject, instruction: usize) -> Option<Vec<&str>> {
    let mut scripts = subject.facts().scripts.iter();
    let script = &scripts.find(|it| it.instruction == instruction)?.script;
    let [simple] = script.commands.as_slice() else { return None };
    let builtin = |it: &str| matches!(it, "exec" | "cd" | "export" | "set" | "source" | "." | "eval" | "ulimit");
    let plain = script.complete
        && simple.assignments.is_empty()
        && simple.redirects.is_empty()
        && simple.within.is_empty()
        && simple.words.iter().all(|it| it.is_fixed() && (it.quoted || !it.text.contains(['*', '?', '~', '[', '{'])))
        && simple.words.first().is_some_and(|it| !builtin(&it.text));
    plain.then(|| simple.words.iter().map(|it| it.text.as_str()).collect())
}
