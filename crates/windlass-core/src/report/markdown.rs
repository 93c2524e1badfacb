//! The Markdown view: a comment on a pull request. Summary first, details folded, never longer than a comment may be.
//!
//! The first line is a hidden [`marker`], by which a pipeline finds the comment again and replaces it.

mod detail;
mod escape;

use std::fmt::Write as _;

use crate::plan::{ImageAction, RepositoryAction};
use crate::report::age::age;
use crate::report::style::{image_mark, repository_mark};
use crate::report::summary;
use crate::report::wire::{Image, Report, Repository};
use escape::{code, sentence};

/// The most characters of a comment; GitHub refuses more than 65,536.
pub const LIMIT: usize = 65_000;
/// What the table of changes may take of it.
const TABLE: usize = 30_000;
/// What is kept free for the lines about what was left out.
const RESERVE: usize = 2_000;
/// How many unchanged images are named.
const UNCHANGED: usize = 100;

/// Returns the hidden first line of a comment: `<!-- windlass plan WORKSPACE -->`, with the environment behind it where there is one.
pub fn marker(report: &Report) -> String {
    let names = report.environment.as_ref().map_or_else(
        || report.workspace.clone(),
        |it| format!("{} {it}", report.workspace),
    );
    // Two hyphens or a `>` would end the comment.
    let names: String = names
        .chars()
        .map(|c| match c {
            c if c.is_alphanumeric() || " ._/-".contains(c) => c,
            _ => '_',
        })
        .collect();
    format!("<!-- windlass plan {} -->", names.replace("--", "-_"))
}

/// Writes a plan as a comment of at most [`LIMIT`] characters.
pub fn render_markdown(report: &Report) -> String {
    let mut comment = Comment::new();
    comment.must(&heading(report));
    table(&mut comment, report);
    for repository in changed_repositories(report) {
        let body = detail::repository(repository);
        comment.fold(&repository.address, repository.action.as_str(), &body);
    }
    for image in changed_images(report) {
        let body = detail::image(image);
        comment.fold(&image.address, image.action.as_str(), &body);
    }
    comment.part("unchanged images", &unchanged(report));
    comment.part("notes", &remarks(report));
    comment.finish(&footer(report))
}

fn changed_images(report: &Report) -> impl Iterator<Item = &Image> {
    report
        .images
        .iter()
        .filter(|image| image.action != ImageAction::None)
}

fn changed_repositories(report: &Report) -> impl Iterator<Item = &Repository> {
    report
        .repositories
        .iter()
        .filter(|repository| repository.action != RepositoryAction::None)
}

fn heading(report: &Report) -> String {
    let environment = report.environment.as_ref().map_or(String::new(), |name| {
        format!(", environment {}", code(name))
    });
    let mut text = format!(
        "{}\n### windlass plan: {}{environment}\n\n**{}**\n\n",
        marker(report),
        code(&report.workspace),
        summary::sentence(report)
    );
    if let Some(stop) = summary::stop(report) {
        let _ = writeln!(
            text,
            "> **This plan cannot be applied:** {}.",
            sentence(&stop.what)
        );
        if let Some(rest) = stop.rest {
            let _ = write!(text, ">\n> The rest can: {}\n", code(&rest));
        }
        text.push('\n');
    }
    text
}

/// Writes one row a change; rows beyond the room of the table are counted.
fn table(comment: &mut Comment, report: &Report) {
    let repositories = changed_repositories(report).map(|repository| {
        let (symbol, _) = repository_mark(repository.action);
        let why = repository.why.as_deref().map_or_else(
            || {
                let paths: Vec<String> = repository
                    .changes
                    .iter()
                    .map(|change| code(&change.path))
                    .collect();
                paths.join(", ")
            },
            sentence,
        );
        row(
            symbol,
            &repository.address,
            repository.action.as_str(),
            &why,
        )
    });
    let images = changed_images(report).map(|image| {
        let (symbol, _) = image_mark(image.action);
        let why = image.reasons.first().map_or("", |it| it.message.as_str());
        row(
            symbol,
            &image.address,
            image.action.as_str(),
            &sentence(why),
        )
    });
    let rows: Vec<String> = repositories.chain(images).collect();
    if rows.is_empty() {
        return;
    }
    let mut text = "| | What | Action | Why |\n| --- | --- | --- | --- |\n".to_owned();
    let mut used = 0;
    let fitting = rows.iter().take_while(|row| {
        used += row.chars().count();
        used <= TABLE
    });
    let shown = fitting.fold(0, |shown, row| {
        text.push_str(row);
        shown + 1
    });
    if shown < rows.len() {
        let _ = writeln!(text, "| | {} more | | |", rows.len() - shown);
    }
    text.push('\n');
    comment.must(&text);
}

fn row(symbol: &str, address: &str, action: &str, why: &str) -> String {
    format!("| `{symbol}` | {} | {action} | {why} |\n", code(address))
}

