//! The commands about the language itself: formatting, explaining, validating, listing fields.

#[path = "common/mod.rs"]
mod common;
#[path = "language/shown.rs"]
mod shown;

use std::fmt::Write as _;

use common::Workspace;

const UNTIDY: &str = "workspace \"w\"\nregistry \"dev\" {\n  account \"111122223333\" // ours\n  region eu-west-1\n}\n";
const TIDY: &str = "workspace \"w\"\n\nregistry \"dev\" {\n    account \"111122223333\" // ours\n    region \"eu-west-1\"\n}\n";

#[test]
fn files_are_formatted_in_place_and_checked_without_writing() {
    let workspace = Workspace::new(&[
        ("windlass.kdl", UNTIDY),
        ("teams/a.kdl", "image   \"a\"\n"),
        ("other/windlass.kdl", "workspace   \"other\"\n"),
        (".hidden/b.kdl", "image   \"b\"\n"),
    ]);
    workspace
        .run(&["fmt", "--check"])
        .exits(1)
        .says("--- windlass.kdl")
        .says("+ region \"eu-west-1\"")
        .says("+++ teams/a.kdl (formatted)");
    assert_eq!(
        workspace.read("windlass.kdl"),
        UNTIDY,
        "a check writes nothing"
    );
    workspace
        .run(&["fmt"])
        .exits(0)
        .says("formatted teams/a.kdl");
    assert_eq!(workspace.read("windlass.kdl"), TIDY);
    assert_eq!(workspace.read("teams/a.kdl"), "image \"a\"\n");
    assert_eq!(
        workspace.read("other/windlass.kdl"),
        "workspace   \"other\"\n"
    );
    assert_eq!(workspace.read(".hidden/b.kdl"), "image   \"b\"\n");
    let again = workspace.run(&["fmt", "--check"]).exits(0);
    assert_eq!(again.out, "");
    workspace.run(&["fmt", "other"]).exits(0);
    assert_eq!(
        workspace.read("other/windlass.kdl"),
        "workspace \"other\"\n"
    );
}

#[test]
fn what_cannot_be_read_is_left_alone_and_the_rest_is_formatted() {
    let workspace = Workspace::new(&[("a.kdl", "a {\n"), ("b.kdl", "b   1\n")]);
    workspace
        .run(&["fmt", "a.kdl", "b.kdl"])
        .exits(1)
        .says("syntax/unclosed-block");
    assert_eq!(workspace.read("a.kdl"), "a {\n");
    assert_eq!(workspace.read("b.kdl"), "b 1\n");
}

#[test]
fn standard_input_is_formatted_onto_standard_output() {
    let workspace = Workspace::new(&[]);
    let done = workspace.fed(UNTIDY, &["fmt", "--stdin"]).exits(0);
    assert_eq!(done.out, TIDY);
    workspace
        .fed(UNTIDY, &["fmt", "--stdin", "--check"])
        .exits(1)
        .says("+++ stdin (formatted)");
    workspace.fed(TIDY, &["fmt", "--stdin", "--check"]).exits(0);
}

#[test]
fn the_first_twenty_problems_are_shown_and_the_others_counted() {
    let mut manifest = String::from(TIDY);
    for number in 0..33 {
        writeln!(manifest, "imge \"a{number}\"").expect("a string takes any text");
    }
    let workspace = Workspace::new(&[("windlass.kdl", &manifest)]);
    let text = workspace
        .run(&["validate"])
        .exits(1)
        .says("and 13 more, all of them errors");
    assert_eq!(text.err.matches("structure/unknown-name").count(), 20);
    let short = workspace.run(&["validate", "--format", "short"]).exits(1);
    assert_eq!(short.out.lines().count(), 20);
    assert_eq!(
        short.out.lines().next(),
        Some("windlass.kdl:7:1: structure/unknown-name: there is no `imge`")
    );
    for arguments in [
        &["validate", "--json"][..],
        &["validate", "--format", "json"],
    ] {
        let json = workspace.run(arguments).exits(1).json();
        assert_eq!(json["diagnostics"].as_array().map(Vec::len), Some(33));
        assert_eq!(json["valid"], false);
    }
}

