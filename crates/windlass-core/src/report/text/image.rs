//! An image in the text view: what is done, why, and what it comes to in each repository.

use crate::diag::visible::{visible, visible_line};
use crate::plan::{ImageAction, TagAction};
use crate::report::changes::{
    FileChange, FileChangeKind, dockerfile_diff, file_changes, short_digest, value_changes,
};
use crate::report::style::{Tone, diff_tone, image_mark, tag_mark};
use crate::report::text::page::{Page, pad};
use crate::report::wire::{Change, Folder, Image, Reason, ReasonKind, Tag, Target};

/// How many changed files are listed one by one.
const FILES: usize = 12;
/// How many folders are listed.
const FOLDERS: usize = 10;
/// Where values begin at the latest, unless their name is longer.
const VALUE_COLUMN: usize = 32;
/// How many lines of a Dockerfile's diff are shown.
const DIFF_LINES: usize = 200;

pub(super) fn image(page: &mut Page, image: &Image) {
    headline(page, image);
    for reason in image.reasons.iter().skip(1) {
        if !matches!(
            reason.kind,
            ReasonKind::TagMissing | ReasonKind::TagElsewhere
        ) {
            page.wrapped(4, 6, "", Tone::Plain, &reason.message);
        }
    }
    for reason in &image.reasons {
        if let Some(help) = &reason.help {
            page.wrapped(4, 6, "help: ", Tone::Strong, help);
        }
    }
    let mut shown: Vec<&[Change]> = Vec::new();
    for reason in &image.reasons {
        if let Some(changes) = reason.changes.as_deref().filter(|it| !shown.contains(it)) {
            shown.push(changes);
            differences(page, image, reason, changes);
        }
    }
    if shown.is_empty() && image.action == ImageAction::Build {
        whole(page, image);
    }
    if image.action == ImageAction::Build && !image.needs.is_empty() {
        page.fact(4, 12, "built from", &image.needs.join(" "));
    }
    for target in &image.targets {
        tags(page, image, target);
    }
}

fn headline(page: &mut Page, image: &Image) {
    let (symbol, tone) = image_mark(image.action);
    let fingerprint = image.fingerprint.as_deref().map_or("", |fingerprint| {
        fingerprint.get(..12).unwrap_or(fingerprint)
    });
    let gap = if fingerprint.is_empty() { "" } else { "  " };
    let spans = [
        (tone, symbol),
        (Tone::Plain, " "),
        (Tone::Strong, image.address.as_str()),
        (Tone::Plain, "  "),
        (tone, image.action.as_str()),
        (Tone::Plain, gap),
        (Tone::Quiet, fingerprint),
    ];
    let why = image.reasons.first().map_or("", |it| it.message.as_str());
    page.headline(&spans, why);
}

/// Writes what a build is made of where there is nothing to compare it with.
fn whole(page: &mut Page, image: &Image) {
    if let Some(context) = &image.context {
        let noun = if context.files == 1 { "file" } else { "files" };
        let text = format!(
            "{}, {} {noun}, {}",
            context.path,
            context.files,
            size(context.bytes)
        );
        page.fact(4, 12, "context", &text);
    }
    if let Some(dockerfile) = &image.dockerfile.after {
        let name = image.address.trim_start_matches("image.");
        let text = format!(
            "{} lines; `windlass render {name}` shows it",
            dockerfile.lines().count()
        );
        page.fact(4, 12, "Dockerfile", &text);
    }
    if !image.platforms.is_empty() {
        page.fact(4, 12, "platform", &image.platforms.join(" "));
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "one digit behind the point is shown"
)]
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

fn differences(page: &mut Page, image: &Image, reason: &Reason, changes: &[Change]) {
    let files = file_changes(changes);
    if !files.is_empty() {
        let removed = files
            .iter()
            .filter(|file| file.kind == FileChangeKind::Removed)
            .count();
        let heading = match &image.context {
            Some(context) => {
                let total = context.files + removed;
                format!("files  {} of {total} in {}", files.len(), context.path)
            }
            None => "files".to_owned(),
        };
        page.line(4, Tone::Strong, &visible(&heading));
        match &reason.folders {
            Some(folders) if files.len() > FILES => folder_lines(page, folders, &files),
            _ => files.iter().for_each(|file| file_line(page, file)),
        }
    }
    let values = value_changes(changes);
    if !values.is_empty() {
        page.line(4, Tone::Strong, "values");
        let column = values.iter().map(|it| it.name.chars().count() + 2).max();
        let column = column.unwrap_or(0).min(VALUE_COLUMN);
        for value in &values {
            let (symbol, tone) = match (value.before, value.after) {
                (None, Some(_)) => ("+ ", Tone::Create),
                (Some(_), None) => ("- ", Tone::Remove),
                _ => ("~ ", Tone::Change),
            };
            let name = pad(&visible(&value.name), column);
            let before = visible(value.before.unwrap_or("(none)"));
            let after = visible(value.after.unwrap_or("(none)"));
            if value.shows_values {
                let spans = [
                    (tone, symbol),
                    (Tone::Plain, name.as_str()),
                    (Tone::Remove, &*before),
                    (Tone::Plain, " -> "),
                    (Tone::Create, &*after),
                ];
                page.spans(6, &spans);
            } else {
                page.spans(6, &[(tone, symbol), (Tone::Plain, &name)]);
            }
        }
    }
    if let Some(diff) = dockerfile_diff(changes) {
        page.line(4, Tone::Strong, "Dockerfile");
        for line in diff.lines().take(DIFF_LINES) {
            page.line(6, diff_tone(line), &visible_line(line));
        }
        let left = diff.lines().count().saturating_sub(DIFF_LINES);
        if left > 0 {
            page.line(
                6,
                Tone::Quiet,
                &format!("{left} more lines: `--format json` has all"),
            );
        }
    }
}

