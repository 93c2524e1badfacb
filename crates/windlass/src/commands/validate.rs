//! `windlass validate`: everything that can be said about a manifest without a registry or a builder.

use std::collections::BTreeSet;

use serde_json::json;
use windlass_backends::files::WorkspaceFiles;
use windlass_core::diag::{Diagnostic, Severity, has_errors, json as diagnostics_json, sort, text};
use windlass_engine::recipe::{absent_files, prepare};

use crate::cli::{DiagnosticFormat, Global, ValidateArgs};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::load::{self, Place, Resolved};
use crate::session::default_host;

pub(crate) fn run(context: &Context<'_>, arguments: &ValidateArgs) -> Result<Exit, Failure> {
    let (diagnostics, summary) = check(context)?;
    let failed = has_errors(&diagnostics);
    let exit = if failed { Exit::Error } else { Exit::Done };
    let format = if arguments.json {
        DiagnosticFormat::Json
    } else {
        arguments.format
    };
    match format {
        DiagnosticFormat::Json => json_out(context, &diagnostics)?,
        DiagnosticFormat::Short => {
            let (shown, more) = text::first(&diagnostics);
            context.terminal.print(&text::render_plain(shown))?;
            context.terminal.say(&more);
        }
        DiagnosticFormat::Text => {
            context.terminal.show(&diagnostics);
            context.terminal.print(&summary)?;
            if !failed {
                let next =
                    "Next: windlass plan, or without an AWS account: windlass --local plan\n";
                context.terminal.say(next);
            }
        }
    }
    Ok(exit)
}

fn json_out(context: &Context<'_>, diagnostics: &[Diagnostic]) -> Result<(), Failure> {
    let document = json!({
        "format_version": "1.0",
        "valid": !has_errors(diagnostics),
        "diagnostics": diagnostics_json::to_json(diagnostics),
    });
    context.terminal.print(&format!("{document:#}\n"))
}

/// Returns all diagnostics, and what to say where there is no error.
pub(super) fn check(context: &Context<'_>) -> Result<(Vec<Diagnostic>, String), Failure> {
    check_place(&load::find(context.global)?, context.global)
}

/// The same for a manifest that has been found: for each environment, unless one is chosen.
pub(crate) fn check_place(
    place: &Place,
    global: &Global,
) -> Result<(Vec<Diagnostic>, String), Failure> {
    let (mut diagnostics, mut each) = load::load_each(place, global, &default_host)?;
    let files = WorkspaceFiles::new(place.root.clone());
    for resolved in &mut each {
        let images = resolved.workspace.iter().flat_map(|it| &it.images);
        for image in images {
            let (prepared, problems) = prepare(image, &files);
            resolved.diagnostics.extend(problems);
            let absent = prepared.map(|it| absent_files(image, &it, &files));
            resolved.diagnostics.extend(absent.unwrap_or_default());
        }
    }
    let summary = summary(place, &each);
    diagnostics.extend(joined(&each));
    sort(&mut diagnostics);
    if has_errors(&diagnostics) {
        return Ok((diagnostics, String::new()));
    }
    Ok((diagnostics, summary))
}

/// Joins what is said of each environment: once where it holds for all, else with the environment.
fn joined(each: &[Resolved]) -> Vec<Diagnostic> {
    let shared = |it: &Diagnostic| each.iter().all(|other| other.diagnostics.contains(it));
    let failed = each.iter().any(|it| has_errors(&it.diagnostics));
    let mut all = Vec::new();
    for resolved in each {
        for diagnostic in &resolved.diagnostics {
            // After an error less is looked at, so that what is missing there says nothing.
            let is_error = diagnostic.severity == Severity::Error;
            let environment = resolved.environment.as_ref();
            let environment = environment.filter(|_| (is_error || !failed) && !shared(diagnostic));
            let diagnostic = diagnostic.clone();
            all.push(match environment {
                Some(name) => {
                    diagnostic.at(&name.location, format!("in environment `{}`", name.value))
                }
                None => diagnostic,
            });
        }
    }
    all
}

fn summary(place: &Place, each: &[Resolved]) -> String {
    let workspaces = || each.iter().filter_map(|it| it.workspace.as_ref());
    if workspaces().count() < each.len() || each.is_empty() {
        return String::new();
    }
    let images = workspaces().flat_map(|it| &it.images);
    let images: BTreeSet<_> = images.map(|it| &it.name).collect();
    let repositories = workspaces().flat_map(|it| &it.repositories);
    let repositories: BTreeSet<_> = repositories.map(|it| &it.key).collect();
    let registries = workspaces().flat_map(|it| &it.registries);
    let registries: BTreeSet<_> = registries.map(|it| &it.name).collect();
    let environments: Vec<&str> = each
        .iter()
        .filter_map(|it| Some(it.environment.as_ref()?.value.as_str()))
        .collect();
    let mut summary = format!(
        "{} is valid: {}, {}, {}",
        place.manifest,
        count(images.len(), "image", "images"),
        count(repositories.len(), "repository", "repositories"),
        count(registries.len(), "registry", "registries"),
    );
    if !environments.is_empty() {
        let word = if environments.len() == 1 {
            "environment"
        } else {
            "environments"
        };
        summary.extend(["; ", word, " ", &environments.join(", ")]);
    }
    summary.push_str(".\n");
    summary
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
