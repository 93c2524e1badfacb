//! Scenarios of the planner, one test each, named for what it decides.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::context::{Entry, EntryKind};
use crate::desired::{BuildSpec, Desired, DesiredImage, DesiredInputs, NeededImage};
use crate::diag::{Location, Source};
use crate::dockerfile::ContextSources;
use crate::fingerprint::{InputChange, Inputs, InputsRecord, fingerprint};
use crate::manifest::model::{
    Encryption, ImageTarget, Repository, Settings, Sourced, TagMutability,
};
use crate::name::{
    Digest, Fingerprint, ImageName, Platform, RegistryName, RepositoryKey, RepositoryName, Tag,
};
use crate::observed::{
    Fact, ImageFacts, Observed, ObservedBuilder, ObservedRepository, RepositoryFacts,
};
use crate::plan::{ImageAction, Plan, Reason, RepositoryAction, TagAction, after, check, plan};

fn location() -> Location {
    Location {
        source: Source::new("windlass.kdl", ""),
        span: 0..0,
    }
}

fn sourced<T>(value: T) -> Sourced<T> {
    Sourced {
        value,
        location: location(),
    }
}

fn key() -> RepositoryKey {
    RepositoryKey {
        registry: RegistryName::new("main").expect("a name"),
        repository: RepositoryName::new("shop/web").expect("a name"),
    }
}

fn tag(text: &str) -> Tag {
    Tag::new(text).expect("a tag")
}

fn inputs(content: &str) -> Inputs {
    Inputs {
        dockerfile: "FROM scratch\nCOPY . /\n".to_owned(),
        context: Arc::from([Entry {
            path: "main.py".to_owned(),
            kind: EntryKind::File {
                executable: false,
                bytes: 1,
                digest: Digest::of(content.as_bytes()),
            },
        }]),
        platforms: vec![Platform::default()],
        ..Inputs::default()
    }
}

fn spec(inputs: Inputs, needs: Vec<NeededImage>) -> BuildSpec {
    BuildSpec {
        fingerprint: fingerprint(&inputs),
        context: ".".to_owned(),
        sources: ContextSources::default(),
        recipe: None,
        inputs,
        stamp_args: BTreeMap::new(),
        stamp_labels: BTreeMap::new(),
        stamp_annotations: BTreeMap::new(),
        pins: Vec::new(),
        needs,
        secrets: BTreeMap::new(),
        timeout_seconds: None,
        max_bytes: None,
        dockerfile: None,
    }
}

fn settings() -> Settings {
    Settings {
        create: true,
        tags: None,
        scan_on_push: None,
        encryption: None,
        lifecycle: None,
        access: None,
        resource_tags: BTreeMap::new(),
    }
}

fn desired(tags: &[&str], settings: Settings) -> Desired {
    Desired {
        workspace: "shop".to_owned(),
        environment: None,
        registries: Vec::new(),
        images: vec![image("web", tags, spec(inputs("new"), Vec::new()))],
        repositories: vec![Repository {
            key: key(),
            doc: None,
            settings,
            location: location(),
        }],
        bases: BTreeMap::new(),
        variables: Vec::new(),
        git_sha: None,
        moved: Vec::new(),
        removed: Vec::new(),
        commit_time: None,
        now: 0,
        notes: Vec::new(),
    }
}

fn image(name: &str, tags: &[&str], spec: BuildSpec) -> DesiredImage {
    DesiredImage {
        name: ImageName::new(name).expect("a name"),
        location: location(),
        targets: vec![ImageTarget {
            key: key(),
            tags: tags.iter().map(|text| sourced(tag(text))).collect(),
        }],
        inputs: DesiredInputs::Settled(Box::new(spec)),
    }
}

fn wanted() -> Fingerprint {
    fingerprint(&inputs("new"))
}

fn facts(digest: &str, fingerprint: Option<Fingerprint>) -> Fact<ImageFacts> {
    Fact::Known(ImageFacts {
        digest: Digest::of(digest.as_bytes()),
        fingerprint,
        created: None,
        commit_time: None,
        archived: false,
    })
}

