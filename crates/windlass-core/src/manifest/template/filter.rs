//! The filters of expressions: a closed list.

use minijinja::{Environment, Error, ErrorKind, filters};

/// All filters, sorted.
pub(super) const FILTERS: &[&str] = &[
    "default", "join", "lower", "major", "minor", "replace", "slug", "trim", "upper",
];

/// Adds every filter of [`FILTERS`] to an empty environment.
pub(super) fn add_filters(environment: &mut Environment<'static>) {
    environment.add_filter("default", filters::default);
    environment.add_filter("join", filters::join);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("replace", filters::replace);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("slug", |text: String| slug(&text));
    environment.add_filter("major", |text: String| version_part(&text, 1));
    environment.add_filter("minor", |text: String| version_part(&text, 2));
}

/// Makes a tag or name of any text: lower-case letters and digits, `-` for the rest, at most 63 characters.
fn slug(text: &str) -> String {
    let mut slug = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    slug.truncate(63);
    slug.trim_end_matches('-').to_owned()
}

/// Returns the first `count` numbers of a version: `1` or `1.2` of `v1.2.3`, with its `v` if it has one.
fn version_part(text: &str, count: usize) -> Result<String, Error> {
    let numbers = text.strip_prefix('v').unwrap_or(text);
    let prefix = &text[..text.len() - numbers.len()];
    let core = numbers.split(['-', '+']).next().unwrap_or_default();
    let parts: Vec<&str> = core.split('.').take(count).collect();
    let good = |it: &&str| !it.is_empty() && it.bytes().all(|b| b.is_ascii_digit());
    if parts.len() == count && parts.iter().all(good) {
        return Ok(format!("{prefix}{}", parts.join(".")));
    }
    let message = "`major` and `minor` take a version such as `v1.2.3`";
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_tags() {
        assert_eq!(slug("Feature/ABC  def_"), "feature-abc-def");
        assert_eq!(slug("--"), "");
    }

    #[test]
    fn versions_are_cut_and_other_texts_refused() {
        assert_eq!(version_part("v1.2.3-rc.1", 2).expect("a version"), "v1.2");
        assert_eq!(version_part("10.2.3", 1).expect("a version"), "10");
        assert!(version_part("main", 1).is_err());
    }
}
