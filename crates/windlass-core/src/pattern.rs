//! Patterns: the Dockerfiles that windlass writes, as templates with typed parameters.
//!
//! A pattern is named with its major (`python@1`). The bytes that a major renders are frozen by golden tests: a change is a
//! new parameter whose default gives the old bytes, or a new major. Nothing here reads a file; what a template has to know
//! of the build context is asked through [`RenderContext::has_file`].

use std::fmt::Write as _;

use std::collections::BTreeMap;

use crate::diag::{Checked, Code, Diagnostic, Location};
use crate::manifest::model::{Argument, PatternReference, Recipe, Workspace};

mod builtin;
mod ignore;
mod install;
mod own;
mod parameter;
mod quote;
mod render;
mod template;

pub use own::check_definition;
pub use parameter::{Parameter, ParameterDefault, ParameterKind, Shape};
pub use render::{RenderContext, RenderedPattern, render};

/// One major of one pattern.
#[derive(Debug)]
pub struct Pattern {
    /// Its name, such as `python`.
    pub name: &'static str,
    /// Its major, such as 1.
    pub major: u32,
    /// What it is for, in a sentence.
    pub doc: &'static str,
    /// What can be set under `with`, in the order of the documentation.
    pub parameters: &'static [Parameter],
    /// The files that must be in the context when no parameter says otherwise.
    pub expects: &'static [&'static str],
    language: Language,
    template: &'static str,
}

/// What the code has to tell apart beyond the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Language {
    Python,
    Go,
    Node,
}

impl Pattern {
    /// Returns the name as a manifest writes it, such as `python@1`.
    pub fn reference(&self) -> String {
        format!("{}@{}", self.name, self.major)
    }

    /// Returns the parameter of that name.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|it| it.name == name)
    }
}

/// Returns all patterns, newest major of each last, in the order of the documentation.
pub fn all() -> &'static [Pattern] {
    builtin::PATTERNS
}

/// Says that a pattern does not exist, and what may have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternNotFound {
    /// What is wrong: a lower-case fragment.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl PatternNotFound {
    /// Returns it as a diagnostic on the place where the pattern was named.
    pub fn diagnostic(&self, location: &Location) -> Diagnostic {
        Diagnostic::error(Code::UnknownPattern, &self.message)
            .at(location, "no such pattern")
            .help(&self.help)
    }
}

/// Returns the pattern `name@major`.
///
/// # Errors
/// [`PatternNotFound`] where windlass has no such pattern, or not that major of it.
pub fn find(name: &str, major: u32) -> Result<&'static Pattern, PatternNotFound> {
    find_among(all(), name, major)
}

/// Renders the pattern that an image names at `location`: a built-in one, or one of the workspace.
pub fn render_reference(
    reference: &PatternReference,
    location: &Location,
    with: &BTreeMap<String, Argument>,
    context: &RenderContext<'_>,
) -> Checked<RenderedPattern> {
    match reference {
        PatternReference::Own(own) => own::render(own, with, context),
        PatternReference::BuiltIn { name, major } => match find(name, *major) {
            Ok(pattern) => render(pattern, with, context),
            Err(error) => (None, vec![error.diagnostic(location)]),
        },
    }
}

/// Checks the patterns of a workspace, also those that no image follows, and that the built-in patterns it names exist.
pub fn check_workspace(workspace: &Workspace) -> Vec<Diagnostic> {
    let mut problems: Vec<Diagnostic> = workspace
        .patterns
        .iter()
        .flat_map(|it| check_definition(it))
        .collect();
    for image in &workspace.images {
        if let Recipe::Pattern {
            pattern: PatternReference::BuiltIn { name, major },
            location,
            ..
        } = &image.recipe
        {
            let found = find(name, *major);
            problems.extend(found.err().map(|it| it.diagnostic(location)));
        }
    }
    problems
}

fn find_among<'a>(
    patterns: &'a [Pattern],
    name: &str,
    major: u32,
) -> Result<&'a Pattern, PatternNotFound> {
    let majors: Vec<&Pattern> = patterns.iter().filter(|it| it.name == name).collect();
    if let Some(found) = majors.iter().find(|it| it.major == major) {
        return Ok(found);
    }
    let mut message = format!("there is no pattern `{name}@{major}`");
    let help = if let Some(newest) = majors.last() {
        let known: Vec<String> = majors.iter().map(|it| it.major.to_string()).collect();
        write!(message, "; known majors of `{name}`: {}", known.join(", "))
            .expect("a string takes any text");
        format!("write pattern=\"{}\"", newest.reference())
    } else {
        let names: Vec<&str> = patterns.iter().map(|it| it.name).collect();
        if let Some(near) = closest(name, &names) {
            let newest = patterns.iter().rfind(|it| it.name == near);
            let reference = newest.map(Pattern::reference).unwrap_or_default();
            format!("did you mean \"{reference}\"?")
        } else {
            let references: Vec<String> = patterns.iter().map(Pattern::reference).collect();
            format!("patterns are {}", references.join(", "))
        }
    };
    Err(PatternNotFound { message, help })
}

/// Returns the one of `known` that `word` may have been meant for.
fn closest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    similar::get_close_matches(word, known, 1, 0.6)
        .first()
        .copied()
}

#[cfg(test)]
mod own_tests;
#[cfg(test)]
mod tests;
