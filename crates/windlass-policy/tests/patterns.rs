//! What the built-in patterns render passes `hardened` without a finding, whatever their parameters are.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use windlass_core::diag::{Location, Source};
use windlass_core::lock::LockedBase;
use windlass_core::manifest::model::{Argument, Sourced, Value};
use windlass_core::name::{Day, Digest, Platform};
use windlass_core::pattern::{RenderContext, find, render};
use windlass_policy::evaluate::{Subjects, evaluate};
use windlass_policy::force::Policies;
use windlass_policy::rule::Profile;
use windlass_policy::subject::ImageSubject;

/// A parameter and its values.
type Choice = (&'static str, &'static [&'static str]);

/// The choices of each pattern that change what is rendered: parameter and values; all combinations are tried. The version is
/// one that is supported: a default that reached its end of life is a true finding.
const CHOICES: [(&str, &[Choice]); 5] = [
    (
        "python",
        &[
            ("variant", &["debian", "alpine"]),
            ("uid", &["", "10001"]),
            ("packages", &["", "libpq5"]),
            ("build_packages", &["", "gcc"]),
            ("command", &["", "python worker.py"]),
            ("healthcheck", &["", "python check.py"]),
            ("init", &["", "tini", "dumb-init"]),
        ],
    ),
    (
        "python",
        &[
            ("variant", &["debian", "alpine"]),
            (
                "dependencies_from",
                &["uv.lock", "poetry.lock", "pyproject.toml"],
            ),
            ("project", &["", "#true"]),
            ("build_packages", &["", "gcc"]),
            ("ca_bundle", &["", "corp.crt"]),
        ],
    ),
    (
        "node",
        &[
            ("version", &["24"]),
            ("variant", &["debian", "alpine"]),
            ("manager", &["npm", "pnpm", "yarn"]),
            ("manager_version", &["", "4.5.0"]),
            ("workspace", &["", "apps/api"]),
            ("build", &["", "npm run build"]),
        ],
    ),
    (
        "go-distroless",
        &[
            ("version", &["1.27"]),
            ("variant", &["debian", "alpine"]),
            ("init", &["", "tini"]),
            ("tags", &["", "netgo"]),
            ("ldflags", &["", "-X main.version=1"]),
            ("packages", &["", "git"]),
        ],
    ),
    (
        "node",
        &[
            ("version", &["24"]),
            ("uid", &["", "10001"]),
            ("variant", &["debian", "alpine"]),
            ("init", &["", "tini", "dumb-init"]),
            ("build", &["", "npm run build"]),
            ("packages", &["", "curl"]),
            ("build_packages", &["", "g++"]),
        ],
    ),
];

#[test]
fn every_combination_passes_hardened() {
    let mut wrong = String::new();
    let mut tried = 0;
    for (pattern, choices) in CHOICES {
        for with in combinations(choices) {
            let Some(text) = rendered(pattern, &with) else {
                continue;
            };
            tried += 1;
            for found in findings(&text) {
                let _ = writeln!(wrong, "{pattern} {with:?}: {found}");
            }
        }
    }
    assert!(tried > 100, "{tried} combinations were rendered");
    assert!(wrong.is_empty(), "{wrong}");
}

fn combinations(choices: &[Choice]) -> Vec<Vec<(&'static str, &'static str)>> {
    let mut all = vec![Vec::new()];
    for (name, values) in choices {
        let longer = all.iter().flat_map(|before| {
            values.iter().map(|value| {
                let mut with = before.clone();
                if !value.is_empty() {
                    with.push((*name, *value));
                }
                with
            })
        });
        all = longer.collect();
    }
    all
}

/// Returns what is rendered, `None` where the parameters exclude each other.
fn rendered(pattern: &str, with: &[(&str, &str)]) -> Option<String> {
    let here = Location {
        source: Source::new("windlass.kdl", ""),
        span: 0..0,
    };
    let arguments: BTreeMap<String, Argument> = with
        .iter()
        .map(|&(name, value)| {
            let words: Vec<&str> = match name {
                "command" | "healthcheck" => value.split(' ').collect(),
                _ => vec![value],
            };
            let values = words.into_iter().map(|word| Sourced {
                value: match word {
                    "#true" => Value::Flag(true),
                    word => Value::Text(word.to_owned()),
                },
                location: here.clone(),
            });
            let argument = Argument {
                values: values.collect(),
                properties: BTreeMap::new(),
                location: here.clone(),
            };
            (name.to_owned(), argument)
        })
        .collect();
    let context = RenderContext {
        args: &BTreeMap::new(),
        stamp_args: &BTreeMap::new(),
        has_file: &|_| false,
    };
    let pattern = find(pattern, 1).expect("a pattern");
    let (rendered, _) = render(pattern, &arguments, &context);
    Some(rendered?.dockerfile)
}

/// An image of the workspace: its bases are in the lock.
fn findings(text: &str) -> Vec<String> {
    let mut subject = ImageSubject::of_text(&Source::new("Dockerfile", text));
    subject.platforms = vec![
        Platform::new("linux/amd64").expect("a platform"),
        Platform::new("linux/arm64").expect("a platform"),
    ];
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
    let shown = found.iter().map(|it| {
        let finding = &it.finding;
        format!("{} {:?}: {}", finding.rule, finding.line, finding.message)
    });
    shown.collect()
}
