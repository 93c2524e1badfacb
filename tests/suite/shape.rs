//! The shape of the project: which crate may know which, what the core must not touch, how long a file may be.
//!
//! `docs/architecture.md` gives the reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Longest file of Rust, in lines.
const LONGEST_FILE: usize = 600;

/// Files that are too long now and wait to be split, with their lines. They may not grow, and leave this list once they are split.
const TO_BE_SPLIT: [(&str, usize); 0] = [];

/// Our crates that anybody may build on, with the crates that each may name. `xtask` and `windlass-tests` stand outside: nobody names them.
const EDGES: [(&str, &[&str]); 6] = [
    ("windlass-core", &[]),
    ("windlass-policy", &["windlass-core"]),
    ("windlass-engine", &["windlass-core"]),
    ("windlass-backends", &["windlass-core", "windlass-engine"]),
    ("windlass-ecr-local", &[]),
    (
        "windlass",
        &[
            "windlass-backends",
            "windlass-core",
            "windlass-ecr-local",
            "windlass-engine",
            "windlass-policy",
        ],
    ),
];

/// What tests of a crate may name beyond [`EDGES`]: the adapters are tried against the local ECR.
const EDGES_OF_TESTS: [(&str, &str); 1] = [("windlass-backends", "windlass-ecr-local")];

/// Crates that only depend on others.
const OUTSIDE: [&str; 2] = ["xtask", "windlass-tests"];

/// Beginnings of third-party names with the one crate that may name them.
const KEPT_IN: [(&str, &str); 3] = [
    ("aws-", "windlass-backends"),
    ("bollard", "windlass-backends"),
    ("regorus", "windlass-policy"),
];

/// What the core must not name: input and output, the clock, the environment, chance, and maps without an order.
/// `std::thread` (a large stack for the parser) and `std::net::IpAddr` (a text that is read) are no input and no output.
const NOT_IN_CORE: [&str; 17] = [
    "HashMap",
    "HashSet",
    "Instant",
    "RandomState",
    "SystemTime",
    "TcpStream",
    "UdpSocket",
    "async fn",
    "async move",
    "chrono::",
    "getrandom",
    "rand::",
    "std::env",
    "std::fs",
    "std::io",
    "std::process",
    "std::time",
];

#[test]
fn crates_name_exactly_the_crates_they_may() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = EDGES
        .into_iter()
        .map(|(name, may)| (name, may.iter().copied().collect()))
        .collect();
    let packages = packages();
    let known: BTreeSet<&str> = allowed.keys().copied().chain(OUTSIDE).collect();
    let found: BTreeSet<&str> = packages
        .iter()
        .map(|package| text(package, "name"))
        .collect();
    assert_eq!(
        found, known,
        "a crate came or went: say here whom it may name"
    );
    for package in &packages {
        let name = text(package, "name");
        let Some(may) = allowed.get(name) else {
            continue;
        };
        let (tests, own): (Vec<&Value>, Vec<&Value>) = dependencies(package)
            .filter(|dependency| found.contains(text(dependency, "name")))
            .partition(|dependency| dependency["kind"] == "dev");
        let own: BTreeSet<&str> = own.into_iter().map(|it| text(it, "name")).collect();
        assert_eq!(&own, may, "dependencies of {name}");
        for dependency in tests {
            let other = text(dependency, "name");
            let fine = may.contains(other) || EDGES_OF_TESTS.contains(&(name, other));
            assert!(fine, "tests of {name} name {other}");
        }
    }
}

#[test]
fn nobody_builds_on_tasks_and_tests() {
    for package in &packages() {
        for dependency in dependencies(package) {
            let name = text(dependency, "name");
            assert!(
                !OUTSIDE.contains(&name),
                "{} depends on {name}",
                text(package, "name")
            );
        }
    }
}

