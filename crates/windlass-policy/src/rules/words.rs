//! What several rules read: assignments of ARG and ENV, names of secrets.

use std::ops::Range;

use windlass_core::dockerfile::Instruction;

/// `NAME=value` of ARG or ENV.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) name: String,
    /// As written, `None` where there is no `=`.
    pub(super) value: Option<String>,
    pub(super) name_span: Range<usize>,
}

/// Reads the assignments of an ARG or ENV; the old form `ENV NAME value` is one.
pub(super) fn assignments(instruction: &Instruction) -> Vec<Assignment> {
    let words = instruction.words();
    let old_form =
        instruction.keyword == "ENV" && words.first().is_some_and(|word| !word.text.contains('='));
    if old_form {
        let value: Vec<&str> = words
            .iter()
            .skip(1)
            .map(|word| word.text.as_str())
            .collect();
        return words
            .first()
            .map(|name| Assignment {
                name: name.text.clone(),
                value: Some(value.join(" ")),
                name_span: name.span.clone(),
            })
            .into_iter()
            .collect();
    }
    let mut found = Vec::new();
    let mut quote = None;
    for word in &words {
        let inside = quote.is_some();
        for c in word.text.chars() {
            match quote {
                Some(open) if open == c => quote = None,
                None if matches!(c, '"' | '\'') => quote = Some(c),
                _ => {}
            }
        }
        // The rest of a quoted value with spaces.
        if inside {
            continue;
        }
        let (name, value) = match word.text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (word.text.as_str(), None),
        };
        found.push(Assignment {
            name: name.to_owned(),
            value,
            name_span: word.span.start..word.span.start + name.len(),
        });
    }
    found
}

/// Words that make a name that of a secret.
const SECRET: [&str; 12] = [
    "password",
    "passwd",
    "pwd",
    "secret",
    "token",
    "apikey",
    "credential",
    "credentials",
    "passphrase",
    "privatekey",
    "auth",
    "key",
];
/// Last words that make it the name of something about the secret.
const ABOUT: [&str; 24] = [
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
];

/// Says whether a name is that of a secret, word by word: `DB_PASSWORD` is, `TOKENIZER`, `PUBLIC_KEY` and `TOKEN_FILE` are not.
pub(super) fn is_secret_name(name: &str) -> bool {
    let words = split_words(name);
    let has = |word: &str| words.iter().any(|it| it == word);
    let Some(last) = words.last() else {
        return false;
    };
    if ABOUT.contains(&last.as_str()) || has("public") || has("pub") {
        return false;
    }
    words.iter().enumerate().any(|(at, word)| {
        match word.as_str() {
            // A key is secret only where the word before says so.
            "key" => {
                at > 0
                    && matches!(
                        words[at - 1].as_str(),
                        "api"
                            | "access"
                            | "private"
                            | "secret"
                            | "signing"
                            | "encryption"
                            | "deploy"
                            | "license"
                    )
            }
            // AUTH alone, not AUTH_MODE or BASIC_AUTH_USER.
            "auth" => at + 1 == words.len() && at > 0,
            word => SECRET.contains(&word),
        }
    })
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
