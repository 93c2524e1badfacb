//! `curl-pipe-shell`: a download is run without a look at it.

use std::ops::Range;

use windlass_core::shell::{Call, Pipe, Simple, Within};

use crate::facts::ScriptAt;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "curl-pipe-shell",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/curl-pipe-shell.md"),
)
.starred()
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for at in subject.facts().runs() {
        for pipe in &at.script.pipes {
            if let Some(span) = piped(at, pipe) {
                hits.push(report(subject, &span));
            }
        }
        for simple in &at.script.commands {
            if let Some(span) = substituted(at, simple) {
                hits.push(report(subject, &span));
            }
        }
    }
}

fn report(subject: &ImageSubject, span: &Range<usize>) -> Hit {
    Hit::at(subject.at(span), "what the server sends is run unseen, whole or cut off")
        .help("download to a file, check its digest (echo \"<sha256>  file\" | sha256sum -c -), then run it")
}

/// `curl .. | sh`
fn piped(at: &ScriptAt, pipe: &Pipe) -> Option<Range<usize>> {
    let fetched = pipe.parts.iter().position(|part| {
        part.iter().any(|&it| at.script.commands[it].call().is_some_and(|it| is_fetch(&it)))
    })?;
    let run = pipe.parts[fetched + 1..].iter().flatten().find_map(|&it| {
        let simple = &at.script.commands[it];
        let call = simple.call()?;
        runs_input(&call).then(|| call.word.span.clone())
    })?;
    let start = pipe.parts[fetched].first().map(|&it| at.script.commands[it].span.start)?;
    Some(start.min(run.start)..run.end)
}

/// `sh -c "$(curl ..)"`, `bash <(curl ..)`, `eval "$(curl ..)"`
fn substituted(at: &ScriptAt, simple: &Simple) -> Option<Range<usize>> {
    let call = simple.call()?;
    if !is_shell(call.name) && !matches!(call.name, "eval" | "source" | ".") {
        return None;
    }
    let word = call.arguments.iter().find(|it| it.substitutes)?;
    let trimmed = word.text.trim_start();
    if !trimmed.starts_with("$(") && !trimmed.starts_with("<(") && !trimmed.starts_with('`') {
        return None;
    }
    let inside = at.script.commands.iter().any(|it| {
        it.within.last() == Some(&Within::Substitution)
            && word.span.contains(&it.span.start)
            && it.call().is_some_and(|it| is_fetch(&it))
    });
    inside.then_some(simple.span.start..word.span.end)
}

fn is_fetch(call: &Call<'_>) -> bool {
    matches!(call.name, "curl" | "wget" | "fetch")
}

fn is_shell(name: &str) -> bool {
    matches!(name, "sh" | "bash" | "ash" | "dash" | "zsh" | "ksh")
}

/// Whether a program runs what it reads: a shell, or another interpreter without a program of its own.
fn runs_input(call: &Call<'_>) -> bool {
    let bare = call
        .arguments
        .iter()
        .all(|it| it.text == "-" || it.text.starts_with('-') && !matches!(it.text.as_str(), "-c" | "-m" | "-e" | "-n"));
    if is_shell(call.name) {
        return !call.arguments.iter().any(|it| it.text == "-c" || it.text == "-n");
    }
    let name = call.name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    matches!(name, "python" | "perl" | "ruby" | "node" | "php") && (bare || call.arguments.first().is_some_and(|it| it.text == "-"))
}