#[test]
fn foreign_services_are_named_by_one_crate_each() {
    for package in &packages() {
        let package_name = text(package, "name");
        for dependency in dependencies(package) {
            let name = text(dependency, "name");
            for (beginning, only) in KEPT_IN {
                assert!(
                    !name.starts_with(beginning) || package_name == only,
                    "{package_name} names {name}, which belongs to {only}"
                );
            }
        }
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for package in &packages() {
        let path = text(package, "manifest_path");
        let manifest = read(Path::new(path));
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{path} lacks `[lints] workspace = true`"
        );
    }
}

#[test]
fn modules_of_the_core_import_only_from_modules_before_them() {
    let source = root().join("crates/windlass-core/src");
    let library = read(&source.join("lib.rs"));
    let order: Vec<&str> = library
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'))
        .collect();
    assert!(
        order.len() > 10,
        "lib.rs lists its modules as `pub mod name;`"
    );
    let mut wrong = Vec::new();
    for (place, module) in order.iter().enumerate() {
        let files = rust_files(&source.join(module))
            .into_iter()
            .chain([source.join(format!("{module}.rs"))]);
        for file in files.filter(|file| file.is_file()) {
            for (number, used) in imports(&read(&file)) {
                if !order[..=place].contains(&used.as_str()) {
                    wrong.push(format!(
                        "{}:{number}: {module} imports {used}",
                        shown(&file)
                    ));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn core_and_policy_touch_nothing_outside_themselves() {
    let mut found = Vec::new();
    let pure = ["windlass-core", "windlass-policy"];
    let files = pure.map(|name| rust_files(&root().join(format!("crates/{name}/src"))));
    for file in files.into_iter().flatten() {
        let text = read(&file);
        // Tests may measure time and read their cases.
        let is_test = file.file_name().is_some_and(|name| name == "tests.rs");
        let code = text
            .split("#[cfg(test)]\nmod tests {")
            .next()
            .filter(|_| !is_test);
        for (number, line) in code_lines(code.unwrap_or_default()) {
            let words = NOT_IN_CORE.iter().filter(|word| holds_word(line, word));
            found.extend(words.map(|word| format!("{}:{number}: {word}", shown(&file))));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn the_lint_settings_of_pure_crates_keep_those_of_the_workspace() {
    for name in ["windlass-core", "windlass-policy"] {
        let own = read(&root().join(format!("crates/{name}/.clippy.toml")));
        for line in read(&root().join(".clippy.toml")).lines() {
            assert!(
                own.contains(line),
                "crates/{name}/.clippy.toml lacks: {line}"
            );
        }
    }
}

#[test]
fn no_file_is_longer_than_it_can_be_read() {
    let long: BTreeMap<String, usize> = all_rust_files()
        .into_iter()
        .map(|file| (shown(&file), read(&file).lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .collect();
    let waiting: BTreeMap<String, usize> = TO_BE_SPLIT
        .into_iter()
        .map(|(file, lines)| (file.to_owned(), lines))
        .collect();
    for (file, lines) in &long {
        let most = waiting.get(file).copied().unwrap_or(LONGEST_FILE);
        assert!(
            *lines <= most,
            "{file} has {lines} lines: look for the second subject"
        );
    }
    for file in waiting.keys() {
        assert!(
            long.contains_key(file),
            "{file} is short now: remove it from TO_BE_SPLIT"
        );
    }
}

#[test]
fn every_file_of_the_suite_is_a_target() {
    let packages = packages();
    let tests = packages
        .iter()
        .find(|package| package["name"] == "windlass-tests")
        .expect("the package of tests is in the workspace");
    let targets: BTreeSet<PathBuf> = tests["targets"]
        .as_array()
        .expect("cargo lists targets")
        .iter()
        .map(|target| PathBuf::from(text(target, "src_path")))
        .collect();
    let suite = root().join("tests/suite");
    let files = std::fs::read_dir(&suite).expect("the suite is a folder");
    for file in files.map(|entry| entry.expect("an entry can be read").path()) {
        if file.extension().is_some_and(|extension| extension == "rs") {
            assert!(
                targets.contains(&file),
                "{} is named by no [[test]] of tests/Cargo.toml: it never runs",
                shown(&file)
            );
        }
    }
}

/// A test that another test starts in a process of its own is marked so; any other ignored test would hide something broken.
#[test]
fn no_test_is_ignored() {
    let mark = ["#[", "ignore"].concat();
    let mut found = Vec::new();
    for file in all_rust_files() {
        for (number, line) in code_lines(&read(&file)) {
            let line = line.trim_start();
            if line.starts_with(&mark) && !line.contains("= \"serves for `") {
                found.push(format!("{}:{number}", shown(&file)));
            }
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn modules_named_in_code_are_found() {
    let code = "use crate::plan::{self, Plan};\n// see crate::report\nuse crate::{\n    diag::Code,\n    name,\n};\nlet a = crate::node::not_yet(b);\n$crate::x!();\n";
    let found: Vec<String> = imports(code).into_iter().map(|(_, name)| name).collect();
    assert_eq!(found, ["plan", "diag", "name", "node"]);
}

#[test]
fn words_are_found_whole() {
    assert!(holds_word("use std::env;", "std::env"));
    assert!(!holds_word("Instantly", "Instant"));
    assert!(!holds_word("env!(\"CARGO_PKG_VERSION\")", "std::env"));
    assert!(!holds_word("operand::new()", "rand::"));
}

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the package of tests lies in the workspace")
        .to_owned()
}

fn shown(path: &Path) -> String {
    let root = root();
    path.strip_prefix(&root)
        .unwrap_or(path)
        .display()
        .to_string()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()))
}

/// Returns the crates of the workspace as cargo reads their manifests.
fn packages() -> Vec<Value> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    metadata["packages"]
        .as_array()
        .expect("cargo lists packages")
        .clone()
}

fn dependencies(package: &Value) -> impl Iterator<Item = &Value> {
    package["dependencies"]
        .as_array()
        .expect("cargo lists dependencies")
        .iter()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("cargo gives no {key}"))
}

fn all_rust_files() -> Vec<PathBuf> {
    let root = root();
    ["crates", "tests"]
        .iter()
        .flat_map(|folder| rust_files(&root.join(folder)))
        .collect()
}

/// Returns the files of Rust below a folder, sorted; none where there is no such folder.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(folder) = left.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else {
            continue;
        };
        for path in entries.map(|entry| entry.expect("an entry can be read").path()) {
            if path.is_dir() && path.file_name().is_none_or(|name| name != "target") {
                left.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Returns the lines of code with their numbers, without lines that are comments.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Returns the modules that `crate::` paths of a text name, with their lines; braces after `crate::` are followed.
fn imports(text: &str) -> Vec<(usize, String)> {
    const START: &str = "crate::";
    let mut found = Vec::new();
    let mut depth: Option<usize> = None;
    for (number, line) in code_lines(text) {
        let mut rest = line;
        if depth.is_none() {
            while let Some(at) = rest.find(START) {
                let own = !rest[..at].ends_with(|c: char| c == '$' || is_word(c));
                rest = &rest[at + START.len()..];
                if own && rest.starts_with('{') {
                    depth = Some(0);
                    break;
                }
                found.extend(own.then(|| (number, first_word(rest))));
            }
        }
        depth = depth.and_then(|depth| grouped(rest, depth, number, &mut found));
    }
    found.retain(|(_, name)| !name.is_empty());
    found
}

/// Reads a piece of `{ a::b, c }` and returns how deep it ends, `None` where the group is closed.
fn grouped(
    piece: &str,
    mut depth: usize,
    number: usize,
    found: &mut Vec<(usize, String)>,
) -> Option<usize> {
    let mut at_name = depth == 1;
    for (at, c) in piece.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 1 => return None,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 1 && matches!(c, '{' | ',') {
            at_name = true;
        } else if at_name && is_word(c) {
            found.push((number, first_word(&piece[at..])));
            at_name = false;
        }
    }
    Some(depth)
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| is_word(*c)).collect()
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// Says whether a line holds a word or path that neither begins nor ends in the middle of another word.
fn holds_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let ends_open = word.ends_with(is_word);
        !(before.is_some_and(is_word) || ends_open && after.is_some_and(is_word))
    })
}