#[test]
fn a_valid_manifest_is_silent_where_lines_are_wanted() {
    let workspace = Workspace::new(&[("windlass.kdl", TIDY)]);
    let short = workspace.run(&["validate", "--format", "short"]).exits(0);
    assert_eq!(short.out, "");
    workspace
        .run(&["validate"])
        .exits(0)
        .says("windlass.kdl is valid");
}

#[test]
fn codes_and_fields_are_explained() {
    let workspace = Workspace::new(&[]);
    workspace
        .run(&["explain", "syntax/unclosed-string"])
        .exits(0)
        .says("A quoted text is never closed.");
    workspace
        .run(&["explain", "syntax/unclosed-sting"])
        .exits(1)
        .says("did you mean `syntax/unclosed-string`?");
    workspace.run(&["explain"]).exits(0).says("limits/not-utf8");
    let fields = workspace.run(&["schema"]).exits(0).json();
    assert!(fields["fields"].as_array().expect("a list").len() > 100);
    workspace
        .run(&["schema", "--format", "markdown"])
        .exits(0)
        .says("### Fields of `image`");
}

#[test]
fn what_is_wrong_beside_the_manifest_is_told_by_validate() {
    let nothing = Workspace::new(&[("main.py", "")]);
    nothing
        .run(&["validate"])
        .exits(1)
        .says("limits/no-manifest");
    let workspace = Workspace::new(&[
        (
            "windlass.kdl",
            &format!(
                "{TIDY}image \"nofile\" pattern=\"python@1\" {{ context \"src\" }}\nimage \"nodocker\" {{ context \"src\" }}\nimage \"lines\" {{ context \"other\"; ignore \"[a-\" }}\n"
            ),
        ),
        ("src/main.py", ""),
        ("other/Dockerfile", "FROM scratch\n"),
    ]);
    let found = workspace.run(&["validate", "--format", "short"]).exits(1);
    let wanted = [
        "windlass.kdl:7:24: context/file-missing: image `nofile` needs `src/requirements.txt`",
        "windlass.kdl:8:1: dockerfile/missing: image `nodocker` has no Dockerfile at `src/Dockerfile`",
        "windlass.kdl:9:41: context/bad-ignore-pattern: `[a-` is not an ignore pattern",
    ];
    for line in wanted {
        assert!(found.out.contains(line), "{line}\n{}", found.out);
    }
}

#[test]
fn a_context_that_cannot_be_sent_is_told_by_the_plan() {
    let workspace = Workspace::new(&[
        (
            "windlass.kdl",
            &format!("{TIDY}image \"api\" {{ context \"src\" }}\n"),
        ),
        ("src/Dockerfile", "FROM scratch\nCOPY . /\n"),
    ]);
    let socket = std::os::unix::net::UnixListener::bind(workspace.path("src/socket"));
    drop(socket.expect("a socket"));
    workspace
        .run(&["--local", "plan"])
        .exits(1)
        .says("context/unusable-entry");
}

#[test]
fn a_context_that_a_link_leads_out_of_the_workspace_is_refused() {
    let workspace = Workspace::new(&[(
        "windlass.kdl",
        &format!("{TIDY}image \"api\" {{ context \"link\"; dockerfile \"Dockerfile\" }}\n"),
    )]);
    workspace.write("Dockerfile", "FROM scratch\nCOPY . /\n");
    workspace.write("../elsewhere/main.py", "");
    let link = workspace.path("link");
    std::os::unix::fs::symlink(workspace.path("../elsewhere"), link).expect("a link");
    workspace
        .run(&["--local", "plan"])
        .exits(1)
        .says("`link` is outside the workspace")
        .says("windlass.kdl:7:23");
}

