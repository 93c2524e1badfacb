//! What is done for one repository: created, changed setting by setting, or left alone.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::manifest::model::{
    AccessPolicy, Encryption, LifecycleCount, LifecycleRule, LifecycleSelection, Repository,
    Settings, TagMutability,
};
use crate::observed::{Fact, Observed, ObservedLifecycle, RepositoryFacts};
use crate::plan::declared::Declared;
use crate::plan::model::{
    NewRepository, RepositoryAction, RepositoryPlan, SettingChange, SettingDiff,
};

/// The resource tag that says which workspace a repository belongs to; written when it is created, and only then.
pub const WORKSPACE_TAG: &str = "windlass:workspace";

pub(super) fn plan_repository(
    workspace: &str,
    repository: &Repository,
    observed: &Observed,
) -> RepositoryPlan {
    let empty = RepositoryPlan {
        key: repository.key.clone(),
        declared: Some(Declared::of(&repository.location)),
        uri: None,
        action: RepositoryAction::None,
        why: None,
        diffs: Vec::new(),
        create: None,
        delete: None,
        changes: Vec::new(),
        tags_after: None,
    };
    match observed.repositories.get(&repository.key).map(|found| &found.facts) {
        None => RepositoryPlan { action: RepositoryAction::Unknown, why: Some("it was not read".to_owned()), ..empty },
        Some(Fact::Unknown(why)) => RepositoryPlan { action: RepositoryAction::Unknown, why: Some(why.to_string()), ..empty },
        Some(Fact::Absent) if !repository.settings.create => RepositoryPlan {
            action: RepositoryAction::Blocked,
            why: Some("the repository does not exist and `create` is off: create it, or remove `create #false`".to_owned()),
            ..empty
        },
        Some(Fact::Absent) => {
            let create = new_repository(workspace, &repository.settings);
            RepositoryPlan {
                action: RepositoryAction::Create,
                diffs: creation_diffs(&create),
                tags_after: Some(create.tags.clone()),
                create: Some(create),
                ..empty
            }
        }
        Some(Fact::Known(facts)) => {
            let empty = RepositoryPlan { uri: Some(facts.uri.clone()), tags_after: Some(facts.tags.clone()), ..empty };
            plan_existing(workspace, &repository.settings, facts, empty)
        }
    }
}

fn new_repository(workspace: &str, settings: &Settings) -> NewRepository {
    let mut resource_tags = settings.resource_tags.clone();
    resource_tags.insert(WORKSPACE_TAG.to_owned(), workspace.to_owned());
    NewRepository {
        tags: settings.tags.as_ref().map_or(
            TagMutability {
                mutable: true,
                except: Vec::new(),
            },
            |tags| tags.value.clone(),
        ),
        scan_on_push: settings.scan_on_push.as_ref().is_none_or(|scan| scan.value),
        encryption: settings
            .encryption
            .as_ref()
            .map_or(Encryption::Aes256, |encryption| encryption.value.clone()),
        lifecycle: settings
            .lifecycle
            .as_ref()
            .map_or(Vec::new(), |lifecycle| lifecycle.value.clone()),
        access: settings
            .access
            .as_ref()
            .map_or_else(AccessPolicy::none, |access| access.value.clone()),
        resource_tags,
    }
}

fn creation_diffs(create: &NewRepository) -> Vec<SettingDiff> {
    let mut diffs = vec![
        diff("tags", Value::Null, mutability_value(&create.tags)),
        diff("scan-on-push", Value::Null, json!(create.scan_on_push)),
        diff(
            "encryption",
            Value::Null,
            encryption_value(&create.encryption),
        ),
    ];
    if !create.lifecycle.is_empty() {
        diffs.push(diff(
            "lifecycle",
            Value::Null,
            lifecycle_value(&create.lifecycle),
        ));
    }
    if !create.access.is_none() {
        diffs.push(diff("access", Value::Null, access_value(&create.access)));
    }
    for (key, value) in &create.resource_tags {
        diffs.push(diff(
            &format!("resource-tag {key}"),
            Value::Null,
            json!(value),
        ));
    }
    diffs
}

