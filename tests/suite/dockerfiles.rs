//! Dockerfiles are read as another reader of BuildKit's language reads them: keyword, line, exec form and heredocs of every
//! instruction of the corpus. What differs is in `corpus/dockerfiles/parse-dockerfile.md`, each with a reason.

use std::collections::BTreeSet;

use parse_dockerfile::{Command, Instruction, Source as Copied};
use windlass_core::diag::Source;
use windlass_core::dockerfile::{Body, Instruction as Ours, parse};
use windlass_tests::differences::{compare, corpus_dockerfiles};

#[test]
fn the_corpus_is_large_enough() {
    assert!(corpus_dockerfiles().len() >= 150);
}

#[test]
fn every_file_is_read_without_a_complaint() {
    for (name, text) in corpus_dockerfiles() {
        let (_, problems) = parse(&Source::new(name.as_str(), text));
        assert_eq!(problems, [], "{name}");
    }
}

#[test]
fn two_readers_agree() {
    let mut differences = BTreeSet::new();
    for (name, text) in corpus_dockerfiles() {
        let theirs = match parse_dockerfile::parse(&text) {
            Ok(file) => {
                let instructions = file.instructions.iter();
                instructions.map(|it| their_line(&text, it)).collect()
            }
            Err(_) => vec!["refused".to_owned()],
        };
        let (dockerfile, _) = parse(&Source::new(name.as_str(), text.as_str()));
        let ours: Vec<String> = dockerfile
            .instructions
            .iter()
            .map(|it| our_line(&text, it))
            .collect();
        if theirs == ["refused"] {
            differences.insert(format!("{name}: refused"));
        } else if let Some((a, b)) = ours.iter().zip(&theirs).find(|(a, b)| a != b) {
            differences.insert(format!("{name}: {a}, {b}"));
        } else if ours.len() != theirs.len() {
            differences.insert(format!("{name}: {} and {}", ours.len(), theirs.len()));
        }
    }
    let wrong = compare("parse-dockerfile.md", &differences);
    assert!(wrong.is_empty(), "{wrong}");
}

fn line_of(text: &str, offset: usize) -> usize {
    text[..offset.min(text.len())].matches('\n').count() + 1
}

fn our_line(text: &str, it: &Ours) -> String {
    let inner = match &it.body {
        Body::Onbuild(inner) => inner,
        _ => it,
    };
    let exec = inner.command().is_some_and(|it| it.exec().is_some());
    let heredocs = it.heredocs.len();
    let line = line_of(text, it.keyword_span.start);
    format!("{} {line} {exec} {heredocs}", it.keyword)
}

fn their_line(text: &str, it: &Instruction<'_>) -> String {
    let (keyword, at, exec, heredocs) = described(it);
    // Behind a byte order mark its places are three bytes early.
    let line = line_of(text, at);
    format!("{keyword} {line} {exec} {heredocs}")
}

fn described(it: &Instruction<'_>) -> (&'static str, usize, bool, usize) {
    let exec = |command: &Command<'_>| matches!(command, Command::Exec(_));
    let copied = |sources: &[Copied<'_>]| {
        let heredocs = sources.iter().filter(|it| matches!(it, Copied::HereDoc(_)));
        heredocs.count()
    };
    match it {
        Instruction::Add(it) => ("ADD", it.add.span.start, false, copied(&it.src)),
        Instruction::Arg(it) => ("ARG", it.arg.span.start, false, 0),
        Instruction::Cmd(it) => ("CMD", it.cmd.span.start, exec(&it.arguments), 0),
        Instruction::Copy(it) => ("COPY", it.copy.span.start, false, copied(&it.src)),
        Instruction::Entrypoint(it) => {
            let form = exec(&it.arguments);
            ("ENTRYPOINT", it.entrypoint.span.start, form, 0)
        }
        Instruction::Env(it) => ("ENV", it.env.span.start, false, 0),
        Instruction::Expose(it) => ("EXPOSE", it.expose.span.start, false, 0),
        Instruction::From(it) => ("FROM", it.from.span.start, false, 0),
        Instruction::Healthcheck(it) => {
            let form = match &it.arguments {
                parse_dockerfile::HealthcheckArguments::Cmd { arguments, .. } => exec(arguments),
                _ => false,
            };
            ("HEALTHCHECK", it.healthcheck.span.start, form, 0)
        }
        Instruction::Label(it) => ("LABEL", it.label.span.start, false, 0),
        Instruction::Maintainer(it) => ("MAINTAINER", it.maintainer.span.start, false, 0),
        Instruction::Onbuild(it) => {
            let (_, _, form, heredocs) = described(&it.instruction);
            ("ONBUILD", it.onbuild.span.start, form, heredocs)
        }
        Instruction::Run(it) => {
            let form = exec(&it.arguments);
            ("RUN", it.run.span.start, form, it.here_docs.len())
        }
        Instruction::Shell(it) => ("SHELL", it.shell.span.start, true, 0),
        Instruction::Stopsignal(it) => ("STOPSIGNAL", it.stopsignal.span.start, false, 0),
        Instruction::User(it) => ("USER", it.user.span.start, false, 0),
        Instruction::Volume(it) => ("VOLUME", it.volume.span.start, false, 0),
        Instruction::Workdir(it) => ("WORKDIR", it.workdir.span.start, false, 0),
        _ => ("?", 0, false, 0),
    }
}
