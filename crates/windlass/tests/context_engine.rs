//! What `windlass context` says is what `FROM scratch` and `COPY . /` really copy: forty ignore files against a real engine.
//!
//! Runs where `WINDLASS_TEST_SERVICES` names `docker`. The oracle is the client of Engine 20.10; the cases stay clear of the three
//! ways in which it differs from today's clients (crates/windlass-backends/tests/ignore_engine.rs names them).

#[path = "common/mod.rs"]
mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use common::{Workspace, has_engine};

const TREE: [&str; 24] = [
    ".env",
    ".git/HEAD",
    ".git/objects/ab",
    "README.md",
    "a.py",
    "app/.env",
    "app/.env.local",
    "app/README.md",
    "app/main.py",
    "app/static/logo.png",
    "app/test/test_main.py",
    "build/out.bin",
    "docs/a.md",
    "docs/b.txt",
    "docs/deep/c.md",
    "key.pem",
    "lib/build/keep.txt",
    "lib/x.pyc",
    "node_modules/a/index.js",
    "src/[x]",
    "src/c d.txt",
    "src/node_modules/b.js",
    "src/é.txt",
    "z.log",
];

const IGNORE_FILES: [&str; 40] = [
    "",
    "# only a comment\n\n",
    ".git",
    ".git/",
    "/.git",
    "./.git",
    "**/.env",
    ".env",
    "**/.env*",
    "*.md",
    "**/*.md",
    "docs/*.md",
    "docs/**",
    "docs",
    "*/README.md",
    "*/*/test_main.py",
    "**/node_modules",
    "node_modules",
    "?.py",
    "[a-c].py",
    "[^a].py\nz.log",
    "*\n!a.py",
    "*\n!app",
    "app\n!app/main.py",
    "app/*\n!app/main.py",
    "docs\n!docs/deep",
    "*.md\n!README.md",
    "!README.md\n*.md",
    "**/*.pyc\n**/*.log",
    "build",
    "**/build",
    "lib/build\nlib/x.pyc",
    "src/\\[x\\]",
    "src/c d.txt",
    "src/é.txt",
    "src/*.txt",
    "  docs  \n\tapp\t\n",
    "docs/deep/../b.txt",
    "app//static",
    "key.pem\r\nz.log\r\n",
];

#[test]
fn the_engine_copies_what_the_command_says() {
    if !has_engine() {
        return;
    }
    let mut different = String::new();
    for (number, text) in IGNORE_FILES.iter().enumerate() {
        let workspace = Workspace::new(&[]);
        for path in TREE {
            workspace.write(&format!("context/{path}"), path);
        }
        workspace.write("context/.dockerignore", text);
        let said = said(&workspace);
        let copied = copied(&workspace);
        if said != copied {
            let only_said: Vec<&String> = said.difference(&copied).collect();
            let only_copied: Vec<&String> = copied.difference(&said).collect();
            let _ = writeln!(
                different,
                "{number} {text:?}: only said {only_said:?}, only copied {only_copied:?}"
            );
        }
    }
    assert!(different.is_empty(), "{different}");
}

fn said(workspace: &Workspace) -> BTreeSet<String> {
    let document = workspace
        .run(&["context", "./context", "--format", "json"])
        .exits(0)
        .json();
    let files = document["files"].as_array().expect("a list");
    files
        .iter()
        .map(|it| it["path"].as_str().expect("a path").to_owned())
        .collect()
}

fn copied(workspace: &Workspace) -> BTreeSet<String> {
    workspace.write("Dockerfile", "FROM scratch\nCOPY . /\n");
    let out = workspace.path("out");
    let docker = std::env::var("WINDLASS_TEST_DOCKER").unwrap_or_else(|_| "docker".to_owned());
    let output = Command::new(docker)
        .env("DOCKER_BUILDKIT", "1")
        .arg("build")
        .arg("--output")
        .arg(format!("type=local,dest={}", out.display()))
        .arg("--file")
        .arg(workspace.path("Dockerfile"))
        .arg(workspace.path("context"))
        .output()
        .expect("docker can be started");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let mut found = BTreeSet::new();
    list(&out, "", &mut found);
    found
}

fn list(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.expect("a readable folder");
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("a kind").is_dir() {
            let folder = format!("{path}/");
            let is_empty = std::fs::read_dir(entry.path()).is_ok_and(|mut it| it.next().is_none());
            list(&entry.path(), &folder, found);
            if is_empty {
                found.insert(folder);
            }
        } else {
            found.insert(path);
        }
    }
}
