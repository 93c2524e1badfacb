//! What a build does with its request, and how it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc::unbounded_channel;
use windlass_backends::docker::{
    BuildEvent, BuildFailure, DockerError, Network, SecretValues, StepState,
};

use crate::bench::Bench;
use crate::{base, debian, fail, file, lines, output};

#[tokio::test]
async fn builds_an_image_of_one_file() {
    let Some(bench) = Bench::open("one-file").await else {
        return;
    };
    let mut request = bench.request(
        "FROM scratch\nCOPY hello /hello\n",
        vec![file("hello", "hi")],
    );
    request.name = Some(format!("windlass-test/{}:v1", bench.key));
    request.platform = Some("linux/amd64".to_owned());
    let built = bench.build(request).await;
    let image = bench.engine.image(&built.image).await.unwrap().unwrap();
    assert_eq!(image.id.as_str(), built.image);
    assert_eq!(image.names, [format!("windlass-test/{}:v1", bench.key)]);
    assert_eq!(image.labels["dev.windlass.test"], bench.key);
    assert_eq!(
        (image.diff_ids.len(), image.bytes, image.platform.as_str()),
        (1, 2, "linux/amd64")
    );
    bench.clean().await;
}

#[tokio::test]
async fn names_come_and_go() {
    let Some(bench) = Bench::open("names").await else {
        return;
    };
    let built = bench
        .build(bench.request("FROM scratch\nLABEL a=b\n", Vec::new()))
        .await;
    let name = format!("windlass-test/{}:second", bench.key);
    bench.engine.tag(&built.image, &name).await.unwrap();
    assert!(bench.engine.image(&name).await.unwrap().is_some());
    bench.engine.untag(&name).await.unwrap();
    assert_eq!(bench.engine.image(&name).await.unwrap(), None);
    let error = bench.engine.tag(&built.image, &name).await.unwrap_err();
    assert!(matches!(error, DockerError::NotFound { .. }), "{error}");
    bench.clean().await;
}

#[tokio::test]
async fn a_failing_step_is_reported_with_code_line_and_log() {
    let Some(bench) = Bench::open("failing").await else {
        return;
    };
    let command = "echo one && echo two >&2 && exit 7";
    let dockerfile = format!(
        "FROM scratch AS other\nFROM {} AS first\n\nRUN true \\\n && true\nRUN {command}\n",
        debian()
    );
    let error = fail(&bench, bench.request(&dockerfile, Vec::new())).await;
    assert_eq!(
        error.to_string(),
        format!("`[first 3/3] RUN {command}` failed with exit code 7 (Dockerfile line 6)")
    );
    let DockerError::Build(failure) = error else {
        panic!("{error:?}");
    };
    // The two come through pipes of their own, in either order.
    assert_eq!(
        BTreeSet::from_iter(failure.log),
        BTreeSet::from(["one", "two"].map(str::to_owned))
    );
    bench.clean().await;
}

#[tokio::test]
async fn wrong_dockerfiles_are_reported_with_their_line() {
    let Some(bench) = Bench::open("wrong").await else {
        return;
    };
    let error = fail(&bench, bench.request("FROM scratch\nFOO bar\n", Vec::new())).await;
    let DockerError::Build(failure) = error else {
        panic!("{error:?}");
    };
    let BuildFailure {
        step,
        line,
        message,
        ..
    } = *failure;
    assert_eq!((step, line), (None, Some(2)));
    assert!(message.contains("unknown instruction: FOO"), "{message}");
    let error = fail(
        &bench,
        bench.request("FROM scratch\nCOPY gone /\n", Vec::new()),
    )
    .await;
    assert!(
        error
            .to_string()
            .starts_with("`[1/1] COPY gone /` failed: \"/gone\" not found"),
        "{error}"
    );
    assert!(
        error.to_string().ends_with("(Dockerfile line 2)"),
        "{error}"
    );
    bench.clean().await;
}

#[tokio::test]
async fn an_unreadable_base_is_named() {
    let Some(bench) = Bench::open("base").await else {
        return;
    };
    let unknown = base("there-is-no-such-image:1");
    for reference in [
        unknown.as_str(),
        "127.0.0.1:1/closed:1",
        "registry.invalid/x:1",
    ] {
        let error = fail(
            &bench,
            bench.request(&format!("FROM {reference}\n"), Vec::new()),
        )
        .await;
        let DockerError::BaseImage {
            reference: named,
            message,
        } = &error
        else {
            panic!("{error:?}");
        };
        assert_eq!(named, reference);
        assert!(
            !message.is_empty() && !message.contains("rpc error"),
            "{message}"
        );
    }
    bench.clean().await;
}

#[tokio::test]
async fn dropping_a_build_ends_its_process() {
    let Some(bench) = Bench::open("cancel").await else {
        return;
    };
    let dockerfile = format!(
        "FROM {}\nRUN echo begun && sleep 600 # {}\n",
        debian(),
        bench.key
    );
    let request = bench.request(&dockerfile, Vec::new());
    let (sender, mut receiver) = unbounded_channel();
    {
        let mut build = std::pin::pin!(bench.engine.build(request, &sender));
        loop {
            tokio::select! {
                result = &mut build => panic!("the build ended: {result:?}"),
                event = receiver.recv() => {
                    if matches!(event, Some(BuildEvent::Log { line, .. }) if line == "begun") {
                        break;
                    }
                }
            }
        }
        assert!(
            is_running(&bench.key),
            "the process is visible on this machine"
        );
    }
    let dropped = Instant::now();
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    while is_running(&bench.key) {
        assert!(dropped.elapsed() < Duration::from_secs(2), "it still runs");
        ticks.tick().await;
    }
    bench.clean().await;
}

