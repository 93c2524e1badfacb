//! What is folded: the settings of a repository; reasons, differences and tags of an image.

use std::fmt::Write as _;

use serde_json::Value;

use crate::diag::visible::{visible, visible_line};
use crate::plan::{ImageAction, TagAction};
use crate::report::changes::{
    FileChangeKind, dockerfile_diff, file_changes, short_digest, value_changes,
};
use crate::report::markdown::escape::{block, code, sentence};
use crate::report::style::tag_mark;
use crate::report::wire::{Change, Image, Reason, Repository, Tag, Target};

/// How many changed files are listed one by one.
const FILES: usize = 100;
/// How many lines of a block are shown.
const LINES: usize = 200;
/// How many characters of a block are shown.
const ROOM: usize = 10_000;
/// How many characters of a line are shown.
const COLUMNS: usize = 300;

pub(super) fn repository(repository: &Repository) -> String {
    let mut text = String::new();
    if let Some(why) = &repository.why {
        let _ = write!(text, "{}\n\n", sentence(why));
    }
    if repository.changes.is_empty() {
        return text;
    }
    text.push_str("| Setting | Before | After |\n| --- | --- | --- |\n");
    for change in &repository.changes {
        let replacement = if change.forces_replacement {
            " (only by replacing the repository, which windlass never does)"
        } else {
            ""
        };
        let _ = writeln!(
            text,
            "| {} | {} | {}{replacement} |",
            code(&change.path),
            setting(&change.before),
            setting(&change.after)
        );
    }
    text.push('\n');
    text
}

fn setting(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(flag) => code(&format!("#{flag}")),
        Value::String(text) => code(text),
        Value::Array(items) => items.iter().map(setting).collect::<Vec<_>>().join("<br>"),
        other => code(&other.to_string()),
    }
}

pub(super) fn image(image: &Image) -> String {
    let mut text: String = image.reasons.iter().map(reason).collect();
    text.push('\n');
    let mut shown: Vec<&[Change]> = Vec::new();
    for reason in &image.reasons {
        if let Some(changes) = reason.changes.as_deref().filter(|it| !shown.contains(it)) {
            shown.push(changes);
            text.push_str(&differences(reason, changes));
        }
    }
    let dockerfile = image.dockerfile.after.as_deref();
    if let (true, ImageAction::Build, Some(dockerfile)) =
        (shown.is_empty(), image.action, dockerfile)
    {
        text.push_str(&block("dockerfile", &lines(dockerfile)));
    }
    let context = image.context.as_ref().map(|context| {
        let noun = if context.files == 1 { "file" } else { "files" };
        format!(
            "context {} with {} {noun}",
            code(&context.path),
            context.files
        )
    });
    let fingerprint = image
        .fingerprint
        .as_deref()
        .map(|it| format!("fingerprint {}", code(it)));
    let platforms = (!image.platforms.is_empty()).then(|| image.platforms.join(", "));
    let needs = image
        .needs
        .iter()
        .map(|need| format!("built from {}", code(need)));
    let facts: Vec<String> = fingerprint
        .into_iter()
        .chain(context)
        .chain(platforms)
        .chain(needs)
        .collect();
    if !facts.is_empty() {
        let _ = write!(text, "{}\n\n", facts.join(", "));
    }
    text.extend(image.targets.iter().map(|target| tags(image, target)));
    text
}

fn reason(reason: &Reason) -> String {
    let help = reason.help.as_deref().map_or(String::new(), |help| {
        format!("<br>**Help:** {}", sentence(help))
    });
    format!("- {}{help}\n", sentence(&reason.message))
}

fn differences(reason: &Reason, changes: &[Change]) -> String {
    let files = file_changes(changes);
    let mut listed: Vec<String> = match &reason.folders {
        Some(folders) if files.len() > FILES => folders
            .iter()
            .take(FILES)
            .map(|folder| {
                let count = folder.added + folder.changed + folder.removed + folder.mode_changed;
                format!(
                    "~ {count} of {} files in {}",
                    folder.files,
                    visible(&folder.path)
                )
            })
            .collect(),
        _ => files
            .iter()
            .map(|file| {
                let symbol = match file.kind {
                    FileChangeKind::Added => "+",
                    FileChangeKind::Removed => "-",
                    FileChangeKind::Changed | FileChangeKind::Mode => "~",
                };
                let modes = file.modes.map_or(String::new(), |(before, after)| {
                    format!(" mode {before} -> {after}")
                });
                shortened(&format!("{symbol} {}{modes}", visible(file.path)))
            })
            .collect(),
    };
    for value in value_changes(changes) {
        let values = if value.shows_values {
            let [before, after] =
                [value.before, value.after].map(|it| visible(it.unwrap_or("(none)")));
            format!(" {before} -> {after}")
        } else {
            String::new()
        };
        listed.push(shortened(&format!("~ {}{values}", visible(&value.name))));
    }
    let diff = dockerfile_diff(changes).map_or(String::new(), |diff| block("diff", &lines(diff)));
    block("diff", &fitting(listed)) + &diff
}

fn lines(text: &str) -> Vec<String> {
    fitting(
        text.lines()
            .map(|line| shortened(&visible_line(line)))
            .collect(),
    )
}

/// Returns the first lines, as many as there is room for, and how many more there are.
fn fitting(mut lines: Vec<String>) -> Vec<String> {
    let mut used = 0;
    let fit = lines.iter().take(LINES).take_while(|line| {
        used += line.chars().count() + 1;
        used <= ROOM
    });
    let fit = fit.count();
    let left = lines.len() - fit;
    lines.truncate(fit);
    if left > 0 {
        lines.push(format!("({left} more lines)"));
    }
    lines
}

fn shortened(line: &str) -> String {
    match line.char_indices().nth(COLUMNS) {
        Some((end, _)) => format!("{} (cut)", &line[..end]),
        None => line.to_owned(),
    }
}

fn tags(image: &Image, target: &Target) -> String {
    let stopped = matches!(target.action, ImageAction::Blocked | ImageAction::Unknown);
    if stopped && target.tags.iter().all(|tag| tag.from_digest.is_none()) {
        return String::new();
    }
    let place = match &target.repository_uri {
        Some(uri) => code(uri),
        None if stopped => code(&target.repository),
        None => format!("{} (new)", code(&target.repository)),
    };
    if target.tags.is_empty() {
        return format!("No tags wanted in {place}: it is kept under its digest.\n\n");
    }
    let rows: String = target.tags.iter().map(|tag| tag_row(image, tag)).collect();
    format!(
        "Tags in {place}\n\n| | Tag | Action | Now | Then |\n| --- | --- | --- | --- | --- |\n{rows}\n"
    )
}

fn tag_row(image: &Image, tag: &Tag) -> String {
    let (symbol, _) = tag_mark(tag.action);
    let digest =
        |digest: &Option<String>| digest.as_deref().map(|digest| code(short_digest(digest)));
    let later = match (tag.action, image.action) {
        (TagAction::Blocked | TagAction::Unknown, _) => "",
        (_, ImageAction::Push | ImageAction::Copy | ImageAction::Restore) => "known after push",
        _ => "known after build",
    };
    format!(
        "| `{symbol}` | {} | {} | {} | {} |\n",
        code(&tag.tag),
        tag.action.as_str(),
        digest(&tag.from_digest).unwrap_or_default(),
        digest(&tag.to_digest).unwrap_or_else(|| later.to_owned())
    )
}
