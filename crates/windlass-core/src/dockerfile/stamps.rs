//! Stamped args: they reach a build and never cause one, so nothing that decides what is built may depend on them.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::diag::{Code, Diagnostic, Severity};

use super::words::mentioned;
use super::{Assignment, Dockerfile, Instruction, Stage};

/// Says where a stamped arg decides what is built (an error), and where its first value is kept (for information).
///
/// Followed through ARG and ENV, and from stage to stage. `stamps` are the names of the stamped args, `args` those of the
/// others, whose values are given and thus override defaults.
pub fn check_stamps(
    dockerfile: &Dockerfile,
    stamps: &BTreeSet<String>,
    args: &BTreeSet<String>,
) -> Vec<Diagnostic> {
    if stamps.is_empty() {
        return Vec::new();
    }
    let mut checker = Checker {
        dockerfile,
        stamps,
        args,
        globals: BTreeSet::new(),
        scope: Scope::default(),
        left: Vec::new(),
        problems: Vec::new(),
    };
    let first = dockerfile.stages.first();
    let end = first.map_or(0, |stage| stage.instructions.start);
    for instruction in &dockerfile.instructions[..end] {
        checker.declare(instruction);
    }
    checker.globals = std::mem::take(&mut checker.scope.args);
    for (index, stage) in dockerfile.stages.iter().enumerate() {
        checker.enter(index, stage);
        for instruction in dockerfile.instructions_of(index).iter().skip(1) {
            checker.check(instruction);
        }
        let scope = std::mem::take(&mut checker.scope);
        checker.left.push(scope.environment);
    }
    checker.problems
}

/// The variables of a stage that hold a stamped value.
#[derive(Default)]
struct Scope {
    args: BTreeSet<String>,
    environment: BTreeSet<String>,
}

struct Checker<'a> {
    dockerfile: &'a Dockerfile,
    stamps: &'a BTreeSet<String>,
    args: &'a BTreeSet<String>,
    /// Args before the first FROM that hold a stamped value.
    globals: BTreeSet<String>,
    scope: Scope,
    /// The environment that each finished stage leaves.
    left: Vec<BTreeSet<String>>,
    problems: Vec<Diagnostic>,
}

