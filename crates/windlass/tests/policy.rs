//! Mandatory policies cannot be got round from inside a pull request: every attempt fails closed.
//!
//! The workspace is what a pull request can change; the pack lies outside of it and is demanded on the command line.

#[path = "common/mod.rs"]
mod common;
#[path = "policy/linting.rs"]
mod linting;
#[path = "policy/packs.rs"]
mod packs;

use common::{Done, Workspace};

const MANIFEST: &str = r#"workspace "shop"
registry "dev" { account "111122223333"; region "eu-west-1" }
image "api" { dockerfile "Dockerfile"; tag "v1"; target "dev" }
"#;

/// What the organisation forbids: a secret that stays in the image's history.
const DOCKERFILE: &str = "FROM scratch\nARG DB_PASSWORD\nCOPY main.py /\n";

const PACK: &str = r#"pack "org" version=1
rule "secret-in-arg-env" { level "deny" }
rule "base-registry-allowed" { level "deny"; set registry="docker.io/library" }
"#;

fn workspace() -> Workspace {
    let workspace = Workspace::new(&[
        ("windlass.kdl", MANIFEST),
        ("Dockerfile", DOCKERFILE),
        ("main.py", "print(1)\n"),
    ]);
    workspace.write("../org/org.kdl", PACK);
    workspace
}

fn with_manifest(more: &str) -> Workspace {
    let workspace = workspace();
    workspace.write("windlass.kdl", &format!("{MANIFEST}{more}"));
    workspace
}

fn check(workspace: &Workspace) -> Done {
    workspace.run(&["--policy", "../org/org.kdl", "check"])
}

/// A workspace that nothing but rules in Rego objects to, and a pack that names their files.
fn with_rego_pack(files: &str) -> Workspace {
    let workspace = workspace();
    workspace.write("Dockerfile", "FROM scratch\nCOPY main.py /\n");
    workspace.write(
        "../org/rego.kdl",
        &format!("pack \"rego\" version=1\nrego \"{files}\"\n"),
    );
    workspace
}

fn check_rego(workspace: &Workspace) -> Done {
    workspace.run(&["--policy", "../org/rego.kdl", "check"])
}

/// The waiver that a pull request would write.
const WAIVER: &str = "expires \"2999-12-31\"; owner \"me\"; reason \"because\"";

fn own_pack(workspace: &Workspace, pack: &str) {
    workspace.write(
        "windlass.kdl",
        &format!("{MANIFEST}policy \"own\" {{ kdl \"packs/*.kdl\" }}\n"),
    );
    workspace.write("packs/own.kdl", pack);
}

#[test]
fn the_pack_denies_and_a_good_file_passes() {
    let workspace = workspace();
    check(&workspace).exits(3).says("secret-in-arg-env");
    workspace.write("Dockerfile", "FROM scratch\nCOPY main.py /\n");
    check(&workspace).exits(0).says("No findings.");
}

#[test]
fn attempt_01_a_pack_of_the_workspace_switches_the_rule_off() {
    let workspace = workspace();
    own_pack(
        &workspace,
        "pack \"mine\" version=1\nrule \"secret-in-arg-env\" { level \"off\" }\n",
    );
    check(&workspace).exits(3).says("deny secret-in-arg-env");
}

#[test]
fn attempt_02_a_waiver_in_the_manifest() {
    let workspace = with_manifest(&format!("waiver \"secret-in-arg-env\" {{ {WAIVER} }}\n"));
    check(&workspace).exits(3).says("waiver-refused");
}

#[test]
fn attempt_03_a_waiver_in_a_comment() {
    let workspace = workspace();
    let comment =
        "# windlass: allow secret-in-arg-env expires=2999-12-31 owner=\"me\" reason=\"because\"\n";
    workspace.write("Dockerfile", &format!("{comment}{DOCKERFILE}"));
    check(&workspace).exits(3).says("waiver-refused");
}

#[test]
fn attempt_04_comments_of_other_tools() {
    let workspace = workspace();
    workspace.write(
        "Dockerfile",
        &format!("# check=skip=all\n# hadolint global ignore=DL3064\n{DOCKERFILE}"),
    );
    check(&workspace).exits(3).says("deny secret-in-arg-env");
}

#[test]
fn attempt_05_a_pack_of_the_same_name() {
    let workspace = workspace();
    own_pack(
        &workspace,
        "pack \"org\" version=2\nrule \"secret-in-arg-env\" { level \"off\" }\n",
    );
    check(&workspace)
        .exits(3)
        .says("are both packs of the name `org`");
}