/// A repository that is there; tags that are asked for and not listed are absent.
fn observed(tags: &[(&str, Fact<ImageFacts>)]) -> Observed {
    let mut held: BTreeMap<Tag, Fact<ImageFacts>> = ["v1", "v2", "latest"]
        .map(|text| (tag(text), Fact::Absent))
        .into_iter()
        .collect();
    held.insert(wanted().tag(), Fact::Absent);
    held.extend(tags.iter().map(|(text, fact)| (tag(text), fact.clone())));
    let facts = RepositoryFacts {
        uri: "127.0.0.1:1/shop/web".to_owned(),
        arn: "arn".to_owned(),
        tags: TagMutability {
            mutable: true,
            except: Vec::new(),
        },
        scan_on_push: true,
        encryption: Encryption::Aes256,
        lifecycle: None,
        access: None,
        resource_tags: None,
    };
    Observed {
        repositories: BTreeMap::from([(
            key(),
            ObservedRepository {
                facts: Fact::Known(facts),
                tags: held,
            },
        )]),
        builder: Fact::Absent,
        records: BTreeMap::new(),
        inventories: BTreeMap::new(),
        tag_counts: BTreeMap::new(),
        replication: BTreeMap::new(),
        pushed: BTreeMap::new(),
        sources: BTreeMap::new(),
    }
}

fn known_repository(observed: &mut Observed) -> &mut RepositoryFacts {
    match &mut observed
        .repositories
        .get_mut(&key())
        .expect("a repository")
        .facts
    {
        Fact::Known(facts) => facts,
        Fact::Absent | Fact::Unknown(_) => panic!("the repository is known"),
    }
}

/// Plans, checks the invariants of every plan, and the law that a plan leads to a world that needs no plan.
fn decide(desired: &Desired, observed: &Observed) -> Plan {
    let made = plan(desired, observed);
    assert_eq!(check(&made), Vec::<String>::new());
    assert_eq!(made, plan(desired, observed));
    if made.is_applicable() {
        let again = plan(desired, &after(observed, &made));
        assert!(!again.has_changes(), "{again:#?}");
    }
    made
}

fn in_tag() -> String {
    wanted().tag().to_string()
}

#[test]
fn a_wanted_tag_at_an_image_with_the_fingerprint_is_up_to_date() {
    let made = decide(
        &desired(&["v1"], settings()),
        &observed(&[
            ("v1", facts("a", Some(wanted()))),
            (&in_tag(), facts("a", Some(wanted()))),
        ]),
    );
    assert_eq!(made.images[0].action, ImageAction::None);
    assert_eq!(made.images[0].reasons, [Reason::UpToDate]);
}

#[test]
fn a_new_tag_on_unchanged_content_is_a_retag() {
    let made = decide(
        &desired(&["v2"], settings()),
        &observed(&[
            ("v1", facts("a", Some(wanted()))),
            (&in_tag(), facts("a", Some(wanted()))),
        ]),
    );
    assert_eq!(made.images[0].action, ImageAction::Retag);
    assert_eq!(made.images[0].targets[0].tags[0].action, TagAction::Create);
    assert_eq!(
        made.images[0].targets[0].tags[0].to_digest,
        Some(Digest::of(b"a"))
    );
}

#[test]
fn a_right_wanted_tag_with_a_missing_in_tag_is_a_retag_of_the_in_tag() {
    let made = decide(
        &desired(&["v1"], settings()),
        &observed(&[("v1", facts("a", Some(wanted())))]),
    );
    assert_eq!(made.images[0].action, ImageAction::Retag);
    assert!(made.images[0].targets[0].write_in_tag);
    assert_eq!(
        made.images[0].reasons,
        [Reason::InTagMissing { key: key() }]
    );
}

#[test]
fn of_two_digests_with_one_fingerprint_the_one_under_the_in_tag_wins() {
    let made = decide(
        &desired(&["v1", "v2"], settings()),
        &observed(&[
            ("v1", facts("a", Some(wanted()))),
            (&in_tag(), facts("b", Some(wanted()))),
        ]),
    );
    let tags = &made.images[0].targets[0].tags;
    assert_eq!(
        tags[0].action,
        TagAction::None,
        "v1 holds the fingerprint already"
    );
    assert_eq!(tags[1].to_digest, Some(Digest::of(b"b")));
}