fn unchanged(report: &Report) -> String {
    let images: Vec<&Image> = report
        .images
        .iter()
        .filter(|image| image.action == ImageAction::None)
        .collect();
    if images.is_empty() {
        return String::new();
    }
    let named: Vec<String> = images
        .iter()
        .map(|image| {
            let age = image
                .built_at
                .as_deref()
                .and_then(|then| age(then, &report.created_at));
            age.map_or_else(
                || code(&image.address),
                |age| format!("{} ({age})", code(&image.address)),
            )
        })
        .collect();
    format!(
        "<details><summary>{} unchanged</summary>\n\n{}\n\n</details>\n\n",
        images.len(),
        summary::capped(&named, UNCHANGED, ", ")
    )
}

fn remarks(report: &Report) -> String {
    let mut lines: Vec<String> = report
        .policies
        .iter()
        .map(|finding| {
            let waived = finding
                .waived_by
                .as_deref()
                .map_or(String::new(), |waiver| {
                    format!(", waived by {}", sentence(waiver))
                });
            format!(
                "- policy {} {}: {}{waived}\n",
                finding.level.as_str(),
                code(&finding.rule),
                sentence(&finding.message)
            )
        })
        .collect();
    lines.extend(report.diagnostics.iter().map(|diagnostic| {
        let place = match (&diagnostic.file, diagnostic.line) {
            (Some(file), Some(line)) => format!("{}: ", code(&format!("{file}:{line}"))),
            _ => String::new(),
        };
        let help = diagnostic
            .help
            .as_deref()
            .map_or(String::new(), |help| format!(" Help: {}", sentence(help)));
        let (severity, code) = (&diagnostic.severity, code(&diagnostic.code));
        format!(
            "- {severity} {place}{} ({code}){help}\n",
            sentence(&diagnostic.message)
        )
    }));
    lines.extend(report.bases.iter().filter(|base| !base.locked).map(|base| {
        let reference = code(&format!("{}@{}", base.reference, base.digest));
        format!("- not locked, resolved for this plan: {reference}; `windlass lock` writes it to `windlass.lock`\n")
    }));
    lines.extend(
        report
            .notes
            .iter()
            .map(|note| format!("- note: {}\n", sentence(note))),
    );
    if lines.is_empty() {
        return String::new();
    }
    format!("**Notes**\n\n{}\n", lines.concat())
}

fn footer(report: &Report) -> String {
    let mut facts = vec![format!(
        "Planned {} by windlass {}",
        sentence(&report.created_at),
        sentence(&report.windlass_version)
    )];
    facts.extend(report.registries.iter().take(10).map(|registry| {
        let endpoint = registry
            .endpoint
            .as_deref()
            .map_or(String::new(), |url| format!(", played by {}", code(url)));
        let account = code(&registry.account);
        let region = sentence(&registry.region);
        format!(
            "{} = account {account} in {region}{endpoint}",
            code(&registry.address)
        )
    }));
    facts.extend(
        report
            .git_sha
            .as_ref()
            .map(|sha| format!("commit {}", code(sha))),
    );
    let given = report.variables.iter().filter(|it| it.origin != "default");
    facts.extend(given.take(10).map(|variable| {
        let (name, value) = (code(&variable.name), code(&variable.value));
        format!("{name} = {value} ({})", sentence(&variable.origin))
    }));
    facts.extend(
        report
            .environment_variables
            .iter()
            .take(20)
            .map(|name| code(name)),
    );
    format!("<sub>{}</sub>\n", facts.join(" · "))
}

/// A comment that grows part by part and never past its limit.
struct Comment {
    text: String,
    used: usize,
    left_out: Vec<String>,
}

impl Comment {
    fn new() -> Self {
        Self {
            text: String::new(),
            used: 0,
            left_out: Vec::new(),
        }
    }

    /// Adds a part that is short by construction.
    fn must(&mut self, part: &str) {
        self.text.push_str(part);
        self.used += part.chars().count();
    }

    /// Adds a part if there is room for it, else remembers its name.
    fn part(&mut self, name: &str, part: &str) {
        if self.used + part.chars().count() + RESERVE > LIMIT {
            self.left_out.push(name.to_owned());
        } else {
            self.must(part);
        }
    }

    fn fold(&mut self, address: &str, action: &str, body: &str) {
        if !body.is_empty() {
            let part = format!(
                "<details><summary><code>{address}</code> {action}</summary>\n\n{body}</details>\n\n"
            );
            self.part(&code(address), &part);
        }
    }

    fn finish(mut self, footer: &str) -> String {
        if !self.left_out.is_empty() {
            let what = summary::capped(&self.left_out, 3, ", ");
            self.must(&format!(
                "**Cut here:** a comment has room for {LIMIT} characters. Left out: {what}. `windlass show FILE` and `--format json` have all.\n\n"
            ));
        }
        if self.used + footer.chars().count() <= LIMIT {
            self.must(footer);
        }
        self.text
    }
}

#[cfg(test)]
mod tests;