#[test]
fn what_git_left_out_of_a_context_is_a_warning_with_its_code() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n";
    let workspace = Workspace::new(&[
        (
            "windlass.kdl",
            &format!("{TIDY}image \"api\" {{ context \"src\" }}\n"),
        ),
        ("src/Dockerfile", "FROM scratch\nCOPY . /\n"),
        ("src/model.bin", pointer),
        ("src/.gitmodules", "[submodule \"x\"]\n\tpath = x\n"),
    ]);
    std::fs::create_dir(workspace.path("src/x")).expect("a folder");
    workspace
        .run(&["--local", "plan"])
        .exits(0)
        .says("context/lfs-pointer")
        .says("`model.bin` is a Git LFS pointer, not the file")
        .says("git lfs pull")
        .says("context/empty-submodule")
        .says("`x` is a submodule that is not checked out")
        .says("windlass.kdl:7:1");
}

#[test]
fn a_builder_with_an_address_goes_before_the_environment() {
    let workspace = Workspace::new(&[
        (
            "windlass.kdl",
            &format!(
                "{TIDY}builder \"default\" {{ address \"unix:///nonexistent/of-the-manifest.sock\" }}\nimage \"api\" {{ context \"src\" }}\n"
            ),
        ),
        ("src/Dockerfile", "FROM scratch\nCOPY . /\n"),
    ]);
    workspace
        .run_with(
            &[("DOCKER_HOST", "unix:///nonexistent/of-the-environment.sock")],
            &["--local", "apply", "--auto-approve"],
        )
        .exits(1)
        .says("/nonexistent/of-the-manifest.sock")
        .says("the `address` of builder `default`");
    workspace
        .run(&["clean"])
        .exits(1)
        .says("/nonexistent/of-the-manifest.sock");
    workspace
        .run(&["--local", "plan", "--out", "p.windlass"])
        .exits(0);
    workspace
        .run(&["--local", "apply", "p.windlass"])
        .exits(1)
        .says("/nonexistent/of-the-manifest.sock");
}

#[test]
fn engine_a_builder_behind_a_port_builds() {
    if !common::has_engine() {
        return;
    }
    let port = port_of_the_engine();
    let workspace = Workspace::new(&[
        (
            "windlass.kdl",
            &format!(
                "{TIDY}builder \"default\" {{ address \"tcp://127.0.0.1:{port}\" }}\nimage \"behind-a-port\" {{ context \"src\" }}\n"
            ),
        ),
        ("src/Dockerfile", "FROM scratch\nCOPY . /\n"),
    ]);
    let nowhere = [("DOCKER_HOST", "unix:///nonexistent.sock")];
    workspace
        .run_with(&nowhere, &["--local", "apply", "--auto-approve"])
        .exits(0);
    let cleaned = workspace.run_with(&nowhere, &["clean"]).exits(0);
    assert!(cleaned.out.contains("behind-a-port"), "{}", cleaned.out);
}

/// Lets the Engine's socket answer at a port of this machine, until the test ends.
fn port_of_the_engine() -> u16 {
    use std::io::copy;
    use std::net::{Shutdown, TcpListener};
    use std::os::unix::net::UnixStream;
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    let socket = host
        .strip_prefix("unix://")
        .unwrap_or("/var/run/docker.sock")
        .to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let far = UnixStream::connect(&socket).expect("the Engine's socket");
            let (mut near_in, mut near_out) = (near.try_clone().expect("a copy"), near);
            let (mut far_in, mut far_out) = (far.try_clone().expect("a copy"), far);
            std::thread::spawn(move || {
                drop(copy(&mut near_in, &mut far_out));
                drop(far_out.shutdown(Shutdown::Write));
            });
            std::thread::spawn(move || {
                drop(copy(&mut far_in, &mut near_out));
                drop(near_out.shutdown(Shutdown::Write));
            });
        }
    });
    port
}

