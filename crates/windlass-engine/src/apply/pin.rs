//! Puts digests and private names in the place of image words of a Dockerfile.

use std::collections::BTreeMap;

/// Replaces the image words of FROM, `COPY --from=` and `RUN --mount=..,from=` that have a replacement; the rest stays byte for byte.
pub(super) fn pin(dockerfile: &str, replacements: &BTreeMap<String, String>) -> String {
    dockerfile
        .split_inclusive('\n')
        .map(|line| pin_line(line, replacements))
        .collect()
}

fn pin_line(line: &str, replacements: &BTreeMap<String, String>) -> String {
    let instruction = line.split_whitespace().next().unwrap_or_default();
    let from = instruction.eq_ignore_ascii_case("FROM");
    let mut wanted = from;
    let mut first = true;
    let mut pinned = String::with_capacity(line.len());
    for part in line.split_inclusive(char::is_whitespace) {
        let word = part.trim_end_matches(char::is_whitespace);
        let replaced = if word.is_empty() || std::mem::take(&mut first) {
            word.to_owned()
        } else if let Some(name) = word.strip_prefix("--from=") {
            format!(
                "--from={}",
                replacements.get(name).map_or(name, String::as_str)
            )
        } else if word.starts_with("--mount=") {
            pin_mount(word, replacements)
        } else if wanted && !word.starts_with("--") {
            wanted = false;
            replacements
                .get(word)
                .cloned()
                .unwrap_or_else(|| word.to_owned())
        } else {
            word.to_owned()
        };
        first = first && word.is_empty();
        pinned.push_str(&replaced);
        pinned.push_str(&part[word.len()..]);
    }
    pinned
}

fn pin_mount(word: &str, replacements: &BTreeMap<String, String>) -> String {
    let parts = word
        .split(',')
        .map(|part| match part.strip_prefix("from=") {
            Some(name) => format!(
                "from={}",
                replacements.get(name).map_or(name, String::as_str)
            ),
            None => part.to_owned(),
        });
    parts.collect::<Vec<_>>().join(",")
}
