//! Preconditions: whether a step of a plan is still to be done, already done, or made for a world that is gone.
//!
//! Pure, so that apply only reads and compares: a step is pending where the world is as the plan saw it, done where it is as the
//! plan leaves it, and anything else is a reason to stop before the first write.

use serde_json::{Value, json};

use crate::manifest::model::LifecycleRule;
use crate::name::{Digest, Fingerprint};
use crate::observed::{Fact, ImageFacts, ObservedLifecycle, RepositoryFacts, Unread};
use crate::plan::model::{
    NewRepository, RepositoryAction, RepositoryPlan, SettingChange, TagAction, TagPlan,
};
use crate::plan::repository::{
    access_value, encryption_value, lifecycle_value, mutability_value, same_encryption,
};

/// How far the step of a wanted tag is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TagState {
    /// The tag is where the plan saw it.
    Pending,
    /// The tag holds an image with the step's fingerprint.
    Done,
    /// Neither: what it holds instead, for people.
    Moved(String),
    /// It could not be read.
    Unknown(Unread),
}

/// How far the step of a repository is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryState {
    /// The repository has to be created.
    Missing,
    /// The repository has to be deleted, and is there.
    Doomed,
    /// The repository is there; these changes are left, none where the step is done.
    Left(Vec<SettingChange>),
    /// It is neither as the plan saw it nor as it leaves it: each difference, for people.
    Moved(Vec<String>),
    /// It could not be read.
    Unknown(Unread),
}

/// Compares a wanted tag with what it holds now.
pub fn tag_state(step: &TagPlan, fingerprint: &Fingerprint, now: &Fact<ImageFacts>) -> TagState {
    match now {
        Fact::Unknown(why) => TagState::Unknown(why.clone()),
        Fact::Known(image)
            if image.fingerprint.as_ref() == Some(fingerprint) && !image.archived =>
        {
            TagState::Done
        }
        Fact::Known(image)
            if step.action != TagAction::None
                && step.from_digest.as_ref() == Some(&image.digest) =>
        {
            TagState::Pending
        }
        Fact::Absent if step.action != TagAction::None && step.from_digest.is_none() => {
            TagState::Pending
        }
        // What lies in the archive tells no fingerprint. The plan saw it there, and restores it.
        Fact::Known(image)
            if image.archived && step.from_digest.as_ref() == Some(&image.digest) =>
        {
            TagState::Pending
        }
        Fact::Known(image) => {
            TagState::Moved(moved(Some(&image.digest), step.from_digest.as_ref()))
        }
        Fact::Absent => TagState::Moved(moved(None, step.from_digest.as_ref())),
    }
}

fn moved(now: Option<&Digest>, planned: Option<&Digest>) -> String {
    let now = now.map_or_else(
        || "is not there now".to_owned(),
        |digest| format!("holds {digest} now"),
    );
    let planned = planned.map_or_else(|| "nothing".to_owned(), ToString::to_string);
    format!("{now}, the plan saw {planned}")
}

/// Compares a repository with what it is now.
pub fn repository_state(plan: &RepositoryPlan, now: &Fact<RepositoryFacts>) -> RepositoryState {
    match (plan.action, now) {
        (_, Fact::Unknown(why)) => RepositoryState::Unknown(why.clone()),
        (RepositoryAction::Create, Fact::Absent) => RepositoryState::Missing,
        (RepositoryAction::Delete, Fact::Absent) => RepositoryState::Left(Vec::new()),
        (_, Fact::Absent) => RepositoryState::Moved(vec!["it is not there any more".to_owned()]),
        // Whether it may still be deleted depends on its images: see `deletion_problem`.
        (RepositoryAction::Delete, Fact::Known(_)) => RepositoryState::Doomed,
        (RepositoryAction::Create, Fact::Known(facts)) => match &plan.create {
            Some(create) => created_state(create, facts),
            None => RepositoryState::Moved(vec!["the plan says not what to create".to_owned()]),
        },
        (_, Fact::Known(facts)) => existing_state(plan, facts),
    }
}

