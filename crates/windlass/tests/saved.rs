//! Saved plans: what makes one stale, what refuses it, and what it does when it is applied once more.

#[path = "common/mod.rs"]
mod common;

use common::{Done, Workspace, api, has_engine};
use serde_json::{Value, json};
use windlass_core::plan::file::{SavedPlan, parse, render};
use windlass_ecr_local::LocalEcr;

const ACCOUNT: &str = "111122223333";
const HEAD: &str =
    "workspace \"harbour\"\nregistry \"dev\" { account \"111122223333\"; region \"eu-west-1\" }\n";
const ONE: &str = "repository \"one\" { tags \"immutable\" }\n";
const TWO: &str =
    "repository \"one\" { tags \"immutable\" }\nrepository \"two\" { tags \"mutable\" }\n";
const IMAGE: &str = "image \"api\" { context \"api\"; tag \"v1\" \"latest\"; target \"dev\" }\n";

/// A workspace and the local ECR that plays its registry.
struct World {
    workspace: Workspace,
    ecr: LocalEcr,
}

impl World {
    fn new(manifest: &str) -> Self {
        let workspace = Workspace::new(&[
            ("windlass.kdl", &format!("{HEAD}{manifest}")),
            ("api/Dockerfile", "FROM scratch\nCOPY f /f\n"),
        ]);
        let ecr = workspace.serve();
        let world = Self { workspace, ecr };
        world.write_source("one");
        world
    }

    /// Content that no other run has, so that no build is found in the Engine.
    fn write_source(&self, content: &str) {
        let text = format!("{content} {}\n", self.workspace.home().display());
        self.workspace.write("api/f", &text);
    }

    fn save(&self, file: &str) -> &Self {
        self.workspace
            .run(&["--local", "plan", "--out", file])
            .exits(0);
        self
    }

    fn apply(&self, file: &str) -> Done {
        self.workspace.run(&["--local", "apply", file])
    }

    fn api(&self, operation: &str, body: &Value) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let address = runtime.block_on(self.ecr.address(ACCOUNT, "eu-west-1"));
        let address = address.expect("an address").to_string();
        api(&address, ACCOUNT, operation, body);
    }

    /// Counts the calls that change something.
    fn writes(&self) -> u64 {
        let writes = [
            "Put",
            "Create",
            "Delete",
            "Set",
            "Tag",
            "Untag",
            "Initiate",
            "registry:",
        ];
        let calls = self.ecr.calls();
        let writes = calls
            .iter()
            .filter(|(name, _)| writes.iter().any(|it| name.starts_with(it)));
        writes.map(|(_, count)| count).sum()
    }

    /// Applies a plan that has to be stale; nothing may be written.
    fn refuses(&self, file: &str, what: &str) {
        let before = self.writes();
        self.apply(file)
            .exits(4)
            .says("the plan is stale")
            .says(what);
        assert_eq!(self.writes(), before, "something was written");
    }

    /// Reads a saved plan, changes it, and writes it as if it had been made so.
    fn forge(&self, file: &str, edit: impl FnOnce(&mut SavedPlan)) {
        let path = self.workspace.path(file);
        let mut saved = parse(&std::fs::read(&path).expect("a plan")).expect("a saved plan");
        edit(&mut saved);
        std::fs::write(&path, render(&saved)).expect("written");
    }
}

