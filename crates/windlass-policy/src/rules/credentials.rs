//! Texts that have the form of a credential: told by how they begin, by their parts, or by looking like nothing that people write.

use windlass_core::dockerfile::{Dockerfile, Instruction};

/// A credential in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Credential {
    /// First byte.
    pub(crate) start: usize,
    /// First byte behind it.
    pub(crate) end: usize,
    /// What it is, with its article.
    pub(crate) what: &'static str,
    /// Whether it can be nothing else.
    pub(crate) is_certain: bool,
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

/// Returns the credentials of a Dockerfile, sorted.
pub(crate) fn credentials(dockerfile: &Dockerfile) -> Vec<Credential> {
    let text = &dockerfile.source.text;
    let mut found = by_beginning(text);
    found.extend(private_keys(text));
    found.extend(web_tokens(text));
    let certain = found.clone();
    let random = random_values(dockerfile).filter(|it| {
        let overlaps = |other: &Credential| it.start < other.end && other.start < it.end;
        !certain.iter().any(overlaps)
    });
    found.extend(random);
    found.sort_unstable();
    found
}

fn by_beginning(text: &str) -> Vec<Credential> {
    let mut found = Vec::new();
    for (beginning, length, what) in FORMS {
        for (start, _) in text.match_indices(beginning) {
            let before = text[..start].chars().next_back();
            let rest = &text[start + beginning.len()..];
            let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            let upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
            let exact = !matches!(beginning, "AKIA" | "ASIA")
                || end == length && rest[..end].chars().all(upper);
            let example = rest[..end].contains("EXAMPLE");
            if end >= length && exact && !example && !before.is_some_and(is_word) {
                let end = start + beginning.len() + end;
                found.push(certain(start, end, what));
            }
        }
    }
    found
}

fn private_keys(text: &str) -> impl Iterator<Item = Credential> {
    text.match_indices("-----BEGIN ")
        .filter_map(|(start, begin)| {
            let line = text[start..].lines().next().unwrap_or(begin);
            let end = start + line.trim_end().len();
            line.contains("PRIVATE KEY-----")
                .then(|| certain(start, end, "a private key"))
        })
}

/// JSON web tokens: two objects in base64 and a signature, joined by points (RFC 7519). `eyJ` is `{"` in base64.
fn web_tokens(text: &str) -> impl Iterator<Item = Credential> {
    text.match_indices("eyJ").filter_map(|(start, _)| {
        let before = text[..start].chars().next_back();
        let rest = &text[start..];
        let end = rest
            .find(|c| !(is_word(c) || c == '.'))
            .unwrap_or(rest.len());
        let parts: Vec<&str> = rest[..end].split('.').collect();
        let [header, claims, signature] = parts[..] else {
            return None;
        };
        let good = header.len() >= 16
            && claims.starts_with("eyJ")
            && claims.len() >= 8
            && signature.len() >= 16
            && !before.is_some_and(|c| is_word(c) || c == '.');
        good.then(|| certain(start, start + end, "a JSON web token"))
    })
}

/// Values of ARG and ENV that look drawn by lot: long, of all kinds of characters, none of them often.
fn random_values(dockerfile: &Dockerfile) -> impl Iterator<Item = Credential> + '_ {
    let declared = dockerfile
        .instructions
        .iter()
        .filter(|it| matches!(it.keyword.as_str(), "ARG" | "ENV"));
    declared
        .flat_map(Instruction::assignments)
        .filter_map(|assignment| {
            let value = assignment.value.as_ref()?;
            let text = value.text.trim_matches(['"', '\'']);
            let random = is_random(text) && !names_a_sum(&assignment.name.text);
            random.then_some(Credential {
                start: value.span.start,
                end: value.span.end,
                what: "a random key",
                is_certain: false,
            })
        })
}

/// The least length of a value that can be told from a word.
const LEAST: usize = 28;
/// Bits a character of a text drawn from the letters and digits: the longer it is, the nearer to 6.
const BITS: f64 = 4.0;

fn is_random(text: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-');
    let has = |kind: fn(&char) -> bool| text.chars().filter(kind).count() >= 3;
    // A path and a chain of words have parts that are words.
    let longest = text.split(['/', '-', '_', '=']).map(str::len).max();
    text.len() >= LEAST
        && text.chars().all(allowed)
        && longest.is_some_and(|it| it >= LEAST / 2)
        && has(char::is_ascii_uppercase)
        && has(char::is_ascii_lowercase)
        && has(char::is_ascii_digit)
        && digit_runs(text) >= 3
        && entropy(text) >= BITS
}

/// In how many places digits stand: people write them together, at an end.
fn digit_runs(text: &str) -> usize {
    let runs = text.split(|c: char| !c.is_ascii_digit());
    runs.filter(|it| !it.is_empty()).count()
}

/// Shannon's entropy in bits a character.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    let used = counts.iter().filter(|count| **count > 0);
    used.map(|count| {
        let share = f64::from(*count) / length;
        -share * share.log2()
    })
    .sum()
}

/// Sums and public keys are as random as secrets, and none.
fn names_a_sum(name: &str) -> bool {
    const WORDS: [&str; 12] = [
        "sha",
        "sum",
        "checksum",
        "digest",
        "hash",
        "integrity",
        "signature",
        "sig",
        "public",
        "pub",
        "fingerprint",
        "commit",
    ];
    let name = name.to_ascii_lowercase();
    name.split('_').any(|part| {
        WORDS
            .iter()
            .any(|word| part.trim_end_matches(|c: char| c.is_ascii_digit()) == *word)
    })
}

fn certain(start: usize, end: usize, what: &'static str) -> Credential {
    Credential {
        start,
        end,
        what,
        is_certain: true,
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_drawn_by_lot_are_told_from_what_people_write() {
        for random in [
            "wJalrXUtnFEMI7K7MDENGbPxRfiCY0q3zKEY12",
            "dGhpc0lzN0FTZWNyZXQwMTIzNDU2Nzg5QWJj",
            "x9Kf2LpQ7vRt4ZsW1mNb8HcJ6yDg",
        ] {
            assert!(is_random(random), "{random}");
        }
        for plain in [
            "/usr/local/share/ca-certificates/Internal-CA-2024.crt",
            "com.example.service.ProductionConfiguration2024",
            "0123456789abcdef0123456789abcdef01234567",
            "https://example.com/Downloads/Package-1.2.3-Linux-x86_64.tar.gz",
            "JAVA_TOOL_OPTIONS-XX-UseContainerSupport123",
            "linux-x64-musl-v24.11.0-LTS-Krypton-Release",
            "ThisIsAVeryLongConfigurationNameWithDigits123",
        ] {
            assert!(!is_random(plain), "{plain}");
        }
    }
}
