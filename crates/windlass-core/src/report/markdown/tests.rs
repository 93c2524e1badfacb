use super::*;
use crate::plan::{Plan, TagAction};
use crate::report::wire::{
    Context, Dockerfile, Header, Reason, ReasonKind, SettingChange, Tag, Target,
};

fn empty() -> Report {
    let plan = Plan {
        workspace: "shop".to_owned(),
        environment: None,
        git_sha: None,
        builder: None,
        registries: Vec::new(),
        variables: Vec::new(),
        bases: Vec::new(),
        images: Vec::new(),
        repositories: Vec::new(),
        notes: Vec::new(),
        refusals: Vec::new(),
        guards: Vec::new(),
        engine: None,
        policy: crate::plan::PolicyRecord::default(),
    };
    let header = Header {
        windlass_version: "0.1.0".to_owned(),
        created_at: "2026-11-23T09:15:00Z".to_owned(),
        environment_variables: Vec::new(),
    };
    Report::new(&plan, &header, &[])
}

fn image(name: &str, dockerfile: &str) -> Image {
    Image {
        address: format!("image.{name}"),
        declared: None,
        action: ImageAction::Build,
        reasons: vec![Reason {
            kind: ReasonKind::NeverBuilt,
            message: "no image is there".to_owned(),
            help: None,
            repository: None,
            tag: None,
            digest: None,
            image: None,
            changes: None,
            folders: None,
        }],
        fingerprint: Some("ab".repeat(32)),
        platforms: Vec::new(),
        context: Some(Context {
            path: ".".to_owned(),
            files: 1,
            bytes: 1,
        }),
        dockerfile: Dockerfile {
            before: None,
            after: Some(dockerfile.to_owned()),
        },
        needs: Vec::new(),
        bases: Vec::new(),
        built_at: None,
        local_image: None,
        targets: vec![Target {
            copy_from: None,
            replicated_from: None,
            target: "prod".to_owned(),
            repository: format!("repository.shop/{name}@prod"),
            repository_uri: None,
            action: ImageAction::Build,
            tags: vec![Tag {
                tag: "v1".to_owned(),
                action: TagAction::Create,
                from_digest: None,
                to_digest: None,
            }],
        }],
    }
}

fn count(text: &str, part: &str) -> usize {
    text.matches(part).count()
}

#[test]
fn the_marker_cannot_be_left() {
    let mut report = empty();
    assert_eq!(marker(&report), "<!-- windlass plan shop -->");
    report.workspace = "a --> <b>".to_owned();
    report.environment = Some("prod".to_owned());
    assert_eq!(marker(&report), "<!-- windlass plan a -__ _b_ prod -->");
}

#[test]
fn a_thousand_images_stay_below_the_limit_and_nothing_is_left_open() {
    let mut report = empty();
    report.images = (0..1000)
        .map(|at| image(&format!("image-{at}"), "FROM scratch\n"))
        .collect();
    report.notes = vec!["n".repeat(1000); 1000];
    let text = render_markdown(&report);
    assert!(text.chars().count() <= LIMIT);
    assert_eq!(count(&text, "<details>"), count(&text, "</details>"));
    assert!(text.contains("**Cut here:**"));
    assert!(text.contains("<sub>Planned "));
    assert!(count(&text, "<details>") > 50, "the room is used");
}

#[test]
fn one_monstrous_image_does_not_hide_the_others() {
    let mut report = empty();
    let monster = format!(
        "FROM scratch\n{}",
        "RUN `é`\n".repeat(1_000).replace('é', &"é".repeat(500))
    );
    report.images = vec![
        image("a-monster", &monster),
        image("small", "FROM scratch\n"),
    ];
    report.repositories = vec![Repository {
        address: "repository.shop/a@prod".to_owned(),
        declared: None,
        target: "prod".to_owned(),
        repository_uri: None,
        action: RepositoryAction::Update,
        changes: vec![SettingChange {
            path: "lifecycle".to_owned(),
            before: serde_json::Value::Null,
            after: serde_json::json!("x|y".repeat(100_000)),
            forces_replacement: false,
        }],
        why: None,
    }];
    let text = render_markdown(&report);
    assert!(text.chars().count() <= LIMIT);
    assert!(text.contains("<code>image.small</code>"));
    assert_eq!(count(&text, "<details>"), count(&text, "</details>"));
}
