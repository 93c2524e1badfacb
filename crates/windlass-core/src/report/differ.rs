//! What differs between the plan that somebody reviewed and the one that is there now: what would be done, not how it is told.

use std::collections::BTreeMap;

use crate::report::wire::{Image, Report, Repository};

/// Returns the differences in sentences, sorted by address; empty where apply would do the same.
///
/// Times, versions, notes, diagnostics and reasons are left out: they explain a plan, and do nothing.
pub fn differences(reviewed: &Report, now: &Report) -> Vec<String> {
    let mut said = Vec::new();
    let mut header = |what: &str, before: Option<&str>, after: Option<&str>| {
        if before != after {
            said.push(format!(
                "{what}: reviewed {}, is {}",
                shown(before),
                shown(after)
            ));
        }
    };
    header("workspace", Some(&reviewed.workspace), Some(&now.workspace));
    header(
        "environment",
        reviewed.environment.as_deref(),
        now.environment.as_deref(),
    );
    let bases = |report: &Report| -> BTreeMap<String, String> {
        let bases = report.bases.iter();
        bases
            .map(|base| (base.reference.clone(), base.digest.clone()))
            .collect()
    };
    let (before, after) = (bases(reviewed), bases(now));
    for (reference, digest) in &after {
        if let Some(old) = before.get(reference).filter(|old| *old != digest) {
            said.push(format!("base {reference}: reviewed {old}, is {digest}"));
        }
    }
    compare(
        &reviewed.images,
        &now.images,
        |image| &image.address,
        image_differences,
        &mut said,
    );
    compare(
        &reviewed.repositories,
        &now.repositories,
        |repository| &repository.address,
        repository_differences,
        &mut said,
    );
    said
}

/// Pairs things by address and says what differs, what is new and what is gone.
fn compare<T>(
    before: &[T],
    after: &[T],
    address: impl Fn(&T) -> &String,
    differ: impl Fn(&T, &T) -> Vec<String>,
    said: &mut Vec<String>,
) {
    let before: BTreeMap<&String, &T> = before.iter().map(|it| (address(it), it)).collect();
    let after: BTreeMap<&String, &T> = after.iter().map(|it| (address(it), it)).collect();
    for (name, now) in &after {
        match before.get(name) {
            None => said.push(format!("{name}: is not in the reviewed plan")),
            Some(reviewed) => {
                let found = differ(reviewed, now).into_iter();
                said.extend(found.map(|what| format!("{name}: {what}")));
            }
        }
    }
    let gone = before.keys().filter(|name| !after.contains_key(*name));
    said.extend(gone.map(|name| format!("{name}: is in the reviewed plan only")));
}

fn image_differences(reviewed: &Image, now: &Image) -> Vec<String> {
    let mut said = Vec::new();
    if reviewed.action != now.action {
        said.push(format!(
            "reviewed {}, is {}",
            reviewed.action.as_str(),
            now.action.as_str()
        ));
    }
    if reviewed.fingerprint != now.fingerprint {
        said.push(format!(
            "its inputs: reviewed {}, are {}",
            shown(reviewed.fingerprint.as_deref()),
            shown(now.fingerprint.as_deref())
        ));
    }
    let tags = |image: &Image| -> BTreeMap<(String, String), (String, Option<String>)> {
        let targets = image.targets.iter().flat_map(|target| {
            target.tags.iter().map(|tag| {
                (
                    (target.repository.clone(), tag.tag.clone()),
                    (tag.action.as_str().to_owned(), tag.from_digest.clone()),
                )
            })
        });
        targets.collect()
    };
    let (before, after) = (tags(reviewed), tags(now));
    for ((repository, tag), (action, from)) in &after {
        match before.get(&(repository.clone(), tag.clone())) {
            None => said.push(format!(
                "tag `{tag}` in {repository} is not in the reviewed plan"
            )),
            Some((old, _)) if old != action => {
                said.push(format!(
                    "tag `{tag}` in {repository}: reviewed {old}, is {action}"
                ));
            }
            Some((_, old)) if old != from => said.push(format!(
                "tag `{tag}` in {repository}: reviewed at {}, is at {}",
                shown(old.as_deref()),
                shown(from.as_deref())
            )),
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    said.extend(gone.map(|(repository, tag)| {
        format!("tag `{tag}` in {repository} is in the reviewed plan only")
    }));
    said
}

fn repository_differences(reviewed: &Repository, now: &Repository) -> Vec<String> {
    let mut said = Vec::new();
    if reviewed.action != now.action {
        said.push(format!(
            "reviewed {}, is {}",
            reviewed.action.as_str(),
            now.action.as_str()
        ));
    }
    for change in &now.changes {
        match reviewed.changes.iter().find(|it| it.path == change.path) {
            None => said.push(format!(
                "setting `{}` is not in the reviewed plan",
                change.path
            )),
            Some(old) if old != change => said.push(format!(
                "setting `{}`: reviewed {} -> {}, is {} -> {}",
                change.path, old.before, old.after, change.before, change.after
            )),
            Some(_) => {}
        }
    }
    let gone = reviewed
        .changes
        .iter()
        .filter(|old| !now.changes.iter().any(|it| it.path == old.path));
    said.extend(gone.map(|old| format!("setting `{}` is in the reviewed plan only", old.path)));
    said
}

fn shown(text: Option<&str>) -> &str {
    text.unwrap_or("none")
}
