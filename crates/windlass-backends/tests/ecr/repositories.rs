//! Repositories and their settings.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_core::manifest::model::{
    AccessPolicy, Encryption, LifecycleCount, LifecycleRule, LifecycleSelection, TagMutability,
};
use windlass_core::name::RepositoryName;
use windlass_core::observed::{Fact, ObservedLifecycle, RepositoryFacts};
use windlass_core::plan::{NewRepository, SettingChange};
use windlass_ecr_local::{FaultKind, Quirks};
use windlass_engine::ports::{Registry as _, RegistryError, SettingsToRead};

use crate::world::{World, key, name, plain_repository, prod, world, world_with};

const ALL: SettingsToRead = SettingsToRead {
    lifecycle: true,
    access: true,
    resource_tags: true,
};

async fn read(
    world: &World,
    names: impl IntoIterator<Item = RepositoryName>,
    settings: SettingsToRead,
) -> BTreeMap<RepositoryName, Fact<RepositoryFacts>> {
    let names = names.into_iter().map(|name| (name, settings)).collect();
    world.registries.repositories(&prod(), &names).await
}

async fn read_one(world: &World, repository: &str) -> RepositoryFacts {
    let facts = read(world, [name(repository)], ALL).await;
    facts[&name(repository)].known().unwrap().clone()
}

fn expire_untagged(days: u32) -> LifecycleRule {
    LifecycleRule {
        select: LifecycleSelection::Untagged,
        when: LifecycleCount::PushedDays(days),
        archive: false,
    }
}

#[tokio::test]
async fn missing_and_present_repositories_are_told_apart() {
    let world = world().await;
    world.api("CreateRepository", r#"{"repositoryName":"shop/web"}"#);
    let facts = read(
        &world,
        [name("shop/web"), name("shop/none")],
        SettingsToRead::default(),
    )
    .await;
    assert_eq!(facts[&name("shop/none")], Fact::Absent);
    let web = facts[&name("shop/web")].known().unwrap();
    assert_eq!(web.uri, format!("{}/shop/web", world.address));
    assert_eq!(
        web.arn,
        "arn:aws:ecr:eu-west-1:111111111111:repository/shop/web"
    );
    assert_eq!(web.lifecycle, None, "not asked for, not read");
    assert_eq!(web.resource_tags, None, "not asked for, not read");
    assert_eq!(world.calls("GetLifecyclePolicy"), 0);
    assert_eq!(world.calls("ListTagsForResource"), 0);
}

#[tokio::test]
async fn two_hundred_and_fifty_repositories_take_three_calls() {
    let world = world().await;
    let names: Vec<String> = (0..250)
        .map(|number| format!("team/app-{number}"))
        .collect();
    for name in &names {
        world.api(
            "CreateRepository",
            &format!(r#"{{"repositoryName":"{name}"}}"#),
        );
    }
    let facts = read(
        &world,
        names.iter().map(|text| name(text)),
        SettingsToRead::default(),
    )
    .await;
    assert_eq!(facts.len(), 250);
    assert!(facts.values().all(|fact| fact.known().is_some()));
    assert_eq!(world.calls("DescribeRepositories"), 3);
}

#[tokio::test]
async fn missing_names_among_a_hundred_are_found_in_three_rounds() {
    let world = world().await;
    let names: Vec<String> = (0..100)
        .map(|number| format!("team/app-{number}"))
        .collect();
    for name in names.iter().filter(|name| !name.ends_with("77")) {
        world.api(
            "CreateRepository",
            &format!(r#"{{"repositoryName":"{name}"}}"#),
        );
    }
    let facts = read(&world, names.iter().map(|text| name(text)), ALL).await;
    for (name, fact) in &facts {
        let absent = name.as_str() == "team/app-77";
        assert_eq!(*fact == Fact::Absent, absent, "{name}: {fact:?}");
        assert_eq!(fact.known().is_some(), !absent, "{name}: {fact:?}");
    }
    assert_eq!(world.calls("DescribeRepositories"), 1 + 10 + 10);
}

#[tokio::test]
async fn a_created_repository_has_every_setting_of_the_plan() {
    let world = world().await;
    let wanted = NewRepository {
        tags: TagMutability {
            mutable: false,
            except: vec!["edge".to_owned(), "pr-*".to_owned()],
        },
        scan_on_push: false,
        encryption: Encryption::Aes256,
        lifecycle: vec![expire_untagged(14)],
        access: pulls_of(&["222222222222", "333333333333"]),
        resource_tags: BTreeMap::from([
            ("team".to_owned(), "shop".to_owned()),
            ("windlass:workspace".to_owned(), "shop".to_owned()),
        ]),
    };
    let created = world
        .registries
        .create_repository(&key("shop/web"), &wanted)
        .await
        .unwrap();
    assert_eq!(created, read_one(&world, "shop/web").await);
    assert_eq!(created.tags, wanted.tags);
    assert!(!created.scan_on_push);
    assert_eq!(created.encryption, Encryption::Aes256);
    assert_eq!(
        created.lifecycle,
        Some(Fact::Known(ObservedLifecycle::Rules(wanted.lifecycle)))
    );
    assert!(access_of(&created).says_the_same(&wanted.access));
    assert_eq!(
        created.resource_tags,
        Some(Fact::Known(wanted.resource_tags))
    );
}

fn pulls_of(accounts: &[&str]) -> AccessPolicy {
    let document = serde_json::json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": { "AWS": accounts },
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }]});
    AccessPolicy::from_text(document.to_string())
}

