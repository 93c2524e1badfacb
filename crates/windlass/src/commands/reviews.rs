//! A plan in the formats of those who review code: annotations, code scanning, code quality, tests.
//!
//! They speak of findings. A plan has those of policies; what was said while it was made and what stops it are told in the same way.

use std::fs::OpenOptions;
use std::io::Write as _;

use serde_json::json;
use windlass_core::finding::{Finding, Level};
use windlass_core::plan::{ImageAction, RepositoryAction};
use windlass_core::report::Report;
use windlass_core::report::wire::{Diagnostic, Image, Repository};
use windlass_policy::evaluate::Found;

/// Returns everything in a plan that somebody should look at, what stops it first.
pub(crate) fn findings(report: &Report) -> Vec<Found> {
    let images = report.images.iter().filter_map(stopped_image);
    let repositories = report.repositories.iter().filter_map(stopped_repository);
    let said = report.diagnostics.iter().map(said);
    repositories
        .chain(images)
        .chain(report.policies.iter().cloned())
        .chain(said)
        .map(|finding| Found {
            finding,
            place: None,
            labels: Vec::new(),
            fix: None,
            is_mandatory: false,
            waived_until: None,
        })
        .collect()
}

fn stopped_image(image: &Image) -> Option<Finding> {
    let rule = match image.action {
        ImageAction::Blocked => "plan/blocked",
        ImageAction::Unknown => "plan/unknown",
        _ => return None,
    };
    let reason = image.reasons.first()?;
    let help = reason.help.clone();
    Some(stopped(rule, &image.address, &reason.message, help))
}

fn stopped_repository(repository: &Repository) -> Option<Finding> {
    let rule = match repository.action {
        RepositoryAction::Blocked => "plan/blocked",
        RepositoryAction::Unknown => "plan/unknown",
        _ => return None,
    };
    let why = repository.why.as_deref().unwrap_or("it cannot be changed");
    Some(stopped(rule, &repository.address, why, None))
}

fn stopped(rule: &str, address: &str, message: &str, help: Option<String>) -> Finding {
    Finding {
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
    }
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