impl Checker<'_> {
    fn enter(&mut self, index: usize, stage: &Stage) {
        let words = [
            Some(&stage.base),
            stage.name.as_ref(),
            stage.platform.as_ref(),
        ];
        for word in words.into_iter().flatten() {
            let name = self.first_stamped(&word.text, &self.globals);
            if let Some(name) = name {
                self.decides(&name, "FROM", &word.span);
            }
        }
        if let Some(parent) = self.dockerfile.stage_named(&stage.base.text, index) {
            self.scope.environment = self.left[parent].clone();
        }
    }

    fn check(&mut self, instruction: &Instruction) {
        match instruction.keyword.as_str() {
            "ARG" => self.declare(instruction),
            "ENV" => self.set_environment(instruction),
            "COPY" | "ADD" | "USER" | "WORKDIR" => {
                let keyword = instruction.keyword.clone();
                self.check_flags(instruction);
                if let Some((name, span)) = self.found_in(instruction) {
                    self.decides(&name, &keyword, &span);
                }
            }
            "RUN" => {
                self.check_flags(instruction);
                if let Some((name, span)) = self.found_in(instruction) {
                    self.kept(&name, "RUN", &span);
                }
            }
            "LABEL" | "EXPOSE" | "VOLUME" | "STOPSIGNAL" => {
                if let Some((name, span)) = self.found_in(instruction) {
                    let keyword = instruction.keyword.clone();
                    self.kept(&name, &keyword, &span);
                }
            }
            _ => {}
        }
    }

    fn declare(&mut self, instruction: &Instruction) {
        if instruction.keyword != "ARG" {
            return;
        }
        for assignment in instruction.assignments() {
            let name = &assignment.name.text;
            let inherited = match &assignment.value {
                Some(default) => self.stamped_here(&default.text).is_some(),
                None => self.globals.contains(name),
            };
            let given = self.args.contains(name);
            if self.stamps.contains(name) || (inherited && !given) {
                self.scope.args.insert(name.clone());
            } else {
                self.scope.args.remove(name);
            }
        }
    }

    fn set_environment(&mut self, instruction: &Instruction) {
        let before: Vec<(&Assignment, Option<String>)> = instruction
            .assignments()
            .iter()
            .map(|it| {
                (
                    it,
                    it.value.as_ref().and_then(|it| self.stamped_here(&it.text)),
                )
            })
            .collect();
        for (assignment, stamped) in before {
            let name = &assignment.name;
            if let Some(stamp) = stamped {
                let end = assignment
                    .value
                    .as_ref()
                    .map_or(name.span.end, |it| it.span.end);
                self.kept(&stamp, "ENV", &(name.span.start..end));
                self.scope.environment.insert(name.text.clone());
            } else {
                self.scope.environment.remove(&name.text);
                self.scope.args.remove(&name.text);
            }
        }
    }

    fn check_flags(&mut self, instruction: &Instruction) {
        for flag in &instruction.flags {
            if let Some(name) = self.stamped_here(&flag.value.text) {
                let place = format!("{} --{}", instruction.keyword, flag.name);
                self.decides(&name, &place, &flag.value.span);
            }
        }
    }

    /// Returns the first stamped variable that an instruction or one of its heredocs mentions.
    fn found_in(&self, instruction: &Instruction) -> Option<(String, Range<usize>)> {
        let shell = instruction.keyword == "RUN";
        let mentions = mentioned(&instruction.arguments, self.dockerfile.escape);
        let direct = mentions.into_iter().find(|(name, _)| self.holds(name));
        if let Some((name, range)) = direct {
            return Some((name, instruction.word(range).span));
        }
        instruction
            .heredocs
            .iter()
            .filter(|it| shell || it.expands)
            .find_map(|heredoc| {
                let body = &self.dockerfile.source.text[heredoc.span.clone()];
                let found = mentioned(body, self.dockerfile.escape);
                let (name, range) = found.into_iter().find(|(name, _)| self.holds(name))?;
                let start = heredoc.span.start;
                Some((name, range.start + start..range.end + start))
            })
    }

    fn holds(&self, name: &str) -> bool {
        self.scope.environment.contains(name) || self.scope.args.contains(name)
    }

    fn stamped_here(&self, text: &str) -> Option<String> {
        mentioned(text, self.dockerfile.escape)
            .into_iter()
            .map(|(name, _)| name)
            .find(|name| self.holds(name))
    }

    fn first_stamped(&self, text: &str, among: &BTreeSet<String>) -> Option<String> {
        mentioned(text, self.dockerfile.escape)
            .into_iter()
            .map(|(name, _)| name)
            .find(|name| among.contains(name))
    }

    fn decides(&mut self, name: &str, place: &str, span: &Range<usize>) {
        self.problems.push(
            Diagnostic::error(
                Code::DockerfileStampDecides,
                format!("{place} depends on `{name}`, which holds a stamped value"),
            )
            .at(
                &self.dockerfile.location(span),
                "a stamped value never causes a build, so it cannot decide what is built",
            )
            .help("move the arg out of `stamp`; then a new value builds a new image"),
        );
    }

    fn kept(&mut self, name: &str, place: &str, span: &Range<usize>) {
        let note = Diagnostic::warning(
            Code::DockerfileStampKept,
            format!("{place} uses `{name}`, which holds a stamped value"),
        )
        .at(
            &self.dockerfile.location(span),
            "the image keeps the value of its first build",
        );
        self.problems.push(Diagnostic {
            severity: Severity::Info,
            ..note
        });
    }
}
