//! Bad input that is more than the text of a manifest: what the commands say of it, word for word. The snapshots hold the rows of the design's
//! list of bad inputs that no case of the corpus can hold (`tests/suite/bad_inputs.txt`).

use super::{TIDY, common::Done, common::Workspace};

/// Compares everything that a command says, and its exit code.
#[track_caller]
fn shows(name: &str, done: &Done) {
    let said = format!("{}{}exit code {}\n", done.out, done.err, done.code);
    insta::with_settings!(
        {snapshot_path => "bad_inputs", prepend_module_to_snapshot => false, omit_expression => true},
        { insta::assert_snapshot!(name, said) }
    );
}

/// A tidy manifest with more in it.
fn manifest(more: &str) -> String {
    format!("{TIDY}{more}\n")
}

#[test]
fn a_manifest_of_more_than_a_mebibyte() {
    let large = format!("workspace \"w\"\n{}", "// nothing\n".repeat(150_000));
    let workspace = Workspace::new(&[("windlass.kdl", &large)]);
    shows("file-too-large", &workspace.run(&["validate"]));
}

#[test]
fn no_manifest_up_to_the_root_of_the_checkout() {
    let workspace = Workspace::new(&[("services/web/main.py", "")]);
    shows("no-manifest", &workspace.run(&["validate"]));
}

#[test]
fn forty_kilobytes_of_hcl() {
    let workspace = Workspace::new(&[("windlass.kdl", &"port = 8000\n".repeat(4_000))]);
    shows("other-language", &workspace.run(&["validate"]));
}

#[test]
fn an_image_without_pattern_and_dockerfile() {
    let workspace = Workspace::new(&[
        (
            "windlass.kdl",
            &manifest("image \"web\" { context \"src\"; tag \"v1\"; target \"dev\" }"),
        ),
        ("src/main.py", ""),
        ("src/requirements.txt", "flask\n"),
    ]);
    shows("no-dockerfile", &workspace.run(&["validate"]));
}

#[test]
fn a_file_that_the_pattern_expects() {
    let workspace = Workspace::new(&[
        (
            "windlass.kdl",
            &manifest(
                "image \"web\" pattern=\"python@1\" { context \"services/web\"; tag \"v1\"; target \"dev\" }",
            ),
        ),
        ("services/web/main.py", ""),
    ]);
    shows("file-missing", &workspace.run(&["validate"]));
}

#[test]
fn a_context_that_a_link_leads_out() {
    let workspace = Workspace::new(&[
        (
            "windlass.kdl",
            &manifest(
                "image \"web\" { context \"link\"; dockerfile \"Dockerfile\"; tag \"v1\"; target \"dev\" }",
            ),
        ),
        ("Dockerfile", "FROM scratch\nCOPY . /\n"),
    ]);
    workspace.write("../elsewhere/main.py", "");
    let link = workspace.path("link");
    std::os::unix::fs::symlink("../elsewhere", link).expect("a link");
    shows("context-outside", &workspace.run(&["--local", "plan"]));
}

#[test]
fn a_waiver_for_a_rule_that_is_not_there() {
    let workspace = Workspace::new(&[
        (
            "windlass.kdl",
            &manifest(
                "image \"web\" { dockerfile \"Dockerfile\"; tag \"v1\"; target \"dev\" }\n\npolicy \"org\" { rego \"policy/*.rego\" }\n\nwaiver \"org/non-rot\" { expires \"2999-12-31\"; owner \"me\"; reason \"because\" }",
            ),
        ),
        ("Dockerfile", "FROM scratch\nCOPY main.py /\nUSER 1000\n"),
        ("main.py", ""),
        (
            "policy/a.rego",
            "package org.non_root\nimport rego.v1\nwarn contains \"x\" if input.image.name == \"none\"\n",
        ),
    ]);
    shows("unknown-rule", &workspace.run(&["check"]));
}
