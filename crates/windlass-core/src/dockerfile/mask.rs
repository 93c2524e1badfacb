//! Dockerfiles without their secrets, for whoever draws them.

use std::sync::Arc;

use super::{Instruction, parse};
use crate::diag::Source;
use crate::secret::{find_credentials, is_secret_name};

/// Returns a Dockerfile of the same length in which the values of names that announce a secret, and what has the shape of a credential,
/// are starred, so that nothing that is shown or written gives them away.
pub fn masked(source: &Arc<Source>) -> Arc<Source> {
    let credentials = find_credentials(&source.text);
    if credentials.is_empty() && !declares(&source.text) {
        return Arc::clone(source);
    }
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
    for found in credentials {
        text.replace_range(found.clone(), &"*".repeat(found.len()));
    }
    if text == source.text {
        return Arc::clone(source);
    }
    Source::new(source.name.clone(), text)
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
        let text = "FROM a\nENV DB_PASSWORD=\"hunter2 é\" A=b\nENV TOKEN abc\nARG API_KEY=$X\nRUN curl https://u:pass@host/\n";
        let masked = masked_text(text);
        assert_eq!(
            masked,
            "FROM a\nENV DB_PASSWORD=************ A=b\nENV TOKEN ***\nARG API_KEY=$X\nRUN curl https://u:****@host/\n"
        );
        assert_eq!(masked.len(), text.len());
    }
}