/// Returns whether a shell of a RUN step with this word in its command runs on this machine.
fn is_running(word: &str) -> bool {
    let processes = std::fs::read_dir("/proc").expect("Linux");
    processes.flatten().any(|process| {
        std::fs::read(process.path().join("cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).contains(word))
    })
}

#[tokio::test]
async fn a_dockerfile_of_equal_length_is_not_the_previous_one() {
    let Some(bench) = Bench::open("equal-length").await else {
        return;
    };
    for letter in ["a", "b", "c"] {
        let dockerfile = format!("FROM scratch\nLABEL letter={letter}\n");
        let built = bench.build(bench.request(&dockerfile, Vec::new())).await;
        let image = bench.engine.image(&built.image).await.unwrap().unwrap();
        assert_eq!(image.labels["letter"], letter);
    }
    bench.clean().await;
}

#[tokio::test]
async fn arguments_and_stage_reach_the_build_and_no_cache_runs_again() {
    let Some(bench) = Bench::open("arguments").await else {
        return;
    };
    let dockerfile = format!(
        "FROM {} AS wanted\nARG WORD\nRUN echo \"word is $WORD\"; date +%N\nFROM wanted\nRUN exit 9\n",
        debian()
    );
    let mut request = bench.request(&dockerfile, Vec::new());
    request.stage = Some("wanted".to_owned());
    request.args = BTreeMap::from([("WORD".to_owned(), format!("ä\"b {}", bench.key))]);
    let (_, events) = bench.try_build(request.clone()).await;
    let first = lines(events);
    assert_eq!(first[0], format!("word is ä\"b {}", bench.key));
    let (again, events) = bench.try_build(request.clone()).await;
    again.unwrap();
    assert_eq!(
        lines(events),
        [""; 0],
        "the second time comes from the cache"
    );
    let fresh = output(&bench, request).await;
    assert_ne!(first[1], fresh[1]);
    bench.clean().await;
}

#[tokio::test]
async fn steps_go_from_running_to_done_and_to_cached_the_second_time() {
    let Some(bench) = Bench::open("steps").await else {
        return;
    };
    let dockerfile = format!(
        "FROM scratch AS other\nFROM {} AS one\nRUN echo {}\n",
        debian(),
        bench.key
    );
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (result, events) = bench
            .try_build(bench.request(&dockerfile, Vec::new()))
            .await;
        result.unwrap();
        let states: Vec<_> = events
            .into_iter()
            .filter_map(|event| match event {
                BuildEvent::Step(step) if step.name.starts_with("RUN") => Some(step),
                _ => None,
            })
            .collect();
        let last = states.last().unwrap();
        assert_eq!(
            (last.stage.as_deref(), last.index, last.total),
            (Some("one"), Some(2), Some(2))
        );
        assert!(last.completed >= last.started && last.started.is_some());
        seen.push(states.iter().map(|step| step.state).collect::<Vec<_>>());
    }
    assert!(seen[0].contains(&StepState::Running), "{seen:?}");
    assert_eq!(seen[0].last(), Some(&StepState::Done));
    assert_eq!(seen[1].last(), Some(&StepState::Cached));
    bench.clean().await;
}

#[tokio::test]
async fn a_secret_reaches_its_step_and_no_log() {
    let Some(bench) = Bench::open("secret").await else {
        return;
    };
    let dockerfile = format!(
        "FROM {}\nRUN --mount=type=secret,id=token,required cat /run/secrets/token && sha256sum /run/secrets/token\n",
        debian()
    );
    let mut request = bench.request(&dockerfile, Vec::new());
    request.no_cache = true;
    let error = fail(&bench, request.clone()).await;
    assert!(
        error.to_string().contains("secret token not found"),
        "{error}"
    );
    let secret = Bytes::from_static(b"hunter2-canary\n");
    request.secrets = SecretValues::new(BTreeMap::from([("token".to_owned(), secret)]));
    assert!(!format!("{request:?}").contains("canary"));
    let lines = output(&bench, request).await;
    assert_eq!(lines[0], "***");
    // printf 'hunter2-canary\n' | sha256sum
    assert!(lines[1].starts_with("80cda8ac"), "{lines:?}");
    bench.clean().await;
}

#[tokio::test]
async fn the_network_can_be_off_or_the_hosts() {
    let Some(bench) = Bench::open("network").await else {
        return;
    };
    let dockerfile = format!("FROM {}\nRUN ls /sys/class/net\n", debian());
    for network in [Network::None, Network::Host] {
        let mut request = bench.request(&dockerfile, Vec::new());
        request.network = network;
        let lines = output(&bench, request).await;
        let only_loopback = lines == ["lo"];
        assert_eq!(only_loopback, network == Network::None, "{lines:?}");
    }
    bench.clean().await;
}

#[tokio::test]
async fn many_builds_share_one_connection() {
    let Some(bench) = Bench::open("many").await else {
        return;
    };
    let builds = (0..24).map(|number| {
        let mut request = bench.request(
            "FROM scratch\nCOPY a /\n",
            vec![file("a", &format!("{}-{number}", bench.key))],
        );
        request.shared_key = format!("{}-{number}", bench.key);
        bench.build(request)
    });
    let built = futures_util::future::join_all(builds).await;
    let images: BTreeSet<_> = built.iter().map(|built| &built.image).collect();
    assert_eq!(images.len(), 24);
    bench.clean().await;
}