fn plan_existing(
    workspace: &str,
    settings: &Settings,
    facts: &RepositoryFacts,
    empty: RepositoryPlan,
) -> RepositoryPlan {
    let mut plan = empty;
    if let Some(why) = unreadable(settings, facts) {
        return RepositoryPlan {
            action: RepositoryAction::Unknown,
            why: Some(why),
            ..plan
        };
    }
    if let Some(tags) = settings
        .tags
        .as_ref()
        .filter(|tags| tags.value != facts.tags)
    {
        plan.diffs.push(diff(
            "tags",
            mutability_value(&facts.tags),
            mutability_value(&tags.value),
        ));
        plan.changes.push(SettingChange::Tags(tags.value.clone()));
        plan.tags_after = Some(tags.value.clone());
    }
    if let Some(scan) = settings
        .scan_on_push
        .as_ref()
        .filter(|scan| scan.value != facts.scan_on_push)
    {
        plan.diffs.push(diff(
            "scan-on-push",
            json!(facts.scan_on_push),
            json!(scan.value),
        ));
        plan.changes.push(SettingChange::ScanOnPush(scan.value));
    }
    plan_lifecycle(settings, facts, &mut plan);
    plan_access(settings, facts, &mut plan);
    plan_resource_tags(settings, facts, &mut plan);
    if !plan.changes.is_empty() {
        plan.action = RepositoryAction::Update;
    }
    if let Some(encryption) = settings
        .encryption
        .as_ref()
        .filter(|encryption| !same_encryption(&encryption.value, &facts.encryption))
    {
        plan.diffs.push(SettingDiff {
            forces_replacement: true,
            ..diff(
                "encryption",
                encryption_value(&facts.encryption),
                encryption_value(&encryption.value),
            )
        });
        plan.action = RepositoryAction::Blocked;
        plan.why = Some("encryption is fixed when a repository is created; windlass never deletes one to change it: write the encryption it has, or use another repository".to_owned());
    }
    if let Some(owner) =
        other_owner(workspace, facts).filter(|_| plan.action != RepositoryAction::None)
    {
        plan.action = RepositoryAction::Blocked;
        plan.why = Some(format!(
            "owned by workspace `{owner}`: change its settings there, or leave them out here and push with `create #false`"
        ));
    }
    plan
}

/// Says why a managed setting could not be read, where that is so.
fn unreadable(settings: &Settings, facts: &RepositoryFacts) -> Option<String> {
    let lifecycle = settings
        .lifecycle
        .as_ref()
        .and(facts.lifecycle.as_ref())
        .and_then(Fact::unknown);
    let access = settings
        .access
        .as_ref()
        .and(facts.access.as_ref())
        .and_then(Fact::unknown);
    let tags = facts.resource_tags.as_ref().and_then(Fact::unknown);
    lifecycle.or(access).or(tags).map(str::to_owned)
}

fn other_owner<'a>(workspace: &str, facts: &'a RepositoryFacts) -> Option<&'a str> {
    let tags = facts.resource_tags.as_ref()?.known()?;
    tags.get(WORKSPACE_TAG)
        .map(String::as_str)
        .filter(|owner| *owner != workspace)
}

fn plan_lifecycle(settings: &Settings, facts: &RepositoryFacts, plan: &mut RepositoryPlan) {
    let Some(wanted) = &settings.lifecycle else {
        return;
    };
    let before = match facts.lifecycle.as_ref() {
        Some(Fact::Known(ObservedLifecycle::Rules(rules))) if *rules == wanted.value => return,
        Some(Fact::Known(ObservedLifecycle::Rules(rules))) if rules.is_empty() => Value::Null,
        Some(Fact::Known(ObservedLifecycle::Rules(rules))) => lifecycle_value(rules),
        Some(Fact::Known(ObservedLifecycle::Foreign(text))) => json!(text),
        Some(Fact::Absent | Fact::Unknown(_)) | None if wanted.value.is_empty() => return,
        Some(Fact::Absent | Fact::Unknown(_)) | None => Value::Null,
    };
    let after = if wanted.value.is_empty() {
        Value::Null
    } else {
        lifecycle_value(&wanted.value)
    };
    plan.diffs.push(diff("lifecycle", before, after));
    plan.changes
        .push(SettingChange::Lifecycle(wanted.value.clone()));
}

