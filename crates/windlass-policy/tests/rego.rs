//! Rules in Rego: what they see, what becomes of what they say, and that nothing fails open.

mod common;

use std::sync::Arc;

use serde_json::json;
use windlass_core::diag::Source;
use windlass_core::name::Digest;
use windlass_policy::evaluate::{Found, Subjects, evaluate};
use windlass_policy::force::LoadedPack;
use windlass_policy::output::text::render_plain;
use windlass_policy::pack::read_pack;
use windlass_policy::rego::{Rego, RegoPack, load};
use windlass_policy::subject::ImageSubject;

const DOCKERFILE: &str = "ARG TAG=3.12\nFROM python:${TAG} AS build\nENV A=1 B=\"x y\"\nFROM debian:12\nUSER root\nCMD [\"run\"]\n";

fn pack(files: &[(&str, &str)]) -> Result<RegoPack, Vec<String>> {
    let modules = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    load(modules.collect(), Vec::new())
}

fn found(files: &[(&str, &str)], more: &str) -> Vec<Found> {
    let text = format!("pack \"org\" version=1\nrego \"*.rego\"\n{more}");
    let (read, _) = read_pack(&Source::new("org.kdl", text.clone()));
    let mut policies = common::page::policies();
    policies.packs = vec![LoadedPack {
        pack: read.expect("a pack"),
        is_mandatory: true,
        reference: "org.kdl".to_owned(),
        digest: Digest::of(text.as_bytes()),
        rego: Some(Arc::new(pack(files).expect("it loads"))),
    }];
    let subjects = Subjects {
        images: vec![ImageSubject::of_text(&Source::new(
            "Dockerfile",
            DOCKERFILE,
        ))],
        ..Subjects::default()
    };
    let mut found = evaluate(&subjects, &policies);
    found.retain(|it| it.finding.rule.starts_with("org/"));
    found
}

#[test]
fn findings_stand_where_loc_says() {
    let found = found(
        &[(
            "a.rego",
            "package org.final_user\nimport rego.v1\ndeny contains {\"msg\": sprintf(\"%s is no user\", [it.Value[0]]), \"loc\": it.Loc, \"help\": \"USER 1000\"} if {\n  some it in input.dockerfile\n  it.Cmd == \"user\"\n  it.Stage == 1\n}\nwarn contains \"a word\" if input.image.stages[1].base == \"debian:12\"\n",
        )],
        "",
    );
    assert_eq!(
        render_plain(&found),
        "Dockerfile:1:1: warn org/final-user: a word\nDockerfile:5:1: deny org/final-user: root is no user\n"
    );
    assert_eq!(found[1].finding.help.as_deref(), Some("USER 1000"));
    assert_eq!(found[1].finding.end_column, Some(10));
}

#[test]
fn conftest_policies_see_the_dockerfile_alone() {
    let found = found(
        &[(
            "no_root.rego",
            "package main\nimport rego.v1\ndeny contains msg if {\n  input[i].Cmd == \"user\"\n  input[i].Value[0] == \"root\"\n  msg := \"root\"\n}\nviolation_env contains {\"msg\": concat(\",\", input[i].Value)} if input[i].Cmd == \"env\"\nwarn_json contains \"json\" if { input[i].JSON; input[i].Value == [\"run\"] }\n",
        )],
        "",
    );
    assert_eq!(
        render_plain(&found),
        "Dockerfile:1:1: deny org/env: A,1,=,B,\"x y\",=\nDockerfile:1:1: warn org/json: json\nDockerfile:1:1: deny org/main: root\n"
    );
}

#[test]
fn a_policy_sees_bases_after_variables_and_what_built_in_rules_found() {
    let found = found(
        &[(
            "a.rego",
            "package org.bases\nimport rego.v1\ndeny contains base.image if some base in input.image.bases\nwarn contains it.rule if {\n  some it in input.findings\n  it.rule == \"user-root-final\"\n}\nwarn contains image.parse(\"a/b:c\").tag\nwarn contains \"glob\" if path.glob(\"a/**\", \"a/b/c\")\n",
        )],
        "",
    );
    let messages: Vec<&str> = found.iter().map(|it| it.finding.message.as_str()).collect();
    assert!(
        messages.contains(&"docker.io/library/debian:12"),
        "{messages:?}"
    );
    assert!(
        messages.contains(&"c") && messages.contains(&"glob"),
        "{messages:?}"
    );
}

#[test]
fn the_pack_sets_the_level_of_its_own_rules() {
    let rule = "package org.x\nimport rego.v1\ndeny contains \"x\"\n";
    let found_with = |more: &str| render_plain(&found(&[("x.rego", rule)], more));
    assert_eq!(found_with(""), "Dockerfile:1:1: deny org/x: x\n");
    assert_eq!(
        found_with("rule \"org/x\" { level \"warn\" }\n"),
        "Dockerfile:1:1: warn org/x: x\n"
    );
    assert_eq!(found_with("rule \"org/x\" { level \"off\" }\n"), "");
}

#[test]
fn an_error_of_a_function_denies() {
    let found = found(
        &[(
            "a.rego",
            "package org.x\nimport rego.v1\ndeny contains \"x\" if to_number(\"none\") == 1\n",
        )],
        "rule \"org/x\" { level \"off\" }\n",
    );
    assert_eq!(found.len(), 1);
    assert!(found[0].finding.stops());
    assert!(
        found[0]
            .finding
            .message
            .starts_with("the policy could not be evaluated, so it denies:")
    );
}

#[test]
fn what_cannot_be_loaded_is_said_at_once() {
    let problems = pack(&[
        ("a.rego", "package org.a\ndeny contains x if {\n"),
        (
            "b.rego",
            "package org.b\nimport data.none.x\ndeny contains \"x\" if x.y\n",
        ),
        (
            "c.rego",
            "package org[\"UPPER CASE\"]\nimport rego.v1\ndeny contains \"x\"\n",
        ),
    ])
    .expect_err("refused");
    let text = problems.join("\n");
    assert!(text.contains("a.rego"), "{text}");
    assert!(
        text.contains("`import data.none.x` names nothing"),
        "{text}"
    );
    assert!(pack(&[("a.rego", "package org.a\nallow := true\n")]).is_err());
}

#[test]
fn tests_of_a_pack_are_run_and_covered() {
    let loaded = pack(&[(
        "a.rego",
        "package org.a\nimport rego.v1\ndeny contains \"x\" if {\n  input.a == 1\n}\ntest_denies if deny[\"x\"] with input as {\"a\": 1}\ntest_wrong if deny[\"x\"] with input as {\"a\": 2}\n",
    )])
    .expect("it loads");
    let mut rego = Rego::new(&loaded).expect("it loads");
    rego.count_coverage();
    let (count, failed) = rego.test();
    assert_eq!(
        (count, failed),
        (2, vec!["data.org.a.test_wrong".to_owned()])
    );
    assert!(
        rego.coverage()
            .iter()
            .any(|(path, covered, _)| path == "a.rego" && *covered > 0)
    );
    assert!(rego.ask(&json!({ "a": 2 }), None).is_empty());
}
