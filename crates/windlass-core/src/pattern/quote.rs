//! Quoting: no value can leave the place it is put in. Control characters were refused before.

use std::collections::BTreeSet;

/// Returns the exec form of a command: a JSON array.
pub(super) fn exec(words: &[String]) -> String {
    let quoted: Vec<String> = words
        .iter()
        .map(|word| serde_json::to_string(word).expect("any text is a JSON string"))
        .collect();
    format!("[{}]", quoted.join(", "))
}

/// Returns a value of ENV in double quotes, with nothing expanded.
pub(super) fn env_value(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '\\' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// Returns the words of a command for a shell, with nothing expanded.
pub(super) fn shell(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:=@%+,-".contains(c);
    let quoted: Vec<String> = words
        .iter()
        .map(|word| {
            if !word.is_empty() && word.chars().all(plain) {
                word.clone()
            } else {
                format!("'{}'", word.replace('\'', r"'\''"))
            }
        })
        .collect();
    quoted.join(" ")
}

/// Returns a text for the inside of double quotes in a shell, in which only `$NAME` and `${NAME}` of `names` are expanded.
///
/// # Errors
/// The `$` expression that stands for no name of `names`.
pub(super) fn shell_expanding(text: &str, names: &BTreeSet<&str>) -> Result<String, String> {
    let mut quoted = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '$' {
            let (name, length) = variable(rest);
            if !names.contains(name) {
                let shown = if name.is_empty() {
                    "$"
                } else {
                    &rest[..length]
                };
                return Err(shown.to_owned());
            }
            quoted.push_str("${");
            quoted.push_str(name);
            quoted.push('}');
            rest = &rest[length..];
            continue;
        }
        if matches!(c, '"' | '\\' | '`') {
            quoted.push('\\');
        }
        quoted.push(c);
        rest = &rest[c.len_utf8()..];
    }
    Ok(quoted)
}

/// Returns the name behind a leading `$`, and how many bytes the expression has; an empty name where there is none.
fn variable(text: &str) -> (&str, usize) {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(inner) = text.strip_prefix("${") {
        return match inner.find('}') {
            Some(end) => (&inner[..end], end + 3),
            None => ("", 1),
        };
    }
    let inner = &text[1..];
    let end = inner.find(|c| !word(c)).unwrap_or(inner.len());
    (&inner[..end], end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|&it| it.to_owned()).collect()
    }

    #[test]
    fn exec_form_is_json() {
        let nasty = words(&["a\"b", "c\\", "$X ]", "'", "é"]);
        let read: Vec<String> = serde_json::from_str(&exec(&nasty)).expect("JSON");
        assert_eq!(read, nasty);
    }

    #[test]
    fn env_values_expand_nothing() {
        assert_eq!(env_value(r#"a"b\$C ${D}"#), r#""a\"b\\\$C \${D}""#);
    }

    #[test]
    fn shell_words_expand_nothing() {
        assert_eq!(
            shell(&words(&["npm", "run", "it's $HOME;rm -rf /", ""])),
            r"npm run 'it'\''s $HOME;rm -rf /' ''"
        );
    }

    #[test]
    fn only_known_names_are_expanded() {
        let names = BTreeSet::from(["VERSION"]);
        assert_eq!(
            shell_expanding("-X 'm.v=$VERSION' -X m.w=${VERSION}x \"`id`\"", &names),
            Ok(r#"-X 'm.v=${VERSION}' -X m.w=${VERSION}x \"\`id\`\""#.to_owned())
        );
        for bad in [
            "$VERSIONS",
            "${VERSION:-x}",
            "$(id)",
            "a$",
            "${VERSION",
            "$1",
        ] {
            assert!(shell_expanding(bad, &names).is_err(), "{bad}");
        }
    }
}
