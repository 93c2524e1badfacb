//! What looks like a secret: names that announce one, and values that have the shape of a credential.
//!
//! One word list for the whole of windlass. A value that looks like a credential is never echoed.

use std::ops::Range;

/// Words that announce a secret wherever they stand.
const SURE: [&str; 11] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "secrets",
    "token",
    "tokens",
    "apikey",
    "credential",
    "credentials",
    "pat",
];
/// Words that mostly do.
const LIKELY: [&str; 2] = ["pwd", "privatekey"];
/// What a `key` is of that is secret, and what it mostly is of.
const SURE_KEYS: [&str; 3] = ["api", "access", "private"];
const LIKELY_KEYS: [&str; 5] = ["secret", "signing", "encryption", "deploy", "license"];
/// Last words that make it the name of something about the secret.
const ABOUT: [&str; 25] = [
    "file",
    "path",
    "dir",
    "name",
    "id",
    "url",
    "uri",
    "mode",
    "type",
    "size",
    "length",
    "len",
    "ttl",
    "expiry",
    "enabled",
    "header",
    "format",
    "algorithm",
    "alg",
    "count",
    "env",
    "version",
    "server",
    "socket",
    "endpoint",
];

/// How sure it is that a name is that of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Certainty {
    Likely,
    Sure,
}

/// Says whether a build arg or environment variable of this name holds a secret, word by word: `DB_PASSWORD` does, `TOKENIZER`,
/// `PUBLIC_KEY` and `TOKEN_FILE` do not.
pub fn is_secret_name(name: &str) -> bool {
    certainty(name).is_some()
}

/// Says the same where nothing else can be meant: `MYSQL_PWD` and `NPM_AUTH` may be.
pub fn is_surely_secret_name(name: &str) -> bool {
    certainty(name) == Some(Certainty::Sure)
}

fn certainty(name: &str) -> Option<Certainty> {
    let words = split_words(name);
    let has = |word: &str| words.iter().any(|it| it == word);
    let last = words.last()?;
    if ABOUT.contains(&last.as_str()) || has("public") || has("pub") {
        return None;
    }
    let of_word = |(at, word): (usize, &String)| {
        let word = word.as_str();
        let before = at.checked_sub(1).map(|it| words[it].as_str());
        let is_last = at + 1 == words.len();
        match (before, word) {
            _ if SURE.contains(&word) => Some(Certainty::Sure),
            _ if LIKELY.contains(&word) => Some(Certainty::Likely),
            // A key is secret only where the word before says so.
            (Some(of), "key") if SURE_KEYS.contains(&of) => Some(Certainty::Sure),
            (Some(of), "key") if LIKELY_KEYS.contains(&of) => Some(Certainty::Likely),
            // AUTH at the end, not AUTH_MODE or BASIC_AUTH_USER.
            (Some(_), "auth") if is_last => Some(Certainty::Likely),
            _ => None,
        }
    };
    words.iter().enumerate().filter_map(of_word).max()
}

/// Splits at `_`, `-`, `.` and where case changes.
fn split_words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut previous = '_';
    for c in name.chars() {
        let boundary = !c.is_alphanumeric();
        if boundary || c.is_uppercase() && previous.is_lowercase() || words.is_empty() {
            words.push(String::new());
        }
        if let (false, Some(word)) = (boundary, words.last_mut()) {
            word.extend(c.to_lowercase());
        }
        previous = c;
    }
    words.retain(|word| !word.is_empty());
    words
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
    fn names_of_secrets_are_told_from_names_about_secrets() {
        for name in [
            "PASSWORD",
            "DB_PASSWORD",
            "GITHUB_TOKEN",
            "npmToken",
            "AWS_SECRET_ACCESS_KEY",
            "API_KEY",
            "apiKey",
            "SSH_PRIVATE_KEY",
            "CLIENT_SECRET",
            "MYSQL_PWD",
            "NPM_AUTH",
            "TOKEN",
        ] {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "KEY_NAME",
            "SSH_KEY_DIR",
            "AUTH_MODE",
            "PUBLIC_KEY",
            "SSH_PUBLIC_KEY",
            "TOKENIZER",
            "TOKENIZERS_PARALLELISM",
            "PASSWORD_FILE",
            "SECRET_NAME",
            "TOKEN_URL",
            "KEYCLOAK_VERSION",
            "MONKEY",
            "AUTHOR",
            "SECRETARY",
            "KEY",
            "CACHE_KEY",
            "SORT_KEY",
            "AWS_ACCESS_KEY_ID",
            "AUTH",
            "SECRET_LENGTH",
            "PASSWORDLESS",
            "",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn what_may_be_something_else_is_no_surely_secret_name() {
        for name in [
            "NPM_TOKEN",
            "API_KEY",
            "db-password",
            "AWS_SECRET_ACCESS_KEY",
        ] {
            assert!(is_surely_secret_name(name), "{name}");
        }
        for name in ["MYSQL_PWD", "NPM_AUTH", "SIGNING_KEY", "TOKEN_FILE"] {
            assert!(!is_surely_secret_name(name), "{name}");
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
