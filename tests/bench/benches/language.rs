//! Reading, resolving and checking a manifest of 325 images, against what the KDL parser alone takes for the same bytes.
//!
//! `cargo bench --manifest-path tests/bench/Cargo.toml`. The two are measured in turns in one run, and their ratio is printed.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use kdl::KdlDocument;
use windlass_core::diag::{Source, has_errors};
use windlass_core::format::format;
use windlass_core::manifest::model::Registry;
use windlass_core::manifest::{GitFact, GitFacts, ResolveInputs, load};

/// How many images the manifest has; it is about 50 KB then.
const IMAGES: usize = 325;
/// Rounds of the comparison.
const ROUNDS: usize = 40;

fn manifest() -> Arc<Source> {
    let mut text = String::from(
        "workspace \"bench\"\n\nvar \"version\" { default \"dev\" }\n\nregistry \"dev\" {\n    account \"111122223333\"\n    region \"eu-west-1\"\n}\n",
    );
    for number in 0..IMAGES {
        let image = format!(
            "\nimage \"service-{number}\" pattern=\"python@1\" {{\n    context \"services/service-{number}\"\n    tag \"{{{{ var.version }}}}\"\n    stamp {{ arg REVISION=\"{{{{ git.sha }}}}\" }}\n}}\n"
        );
        text.push_str(&image);
    }
    Source::new("windlass.kdl", text)
}

fn read(source: &Arc<Source>) {
    let host = |registry: &Registry| registry.account.clone();
    let inputs = ResolveInputs {
        git: GitFacts {
            sha: GitFact::Known("0123456789abcdef0123456789abcdef01234567".to_owned()),
            ..GitFacts::default()
        },
        ..ResolveInputs::new(&host)
    };
    let (workspace, diagnostics) = load(source, &inputs);
    assert!(!has_errors(&diagnostics), "{diagnostics:?}");
    assert_eq!(workspace.map(|it| it.images.len()), Some(IMAGES));
}

fn parse(source: &Arc<Source>) {
    black_box(KdlDocument::parse_v2(&source.text).expect("the manifest is KDL"));
}

fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[expect(
    clippy::print_stdout,
    reason = "the ratio is what the benchmark is for"
)]
fn compare(source: &Arc<Source>) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(timed(|| read(source)));
        theirs.push(timed(|| parse(source)));
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "{} bytes, {IMAGES} images: read, resolved and checked in {ours:.2?}; parse_v2 alone {theirs:.2?}; ratio {:.2}",
        source.text.len(),
        ours.as_secs_f64() / theirs.as_secs_f64()
    );
}

fn language(criterion: &mut Criterion) {
    let source = manifest();
    compare(&source);
    let mut group = criterion.benchmark_group("language");
    group.sample_size(30);
    group.bench_function("parse_v2", |it| it.iter(|| parse(&source)));
    group.bench_function("read_and_resolve", |it| it.iter(|| read(&source)));
    group.bench_function("format", |it| {
        it.iter(|| format(&source).expect("it can be read"));
    });
    group.finish();
}

criterion_group!(benches, language);
criterion_main!(benches);
