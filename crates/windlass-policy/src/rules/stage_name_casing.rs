//! `stage-name-casing`: a stage name with upper-case letters.

use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "stage-name-casing",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/stage-name-casing.md"),
)
.aliases(&["DL3063", "StageNameCasing"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for name in subject.dockerfile.stages.iter().filter_map(|it| it.name.as_ref()) {
        let written = &subject.dockerfile.source.text[name.span.clone()];
        if !written.eq_ignore_ascii_case(&name.text) || written == name.text {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&name.span), format!("`{written}` is not in lower case"))
                .help(format!("write `{}`", name.text))
                .fix(Fix::replace("write it in lower case", &name.span, name.text.clone())),
        );
    }
}
