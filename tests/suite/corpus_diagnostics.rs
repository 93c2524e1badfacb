//! The page of diagnostics: a section for each code, and an example that gives exactly that code.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::diag::{Code, Source, text};
use windlass_core::manifest::{GitFact, GitFacts, ResolveInputs, load};

const PAGE: &str = include_str!("../../docs/diagnostics.md");
const REGISTRY: &str = "registry \"dev\" { account \"111122223333\"; region \"eu-west-1\" }\n";

/// The sections of the page: code to text.
fn sections() -> BTreeMap<&'static str, &'static str> {
    PAGE.split("\n## ")
        .skip(1)
        .filter_map(|it| it.split_once('\n'))
        .collect()
}

#[test]
fn the_page_has_a_section_for_every_code_and_no_other() {
    let codes: BTreeSet<&str> = Code::ALL.iter().map(|it| it.as_str()).collect();
    let sections: BTreeSet<&str> = sections().into_keys().collect();
    let missing: Vec<_> = codes.difference(&sections).collect();
    let unknown: Vec<_> = sections.difference(&codes).collect();
    assert!(
        missing.is_empty(),
        "docs/diagnostics.md has no section for {missing:?}"
    );
    assert!(
        unknown.is_empty(),
        "docs/diagnostics.md has sections for {unknown:?}, which are no codes"
    );
}

#[test]
fn every_example_gives_its_code_and_no_other() {
    let mut wrong = String::new();
    for (code, section) in sections() {
        for example in section.split("```kdl must-fail\n").skip(1) {
            let example = example.split("\n```").next().expect("split gives one part");
            let manifest = completed(example);
            let inputs = ResolveInputs {
                git: GitFacts {
                    sha: GitFact::Known("0123456789abcdef0123456789abcdef01234567".to_owned()),
                    ..GitFacts::default()
                },
                ..ResolveInputs::new(&|_| "host".to_owned())
            };
            let (_, diagnostics) = load(&Source::new("windlass.kdl", manifest), &inputs);
            if diagnostics.is_empty() || diagnostics.iter().any(|it| it.code.as_str() != code) {
                wrong.push_str(&[code, ":\n", &text::render_plain(&diagnostics), "\n"].concat());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Adds what the page leaves out of its examples, behind them so that places stay.
fn completed(example: &str) -> String {
    let mut manifest = String::new();
    if !example.contains("workspace \"") {
        manifest.push_str("workspace \"shop\"\n");
    }
    if !example.contains("registry \"dev\"") && !example.contains("workspace \"shop\" edition") {
        manifest.push_str(REGISTRY);
    }
    if example.starts_with("/-") {
        return format!("{example}\n{manifest}");
    }
    manifest + example + "\n"
}

#[test]
fn every_code_of_the_language_has_a_case_or_an_example() {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/language");
    let mut shown = String::new();
    for area in std::fs::read_dir(corpus)
        .expect("the corpus is there")
        .flatten()
    {
        for case in std::fs::read_dir(area.path())
            .into_iter()
            .flatten()
            .flatten()
        {
            shown.push_str(
                &std::fs::read_to_string(case.path().join("diagnostics.snap")).unwrap_or_default(),
            );
        }
    }
    let language = [
        "syntax",
        "structure",
        "reference",
        "template",
        "variable",
        "secret",
        "image",
        "registry",
        "repository",
        "policy",
        "include",
    ];
    let untested: Vec<&str> = Code::ALL
        .iter()
        .map(|it| it.as_str())
        .filter(|it| language.contains(&it.split('/').next().unwrap_or_default()))
        .filter(|it| !shown.contains(&format!("{it}: ")))
        .collect();
    assert!(
        untested.is_empty(),
        "no case in corpus/language shows {untested:?}"
    );
}

/// Codes that no test can bring about, and why.
const NOT_SHOWN: [(&str, &str); 2] = [
    (
        "limits/parser-unavailable",
        "needs a machine without memory for a thread",
    ),
    (
        "format/refused",
        "needs a mistake of the formatter; the check itself is tested",
    ),
];

/// Every refusal has a case of the corpus, an example of the page, or a test that names it.
#[test]
fn every_code_is_shown_by_a_case_an_example_or_a_test() {
    let package = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.parent().expect("it lies in the workspace");
    let mut tests = String::new();
    for folder in ["crates", "tests/corpus"] {
        read_tests(&root.join(folder), &mut tests);
    }
    let examples: BTreeSet<&str> = sections()
        .into_iter()
        .filter(|(_, section)| section.contains("```kdl must-fail"))
        .map(|(code, _)| code)
        .collect();
    let is_shown = |code: &Code| {
        let text = code.as_str();
        let variant = format!("Code::{code:?}");
        let named = tests.match_indices(&variant).any(|(at, _)| {
            let next = tests[at + variant.len()..].chars().next();
            next.is_none_or(|c| !c.is_alphanumeric())
        });
        named || examples.contains(text) || tests.contains(text)
    };
    let hidden: BTreeSet<&str> = Code::ALL
        .iter()
        .filter(|it| !is_shown(it))
        .map(|it| it.as_str())
        .collect();
    let known: BTreeSet<&str> = NOT_SHOWN.iter().map(|it| it.0).collect();
    assert_eq!(hidden, known, "codes without a case, an example or a test");
}

/// Collects what tests say: snapshots, files of tests, and the parts of other files behind `#[cfg(test)]`.
fn read_tests(folder: &std::path::Path, all: &mut String) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        let has_extension = |wanted: &str| path.extension().is_some_and(|it| it == wanted);
        let read = || std::fs::read_to_string(&path).unwrap_or_default();
        if path.is_dir() {
            if name != "target" {
                read_tests(&path, all);
            }
        } else if has_extension("snap") {
            all.push_str(&read());
        } else if has_extension("rs") {
            let text = read();
            let is_test =
                name == "tests.rs" || path.components().any(|it| it.as_os_str() == "tests");
            if is_test {
                all.push_str(&text);
            } else if let Some((_, tests)) = text.split_once("#[cfg(test)]") {
                all.push_str(tests);
            }
        }
    }
}
