//! Shows how a run looks while it runs, without an Engine and a registry: `cargo run -p windlass --example progress [tty|plain|json|quiet]`.

#[path = "../src"]
mod windlass {
    pub(crate) mod progress;
}

use std::thread::sleep;
use std::time::Duration;

use crate::windlass::progress;
use windlass_core::name::{
    Digest, Fingerprint, ImageName, RegistryName, RepositoryKey, RepositoryName, Tag,
};
use windlass_engine::event::{BuildStep, Event, Events, Phase, StepState};

const LAYERS: u64 = 42_000_000;

fn main() -> Result<(), String> {
    let mode = match std::env::args().nth(1).as_deref() {
        None => None,
        Some("tty") => Some(progress::Mode::Tty),
        Some("plain") => Some(progress::Mode::Plain),
        Some("json") => Some(progress::Mode::Json),
        Some("quiet") => Some(progress::Mode::Quiet),
        Some(other) => return Err(format!("`{other}` is no mode")),
    };
    let settings = progress::Settings {
        mode: progress::Mode::choose(mode, progress::is_terminal()),
        color: progress::is_terminal(),
        verbose: false,
        size: Box::new(progress::terminal_size),
        events: None,
    };
    let shown = progress::Progress::start(settings, Box::new(std::io::stderr()));
    let runs = ["web", "gateway", "storefront", "worker"].map(|name| {
        let events = shown.events();
        let image = ImageName::new(name).expect("a name");
        std::thread::spawn(move || run(&image, &events))
    });
    sleep(Duration::from_secs(2));
    shown.printer()("the program itself says something in between");
    for run in runs {
        run.join().ok();
    }
    shown.finish();
    Ok(())
}

fn run(image: &ImageName, events: &Events) {
    let phase = |phase| {
        events.send(Event::Phase {
            image: image.clone(),
            phase,
        });
    };
    // Each image takes its own time, so that something is always at work.
    let pace = image.as_str().len() as u64;
    let pause = |tenths: u64| sleep(Duration::from_millis(100 * tenths));
    phase(Phase::Waiting);
    pause(pace);
    phase(Phase::Building);
    for (index, instruction) in (1..).zip([
        "FROM debian:12-slim",
        "WORKDIR /app",
        "COPY requirements.txt ./",
        "RUN pip install --no-cache-dir --requirement requirements.txt && python -m compileall -q /app",
        "COPY . .",
    ]) {
        step(image, events, index, instruction, StepState::Running);
        pause(if index < 3 { 1 } else { 3 * pace });
        if index == 4 && image.as_str() == "worker" {
            fail(image, events, instruction);
            return;
        }
        let ended = if index < 3 { StepState::Cached } else { StepState::Done };
        step(image, events, index, instruction, ended);
    }
    let fingerprint = Fingerprint::new("0123456789abcdef".repeat(4)).expect("a fingerprint");
    events.send(Event::Built {
        image: image.clone(),
        fingerprint,
        seconds: 9.1,
    });
    phase(Phase::Pushing);
    for part in 0..=20 {
        let done = LAYERS / 20 * part;
        events.send(Event::Pushed {
            image: image.clone(),
            done,
            total: LAYERS,
        });
        pause(pace.min(3));
    }
    tag(image, events);
}

fn step(image: &ImageName, events: &Events, index: u32, instruction: &str, state: StepState) {
    let step = BuildStep {
        digest: format!("sha256:{index}"),
        name: format!("[{index}/5] {instruction}"),
        index: Some((index, 5)),
        state,
        seconds: (state == StepState::Done).then_some(1.5),
    };
    events.send(Event::Step {
        image: image.clone(),
        step,
    });
}

fn fail(image: &ImageName, events: &Events, instruction: &str) {
    for line in [
        "Collecting fastapy",
        "\x1b[31mERROR: No matching distribution found for fastapy\x1b[0m",
    ] {
        let step = "sha256:4".to_owned();
        events.send(Event::Log {
            image: image.clone(),
            step,
            line: line.to_owned(),
        });
    }
    step(image, events, 4, instruction, StepState::Failed);
    let failure = Some(format!("`[4/5] {instruction}` failed with exit code 1"));
    events.send(Event::Finished {
        image: image.clone(),
        failure,
    });
}

fn tag(image: &ImageName, events: &Events) {
    let key = RepositoryKey {
        registry: RegistryName::new("local").expect("a name"),
        repository: RepositoryName::new(format!("shop/{image}")).expect("a name"),
    };
    let digest = Digest::of(image.as_str().as_bytes());
    events.send(Event::Held {
        image: image.clone(),
        key: key.clone(),
        digest: digest.clone(),
    });
    sleep(Duration::from_secs(1));
    events.send(Event::Phase {
        image: image.clone(),
        phase: Phase::Tagging,
    });
    let tag = Tag::new("v1").expect("a tag");
    events.send(Event::Tagged {
        image: image.clone(),
        key,
        tag,
        digest,
    });
    events.send(Event::Finished {
        image: image.clone(),
        failure: None,
    });
}
