//! Lifecycle rules that would delete released images for their `in-` tags.
//!
//! Every image has an `in-` tag, and ECR deletes images, not tags. So a rule that reaches `in-` tags needs a `keep` above it for every
//! tag that the repository's images are released under. What rules do to a given image on a given day is for the plan to say.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Location};
use crate::manifest::model::{
    Image, LifecycleCount, LifecycleRule, LifecycleSelection, Repository,
};
use crate::name::RepositoryKey;

use super::Resolver;

impl Resolver<'_> {
    /// Reports rules that reach `in-` tags and stand above, or without, a `keep` for a tag that an image wants.
    pub(super) fn check_lifecycles(&mut self, images: &[Image], repositories: &[Repository]) {
        // Settings may come from `defaults`: one rule and one tag are reported once.
        let mut said: BTreeSet<(usize, usize, usize)> = BTreeSet::new();
        for repository in repositories {
            let Some(lifecycle) = &repository.settings.lifecycle else {
                continue;
            };
            let tags = wanted_tags(images, &repository.key);
            for (place, rule) in lifecycle.value.iter().enumerate() {
                let Some(pattern) = pattern_of_in_tags(rule) else {
                    continue;
                };
                let keeps = &lifecycle.value[..place];
                let bare = tags
                    .iter()
                    .find(|tag| !names(pattern, tag.text()) && !is_kept(keeps, tag.text()));
                let Some(tag) = bare else { continue };
                if said.insert((lifecycle.location.span.start, place, tag.span.start)) {
                    let diagnostic = deletes_released(&lifecycle.location, tag, pattern);
                    self.report(diagnostic);
                }
            }
        }
    }
}

fn wanted_tags<'a>(images: &'a [Image], key: &RepositoryKey) -> Vec<&'a Location> {
    let targets = images.iter().flat_map(|image| &image.targets);
    let tags = targets
        .filter(|target| target.key == *key)
        .flat_map(|target| &target.tags);
    tags.map(|tag| &tag.location).collect()
}

fn deletes_released(rules: &Location, tag: &Location, pattern: &str) -> Diagnostic {
    let keep = keep_for(tag.text());
    Diagnostic::error(
        Code::LifecycleDeletesReleased,
        format!("a rule for `{pattern}` would take released images"),
    )
    .at(
        rules,
        "it selects by `in-` tags, which released images have too; ECR takes the image, not the tag",
    )
    .at(tag, "no `keep` above the rule covers this tag")
    .help(format!(
        "put a `keep` above it, such as `keep count=1000 tagged=\"{keep}\"`"
    ))
}

/// Returns the pattern of a rule, where it matches `in-` tags. A `keep` for them counts superseded and released images alike.
fn pattern_of_in_tags(rule: &LifecycleRule) -> Option<&str> {
    match &rule.select {
        LifecycleSelection::Tagged(pattern) => can_match_in_tag(pattern).then_some(pattern),
        LifecycleSelection::Untagged | LifecycleSelection::Any => None,
    }
}

/// Says whether a pattern names the tags of a template itself: then whoever wrote the rule meant them.
fn names(pattern: &str, template: &str) -> bool {
    covers(pattern.as_bytes(), &pieces(template))
}

/// Says whether some `in-` tag with sixteen hexadecimal digits matches a pattern.
fn can_match_in_tag(pattern: &str) -> bool {
    fn matches(pattern: &[u8], place: usize) -> bool {
        const PREFIX: &[u8] = b"in-";
        const LENGTH: usize = 19;
        let fits = |byte: u8| match PREFIX.get(place) {
            Some(wanted) => byte == *wanted,
            None => place < LENGTH && matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        };
        match pattern.split_first() {
            None => place == LENGTH,
            Some((b'*', rest)) => (place..=LENGTH).any(|next| matches(rest, next)),
            Some((byte, rest)) => fits(*byte) && matches(rest, place + 1),
        }
    }
    matches(pattern.as_bytes(), 0)
}

/// Says whether one of the rules is a `keep` that selects every text of a tag template.
fn is_kept(rules: &[LifecycleRule], template: &str) -> bool {
    rules.iter().any(|rule| match (&rule.select, &rule.when) {
        (LifecycleSelection::Tagged(pattern), LifecycleCount::MoreThan(_)) => {
            names(pattern, template)
        }
        _ => false,
    })
}

/// A piece of a tag template: a byte that is there as it stands, or an expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Piece {
    Byte(u8),
    Hole,
}

/// Cuts a tag as written, quotes included, into its pieces.
fn pieces(written: &str) -> Vec<Piece> {
    let text = written.trim_matches(|c| matches!(c, '"' | '#'));
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("{{") {
        pieces.extend(rest[..at].bytes().map(Piece::Byte));
        pieces.push(Piece::Hole);
        rest = rest[at..].split_once("}}").map_or("", |(_, rest)| rest);
    }
    pieces.extend(rest.bytes().map(Piece::Byte));
    pieces
}

/// Says whether every text of a template matches a pattern: what an expression gives is only matched by a `*`.
fn covers(pattern: &[u8], pieces: &[Piece]) -> bool {
    match pattern.split_first() {
        None => pieces.is_empty(),
        Some((b'*', rest)) => (0..=pieces.len()).any(|at| covers(rest, &pieces[at..])),
        Some((byte, rest)) => {
            pieces.first() == Some(&Piece::Byte(*byte)) && covers(rest, &pieces[1..])
        }
    }
}

fn keep_for(written: &str) -> String {
    let mut pattern = String::new();
    for piece in pieces(written) {
        match piece {
            Piece::Byte(byte) => pattern.push(char::from(byte)),
            Piece::Hole if pattern.ends_with('*') => {}
            Piece::Hole => pattern.push('*'),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_that_match_an_in_tag_are_known() {
        for pattern in ["in-*", "*", "i*", "*-0*", "in-0123456789abcdef", "*f"] {
            assert!(can_match_in_tag(pattern), "{pattern}");
        }
        for pattern in ["v*", "in-x*", "inn*", "in-0", "*g", "main"] {
            assert!(!can_match_in_tag(pattern), "{pattern}");
        }
    }

    #[test]
    fn pattern_covers_a_template_if_stars_take_its_expressions() {
        for (pattern, written) in [
            ("v*", "\"v{{ var.version }}\""),
            ("*", "\"{{ git.branch }}\""),
            ("latest", "latest"),
            ("*-rc*", "\"v{{ a }}-rc{{ b }}\""),
        ] {
            assert!(
                covers(pattern.as_bytes(), &pieces(written)),
                "{pattern} {written}"
            );
        }
        for (pattern, written) in [
            ("v1*", "\"v{{ var.version }}\""),
            ("v*", "\"{{ var.version }}\""),
            ("latest", "late"),
        ] {
            assert!(
                !covers(pattern.as_bytes(), &pieces(written)),
                "{pattern} {written}"
            );
        }
        assert_eq!(keep_for("\"v{{ a }}{{ b }}-x\""), "v*-x");
    }
}