#[test]
fn attempt_06_a_name_that_looks_the_same() {
    let workspace = workspace();
    // The `o` is Cyrillic.
    own_pack(
        &workspace,
        "pack \"\u{43e}rg\" version=1\nrule \"secret-in-arg-env\" { level \"off\" }\n",
    );
    check(&workspace).exits(3).says("is no name of a pack");
}

#[test]
fn attempt_07_an_environment_variable_in_the_manifest() {
    // A variable of the manifest reads the environment and cannot write it: what is demanded stays demanded.
    let demanded = ("WINDLASS_POLICY", "../org/org.kdl");
    let workspace = with_manifest("var \"windlass_policy\" { default \"\" }\n");
    workspace
        .run_with(
            &[demanded, ("WINDLASS_VAR_windlass_policy", "")],
            &["check"],
        )
        .exits(3)
        .says("deny secret-in-arg-env");
    // The name itself is none that a variable can have: a mistake in the manifest, and nothing passes.
    with_manifest("var \"WINDLASS_POLICY\" { default \"\" }\n")
        .run_with(&[demanded], &["check"])
        .exits(1)
        .says("is not a name for a variable");
}

#[test]
fn attempt_08_the_variable_is_emptied() {
    for value in ["", " ", ","] {
        workspace()
            .run_with(&[("WINDLASS_POLICY", value)], &["check"])
            .exits(3);
    }
}

#[test]
fn attempt_09_the_policy_is_not_there_or_holds_nothing() {
    let workspace = workspace();
    workspace
        .run(&["--policy", "../org/none.kdl", "check"])
        .exits(3)
        .says("cannot be read");
    workspace.write("../empty/readme.txt", "nothing");
    workspace
        .run(&["--policy", "../empty", "check"])
        .exits(3)
        .says("holds no pack");
    workspace.write("../org/empty.kdl", "pack \"empty\" version=1\n");
    workspace
        .run(&["--policy", "../org/empty.kdl", "check"])
        .exits(3)
        .says("the pack has no rule");
}

#[test]
fn attempt_10_a_glob_that_matches_nothing() {
    let workspace = with_rego_pack("rules/*.rego");
    check_rego(&workspace).exits(3).says("matches no file");
    let own = with_manifest("policy \"own\" { kdl \"none/*.kdl\" }\n");
    check(&own).exits(3).says("matches no file");
}

#[test]
fn attempt_11_rego_that_cannot_be_loaded_or_fails() {
    let workspace = with_rego_pack("*.rego");
    for text in [
        "package org.a\ndeny contains msg if {\n",
        "package org.a\nimport data.org.missing\ndeny contains \"x\" if missing.y\n",
        "package org.a\nimport rego.v1\ndeny contains \"x\" if to_number(\"no number\") == 1\n",
        "package org.a\nimport rego.v1\ndeny contains \"x\" if not_a_function(1)\n",
        "package org.a\nallow := true\n",
    ] {
        workspace.write("../org/a.rego", text);
        check_rego(&workspace).exits(3);
    }
}

#[test]
fn attempt_12_rego_that_never_ends() {
    let workspace = with_rego_pack("*.rego");
    workspace.write(
        "../org/a.rego",
        "package org.a\nn := numbers.range(1, 5000)\ndeny contains \"x\" if {\n  some a in n\n  some b in n\n  a * b == -1\n}\n",
    );
    check_rego(&workspace).exits(3);
}

#[test]
fn attempt_13_a_link_to_a_pack_in_the_workspace() {
    let workspace = workspace();
    workspace.write(
        "mine.kdl",
        "pack \"org\" version=1\nrule \"secret-in-arg-env\" { level \"off\" }\n",
    );
    let link = workspace.path("../org/link.kdl");
    std::os::unix::fs::symlink(workspace.path("mine.kdl"), link).expect("a link");
    workspace
        .run(&["--policy", "../org/link.kdl", "check"])
        .exits(3)
        .says("lies in the workspace");
}

#[test]
fn a_pack_in_the_workspace_is_demanded_by_the_digest_that_the_refusal_names() {
    let workspace = workspace();
    let text = "pack \"org\" version=1\nrule \"secret-in-arg-env\" { level \"warn\" }\n";
    workspace.write("mine.kdl", text);
    let digest = windlass_core::name::Digest::of(text.as_bytes());
    let pinned = format!("mine.kdl@{digest}");
    workspace
        .run(&["--policy", "mine.kdl", "check"])
        .exits(3)
        .says(&pinned);
    workspace.run(&["--policy", &pinned, "check"]).exits(0);
    workspace.write("mine.kdl", &text.replace("warn", "info"));
    workspace.run(&["--policy", &pinned, "check"]).exits(3);
}

