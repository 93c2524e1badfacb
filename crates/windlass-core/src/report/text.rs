//! The text view: what a reviewer reads in a terminal or a log. It needs neither colour nor another tool.

mod image;
mod page;
mod repository;
mod unread;

use crate::diag::visible::visible;
use crate::plan::{ImageAction, RepositoryAction};
use crate::report::age::age;
use crate::report::changes::short_digest;
use crate::report::style::Tone;
use crate::report::summary::{self, capped};
use crate::report::wire::{Diagnostic, Finding, Image, Level, Report};
use page::Page;

/// How many unchanged images are named.
const UNCHANGED: usize = 20;

/// How a text is written.
#[derive(Debug, Clone, Copy)]
pub struct TextOptions {
    /// Whether to paint with ANSI colours.
    pub color: bool,
    /// Columns that sentences are wrapped to; less than 40 counts as 40.
    pub width: usize,
}

/// Writes a plan for people.
pub fn render_text(report: &Report, options: &TextOptions) -> String {
    let mut page = Page::new(options);
    header(&mut page, report);
    repositories(&mut page, report);
    images(&mut page, report);
    findings(&mut page, &report.policies);
    remarks(&mut page, report);
    ending(&mut page, report);
    page.finish()
}

fn header(page: &mut Page, report: &Report) {
    let environment = report.environment.as_ref().map_or(String::new(), |name| {
        format!(", environment {}", visible(name))
    });
    page.line(
        0,
        Tone::Strong,
        &format!("Workspace {}{environment}", visible(&report.workspace)),
    );
    let mut fact = |name: &str, value: &str| page.fact(2, 10, name, value);
    fact(
        "planned",
        &format!(
            "{} by windlass {}",
            report.created_at, report.windlass_version
        ),
    );
    for registry in &report.registries {
        let endpoint = registry
            .endpoint
            .as_ref()
            .map_or(String::new(), |url| format!(", played by {url}"));
        let name = registry.address.trim_start_matches("registry.");
        let (account, region) = (&registry.account, &registry.region);
        fact(
            "registry",
            &format!("{name} = account {account} in {region}{endpoint}"),
        );
    }
    if let Some(builder) = &report.builder {
        fact("builder", &visible(builder));
    }
    if let Some(sha) = &report.git_sha {
        fact("commit", sha.get(..12).unwrap_or(sha));
    }
    for variable in report.variables.iter().filter(|it| it.origin != "default") {
        fact(
            "variable",
            &format!(
                "{} = {} ({})",
                visible(&variable.name),
                visible(&variable.value),
                visible(&variable.origin)
            ),
        );
    }
    if !report.environment_variables.is_empty() {
        fact("set by", &report.environment_variables.join(" "));
    }
}

fn repositories(page: &mut Page, report: &Report) {
    let changed: Vec<_> = report
        .repositories
        .iter()
        .filter(|it| it.action != RepositoryAction::None)
        .collect();
    if changed.is_empty() {
        return;
    }
    page.heading("Repositories");
    for repository in unread::repositories(page, changed) {
        page.blank();
        repository::repository(page, repository);
    }
}

/// Writes the changed images, those that stop the plan last, where the eye ends.
fn images(page: &mut Page, report: &Report) {
    let (unchanged, changed): (Vec<&Image>, Vec<&Image>) = report
        .images
        .iter()
        .partition(|image| image.action == ImageAction::None);
    let (stopped, going): (Vec<&Image>, Vec<&Image>) = changed
        .into_iter()
        .partition(|image| summary::is_stopped(image));
    if going.len() + stopped.len() > 0 {
        page.heading("Images");
    }
    let (unknown, stopped): (Vec<&Image>, Vec<&Image>) = stopped
        .into_iter()
        .partition(|image| image.action == ImageAction::Unknown);
    let unknown = unread::images(page, unknown);
    for image in going.into_iter().chain(unknown).chain(stopped) {
        page.blank();
        image::image(page, image);
    }
    let named: Vec<String> = unchanged
        .iter()
        .map(|image| {
            let age = image
                .built_at
                .as_deref()
                .and_then(|then| age(then, &report.created_at));
            age.map_or_else(
                || image.address.clone(),
                |age| format!("{} ({age})", image.address),
            )
        })
        .collect();
    if !named.is_empty() {
        page.blank();
        let text = format!(
            "{} unchanged: {}",
            named.len(),
            capped(&named, UNCHANGED, ", ")
        );
        page.wrapped(0, 4, "= ", Tone::Quiet, &text);
    }
}