#[test]
fn changed_inputs_are_built_and_the_reason_names_the_file() {
    let old = InputsRecord::new(inputs("old"), None);
    let mut world = observed(&[("v1", facts("a", Some(old.fingerprint.clone())))]);
    world
        .records
        .insert((key(), Digest::of(b"a")), Fact::Known(old));
    let made = decide(&desired(&["v1"], settings()), &world);
    assert_eq!(made.images[0].action, ImageAction::Build);
    let changes = vec![InputChange::FileChanged {
        path: "main.py".to_owned(),
    }];
    assert_eq!(
        made.images[0].reasons,
        [Reason::InputsChanged {
            key: key(),
            tag: tag("v1"),
            changes
        }]
    );
    assert_eq!(made.images[0].targets[0].tags[0].action, TagAction::Move);
    assert_eq!(made.images[0].targets[0].tags[0].to_digest, None);
}

#[test]
fn a_missing_record_changes_the_explanation_only() {
    let other = fingerprint(&inputs("old"));
    let made = decide(
        &desired(&["v1"], settings()),
        &observed(&[("v1", facts("a", Some(other)))]),
    );
    assert_eq!(made.images[0].action, ImageAction::Build);
    assert_eq!(
        made.images[0].reasons,
        [Reason::RecordMissing {
            key: key(),
            tag: tag("v1"),
            why: None
        }]
    );
}

#[test]
fn an_image_of_the_builder_is_pushed() {
    let mut world = observed(&[]);
    let id = Digest::of(b"id");
    world.builder = Fact::Known(ObservedBuilder {
        description: "Docker Engine".to_owned(),
        platforms: vec![Platform::default()],
        images: BTreeMap::from([(wanted(), id.clone())]),
        gone: BTreeSet::new(),
    });
    let made = decide(&desired(&["v1"], settings()), &world);
    assert_eq!(made.images[0].action, ImageAction::Push);
    assert_eq!(made.images[0].local_image, Some(id));
}

#[test]
fn an_image_that_was_built_and_is_nowhere_any_more_is_gone_and_not_never_built() {
    let mut world = observed(&[]);
    world.builder = Fact::Known(ObservedBuilder {
        description: "Docker Engine".to_owned(),
        platforms: vec![Platform::default()],
        images: BTreeMap::new(),
        gone: BTreeSet::from([wanted()]),
    });
    let made = decide(&desired(&["v1"], settings()), &world);
    assert_eq!(made.images[0].action, ImageAction::Build);
    let reasons = &made.images[0].reasons;
    assert!(
        matches!(reasons.as_slice(), [Reason::Gone { .. }]),
        "{reasons:?}"
    );
}

#[test]
fn an_immutable_tag_with_another_image_is_blocked_before_any_build() {
    let mut world = observed(&[("v1", facts("a", None))]);
    known_repository(&mut world).tags = TagMutability {
        mutable: false,
        except: vec!["latest".to_owned()],
    };
    let made = decide(&desired(&["v1"], settings()), &world);
    assert_eq!(made.images[0].action, ImageAction::Blocked);
    assert!(!made.is_applicable());
    assert!(made.images[0].reasons.contains(&Reason::Immutable {
        key: key(),
        tag: tag("v1"),
        digest: Digest::of(b"a")
    }));
}

#[test]
fn tags_are_judged_against_the_settings_the_plan_ends_with() {
    let mut world = observed(&[("v1", facts("a", None)), ("latest", facts("a", None))]);
    let wanted_settings = |except: &[&str]| Settings {
        tags: Some(sourced(TagMutability {
            mutable: false,
            except: except.iter().map(|text| (*text).to_owned()).collect(),
        })),
        ..settings()
    };
    let made = decide(&desired(&["latest"], wanted_settings(&[])), &world);
    assert_eq!(
        made.images[0].action,
        ImageAction::Blocked,
        "becomes immutable before the tag would move"
    );
    let made = decide(&desired(&["latest"], wanted_settings(&["latest"])), &world);
    assert_eq!(made.images[0].action, ImageAction::Build);
    known_repository(&mut world).tags = TagMutability {
        mutable: false,
        except: Vec::new(),
    };
    let relaxed = Settings {
        tags: Some(sourced(TagMutability {
            mutable: true,
            except: Vec::new(),
        })),
        ..settings()
    };
    let made = decide(&desired(&["v1"], relaxed), &world);
    assert_eq!(
        made.images[0].action,
        ImageAction::Build,
        "becomes mutable before the tag moves"
    );
}

