//! What looks like a secret: names that announce one, and values that have the shape of a credential.
//!
//! One word list for the whole of windlass. A value that looks like a credential is never echoed.

use std::ops::Range;

/// Words that announce a secret when they stand alone between `_`, `-` or `.`.
const WORDS: &[&str] = &[
    "token",
    "tokens",
    "secret",
    "secrets",
    "password",
    "passwd",
    "passphrase",
    "credential",
    "credentials",
    "apikey",
    "pat",
];

/// Pairs of words that announce a secret together.
const PAIRS: &[(&str, &str)] = &[("api", "key"), ("private", "key"), ("access", "key")];

/// Last words that say that the value only describes a secret: `TOKEN_FILE`, `SECRET_NAME`.
const HARMLESS_ENDINGS: &[&str] = &[
    "file", "name", "dir", "path", "mode", "url", "uri", "id", "ttl", "length", "type", "endpoint",
];

/// Says whether a build arg or environment variable of this name holds a secret: `NPM_TOKEN` does, `TOKENIZER`, `PUBLIC_KEY`
/// and `TOKEN_FILE` do not.
pub fn is_secret_name(name: &str) -> bool {
    let lower = name.to_lowercase();
    let words: Vec<&str> = lower
        .split(['_', '-', '.'])
        .filter(|it| !it.is_empty())
        .collect();
    if words
        .last()
        .is_some_and(|last| HARMLESS_ENDINGS.contains(last))
    {
        return false;
    }
    words.iter().any(|it| WORDS.contains(it))
        || words.windows(2).any(|it| PAIRS.contains(&(it[0], it[1])))
}

/// Shapes of credentials: the text they start with, and how many characters of a token must follow.
const PREFIXES: &[(&str, usize)] = &[
    ("AKIA", 16),
    ("ASIA", 16),
    ("ghp_", 30),
    ("gho_", 30),
    ("ghs_", 30),
    ("ghu_", 30),
    ("github_pat_", 22),
    ("glpat-", 20),
    ("xoxb-", 20),
    ("xoxp-", 20),
    ("npm_", 36),
    ("sk_live_", 20),
];

/// Returns the byte ranges of everything in `text` that has the shape of a credential, in order.
pub fn find_credentials(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (prefix, wanted) in PREFIXES {
        for (start, _) in text.match_indices(prefix) {
            let length = token_length(&text[start + prefix.len()..], prefix.starts_with('A'));
            if length >= *wanted && !follows_word(text, start) {
                found.push(start..start + prefix.len() + length);
            }
        }
    }
    for (start, _) in text.match_indices("-----BEGIN ") {
        let line = text[start..].lines().next().unwrap_or("");
        if line.contains("PRIVATE KEY-----") {
            let end = text[start..]
                .find("-----END ")
                .map_or(start + line.len(), |at| start + at);
            found.push(start..end);
        }
    }
    for (start, _) in text.match_indices("://") {
        if let Some(range) = password_in_url(text, start + 3) {
            found.push(range);
        }
    }
    found.sort_by_key(|it| it.start);
    found
}

fn token_length(text: &str, upper_only: bool) -> usize {
    text.bytes()
        .take_while(|b| {
            if upper_only {
                b.is_ascii_uppercase() || b.is_ascii_digit()
            } else {
                b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
            }
        })
        .count()
}

fn follows_word(text: &str, at: usize) -> bool {
    text[..at]
        .bytes()
        .next_back()
        .is_some_and(|b| b.is_ascii_alphanumeric())
}

/// Finds the password of `user:password@host` behind `://`; an expression in its place is none.
fn password_in_url(text: &str, start: usize) -> Option<Range<usize>> {
    let rest = &text[start..];
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '/' | '"' | '?' | '#'))?;
    let at = rest[..end].rfind('@')?;
    let colon = rest[..at].find(':')?;
    let password = &rest[colon + 1..at];
    let harmless = password.is_empty() || password.starts_with(['$', '{', '<', '*']);
    (!harmless).then(|| start + colon + 1..start + at)
}

/// Returns `text` with the ranges replaced by asterisks of the same number of bytes and characters; line ends stay.
pub fn mask(text: &str, ranges: &[Range<usize>]) -> String {
    let hidden = |at: usize| ranges.iter().any(|it| it.contains(&at));
    text.char_indices()
        .map(|(at, c)| match c.len_utf8() {
            _ if matches!(c, '\n' | '\r') || !hidden(at) => c,
            1 => '*',
            2 => '\u{b7}',
            3 => '\u{2022}',
            _ => '\u{1f512}',
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_whole_words() {
        for secret in [
            "NPM_TOKEN",
            "password",
            "AWS_SECRET_ACCESS_KEY",
            "API_KEY",
            "db-password",
            "PRIVATE_KEY",
        ] {
            assert!(is_secret_name(secret), "{secret}");
        }
        for harmless in [
            "PUBLIC_KEY",
            "MONKEY",
            "TOKENIZER",
            "TOKEN_FILE",
            "SECRET_NAME",
            "SSH_KEY_DIR",
            "AUTH_MODE",
            "VERSION",
        ] {
            assert!(!is_secret_name(harmless), "{harmless}");
        }
    }

    #[test]
    fn credentials_are_found_and_masked_byte_for_byte() {
        let text = "a \"AKIAIOSFODNN7EXAMPLE\" https://u:p\u{e4}ss@host/ https://u:{{ x }}@h/";
        let found = find_credentials(text);
        let masked = mask(text, &found);
        assert_eq!(found.len(), 2);
        assert_eq!(masked.len(), text.len());
        assert_eq!(masked.chars().count(), text.chars().count());
        assert!(!masked.contains("AKIA") && !masked.contains("ss@host"));
    }

    #[test]
    fn words_that_only_begin_like_a_credential_are_left_alone() {
        assert!(find_credentials("AKIA npm_install glpat-x http://host:80/a@b").is_empty());
    }
}
