//! Progress as JSON, one object a line: the format of `docs/formats/events.md`.

use std::time::Duration;

use serde::Serialize;
use windlass_engine::event::{Event, Phase, StepState};

/// Version of the format; keys and kinds may be added without a new one.
const FORMAT_VERSION: u32 = 1;

/// Writes an event that came at `now`, a time since the start, without a line end.
pub(crate) fn line(event: &Event, now: Duration) -> String {
    let line = Wire {
        format_version: FORMAT_VERSION,
        // Milliseconds are as much as anybody can use.
        #[expect(
            clippy::cast_precision_loss,
            reason = "a run takes less than 2^53 milliseconds"
        )]
        elapsed: now.as_millis() as f64 / 1000.0,
        kind: Kind::of(event),
    };
    serde_json::to_string(&line).expect("texts and numbers are JSON")
}

#[derive(Serialize)]
struct Wire<'a> {
    format_version: u32,
    elapsed: f64,
    #[serde(flatten)]
    kind: Kind<'a>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Kind<'a> {
    Phase {
        image: &'a str,
        phase: &'static str,
    },
    Step(Step<'a>),
    Log {
        image: &'a str,
        step: &'a str,
        line: &'a str,
    },
    Pushed {
        image: &'a str,
        done: u64,
        total: u64,
    },
    Repository {
        repository: String,
        what: &'a str,
    },
    Built {
        image: &'a str,
        fingerprint: &'a str,
        seconds: f64,
    },
    Held {
        image: &'a str,
        repository: String,
        digest: &'a str,
    },
    Tagged {
        image: &'a str,
        repository: String,
        tag: &'a str,
        digest: &'a str,
    },
    Finished {
        image: &'a str,
        failure: Option<&'a str>,
    },
    Note {
        text: &'a str,
    },
}

#[derive(Serialize)]
struct Step<'a> {
    image: &'a str,
    #[serde(rename = "step")]
    digest: &'a str,
    name: &'a str,
    index: Option<u32>,
    total: Option<u32>,
    state: &'static str,
    seconds: Option<f64>,
}

impl<'a> Kind<'a> {
    fn of(event: &'a Event) -> Self {
        match event {
            Event::Phase { image, phase } => Self::Phase {
                image: image.as_str(),
                phase: phase_name(*phase),
            },
            Event::Step { image, step } => Self::Step(Step {
                image: image.as_str(),
                digest: &step.digest,
                name: &step.name,
                index: step.index.map(|(index, _)| index),
                total: step.index.map(|(_, total)| total),
                state: state_name(step.state),
                seconds: step.seconds,
            }),
            Event::Log { image, step, line } => Self::Log {
                image: image.as_str(),
                step,
                line,
            },
            Event::Pushed { image, done, total } => Self::Pushed {
                image: image.as_str(),
                done: *done,
                total: *total,
            },
            Event::Repository { key, what } => Self::Repository {
                repository: key.to_string(),
                what,
            },
            Event::Built {
                image,
                fingerprint,
                seconds,
            } => Self::Built {
                image: image.as_str(),
                fingerprint: fingerprint.as_str(),
                seconds: *seconds,
            },
            Event::Held { image, key, digest } => Self::Held {
                image: image.as_str(),
                repository: key.to_string(),
                digest: digest.as_str(),
            },
            Event::Tagged {
                image,
                key,
                tag,
                digest,
            } => Self::Tagged {
                image: image.as_str(),
                repository: key.to_string(),
                tag: tag.as_str(),
                digest: digest.as_str(),
            },
            Event::Finished { image, failure } => Self::Finished {
                image: image.as_str(),
                failure: failure.as_deref(),
            },
            Event::Note(text) => Self::Note { text },
        }
    }
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Waiting => "waiting",
        Phase::Building => "building",
        Phase::Pushing => "pushing",
        Phase::Tagging => "tagging",
    }
}