/// Compares a repository that was to be created and is there: by an earlier run of the plan, or by somebody else.
///
/// ECR creates a repository with all its settings but the lifecycle policy and who may use it, which an interrupted run leaves to the next one.
fn created_state(create: &NewRepository, facts: &RepositoryFacts) -> RepositoryState {
    let mut differences = Vec::new();
    let mut compare = |path: &str, now: Value, wanted: Value| {
        if now != wanted {
            differences.push(format!(
                "it was created meanwhile with {path} {now}, the plan wants {wanted}"
            ));
        }
    };
    compare(
        "tags",
        mutability_value(&facts.tags),
        mutability_value(&create.tags),
    );
    compare(
        "scan-on-push",
        json!(facts.scan_on_push),
        json!(create.scan_on_push),
    );
    if !same_encryption(&create.encryption, &facts.encryption) {
        compare(
            "encryption",
            encryption_value(&facts.encryption),
            encryption_value(&create.encryption),
        );
    }
    for (key, value) in &create.resource_tags {
        match &facts.resource_tags {
            None => {}
            Some(Fact::Unknown(why)) => return RepositoryState::Unknown(why.clone()),
            Some(Fact::Absent) => {
                compare(&format!("resource-tag {key}"), Value::Null, json!(value));
            }
            Some(Fact::Known(held)) => compare(
                &format!("resource-tag {key}"),
                held.get(key).map_or(Value::Null, |held| json!(held)),
                json!(value),
            ),
        }
    }
    let mut left = Vec::new();
    if facts.lifecycle.is_some() {
        let wanted = rules_value(&create.lifecycle);
        match lifecycle_now(facts) {
            Err(why) => return RepositoryState::Unknown(why),
            Ok(now) if now == wanted => {}
            Ok(Value::Null) => left.push(SettingChange::Lifecycle(create.lifecycle.clone())),
            Ok(now) => compare("lifecycle", now, wanted),
        }
    }
    if facts.access.is_some() {
        let wanted = access_value(&create.access);
        match access_now(facts) {
            Err(why) => return RepositoryState::Unknown(why),
            Ok(now) if now == wanted => {}
            Ok(Value::Null) => left.push(SettingChange::Access(create.access.clone())),
            Ok(now) => compare("access", now, wanted),
        }
    }
    if differences.is_empty() {
        RepositoryState::Left(left)
    } else {
        RepositoryState::Moved(differences)
    }
}

fn existing_state(plan: &RepositoryPlan, facts: &RepositoryFacts) -> RepositoryState {
    let mut differences = Vec::new();
    let mut pending: Vec<&str> = Vec::new();
    for diff in &plan.diffs {
        match value_now(&diff.path, facts) {
            Err(why) => return RepositoryState::Unknown(why),
            Ok(now) if now == diff.after => {}
            Ok(now) if now == diff.before => pending.push(&diff.path),
            Ok(now) => differences.push(format!(
                "{} is {now} now, the plan saw {}",
                diff.path, diff.before
            )),
        }
    }
    let judged = plan
        .tags_after
        .as_ref()
        .filter(|_| !plan.diffs.iter().any(|diff| diff.path == "tags"));
    if let Some(judged) = judged.filter(|judged| **judged != facts.tags) {
        differences.push(format!(
            "tags is {} now, the plan saw {}",
            mutability_value(&facts.tags),
            mutability_value(judged)
        ));
    }
    if !differences.is_empty() {
        return RepositoryState::Moved(differences);
    }
    let left = plan.changes.iter().filter(|change| {
        let path = change_path(change);
        pending.iter().any(|pending| {
            *pending == path
                || pending
                    .strip_prefix(path)
                    .is_some_and(|rest| rest.starts_with(' '))
        })
    });
    RepositoryState::Left(left.cloned().collect())
}

/// Returns the path of a setting as differences name it; for resource tags the part before the key.
fn change_path(change: &SettingChange) -> &'static str {
    match change {
        SettingChange::Tags(_) => "tags",
        SettingChange::ScanOnPush(_) => "scan-on-push",
        SettingChange::Lifecycle(_) => "lifecycle",
        SettingChange::Access(_) => "access",
        SettingChange::ResourceTags(_) => "resource-tag",
    }
}

/// Returns a setting as differences write it.
fn value_now(path: &str, facts: &RepositoryFacts) -> Result<Value, Unread> {
    match path {
        "tags" => Ok(mutability_value(&facts.tags)),
        "scan-on-push" => Ok(json!(facts.scan_on_push)),
        "encryption" => Ok(encryption_value(&facts.encryption)),
        "lifecycle" => lifecycle_now(facts),
        "access" => access_now(facts),
        _ => match (path.strip_prefix("resource-tag "), &facts.resource_tags) {
            (Some(key), Some(Fact::Known(held))) => {
                Ok(held.get(key).map_or(Value::Null, |value| json!(value)))
            }
            (Some(_), Some(Fact::Absent)) => Ok(Value::Null),
            (Some(_), Some(Fact::Unknown(why))) => Err(why.clone()),
            (Some(_), None) | (None, _) => Err(Unread::new(format!("{path} was not read"))),
        },
    }
}

fn lifecycle_now(facts: &RepositoryFacts) -> Result<Value, Unread> {
    match &facts.lifecycle {
        Some(Fact::Known(ObservedLifecycle::Rules(rules))) => Ok(rules_value(rules)),
        Some(Fact::Known(ObservedLifecycle::Foreign(text))) => Ok(json!(text)),
        Some(Fact::Absent) => Ok(Value::Null),
        Some(Fact::Unknown(why)) => Err(why.clone()),
        None => Err(Unread::new("lifecycle was not read")),
    }
}

