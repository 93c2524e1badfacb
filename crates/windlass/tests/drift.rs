//! What changed behind windlass's back: repositories that the manifest gave up, settings and tags that somebody else changed.

#[path = "common/mod.rs"]
mod common;

use common::{Workspace, api, has_engine};
use serde_json::{Value, json};
use windlass_ecr_local::{Config, FaultKind, Faults, LocalEcr};

const ACCOUNT: &str = "111122223333";
const HEAD: &str =
    "workspace \"harbour\"\nregistry \"dev\" { account \"111122223333\"; region \"eu-west-1\" }\n";
const TWO: &str =
    "repository \"kept\" { tags \"mutable\" }\nrepository \"gone\" { tags \"mutable\" }\n";

/// The workspace, the local ECR that plays its registry, and what goes wrong there.
struct World {
    workspace: Workspace,
    ecr: LocalEcr,
    faults: Faults,
}

impl World {
    fn new(manifest: &str) -> Self {
        let workspace = Workspace::new(&[("windlass.kdl", &format!("{HEAD}{manifest}"))]);
        let config = Config {
            data: Some(workspace.path(".windlass/local")),
            ..Config::default()
        };
        let ecr = LocalEcr::start_blocking(&config).expect("the local ECR starts");
        Self {
            workspace,
            ecr,
            faults: config.faults,
        }
    }

    fn applied(manifest: &str) -> Self {
        let world = Self::new(manifest);
        world
            .workspace
            .run(&["--local", "apply", "--auto-approve"])
            .exits(0);
        world
    }

    fn write(&self, manifest: &str) {
        let text = format!("{HEAD}{manifest}");
        self.workspace.write("windlass.kdl", &text);
    }

    fn plan(&self) -> Value {
        let done = self.workspace.run(&["--local", "plan", "--format", "json"]);
        done.exits(0).json()
    }

    fn notes(&self) -> String {
        self.plan()["notes"].to_string()
    }

    fn api(&self, operation: &str, body: &Value) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let address = runtime.block_on(self.ecr.address(ACCOUNT, "eu-west-1"));
        let address = address.expect("an address").to_string();
        api(&address, ACCOUNT, operation, body);
    }
}

#[test]
fn a_repository_that_the_manifest_gave_up_is_named() {
    let world = World::applied(TWO);
    assert!(!world.notes().contains("does not name any more"));
    world.write("repository \"kept\" { tags \"mutable\" }\n");
    let notes = world.notes();
    assert!(
        notes.contains("registry dev holds repositories that this workspace created and that the manifest does not name any more: `gone`;"),
        "{notes}"
    );
    // Nothing is to be done about it, and giving it up on purpose is an answer.
    assert_eq!(world.plan()["repositories"][0]["action"], "none");
    world.write("repository \"kept\" { tags \"mutable\" }\nremoved \"repository\" \"gone\"\n");
    assert!(!world.notes().contains("does not name any more"));
}

#[test]
fn a_repository_of_another_workspace_is_no_orphan() {
    let world = World::applied(TWO);
    world.workspace.replace("windlass.kdl", "harbour", "quay");
    world.workspace.replace(
        "windlass.kdl",
        TWO,
        "repository \"other\" { tags \"mutable\" }\n",
    );
    assert!(!world.notes().contains("does not name any more"));
}

#[test]
fn orphans_that_cannot_be_looked_for_are_a_note_and_stop_nothing() {
    let world = World::applied(TWO);
    world
        .faults
        .always("tag:GetResources", FaultKind::AccessDenied);
    let notes = world.notes();
    assert!(
        notes.contains("whether registry dev holds repositories that the manifest gave up is not known: tag:GetResources in registry dev: 400 Bad Request AccessDeniedException"),
        "{notes}"
    );
    world
        .workspace
        .run(&["--local", "plan", "--detailed-exitcode"])
        .exits(0);
}

#[test]
fn a_part_of_the_manifest_knows_of_no_orphans() {
    let world = World::applied(TWO);
    let arguments = ["--local", "plan", "--only", "repository.kept@dev"];
    let done = world.workspace.run(&arguments).exits(0);
    assert!(!done.out.contains("does not name any more"), "{}", done.out);
}

#[test]
fn a_setting_that_somebody_changed_is_shown_and_put_back() {
    let world = World::applied("repository \"kept\" { tags \"immutable\"; scan-on-push #true }\n");
    let request = json!({ "repositoryName": "kept", "imageTagMutability": "MUTABLE" });
    world.api("PutImageTagMutability", &request);
    let plan = world.plan();
    let repository = &plan["repositories"][0];
    assert_eq!(repository["action"], "update");
    assert_eq!(repository["changes"][0]["path"], "tags");
    assert_eq!(repository["changes"][0]["before"], "mutable");
    assert_eq!(repository["changes"][0]["after"], "immutable");
    world
        .workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0);
    assert_eq!(world.plan()["repositories"][0]["action"], "none");
}

#[test]
fn engine_a_tag_that_somebody_moved_says_since_when_and_that_nobody_knows_who() {
    if !has_engine() {
        return;
    }
    let manifest = "image \"api\" { context \"api\"; tag \"v1\"; target \"dev\" }\n";
    let world = World::new(manifest);
    let write = |content: &str| {
        let text = format!("{content} {}\n", world.workspace.home().display());
        world.workspace.write("api/f", &text);
    };
    let apply = ["--local", "apply", "--auto-approve"];
    world
        .workspace
        .write("api/Dockerfile", "FROM scratch\nCOPY f /f\n");
    write("one");
    world.workspace.run(&apply).exits(0);
    write("two");
    world.workspace.run(&apply).exits(0);
    // Somebody moves the tag back to the first image: for the wanted one, only the tag is elsewhere.
    let first = ["--local", "plan", "--format", "json"];
    write("one");
    let planned = world.workspace.run(&first).exits(0).json();
    let tag = &planned["images"][0]["targets"][0]["tags"][0];
    assert_eq!(planned["images"][0]["action"], "retag");
    assert!(tag["from_digest"].is_string());
    let message = planned["images"][0]["reasons"].to_string();
    assert!(
        message.contains("tag `v1` holds another image (pushed on 20")
            && message.contains("by whom is not known"),
        "{message}"
    );
}
