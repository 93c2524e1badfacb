//! The page of each rule, held against the rule: every case finds what it says, where it says.
//!
//! A case is a fenced block, `dockerfile fails LINE:COLUMN..` or `dockerfile passes`; `near-miss` behind the latter says that it looks like
//! one that fails. Blocks before it belong to it until the next
//! case: `dockerignore`, `files` (a path a line, `path -> target` for a link). A `pack` block sets parameters for all cases behind it.

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use common::page::{Page, read_page};
use windlass_policy::rules::RULES;

#[test]
fn every_case_finds_what_it_says() {
    let mut wrong = String::new();
    for rule in RULES {
        for case in &read_page(rule).cases {
            let found = case.places(rule);
            if found != case.expected {
                let _ = writeln!(
                    wrong,
                    "docs/rules/{}.md:{}: expected {:?}, found {found:?}",
                    rule.id, case.line, case.expected
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_rule_has_two_failing_and_two_passing_cases_one_of_them_a_near_miss() {
    for rule in RULES {
        let Page { cases } = read_page(rule);
        let failing = cases.iter().filter(|case| !case.expected.is_empty());
        let failing = failing.count();
        assert!(failing >= 2, "{}: {failing} failing cases", rule.id);
        let passing = cases.len() - failing;
        assert!(passing >= 2, "{}: {passing} passing cases", rule.id);
        let near = cases.iter().any(|case| case.is_near_miss);
        assert!(near, "{}: no passing case is marked `near-miss`", rule.id);
    }
}

/// A fix leaves nothing to find of its rule, and a second run changes nothing.
#[test]
fn fixes_put_their_findings_right() {
    for rule in RULES {
        for case in &read_page(rule).cases {
            let Some((fixed, made)) = case.fixed(rule) else {
                continue;
            };
            let again = case.with(&fixed);
            let left = again.fixed(rule).map_or(0, |(_, made)| made);
            assert!(made > 0 && left == 0, "{}:{}: {fixed}", rule.id, case.line);
            let open = again.places(rule).len();
            assert_eq!(
                open,
                case.expected.len() - made,
                "{}:{}: {fixed}",
                rule.id,
                case.line
            );
        }
    }
}

#[test]
fn rules_are_sorted_and_their_pages_begin_with_their_names() {
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    let sorted: Vec<&str> = ids
        .iter()
        .copied()
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(ids, sorted);
    for rule in RULES {
        let first = rule.page.lines().next().unwrap_or_default();
        assert_eq!(first, format!("# {}", rule.id));
        assert!(
            rule.summary().ends_with('.'),
            "{}: {}",
            rule.id,
            rule.summary()
        );
        assert!(
            rule.page.contains("\nWhat to do: "),
            "{}: no `What to do:`",
            rule.id
        );
        for parameter in rule.parameters {
            let row = format!("| `{}` |", parameter.name);
            assert!(rule.page.contains(&row), "{}: no row {row}", rule.id);
        }
    }
}

#[test]
fn every_page_belongs_to_a_rule() {
    let folder = common::root().join("docs/rules");
    let files: BTreeSet<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    let known: BTreeSet<String> = RULES
        .iter()
        .map(|rule| format!("{}.md", rule.id))
        .chain(["README.md".to_owned()])
        .collect();
    assert_eq!(files, known);
}
