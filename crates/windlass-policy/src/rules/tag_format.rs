//! `tag-format`: a wanted tag that has none of the forms that a pack asks for.

use windlass_core::finding::Level;

use crate::glob;
use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Rule};
use crate::subject::RepositorySubject;

pub(super) const RULE: Rule = Rule::new(
    "tag-format",
    Level::Off,
    Check::Repository(check),
    include_str!("../../../../docs/rules/tag-format.md"),
)
.needs(&[Need::Manifest])
.parameters(&[Parameter::texts("format", "`semver`, `sha`, or a glob; `set` it several times for several")]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    let formats = hits.parameters().texts("format");
    if formats.is_empty() {
        return;
    }
    for (image, tag) in &subject.wanted_tags {
        if !formats.iter().any(|format| fits(format, &tag.tag)) {
            let message = format!("tag `{}` of {image} is not of the form {}", tag.tag, formats.join(" or "));
            hits.push(Hit::maybe_at(tag.place.as_ref(), message).help("tags are given by `tag` of the image"));
        }
    }
}

/// `semver` (with or without `v`), `sha` (7 to 64 hex digits), or a glob.
fn fits(format: &str, tag: &str) -> bool {
    match format {
        "semver" => {
            let bare = tag.strip_prefix('v').unwrap_or(tag);
            let core = bare.split(['-', '+']).next().unwrap_or_default();
            let numbers: Vec<&str> = core.split('.').collect();
            numbers.len() == 3 && numbers.iter().all(|it| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit()))
        }
        "sha" => (7..=64).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_hexdigit()),
        pattern => glob::matches(pattern, tag),
    }
}
