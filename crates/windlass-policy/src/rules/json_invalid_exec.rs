//! `json-invalid-exec`: what looks like the exec form is no JSON.

use windlass_core::dockerfile::Form;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "json-invalid-exec",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/json-invalid-exec.md"),
)
.starred()
.aliases(&["JSONArgsRecommended", "no-invalid-json-form"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        let Some(command) = instruction.command().filter(|it| it.form == Form::Broken) else {
            continue;
        };
        let text = command.text.text.trim();
        // `[ -f x ] && y` and `[[ .. ]]` are what they look like.
        if !text.ends_with(']') || text.starts_with("[ ") && text.contains(" -") || text.starts_with("[[") {
            continue;
        }
        let mut hit = Hit::at(subject.at(&command.text.span), "this is no JSON, so a shell is handed all of it")
            .help("use double quotes, and a comma between the elements");
        if let Some(json) = mended(text) {
            hit = hit.fix(Fix::replace("write it as JSON", &command.text.span, json));
        }
        hits.push(hit);
    }
}

/// Returns the array with double quotes, where single ones are all that is wrong.
fn mended(text: &str) -> Option<String> {
    if text.contains(['"', '\\', '\n']) {
        return None;
    }
    let json = text.replace('\'', "\"");
    let json = json.strip_suffix(']')?.trim_end().trim_end_matches(',').to_owned() + "]";
    serde_json::from_str::<Vec<String>>(&json).ok().map(|_| json)
}