#[test]
fn a_setting_that_changed_since_makes_a_plan_stale() {
    let world = World::new("repository \"one\" { tags \"mutable\" }\n");
    world.save("first").apply("first").exits(0);
    let manifest = format!("{HEAD}repository \"one\" {{ tags \"immutable\" }}\n");
    world.workspace.write("windlass.kdl", &manifest);
    world.save("second");
    let filter = json!([{ "filterType": "WILDCARD", "filter": "dev-*" }]);
    let other = json!({ "repositoryName": "one", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION", "imageTagMutabilityExclusionFilters": filter });
    world.api("PutImageTagMutability", &other);
    world.refuses("second", "repository.one@dev");
}

#[test]
fn a_repository_that_is_gone_makes_a_plan_stale() {
    let world = World::new("repository \"one\" { tags \"mutable\" }\n");
    world.save("first").apply("first").exits(0);
    let manifest = format!("{HEAD}{ONE}");
    world.workspace.write("windlass.kdl", &manifest);
    world.save("second");
    world.api("DeleteRepository", &json!({ "repositoryName": "one" }));
    world.refuses("second", "repository.one@dev");
}

#[test]
fn a_plan_that_was_applied_is_applied_already() {
    let world = World::new(TWO);
    world.save("plan").apply("plan").exits(0).says("Applied.");
    let before = world.writes();
    world.apply("plan").exits(0).says("Already applied");
    assert_eq!(world.writes(), before, "something was written");
}

#[test]
fn a_plan_that_was_half_applied_finishes() {
    let world = World::new(TWO);
    world.save("plan");
    // As if a first apply had come this far and not further.
    let tags = json!([{ "Key": "windlass:workspace", "Value": "harbour" }]);
    let one = json!({ "repositoryName": "one", "imageTagMutability": "IMMUTABLE", "tags": tags, "imageScanningConfiguration": { "scanOnPush": true } });
    world.api("CreateRepository", &one);
    world.apply("plan").exits(0).says("Applied.");
    world
        .workspace
        .run(&["--local", "plan", "--detailed-exitcode"])
        .exits(0);
}

#[test]
fn a_plan_of_another_workspace_is_refused() {
    let world = World::new(TWO);
    world.save("plan");
    world.workspace.replace("windlass.kdl", "harbour", "quay");
    let before = world.writes();
    world
        .apply("plan")
        .exits(1)
        .says("the plan is of workspace `harbour`, windlass.kdl is of workspace `quay`");
    assert_eq!(world.writes(), before);
}

#[test]
fn a_plan_of_another_version_is_refused() {
    let world = World::new(TWO);
    world.save("plan");
    world.forge("plan", |saved| {
        saved.header.windlass_version = "0.0.9".to_owned();
    });
    world
        .apply("plan")
        .exits(1)
        .says("the plan was made by windlass 0.0.9")
        .says("plan again with the windlass that applies it");
}

#[test]
fn a_plan_of_another_commit_is_stale() {
    let world = World::new(
        "repository \"one\" { tags \"mutable\"; resource-tag commit=\"{{ git.sha }}\" }\n",
    );
    world
        .workspace
        .write(".gitignore", ".windlass/\n*.windlass\n");
    world.workspace.init_git();
    world.save("plan.windlass");
    world.workspace.commit();
    world.refuses("plan.windlass", "HEAD is at");
}

#[test]
fn a_plan_that_is_damaged_is_refused() {
    let world = World::new(TWO);
    world.save("plan");
    let path = world.workspace.path("plan");
    let mut bytes = std::fs::read(&path).expect("a plan");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    world.apply("plan").exits(1).says("damaged");
}

#[test]
fn engine_inputs_that_changed_make_a_plan_stale_before_the_first_write() {
    if !has_engine() {
        return;
    }
    let world = World::new(IMAGE);
    world.save("plan");
    world.write_source("two");
    world.refuses("plan", "image.api: api/f changed since it was planned");
    world.write_source("one");
    let dockerfile = world.workspace.read("api/Dockerfile");
    world
        .workspace
        .write("api/Dockerfile", &format!("{dockerfile}# more\n"));
    world.refuses(
        "plan",
        "image.api: api/Dockerfile changed since it was planned",
    );
    world.workspace.write("api/Dockerfile", &dockerfile);
    // As they were planned they are built, also where something was added that the plan does not know.
    world.workspace.write("api/added", "x\n");
    world.apply("plan").exits(0).says("Applied.");
}

#[test]
fn engine_a_tag_that_moved_since_makes_a_plan_stale() {
    if !has_engine() {
        return;
    }
    let world = World::new(IMAGE);
    world.save("first").apply("first").exits(0);
    world.write_source("two");
    world.save("second").save("third");
    world.apply("second").exits(0);
    // The same fingerprint is there already: whoever comes second has nothing to do.
    world.apply("third").exits(0).says("Already applied");
    world.write_source("three");
    world.save("fourth");
    let tag = json!({ "repositoryName": "api", "imageIds": [{ "imageTag": "v1" }] });
    world.api("BatchDeleteImage", &tag);
    world.refuses("fourth", "image.api:v1 in repository.api@dev");
}

#[test]
fn engine_a_killed_apply_of_a_saved_plan_is_finished_by_the_same_plan() {
    if !has_engine() {
        return;
    }
    let world = World::new(IMAGE);
    world.save("plan");
    let events = world.workspace.home().join("events.jsonl");
    let path = events.to_str().expect("UTF-8");
    let arguments = ["--local", "apply", "plan", "--json-events", path];
    let mut child = world
        .workspace
        .command(&arguments)
        .spawn()
        .expect("it runs");
    // Killed as soon as the image is there under its `in-` tag: no wanted tag has moved yet, or some have.
    loop {
        let told = std::fs::read_to_string(&events).unwrap_or_default();
        let ended = child.try_wait().expect("it can be asked").is_some();
        if ended || told.lines().any(|line| line.contains("\"held\"")) {
            break;
        }
    }
    child.kill().expect("it is there or done");
    drop(child.wait());
    let told = std::fs::read_to_string(&events).expect("a journal");
    assert!(told.lines().count() > 1, "what was done is told: {told}");
    world.apply("plan").exits(0);
    world
        .workspace
        .run(&["--local", "plan", "--detailed-exitcode"])
        .exits(0);
}
