//! `windlass validate`: everything that can be said about a manifest without a registry or a builder.

use serde_json::json;
use windlass_backends::files::WorkspaceFiles;
use windlass_core::diag::{Diagnostic, has_errors, json as diagnostics_json, text};
use windlass_engine::recipe::{absent_files, prepare};

use crate::cli::{DiagnosticFormat, Global, ValidateArgs};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::load::{self, Place};
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

/// The same for a manifest that has been found.
pub(crate) fn check_place(
    place: &Place,
    global: &Global,
) -> Result<(Vec<Diagnostic>, String), Failure> {
    let loaded = match load::load(place, global, &default_host) {
        Ok(loaded) => loaded,
        Err(failure) if !failure.diagnostics.is_empty() => {
            return Ok((failure.diagnostics, String::new()));
        }
        Err(failure) => return Err(failure),
    };
    let workspace = &loaded.workspace;
    let summary = format!(
        "{} is valid: {}, {}, {}.\n",
        place.manifest,
        count(workspace.images.len(), "image", "images"),
        count(workspace.repositories.len(), "repository", "repositories"),
        count(workspace.registries.len(), "registry", "registries"),
    );
    let files = WorkspaceFiles::new(place.root.clone());
    let mut diagnostics = loaded.diagnostics;
    for image in &workspace.images {
        let (prepared, problems) = prepare(image, &files);
        diagnostics.extend(problems);
        let absent = prepared.map(|it| absent_files(image, &it, &files));
        diagnostics.extend(absent.unwrap_or_default());
    }
    if has_errors(&diagnostics) {
        return Ok((diagnostics, String::new()));
    }
    Ok((diagnostics, summary))
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}
