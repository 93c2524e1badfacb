//! What ECR says, as pages of rules write it: a fact a line, of every repository of the case.
//!
//! `settings unknown`, `lifecycle none|foreign|unknown`, `access none|unknown|DOCUMENT`, `resource-tags KEY..|unknown`, `registry-scans yes|no|unknown`, `action delete`,
//! `bytes TAG NUMBER|unknown NUMBER`, `scan TAG none|unknown|incomplete|complete`, `scan TAG NAME SEVERITY DAY PACKAGE`.

use std::collections::BTreeMap;

use windlass_core::manifest::model::AccessPolicy;
use windlass_core::name::{Day, Digest};
use windlass_core::observed::{ScanReport, Severity, Vulnerability};
use windlass_core::plan::RepositoryAction;
use windlass_policy::subject::{Fact, Held, RepositorySubject};

/// Adds what a block says.
pub(crate) fn observe(repository: &mut RepositorySubject, block: &str) {
    for line in block.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["settings", "unknown"] => {
                repository.tags = unknown();
                repository.scan_on_push = unknown();
                repository.encryption = unknown();
                repository.lifecycle = unknown();
                repository.access = unknown();
            }
            ["lifecycle", "none"] => repository.lifecycle = Fact::Known(Vec::new(), None),
            ["lifecycle", "foreign"] => repository.foreign_lifecycle = true,
            ["lifecycle", "unknown"] => repository.lifecycle = unknown(),
            ["access", "none"] => repository.access = Fact::Known(AccessPolicy::none(), None),
            ["access", "unknown"] => repository.access = unknown(),
            ["access", document @ ..] => {
                let policy = AccessPolicy::from_document(&document.join(" "));
                repository.access = Fact::Known(policy, None);
            }
            ["resource-tags", "unknown"] => repository.all_resource_tags = unknown(),
            ["resource-tags", keys @ ..] => {
                let tags = keys.iter().map(|it| ((*it).to_owned(), "x".to_owned()));
                let all: BTreeMap<String, String> =
                    tags.chain(repository.resource_tags.clone()).collect();
                repository.all_resource_tags = Fact::Known(all, None);
            }
            ["registry-scans", word] => {
                repository.registry_scans = match *word {
                    "unknown" => unknown(),
                    word => Fact::Known(word == "yes", None),
                };
            }
            ["action", "delete"] => repository.action = Some(RepositoryAction::Delete),
            ["bytes", tag, "unknown"] => held(repository, tag).bytes = unknown(),
            ["bytes", tag, bytes, before @ ..] => {
                let number = |it: &str| Fact::Known(it.parse().expect("a number"), None);
                let held = held(repository, tag);
                held.bytes = number(bytes);
                if let [before] = before {
                    held.bytes_before = number(before);
                }
            }
            ["scan", tag, rest @ ..] => scan(held(repository, tag), rest),
            _ => panic!("`{line}` has no meaning"),
        }
    }
}

fn unknown<T>() -> Fact<T> {
    Fact::Unknown("access was denied".to_owned())
}

fn held<'a>(repository: &'a mut RepositorySubject, tag: &str) -> &'a mut Held {
    let key = repository.key.clone();
    let mut tags = repository.wanted_tags.iter_mut();
    let (_, found) = tags.find(|it| it.1.tag == tag).expect("a wanted tag");
    found.held.get_or_insert_with(|| Held {
        key,
        digest: Digest::of(tag.as_bytes()),
        bytes: Fact::Unmanaged,
        bytes_before: Fact::Unmanaged,
        scan: Fact::Unmanaged,
    })
}

fn scan(held: &mut Held, words: &[&str]) {
    let mut report = match &held.scan {
        Fact::Known(Some(report), _) => report.clone(),
        _ => ScanReport::default(),
    };
    match words {
        ["none"] => {
            held.scan = Fact::Known(None, None);
            return;
        }
        ["unknown"] => {
            held.scan = unknown();
            return;
        }
        ["complete"] => {}
        ["incomplete"] => report.incomplete = Some("its scan is IN_PROGRESS".to_owned()),
        [name, severity, day, package] => report.vulnerabilities.push(Vulnerability {
            name: (*name).to_owned(),
            severity: Severity::of(severity),
            package: Some((*package).to_owned()),
            seen: Day::parse(day).ok().map(Day::number),
        }),
        _ => panic!("`{}` is no scan", words.join(" ")),
    }
    held.scan = Fact::Known(Some(report), None);
}