fn findings(page: &mut Page, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    page.heading("Policies");
    for finding in findings {
        let (word, tone) = match finding.level {
            Level::Deny => ("deny", Tone::Blocked),
            Level::RequireApproval => ("require-approval", Tone::Change),
            Level::Warn => ("warn", Tone::Change),
            Level::Info | Level::Off => ("info", Tone::Quiet),
        };
        let place = place(finding.file.as_deref(), finding.line, finding.column);
        let text = format!("{place}{}: {}", finding.rule, finding.message);
        page.wrapped(2, 4, &format!("{word} "), tone, &text);
        if let Some(waiver) = &finding.waived_by {
            page.wrapped(4, 6, "waived by ", Tone::Quiet, waiver);
        } else if let Some(help) = &finding.help {
            page.wrapped(4, 6, "help: ", Tone::Strong, help);
        }
    }
}

fn remarks(page: &mut Page, report: &Report) {
    let unlocked: Vec<String> = report
        .bases
        .iter()
        .filter(|base| !base.locked)
        .map(|base| format!("{} {}", base.reference, short_digest(&base.digest)))
        .collect();
    if unlocked.is_empty() && report.notes.is_empty() && report.diagnostics.is_empty() {
        return;
    }
    page.heading("Notes");
    for diagnostic in &report.diagnostics {
        remark(page, diagnostic);
    }
    if !unlocked.is_empty() {
        let images = match unlocked.len() {
            1 => "1 base image is not locked".to_owned(),
            count => format!("{count} base images are not locked"),
        };
        let text = format!("{images}, resolved for this plan:");
        page.wrapped(2, 4, "- ", Tone::Plain, &text);
        for base in &unlocked {
            page.wrapped(4, 6, "", Tone::Plain, base);
        }
        let help = "`windlass lock` writes them to windlass.lock";
        page.wrapped(4, 6, "help: ", Tone::Strong, help);
    }
    for note in &report.notes {
        page.wrapped(2, 4, "- ", Tone::Plain, note);
    }
}

fn remark(page: &mut Page, diagnostic: &Diagnostic) {
    let tone = match diagnostic.severity.as_str() {
        "error" => Tone::Blocked,
        "warning" => Tone::Change,
        _ => Tone::Quiet,
    };
    let place = place(
        diagnostic.file.as_deref(),
        diagnostic.line,
        diagnostic.column,
    );
    let text = format!("{place}{} [{}]", diagnostic.message, diagnostic.code);
    page.wrapped(2, 4, &format!("{}: ", diagnostic.severity), tone, &text);
    if let Some(help) = &diagnostic.help {
        page.wrapped(4, 6, "help: ", Tone::Strong, help);
    }
}

fn place(file: Option<&str>, line: Option<usize>, column: Option<usize>) -> String {
    match (file, line, column) {
        (Some(file), Some(line), Some(column)) => format!("{file}:{line}:{column}: "),
        (Some(file), _, _) => format!("{file}: "),
        _ => String::new(),
    }
}

fn ending(page: &mut Page, report: &Report) {
    page.blank();
    page.line(0, Tone::Strong, &summary::sentence(report));
    if let Some(stop) = summary::stop(report) {
        page.wrapped(
            0,
            4,
            "This plan cannot be applied: ",
            Tone::Blocked,
            &format!("{}.", stop.what),
        );
        if let Some(rest) = stop.rest {
            page.wrapped(0, 4, "The rest can: ", Tone::Strong, &rest);
        }
    }
}
