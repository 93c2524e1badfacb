//! A repository in the text view: each setting with what it is and what it will be.

use serde_json::Value;

use crate::diag::visible::visible;
use crate::plan::RepositoryAction;
use crate::report::style::{Tone, repository_mark};
use crate::report::text::page::{Page, pad};
use crate::report::wire::{Repository, SettingChange};

pub(super) fn repository(page: &mut Page, repository: &Repository) {
    let (symbol, tone) = repository_mark(repository.action);
    page.spans(
        0,
        &[
            (tone, symbol),
            (Tone::Plain, " "),
            (Tone::Strong, &repository.address),
            (Tone::Plain, "  "),
            (tone, repository.action.as_str()),
        ],
    );
    let column = repository
        .changes
        .iter()
        .map(|change| change.path.chars().count() + 2)
        .max()
        .unwrap_or(0);
    for change in &repository.changes {
        setting(
            page,
            change,
            column,
            repository.action == RepositoryAction::Create,
        );
    }
    if let Some(why) = &repository.why {
        page.wrapped(4, 6, "why: ", Tone::Blocked, why);
    }
}

fn setting(page: &mut Page, change: &SettingChange, column: usize, new: bool) {
    let path = pad(&visible(&change.path), column);
    if let Some(lines) = list_lines(change) {
        for (at, (tone, line)) in lines.iter().enumerate() {
            let lead = if at == 0 {
                path.clone()
            } else {
                " ".repeat(column)
            };
            page.spans(4, &[(Tone::Plain, &lead), (*tone, line)]);
        }
        return;
    }
    let (before, after) = (scalar(&change.before), scalar(&change.after));
    let replacement = if change.forces_replacement {
        "  (only possible by replacing the repository, which windlass never does)"
    } else {
        ""
    };
    if new {
        page.spans(4, &[(Tone::Plain, &path), (Tone::Create, &after)]);
    } else {
        page.spans(
            4,
            &[
                (Tone::Plain, &path),
                (Tone::Remove, &before),
                (Tone::Plain, " -> "),
                (Tone::Create, &after),
                (Tone::Blocked, replacement),
            ],
        );
    }
}

/// Returns the items of a list setting, one a line, marked as gone, new or kept; `None` where the setting is a single value.
fn list_lines(change: &SettingChange) -> Option<Vec<(Tone, String)>> {
    if !change.before.is_array() && !change.after.is_array() {
        return None;
    }
    let (before, after) = (items(&change.before), items(&change.after));
    let mut lines: Vec<(Tone, String)> = before
        .iter()
        .filter(|item| !after.contains(item))
        .map(|item| (Tone::Remove, format!("- {item}")))
        .collect();
    lines.extend(after.iter().map(|item| {
        if before.contains(item) {
            (Tone::Plain, format!("  {item}"))
        } else {
            (Tone::Create, format!("+ {item}"))
        }
    }));
    let kept = |list: &[String], other: &[String]| -> Vec<String> {
        list.iter()
            .filter(|it| other.contains(it))
            .cloned()
            .collect()
    };
    if kept(&before, &after) != kept(&after, &before) {
        lines.push((
            Tone::Change,
            "~ in this order, which is their priority".to_owned(),
        ));
    }
    Some(lines)
}

fn items(value: &Value) -> Vec<String> {
    match value {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().map(scalar).collect(),
        other => vec![scalar(other)],
    }
}

/// Returns a value as the manifest writes it, text without quotes.
fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::Bool(flag) => format!("#{flag}"),
        Value::String(text) => visible(text).into_owned(),
        other => other.to_string(),
    }
}
