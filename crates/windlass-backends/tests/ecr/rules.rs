//! Lifecycle rules, differentially: what the planner predicts, against what the local ECR does, which has an evaluator of its own.
//!
//! Random images (tags, pulls, the archive, indexes, referrers) and random policies. Where nothing holds anything, both must say the
//! same; where indexes and referrers are counted, the planner may predict more than happens, and never less.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_core::manifest::model::{LifecycleCount, LifecycleRule, LifecycleSelection};
use windlass_core::name::Digest;
use windlass_core::observed::StoredImage;
use windlass_core::oci;
use windlass_core::plan::{SettingChange, evaluate_lifecycle};
use windlass_ecr_local::{Clock, Config, Faults, FixedClock, LocalEcr, Quirks};
use windlass_engine::ports::{Manifest, Registry as _};

use crate::world::{ACCOUNT, REGION, World, key, registries_at};

const CASES: u64 = 40;
const DAY: i64 = 86_400;
const REPOSITORY: &str = "shop/web";
/// Noon of a day in 2026.
const BEGIN: i64 = 1_780_000_000;

/// Chance that can be repeated (xorshift64*).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % end
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }

    fn number(&mut self, end: u64) -> u32 {
        u32::try_from(self.below(end)).expect("small")
    }
}

async fn world_at(clock: &FixedClock) -> World {
    let faults = Faults::default();
    let config = Config {
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        quirks: Quirks::all_but_timing(),
        clock: Clock::Fixed(clock.clone()),
        faults: faults.clone(),
        ..Config::default()
    };
    let scans = config.scans.clone();
    let ecr = LocalEcr::start(config).await.unwrap();
    let address = ecr.address(ACCOUNT, REGION).await.unwrap();
    World {
        ecr,
        faults,
        scans,
        address,
        registries: registries_at(&format!("http://{address}"), ACCOUNT),
    }
}

/// Pushes an image, an index of one that is there, or a referrer of one; returns its digest, and whether it holds or is held.
async fn push(
    world: &World,
    chance: &mut Chance,
    number: u64,
    before: &[Digest],
) -> (Digest, bool) {
    let other = before
        .get(usize::try_from(chance.below(before.len().max(1) as u64)).expect("small"))
        .filter(|_| chance.one_in(5));
    let plain = world.image(REPOSITORY, &format!("{number:02x}")).await;
    let (manifest, linked) = match other {
        Some(child) if chance.one_in(2) => (index_of(world, child, number).await, true),
        Some(subject) => (referrer(&plain, subject), true),
        None => (plain, false),
    };
    put_untagged(world, &manifest);
    for tag in tags(chance, number) {
        world.put(REPOSITORY, &manifest, &tag).await.unwrap();
    }
    if chance.one_in(3) {
        // Reading is pulling.
        world.manifest(REPOSITORY, manifest.digest()).await.unwrap();
    }
    (manifest.digest(), linked)
}

fn tags(chance: &mut Chance, number: u64) -> Vec<String> {
    ["v", "in-", "dev-"]
        .iter()
        .filter(|_| chance.one_in(3))
        .map(|prefix| format!("{prefix}{number}"))
        .collect()
}

fn put_untagged(world: &World, manifest: &Manifest) {
    let text = String::from_utf8(manifest.bytes.clone()).expect("a manifest is text");
    let body = serde_json::json!({
        "repositoryName": REPOSITORY,
        "imageManifest": text,
        "imageManifestMediaType": manifest.media_type,
    });
    world.api("PutImage", &body.to_string());
}

async fn index_of(world: &World, child: &Digest, number: u64) -> Manifest {
    let child = world.manifest(REPOSITORY, child.clone()).await.unwrap();
    let text = serde_json::json!({
        "schemaVersion": 2,
        "mediaType": oci::IMAGE_INDEX,
        "annotations": { "number": number.to_string() },
        "manifests": [{ "mediaType": child.media_type, "digest": child.digest().as_str(), "size": child.bytes.len() }],
    });
    Manifest {
        bytes: text.to_string().into_bytes(),
        media_type: oci::IMAGE_INDEX.to_owned(),
    }
}

/// The same image, as something that refers to another.
fn referrer(plain: &Manifest, subject: &Digest) -> Manifest {
    let mut value: serde_json::Value = serde_json::from_slice(&plain.bytes).expect("JSON");
    value["subject"] = serde_json::json!({ "mediaType": oci::IMAGE_MANIFEST, "digest": subject.as_str(), "size": 1 });
    Manifest {
        bytes: value.to_string().into_bytes(),
        media_type: plain.media_type.clone(),
    }
}

