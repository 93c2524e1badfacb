//! `secret-value-pattern`: a text that has the form of a credential.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "secret-value-pattern",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/secret-value-pattern.md"),
)
.starred()
.aliases(&["CKV_SECRET"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let text = &subject.dockerfile.source.text;
    for (start, end, what) in credentials(text) {
        let place = subject.at(&(start..end));
        hits.push(
            Hit::at(place, format!("this has the form of {what}, for everybody who can read the file"))
                .help("revoke it, and mount a secret where it is used: RUN --mount=type=secret,id=.."),
        );
    }
}

/// Forms that are credentials and nothing else: a beginning, and how many letters and digits follow at least.
const FORMS: [(&str, usize, &str); 13] = [
    ("AKIA", 16, "an AWS access key id"),
    ("ASIA", 16, "an AWS access key id"),
    ("ghp_", 36, "a GitHub token"),
    ("gho_", 36, "a GitHub token"),
    ("ghs_", 36, "a GitHub token"),
    ("github_pat_", 40, "a GitHub token"),
    ("glpat-", 20, "a GitLab token"),
    ("npm_", 36, "an npm token"),
    ("xoxb-", 24, "a Slack token"),
    ("xoxp-", 24, "a Slack token"),
    ("sk_live_", 24, "a Stripe key"),
    ("AIza", 35, "a Google API key"),
    ("pypi-AgEIcHlwaS5vcmc", 50, "a PyPI token"),
];

/// Returns the places of credentials with what they are.
fn credentials(text: &str) -> Vec<(usize, usize, &'static str)> {
    let mut found = Vec::new();
    for (beginning, length, what) in FORMS {
        for (start, _) in text.match_indices(beginning) {
            let before = text[..start].chars().next_back();
            let rest = &text[start + beginning.len()..];
            let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
            let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
            let exact = !matches!(beginning, "AKIA" | "ASIA") || end == length && rest[..end].chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
            let example = rest[..end].contains("EXAMPLE");
            if end >= length && exact && !example && !before.is_some_and(word) {
                found.push((start, start + beginning.len() + end, what));
            }
        }
    }
    for (start, begin) in text.match_indices("-----BEGIN ") {
        let line = text[start..].lines().next().unwrap_or(begin);
        if line.contains("PRIVATE KEY-----") {
            found.push((start, start + line.trim_end().len(), "a private key"));
        }
    }
    found.sort_unstable();
    found
}
