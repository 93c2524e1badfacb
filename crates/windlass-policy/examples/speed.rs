//! How long rules take: `cargo run --release -p windlass-policy --example speed` (docs/performance.md).
//!
//! The Dockerfiles are the cases of all pages of rules.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use windlass_core::diag::Source;
use windlass_core::name::{Day, Digest};
use windlass_policy::evaluate::{Subjects, evaluate};
use windlass_policy::force::{LoadedPack, Policies};
use windlass_policy::pack::read_pack;
use windlass_policy::rego::load;
use windlass_policy::rule::Profile;
use windlass_policy::rules::RULES;
use windlass_policy::subject::ImageSubject;

fn main() {
    let texts = dockerfiles();
    let day = Day::parse("2026-11-24").expect("a day");
    let baseline = Policies::new(Profile::Baseline, day);
    let all = Policies::new(Profile::All, day);
    let custom = with_rego(&all);
    let mut report = String::new();
    for (what, count, policies) in [
        ("lint 200 Dockerfiles, baseline", 200, &baseline),
        ("lint 200 Dockerfiles, all rules", 200, &all),
        ("1,000 images, all rules", 1000, &all),
        ("1,000 images, all rules and 60 in Rego", 1000, &custom),
    ] {
        if policies.packs.is_empty() && what.contains("Rego") {
            continue;
        }
        let (took, found) = measure(&texts, count, policies);
        let each = took.as_secs_f64() * 1000.0 / f64::from(count);
        let _ = writeln!(
            report,
            "{what:<42} {:>7.3} s  {each:>6.3} ms each  {found} findings",
            took.as_secs_f64()
        );
    }
    std::io::stdout()
        .write_all(report.as_bytes())
        .expect("standard output can be written");
}

/// Reads, judges and sorts `count` Dockerfiles; the best of three runs.
fn measure(texts: &[String], count: u32, policies: &Policies) -> (Duration, usize) {
    let mut best = Duration::MAX;
    let mut number = 0;
    for _ in 0..3 {
        let start = Instant::now();
        let images = (0..count).map(|at| {
            let text = &texts[at as usize % texts.len()];
            ImageSubject::of_text(&Source::new(format!("{at}/Dockerfile"), text.clone()))
        });
        let subjects = Subjects {
            images: images.collect(),
            ..Subjects::default()
        };
        number = evaluate(&subjects, policies).len();
        best = best.min(start.elapsed());
    }
    (best, number)
}

fn dockerfiles() -> Vec<String> {
    let mut texts = Vec::new();
    for rule in RULES {
        let mut open: Option<String> = None;
        for line in rule.page.lines() {
            match &mut open {
                None if line.starts_with("```dockerfile ") => open = Some(String::new()),
                Some(_) if line == "```" => texts.extend(open.take()),
                Some(text) => {
                    text.push_str(line);
                    text.push('\n');
                }
                None => {}
            }
        }
    }
    texts
}

/// Sixty rules that each look at every instruction.
fn with_rego(policies: &Policies) -> Policies {
    let mut text = String::from("package org.speed\nimport rego.v1\n");
    for number in 0..60 {
        let _ = writeln!(
            text,
            "deny contains msg if {{\n  some it in input.dockerfile\n  it.Cmd == \"run\"\n  some value in it.Value\n  contains(value, \"never-{number}\")\n  msg := sprintf(\"%s\", [value])\n}}"
        );
    }
    let pack = "pack \"org\" version=1\nrego \"*.rego\"\n";
    let mut policies = policies.clone();
    // A build without Rego measures the rest.
    let Ok(rego) = load(vec![("speed.rego".to_owned(), text)], Vec::new()) else {
        return policies;
    };
    policies.packs = vec![LoadedPack {
        pack: read_pack(&Source::new("org.kdl", pack)).0.expect("a pack"),
        is_mandatory: true,
        reference: "org.kdl".to_owned(),
        digest: Digest::of(pack.as_bytes()),
        rego: Some(Arc::new(rego)),
    }];
    policies
}