#[test]
fn attempt_14_absurd_dates() {
    // A day that is none is a mistake in the manifest (1); one that lies too far ahead waives nothing (3).
    for (day, code, why) in [
        ("9999-12-31", 3, "more than 365 days"),
        ("2026-02-30", 1, "there is no day"),
        ("0000-00-00", 1, "there is no day"),
        ("soon", 1, "is no date"),
    ] {
        let workspace = with_manifest(&format!(
            "waiver \"secret-in-arg-env\" {{ expires \"{day}\"; owner \"me\"; reason \"x\" }}\n"
        ));
        workspace.write(
            "../org/org.kdl",
            "pack \"org\" version=1\nrule \"secret-in-arg-env\" { level \"deny\"; waivable #true }\n",
        );
        check(&workspace).exits(code).says(why);
    }
}

#[test]
fn attempt_15_an_old_pack_where_a_new_one_is_pinned() {
    let workspace = workspace();
    let digest = windlass_core::name::Digest::of(PACK.as_bytes());
    let pinned = format!("../org/org.kdl@{digest}");
    workspace
        .run(&["--policy", &pinned, "check"])
        .exits(3)
        .says("deny secret-in-arg-env");
    workspace.write(
        "../org/org.kdl",
        "pack \"org\" version=1\nrule \"secret-in-arg-env\" { level \"off\" }\n",
    );
    workspace
        .run(&["--policy", &pinned, "check"])
        .exits(3)
        .says("is not the pack that was demanded");
    // A lock cannot name a pack: it is a mistake in the lock, and nothing passes.
    workspace.write("windlass.lock", "policy \"org\" version=0\n");
    workspace
        .run(&["--policy", &pinned, "check"])
        .exits(1)
        .says("there is no `policy`");
}

#[test]
fn attempt_16_a_named_context_that_replaces_a_linted_base() {
    let workspace = workspace();
    workspace.write(
        "windlass.kdl",
        "workspace \"shop\"\nregistry \"dev\" { account \"111122223333\"; region \"eu-west-1\" }\nimage \"base\" { dockerfile \"base.Dockerfile\"; tag \"v1\"; target \"dev\" }\nimage \"api\" { dockerfile \"Dockerfile\"; needs \"base\" as=\"debian\"; tag \"v1\"; target \"dev\" }\n",
    );
    workspace.write("base.Dockerfile", "FROM evil.example/base:1\n");
    workspace.write("Dockerfile", "FROM debian\nCOPY main.py /\n");
    check(&workspace)
        .exits(3)
        .says("`evil.example/base:1` comes from evil.example");
}

#[test]
fn attempt_17_a_foreign_frontend() {
    let workspace = workspace();
    workspace.write(
        "Dockerfile",
        "# syntax=evil.example/frontend:1\nFROM scratch\nCOPY main.py /\n",
    );
    check(&workspace)
        .exits(3)
        .says("`evil.example/frontend:1` comes from evil.example");
}

#[test]
fn attempt_18_a_plan_made_without_the_policies() {
    let workspace = workspace();
    workspace.replace("Dockerfile", "ARG DB_PASSWORD\n", "ARG PIPELINE\n");
    workspace.write(
        "../org/org.kdl",
        "pack \"org\" version=1\nrule \"tag-format\" { level \"deny\"; set format=\"semver\" }\n",
    );
    workspace
        .run(&["--local", "plan", "--out", "p.windlass"])
        .exits(0);
    workspace
        .run(&[
            "--local",
            "--policy",
            "../org/org.kdl",
            "apply",
            "p.windlass",
        ])
        .exits(3)
        .says("is not of the form semver");
}

#[test]
fn attempt_19_the_workspace_approves_for_itself() {
    let workspace = workspace();
    workspace
        .run(&[
            "--policy",
            "../org/org.kdl",
            "--approve-policy",
            "secret-in-arg-env",
            "check",
        ])
        .exits(3);
}

#[test]
fn attempt_20_a_scope_or_day_that_takes_the_rule_away() {
    let workspace = workspace();
    own_pack(
        &workspace,
        "pack \"mine\" version=1\nrule \"secret-in-arg-env\" image=\"*\" { level \"deny\"; effective-from \"9999-12-31\"; waivable }\nrule \"base-registry-allowed\" { set registry=\"evil.example\" }\n",
    );
    workspace.write(
        "Dockerfile",
        "FROM evil.example/base:1\nARG DB_PASSWORD\nCOPY main.py /\n",
    );
    check(&workspace)
        .exits(3)
        .says("deny secret-in-arg-env")
        .says("`evil.example/base:1` comes from evil.example");
}