fn access_now(facts: &RepositoryFacts) -> Result<Value, Unread> {
    match &facts.access {
        Some(Fact::Known(policy)) => Ok(access_value(policy)),
        Some(Fact::Absent) => Ok(Value::Null),
        Some(Fact::Unknown(why)) => Err(why.clone()),
        None => Err(Unread::new("access was not read")),
    }
}

fn rules_value(rules: &[LifecycleRule]) -> Value {
    if rules.is_empty() {
        Value::Null
    } else {
        lifecycle_value(rules)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::model::{
        AccessPolicy, AccessRule, Encryption, LifecycleCount, LifecycleSelection, Principal,
        TagMutability,
    };
    use crate::name::{RegistryName, RepositoryKey, RepositoryName, Tag};
    use crate::plan::model::SettingDiff;
    use std::collections::BTreeMap;

    fn fingerprint(text: &str) -> Fingerprint {
        Fingerprint::new(text.repeat(32)).expect("64 digits")
    }

    fn image(content: &str, fingerprint: Option<Fingerprint>) -> Fact<ImageFacts> {
        Fact::Known(ImageFacts {
            digest: Digest::of(content.as_bytes()),
            fingerprint,
            created: None,
            commit_time: None,
            archived: false,
        })
    }

    fn step(action: TagAction, from: Option<&str>) -> TagPlan {
        TagPlan {
            tag: Tag::new("latest").expect("a tag"),
            action,
            from_digest: from.map(|content| Digest::of(content.as_bytes())),
            to_digest: None,
        }
    }

    #[test]
    fn tag_is_pending_where_the_plan_saw_it_done_under_the_fingerprint_and_moved_elsewhere() {
        let ours = fingerprint("ab");
        let state = |step: &TagPlan, now: &Fact<ImageFacts>| tag_state(step, &ours, now);
        let create = step(TagAction::Create, None);
        let moves = step(TagAction::Move, Some("old"));
        assert_eq!(state(&create, &Fact::Absent), TagState::Pending);
        assert_eq!(state(&moves, &image("old", None)), TagState::Pending);
        assert_eq!(
            state(&moves, &image("other", Some(ours.clone()))),
            TagState::Done
        );
        assert!(matches!(
            state(&create, &image("old", None)),
            TagState::Moved(_)
        ));
        assert!(matches!(
            state(&moves, &image("other", Some(fingerprint("cd")))),
            TagState::Moved(_)
        ));
        assert!(matches!(state(&moves, &Fact::Absent), TagState::Moved(_)));
        assert_eq!(
            state(&moves, &Fact::not_read("no")),
            TagState::Unknown(Unread::new("no"))
        );
    }

    #[test]
    fn tag_without_a_step_must_still_hold_the_fingerprint() {
        let ours = fingerprint("ab");
        let none = step(TagAction::None, Some("new"));
        assert_eq!(
            tag_state(&none, &ours, &image("new", Some(ours.clone()))),
            TagState::Done
        );
        assert!(matches!(
            tag_state(&none, &ours, &image("old", None)),
            TagState::Moved(_)
        ));
        assert!(matches!(
            tag_state(&none, &ours, &Fact::Absent),
            TagState::Moved(_)
        ));
    }

    fn rule() -> LifecycleRule {
        LifecycleRule {
            select: LifecycleSelection::Untagged,
            when: LifecycleCount::PushedDays(7),
            archive: false,
        }
    }

    fn mutability(mutable: bool) -> TagMutability {
        TagMutability {
            mutable,
            except: Vec::new(),
        }
    }

    fn allow(account: &str) -> AccessPolicy {
        let rule = AccessRule {
            actions: vec!["pull".to_owned()],
            principal: Some(Principal::Account(account.to_owned())),
        };
        AccessPolicy::from_rules(&[rule], "111122223333", "eu-west-1")
    }

    fn create() -> NewRepository {
        NewRepository {
            tags: mutability(true),
            scan_on_push: true,
            encryption: Encryption::Aes256,
            lifecycle: vec![rule()],
            access: allow("222222222222"),
            resource_tags: BTreeMap::from([("windlass:workspace".to_owned(), "shop".to_owned())]),
        }
    }

    fn facts(create: &NewRepository) -> RepositoryFacts {
        RepositoryFacts {
            uri: "host/web".to_owned(),
            arn: "arn:aws:ecr:r:a:repository/web".to_owned(),
            tags: create.tags.clone(),
            scan_on_push: create.scan_on_push,
            encryption: create.encryption.clone(),
            lifecycle: Some(Fact::Known(ObservedLifecycle::Rules(
                create.lifecycle.clone(),
            ))),
            access: Some(Fact::Known(create.access.clone())),
            resource_tags: Some(Fact::Known(create.resource_tags.clone())),
        }
    }

    fn plan(action: RepositoryAction) -> RepositoryPlan {
        RepositoryPlan {
            key: RepositoryKey {
                registry: RegistryName::new("prod").expect("a name"),
                repository: RepositoryName::new("web").expect("a name"),
            },
            declared: None,
            uri: None,
            action,
            why: None,
            diffs: Vec::new(),
            create: None,
            delete: None,
            changes: Vec::new(),
            tags_after: Some(mutability(true)),
        }
    }

    #[test]
    fn creation_is_done_by_an_equal_repository_and_finished_where_only_what_follows_it_is_missing()
    {
        let plan = RepositoryPlan {
            create: Some(create()),
            ..plan(RepositoryAction::Create)
        };
        assert_eq!(
            repository_state(&plan, &Fact::Absent),
            RepositoryState::Missing
        );
        assert_eq!(
            repository_state(&plan, &Fact::Known(facts(&create()))),
            RepositoryState::Left(Vec::new())
        );
        let half = RepositoryFacts {
            lifecycle: Some(Fact::Known(ObservedLifecycle::Rules(Vec::new()))),
            ..facts(&create())
        };
        assert_eq!(
            repository_state(&plan, &Fact::Known(half)),
            RepositoryState::Left(vec![SettingChange::Lifecycle(vec![rule()])])
        );
        let half = RepositoryFacts {
            access: Some(Fact::Known(AccessPolicy::none())),
            ..facts(&create())
        };
        assert_eq!(
            repository_state(&plan, &Fact::Known(half)),
            RepositoryState::Left(vec![SettingChange::Access(allow("222222222222"))])
        );
    }

    #[test]
    fn repository_created_by_somebody_else_is_compared() {
        let plan = RepositoryPlan {
            create: Some(create()),
            ..plan(RepositoryAction::Create)
        };
        for other in [
            NewRepository {
                resource_tags: BTreeMap::new(),
                ..create()
            },
            NewRepository {
                scan_on_push: false,
                ..create()
            },
            NewRepository {
                tags: mutability(false),
                ..create()
            },
            NewRepository {
                encryption: Encryption::Kms(None),
                ..create()
            },
            NewRepository {
                access: allow("333333333333"),
                ..create()
            },
        ] {
            let state = repository_state(&plan, &Fact::Known(facts(&other)));
            assert!(
                matches!(&state, RepositoryState::Moved(what) if what.len() == 1),
                "{state:?}"
            );
        }
    }

    #[test]
    fn setting_is_pending_as_before_done_as_after_and_moved_otherwise() {
        let plan = RepositoryPlan {
            diffs: vec![
                SettingDiff {
                    path: "scan-on-push".to_owned(),
                    before: json!(false),
                    after: json!(true),
                    forces_replacement: false,
                },
                SettingDiff {
                    path: "resource-tag owner".to_owned(),
                    before: json!("a"),
                    after: json!("b"),
                    forces_replacement: false,
                },
            ],
            changes: vec![
                SettingChange::ScanOnPush(true),
                SettingChange::ResourceTags(BTreeMap::from([("owner".to_owned(), "b".to_owned())])),
            ],
            ..plan(RepositoryAction::Update)
        };
        let world = |scan: bool, owner: &str| {
            Fact::Known(RepositoryFacts {
                scan_on_push: scan,
                resource_tags: Some(Fact::Known(BTreeMap::from([(
                    "owner".to_owned(),
                    owner.to_owned(),
                )]))),
                ..facts(&create())
            })
        };
        assert_eq!(
            repository_state(&plan, &world(false, "a")),
            RepositoryState::Left(plan.changes.clone())
        );
        assert_eq!(
            repository_state(&plan, &world(true, "a")),
            RepositoryState::Left(plan.changes[1..].to_vec())
        );
        assert_eq!(
            repository_state(&plan, &world(true, "b")),
            RepositoryState::Left(Vec::new())
        );
        assert!(matches!(
            repository_state(&plan, &world(true, "c")),
            RepositoryState::Moved(_)
        ));
        assert!(matches!(
            repository_state(&plan, &Fact::Absent),
            RepositoryState::Moved(_)
        ));
    }

    #[test]
    fn changed_mutability_makes_a_plan_without_that_change_stale() {
        let now = RepositoryFacts {
            tags: mutability(false),
            ..facts(&create())
        };
        let state = repository_state(&plan(RepositoryAction::None), &Fact::Known(now));
        assert!(matches!(state, RepositoryState::Moved(_)), "{state:?}");
    }
}
