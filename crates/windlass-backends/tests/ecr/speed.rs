//! A run without changes over a hundred repositories is one fan-out.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::{Duration, Instant};

use windlass_engine::ports::{Registry as _, SettingsToRead};

use crate::world::{key, name, prod, tag, world};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_repositories_are_read_in_one_fan_out() {
    let world = world().await;
    world.create("team/app-0").await;
    let manifest = world.image("team/app-0", "ab").await;
    for number in 0..100 {
        let repository = format!("team/app-{number}");
        world.create(&repository).await;
        world.image(&repository, "ab").await;
        let text = String::from_utf8(manifest.bytes.clone())
            .unwrap()
            .replace('\\', "\\\\")
            .replace('"', "\\\"");
        world.api(
            "PutImage",
            &format!(
                r#"{{"repositoryName":"{repository}","imageTag":"1.0","imageManifest":"{text}"}}"#
            ),
        );
    }
    let names: BTreeMap<_, _> = (0..100)
        .map(|number| {
            (
                name(&format!("team/app-{number}")),
                SettingsToRead::default(),
            )
        })
        .collect();
    let keys: Vec<_> = (0..100)
        .map(|number| key(&format!("team/app-{number}")))
        .collect();
    let wanted = BTreeSet::from([tag("1.0")]);
    let mut fastest = Duration::MAX;
    // A fresh adapter each time: connections and clients are made within the time.
    for _ in 0..5 {
        let registries = crate::world::registries_at(
            &format!("http://{}", world.address),
            crate::world::ACCOUNT,
        );
        let started = Instant::now();
        let prod = prod();
        let repositories = registries.repositories(&prod, &names);
        let images =
            futures_util::future::join_all(keys.iter().map(|key| registries.images(key, &wanted)));
        let (repositories, images) = futures_util::future::join(repositories, images).await;
        fastest = fastest.min(started.elapsed());
        assert!(repositories.values().all(|fact| fact.known().is_some()));
        assert!(
            images
                .iter()
                .all(|facts| facts[&tag("1.0")].known().is_some())
        );
    }
    writeln!(
        std::io::stderr(),
        "the fan-out of 100 repositories took {fastest:?}"
    )
    .unwrap();
    // Far above what it takes even without optimisation on a busy machine; a loop of awaits or one connection a call is slower.
    assert!(fastest < Duration::from_millis(400), "{fastest:?}");
    assert_eq!(world.calls("ListImages"), 0);
}
