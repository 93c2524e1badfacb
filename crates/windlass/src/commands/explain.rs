//! `windlass explain`: the page of a diagnostic or of a policy rule.
//!
//! The pages of diagnostics are `docs/diagnostics.md`, carried along; those of rules come with the rules.

use std::fmt::Write as _;

use windlass_core::node::suggest;
use windlass_policy::rules;

use crate::cli::ExplainArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};

const PAGE: &str = include_str!("../../../../docs/diagnostics.md");

pub(crate) fn run(context: &Context<'_>, arguments: &ExplainArgs) -> Result<Exit, Failure> {
    match &arguments.code {
        None => context.done(&list()),
        Some(code) => context.done(&explain(code)?),
    }
}

/// Returns code and text of every section.
fn sections() -> impl Iterator<Item = (&'static str, &'static str)> {
    let parts = PAGE.split("\n## ").skip(1);
    parts.filter_map(|it| it.split_once('\n'))
}

/// Returns every code and rule with a line about it, diagnostics first.
fn list() -> String {
    let codes = sections().map(|(code, section)| {
        let first = section.trim().lines().next().unwrap_or_default();
        (code, first.to_owned())
    });
    let rules = rules::RULES.iter().map(|it| (it.id, it.summary()));
    let all: Vec<(&str, String)> = codes.chain(rules).collect();
    let width = all.iter().map(|it| it.0.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (code, first) in all {
        let _ = writeln!(text, "{code:width$}  {first}");
    }
    text
}

fn explain(code: &str) -> Result<String, Failure> {
    let found = sections().find(|it| it.0 == code);
    if let Some((code, section)) = found {
        return Ok(format!("{code}\n\n{}\n", plain(section.trim())));
    }
    // Several rules can be what another tool has one name for.
    let found = rules::find(code).into_iter().chain(rules::find_alias(code));
    let pages: Vec<String> = found.map(|it| plain(it.page.trim())).collect();
    if pages.is_empty() {
        let failure = Failure::error(format!("there is no code and no rule `{code}`"));
        return Err(failure.help(meant(code)));
    }
    Ok(format!("{}\n", pages.join("\n\n\n")))
}

/// Writes a section for a terminal: examples are indented, without their fences; a case of a rule says what becomes of it.
fn plain(section: &str) -> String {
    let mut fenced = false;
    let mut lines: Vec<String> = Vec::new();
    for line in section.lines() {
        if let Some(words) = line.strip_prefix("```") {
            fenced = !fenced;
            if fenced {
                lines.extend(case_head(words));
            }
        } else if fenced && !line.is_empty() {
            lines.push(format!("    {line}"));
        } else if fenced {
            lines.push(String::new());
        } else {
            lines.push(line.trim_start_matches('#').trim_start().to_owned());
        }
    }
    lines.join("\n")
}

/// Returns the line above a case; what other blocks are, the text around them says.
fn case_head(words: &str) -> Option<String> {
    let words: Vec<&str> = words.split(' ').collect();
    match words.as_slice() {
        ["dockerfile" | "manifest", "fails", places @ ..] => {
            Some(format!("Fails at {}:", places.join(", ")))
        }
        ["dockerfile" | "manifest", "passes", ..] => Some("Passes:".to_owned()),
        ["files"] => Some("With these files in the context:".to_owned()),
        ["dockerignore"] => Some("With this .dockerignore:".to_owned()),
        ["locked"] => Some("With this in the lock:".to_owned()),
        ["observed"] => Some("With this from ECR:".to_owned()),
        ["platforms"] => Some("With these platforms:".to_owned()),
        ["pack", ..] => Some("With this in a pack:".to_owned()),
        _ => None,
    }
}

fn meant(code: &str) -> String {
    let rules = rules::RULES.iter().map(|it| it.id);
    let codes: Vec<&str> = sections().map(|it| it.0).chain(rules).collect();
    let names: Vec<&str> = codes
        .iter()
        .filter_map(|it| it.split_once('/'))
        .map(|it| it.1)
        .collect();
    let name = code.rsplit('/').next().unwrap_or(code);
    let with_name = |name: &str| {
        let ends = |it: &&str| it.split_once('/').is_some_and(|it| it.1 == name);
        codes.iter().copied().find(ends)
    };
    let close = suggest::closest(code, &codes)
        .or_else(|| with_name(name))
        .or_else(|| with_name(suggest::closest(name, &names)?));
    match close {
        Some(close) => format!("did you mean `{close}`?"),
        None => "`windlass explain` lists all codes and rules".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_its_page_and_a_slip_a_hint() {
        let page = explain("syntax/unclosed-string").expect("a code");
        assert!(page.starts_with("syntax/unclosed-string\n\nA quoted text"));
        assert!(!page.contains("\n## ") && !page.contains("```"), "{page}");
        for slip in [
            "syntax/unclosed-strng",
            "unclosed-string",
            "structure/unclosed-string",
            "unclosed-strin",
        ] {
            let failure = explain(slip).expect_err("no code");
            let help = failure.help.expect("a hint");
            assert_eq!(help, "did you mean `syntax/unclosed-string`?", "{slip}");
        }
        let failure = explain("nonsense").expect_err("no code");
        assert_eq!(
            failure.help.as_deref(),
            Some("`windlass explain` lists all codes and rules")
        );
    }

    #[test]
    fn a_rule_has_its_page_by_its_own_name_and_by_those_of_other_tools() {
        let page = explain("base-latest").expect("a rule");
        assert!(page.starts_with("base-latest\n\n"), "{page}");
        assert!(
            page.contains("\nWhat to do: ") && page.contains("\nFails at 1:6:\n    FROM "),
            "{page}"
        );
        assert!(!page.contains("```") && !page.contains("## "), "{page}");
        assert_eq!(explain("DL3007").expect("an alias"), page);
        // What hadolint has one name for are two rules here.
        let both = explain("dl3009").expect("an alias");
        assert!(
            both.starts_with("apt-lists-left\n") && both.contains("\napt-update-alone\n"),
            "{both}"
        );
        let failure = explain("base-latst").expect_err("no rule");
        assert_eq!(failure.help.as_deref(), Some("did you mean `base-latest`?"));
    }

    #[test]
    fn the_list_has_a_line_for_every_code_and_rule() {
        let codes = windlass_core::diag::Code::ALL;
        let list = list();
        assert_eq!(list.lines().count(), codes.len() + rules::RULES.len());
        assert!(
            list.lines()
                .all(|line| line.contains("  ") && line.ends_with('.'))
        );
    }
}
