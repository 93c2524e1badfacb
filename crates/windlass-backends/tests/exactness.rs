//! Exactness of fingerprints, differentially: random Dockerfiles, contexts and ignore files, and single random edits.
//!
//! For each edit the real Engine decides whether the image changes: `docker build` of the whole context, before and after, and
//! the layers and the config of what comes out. windlass must never say "unchanged" where the image changed. The opposite, a
//! needless rebuild, is counted. Runs when `WINDLASS_TEST_SERVICES` names `docker`; `WINDLASS_PROVE_EDITS` is how many edits
//! are tried, `WINDLASS_PROVE_JOBS` how many cases at a time, `WINDLASS_PROVE_ROUNDS` a file that remembers the cases that were
//! tried, and `WINDLASS_PROVE_REPORT` a file for the figures.

#[path = "exactness/edit.rs"]
mod edit;
#[path = "exactness/engine.rs"]
mod engine;
#[path = "exactness/ours.rs"]
mod ours;
#[path = "exactness/random.rs"]
mod random;
#[path = "exactness/recipe.rs"]
mod recipe;
#[path = "exactness/tally.rs"]
mod tally;
#[path = "exactness/tree.rs"]
mod tree;

use std::io::Write as _;
use std::sync::Mutex;

use edit::{Edit, edit};
use engine::Docker;
use random::Random;
use recipe::Case;
use tally::{Outcome, Tally, Verdict};

/// Edits in a run of the suite.
const EDITS: usize = 40;
/// Edits of one case.
const EDITS_OF_CASE: usize = 5;
/// Where the seeds begin; another start gives other cases.
const FIRST_SEED: usize = 1;

#[test]
fn what_changes_the_image_changes_the_fingerprint() {
    let services = std::env::var("WINDLASS_TEST_SERVICES").unwrap_or_default();
    if !services.split(',').any(|service| service == "docker") {
        let note = "exactness: not run, WINDLASS_TEST_SERVICES does not name docker\n";
        std::io::stderr()
            .write_all(note.as_bytes())
            .expect("standard error takes a line");
        return;
    }
    let wanted = number("WINDLASS_PROVE_EDITS").unwrap_or(EDITS);
    let docker = Docker::new();
    let first = number("WINDLASS_PROVE_SEED").unwrap_or(FIRST_SEED);
    let tally = Mutex::new(Tally::open(first));
    std::thread::scope(|scope| {
        for _ in 0..number("WINDLASS_PROVE_JOBS").unwrap_or(1).max(1) {
            scope.spawn(|| try_cases(wanted, &docker, &tally));
        }
    });
    let tally = tally.into_inner().expect("no case failed");
    assert_eq!(tally.misses(), Vec::<&str>::new(), "{tally}");
    assert!(
        tally.changed_images() > 0,
        "no edit changed an image: {tally}"
    );
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

/// Tries cases until all of them together have so many edits.
fn try_cases(wanted: usize, docker: &Docker, tally: &Mutex<Tally>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    loop {
        let (seed, edits) = {
            let mut tally = tally.lock().expect("no case failed");
            let left = wanted.saturating_sub(tally.edits_begun());
            if left == 0 {
                return;
            }
            assert!(
                tally.unbuildable() < 20 + wanted,
                "hardly any case can be built: {tally}"
            );
            let edits = EDITS_OF_CASE.min(left);
            (tally.begin(edits), edits)
        };
        let outcome = runtime.block_on(try_case(seed, edits, docker));
        tally.lock().expect("no case failed").note(seed, outcome);
    }
}

/// Tries so many edits of the case that a seed makes.
async fn try_case(seed: usize, edits: usize, docker: &Docker) -> Outcome {
    let mut random = Random::new(seed as u64);
    let case = Case::random(&mut random, docker.base());
    let folder = tempfile::tempdir().expect("a folder");
    case.write(folder.path());
    let Some(before) = ours::fingerprint(folder.path(), &case).await else {
        return Outcome::Refused;
    };
    let Ok(image) = docker.build(folder.path(), &case) else {
        return Outcome::Unbuildable;
    };
    let mut verdicts = Vec::new();
    for _ in 0..edits {
        let Edit {
            kind,
            what,
            case: edited,
        } = edit(&case, &mut random);
        edited.write(folder.path());
        let after = ours::fingerprint(folder.path(), &edited).await;
        let built = docker.build(folder.path(), &edited);
        let is_new = after.as_ref() != Some(&before);
        let changed = match &built {
            Ok(built) if *built != image => docker.differs_again(folder.path(), &case, &edited),
            Ok(_) => false,
            // What cannot be built any more has changed, and nothing is needless about saying so.
            Err(_) => true,
        };
        if changed && !is_new {
            // Shown at once, however long the run still takes.
            let miss = format!(
                "MISSED: seed {seed}, {kind}: {what}\n{}\n{}\n",
                edited.dockerfile, edited.ignore
            );
            std::io::stderr()
                .write_all(miss.as_bytes())
                .expect("standard error takes a text");
        }
        verdicts.push(Verdict {
            kind: kind.to_owned(),
            is_new,
            changed,
        });
    }
    Outcome::Tried(verdicts)
}