fn random_rules(chance: &mut Chance) -> Vec<LifecycleRule> {
    let mut rules = Vec::new();
    for pattern in ["v*", "in-*", "*-*", "dev-1*"] {
        if chance.one_in(2) {
            rules.push(rule(chance, LifecycleSelection::Tagged(pattern.to_owned())));
        }
    }
    if chance.one_in(2) {
        let place = usize::try_from(chance.below(rules.len() as u64 + 1)).expect("small");
        let untagged = rule(chance, LifecycleSelection::Untagged);
        rules.insert(place, untagged);
    }
    if rules.is_empty() || chance.one_in(3) {
        rules.push(rule(chance, LifecycleSelection::Any));
    }
    rules
}

fn rule(chance: &mut Chance, select: LifecycleSelection) -> LifecycleRule {
    let days = 1 + chance.number(12);
    let (when, archive) = match chance.below(4) {
        0 => (LifecycleCount::MoreThan(1 + chance.number(4)), false),
        1 => (LifecycleCount::PushedDays(days), true),
        2 => (LifecycleCount::PulledDays(days), true),
        _ => (LifecycleCount::PushedDays(days), false),
    };
    LifecycleRule {
        select,
        when,
        archive,
    }
}

/// What became of each image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Expired,
    Archived,
}

/// Returns what happened to images between two listings. Referrers that went with their subject are left out.
fn happened(before: &[StoredImage], after: &[StoredImage]) -> BTreeMap<Digest, Fate> {
    let now: BTreeMap<&Digest, &StoredImage> = after.iter().map(|it| (&it.digest, it)).collect();
    let fate = |image: &StoredImage| match now.get(&image.digest) {
        None => Some(Fate::Expired),
        Some(found) if found.archived.is_some() && image.archived.is_none() => Some(Fate::Archived),
        Some(_) => None,
    };
    let fates: BTreeMap<Digest, Fate> = before
        .iter()
        .filter_map(|image| Some((image.digest.clone(), fate(image)?)))
        .collect();
    let went_along = |image: &StoredImage| {
        let subject = image.subject.as_ref();
        subject.is_some_and(|subject| fates.contains_key(subject))
    };
    before
        .iter()
        .filter(|image| !went_along(image))
        .filter_map(|image| Some((image.digest.clone(), *fates.get(&image.digest)?)))
        .collect()
}

#[tokio::test]
async fn lifecycle_rules_do_what_the_planner_says_and_nothing_more() {
    let (mut fates, mut linked_cases) = (0, 0);
    for seed in 1..=CASES {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let clock = FixedClock::at(BEGIN);
        let world = world_at(&clock).await;
        world.create(REPOSITORY).await;
        let (mut pushed, mut linked) = (Vec::new(), false);
        for number in 1..=4 + chance.below(8) {
            clock.advance(Duration::from_secs(1 + chance.below(3 * 86_400)));
            let (digest, is_linked) = push(&world, &mut chance, number, &pushed).await;
            pushed.push(digest);
            linked |= is_linked;
        }
        let rules = random_rules(&mut chance);
        let policy = SettingChange::Lifecycle(rules.clone());
        let key = key(REPOSITORY);
        let registries = &world.registries;
        registries.change_setting(&key, &policy).await.unwrap();
        let before = registries.stored_images(&key, None).await.unwrap();
        // ECR evaluates a policy within 24 hours.
        clock.advance(Duration::from_hours(24));
        let after = registries.stored_images(&key, None).await.unwrap();
        let real = happened(&before, &after);
        let now = clock.seconds();
        let verdicts = evaluate_lifecycle(&rules, &before, now);
        let predicted: BTreeMap<Digest, Fate> = verdicts
            .iter()
            .filter(|(_, verdict)| verdict.at <= now)
            .map(|(digest, verdict)| {
                let fate = if rules[verdict.rule].archive {
                    Fate::Archived
                } else {
                    Fate::Expired
                };
                (digest.clone(), fate)
            })
            .collect();
        let said = || {
            format!(
                "seed {seed}: {rules:#?}\n{before:#?}\nreal {real:#?}\npredicted {predicted:#?}"
            )
        };
        if linked {
            linked_cases += 1;
            for (digest, fate) in &real {
                assert_eq!(predicted.get(digest), Some(fate), "{}", said());
            }
        } else {
            assert_eq!(predicted, real, "{}", said());
        }
        fates += real.len();
        assert!((now - BEGIN) / DAY < 60);
    }
    assert!(fates > 40 && linked_cases > 5, "{fates} {linked_cases}");
}
