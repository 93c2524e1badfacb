//! Linting 200 Dockerfiles with every rule on, and asking 60 rules in Rego about one image.
//!
//! `cargo bench --manifest-path tests/bench/Cargo.toml --bench policy`. What people wait for, with the start of the program and beside
//! hadolint, is measured by `cargo xtask bench policies`.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use windlass_core::diag::Source;
use windlass_core::name::{Day, Digest};
use windlass_policy::evaluate::{Subjects, evaluate};
use windlass_policy::force::{LoadedPack, Policies};
use windlass_policy::pack::read_pack;
use windlass_policy::rego::load;
use windlass_policy::rule::Profile;
use windlass_policy::subject::ImageSubject;

const FILES: usize = 200;
const RULES: usize = 60;

fn policies() -> Policies {
    Policies::new(Profile::All, Day::parse("2026-11-24").expect("a day"))
}

/// The Dockerfiles of the corpus, some of them twice.
fn dockerfiles() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../corpus/dockerfiles");
    let entries = std::fs::read_dir(folder).expect("the corpus");
    let mut paths: Vec<_> = entries.map(|it| it.expect("an entry").path()).collect();
    paths.retain(|it| it.extension().is_some_and(|it| it == "Dockerfile"));
    paths.sort();
    let texts = paths.iter().cycle().take(FILES);
    texts.map(|it| std::fs::read_to_string(it).expect("a text")).collect()
}

fn judge(texts: &[String], policies: &Policies) -> usize {
    let images = texts.iter().enumerate();
    let images = images.map(|(number, text)| {
        ImageSubject::of_text(&Source::new(format!("{number}/Dockerfile"), text.clone()))
    });
    let subjects = Subjects {
        images: images.collect(),
        ..Subjects::default()
    };
    evaluate(&subjects, policies).len()
}

/// Rules that each look at every word of every RUN.
fn with_rego(policies: &Policies) -> Policies {
    let mut text = String::from("package org.speed\nimport rego.v1\n");
    for number in 0..RULES {
        writeln!(
            text,
            "deny contains msg if {{\n  some it in input.dockerfile\n  it.Cmd == \"run\"\n  some value in it.Value\n  contains(value, \"never-{number}\")\n  msg := sprintf(\"%s\", [value])\n}}"
        )
        .expect("a string takes all text");
    }
    let pack = "pack \"org\" version=1\nrego \"*.rego\"\n";
    let rego = load(vec![("speed.rego".to_owned(), text)], Vec::new()).expect("it loads");
    let mut policies = policies.clone();
    policies.packs = vec![LoadedPack {
        pack: read_pack(&Source::new("org.kdl", pack)).0.expect("a pack"),
        is_mandatory: true,
        reference: "org.kdl".to_owned(),
        digest: Digest::of(pack.as_bytes()),
        rego: Some(Arc::new(rego)),
    }];
    policies
}

fn measure(criterion: &mut Criterion) {
    let texts = dockerfiles();
    let plain = policies();
    let custom = with_rego(&plain);
    criterion.bench_function("lint 200 Dockerfiles, all rules", |it| {
        it.iter(|| black_box(judge(&texts, &plain)));
    });
    criterion.bench_function("200 images, 60 rules in Rego on top", |it| {
        it.iter(|| black_box(judge(&texts, &custom)));
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = measure
}
criterion_main!(benches);