#[test]
fn a_failed_read_is_unknown_and_never_absent() {
    let world = observed(&[("v1", Fact::not_read("AccessDeniedException"))]);
    let made = decide(&desired(&["v1"], settings()), &world);
    assert_eq!(made.images[0].action, ImageAction::Unknown);
    let mut world = observed(&[]);
    world
        .repositories
        .get_mut(&key())
        .expect("a repository")
        .facts = Fact::not_read("timeout");
    let made = decide(&desired(&["v1"], settings()), &world);
    assert_eq!(made.repositories[0].action, RepositoryAction::Unknown);
    assert_eq!(made.images[0].action, ImageAction::Unknown);
}

#[test]
fn a_missing_repository_is_created_with_scan_on_push_and_aes256() {
    let mut world = observed(&[]);
    world
        .repositories
        .get_mut(&key())
        .expect("a repository")
        .facts = Fact::Absent;
    let made = decide(&desired(&["v1"], settings()), &world);
    let create = made.repositories[0].create.as_ref().expect("a creation");
    assert!(create.scan_on_push);
    assert_eq!(create.encryption, Encryption::Aes256);
    assert_eq!(
        create
            .resource_tags
            .get("windlass:workspace")
            .map(String::as_str),
        Some("shop")
    );
    assert_eq!(made.images[0].action, ImageAction::Build);
    let made = decide(
        &desired(
            &["v1"],
            Settings {
                create: false,
                ..settings()
            },
        ),
        &world,
    );
    assert_eq!(made.repositories[0].action, RepositoryAction::Blocked);
    assert_eq!(made.images[0].action, ImageAction::Blocked);
}

#[test]
fn encryption_that_differs_is_blocked_and_never_replaced() {
    let wanted = Settings {
        encryption: Some(sourced(Encryption::Kms(Some("arn:key".to_owned())))),
        ..settings()
    };
    let made = decide(&desired(&[], wanted), &observed(&[]));
    assert_eq!(made.repositories[0].action, RepositoryAction::Blocked);
    assert!(made.repositories[0].diffs[0].forces_replacement);
}

#[test]
fn settings_of_another_workspaces_repository_are_blocked_and_images_still_pushed() {
    let mut world = observed(&[]);
    known_repository(&mut world).resource_tags = Some(Fact::Known(BTreeMap::from([(
        "windlass:workspace".to_owned(),
        "other".to_owned(),
    )])));
    let scan = Settings {
        scan_on_push: Some(sourced(false)),
        ..settings()
    };
    let made = decide(&desired(&["v1"], scan), &world);
    assert_eq!(made.repositories[0].action, RepositoryAction::Blocked);
    let made = decide(
        &desired(
            &["v1"],
            Settings {
                create: false,
                ..settings()
            },
        ),
        &world,
    );
    assert_eq!(made.repositories[0].action, RepositoryAction::None);
    assert_eq!(made.images[0].action, ImageAction::Build);
}

#[test]
fn an_image_without_tags_keeps_only_its_in_tag() {
    let made = decide(
        &desired(&[], settings()),
        &observed(&[(&in_tag(), facts("a", Some(wanted())))]),
    );
    assert_eq!(made.images[0].action, ImageAction::None);
    let made = decide(&desired(&[], settings()), &observed(&[]));
    assert_eq!(made.images[0].action, ImageAction::Build);
}

#[test]
fn an_image_built_from_a_blocked_one_is_blocked() {
    let mut desired = desired(&["v1"], settings());
    let base = DesiredImage {
        inputs: DesiredInputs::Unusable("no such base".to_owned()),
        ..image("base", &[], spec(inputs("b"), Vec::new()))
    };
    let need = NeededImage {
        as_name: "base".to_owned(),
        image: base.name.clone(),
        fingerprint: wanted(),
    };
    desired.images = vec![image("app", &["v1"], spec(inputs("new"), vec![need])), base];
    let made = decide(&desired, &observed(&[]));
    assert_eq!(made.images[0].action, ImageAction::Blocked);
    assert_eq!(
        made.images[0].reasons[0],
        Reason::NeedBlocked {
            image: ImageName::new("base").expect("a name")
        }
    );
}
