//! Dockerfiles without their secrets, for whoever draws them.

use std::sync::Arc;

use super::{Instruction, parse};
use crate::diag::Source;
use crate::secret::{find_credentials, is_secret_name, mask};

/// Returns a Dockerfile of the same length in which the values of names that announce a secret, and what has the shape of a credential,
/// are starred, so that nothing that is shown or written gives them away.
pub fn masked(source: &Arc<Source>) -> Arc<Source> {
    let mut secrets = find_credentials(&source.text);
    if secrets.is_empty() && !declares(&source.text) {
        return Arc::clone(source);
    }
    let (dockerfile, _) = parse(source);
    let instructions = dockerfile.instructions.iter();
    let declared = instructions.filter(|it| matches!(it.keyword.as_str(), "ARG" | "ENV"));
    for assignment in declared.flat_map(Instruction::assignments) {
        let Some(value) = &assignment.value else {
            continue;
        };
        let plain = value.text.trim_matches(['"', '\'']);
        let names_another = plain.starts_with(['$', '/']) || plain.is_empty();
        if is_secret_name(&assignment.name.text) && !names_another {
            secrets.push(value.span.clone());
        }
    }
    if secrets.is_empty() {
        return Arc::clone(source);
    }
    Source::new(source.name.clone(), mask(&source.text, &secrets))
}

/// Says whether any line can begin an ARG or ENV: most of a thousand Dockerfiles need not be read again.
fn declares(text: &str) -> bool {
    let begins = |line: &str| line.trim_start().get(..3).map(str::to_ascii_uppercase);
    text.lines()
        .any(|line| begins(line).is_some_and(|it| it == "ARG" || it == "ENV"))
}

/// The same of a text.
pub fn masked_text(text: &str) -> String {
    masked(&Source::new("Dockerfile", text)).text.clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_secrets_are_starred_and_places_stay() {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\n";
        let lines = |text: &str| text.lines().count();
        let hidden = masked_text(key);
        assert_eq!((hidden.len(), lines(&hidden)), (key.len(), lines(key)));
        assert!(!hidden.contains("abc"));
        let text = "FROM a\nENV DB_PASSWORD=\"hunter2 é\" A=b\nENV TOKEN abc\nARG API_KEY=$X\nRUN curl https://u:pass@host/\n";
        let masked = masked_text(text);
        assert_eq!(
            masked,
            "FROM a\nENV DB_PASSWORD=*********\u{b7}* A=b\nENV TOKEN ***\nARG API_KEY=$X\nRUN curl https://u:****@host/\n"
        );
        assert_eq!(masked.len(), text.len());
    }
}
