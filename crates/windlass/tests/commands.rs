//! The commands as a person and a script use them.

#[path = "common/mod.rs"]
mod common;

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use common::{Workspace, has_engine};

const MANIFEST: &str = r#"workspace "hello"
registry "dev" { account "111122223333"; region "eu-west-1" }
image "api" pattern="python@1" { tag "v1"; target "dev" }
image "raw" { dockerfile "Dockerfile"; tag "v1"; target "dev" }
"#;

fn workspace() -> Workspace {
    Workspace::new(&[
        ("windlass.kdl", MANIFEST),
        ("Dockerfile", "FROM scratch\nCOPY main.py /\n"),
        ("main.py", "print(1)\n"),
        ("requirements.txt", "fastapi\n"),
    ])
}

#[test]
fn rendered_files_are_written_and_compared() {
    let workspace = workspace();
    workspace
        .run(&["render", "api"])
        .exits(0)
        .says("# windlass python@1 - edit windlass.kdl")
        .says("**/.env");
    workspace
        .run(&["render", "nope"])
        .exits(1)
        .says("there is no image `nope`")
        .says("api, raw");
    workspace
        .run(&["render", "--out", "rendered"])
        .exits(0)
        .says("rendered/api/Dockerfile.dockerignore");
    workspace
        .run(&["render", "--out", "rendered", "--check"])
        .exits(0);
    workspace.replace("rendered/api/Dockerfile", "EXPOSE 8000", "EXPOSE 9000");
    workspace
        .run(&["render", "--out", "rendered", "--check"])
        .exits(1)
        .says("-EXPOSE 9000")
        .says("+EXPOSE 8000");
    assert!(
        workspace
            .read("rendered/api/Dockerfile")
            .contains("EXPOSE 9000"),
        "a check writes nothing"
    );
}

