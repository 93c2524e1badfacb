//! `windlass init` in a fresh folder, as somebody does who has never used it.

#[path = "common/mod.rs"]
mod common;

use common::{Workspace, docker, has_engine};

/// Three small applications.
const APPS: [(&str, &str); 8] = [
    ("web/requirements.txt", ""),
    (
        "web/main.py",
        "import http.server\n\nhttp.server.HTTPServer((\"0.0.0.0\", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()\n",
    ),
    ("gateway/go.mod", "module example.com/gateway\n\ngo 1.22\n"),
    (
        "gateway/main.go",
        "package main\n\nimport \"net/http\"\n\nfunc main() { _ = http.ListenAndServe(\":8080\", nil) }\n",
    ),
    (
        "site/package.json",
        "{ \"name\": \"site\", \"version\": \"1.0.0\", \"private\": true, \"scripts\": { \"start\": \"node server.js\" }, \"dependencies\": { \"ms\": \"2.1.3\" } }\n",
    ),
    (
        "site/package-lock.json",
        "{ \"name\": \"site\", \"version\": \"1.0.0\", \"lockfileVersion\": 3, \"packages\": { \"\": { \"name\": \"site\", \"version\": \"1.0.0\", \"dependencies\": { \"ms\": \"2.1.3\" } }, \"node_modules/ms\": { \"version\": \"2.1.3\", \"integrity\": \"sha512-6FlzubTLZG3J2a/NVCAleEhjzq5oxgHyaCU9yYXvcLsvoVaHJq/s5xXI6/XXP6tz7R9xAOtHnSO/tXtF3WRTlA==\" } } }\n",
    ),
    (
        "site/server.js",
        "require('http').createServer((q, a) => a.end('ok')).listen(process.env.PORT || 3000)\n",
    ),
    ("node_modules/x/package.json", "{ \"main\": \"x.js\" }"),
];

#[test]
fn a_manifest_is_written_that_is_valid() {
    let workspace = Workspace::new(&APPS);
    workspace
        .run(&["init"])
        .exits(0)
        .says("web web: Python, python@1")
        .says("gateway gateway: Go, go-distroless@1")
        .says("site site: Node.js, node@1")
        .says("the account of registry main: a placeholder stands there")
        .says("Next: windlass validate, then windlass --local plan");
    workspace.run(&["validate"]).exits(0).says("3 images");
    let manifest = workspace.read("windlass.kdl");
    assert!(manifest.contains("port 8080"), "{manifest}");
    assert_eq!(workspace.read(".gitignore"), ".windlass/\n");
}

#[test]
fn what_is_there_is_never_overwritten() {
    let workspace = Workspace::new(&APPS);
    workspace.write("windlass.kdl", "mine");
    workspace.run(&["init"]).exits(1).says("never overwrites");
    assert_eq!(workspace.read("windlass.kdl"), "mine");
    let empty = Workspace::new(&[("lib/go.mod", "module example.com/lib\n")]);
    empty
        .run(&["init"])
        .exits(1)
        .says("windlass.kdl was not written")
        .says("lib: a Go module without a command: a library");
    assert!(!empty.path("windlass.kdl").exists());
}

#[test]
fn account_and_region_are_taken_where_they_are_given() {
    let workspace = Workspace::new(&APPS);
    workspace
        .run_with(
            &[("AWS_REGION", "eu-central-1")],
            &["init", "--account", "444455556666", "--workspace", "shop"],
        )
        .exits(0);
    let manifest = workspace.read("windlass.kdl");
    for line in [
        "workspace \"shop\"",
        "    account \"444455556666\"\n",
        "    region \"eu-central-1\" // from AWS_REGION\n",
    ] {
        assert!(manifest.contains(line), "{manifest}");
    }
}

#[test]
fn windlass_own_folder_is_ignored_by_git_once() {
    let workspace = Workspace::new(&APPS);
    std::fs::create_dir(workspace.path(".git")).expect("a folder");
    workspace.write(".gitignore", "target");
    workspace
        .run(&["init"])
        .exits(0)
        .says(".windlass/ added to .gitignore");
    assert_eq!(workspace.read(".gitignore"), "target\n.windlass/\n");
    std::fs::remove_file(workspace.path("windlass.kdl")).expect("removed");
    workspace.run(&["init"]).exits(0);
    assert_eq!(workspace.read(".gitignore"), "target\n.windlass/\n");
}

#[test]
fn engine_what_init_writes_is_planned_applied_and_then_up_to_date() {
    if !has_engine() {
        return;
    }
    let workspace = Workspace::new(&APPS);
    workspace
        .run(&["init", "--workspace", "first-steps"])
        .exits(0);
    workspace
        .run(&["--local", "plan"])
        .exits(0)
        .says("3 to build");
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0)
        .says("3 built");
    workspace
        .run(&["--local", "plan", "--detailed-exitcode"])
        .exits(0)
        .says("No changes.");
}

/// What each application of `managers/` prints: what was built, what is installed, and that nothing else is.
const PRINTED: [(&str, &str); 9] = [
    ("api-berry", "built 2.1.3 2.0.0 dropped"),
    ("api-npm", "built 2.1.3 2.0.0 dropped"),
    ("api-pnpm", "built 2.1.3 2.0.0 dropped"),
    ("jobs", "itsdangerous None"),
    ("plain", "itsdangerous None"),
    ("report", "itsdangerous None"),
    ("shop-berry", "built 3600000 dropped"),
    ("shop-pnpm", "built 3600000 dropped"),
    ("shop-yarn", "built 3600000 dropped"),
];

#[test]
fn every_package_manager_that_init_finds_is_one_that_the_patterns_run() {
    let workspace = Workspace::folder("crates/windlass/tests/managers");
    let done = workspace.run(&["init", "--workspace", "managers"]).exits(0);
    assert!(!done.err.contains("Written as comments"), "{}", done.err);
    workspace.run(&["validate"]).exits(0).says("9 images");
    workspace.run(&["check"]).exits(0);
    if !has_engine() {
        return;
    }
    workspace
        .run(&["--local", "apply", "--auto-approve"])
        .exits(0)
        .says("9 built");
    for (name, wanted) in PRINTED {
        let image = format!("windlass/managers/{name}");
        let ids = docker(&["images", "--quiet", &image]).exits(0).out;
        let id = ids.lines().next().expect("the image is in the Engine");
        docker(&["run", "--rm", id]).exits(0).says(wanted);
    }
}