fn state_name(state: StepState) -> &'static str {
    match state {
        StepState::Waiting => "waiting",
        StepState::Running => "running",
        StepState::Cached => "cached",
        StepState::Done => "done",
        StepState::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::samples;
    use std::collections::BTreeSet;

    const PAGE: &str = include_str!("../../../../docs/formats/events.md");

    /// One event of each kind. A new kind breaks the match, and must come into the list.
    fn one_of_each() -> Vec<Event> {
        let all = vec![
            samples::phase("web", Phase::Building),
            samples::step("web", 2, StepState::Done, "RUN pip install"),
            samples::log("web", 2, "\x1b[32mCollecting\x1b[0m fastapi"),
            samples::pushed("web", 21_000_000, 42_000_000),
            samples::repository("shop/web"),
            samples::built("web", 9.14),
            samples::held("web"),
            samples::tagged("web", "v1"),
            samples::finished("web", None),
            Event::Note("web was built 90 days ago".to_owned()),
        ];
        let kinds: BTreeSet<u8> = all
            .iter()
            .map(|event| match event {
                Event::Phase { .. } => 0,
                Event::Step { .. } => 1,
                Event::Log { .. } => 2,
                Event::Pushed { .. } => 3,
                Event::Repository { .. } => 4,
                Event::Built { .. } => 5,
                Event::Held { .. } => 6,
                Event::Tagged { .. } => 7,
                Event::Finished { .. } => 8,
                Event::Note(_) => 9,
            })
            .collect();
        assert_eq!(kinds.len(), 10);
        all
    }

    fn kind(line: &str) -> String {
        let value: serde_json::Value = serde_json::from_str(line).expect("one object");
        value["event"].as_str().expect("a kind").to_owned()
    }

    /// Returns the part of the page under the heading of a kind.
    fn section(kind: &str) -> &'static str {
        let start = PAGE
            .find(&format!("## `{kind}`\n"))
            .unwrap_or_else(|| panic!("no section on `{kind}`"));
        let rest = &PAGE[start + 3..];
        &rest[..rest.find("\n## ").unwrap_or(rest.len())]
    }

    #[test]
    fn the_page_has_each_kind_as_it_is_written() {
        for event in one_of_each() {
            let line = line(&event, Duration::from_millis(1250));
            let section = section(&kind(&line));
            assert!(
                section.contains(&format!("```json\n{line}\n```")),
                "the page lacks\n{line}"
            );
            let value: serde_json::Value = serde_json::from_str(&line).expect("one object");
            let common = ["format_version", "elapsed", "event"];
            for key in value
                .as_object()
                .expect("an object")
                .keys()
                .filter(|key| !common.contains(&key.as_str()))
            {
                assert!(
                    section.contains(&format!("| `{key}` |")),
                    "`{key}` of\n{line}"
                );
            }
        }
    }

    #[test]
    fn the_page_has_no_kind_that_is_never_written() {
        let written: BTreeSet<String> = one_of_each()
            .iter()
            .map(|event| kind(&line(event, Duration::ZERO)))
            .collect();
        let documented: BTreeSet<String> = PAGE
            .lines()
            .filter_map(|line| line.strip_prefix("## `")?.strip_suffix('`'))
            .map(str::to_owned)
            .collect();
        assert_eq!(documented, written);
    }

    #[test]
    fn the_page_names_every_phase_and_state() {
        for phase in [
            Phase::Waiting,
            Phase::Building,
            Phase::Pushing,
            Phase::Tagging,
        ] {
            assert!(section("phase").contains(&format!("`{}`", phase_name(phase))));
        }
        for state in [
            StepState::Waiting,
            StepState::Running,
            StepState::Cached,
            StepState::Done,
            StepState::Failed,
        ] {
            assert!(section("step").contains(&format!("`{}`", state_name(state))));
        }
    }

    #[test]
    fn an_event_is_one_line_whatever_it_holds() {
        let event = samples::finished("web", Some("two\nlines \u{1b}[31m \u{2028}"));
        let line = line(&event, Duration::ZERO);
        assert!(!line.contains(['\n', '\x1b']), "{line}");
        let value: serde_json::Value = serde_json::from_str(&line).expect("one object");
        assert_eq!(value["failure"], "two\nlines \u{1b}[31m \u{2028}");
    }
}
