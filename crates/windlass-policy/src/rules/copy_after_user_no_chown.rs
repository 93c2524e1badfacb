//! `copy-after-user-no-chown`: files are copied for root after USER switched.

use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "copy-after-user-no-chown",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/copy-after-user-no-chown.md"),
)
.starred()
.aliases(&["copy-after-user-without-chown"])
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for (index, instruction) in subject.dockerfile.instructions.iter().enumerate() {
        if instruction.transfer().is_none()
            || instruction.flag("chown").is_some()
            || instruction.flag("chmod").is_some()
        {
            continue;
        }
        let Some(user) = facts.before(&subject.dockerfile, index).and_then(|it| it.user.placed()) else {
            continue;
        };
        let text = user.value.text.as_str();
        if !user.value.is_fixed() || matches!(text.split(':').next(), Some("" | "0" | "root")) {
            continue;
        }
        let Some(transfer) = instruction.transfer() else { continue };
        let at = transfer.sources[0].span.start - usize::from(transfer.json);
        let span = instruction.keyword_span.clone();
        let mut hit = Hit::at(
            subject.at(&span),
            format!("the files belong to root, though USER is `{text}`"),
        )
        .label(subject.at(&user.span), "USER set here")
        .help(format!(
            "write {} --chown={text} if the program writes to them; else --chown=0:0 says that it is meant",
            instruction.keyword
        ));
        if !transfer.json {
            hit = hit.fix(Fix::insert("add --chown", at, format!("--chown={text} ")));
        }
        hits.push(hit);
    }
}
