//! Exactness of fingerprints, differentially: random Dockerfiles, contexts and ignore files, and single random edits.
//!
//! For each edit the real Engine decides whether the image changes: `docker build` of the whole context, before and after, and
//! the layers and the config of what comes out. windlass must never say "unchanged" where the image changed. The opposite, a
//! needless rebuild, is counted. Runs when `WINDLASS_TEST_SERVICES` names `docker`; `WINDLASS_PROVE_EDITS` is how many edits
//! are tried, and `WINDLASS_PROVE_REPORT` a file for the figures.

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

use edit::{Edit, edit};
use engine::Docker;
use random::Random;
use recipe::Case;
use tally::{Tally, Verdict};

/// Edits in a run of the suite.
const EDITS: usize = 40;
/// Edits of one case.
const EDITS_OF_CASE: usize = 5;
/// Where the seeds begin; another start gives other cases.
const FIRST_SEED: u64 = 1;

#[tokio::test]
async fn what_changes_the_image_changes_the_fingerprint() {
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
    let mut tally = Tally::default();
    let mut seed = number("WINDLASS_PROVE_SEED").map_or(FIRST_SEED, |seed| seed as u64);
    while tally.edits() < wanted {
        let left = wanted - tally.edits();
        try_case(seed, left, &docker, &mut tally).await;
        tally.write_report();
        seed += 1;
        assert!(
            tally.unbuildable < 20 + wanted,
            "hardly any case can be built: {tally}"
        );
    }
    assert_eq!(tally.misses, Vec::<String>::new(), "{tally}");
    assert!(
        tally.changed_images() > 0,
        "no edit changed an image: {tally}"
    );
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

/// Tries up to [`EDITS_OF_CASE`] edits of the case that a seed makes.
async fn try_case(seed: u64, left: usize, docker: &Docker, tally: &mut Tally) {
    let mut random = Random::new(seed);
    let case = Case::random(&mut random, docker.base());
    let folder = tempfile::tempdir().expect("a folder");
    case.write(folder.path());
    let Some(before) = ours::fingerprint(folder.path(), &case).await else {
        tally.refused += 1;
        return;
    };
    let Ok(image) = docker.build(folder.path(), &case) else {
        tally.unbuildable += 1;
        return;
    };
    for _ in 0..EDITS_OF_CASE.min(left) {
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
        tally.count(kind, Verdict { is_new, changed });
        if changed && !is_new {
            tally.misses.push(format!(
                "seed {seed}, {kind}: {what}\n{}\n{}",
                edited.dockerfile, edited.ignore
            ));
        }
    }
}
