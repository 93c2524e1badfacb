//! Tables of wanted differences between windlass and another tool: what is found must be what they say, no more and no less.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Returns the files of the corpus of Dockerfiles in order, with their texts.
pub fn corpus_dockerfiles() -> Vec<(String, String)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the corpus of Dockerfiles")
        .map(|it| it.expect("an entry").path())
        .filter(|it| it.extension().is_some_and(|it| it == "Dockerfile"))
        .collect();
    files.sort();
    let named = files.into_iter().map(|path| {
        let name = path.file_stem().map(|it| it.to_string_lossy().into_owned());
        let text = std::fs::read_to_string(&path).expect("a readable file");
        (name.unwrap_or_default(), text)
    });
    named.collect()
}

/// Returns the folder of the corpus.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/dockerfiles")
}

/// Compares what was found with the rows of a table: `| key | why |`, the key in backticks. Says what is missing on either side.
pub fn compare(table: &str, found: &BTreeSet<String>) -> String {
    let path = folder().join(table);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let mut explained = BTreeSet::new();
    let mut wrong = String::new();
    for line in text.lines().filter(|it| it.starts_with("| `")) {
        let mut cells = line.trim_matches('|').split(" | ");
        let key = cells.next().unwrap_or_default().trim().trim_matches('`');
        if cells.next().is_none_or(|why| why.trim().len() < 10) {
            let _ = writeln!(wrong, "{table}: `{key}` has no reason");
        }
        explained.insert(key.to_owned());
    }
    for key in found.difference(&explained) {
        let _ = writeln!(wrong, "{table}: lacks | `{key}` | why |");
    }
    for key in explained.difference(found) {
        let _ = writeln!(wrong, "{table}: `{key}` is not a difference any more");
    }
    wrong
}
