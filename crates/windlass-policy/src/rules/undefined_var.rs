//! `undefined-var`: a variable that nothing sets.

use windlass_core::dockerfile::graph::{State, mentioned_in};
use windlass_core::dockerfile::{Body, Instruction, Word};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "undefined-var",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/undefined-var.md"),
)
.starred()
.aliases(&["UndefinedVar"])
.needs(&[Need::Stages]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let dockerfile = &subject.dockerfile;
    let facts = subject.facts();
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let Some(state) = facts.before(dockerfile, index) else { continue };
        for word in expanded(instruction) {
            for name in mentioned_in(&word, dockerfile.escape) {
                let value = state.expand(&word.text, dockerfile.escape);
                let missing = value.missing.contains(&name) && !state.variables.contains_key(&name);
                if !missing || is_given(&name) {
                    continue;
                }
                let Some(help) = advice(subject, state, &name) else { continue };
                hits.push(Hit::at(subject.at(&word.span), format!("nothing sets `{name}` here")).help(help));
            }
        }
    }
}

/// The words in which the builder puts variables in.
fn expanded(instruction: &Instruction) -> Vec<Word> {
    let mut words = Vec::new();
    match &instruction.body {
        Body::Text(word) if instruction.keyword != "MAINTAINER" => words.push(word.clone()),
        Body::Transfer(it) => words.extend(it.sources.iter().chain([&it.target]).cloned()),
        Body::Words(found) => words.extend(found.iter().cloned()),
        Body::Assignments(found) => words.extend(found.iter().filter_map(|it| it.value.clone())),
        _ => {}
    }
    words
}

/// What the builder sets by itself.
fn is_given(name: &str) -> bool {
    let proxy = ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"];
    proxy.contains(&name.to_ascii_uppercase().as_str()) || name == "PATH" || name.len() == 1
}

/// What is surely missing: an ARG from before FROM, a misspelt name, or anything where the base is known.
fn advice(subject: &ImageSubject, state: &State, name: &str) -> Option<String> {
    let facts = subject.facts();
    let global = facts.graph.globals.get(name);
    if global.is_some() {
        return Some(format!("an ARG before FROM is not seen inside a stage; add here: ARG {name}"));
    }
    let near = state.variables.keys().find(|it| is_near(it, name));
    if let Some(near) = near {
        return Some(format!("did you mean ${near}?"));
    }
    state.base_known.then(|| format!("set it: ARG {name}, or ENV {name}=..."))
}

/// Whether two names differ by one letter.
fn is_near(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len() < 4 || a.len().abs_diff(b.len()) > 1 {
        return false;
    }
    let same = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[same..], &b[same..]);
    let rest = |it: &[char]| it.get(1..).unwrap_or_default().to_vec();
    let letters = a.first().is_none_or(|it| it.is_alphabetic()) && b.first().is_none_or(|it| it.is_alphabetic());
    letters && (rest(a) == rest(b) || rest(a) == b || a == rest(b))
}