fn access_of(facts: &RepositoryFacts) -> &AccessPolicy {
    let access = facts.access.as_ref().and_then(Fact::known);
    access.expect("the policy was read")
}

#[tokio::test]
async fn a_policy_is_read_where_asked_for_written_compared_by_meaning_and_deleted() {
    let world = world().await;
    world.create("shop/web").await;
    let facts = read(&world, [name("shop/web")], SettingsToRead::default()).await;
    let web = facts[&name("shop/web")].known().unwrap();
    assert_eq!(web.access, None, "not asked for, not read");
    let calls = world.calls("GetRepositoryPolicy") + world.calls("GetLifecyclePolicy");
    assert_eq!(calls, 0, "nor where a repository is created without them");
    assert!(access_of(&read_one(&world, "shop/web").await).is_none());

    let policy = pulls_of(&["222222222222", "333333333333"]);
    let change = |policy: &AccessPolicy| {
        let change = SettingChange::Access(policy.clone());
        let key = key("shop/web");
        async {
            let change = change;
            let key = key;
            world.registries.change_setting(&key, &change).await
        }
    };
    change(&policy).await.unwrap();
    let shown = read_one(&world, "shop/web").await;
    let shown = access_of(&shown);
    assert_ne!(shown.text(), policy.text(), "ECR shows it in its own form");
    assert!(shown.says_the_same(&policy), "{shown:?}");

    change(&AccessPolicy::none()).await.unwrap();
    assert!(access_of(&read_one(&world, "shop/web").await).is_none());
    change(&AccessPolicy::none()).await.unwrap();
    assert_eq!(world.calls("DeleteRepositoryPolicy"), 2);
}

#[tokio::test]
async fn a_policy_that_could_not_be_read_is_unknown_and_never_none() {
    let world = world().await;
    world.create("shop/web").await;
    world
        .faults
        .always("GetRepositoryPolicy", FaultKind::AccessDenied);
    let facts = read_one(&world, "shop/web").await;
    assert!(matches!(facts.access, Some(Fact::Unknown(_))), "{facts:?}");
}

#[tokio::test]
async fn a_repository_that_exists_is_returned_as_it_is() {
    let world = world().await;
    world.create("shop/web").await;
    let other = NewRepository {
        scan_on_push: false,
        lifecycle: vec![expire_untagged(14)],
        access: pulls_of(&["222222222222"]),
        ..plain_repository()
    };
    let found = world
        .registries
        .create_repository(&key("shop/web"), &other)
        .await
        .unwrap();
    assert!(found.scan_on_push, "{found:?}");
    assert_eq!(world.calls("PutLifecyclePolicy"), 0);
}

#[tokio::test]
async fn create_waits_until_the_repository_is_visible() {
    let world = world_with(Quirks {
        creation_delay: Duration::from_millis(700),
        ..Quirks::all_but_timing()
    })
    .await;
    let wanted = NewRepository {
        lifecycle: vec![expire_untagged(14)],
        access: pulls_of(&["222222222222"]),
        ..plain_repository()
    };
    let created = world
        .registries
        .create_repository(&key("shop/web"), &wanted)
        .await
        .unwrap();
    assert_eq!(created, read_one(&world, "shop/web").await);
    assert!(world.calls("DescribeRepositories") > 2);
}

