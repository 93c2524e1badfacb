//! Shell text is read as another parser of the shell reads it: the simple commands of every RUN of the corpus, with their first
//! word and the number of their words. What differs is in `corpus/dockerfiles/brush-parser.md`, each with a reason.

use std::collections::BTreeSet;
use std::io::Cursor;

use brush_parser::ast::{
    AndOr, Command, CommandPrefixOrSuffixItem, CompoundCommand, CompoundList, Pipeline,
    SimpleCommand,
};
use windlass_core::diag::Source;
use windlass_core::dockerfile::{Dockerfile, Form, Instruction, parse};
use windlass_core::shell::{Text, Within, read, scripts};
use windlass_tests::differences::{compare, corpus_dockerfiles};

#[test]
fn two_readers_agree() {
    let mut differences = BTreeSet::new();
    let mut texts = 0;
    for (name, text) in corpus_dockerfiles() {
        let (dockerfile, _) = parse(&Source::new(name.as_str(), text.as_str()));
        for instruction in &dockerfile.instructions {
            let Some(script) = shell_text(&dockerfile, instruction) else {
                continue;
            };
            texts += 1;
            let ours = our_commands(&script);
            let Some(theirs) = their_commands(&script) else {
                differences.insert(format!("{name}: refused"));
                continue;
            };
            if ours != theirs {
                let (a, b) = first_difference(&ours, &theirs);
                differences.insert(format!("{name}: {a}, {b}"));
            }
        }
    }
    assert!(texts > 150, "{texts} texts");
    let wrong = compare("brush-parser.md", &differences);
    assert!(wrong.is_empty(), "{wrong}");
}

/// The whole text that a POSIX shell is handed: the joined lines, and the bodies of heredocs behind them.
fn shell_text(dockerfile: &Dockerfile, instruction: &Instruction) -> Option<String> {
    let command = instruction.command()?;
    let posix = scripts(dockerfile, instruction, None);
    let windows = dockerfile.escape == '`' || dockerfile.source.text.contains("\nSHELL [\"pwsh\"");
    let posix = posix.first().is_some_and(|it| it.interpreter.posix) && !windows;
    if command.form != Form::Shell || !posix {
        return None;
    }
    let body = |it: &windlass_core::dockerfile::Heredoc| {
        dockerfile.source.text[it.span.clone()].replace('\r', "")
    };
    if let [heredoc] = instruction.heredocs.as_slice()
        && heredoc.opener == command.text.span
    {
        return Some(body(heredoc));
    }
    let mut text = command.text.text.clone();
    for heredoc in &instruction.heredocs {
        text.push('\n');
        text.push_str(&body(heredoc));
        text.push_str(&heredoc.name);
    }
    Some(text)
}

fn our_commands(text: &str) -> Vec<String> {
    let script = read(&Text::at(text, 0), &[]);
    let inside = |it: &&windlass_core::shell::Simple| {
        !it.within
            .iter()
            .any(|it| matches!(it, Within::Substitution | Within::Nested))
    };
    let outer = script.commands.iter().filter(inside);
    outer
        .filter(|it| it.words.first().is_none_or(|it| it.text != "[["))
        .map(|it| {
            let first = it.words.first().map_or("", |it| &text[it.span.clone()]);
            format!("{first} {}", it.words.len())
        })
        .collect()
}

fn first_difference<'a>(ours: &'a [String], theirs: &'a [String]) -> (&'a str, &'a str) {
    let length = ours.len().max(theirs.len());
    let at = |it: &'a [String], index: usize| it.get(index).map_or("nothing", String::as_str);
    (0..length)
        .map(|index| (at(ours, index), at(theirs, index)))
        .find(|(a, b)| a != b)
        .unwrap_or(("", ""))
}

fn their_commands(text: &str) -> Option<Vec<String>> {
    let options = brush_parser::ParserOptions::default();
    let mut parser = brush_parser::Parser::new(Cursor::new(text.to_owned()), &options);
    let program = parser.parse_program().ok()?;
    let mut found = Vec::new();
    for list in &program.complete_commands {
        walk_list(list, &mut found);
    }
    Some(found)
}

fn walk_list(list: &CompoundList, found: &mut Vec<String>) {
    for item in &list.0 {
        walk_pipeline(&item.0.first, found);
        for next in &item.0.additional {
            let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = next;
            walk_pipeline(pipeline, found);
        }
    }
}

fn walk_pipeline(pipeline: &Pipeline, found: &mut Vec<String>) {
    for command in &pipeline.seq {
        match command {
            Command::Simple(simple) => found.push(shown(simple)),
            Command::Compound(compound, _) => walk_compound(compound, found),
            Command::Function(function) => walk_compound(&function.body.0, found),
            Command::ExtendedTest(..) => {}
        }
    }
}

fn walk_compound(compound: &CompoundCommand, found: &mut Vec<String>) {
    match compound {
        CompoundCommand::BraceGroup(it) => walk_list(&it.list, found),
        CompoundCommand::Subshell(it) => walk_list(&it.list, found),
        CompoundCommand::ForClause(it) => walk_list(&it.body.list, found),
        CompoundCommand::ArithmeticForClause(it) => walk_list(&it.body.list, found),
        CompoundCommand::CaseClause(it) => {
            for case in it.cases.iter().filter_map(|it| it.cmd.as_ref()) {
                walk_list(case, found);
            }
        }
        CompoundCommand::IfClause(it) => {
            walk_list(&it.condition, found);
            walk_list(&it.then, found);
            for other in it.elses.iter().flatten() {
                if let Some(condition) = &other.condition {
                    walk_list(condition, found);
                }
                walk_list(&other.body, found);
            }
        }
        CompoundCommand::WhileClause(it) | CompoundCommand::UntilClause(it) => {
            walk_list(&it.0, found);
            walk_list(&it.1.list, found);
        }
        CompoundCommand::Arithmetic(_) | CompoundCommand::Coprocess(_) => {}
    }
}

fn shown(simple: &SimpleCommand) -> String {
    let name = simple.word_or_name.as_ref();
    let suffix = simple.suffix.iter().flat_map(|it| &it.0);
    let words = suffix.filter(|it| {
        matches!(
            it,
            CommandPrefixOrSuffixItem::Word(_)
                | CommandPrefixOrSuffixItem::AssignmentWord(..)
                | CommandPrefixOrSuffixItem::ProcessSubstitution(..)
        )
    });
    let count = words.count() + usize::from(name.is_some());
    format!("{} {count}", name.map_or("", |it| it.value.as_str()))
}
