//! Findings against those of hadolint on the corpus of Dockerfiles: which of its codes each file has, and which of ours that are the
//! same rule. What differs is in `tests/corpus/dockerfiles/hadolint.md`, each with a reason.
//!
//! Runs where `WINDLASS_TEST_SERVICES` names `hadolint`; `WINDLASS_TEST_HADOLINT` is the program.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the rule is for the crate; this runs another program"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;

use windlass_core::diag::Source;
use windlass_core::name::Day;
use windlass_policy::evaluate::{Subjects, evaluate};
use windlass_policy::force::Policies;
use windlass_policy::rule::Profile;
use windlass_policy::rules::{RULES, find};
use windlass_policy::subject::ImageSubject;

#[test]
fn hadolint_and_windlass_agree_but_for_the_table() {
    let services = std::env::var("WINDLASS_TEST_SERVICES").unwrap_or_default();
    if !services.split(',').any(|it| it == "hadolint") {
        let note = b"hadolint: not run, WINDLASS_TEST_SERVICES does not name it\n";
        std::io::stderr().write_all(note).expect("a standard error");
        return;
    }
    let program = std::env::var("WINDLASS_TEST_HADOLINT").expect("WINDLASS_TEST_HADOLINT");
    let mut differences: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut same = 0;
    let corpus = corpus();
    let paths: Vec<&str> = corpus.iter().map(|it| it.1.as_str()).collect();
    let mut all = theirs(&program, &paths);
    for (name, path, text) in &corpus {
        let theirs = all.remove(path.as_str()).unwrap_or_default();
        let ours = ours(text);
        same += theirs.intersection(&ours).count();
        for code in theirs.difference(&ours) {
            differences
                .entry(format!("{code} only hadolint"))
                .or_default()
                .insert(name.clone());
        }
        for code in ours.difference(&theirs) {
            differences
                .entry(format!("{code} only windlass"))
                .or_default()
                .insert(name.clone());
        }
    }
    let table = common::root().join("tests/corpus/dockerfiles/hadolint.md");
    let wrong = compare(
        &std::fs::read_to_string(table).unwrap_or_default(),
        &differences,
    );
    assert!(wrong.is_empty(), "{wrong}");
    assert!(same > 90, "{same} findings in common");
}

fn corpus() -> Vec<(String, String, String)> {
    let folder = common::root().join("tests/corpus/dockerfiles");
    let entries = std::fs::read_dir(folder).expect("the corpus");
    let mut files: Vec<_> = entries.map(|it| it.expect("an entry").path()).collect();
    files.retain(|it| it.extension().is_some_and(|it| it == "Dockerfile"));
    files.sort();
    let read = files.into_iter().map(|path| {
        let name = path.file_stem().map(|it| it.to_string_lossy().into_owned());
        let text = std::fs::read_to_string(&path).expect("a readable file");
        (name.unwrap_or_default(), path.display().to_string(), text)
    });
    read.collect()
}

/// Returns the codes of each file, by its path.
fn theirs(program: &str, paths: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(program)
        .args(["--no-fail", "-f", "json"])
        .args(paths)
        // Its own folder has no configuration; without UTF-8 it refuses what is not ASCII.
        .current_dir(common::root().join("tests/corpus/dockerfiles"))
        .env("LC_ALL", "C.UTF-8")
        .env("XDG_CONFIG_HOME", "/nonexistent")
        .output()
        .expect("hadolint runs");
    let found: Vec<serde_json::Value> =
        serde_json::from_slice(&output.stdout).expect("hadolint writes JSON");
    let mut codes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for it in found {
        if let (Some(file), Some(code)) = (it["file"].as_str(), it["code"].as_str()) {
            codes
                .entry(file.to_owned())
                .or_default()
                .insert(code.to_owned());
        }
    }
    codes
}

/// Returns hadolint's codes of what our rules find; a rule with several gives the one that fits best.
fn ours(text: &str) -> BTreeSet<String> {
    let subjects = Subjects {
        images: vec![ImageSubject::of_text(&Source::new("Dockerfile", text))],
        ..Subjects::default()
    };
    let today = Day::parse("2026-11-24").expect("a day");
    let found = evaluate(&subjects, &Policies::new(Profile::All, today));
    let rules = found.iter().filter_map(|it| find(&it.finding.rule));
    let codes = rules.flat_map(|rule| rule.aliases.iter().copied().filter(is_code));
    codes.map(str::to_owned).collect()
}

fn is_code(alias: &&str) -> bool {
    alias.starts_with("DL") && alias.len() == 6 && alias[2..].chars().all(|c| c.is_ascii_digit())
}

/// Compares with the rows `| CODE only TOOL | FILES | why |`.
fn compare(table: &str, found: &BTreeMap<String, BTreeSet<String>>) -> String {
    let mut wrong = String::new();
    let mut explained: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in table
        .lines()
        .filter(|it| it.starts_with("| DL") || it.starts_with("| SC"))
    {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
        let [key, files, why] = cells[..] else {
            let _ = writeln!(wrong, "no row of three cells: {line}");
            continue;
        };
        if why.len() < 20 {
            let _ = writeln!(wrong, "no reason: {line}");
        }
        let files = files.split(' ').map(str::to_owned);
        explained.entry(key.to_owned()).or_default().extend(files);
    }
    for (key, files) in found {
        let known = explained.remove(key).unwrap_or_default();
        let missing: Vec<&str> = files.difference(&known).map(String::as_str).collect();
        let gone: Vec<&str> = known.difference(files).map(String::as_str).collect();
        if !missing.is_empty() {
            let _ = writeln!(wrong, "lacks | {key} | {} | why |", missing.join(" "));
        }
        if !gone.is_empty() {
            let _ = writeln!(wrong, "no difference any more: {key}: {}", gone.join(" "));
        }
    }
    for key in explained.keys() {
        let _ = writeln!(wrong, "no difference any more: {key}");
    }
    wrong
}

#[test]
fn every_alias_of_hadolint_is_named_once() {
    let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
    for rule in RULES {
        for alias in rule.aliases.iter().copied().filter(is_code) {
            let other = seen.insert(alias, rule.id);
            let shared = matches!(alias, "DL3009" | "DL3064");
            assert!(
                shared || other.is_none(),
                "{alias}: {} and {other:?}",
                rule.id
            );
        }
    }
}