#[test]
fn a_waiver_for_an_unknown_rule_is_told_the_one_that_is_meant() {
    let manifest = |rule: &str| {
        format!(
            "{TIDY}image \"api\" {{ dockerfile \"Dockerfile\" }}\npolicy \"house\" {{ rego \"policy/*.rego\" }}\nwaiver \"{rule}\" {{ expires \"2999-12-31\"; owner \"me\"; reason \"because\" }}\n"
        )
    };
    let workspace = Workspace::new(&[
        ("Dockerfile", "FROM scratch\nCOPY main.py /\n"),
        ("main.py", ""),
        (
            "policy/a.rego",
            "package house.non_root\nimport rego.v1\nwarn contains \"x\" if input.image.name == \"none\"\n",
        ),
    ]);
    workspace.write("windlass.kdl", &manifest("house/non-rot"));
    workspace
        .run(&["check"])
        .says("there is no rule `house/non-rot`")
        .says("did you mean `house/non-root`?");
    workspace.write("windlass.kdl", &manifest("secret-in-arg-evn"));
    workspace
        .run(&["check"])
        .says("did you mean `secret-in-arg-env`?");
    workspace.write("windlass.kdl", &manifest("house/non-root"));
    let known = workspace.run(&["check"]);
    assert!(!known.out.contains("there is no rule"), "{}", known.out);
}

#[test]
fn a_guard_of_the_environment_refuses_the_plan() {
    let workspace = Workspace::new(&[(
        "windlass.kdl",
        &format!("{TIDY}environment \"prod\" {{ target \"dev\"; require \"branch:main\" }}\n"),
    )]);
    workspace
        .run(&["--local", "--env", "prod", "plan"])
        .exits(1)
        .says("plan/guard-fails");
    workspace.run(&["--env", "prod", "validate"]).exits(0);
}

/// Two environments: `prod` reaches a registry that `dev` does not, and needs a variable that only `dev` sets.
const ENVIRONMENTS: &str = r#"workspace "shop"
registry "dev" { account "111122223333"; region "eu-west-1" }
registry "prod" { account "444455556666"; region "eu-west-1" }
var "tier"
environment "dev" { target "dev"; set tier="test" }
environment "prod" { target "prod"; require "branch:release/*" "clean-git" }
image "api" { dockerfile "Dockerfile"; tag "{{ var.tier }}"; arg A="{{ var.nope }}" }
"#;

#[test]
fn every_environment_is_checked_and_each_problem_is_said_once() {
    let workspace = Workspace::new(&[
        ("windlass.kdl", ENVIRONMENTS),
        ("Dockerfile", "FROM scratch\n"),
    ]);
    let lines = |arguments: &[&str]| {
        let done = workspace.run(&[&["validate", "--format", "short"][..], arguments].concat());
        let codes = done.out.lines().map(|it| it.split(' ').nth(1));
        let codes: Vec<String> = codes.flatten().map(str::to_owned).collect();
        (done.code, codes)
    };
    let both = ["variable/no-value:", "template/unknown-name:"].map(str::to_owned);
    assert_eq!(lines(&[]), (1, both.to_vec()));
    assert_eq!(lines(&["--env", "dev"]), (1, both[1..].to_vec()));
    workspace
        .run(&["validate"])
        .exits(1)
        .says("in environment `prod`");
    workspace.replace("windlass.kdl", "; arg A=\"{{ var.nope }}\"", "");
    workspace.replace(
        "windlass.kdl",
        "var \"tier\"",
        "var \"tier\" { default \"live\" }",
    );
    workspace.run(&["validate"]).exits(0).says(
        "windlass.kdl is valid: 1 image, 2 repositories, 2 registries; environments dev, prod.",
    );
}

