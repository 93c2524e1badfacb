//! What people copy is formatted as `windlass fmt` does it: examples, shipped policies, and the manifests in the documentation.

use std::fs;
use std::path::{Path, PathBuf};

use windlass_core::diag::{Source, text::render_plain};
use windlass_core::format::format;

fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("it lies in the workspace")
        .to_owned()
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|it| it == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns the formatted text where it differs.
fn other_form(name: &str, text: &str) -> Option<String> {
    match format(&Source::new(name, text)) {
        Ok(formatted) => (formatted != text).then_some(formatted),
        Err(diagnostics) => Some(render_plain(&diagnostics)),
    }
}

#[test]
fn examples_and_shipped_policies_are_formatted() {
    let root = root();
    let mut wrong = Vec::new();
    let mut count = 0;
    for folder in ["examples", "policies"] {
        for path in files(&root.join(folder), "kdl") {
            let name = path
                .strip_prefix(&root)
                .expect("it is below")
                .display()
                .to_string();
            let text = fs::read_to_string(&path).expect("a text");
            count += 1;
            wrong.extend(other_form(&name, &text).map(|_| name));
        }
    }
    assert!(count > 10, "only {count} files were found");
    assert!(wrong.is_empty(), "run `windlass fmt`: {wrong:?}");
}

/// Blocks ` ```kdl ` without a mark; wrong ones and locks are no manifests to copy.
#[test]
fn manifests_in_the_documentation_are_formatted() {
    let root = root();
    let mut pages = files(&root.join("docs"), "md");
    pages.push(root.join("README.md"));
    let mut wrong = String::new();
    let mut count = 0;
    for page in pages {
        let text = fs::read_to_string(&page).expect("a text");
        for block in text.split("\n```kdl\n").skip(1) {
            let block = block.split_inclusive("```").next().unwrap_or_default();
            let block = block.trim_end_matches("```");
            count += 1;
            if let Some(other) = other_form("block.kdl", block) {
                let name = page
                    .strip_prefix(&root)
                    .unwrap_or(&page)
                    .display()
                    .to_string();
                wrong.extend([&name, ":\n", block, "should be\n", &other, "\n"]);
            }
        }
    }
    assert!(count > 20, "only {count} blocks were found");
    assert!(wrong.is_empty(), "{wrong}");
}
