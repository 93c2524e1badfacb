//! `lock-stale`: a base image whose digest was settled long ago.

use windlass_core::finding::Level;
use windlass_core::name::Day;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "lock-stale",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/lock-stale.md"),
)
.needs(&[Need::Outside, Need::Plan])
.parameters(&[Parameter::number(
    "max-days",
    "days that a digest of the lock may be old; 90 where none is set",
)]);

const MAX_DAYS: u64 = 90;

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let Some(today) = hits.today() else {
        return;
    };
    let max = hits.parameters().number("max-days").unwrap_or(MAX_DAYS);
    for base in subject.bases() {
        let Some(locked) = subject.locked.get(&base.image.to_string()) else {
            continue;
        };
        let Ok(resolved) = Day::parse(&locked.resolved) else {
            continue;
        };
        let age = today.number() - resolved.number();
        if u64::try_from(age).is_ok_and(|age| age > max) {
            let message = format!(
                "`{}` is what it was {age} days ago, on {resolved}: patches since then are not in the image",
                base.reference
            );
            hits.push(
                Hit::at(subject.at(&base.span), message)
                    .help("`windlass lock --update` asks for its digest of today, and says which images that rebuilds"),
            );
        }
    }
}
