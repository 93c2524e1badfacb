//! `legacy-kv`: ENV or LABEL in the old form.

use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "legacy-kv",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/legacy-kv.md"),
)
.aliases(&["LegacyKeyValueFormat"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        let [assignment] = instruction.assignments() else { continue };
        let Some(value) = assignment.value.as_ref().filter(|_| assignment.legacy) else {
            continue;
        };
        let keyword = &instruction.keyword;
        let mut hit = Hit::at(
            subject.at(&assignment.name.span),
            format!("`{keyword} name value` is the old form, where all that follows is the value"),
        );
        let written = subject.at(&value.span);
        let plain = written.text() == value.text && !value.text.contains(['"', '\'', '\\', '`']);
        let quoted = if value.text.contains(char::is_whitespace) {
            format!("\"{}\"", value.text)
        } else {
            value.text.clone()
        };
        hit = hit.help(format!("write {keyword} {}={quoted}", assignment.name.text));
        if plain {
            let span = assignment.name.span.end..value.span.end;
            hit = hit.fix(Fix::replace("write name=value", &span, format!("={quoted}")));
        }
        hits.push(hit);
    }
}
