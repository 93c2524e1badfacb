//! `image-size-budget`: an image that is larger than agreed, or grew by more.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Read, Rule};
use crate::subject::{Fact, RepositorySubject, TagFacts};

use super::settings::UNKNOWN_HELP;

pub(super) const RULE: Rule = Rule::new(
    "image-size-budget",
    Level::Warn,
    Check::Repository(check),
    include_str!("../../../../docs/rules/image-size-budget.md"),
)
.starred()
.needs(&[Need::Settings, Need::Plan])
.reads(&[Read::Sizes])
.parameters(&[
    Parameter::number("max-mb", "megabytes that an image may have in ECR, compressed; 1,000 where none is set"),
    Parameter::number("max-growth", "percent that it may be larger than the image that the tag held; 50 where none is set"),
]);

const MAX_MB: u64 = 1_000;
const MAX_GROWTH: u64 = 50;
/// An image of a few megabytes may double without anybody being hurt.
const GROWTH_MATTERS: u64 = 20_000_000;

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    for (image, tag) in &subject.wanted_tags {
        let Some(held) = &tag.held else {
            continue;
        };
        match &held.bytes {
            Fact::Known(bytes, _) => {
                judge(image, tag, *bytes, hits);
                grown(image, tag, (*bytes, &held.bytes_before), hits);
            }
            Fact::Unknown(why) => unknown(image, tag, why, hits),
            Fact::Unmanaged => {}
        }
    }
}

fn judge(image: &str, tag: &TagFacts, bytes: u64, hits: &mut Hits<'_>) {
    let max = hits.parameters().number("max-mb").unwrap_or(MAX_MB);
    if bytes > max.saturating_mul(1_000_000) {
        let message = format!(
            "the image of {image} under `{}` has {}; {max} MB are agreed",
            tag.tag,
            megabytes(bytes)
        );
        let help = "`windlass context` says what the build copies; a slim base and a stage that only copies results make it smaller";
        hits.push(Hit::maybe_at(tag.place.as_ref(), message).help(help));
    }
}

fn grown(image: &str, tag: &TagFacts, (bytes, before): (u64, &Fact<u64>), hits: &mut Hits<'_>) {
    let before = match before {
        Fact::Known(before, _) => *before,
        Fact::Unknown(why) => return unknown(image, tag, why, hits),
        Fact::Unmanaged => return,
    };
    let max = hits.parameters().number("max-growth").unwrap_or(MAX_GROWTH);
    let limit = u128::from(before) * u128::from(100 + max.min(1_000_000)) / 100;
    if u128::from(bytes) > limit && bytes.saturating_sub(before) > GROWTH_MATTERS {
        let message = format!(
            "the image of {image} under `{}` grows from {} to {}; {max} percent are agreed",
            tag.tag,
            megabytes(before),
            megabytes(bytes)
        );
        hits.push(Hit::maybe_at(tag.place.as_ref(), message).help("look at what its build copies and installs now"));
    }
}

fn unknown(image: &str, tag: &TagFacts, why: &str, hits: &mut Hits<'_>) {
    let message = format!("the size of the image of {image} under `{}` is not known: {why}", tag.tag);
    hits.push(Hit::maybe_at(tag.place.as_ref(), message).help(UNKNOWN_HELP).unknown());
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}
