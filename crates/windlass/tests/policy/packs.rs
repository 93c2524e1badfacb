//! What `windlass policy list` says is in force, and where it comes from.

use serde_json::Value;

use crate::{MANIFEST, common::Workspace, workspace};

/// A workspace with a pack of its own, in KDL and Rego, below the pack that is demanded.
fn with_both_packs() -> Workspace {
    let workspace = workspace();
    workspace.write(
        "windlass.kdl",
        &format!("{MANIFEST}policy \"own\" {{ kdl \"packs/*.kdl\" }}\n"),
    );
    workspace.write(
        "packs/own.kdl",
        "pack \"mine\" version=3\nrule \"add-not-copy\" { level \"deny\" }\nrule \"secret-in-arg-env\" { level \"off\" }\nrego \"*.rego\"\n",
    );
    workspace.write(
        "packs/ports.rego",
        "package mine.ports\nimport rego.v1\ndeny contains \"no\" if input.image.ports == 1\n",
    );
    workspace
}

#[test]
fn the_packs_of_the_workspace_are_listed_with_what_is_demanded() {
    let workspace = with_both_packs();
    let list = ["--policy", "../org/org.kdl", "policy", "list"];
    let text = workspace.run(&list).exits(0);
    let line = |begin: &str| {
        let mut lines = text.out.lines().filter(|it| it.starts_with(begin));
        let found = lines
            .next()
            .unwrap_or_else(|| panic!("no line {begin}:\n{}", text.out));
        assert_eq!(lines.next(), None, "{begin} twice");
        found.to_owned()
    };
    assert_eq!(line("profile"), "profile baseline");
    assert!(line("pack ").starts_with("pack mine version 3 from packs/own.kdl@sha256:"));
    assert!(
        line("mandatory pack ")
            .starts_with("mandatory pack org version 1 from ../org/org.kdl@sha256:")
    );
    assert!(line("deny             add-not-copy ").ends_with("  [mine]"));
    // What is demanded stands, whatever the workspace says of it.
    assert!(line("deny             secret-in-arg-env ").ends_with("  [org, mandatory]"));
    assert!(line("rego             mine/ports ").ends_with("  [mine]"));
}

#[test]
fn the_list_for_programs_says_the_same() {
    let workspace = with_both_packs();
    let list = ["--policy", "../org/org.kdl", "policy", "list", "--json"];
    let document = workspace.run(&list).exits(0).json();
    let packs = document["packs"].as_array().expect("packs");
    let packs: Vec<(&Value, &Value)> = packs
        .iter()
        .map(|it| (&it["name"], &it["mandatory"]))
        .collect();
    assert_eq!(
        packs,
        [
            (&"mine".into(), &false.into()),
            (&"org".into(), &true.into())
        ]
    );
    let rules = document["rules"].as_array().expect("rules");
    let rule = |id: &str| rules.iter().find(|it| it["rule"] == id).expect("the rule");
    assert_eq!(rule("add-not-copy")["pack"], "mine");
    let secret = rule("secret-in-arg-env");
    assert_eq!(
        (&secret["level"], &secret["mandatory"]),
        (&"deny".into(), &true.into())
    );
    assert_eq!(
        (&rule("mine/ports")["source"], &rule("mine/ports")["pack"]),
        (&"rego".into(), &"mine".into())
    );
}

const SETTINGS: &str =
    "workspace \"shop\"\nregistry \"dev\" { account \"111122223333\"; region \"eu-west-1\" }\n";
const PUBLIC: &str = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"ecr:BatchGetImage\"}]}";

/// A repository that lets everybody in is denied where the manifest says it, where only ECR knows it, and when a plan is applied that was
/// made without the pack.
#[test]
fn a_public_repository_is_denied_whoever_made_it_public() {
    let public = format!(
        "{SETTINGS}repository \"api\" {{ target \"dev\"; access {{ document \"public.json\" }} }}\n"
    );
    let workspace = Workspace::new(&[("windlass.kdl", &public), ("public.json", PUBLIC)]);
    workspace.write(
        "../org/org.kdl",
        "pack \"org\" version=1\nrule \"ecr-policy-public\" { level \"deny\" }\n",
    );
    let demanded = |arguments: &[&str]| {
        workspace.run(&[&["--policy", "../org/org.kdl", "--local"], arguments].concat())
    };
    demanded(&["check"])
        .exits(3)
        .says("everybody may use `api`");
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0);
    workspace.write(
        "windlass.kdl",
        &format!("{SETTINGS}repository \"api\" {{ target \"dev\" }}\n"),
    );
    demanded(&["check"]).exits(0);
    demanded(&["plan"]).exits(3).says("everybody may use `api`");
    workspace
        .run(&["--local", "plan", "--out", "p.windlass"])
        .exits(0);
    demanded(&["apply", "p.windlass"])
        .exits(3)
        .says("ecr-policy-public");
    workspace.write(
        "windlass.kdl",
        &format!("{SETTINGS}repository \"api\" {{ target \"dev\"; access \"none\" }}\n"),
    );
    demanded(&["apply", "--auto-approve"]).exits(0);
    demanded(&["plan"]).exits(0);
}
