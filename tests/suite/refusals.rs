//! Every refusal of the language has a case: each message in its code is found in a snapshot of the corpus, or in a test.
//!
//! The code is searched for what makes a diagnostic, and the words of its message, with anything in the place of `{..}`, for where a test
//! shows them. What cannot be shown is listed with the reason.

use std::fs;
use std::path::{Path, PathBuf};

use windlass_tests::literals::{calls, matches_words, text_literals};

/// Where the language is read and checked.
const CODE: [&str; 5] = [
    "crates/windlass-core/src/node",
    "crates/windlass-core/src/format",
    "crates/windlass-core/src/manifest",
    "crates/windlass-core/src/pattern",
    "crates/windlass-core/src/lock",
];

/// What makes a diagnostic. The last two are helpers, where their first argument is a code.
const HEADS: [&str; 4] = [
    "Diagnostic::error(",
    "Diagnostic::warning(",
    "self.report(",
    "self.warn(",
];

/// Messages that no test can bring about, and why.
const NOT_SHOWN: [(&str, &str); 2] = [
    (
        "the manifest could not be parsed",
        "needs a machine without memory for a thread",
    ),
    (
        "formatting `{}` would change what it means",
        "needs a mistake of the formatter; the check itself is tested",
    ),
];

/// Places whose words come from elsewhere, and from where.
const COMPOSED: [(&str, &str); 9] = [
    (
        "Code::UnknownName, message",
        "a helper: its callers have the words",
    ),
    (
        "Code::UnknownPattern, &self.message",
        "a message that is put together before",
    ),
    (
        "Code::LockInvalid, message",
        "a helper of the lock: its tests are beside it",
    ),
    ("Code::BadTag, error.to_string()", "names refuse tags"),
    (
        "Code::BadRepositoryName, error.to_string()",
        "names refuse repositories",
    ),
    ("Code::BadWaiver, error.to_string()", "days refuse dates"),
    ("Code::InvalidSyntax, lower_first(message)", "the parser"),
    ("code, message", "helpers: their calls are searched too"),
    (
        "Code::AccessDocument, text",
        "a closure: its calls are listed below it",
    ),
];

#[test]
fn every_refusal_of_the_language_is_shown_by_a_case_or_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("it lies in the workspace");
    let mut shown = String::new();
    read_shown(root, root, &mut shown);
    let mut count = 0;
    let mut missing = Vec::new();
    let mut wordless = Vec::new();
    for folder in CODE {
        for (path, code) in sources(&root.join(folder), root) {
            for call in calls(&code, &HEADS) {
                let message = call.message.trim_start();
                if call.head.starts_with("self.") && !message.starts_with("Code::") {
                    continue;
                }
                count += 1;
                let mut words = text_literals(&call.message);
                if call.head.starts_with("self.") {
                    // What follows the message are label and advice.
                    words.truncate(1);
                }
                if words.is_empty() {
                    let message = message.trim_end().trim_end_matches(',');
                    wordless.push((path.clone(), message.to_owned()));
                }
                let hidden = words.into_iter().filter(|it| !matches_words(it, &shown));
                missing.extend(hidden.map(|it| (path.clone(), call.line, it)));
            }
        }
    }
    missing.retain(|it| !NOT_SHOWN.iter().any(|known| known.0 == it.2));
    wordless.retain(|it| !COMPOSED.iter().any(|known| it.1 == known.0));
    let list: Vec<String> = missing
        .iter()
        .map(|(path, line, words)| format!("{path}:{line}: {words}"))
        .collect();
    assert!(
        list.is_empty(),
        "refusals without a case or a test:\n{}",
        list.join("\n")
    );
    assert!(wordless.is_empty(), "{wordless:#?}");
    assert!(
        count > 220,
        "only {count} refusals were found: is the search still right?"
    );
}

/// Files of code with their tests cut off.
fn sources(folder: &Path, root: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let file = folder.with_extension("rs");
    let files: Vec<PathBuf> = [file].into_iter().chain(files_below(folder)).collect();
    for path in files {
        let name = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        let is_code = has_extension(&path, "rs") && !is_test(&name);
        if let (true, Ok(text)) = (is_code, fs::read_to_string(&path)) {
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            all.push((name, code.to_owned()));
        }
    }
    all
}

/// Collects what tests say: snapshots, files of tests, and the parts of other files behind `#[cfg(test)]`.
fn read_shown(folder: &Path, root: &Path, all: &mut String) {
    for path in files_below(folder) {
        let name = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        let is_snapshot = has_extension(&path, "snap");
        let is_code = has_extension(&path, "rs") && !name.starts_with("tests/suite/refusals");
        if !is_snapshot && !is_code {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap_or_default();
        let part = if is_snapshot || is_test(&name) {
            Some(text.as_str())
        } else {
            text.split_once("#[cfg(test)]").map(|it| it.1)
        };
        if let Some(part) = part {
            all.push_str(&part.replace("\\\"", "\""));
            all.push('\n');
        }
    }
}

fn has_extension(path: &Path, wanted: &str) -> bool {
    path.extension().is_some_and(|it| it == wanted)
}

fn is_test(name: &str) -> bool {
    name.ends_with("tests.rs") || name.split('/').any(|it| it == "tests")
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != ".git" && name != ".windlass" {
                all.extend(files_below(&path));
            }
        } else {
            all.push(path);
        }
    }
    all.sort();
    all
}
