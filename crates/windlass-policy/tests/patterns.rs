//! What the built-in patterns render passes `hardened` without a finding, whatever their parameters are.
//!
//! Every parameter is in the table of its pattern with values that stand for all it can be. Not each combination of all values is
//! rendered: they are thousands of millions. Every three values of any parameters that can stand together are (`common/triples.rs`), and
//! whole rows by chance, as many for each pattern as `WINDLASS_PATTERN_ROWS` says.

#![expect(
    clippy::disallowed_methods,
    reason = "how many rows are tried is said by the environment"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use windlass_core::diag::text::render_plain;
use windlass_core::diag::{Location, Source};
use windlass_core::lock::LockedBase;
use windlass_core::manifest::model::{Argument, Sourced, Value};
use windlass_core::name::{Day, Digest, Platform};
use windlass_core::pattern::{self, ParameterKind, Pattern, RenderContext, render};
use windlass_policy::evaluate::{Subjects, evaluate};
use windlass_policy::force::Policies;
use windlass_policy::rule::Profile;
use windlass_policy::subject::ImageSubject;

use common::triples::rows;

/// A parameter and its values; the empty one is that it is not given.
type Choice = (&'static str, &'static [&'static str]);

/// Parameters of which only one can be given.
type Apart = (&'static str, &'static str);

/// What the manifest around a pattern says, as if it were parameters: build args, stamped ones, and files of the context.
const AROUND: [Choice; 2] = [
    ("(arg)", &["", "PIP_INDEX_URL"]),
    ("(stamp)", &["", "VERSION"]),
];

/// Rows by chance where nothing else is said.
const ROWS_BY_CHANCE: usize = 200;

const PYTHON: &[Choice] = &[
    ("version", &["", "3.13", "3.14"]),
    ("variant", &["", "debian", "alpine"]),
    (
        "base",
        &[
            "",
            "base-python",
            "registry.example/python-base:3.13@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        ],
    ),
    ("app", &["", "shop.main:create()"]),
    ("port", &["", "80", "8080"]),
    (
        "command",
        &[
            "",
            "python worker.py",
            "gunicorn --bind=0.0.0.0:8000 a:app",
            "./start $HOME",
        ],
    ),
    (
        "requirements",
        &["", "requirements/prod.txt", "a.txt b.txt"],
    ),
    (
        "dependencies_from",
        &["", "uv.lock", "poetry.lock", "pyproject.toml"],
    ),
    ("exporter_version", &["", "0.13.9"]),
    ("project", &["", "#true", "#false"]),
    ("packages", &["", "libpq5", "libpq5=15.8-0 curl"]),
    ("build_packages", &["", "gcc", "libpq-dev g++"]),
    ("init", &["", "none", "tini", "dumb-init"]),
    ("user", &["", "web"]),
    ("group", &["", "staff-1"]),
    ("uid", &["", "999", "10001"]),
    ("gid", &["", "998", "10002"]),
    (
        "env",
        &["", "LOG_LEVEL=info", "A=$HOME B=\"x\\ PYTHONUNBUFFERED=0"],
    ),
    (
        "healthcheck",
        &["", "python check.py", "curl -f http://localhost:8000/"],
    ),
    ("ca_bundle", &["", "corporate.pem", "certs/root-ca.crt"]),
];

const GO: &[Choice] = &[
    ("version", &["", "1.27"]),
    ("variant", &["", "debian", "alpine"]),
    ("base", &["", "base-go", "registry.example/go:1.27"]),
    (
        "runtime",
        &[
            "",
            "scratch",
            "gcr.io/distroless/base-debian12:nonroot",
            "base-runtime",
        ],
    ),
    ("main", &["", "./cmd/server", "example.com/shop/cmd"]),
    (
        "ldflags",
        &["", "-X main.name=shop", "-extldflags \"-static\""],
    ),
    ("tags", &["", "netgo", "netgo osusergo timetzdata"]),
    ("cgo", &["", "#false", "#true"]),
    ("arguments", &["", "serve --port=80", "$HOME"]),
    ("port", &["", "80", "8080"]),
    ("packages", &["", "git", "git openssh-client=1.2"]),
    ("init", &["", "none", "tini"]),
    ("tzdata", &["", "#false", "#true"]),
    ("uid", &["", "999", "10001"]),
    ("gid", &["", "998", "10002"]),
    ("env", &["", "LOG_LEVEL=info", "TZ=Europe/Berlin A=$HOME"]),
    ("healthcheck", &["", "/app health"]),
    ("ca_bundle", &["", "corporate.pem", "certs/root-ca.crt"]),
];

const NODE: &[Choice] = &[
    ("version", &["", "24"]),
    ("variant", &["", "debian", "alpine"]),
    ("base", &["", "base-node", "registry.example/node:24"]),
    ("port", &["", "80", "8080"]),
    ("command", &["", "node dist/main.js", "npm start"]),
    (
        "package_files",
        &[
            "",
            "package.json package-lock.json",
            "package*.json web/package*.json",
        ],
    ),
    ("dependencies", &["", "#true", "#false"]),
    ("manager", &["", "npm", "pnpm", "yarn"]),
    ("manager_version", &["", "4.5.0"]),
    ("workspace", &["", "apps/api"]),
    ("build", &["", "npm run build", "sh -c make"]),
    ("output", &["", "dist", "dist public"]),
    ("packages", &["", "curl", "libvips42=8.14 curl"]),
    ("build_packages", &["", "g++", "python3 make g++"]),
    ("init", &["", "none", "tini", "dumb-init"]),
    ("user", &["", "web"]),
    ("group", &["", "staff-1"]),
    ("uid", &["", "999", "10001"]),
    ("gid", &["", "998", "10002"]),
    ("env", &["", "LOG_LEVEL=info", "NODE_ENV=staging A=$HOME"]),
    (
        "healthcheck",
        &["", "node check.js", "curl -f http://localhost:3000/"],
    ),
    ("ca_bundle", &["", "corporate.pem", "certs/root-ca.crt"]),
];

#[test]
fn python_passes_hardened() {
    let apart = [
        ("base", "version"),
        ("app", "command"),
        ("dependencies_from", "requirements"),
    ];
    assert_passes("python", PYTHON, &apart);
}

#[test]
fn go_distroless_passes_hardened() {
    assert_passes("go-distroless", GO, &[("base", "version")]);
}

#[test]
fn node_passes_hardened() {
    assert_passes(
        "node",
        NODE,
        &[("base", "version"), ("output", "workspace")],
    );
}

#[test]
fn every_pattern_and_every_parameter_is_tried() {
    let tables = [("python", PYTHON), ("go-distroless", GO), ("node", NODE)];
    for pattern in pattern::all() {
        let table = tables.iter().find(|it| it.0 == pattern.name);
        let table = table
            .unwrap_or_else(|| panic!("{} has no table", pattern.name))
            .1;
        for parameter in pattern.parameters {
            let what = format!("{} {}", pattern.name, parameter.name);
            let row = table.iter().find(|it| it.0 == parameter.name);
            let values = row.unwrap_or_else(|| panic!("{what} has no values")).1;
            assert!(values.contains(&"") && values.len() > 1, "{what}");
            assert!(
                parameter.one_of.iter().all(|it| values.contains(it)),
                "{what}"
            );
            let flags = ["#true", "#false"];
            assert!(
                parameter.kind != ParameterKind::Flag || flags.iter().all(|it| values.contains(it)),
                "{what}"
            );
        }
    }
}

fn assert_passes(name: &str, table: &[Choice], apart: &[Apart]) {
    let pattern = pattern::find(name, 1).expect("a pattern");
    let choices: Vec<Choice> = table.iter().chain(&AROUND).copied().collect();
    let counts: Vec<usize> = choices.iter().map(|it| it.1.len()).collect();
    let mut rows = rows(&counts, &|row| fits(&choices, row, apart));
    assert!(rows.len() > 50, "{} rows", rows.len());
    rows.extend(rows_by_chance(&counts, &|row| fits(&choices, row, apart)));
    let mut wrong = String::new();
    for row in &rows {
        let with: Vec<(&str, &str)> = choices
            .iter()
            .zip(row)
            .map(|((name, values), value)| (*name, values[*value]))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let text = rendered(pattern, &with);
        let found = findings(&text);
        let rules: BTreeSet<&str> = found.iter().map(|it| it.0.as_str()).collect();
        if rules != true_findings(name, &with) {
            let _ = writeln!(wrong, "{name} {with:?}: {found:?}");
        }
    }
    assert!(wrong.is_empty(), "{} rows\n{wrong}", rows.len());
}

/// Returns rows in which every value is drawn, always the same ones; those that cannot stand together are drawn again.
fn rows_by_chance(counts: &[usize], fits: &dyn Fn(&[Option<usize>]) -> bool) -> Vec<Vec<usize>> {
    let wanted = std::env::var("WINDLASS_PATTERN_ROWS").map_or(ROWS_BY_CHANCE, |it| {
        it.parse().expect("WINDLASS_PATTERN_ROWS is a number")
    });
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut draw = |count: usize| {
        // xorshift64
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state >> 33).expect("31 bits") % count
    };
    let mut rows = Vec::new();
    while rows.len() < wanted {
        let row: Vec<usize> = counts.iter().map(|count| draw(*count)).collect();
        let whole: Vec<Option<usize>> = row.iter().copied().map(Some).collect();
        if fits(&whole) {
            rows.push(row);
        }
    }
    rows
}

/// What is rightly found: what the rule is there for was asked for by name, or the default version has grown old
/// (`docs/patterns.md`: a major is frozen with it).
fn true_findings(pattern: &str, with: &[(&str, &str)]) -> BTreeSet<&'static str> {
    let given = |name: &str| with.iter().find(|it| it.0 == name).map(|it| it.1);
    let mut rules = BTreeSet::new();
    let old = matches!(pattern, "go-distroless" | "node");
    if old && given("version").is_none() && given("base").is_none() {
        rules.insert("base-end-of-life");
    }
    // What the base image is for is not known where it is the workspace's own.
    if pattern == "node" && given("init") == Some("none") && given("base").is_none() {
        rules.insert("init-missing");
    }
    let zones =
        given("env").is_some_and(|it| it.starts_with("TZ=")) && given("tzdata") != Some("#true");
    let held = given("tags").is_some_and(|it| it.contains("timetzdata"));
    if given("runtime") == Some("scratch") && zones && !held {
        rules.insert("scratch-no-tzdata");
    }
    rules
}

/// Whether values can stand together: what a pattern refuses is left out (`docs/patterns.md`).
fn fits(choices: &[Choice], row: &[Option<usize>], apart: &[Apart]) -> bool {
    let value = |name: &str| {
        let at = choices.iter().position(|it| it.0 == name)?;
        Some(choices[at].1[row[at]?])
    };
    let given = |name: &str| value(name).is_some_and(|it| !it.is_empty());
    // What one parameter needs another one for.
    let lacks = |name: &str, other: &str, is_none: fn(&str) -> bool| {
        given(name) && value(other).is_some_and(is_none)
    };
    let refused = lacks("output", "build", str::is_empty)
        || lacks("exporter_version", "dependencies_from", str::is_empty)
        || lacks("manager_version", "manager", |it| matches!(it, "" | "npm"));
    let cgo = value("cgo") == Some("#true") && matches!(value("variant"), Some("" | "alpine"));
    let both = apart.iter().any(|(one, other)| given(one) && given(other));
    !refused && !cgo && !both
}

fn rendered(pattern: &Pattern, with: &[(&str, &str)]) -> String {
    let mut arguments: BTreeMap<String, Argument> = BTreeMap::new();
    let mut around: BTreeMap<&str, BTreeMap<String, Sourced<String>>> = BTreeMap::new();
    for &(name, value) in with {
        if let Some(parameter) = pattern.parameter(name) {
            arguments.insert(name.to_owned(), argument(parameter.kind, value));
        } else {
            let args = around.entry(name).or_default();
            args.insert(value.to_owned(), sourced("x".to_owned()));
        }
    }
    let none = BTreeMap::new();
    let context = RenderContext {
        args: around.get("(arg)").unwrap_or(&none),
        stamp_args: around.get("(stamp)").unwrap_or(&none),
        has_file: &|_| false,
    };
    let (rendered, problems) = render(pattern, &arguments, &context);
    rendered
        .unwrap_or_else(|| panic!("{with:?}: {}", render_plain(&problems)))
        .dockerfile
}

fn argument(kind: ParameterKind, text: &str) -> Argument {
    let mut argument = Argument {
        values: Vec::new(),
        properties: BTreeMap::new(),
        location: here(),
    };
    let words = text.split(' ');
    match kind {
        ParameterKind::Map => {
            let pairs = words.filter_map(|it| it.split_once('='));
            let pairs =
                pairs.map(|(key, it)| (key.to_owned(), sourced(Value::Text(it.to_owned()))));
            argument.properties = pairs.collect();
        }
        ParameterKind::Command | ParameterKind::List => {
            argument.values = words.map(|it| sourced(value_of(kind, it))).collect();
        }
        _ => argument.values = vec![sourced(value_of(kind, text))],
    }
    argument
}

fn sourced<T>(value: T) -> Sourced<T> {
    Sourced {
        value,
        location: here(),
    }
}

fn here() -> Location {
    let source = Source::new("windlass.kdl", "");
    Location { source, span: 0..0 }
}

fn value_of(kind: ParameterKind, text: &str) -> Value {
    match (kind, text) {
        (ParameterKind::Flag, text) => Value::Flag(text == "#true"),
        (ParameterKind::Integer, text) => Value::Integer(text.parse().expect("a number")),
        (_, text) => Value::Text(text.to_owned()),
    }
}

/// An image of the workspace: its bases are in the lock, or images of the workspace.
fn findings(text: &str) -> Vec<(String, Option<usize>, String)> {
    let mut subject = ImageSubject::of_text(&Source::new("Dockerfile", text));
    subject.platforms = vec![
        Platform::new("linux/amd64").expect("a platform"),
        Platform::new("linux/arm64").expect("a platform"),
    ];
    let needs = ["base-python", "base-go", "base-node", "base-runtime"];
    subject.needs = needs.map(|it| (it.to_owned(), it.to_owned())).into();
    for base in subject.bases() {
        let locked = LockedBase {
            digest: Digest::of(b"base"),
            platforms: subject.platforms.clone(),
            user: None,
            entrypoint: Vec::new(),
            onbuild: None,
            resolved_from: "registry.example".to_owned(),
            resolved: "2026-11-24".to_owned(),
        };
        subject.locked.insert(base.image.to_string(), locked);
    }
    let subjects = Subjects {
        images: vec![subject],
        ..Subjects::default()
    };
    let today = Day::parse("2026-11-24").expect("a day");
    let found = evaluate(&subjects, &Policies::new(Profile::Hardened, today));
    let shown = found.into_iter().map(|it| {
        let finding = it.finding;
        (finding.rule, finding.line, finding.message)
    });
    shown.collect()
}
