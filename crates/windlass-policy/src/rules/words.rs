//! What several rules read: assignments of ARG and ENV, names of secrets.

use std::sync::Arc;

use windlass_core::context::IgnoreLine;
use windlass_core::diag::{Location, Source};
use windlass_core::dockerfile::{Instruction, parse};

use crate::subject::ImageSubject;

use super::credentials::credentials;

/// Returns a text of the same length in which the values of names that look like secrets are starred, so that nothing that is shown
/// or written gives them away.
pub(crate) fn masked(source: &Arc<Source>) -> Arc<Source> {
    let (dockerfile, _) = parse(source);
    let mut text = source.text.clone();
    let instructions = dockerfile.instructions.iter();
    let declared = instructions.filter(|it| matches!(it.keyword.as_str(), "ARG" | "ENV"));
    for assignment in declared.flat_map(Instruction::assignments) {
        let Some(value) = &assignment.value else {
            continue;
        };
        let plain = value.text.trim_matches(['"', '\'']);
        let names_another = plain.starts_with(['$', '/']) || plain.is_empty();
        if is_secret_name(&assignment.name.text) && !names_another {
            let stars = "*".repeat(value.span.len());
            text.replace_range(value.span.clone(), &stars);
        }
    }
    for it in credentials(&dockerfile) {
        text.replace_range(it.start..it.end, &"*".repeat(it.end - it.start));
    }
    if text == source.text {
        return Arc::clone(source);
    }
    Source::new(source.name.clone(), text)
}

/// Returns where the whole context is copied into the image, the first such place.
pub(super) fn copies_all(subject: &ImageSubject) -> Option<Location> {
    let instructions = subject.dockerfile.instructions.iter();
    let copies = instructions
        .filter(|it| matches!(it.keyword.as_str(), "COPY" | "ADD") && it.flag("from").is_none());
    copies.into_iter().find_map(|it| {
        let words = it.words();
        let (_, sources) = words.split_last()?;
        let whole = |text: &str| {
            matches!(
                text.trim_matches(|c| matches!(c, '[' | ',' | '"')),
                "." | "./" | "/" | "*"
            )
        };
        let source = sources.iter().find(|source| whole(&source.text))?;
        Some(subject.at(&source.span))
    })
}

/// Returns the place of an ignore line. Where it is of a file, the source holds the one line; its number is kept by the empty lines
/// before it.
pub(super) fn line_place(line: &IgnoreLine) -> Option<Location> {
    if line.location.is_some() {
        return line.location.clone();
    }
    let before = line.line.checked_sub(1)?;
    let text = format!("{}{}", "\n".repeat(before), line.text);
    let end = text.len();
    Some(Location::new(
        &Source::new(line.origin.clone(), text),
        before..end,
    ))
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
    fn values_of_secrets_are_starred_and_places_stay() {
        let source = Source::new(
            "Dockerfile",
            "FROM a\nENV DB_PASSWORD=\"hunter2 é\" A=b\nENV TOKEN abc\nARG API_KEY=$X\n",
        );
        let text = &masked(&source).text;
        assert_eq!(
            text,
            "FROM a\nENV DB_PASSWORD=************ A=b\nENV TOKEN ***\nARG API_KEY=$X\n"
        );
        assert_eq!(text.len(), source.text.len());
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
}
