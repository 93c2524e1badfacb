//! `windlass explain`: the page of a diagnostic. The pages are `docs/diagnostics.md`, carried along.

use std::fmt::Write as _;

use windlass_core::node::suggest;

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

fn list() -> String {
    let width = sections().map(|it| it.0.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (code, section) in sections() {
        let first = section.trim().lines().next().unwrap_or_default();
        let _ = writeln!(text, "{code:width$}  {first}");
    }
    text
}

fn explain(code: &str) -> Result<String, Failure> {
    let found = sections().find(|it| it.0 == code);
    if let Some((code, section)) = found {
        return Ok(format!("{code}\n\n{}\n", plain(section.trim())));
    }
    let failure = Failure::error(format!("there is no code `{code}`"));
    Err(failure.help(meant(code)))
}

/// Writes a section for a terminal: examples are indented, without their fences.
fn plain(section: &str) -> String {
    let mut fenced = false;
    let mut lines: Vec<String> = Vec::new();
    for line in section.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if fenced && !line.is_empty() {
            lines.push(format!("    {line}"));
        } else {
            lines.push(line.to_owned());
        }
    }
    lines.join("\n")
}

fn meant(code: &str) -> String {
    let codes: Vec<&str> = sections().map(|it| it.0).collect();
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
        None => "`windlass explain` lists all codes".to_owned(),
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
            Some("`windlass explain` lists all codes")
        );
    }

    #[test]
    fn the_list_has_a_line_for_every_code() {
        let codes = windlass_core::diag::Code::ALL;
        let list = list();
        assert_eq!(list.lines().count(), codes.len());
        assert!(
            list.lines()
                .all(|line| line.contains("  ") && line.ends_with('.'))
        );
    }
}
