//! Events for tests: short to write, and one of each kind.

use windlass_core::name::{
    Digest, Fingerprint, ImageName, RegistryName, RepositoryKey, RepositoryName, Tag,
};
use windlass_engine::event::{BuildStep, Event, Phase, StepState};

pub(crate) fn image(name: &str) -> ImageName {
    ImageName::new(name).expect("a name")
}

pub(crate) fn key(repository: &str) -> RepositoryKey {
    RepositoryKey {
        registry: RegistryName::new("local").expect("a name"),
        repository: RepositoryName::new(repository).expect("a name"),
    }
}

pub(crate) fn tag(text: &str) -> Tag {
    Tag::new(text).expect("a tag")
}

pub(crate) fn digest() -> Digest {
    Digest::new(format!("sha256:{}", "0123456789abcdef".repeat(4))).expect("a digest")
}

pub(crate) fn phase(name: &str, phase: Phase) -> Event {
    Event::Phase {
        image: image(name),
        phase,
    }
}

/// Step `index` of 4 of an image; it took 12.3 s once it is done.
pub(crate) fn step(name: &str, index: u32, state: StepState, instruction: &str) -> Event {
    Event::Step {
        image: image(name),
        step: BuildStep {
            digest: format!("step {index}"),
            name: format!("[{index}/4] {instruction}"),
            index: Some((index, 4)),
            state,
            seconds: (state == StepState::Done).then_some(12.3),
        },
    }
}

pub(crate) fn log(name: &str, index: u32, line: &str) -> Event {
    Event::Log {
        image: image(name),
        step: format!("step {index}"),
        line: line.to_owned(),
    }
}

pub(crate) fn pushed(name: &str, done: u64, total: u64) -> Event {
    Event::Pushed {
        image: image(name),
        done,
        total,
    }
}

pub(crate) fn built(name: &str, seconds: f64) -> Event {
    let fingerprint = Fingerprint::new("0123456789abcdef".repeat(4)).expect("a fingerprint");
    Event::Built {
        image: image(name),
        fingerprint,
        seconds,
    }
}

pub(crate) fn held(name: &str) -> Event {
    Event::Held {
        image: image(name),
        key: key(&format!("shop/{name}")),
        digest: digest(),
    }
}

pub(crate) fn tagged(name: &str, text: &str) -> Event {
    Event::Tagged {
        image: image(name),
        key: key(&format!("shop/{name}")),
        tag: tag(text),
        digest: digest(),
    }
}

pub(crate) fn finished(name: &str, failure: Option<&str>) -> Event {
    Event::Finished {
        image: image(name),
        failure: failure.map(str::to_owned),
    }
}

pub(crate) fn repository(name: &str) -> Event {
    Event::Repository {
        key: key(name),
        what: "created".to_owned(),
    }
}

/// The life of one image.
pub(crate) fn life() -> Vec<Event> {
    vec![
        repository("shop/web"),
        phase("web", Phase::Waiting),
        phase("web", Phase::Building),
        step("web", 1, StepState::Done, "FROM python:3.12-slim"),
        step("web", 2, StepState::Cached, "WORKDIR /app"),
        step(
            "web",
            3,
            StepState::Running,
            "RUN pip install -r requirements.txt",
        ),
        log("web", 3, "\x1b[32mCollecting\x1b[0m fastapi"),
        step(
            "web",
            3,
            StepState::Done,
            "RUN pip install -r requirements.txt",
        ),
        step("web", 4, StepState::Running, "COPY . ."),
        step("web", 4, StepState::Done, "COPY . ."),
        built("web", 9.14),
        phase("web", Phase::Pushing),
        pushed("web", 21_000_000, 42_000_000),
        pushed("web", 42_000_000, 42_000_000),
        held("web"),
        phase("web", Phase::Tagging),
        tagged("web", "v1"),
        tagged("web", "latest"),
        finished("web", None),
    ]
}

/// A build that fails in its third step.
pub(crate) fn failure() -> Vec<Event> {
    vec![
        phase("api", Phase::Building),
        step("api", 3, StepState::Running, "RUN pip install"),
        log("api", 3, "Collecting fastapy"),
        log(
            "api",
            3,
            "\x1b[31mERROR: No matching distribution found for fastapy\x1b[0m",
        ),
        step("api", 2, StepState::Failed, "COPY . ."),
        step("api", 3, StepState::Failed, "RUN pip install"),
        finished(
            "api",
            Some("`[3/4] RUN pip install` failed with exit code 1"),
        ),
    ]
}
