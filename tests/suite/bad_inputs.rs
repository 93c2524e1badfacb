//! Which case holds which row of the design's list of bad inputs: what people type, and what they are told, where, and what to type next.
//!
//! The rows are in `bad_inputs.txt`, in the order of the design: the input, then a case below `corpus/language` and words that its snapshot has (after
//! `!` words that it must not have), place and code first; or, where the input is more than the text of a manifest, what a command shows of it (a
//! snapshot of `crates/windlass/tests/language/shown.rs`) and words of that.

use std::fs;
use std::path::{Path, PathBuf};

const ROWS: &str = include_str!("bad_inputs.txt");

/// A row: what is typed, what holds it, and the words that are wanted.
struct Row<'a> {
    input: &'a str,
    proof: Proof<'a>,
    words: Vec<&'a str>,
}

/// What holds a row.
enum Proof<'a> {
    /// A case of the corpus.
    Case(&'a str),
    /// What a command shows.
    Shown(&'a str),
}

fn rows() -> Vec<Row<'static>> {
    let blocks = ROWS.split("\n\n").filter(|it| !it.trim().is_empty());
    blocks.map(row).collect()
}

fn row(block: &str) -> Row<'_> {
    let mut lines = block.trim_end().lines();
    let input = lines.next().expect("a row has its input");
    let proof = lines.next().expect("a row has its proof").trim();
    let proof = match proof.split_once(' ') {
        Some(("case", name)) => Proof::Case(name),
        Some(("shown", name)) => Proof::Shown(name),
        _ => panic!("{input}: `{proof}` is neither a case nor shown"),
    };
    let words: Vec<&str> = lines.map(str::trim).collect();
    Row {
        input,
        proof,
        words,
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

#[test]
fn every_bad_input_of_the_design_is_told_at_its_place_with_what_to_do() {
    let rows = rows();
    let mut wrong = Vec::new();
    for Row {
        input,
        proof,
        words,
    } in &rows
    {
        let (name, path) = match proof {
            Proof::Case(name) => (name, format!("corpus/language/{name}/diagnostics.snap")),
            Proof::Shown(name) => (
                name,
                format!("../crates/windlass/tests/language/bad_inputs/{name}.snap"),
            ),
        };
        let shown = fs::read_to_string(root().join(path)).unwrap_or_default();
        let missing = words.iter().filter(|it| match it.strip_prefix('!') {
            Some(never) => shown.contains(never),
            None => !shown.contains(**it),
        });
        if words.is_empty() {
            wrong.push(format!("{input}: no words are wanted of {name}"));
        }
        wrong.extend(missing.map(|it| format!("{input}: {name} does not say {it:?}")));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(rows.len() > 80, "only {} rows were found", rows.len());
}

#[test]
fn each_case_says_its_code_and_where_there_is_a_place_the_place() {
    for Row {
        input,
        proof,
        words,
    } in rows()
    {
        let Proof::Case(_) = proof else { continue };
        let first = words.first().copied().unwrap_or_default();
        // What is not UTF-8, and what stands on the command line, has no place in a manifest.
        let has_place = first.contains(".kdl:");
        let has_none = ["limits/not-utf8", "variable/unknown"]
            .iter()
            .any(|it| first.contains(it));
        assert!(has_place || has_none, "{input}: `{first}` says no place");
    }
}