/// Policies are compared by what they say: ECR shows them in a form of its own.
fn plan_access(settings: &Settings, facts: &RepositoryFacts, plan: &mut RepositoryPlan) {
    let Some(wanted) = &settings.access else {
        return;
    };
    let none = AccessPolicy::none();
    let found = facts.access.as_ref().and_then(Fact::known);
    let found = found.unwrap_or(&none);
    if found.says_the_same(&wanted.value) {
        return;
    }
    let (before, after) = (access_value(found), access_value(&wanted.value));
    plan.diffs.push(diff("access", before, after));
    plan.changes
        .push(SettingChange::Access(wanted.value.clone()));
}

fn plan_resource_tags(settings: &Settings, facts: &RepositoryFacts, plan: &mut RepositoryPlan) {
    let held = facts
        .resource_tags
        .as_ref()
        .and_then(Fact::known)
        .cloned()
        .unwrap_or_default();
    let differing: BTreeMap<String, String> = settings
        .resource_tags
        .iter()
        .filter(|(key, value)| held.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for (key, value) in &differing {
        plan.diffs.push(diff(
            &format!("resource-tag {key}"),
            held.get(key).map_or(Value::Null, |value| json!(value)),
            json!(value),
        ));
    }
    if !differing.is_empty() {
        plan.changes.push(SettingChange::ResourceTags(differing));
    }
}

/// Compares encryption; a KMS key that is not named matches whatever key ECR shows (the AWS-managed one).
pub(super) fn same_encryption(wanted: &Encryption, found: &Encryption) -> bool {
    match (wanted, found) {
        (Encryption::Kms(None), Encryption::Kms(_))
        | (Encryption::KmsDsse(None), Encryption::KmsDsse(_)) => true,
        _ => wanted == found,
    }
}

fn diff(path: &str, before: Value, after: Value) -> SettingDiff {
    SettingDiff {
        path: path.to_owned(),
        before,
        after,
        forces_replacement: false,
    }
}

pub(super) fn mutability_value(tags: &TagMutability) -> Value {
    let word = if tags.mutable { "mutable" } else { "immutable" };
    if tags.except.is_empty() {
        json!(word)
    } else {
        json!(format!("{word} except {}", tags.except.join(" ")))
    }
}

pub(super) fn encryption_value(encryption: &Encryption) -> Value {
    match encryption {
        Encryption::Aes256 => json!("aes256"),
        Encryption::Kms(None) => json!("kms"),
        Encryption::Kms(Some(key)) => json!(format!("kms {key}")),
        Encryption::KmsDsse(None) => json!("kms-dsse"),
        Encryption::KmsDsse(Some(key)) => json!(format!("kms-dsse {key}")),
    }
}

/// Returns what a policy says, one text a statement; null where there is none.
pub(super) fn access_value(policy: &AccessPolicy) -> Value {
    if policy.is_none() {
        Value::Null
    } else {
        json!(policy.statements())
    }
}

/// Returns the rules as the manifest writes them, one text a rule.
pub(super) fn lifecycle_value(rules: &[LifecycleRule]) -> Value {
    Value::Array(rules.iter().map(|rule| json!(rule_text(rule))).collect())
}

pub(super) fn rule_text(rule: &LifecycleRule) -> String {
    let select = match &rule.select {
        LifecycleSelection::Tagged(pattern) => format!("tagged=\"{pattern}\""),
        LifecycleSelection::Untagged => "untagged=#true".to_owned(),
        LifecycleSelection::Any => "any=#true".to_owned(),
    };
    let verb = if rule.archive { "archive" } else { "expire" };
    match rule.when {
        LifecycleCount::MoreThan(count) if !rule.archive => format!("keep count={count} {select}"),
        LifecycleCount::MoreThan(count) => format!("{verb} {select} count={count}"),
        LifecycleCount::PushedDays(days) => format!("{verb} {select} pushed-days={days}"),
        LifecycleCount::PulledDays(days) => format!("{verb} {select} pulled-days={days}"),
        LifecycleCount::ArchivedDays(days) => format!("{verb} archived=#true archived-days={days}"),
    }
}
