//! `user-nonnumeric`: USER is a name.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "user-nonnumeric",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/user-nonnumeric.md"),
)
.aliases(&["DL3066"])
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(user) = subject.facts().end().and_then(|it| it.user.placed()) else {
        return;
    };
    let name = user.value.text.split(':').next().unwrap_or_default();
    if !user.value.is_fixed() || name.is_empty() || name.chars().all(|c| c.is_ascii_digit()) {
        return;
    }
    hits.push(
        Hit::at(subject.at(&user.span), format!("`{name}` cannot be proven not to be root"))
            .help("write the number: USER 10001:10001"),
    );
}