#[test]
fn only_takes_one_image_along_with_its_repository() {
    let workspace = workspace();
    let plan = workspace
        .run(&["--local", "plan", "--only", "image.raw", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(plan["images"].as_array().map(Vec::len), Some(1));
    assert_eq!(plan["repositories"].as_array().map(Vec::len), Some(1));
    assert_eq!(plan["images"][0]["address"], "image.raw");
}

#[test]
fn a_variable_that_took_effect_is_named() {
    let workspace = workspace();
    let arguments = ["plan", "--only", "image.raw"];
    workspace
        .run_with(&[("WINDLASS_LOCAL", "1")], &arguments)
        .exits(0)
        .says("WINDLASS_LOCAL");
}

#[test]
fn an_address_is_shown_with_the_origin_of_each_line() {
    let workspace = workspace();
    workspace
        .run(&["show", "image.api"])
        .exits(0)
        .says("image \"api\" pattern=\"python@1\" { // windlass.kdl:3")
        .says("context \".\" // built-in");
    workspace
        .run(&["show", "repository.api@dve"])
        .exits(1)
        .says("did you mean `repository.api@dev`?");
    workspace
        .run(&["show", "image.api", "--format", "json"])
        .exits(1)
        .says("./image.api");
}

#[test]
fn a_saved_plan_shows_the_same_in_every_format() {
    let workspace = workspace();
    let only = ["--only", "image.raw"];
    for format in ["text", "markdown", "json"] {
        let mut plan = vec!["--local", "plan", "--out", "p.windlass", "--format", format];
        plan.extend(only);
        let planned = workspace.run(&plan).exits(0).out;
        let shown = workspace
            .run(&["show", "p.windlass", "--format", format])
            .exits(0)
            .out;
        assert_eq!(planned, shown, "{format}");
    }
    assert!(
        !workspace
            .read("p.windlass")
            .contains(workspace.home().to_str().expect("UTF-8")),
        "no path of this machine"
    );
}

#[test]
fn a_saved_plan_in_another_folder_does_not_move_the_workspace() {
    let workspace = workspace();
    let elsewhere = workspace.home().join("p.windlass").display().to_string();
    let plan = [
        "--local",
        "plan",
        "--only",
        "image.raw",
        "--out",
        &elsewhere,
    ];
    workspace.run(&plan).exits(0);
    workspace
        .run(&["--file", "windlass.kdl", "matrix", &elsewhere])
        .exits(0)
        .says("image.raw");
    // Whether there is an Engine to build with does not matter here.
    workspace.run(&["--local", "apply", &elsewhere]);
    assert!(
        !workspace.home().join(".windlass").exists(),
        "the folder of the plan is taken for the workspace"
    );
}

#[test]
fn colour_is_for_terminals_and_those_who_ask() {
    let workspace = workspace();
    let plan = ["--local", "plan", "--only", "image.raw"];
    assert!(!workspace.run(&plan).exits(0).out.contains('\u{1b}'));
    let asked = workspace
        .run(&[
            "--local",
            "--color",
            "always",
            "plan",
            "--only",
            "image.raw",
        ])
        .exits(0)
        .out;
    assert!(asked.contains('\u{1b}'));
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let workspace = workspace();
    let mut child = workspace
        .command(&["render", "api"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn the_manifest_is_found_from_a_folder_below() {
    let workspace = workspace();
    workspace.write("a/b/x", "");
    let mut command = workspace.command(&["validate"]);
    let output = command
        .current_dir(workspace.path("a/b"))
        .output()
        .expect("the binary runs");
    assert!(String::from_utf8_lossy(&output.stdout).contains("2 images"));
    workspace.run(&["--chdir", "a", "validate"]).exits(0);
    workspace
        .run(&["--file", "nope.kdl", "validate"])
        .exits(1)
        .says("nope.kdl");
}

#[test]
fn an_interrupted_apply_exits_130_and_the_next_one_finishes() {
    if !has_engine() {
        return;
    }
    let workspace = workspace();
    workspace.write(
        "Dockerfile",
        "FROM debian:bookworm-slim\nCOPY main.py /\nRUN sleep 30\nUSER 10001\n",
    );
    let mut child = workspace
        .command(&[
            "--local",
            "apply",
            "--auto-approve",
            "--only",
            "image.raw",
            "--progress",
            "plain",
        ])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe")).lines();
    lines
        .find(|line| line.as_ref().is_ok_and(|line| line.contains("RUN sleep")))
        .expect("the step begins")
        .expect("a line");
    let interrupt = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupt.expect("kill runs").success());
    let begun = std::time::Instant::now();
    let _rest = lines.count();
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert!(
        begun.elapsed().as_secs() < 25,
        "the RUN of thirty seconds did not hold it up"
    );
    workspace.write(
        "Dockerfile",
        "FROM debian:bookworm-slim\nCOPY main.py /\nUSER 10001\n",
    );
    workspace
        .run(&["--local", "apply", "--auto-approve", "--only", "image.raw"])
        .exits(0)
        .says("Applied.");
}

#[test]
fn engine_quickstart_plans_and_applies() {
    if !has_engine() {
        return;
    }
    let workspace = Workspace::example("quickstart");
    workspace.run(&["validate"]).exits(0);
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0)
        .says("Applied.");
    workspace
        .run(&["--local", "plan", "--detailed-exitcode"])
        .exits(0)
        .says("No changes.");
}

#[test]
fn engine_clean_removes_the_images_of_this_workspace_and_no_others() {
    if !has_engine() {
        return;
    }
    let manifest = |name: &str| {
        format!(
            "workspace \"{name}\"\nregistry \"dev\" {{ account \"111122223333\"; region \"eu-west-1\" }}\nimage \"api\" {{ dockerfile \"Dockerfile\"; tag \"v1\" }}\n"
        )
    };
    let one = |name: &str| {
        let workspace = Workspace::new(&[
            ("windlass.kdl", &manifest(name)),
            ("Dockerfile", "FROM scratch\nCOPY f /f\n"),
            ("f", name),
        ]);
        workspace
            .run(&["--local", "apply", "--auto-approve"])
            .exits(0);
        workspace
    };
    let (tidy, other) = (one("clean-tidy"), one("clean-other"));
    let listed = tidy.run(&["clean", "--dry-run"]).exits(0);
    assert!(
        listed.out.starts_with("windlass/clean-tidy/api:in-"),
        "{}",
        listed.out
    );
    assert_eq!(tidy.run(&["clean"]).exits(0).out, listed.out);
    assert_eq!(tidy.run(&["clean"]).exits(0).out, "");
    let left = other.run(&["clean"]).exits(0);
    assert!(
        left.out.starts_with("windlass/clean-other/api:in-"),
        "{}",
        left.out
    );
    // ECR is the state: nothing has to be built again.
    tidy.run(&["--local", "plan", "--detailed-exitcode"])
        .exits(0);
}

#[test]
fn engine_an_image_is_built_from_another_of_the_workspace() {
    if !has_engine() {
        return;
    }
    let workspace = Workspace::new(&[
        (
            "windlass.kdl",
            r#"workspace "family"
registry "dev" { account "111122223333"; region "eu-west-1" }
defaults { image { target "dev"; tag "v1" } }
image "base" { context "base" }
image "app" { context "app"; needs "base" }
"#,
        ),
        ("base/Dockerfile", "FROM scratch\nCOPY base.txt /\n"),
        ("base/base.txt", "one"),
        ("app/Dockerfile", "FROM base\nCOPY app.txt /\n"),
        ("app/app.txt", "app"),
    ]);
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0)
        .says("2 built");
    workspace
        .run(&["--local", "plan", "--detailed-exitcode"])
        .exits(0);
    workspace.write("app/app.txt", "changed");
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0)
        .says("1 built");
    workspace.write("base/base.txt", "two");
    let plan = workspace
        .run(&["--local", "plan", "--format", "json"])
        .exits(0)
        .json();
    assert_eq!(
        plan["summary"]["images"]["build"], 2,
        "a changed base rebuilds what is built from it"
    );
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0)
        .says("2 built");
}
