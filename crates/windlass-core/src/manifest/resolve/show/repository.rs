//! A repository as it is shown.

use crate::manifest::layers::{Layer, Layered, MergedSettings, merge_settings};
use crate::manifest::model::{
    AccessRule, Encryption, LifecycleCount, LifecycleRule, LifecycleSelection, Principal,
    Repository,
};
use crate::manifest::raw::SettingsBody;

use super::line::{Lines, Origin, flag, key, quoted};

pub(super) fn show(
    layers: &[Layered<'_, SettingsBody>],
    repository: &Repository,
    prefix: &str,
) -> String {
    let merged = merge_settings(layers);
    let mut lines = Lines::default();
    lines.remark(&repository.key.to_string());
    let full = repository.key.repository.to_string();
    let name = full.strip_prefix(prefix).unwrap_or(&full);
    let head = format!("repository {}", quoted(name));
    let origin = Origin::at(Layer::Own, &repository.location);
    lines.block(&head, &origin, |lines| settings(lines, &merged, repository));
    lines.into_text()
}

fn settings(lines: &mut Lines, merged: &MergedSettings<'_>, repository: &Repository) {
    if let Some(doc) = &repository.doc {
        lines.line(
            &format!("doc {}", quoted(doc)),
            &Origin::at(Layer::Own, &repository.location),
        );
    }
    if let Some(tags) = &merged.tags {
        let word = if tags.value.mutable {
            "mutable"
        } else {
            "immutable"
        };
        let node = format!("tags {}", quoted(word));
        let origin = Origin::of(tags, &tags.location);
        if tags.value.except.is_empty() {
            lines.line(&node, &origin);
        } else {
            lines.block(&node, &origin, |lines| {
                for except in &tags.value.except {
                    let node = format!("except {}", quoted(&except.value));
                    lines.line(&node, &Origin::of(tags, &except.location));
                }
            });
        }
    }
    if let Some(scan) = &merged.scan_on_push {
        let node = flag("scan-on-push", scan.value);
        lines.line(&node, &Origin::of(scan, &scan.location));
    }
    if let Some(encryption) = &merged.encryption {
        let node = encryption_node(&encryption.value);
        lines.line(&node, &Origin::of(encryption, &encryption.location));
    }
    let origin = merged.create.map(|it| Origin::of(&it, &it.location));
    let create = flag("create", repository.settings.create);
    lines.line(&create, &origin.unwrap_or(Origin::BuiltIn));
    for pair in &merged.resource_tags {
        if let Some(value) = repository.settings.resource_tags.get(&pair.key.value) {
            let node = format!("resource-tag {}={}", key(&pair.key.value), quoted(value));
            lines.line(&node, &Origin::of(pair, &pair.key.location));
        }
    }
    lifecycle(lines, merged);
    access(lines, merged, repository);
    let unmanaged = unmanaged(merged);
    if !unmanaged.is_empty() {
        lines.remark(&format!("not managed: {}", unmanaged.join(", ")));
    }
}

fn lifecycle(lines: &mut Lines, merged: &MergedSettings<'_>) {
    let Some(lifecycle) = &merged.lifecycle else {
        return;
    };
    let origin = Origin::of(lifecycle, &lifecycle.location);
    if lifecycle.value.is_empty() {
        return lines.line("lifecycle \"none\"", &origin);
    }
    lines.block("lifecycle", &origin, |lines| {
        for rule in &lifecycle.value {
            lines.line(&rule_node(rule), &origin);
        }
    });
}

fn access(lines: &mut Lines, merged: &MergedSettings<'_>, repository: &Repository) {
    let Some(access) = &merged.access else {
        return;
    };
    let origin = Origin::of(access, &access.location);
    if access.rules.is_empty() && access.document.is_none() {
        return lines.line("access \"none\"", &origin);
    }
    lines.block("access", &origin, |lines| {
        for (rule, place) in &access.rules {
            lines.line(&allow_node(rule), &Origin::of(access, place));
        }
        if let Some(document) = &access.document {
            let node = format!("document {}", quoted(&document.value));
            lines.line(&node, &Origin::of(access, &document.location));
        }
        let policy = repository.settings.access.as_ref();
        for statement in policy.iter().flat_map(|it| it.value.statements()) {
            lines.remark(&statement);
        }
    });
}

fn allow_node(rule: &AccessRule) -> String {
    let actions: Vec<String> = rule.actions.iter().map(|it| quoted(it)).collect();
    let (word, whom) = match &rule.principal {
        None => return format!("allow {}", actions.join(" ")),
        Some(Principal::Account(it)) => ("account", it),
        Some(Principal::Organisation(it)) => ("org", it),
        Some(Principal::Role(it)) => ("role", it),
        Some(Principal::Service(it)) => ("service", it),
    };
    format!("allow {} {word}={}", actions.join(" "), quoted(whom))
}

/// What windlass neither reads nor changes, because no layer says anything.
fn unmanaged(merged: &MergedSettings<'_>) -> Vec<&'static str> {
    let all = [
        ("tags", merged.tags.is_none()),
        ("scan-on-push", merged.scan_on_push.is_none()),
        ("encryption", merged.encryption.is_none()),
        ("lifecycle", merged.lifecycle.is_none()),
        ("access", merged.access.is_none()),
    ];
    all.into_iter().filter(|it| it.1).map(|it| it.0).collect()
}

fn encryption_node(encryption: &Encryption) -> String {
    let (word, key) = match encryption {
        Encryption::Aes256 => ("aes256", None),
        Encryption::Kms(key) => ("kms", key.as_deref()),
        Encryption::KmsDsse(key) => ("kms-dsse", key.as_deref()),
    };
    match key {
        Some(key) => format!("encryption {} key={}", quoted(word), quoted(key)),
        None => format!("encryption {}", quoted(word)),
    }
}

fn rule_node(rule: &LifecycleRule) -> String {
    let select = match &rule.select {
        LifecycleSelection::Tagged(glob) => format!("tagged={}", quoted(glob)),
        LifecycleSelection::Untagged => "untagged=#true".to_owned(),
        LifecycleSelection::Any => "any=#true".to_owned(),
    };
    let kind = if rule.archive { "archive" } else { "expire" };
    match rule.when {
        LifecycleCount::MoreThan(count) => format!("keep count={count} {select}"),
        LifecycleCount::PushedDays(days) => format!("{kind} {select} pushed-days={days}"),
        LifecycleCount::PulledDays(days) => format!("{kind} {select} pulled-days={days}"),
        LifecycleCount::ArchivedDays(days) => format!("{kind} {select} archived-days={days}"),
    }
}
