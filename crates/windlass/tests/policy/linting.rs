//! `lint`, `check` and `context` as they are used: formats, fixes, standard input, what a build sees.

use crate::{with_manifest, workspace};

#[test]
fn findings_have_all_formats() {
    let workspace = workspace();
    for (format, said) in [
        ("json", "\"finding_id\""),
        ("sarif", "\"columnKind\": \"unicodeCodePoints\""),
        ("github", "::error file=Dockerfile,line=2,endLine=2,col=5"),
        ("gitlab", "\"severity\": \"blocker\""),
        ("junit", "<failure message="),
        ("text", "deny secret-in-arg-env"),
    ] {
        workspace
            .run(&["lint", "--format", format, "Dockerfile"])
            .exits(3)
            .says(said);
    }
}

#[test]
fn lint_fixes_what_it_can_and_goes_on_after_a_bad_file() {
    let workspace = workspace();
    workspace.write("a.Dockerfile", "FROM scratch\r\nADD  a.py /  \r\n");
    workspace
        .run(&["lint", "--fix", "missing.Dockerfile", "a.Dockerfile"])
        .exits(1)
        .says("cannot read missing.Dockerfile")
        .says("a.Dockerfile: 1 fixed");
    assert_eq!(
        workspace.read("a.Dockerfile"),
        "FROM scratch\r\nCOPY  a.py /  \r\n"
    );
    workspace
        .run(&["lint", "--fix", "a.Dockerfile"])
        .exits(0)
        .says("No findings.");
}

#[test]
fn a_waiver_that_expired_is_told_once() {
    let workspace = with_manifest(
        "waiver \"pipefail\" { expires \"2020-01-31\"; owner \"me\"; reason \"because\" }\n",
    );
    let code = "policy/waiver-expired";
    workspace.run(&["validate"]).exits(0).says(code);
    for command in [&["check"][..], &["--local", "plan", "--offline"]] {
        let done = workspace
            .run(command)
            .says("waiver-expired")
            .says("ended on 2020-01-31");
        assert!(
            !done.out.contains(code) && !done.err.contains(code),
            "{}\n{}",
            done.out,
            done.err
        );
    }
}

#[test]
fn lint_reads_standard_input_and_edits_no_such_thing() {
    let workspace = workspace();
    let text = "FROM scratch\nADD a.py /\n";
    workspace
        .fed(text, &["lint", "-"])
        .exits(0)
        .says("stdin:2:1")
        .says("add-not-copy");
    workspace
        .fed(text, &["lint", "--fix", "-"])
        .exits(1)
        .says("standard input");
    workspace
        .fed("\u{feff}", &["lint", "-"])
        .exits(1)
        .says("stdin");
}

#[test]
fn context_says_what_a_build_sees_and_which_line_ignores_the_rest() {
    let workspace = workspace();
    workspace.write(".dockerignore", "# secrets\n**/.env\nnode_modules\n");
    workspace.write(".env", "A=1");
    workspace.write("node_modules/a/b.js", "x");
    workspace.write("docs/.env", "B=1");
    let document = workspace
        .run(&["context", "api", "--format", "json"])
        .exits(0)
        .json();
    let of = |key: &str, field: &str| -> Vec<String> {
        let all = document[key].as_array().expect("a list");
        all.iter()
            .map(|it| it[field].as_str().unwrap_or("null").to_owned())
            .collect()
    };
    assert_eq!(
        of("files", "path"),
        [".dockerignore", "Dockerfile", "docs/", "main.py"]
    );
    assert_eq!(
        of("ignored", "path"),
        [".env", "docs/.env", "node_modules/", "windlass.kdl"]
    );
    assert_eq!(
        of("ignored", "pattern"),
        ["**/.env", "**/.env", "node_modules", "null"]
    );
    workspace.run(&["context", "."]).exits(0).says("4 files");
}

#[test]
fn nothing_in_a_file_or_its_name_steers_the_terminal() {
    let workspace = workspace();
    workspace.write("\u{1b}[31mred\nname", "x");
    std::fs::create_dir(workspace.path("empty")).expect("a folder");
    let shown = workspace
        .run(&["context", "api"])
        .exits(0)
        .says("\\u{1b}[31mred\\nname")
        .says("empty/");
    workspace.write("D", "FROM debian:12\nRUN apt-get install \u{1b}[31mfoo\n");
    let linted = workspace.run(&["lint", "D"]).exits(3).says("apt-yes");
    workspace.write("E", "FROM scratch\nENV API_TOKEN=hunter2\n\u{1b}[31mx\n");
    let broken = workspace.run(&["lint", "E"]);
    for done in [shown, linted, broken] {
        let all = format!("{}{}", done.out, done.err);
        assert!(!all.contains('\u{1b}') && !all.contains("hunter2"), "{all}");
    }
}
