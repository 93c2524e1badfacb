//! A plan in the formats of those who review code: annotations, code scanning, code quality, tests.
//!
//! They speak of findings. A plan has those of policies; what was said while it was made and what stops it are told in the same way.

use std::fs::OpenOptions;
use std::io::Write as _;

use serde_json::json;
use windlass_core::diag;
use windlass_core::finding::{Finding, Level};
use windlass_core::plan::{Declared, ImageAction, RepositoryAction};
use windlass_core::report::Report;
use windlass_core::report::wire::{Diagnostic, Image, Repository};
use windlass_policy::evaluate::Found;

use crate::cli::FindingFormat;
use crate::commands::Context;
use crate::commands::lint::render;
use crate::failure::Failure;

/// Returns everything in a plan that somebody should look at, what stops it first.
pub(crate) fn findings(report: &Report) -> Vec<Found> {
    let images = report.images.iter().filter_map(stopped_image);
    let repositories = report.repositories.iter().filter_map(stopped_repository);
    let said = report.diagnostics.iter().map(said);
    let policies = report.policies.iter().cloned().map(|mut finding| {
        let image = report
            .images
            .iter()
            .find(|image| finding.address.as_deref() == Some(image.address.as_str()));
        if let Some(declared) = image.and_then(|it| it.declared.as_ref()) {
            let _moved = to_the_tree(&mut finding, declared);
        }
        finding
    });
    repositories
        .chain(images)
        .chain(policies)
        .chain(said)
        .map(found)
        .collect()
}

/// Returns what was said about a text, to be told beside findings, or in their place where nothing came of it.
pub(crate) fn of_diagnostics(diagnostics: &[diag::Diagnostic]) -> Vec<Found> {
    let wire = diagnostics.iter().map(Diagnostic::from);
    wire.map(|it| found(said(&it))).collect()
}

/// Tells those who review code why nothing came of what they would be shown.
pub(crate) fn tell_failure(context: &Context<'_>, failure: &Failure, format: FindingFormat) {
    let found = of_diagnostics(&failure.diagnostics);
    if format.is_for_reviews() && !found.is_empty() {
        // Whether it can be printed or not, the command fails for what the failure says.
        drop(context.terminal.print(&render(context, &found, format)));
    }
}

fn found(finding: Finding) -> Found {
    Found {
        finding,
        place: None,
        labels: Vec::new(),
        fix: None,
        is_mandatory: false,
        waived_until: None,
    }
}

/// Moves a finding about a line that a pattern wrote to the image's node: reviewers see files of the tree only. Says whether it did.
pub(crate) fn to_the_tree(finding: &mut Finding, declared: &Declared) -> bool {
    let Some(address) = &finding.address else {
        return false;
    };
    if finding.file.as_deref() != Some(format!("{address}/Dockerfile").as_str()) {
        return false;
    }
    if let Some(line) = finding.line {
        let name = address.trim_start_matches("image.");
        finding.message = format!(
            "{} (line {line} of what `windlass render {name}` prints)",
            finding.message
        );
    }
    put(finding, declared);
    true
}

fn put(finding: &mut Finding, declared: &Declared) {
    finding.file = Some(declared.file.clone());
    finding.line = Some(declared.line);
    finding.column = Some(declared.column);
    finding.end_line = Some(declared.end_line);
    finding.end_column = Some(declared.end_column);
}

fn stopped_image(image: &Image) -> Option<Finding> {
    let rule = match image.action {
        ImageAction::Blocked => "plan/blocked",
        ImageAction::Unknown => "plan/unknown",
        _ => return None,
    };
    let reason = image.reasons.first()?;
    let help = reason.help.clone();
    Some(stopped(
        rule,
        (&image.address, image.declared.as_ref()),
        &reason.message,
        help,
    ))
}

fn stopped_repository(repository: &Repository) -> Option<Finding> {
    let rule = match repository.action {
        RepositoryAction::Blocked => "plan/blocked",
        RepositoryAction::Unknown => "plan/unknown",
        _ => return None,
    };
    let why = repository.why.as_deref().unwrap_or("it cannot be changed");
    Some(stopped(
        rule,
        (&repository.address, repository.declared.as_ref()),
        why,
        None,
    ))
}

fn stopped(
    rule: &str,
    (address, declared): (&str, Option<&Declared>),
    message: &str,
    help: Option<String>,
) -> Finding {
    let mut finding = Finding {
        rule: rule.to_owned(),
        level: Level::Deny,
        address: Some(address.to_owned()),
        file: None,
        line: None,
        column: None,
        end_line: None,
        end_column: None,
        message: message.to_owned(),
        help,
        aliases: Vec::new(),
        waived_by: None,
        finding_id: format!("{rule}:{address}"),
    };
    if let Some(declared) = declared {
        put(&mut finding, declared);
        // A place says nothing of what is meant where several images stand in one node.
        finding.message = format!("{address}: {message}");
    }
    finding
}

fn said(diagnostic: &Diagnostic) -> Finding {
    let level = match diagnostic.severity.as_str() {
        "error" => Level::Deny,
        "warning" => Level::Warn,
        _ => Level::Info,
    };
    let place = format!(
        "{}:{}",
        diagnostic.file.as_deref().unwrap_or_default(),
        diagnostic.line.unwrap_or_default()
    );
    Finding {
        rule: diagnostic.code.clone(),
        level,
        address: None,
        file: diagnostic.file.clone(),
        line: diagnostic.line,
        column: diagnostic.column,
        end_line: diagnostic.end_line,
        end_column: diagnostic.end_column,
        message: diagnostic.message.clone(),
        help: diagnostic.help.clone(),
        aliases: Vec::new(),
        waived_by: None,
        finding_id: format!("{}:{place}", diagnostic.code),
    }
}

/// Writes the counts that GitLab shows in a merge request (`artifacts:reports:terraform`).
pub(crate) fn gitlab_widget(report: &Report) -> String {
    let images = |actions: &[ImageAction]| -> usize {
        let counts = actions
            .iter()
            .filter_map(|it| report.summary.images.get(it));
        counts.sum()
    };
    let repositories = |action| {
        let count = report.summary.repositories.get(&action);
        count.copied().unwrap_or(0)
    };
    let create = images(&[
        ImageAction::Build,
        ImageAction::Push,
        ImageAction::Copy,
        ImageAction::Restore,
    ]);
    let document = json!({
        "create": create + repositories(RepositoryAction::Create),
        "update": images(&[ImageAction::Retag]) + repositories(RepositoryAction::Update),
        "delete": repositories(RepositoryAction::Delete),
    });
    format!("{document}\n")
}

/// Appends a text to the summary that GitHub shows of a step; elsewhere nothing happens.
pub(crate) fn step_summary(text: &str) {
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY").filter(|it| !it.is_empty()) else {
        return;
    };
    // A summary that cannot be written takes nothing from the annotations.
    if let Ok(mut file) = OpenOptions::new().append(true).create(true).open(path) {
        drop(file.write_all(text.as_bytes()));
    }
}