fn file_mark(kind: FileChangeKind) -> (&'static str, Tone) {
    match kind {
        FileChangeKind::Added => ("+ ", Tone::Create),
        FileChangeKind::Removed => ("- ", Tone::Remove),
        FileChangeKind::Changed | FileChangeKind::Mode => ("~ ", Tone::Change),
    }
}

fn file_line(page: &mut Page, file: &FileChange<'_>) {
    let (symbol, tone) = file_mark(file.kind);
    let modes = file.modes.map_or(String::new(), |(before, after)| {
        format!("  mode {before} -> {after}")
    });
    page.spans(
        6,
        &[
            (tone, symbol),
            (Tone::Plain, &visible(file.path)),
            (Tone::Plain, &modes),
        ],
    );
}

fn folder_lines(page: &mut Page, folders: &[Folder], files: &[FileChange<'_>]) {
    for folder in folders.iter().take(FOLDERS) {
        let counts = [
            (folder.changed, "changed"),
            (folder.added, "added"),
            (folder.removed, "removed"),
            (folder.mode_changed, "with another mode"),
        ];
        let count: usize = counts.iter().map(|(count, _)| count).sum();
        let words: Vec<String> = counts
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
        let text = format!(
            "{count} of {} files in {} ({})",
            folder.files,
            folder.path,
            words.join(", ")
        );
        page.wrapped(6, 8, "~ ", Tone::Change, &text);
        let below = folder.path.trim_start_matches("./");
        let example = files.iter().find(|file| {
            file.path
                .strip_prefix(below)
                .is_some_and(|rest| !below.is_empty() || !rest.contains('/'))
        });
        if let Some(example) = example {
            page.wrapped(8, 10, "such as ", Tone::Quiet, example.path);
        }
    }
    let left = folders.len().saturating_sub(FOLDERS);
    if left > 0 {
        page.line(
            6,
            Tone::Quiet,
            &format!("{left} more folders: `--format json` has all"),
        );
    }
}

fn tags(page: &mut Page, image: &Image, target: &Target) {
    if says_nothing(target) {
        return;
    }
    let place = visible(
        target
            .repository_uri
            .as_deref()
            .unwrap_or(&target.repository),
    );
    let new = match (&target.repository_uri, target.action) {
        (None, ImageAction::Build | ImageAction::Push | ImageAction::Copy) => " (new)",
        _ => "",
    };
    page.spans(
        4,
        &[
            (Tone::Strong, "tags"),
            (Tone::Plain, " in "),
            (Tone::Plain, &place),
            (Tone::Plain, new),
        ],
    );
    let column = target.tags.iter().map(|tag| tag.tag.len() + 2).max();
    for tag in &target.tags {
        tag_line(page, image, tag, column.unwrap_or(0));
    }
    if target.tags.is_empty() {
        page.line(6, Tone::Quiet, "none wanted: it is kept under its digest");
    }
}

/// Says whether the tags of a target that is stopped tell nothing beyond that.
fn says_nothing(target: &Target) -> bool {
    matches!(target.action, ImageAction::Blocked | ImageAction::Unknown)
        && target.tags.iter().all(|tag| tag.from_digest.is_none())
}

fn tag_line(page: &mut Page, image: &Image, tag: &Tag, column: usize) {
    let (symbol, tone) = tag_mark(tag.action);
    let later = match image.action {
        ImageAction::Push | ImageAction::Copy | ImageAction::Restore => "(known after push)",
        _ => "(known after build)",
    };
    let from = tag.from_digest.as_deref().map_or("", short_digest);
    let to = tag.to_digest.as_deref().map_or(later, short_digest);
    let (word, detail) = match tag.action {
        TagAction::Create => ("create", to.to_owned()),
        TagAction::Move => ("move", format!("{from} -> {to}")),
        TagAction::None => ("keep", to.to_owned()),
        TagAction::Blocked => ("blocked", from.to_owned()),
        TagAction::Unknown => ("unknown", String::new()),
    };
    page.spans(
        6,
        &[
            (tone, symbol),
            (Tone::Plain, " "),
            (Tone::Plain, &pad(&tag.tag, column)),
            (tone, &pad(word, 9)),
            (Tone::Plain, &detail),
        ],
    );
}
