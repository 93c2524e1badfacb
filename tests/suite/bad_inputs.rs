//! Which case holds which row of the design's list of bad inputs: what people type, and what they are told, where, and what to type next.
//!
//! The rows are in `bad_inputs.txt`, in the order of the design: the input, then a case below `corpus/language` and words that its snapshot has (after
//! `!` words that it must not have), place and code first; or, where the input is no text of a manifest, the test function that holds it.

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
    /// A test function.
    Test(&'a str),
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
        Some(("test", name)) => Proof::Test(name),
        _ => panic!("{input}: `{proof}` is neither a case nor a test"),
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
    let tests = all_tests();
    let rows = rows();
    let mut wrong = Vec::new();
    for Row {
        input,
        proof,
        words,
    } in &rows
    {
        match proof {
            Proof::Case(case) => {
                let path = root().join("corpus/language").join(case);
                let shown = fs::read_to_string(path.join("diagnostics.snap")).unwrap_or_default();
                let missing = words.iter().filter(|it| match it.strip_prefix('!') {
                    Some(never) => shown.contains(never),
                    None => !shown.contains(**it),
                });
                wrong.extend(missing.map(|it| format!("{input}: {case} does not say {it:?}")));
            }
            Proof::Test(name) if !tests.contains(&format!("fn {name}()")) => {
                wrong.push(format!("{input}: there is no test {name}"));
            }
            Proof::Test(_) => {}
        }
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

/// The texts of all files with tests.
fn all_tests() -> String {
    let mut all = String::new();
    let mut open = vec![root().join("../crates"), root().join("suite")];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).expect("a folder of the project");
            open.extend(entries.map(|it| it.expect("an entry").path()));
        } else if path.extension().is_some_and(|it| it == "rs") {
            let text = fs::read_to_string(&path).expect("a file of Rust");
            if text.contains("#[test]") || text.contains("#[tokio::test") {
                all.push_str(&text);
            }
        }
    }
    all
}
