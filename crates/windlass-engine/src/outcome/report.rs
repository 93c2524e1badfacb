//! The JSON of `apply --report`, format 1: `docs/formats/apply-report.md`. Minor versions add keys and never change them.

use serde::Serialize;
use windlass_core::name::{Digest, Fingerprint, Tag};

use crate::outcome::{
    Cause, Failure, ImageOutcome, Outcome, RepositoryOutcome, TagOutcome, TargetOutcome,
};
use crate::ports::{BuilderError, FailedStep};

pub(super) fn render(outcome: &Outcome) -> String {
    let report = Report {
        format_version: 1,
        windlass_version: env!("CARGO_PKG_VERSION"),
        workspace: &outcome.workspace,
        environment: outcome.environment.as_deref(),
        status: outcome.status.as_str(),
        interrupted: outcome.interrupted,
        transient: outcome.is_transient(),
        images: outcome.images.iter().map(image).collect(),
        repositories: outcome.repositories.iter().map(repository).collect(),
        failures: outcome.failures.iter().map(failure).collect(),
        notes: &outcome.notes,
    };
    let mut text =
        serde_json::to_string_pretty(&report).expect("a report of texts and numbers is JSON");
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Report<'a> {
    format_version: u32,
    windlass_version: &'static str,
    workspace: &'a str,
    environment: Option<&'a str>,
    status: &'static str,
    interrupted: bool,
    transient: bool,
    images: Vec<Image<'a>>,
    repositories: Vec<RepositoryLine<'a>>,
    failures: Vec<Failed<'a>>,
    notes: &'a [String],
}

#[derive(Serialize)]
struct Image<'a> {
    address: String,
    action: &'static str,
    fingerprint: Option<&'a Fingerprint>,
    platforms: &'a [String],
    built: bool,
    build_seconds: Option<f64>,
    targets: Vec<Target<'a>>,
}

#[derive(Serialize)]
struct Target<'a> {
    repository: String,
    repository_uri: Option<&'a str>,
    digest: Option<&'a Digest>,
    reference: Option<String>,
    tags: Vec<TagLine<'a>>,
}

#[derive(Serialize)]
struct TagLine<'a> {
    tag: &'a Tag,
    result: &'static str,
    from_digest: Option<&'a Digest>,
    to_digest: Option<&'a Digest>,
    undo: Option<&'a str>,
}

#[derive(Serialize)]
struct RepositoryLine<'a> {
    address: String,
    action: &'static str,
    repository_uri: Option<&'a str>,
    created: bool,
    deleted: bool,
    changed: &'a [&'static str],
}

#[derive(Serialize)]
struct Failed<'a> {
    image: Option<String>,
    repository: Option<String>,
    tag: Option<&'a Tag>,
    phase: &'static str,
    kind: &'static str,
    transient: bool,
    message: String,
    step: Option<Step<'a>>,
}

#[derive(Serialize)]
struct Step<'a> {
    name: &'a str,
    exit_code: Option<i32>,
    dockerfile_line: Option<usize>,
    log: &'a [String],
}

fn image(image: &ImageOutcome) -> Image<'_> {
    Image {
        address: format!("image.{}", image.name),
        action: image.action.as_str(),
        fingerprint: image.fingerprint.as_ref(),
        platforms: &image.platforms,
        built: image.built,
        build_seconds: image.build_seconds,
        targets: image.targets.iter().map(target).collect(),
    }
}

fn target(target: &TargetOutcome) -> Target<'_> {
    Target {
        repository: target.key.to_string(),
        repository_uri: target.uri.as_deref(),
        digest: target.digest.as_ref(),
        reference: target
            .uri
            .as_ref()
            .zip(target.digest.as_ref())
            .map(|(uri, digest)| format!("{uri}@{digest}")),
        tags: target.tags.iter().map(tag).collect(),
    }
}

fn tag(tag: &TagOutcome) -> TagLine<'_> {
    TagLine {
        tag: &tag.tag,
        result: tag.result.as_str(),
        from_digest: tag.from.as_ref(),
        to_digest: tag.to.as_ref(),
        undo: tag.undo.as_deref(),
    }
}

fn repository(repository: &RepositoryOutcome) -> RepositoryLine<'_> {
    RepositoryLine {
        address: repository.key.to_string(),
        action: repository.action.as_str(),
        repository_uri: repository.uri.as_deref(),
        created: repository.created,
        deleted: repository.deleted,
        changed: &repository.changed,
    }
}

fn failure(failure: &Failure) -> Failed<'_> {
    Failed {
        image: failure.image.as_ref().map(|image| format!("image.{image}")),
        repository: failure.key.as_ref().map(ToString::to_string),
        tag: failure.tag.as_ref(),
        phase: failure.phase.as_str(),
        kind: failure.cause.as_str(),
        transient: failure.cause.is_transient(),
        message: failure.cause.to_string(),
        step: match &failure.cause {
            Cause::Builder(BuilderError::Failed(step)) => Some(failed_step(step)),
            _ => None,
        },
    }
}

fn failed_step(step: &FailedStep) -> Step<'_> {
    Step {
        name: &step.step,
        exit_code: step.exit_code,
        dockerfile_line: step.line,
        log: &step.log,
    }
}
