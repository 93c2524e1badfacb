//! Measures how long 200 Dockerfiles take in one process, beside hadolint on the same files.
//!
//! `cargo run --release -p windlass-policy --example lint_speed`; `WINDLASS_TEST_HADOLINT` names hadolint, without it only
//! ours is measured. The files are those of `tests/corpus/dockerfiles`, some of them twice.

#![expect(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "the rule is for the crate; this runs another program"
)]

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use windlass_core::diag::Source;
use windlass_core::name::Day;
use windlass_policy::evaluate::{Subjects, evaluate};
use windlass_policy::force::Policies;
use windlass_policy::rule::Profile;
use windlass_policy::subject::ImageSubject;

const FILES: usize = 200;
const ROUNDS: usize = 5;
/// What the project promises, in seconds of processor time.
const LIMIT: f64 = 0.3;

fn main() -> ExitCode {
    let paths = corpus();
    let texts: Vec<(String, String)> = paths
        .iter()
        .map(|path| {
            let text = std::fs::read_to_string(path).expect("a readable file");
            (path.display().to_string(), text)
        })
        .collect();
    let mut times = Vec::new();
    let mut findings = 0;
    for _ in 0..ROUNDS {
        let start = processor_time();
        findings = lint(&texts);
        times.push(processor_time() - start);
    }
    times.sort_by(f64::total_cmp);
    let ours = times[ROUNDS / 2];
    say(&format!(
        "windlass: {FILES} files, all rules, {findings} findings: {ours:.3} s of processor time (median of {ROUNDS})"
    ));
    if let Ok(program) = std::env::var("WINDLASS_TEST_HADOLINT") {
        say(&format!(
            "hadolint: the same files in one process: {} s of processor time (user, system)",
            hadolint(&program, &paths)
        ));
    }
    if ours < LIMIT {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/dockerfiles");
    let entries = std::fs::read_dir(folder).expect("the corpus");
    let mut files: Vec<PathBuf> = entries.map(|it| it.expect("an entry").path()).collect();
    files.retain(|it| it.extension().is_some_and(|it| it == "Dockerfile"));
    files.sort();
    files.iter().cycle().take(FILES).cloned().collect()
}

fn lint(texts: &[(String, String)]) -> usize {
    let images = texts
        .iter()
        .map(|(name, text)| ImageSubject::of_text(&Source::new(name.as_str(), text.as_str())));
    let subjects = Subjects {
        images: images.collect(),
        ..Subjects::default()
    };
    let today = Day::parse("2026-11-24").expect("a day");
    evaluate(&subjects, &Policies::new(Profile::All, today)).len()
}

/// Seconds that this process has run on a processor (Linux).
fn processor_time() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
    let first = text.split(' ').next().unwrap_or_default();
    first.parse::<f64>().expect("a number of nanoseconds") / 1e9
}

fn hadolint(program: &str, paths: &[PathBuf]) -> String {
    let output = Command::new("bash")
        .args([
            "-c",
            "TIMEFORMAT='%U %S'; time \"$@\" >/dev/null 2>&1",
            "bash",
            program,
            "--no-fail",
        ])
        .args(paths)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("bash runs");
    String::from_utf8_lossy(&output.stderr).trim().to_owned()
}

#[expect(clippy::print_stdout, reason = "an example speaks to its caller")]
fn say(text: &str) {
    println!("{text}");
}
