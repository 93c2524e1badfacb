//! Builds on a real Docker Engine; they run when `WINDLASS_TEST_SERVICES` names `docker`.

#[path = "docker/bench.rs"]
mod bench;
#[path = "docker/builds.rs"]
mod builds;
#[path = "docker/connections.rs"]
mod connections;
#[path = "docker/contexts.rs"]
mod contexts;
#[path = "docker/port.rs"]
mod port;
#[path = "docker/sources.rs"]
mod sources;
#[path = "docker/tls.rs"]
mod tls;

use bench::Bench;
use windlass_backends::docker::{BuildEvent, BuildRequest, ContextEntry, DockerError};

/// Returns the reference of a base image in the mirror that this run was given.
fn base(name: &str) -> String {
    let mirrors = std::env::var("WINDLASS_TEST_MIRRORS").expect("WINDLASS_TEST_MIRRORS is set");
    let hub = mirrors
        .split_whitespace()
        .find_map(|mirror| mirror.strip_prefix("docker.io="))
        .expect("WINDLASS_TEST_MIRRORS has a mirror of docker.io");
    format!("{hub}/library/{name}")
}

fn debian() -> String {
    base("debian:bookworm-slim")
}

fn file(path: &str, content: &str) -> ContextEntry {
    ContextEntry::from_bytes(path, false, content.to_owned())
}

/// Builds what must fail.
async fn fail(bench: &Bench, request: BuildRequest) -> DockerError {
    let (result, events) = bench.try_build(request).await;
    match result {
        Err(error) => error,
        Ok(built) => panic!("{built:?}\n{events:#?}"),
    }
}

/// Builds what must succeed, running every step, and returns the lines that the steps wrote.
async fn output(bench: &Bench, mut request: BuildRequest) -> Vec<String> {
    request.no_cache = true;
    let (result, events) = bench.try_build(request).await;
    if let Err(error) = result {
        panic!("{error}\n{events:#?}");
    }
    lines(events)
}

/// Returns the lines that steps wrote.
fn lines(events: Vec<BuildEvent>) -> Vec<String> {
    events
        .into_iter()
        .filter_map(|event| match event {
            BuildEvent::Log { line, .. } => Some(line),
            _ => None,
        })
        .collect()
}