/// A parameter that is said wrongly is no parameter that is missing, and no file of a context is looked for.
#[test]
fn what_follows_from_an_error_in_reading_is_not_said() {
    let workspace = Workspace::new(&[(
        "windlass.kdl",
        "workspace \"shop\"\nregistry \"dev\" { account \"111122223333\"; region \"eu-west-1\" }\n\
         image \"api\" pattern=\"python@1\" { with { port 80a } }\n",
    )]);
    let short = workspace.run(&["validate", "--format", "short"]).exits(1);
    assert_eq!(
        short.out,
        "windlass.kdl:3:46: syntax/bad-number: `80a` is neither a number nor quoted text\n"
    );
}

#[test]
fn guards_of_an_environment_hold_when_a_saved_plan_is_applied() {
    let workspace = Workspace::new(&[(
        "windlass.kdl",
        "workspace \"shop\"\nregistry \"prod\" { account \"444455556666\"; region \"eu-west-1\" }\n\
         environment \"prod\" { target \"prod\"; require \"branch:release/*\" \"clean-git\" }\nrepository \"logs\"\n",
    )]);
    workspace.write(".gitignore", ".windlass/\n");
    workspace.init_git();
    workspace.git(&["checkout", "-q", "-b", "release/1"]);
    let plan = ["--local", "--env", "prod", "plan", "--out", "p.windlass"];
    workspace.run(&plan).exits(0);
    let apply = ["--local", "apply", "p.windlass", "--auto-approve"];
    workspace.write("stray", "x");
    workspace
        .run(&apply)
        .exits(1)
        .says("environment `prod` requires `clean-git`: the tree differs from the commit");
    std::fs::remove_file(workspace.path("stray")).expect("it is there");
    workspace.git(&["checkout", "-q", "-b", "feature"]);
    workspace
        .run(&apply)
        .exits(1)
        .says("environment `prod` requires `branch:release/*`: the branch is `feature`");
    workspace.git(&["checkout", "-q", "release/1"]);
    workspace.run(&apply).exits(0);
}

#[test]
fn who_may_use_a_repository_is_written_changed_left_alone_and_taken_away() {
    let workspace = Workspace::new(&[(
        "windlass.kdl",
        "workspace \"shop\"\nregistry \"dev\" { account \"111122223333\"; region \"eu-west-1\" }\n\
         repository \"logs\" { access { allow \"pull\" org=\"o-a1b2\"; allow \"lambda-pull\" } }\n",
    )]);
    let access = || {
        let plan = workspace.run(&["--local", "plan", "--format", "json"]);
        let plan = plan.exits(0).json();
        let changes = plan["repositories"][0]["changes"].as_array().cloned();
        let mut changes = changes.unwrap_or_default().into_iter();
        changes.find(|it| it["path"] == "access")
    };
    let apply = || {
        workspace
            .run(&["--local", "apply", "--auto-approve"])
            .exits(0)
    };
    let of_org = "allow pull to * if StringEquals aws:principalorgid = o-a1b2";
    let created = access().expect("a policy is to be written");
    assert_eq!(created["before"], serde_json::Value::Null);
    assert_eq!(created["after"][0], of_org);
    apply();
    assert_eq!(
        access(),
        None,
        "ECR shows it otherwise, and it says the same"
    );
    workspace.replace(
        "windlass.kdl",
        "allow \"lambda-pull\"",
        "allow \"push\" account=\"444455556666\"",
    );
    let changed = access().expect("it differs");
    assert_eq!(
        changed["after"],
        serde_json::json!([of_org, "allow push to account 444455556666"])
    );
    apply();
    let rules = "access { allow \"pull\" org=\"o-a1b2\"; allow \"push\" account=\"444455556666\" }";
    workspace.replace("windlass.kdl", rules, "create");
    assert_eq!(access(), None, "what is absent is not managed");
    workspace.replace("windlass.kdl", "create", "access \"none\"");
    let removed = access().expect("it has to go");
    assert_eq!(removed["after"], serde_json::Value::Null);
    apply();
    assert_eq!(access(), None);
}