#[tokio::test]
async fn every_change_of_a_setting_reads_back() {
    let world = world().await;
    world.create("shop/web").await;
    let change = async |change: SettingChange| {
        world
            .registries
            .change_setting(&key("shop/web"), &change)
            .await
            .unwrap();
        read_one(&world, "shop/web").await
    };
    for (mutable, except) in [
        (false, vec!["edge"]),
        (true, vec!["v*"]),
        (false, vec![]),
        (true, vec![]),
    ] {
        let tags = TagMutability {
            mutable,
            except: except.into_iter().map(str::to_owned).collect(),
        };
        assert_eq!(change(SettingChange::Tags(tags.clone())).await.tags, tags);
    }
    assert!(!change(SettingChange::ScanOnPush(false)).await.scan_on_push);
    let rules = vec![
        LifecycleRule {
            select: LifecycleSelection::Tagged("v*".to_owned()),
            when: LifecycleCount::MoreThan(500),
            archive: false,
        },
        expire_untagged(30),
    ];
    let facts = change(SettingChange::Lifecycle(rules.clone())).await;
    assert_eq!(
        facts.lifecycle,
        Some(Fact::Known(ObservedLifecycle::Rules(rules)))
    );
    for _ in 0..2 {
        let facts = change(SettingChange::Lifecycle(vec![])).await;
        assert_eq!(
            facts.lifecycle,
            Some(Fact::Known(ObservedLifecycle::Rules(vec![])))
        );
    }
    let mut tags = BTreeMap::from([("team".to_owned(), "shop".to_owned())]);
    change(SettingChange::ResourceTags(tags.clone())).await;
    let more = BTreeMap::from([("cost".to_owned(), "12".to_owned())]);
    let facts = change(SettingChange::ResourceTags(more.clone())).await;
    tags.extend(more);
    assert_eq!(facts.resource_tags, Some(Fact::Known(tags)), "others stay");
}

#[tokio::test]
async fn drift_made_by_others_is_read() {
    let world = world().await;
    world.create("shop/web").await;
    world.api(
        "PutImageTagMutability",
        r#"{"repositoryName":"shop/web","imageTagMutability":"IMMUTABLE"}"#,
    );
    let policy = r#"{\"rules\":[{\"rulePriority\":1,\"selection\":{\"tagStatus\":\"tagged\",\"tagPatternList\":[\"a*\",\"b*\"],\"countType\":\"imageCountMoreThan\",\"countNumber\":9},\"action\":{\"type\":\"expire\"}}]}"#;
    world.api(
        "PutLifecyclePolicy",
        &format!(r#"{{"repositoryName":"shop/web","lifecyclePolicyText":"{policy}"}}"#),
    );
    let facts = read_one(&world, "shop/web").await;
    assert!(!facts.tags.mutable);
    let Some(Fact::Known(ObservedLifecycle::Foreign(text))) = facts.lifecycle else {
        panic!("{facts:?}");
    };
    assert!(text.contains(r#"["a*","b*"]"#), "{text}");
}

#[tokio::test]
async fn a_change_of_a_repository_that_is_gone_says_so() {
    let world = world().await;
    for change in [
        SettingChange::ScanOnPush(true),
        SettingChange::Lifecycle(vec![expire_untagged(3)]),
        SettingChange::ResourceTags(BTreeMap::new()),
    ] {
        let error = world
            .registries
            .change_setting(&key("shop/none"), &change)
            .await
            .unwrap_err();
        assert!(matches!(error, RegistryError::NotFound(_)), "{error:?}");
        assert!(error.to_string().contains("shop/none"), "{error}");
    }
}

#[tokio::test]
async fn a_repository_that_appears_while_it_is_read_is_read_whole() {
    let world = world().await;
    // Its settings are asked for before it is there, the repository itself is found.
    let late = FaultKind::Delay(Duration::from_millis(400));
    world.faults.times("DescribeRepositories", late, 1);
    let somebody = async {
        while world.calls("GetLifecyclePolicy") == 0 {
            tokio::task::yield_now().await;
        }
        world.api("CreateRepository", r#"{"repositoryName":"shop/web"}"#);
    };
    let (facts, ()) = tokio::join!(read(&world, [name("shop/web")], ALL), somebody);
    let web = facts[&name("shop/web")].known().unwrap();
    assert_eq!(
        web.lifecycle,
        Some(Fact::Known(ObservedLifecycle::Rules(vec![])))
    );
}