#[test]
fn attempt_21_a_rule_with_the_name_of_the_pack() {
    let workspace = workspace();
    own_pack(
        &workspace,
        "pack \"mine\" version=1\nrule \"org/secret-in-arg-env\" { level \"off\" }\n",
    );
    check(&workspace).exits(3).says("is no rule of pack `mine`");
}

#[test]
fn attempt_22_the_order_of_includes() {
    let off = "pack \"mine\" version=1\nrule \"secret-in-arg-env\" { level \"off\" }\n";
    for order in [["a", "b"], ["b", "a"]] {
        let includes = order.map(|it| format!("include \"{it}.kdl\"\n")).concat();
        for manifest in [
            format!("{includes}{MANIFEST}"),
            format!("{MANIFEST}{includes}"),
        ] {
            let workspace = workspace();
            workspace.write("windlass.kdl", &manifest);
            workspace.write("a.kdl", "policy \"first\" { kdl \"packs/*.kdl\" }\n");
            workspace.write(
                "b.kdl",
                &format!("waiver \"secret-in-arg-env\" {{ {WAIVER} }}\n"),
            );
            workspace.write("packs/own.kdl", off);
            check(&workspace).exits(3).says("deny secret-in-arg-env");
        }
    }
}

#[test]
fn attempt_23_rego_that_takes_all_memory() {
    let workspace = with_rego_pack("*.rego");
    workspace.write(
        "../org/a.rego",
        "package org.a\nimport rego.v1\nn := numbers.range(1, 30000)\npairs contains [a, b, sprintf(\"%d-%d-%s\", [a, b, concat(\"\", [\"x\" | some _ in n])])] if {\n  some a in n\n  some b in n\n}\ndeny contains \"x\" if count(pairs) == 1\n",
    );
    check_rego(&workspace)
        .exits(3)
        .says("could not be evaluated");
}

/// The issue of the project asks for twenty at least.
#[test]
fn there_are_twenty_attempts_at_least() {
    let text = include_str!("policy.rs");
    let attempts = text.lines().filter(|it| it.starts_with("fn attempt_"));
    assert!(attempts.count() >= 20);
}

#[test]
fn a_plan_shows_findings_and_is_denied_before_anything_is_built() {
    let workspace = workspace();
    let plan = [
        "--local",
        "--policy",
        "../org/org.kdl",
        "plan",
        "--format",
        "json",
    ];
    let document = workspace.run(&plan).exits(3).json();
    assert_eq!(document["applicable"], false);
    assert_eq!(document["summary"]["findings"]["deny"], 1);
    assert_eq!(document["policies"][0]["rule"], "secret-in-arg-env");
    assert_eq!(document["policies"][0]["address"], "image.api");
    workspace
        .run(&[
            "--local",
            "--policy",
            "../org/org.kdl",
            "apply",
            "--auto-approve",
        ])
        .exits(3);
}

#[test]
fn an_approval_lets_a_rule_pass_that_asks_for_one() {
    let workspace = workspace();
    workspace.write(
        "../org/org.kdl",
        "pack \"org\" version=1\nrule \"secret-in-arg-env\" { level \"require-approval\" }\n",
    );
    check(&workspace).exits(3).says("require-approval");
    let plan = [
        "--local",
        "--policy",
        "../org/org.kdl",
        "--approve-policy",
        "secret-in-arg-env",
        "plan",
        "--out",
        "p.windlass",
    ];
    workspace
        .run(&plan)
        .exits(0)
        .says("--approve-policy secret-in-arg-env");
    assert!(
        workspace
            .read("p.windlass")
            .contains("\"approved\":[\"secret-in-arg-env\"]")
    );
}

#[test]
fn a_pack_that_allows_waivers_takes_one_that_ends_in_time() {
    let workspace = with_manifest(
        "waiver \"secret-in-arg-env\" image=\"api\" { expires \"2999-12-31\"; owner \"me\"; reason \"x\" }\n",
    );
    workspace.write(
        "../org/org.kdl",
        "pack \"org\" version=1\nrule \"secret-in-arg-env\" { level \"deny\"; waivable }\n",
    );
    check(&workspace).exits(3).says("more than 365 days");
}

#[test]
fn shipped_packs_pass_their_own_cases() {
    let workspace = workspace();
    for pack in ["baseline", "hardened", "cis-docker", "ecr-foundational"] {
        let name = format!("windlass:{pack}");
        workspace
            .run(&["policy", "test", "--coverage", &name])
            .exits(0)
            .says("rules are expected by a case");
        workspace
            .run(&["--policy", &name, "policy", "list"])
            .exits(0);
    }
    workspace
        .run(&["--policy", "windlass:none", "check"])
        .exits(3)
        .says("windlass ships no pack `none`");
}
