//! Ignore files mean what they mean to a real engine: seeded random trees, built and compared.
//!
//! Half of the cases take the ignore lists of the patterns, half take random lines. The oracle is the client of Engine 20.10,
//! which differs from today's clients (and from windlass, which follows moby/patternmatcher) in three ways; cases stay clear
//! of them: it never looks for `!` lines with wildcards below an ignored folder, it reads `**.md` as `**/.md`, and it lets a
//! `!` line for a folder count below the folder where no earlier line had ignored it.
//!
//! Runs where `WINDLASS_TEST_SERVICES` names `docker`. `WINDLASS_IGNORE_CASES` sets how many cases are tried.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use windlass_backends::files::walk;
use windlass_core::context::{Ignore, IgnoreLine};
use windlass_core::dockerfile::ContextSources;
use windlass_core::pattern::{RenderContext, find, render};

#[test]
fn contexts_are_filtered_as_the_engine_filters_them() {
    let services = std::env::var("WINDLASS_TEST_SERVICES").unwrap_or_default();
    if !services.split(',').any(|it| it == "docker") {
        return;
    }
    let cases = std::env::var("WINDLASS_IGNORE_CASES").ok();
    let cases: u64 = cases.map_or(40, |it| it.parse().expect("a number of cases"));
    let mut different = String::new();
    for seed in 1..=cases {
        let folder = tempfile::tempdir().expect("a folder");
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let text = if seed % 2 == 0 {
            random.ignore_file()
        } else {
            random.pattern_list()
        };
        let context = folder.path().join("context");
        random.tree(&context, 0);
        fs::write(context.join(".dockerignore"), &text).expect("an ignore file");
        let (ignore, problems) = Ignore::new(IgnoreLine::split(".dockerignore", &text), Vec::new());
        assert_eq!(problems, [], "{text}");
        let listing = walk(
            folder.path(),
            "context",
            &ignore,
            &ContextSources::default(),
        )
        .expect("a listing");
        let ours: BTreeSet<String> = listing.entries.into_iter().map(|it| it.path).collect();
        let mut theirs = build(folder.path());
        drop_empty_ignored(&mut theirs, &ignore);
        if ours != theirs {
            let only_ours: Vec<&String> = ours.difference(&theirs).collect();
            let only_theirs: Vec<&String> = theirs.difference(&ours).collect();
            write!(
                different,
                "seed {seed}:\n{text}only ours {only_ours:?}\nonly theirs {only_theirs:?}\n\n"
            )
            .expect("a string takes any text");
        }
    }
    assert!(different.is_empty(), "{different}");
}

/// Builds `FROM scratch`, `COPY . /` and returns every path of the result.
fn build(folder: &Path) -> BTreeSet<String> {
    fs::write(folder.join("Dockerfile"), "FROM scratch\nCOPY . /\n").expect("a Dockerfile");
    let out = folder.join("out");
    let docker = std::env::var("WINDLASS_TEST_DOCKER").unwrap_or_else(|_| "docker".to_owned());
    let output = Command::new(docker)
        .env("DOCKER_BUILDKIT", "1")
        .arg("build")
        .arg("--output")
        .arg(format!("type=local,dest={}", out.display()))
        .arg("--file")
        .arg(folder.join("Dockerfile"))
        .arg(folder.join("context"))
        .output()
        .expect("docker can be started");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    let mut found = BTreeSet::new();
    list(&out, "", &mut found);
    found
}

/// The old client sends an ignored folder, empty, where a `!` line could have brought something back.
fn drop_empty_ignored(paths: &mut BTreeSet<String>, ignore: &Ignore) {
    let filled: Vec<String> = paths.iter().cloned().collect();
    paths.retain(|path| {
        let below = format!("{path}/");
        filled.iter().any(|it| it.starts_with(&below)) || !ignore.decide(path).ignored
    });
}

fn list(folder: &Path, prefix: &str, found: &mut BTreeSet<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries {
        let entry = entry.expect("a readable folder");
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().expect("a kind").is_dir() {
            list(&entry.path(), &format!("{path}/"), found);
        }
        found.insert(path);
    }
}

/// What random trees are made of.
const NAMES: &[&str] = &[
    "a",
    "src",
    "docs",
    "vendor",
    "node_modules",
    ".git",
    ".env",
    ".env.local",
    "a.md",
    "README.md",
    "b.pyc",
    "app.log",
    "dist",
    "é",
    "[x]",
    "c d",
    "key.pem",
    "Dockerfile",
    ".npmrc",
];

/// xorshift64*: the cases of a seed are the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(number).expect("31 bits fit") % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn tree(&mut self, folder: &Path, depth: usize) {
        fs::create_dir_all(folder).expect("a folder");
        for _ in 0..7 {
            let name = self.one(NAMES);
            if folder.join(name).exists() {
                continue;
            }
            match self.below(5) {
                0 | 1 => fs::write(folder.join(name), name).expect("a file"),
                2 if depth < 3 => self.tree(&folder.join(name), depth + 1),
                3 if depth < 3 => fs::create_dir(folder.join(name)).expect("a folder"),
                _ => {}
            }
        }
    }

    /// The list of a pattern, as the image with no lines of its own has it.
    fn pattern_list(&mut self) -> String {
        let name = self.one(&["python", "go-distroless", "node"]);
        let context = RenderContext {
            args: &BTreeMap::new(),
            stamp_args: &BTreeMap::new(),
            has_file: &|_| false,
        };
        let pattern = find(name, 1).expect("a pattern");
        let (rendered, _) = render(pattern, &BTreeMap::new(), &context);
        rendered.expect("defaults render").ignore.join("\n")
    }

    fn ignore_file(&mut self) -> String {
        let mut text = String::new();
        for _ in 0..=self.below(4) {
            let start = self.one(&["", "", "", "/", "./", "**/", " "]);
            let mut parts = Vec::new();
            for _ in 0..=self.below(3) {
                parts.push(self.one(&[
                    "a",
                    "docs",
                    "src",
                    "*",
                    "**",
                    "*.md",
                    "README.md",
                    "?",
                    "[ab]",
                    "a*",
                    "*s",
                    "[^a]",
                    "é",
                    "?.md",
                    ".",
                    "a**",
                    "\\[x\\]",
                    "c d",
                    "[a-s]*",
                ]));
            }
            let end = self.one(&["", "", "", "/", "/**", "/*", "  "]);
            let line = format!("{start}{}{end}\n", parts.join("/"));
            text.push_str(&line);
        }
        text
    }
}
