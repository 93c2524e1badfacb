//! Folds `BuildKit`'s status messages into steps and log lines, the events a renderer shows.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use bollard_buildkit_proto::google::protobuf::Timestamp;
use bollard_buildkit_proto::moby::buildkit::v1::{StatusResponse, Vertex, VertexLog};

/// Lines of output kept for each step, for the report of a failure.
const KEPT_LINES: usize = 50;
/// Bytes after which a line without an end is passed on as it is.
const LONGEST_LINE: usize = 64 << 10;

/// Something that happened in a running build.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildEvent {
    /// A step appeared or changed; the last event of a digest counts.
    Step(Step),
    /// A step wrote a line.
    Log {
        /// The digest of the step.
        step: String,
        /// Where it wrote it.
        stream: LogStream,
        /// The line without its end; of a line that was overwritten on a terminal, what was left of it.
        line: String,
    },
    /// A step has moved bytes, as when a base image is pulled or the context is sent.
    Transfer {
        /// The digest of the step.
        step: String,
        /// What is moved, for example a layer.
        item: String,
        /// Bytes so far.
        current: u64,
        /// Bytes in all; 0 if unknown.
        total: u64,
    },
    /// `BuildKit` has a remark on the Dockerfile.
    Warning {
        /// The remark in one line.
        message: String,
    },
}

/// The output of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogStream {
    /// Standard output.
    Out,
    /// Standard error.
    Error,
}

/// One step of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// `BuildKit`'s digest of the step, its key among events.
    pub digest: String,
    /// The whole name as `BuildKit` shows it: `[builder 2/5] RUN make`.
    pub label: String,
    /// The instruction alone, or what `BuildKit` does of its own accord (`load build definition from Dockerfile`).
    pub name: String,
    /// Whether the step is `BuildKit`'s own and not an instruction of the Dockerfile.
    pub internal: bool,
    /// The stage's name, where the Dockerfile has several or names it.
    pub stage: Option<String>,
    /// The position among the stage's instructions, from 1.
    pub index: Option<u32>,
    /// The number of the stage's instructions.
    pub total: Option<u32>,
    /// How far it is.
    pub state: StepState,
    /// When it began.
    pub started: Option<SystemTime>,
    /// When it ended.
    pub completed: Option<SystemTime>,
}

/// How far a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// Not begun.
    Waiting,
    /// Running.
    Running,
    /// Done without work: its result was in the builder's cache.
    Cached,
    /// Done.
    Done,
    /// Failed.
    Failed,
    /// Stopped, because another step failed or the build was cancelled.
    Canceled,
}

/// The state of one build's steps.
pub(crate) struct Progress {
    steps: BTreeMap<String, Step>,
    errors: Vec<(String, String)>,
    lines: BTreeMap<String, VecDeque<String>>,
    partial: BTreeMap<(String, LogStream), Vec<u8>>,
    masked: Vec<String>,
}

impl Progress {
    /// Begins with no steps; `masked` are texts that no log line may show.
    pub(crate) fn new(masked: Vec<String>) -> Self {
        Self {
            steps: BTreeMap::new(),
            errors: Vec::new(),
            lines: BTreeMap::new(),
            partial: BTreeMap::new(),
            masked,
        }
    }

    /// Takes one message in and returns what it changed, in order.
    pub(crate) fn fold(&mut self, message: StatusResponse) -> Vec<BuildEvent> {
        let mut events = Vec::new();
        let mut ended = Vec::new();
        for vertex in message.vertexes {
            if vertex.completed.is_some() {
                ended.push(vertex.digest.clone());
            }
            events.extend(self.fold_vertex(vertex));
        }
        for status in message.statuses {
            events.push(BuildEvent::Transfer {
                step: status.vertex,
                item: if status.name.is_empty() {
                    status.id
                } else {
                    status.name
                },
                current: u64::try_from(status.current).unwrap_or(0),
                total: u64::try_from(status.total).unwrap_or(0),
            });
        }
        for log in message.logs {
            self.fold_log(log, &mut events);
        }
        for digest in ended {
            self.flush(&digest, &mut events);
        }
        for warning in message.warnings {
            events.push(BuildEvent::Warning {
                message: String::from_utf8_lossy(&warning.short).into_owned(),
            });
        }
        events
    }

    /// Passes on lines that were never ended; call it when the build is over.
    pub(crate) fn finish(&mut self) -> Vec<BuildEvent> {
        let mut events = Vec::new();
        for ((step, stream), bytes) in std::mem::take(&mut self.partial) {
            self.line(&step, stream, &bytes, &mut events);
        }
        events
    }

    /// Returns the first step that failed by itself, with `BuildKit`'s words.
    pub(crate) fn failed(&self) -> Option<(&Step, &str)> {
        let (digest, error) = self.errors.first()?;
        Some((self.steps.get(digest)?, error))
    }

    /// Returns the last lines that a step wrote.
    pub(crate) fn last_lines(&self, digest: &str) -> Vec<String> {
        self.lines
            .get(digest)
            .map(|lines| lines.iter().cloned().collect())
            .unwrap_or_default()
    }

    /// Returns how many instructions came from the builder's cache, and how many there were.
    pub(crate) fn cached(&self) -> (usize, usize) {
        let instructions = self.steps.values().filter(|step| step.index.is_some());
        let cached = instructions
            .clone()
            .filter(|step| step.state == StepState::Cached);
        (cached.count(), instructions.count())
    }

    fn fold_vertex(&mut self, vertex: Vertex) -> Option<BuildEvent> {
        let canceled = vertex.error.contains("context canceled");
        if !vertex.error.is_empty()
            && !canceled
            && !self
                .errors
                .iter()
                .any(|(digest, _)| *digest == vertex.digest)
        {
            self.errors
                .push((vertex.digest.clone(), vertex.error.clone()));
        }
        let state = if canceled {
            StepState::Canceled
        } else if !vertex.error.is_empty() {
            StepState::Failed
        } else if vertex.cached {
            StepState::Cached
        } else if vertex.completed.is_some() {
            StepState::Done
        } else if vertex.started.is_some() {
            StepState::Running
        } else {
            StepState::Waiting
        };
        let name = parse_name(&vertex.name);
        let step = Step {
            digest: vertex.digest,
            label: vertex.name,
            name: name.text,
            internal: name.internal,
            stage: name.stage,
            index: name.position.map(|(index, _)| index),
            total: name.position.map(|(_, total)| total),
            state,
            started: vertex.started.and_then(time),
            completed: vertex.completed.and_then(time),
        };
        let old = self.steps.insert(step.digest.clone(), step.clone());
        (old.as_ref() != Some(&step)).then_some(BuildEvent::Step(step))
    }

    fn fold_log(&mut self, log: VertexLog, events: &mut Vec<BuildEvent>) {
        let stream = if log.stream == 2 {
            LogStream::Error
        } else {
            LogStream::Out
        };
        let key = (log.vertex, stream);
        let mut bytes = self.partial.remove(&key).unwrap_or_default();
        bytes.extend_from_slice(&log.msg);
        let mut rest = bytes.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.line(&key.0, stream, &rest[..end], events);
            rest = &rest[end + 1..];
        }
        if rest.len() > LONGEST_LINE {
            self.line(&key.0, stream, rest, events);
        } else if !rest.is_empty() {
            self.partial.insert(key, rest.to_vec());
        }
    }

    fn flush(&mut self, digest: &str, events: &mut Vec<BuildEvent>) {
        for stream in [LogStream::Out, LogStream::Error] {
            if let Some(bytes) = self.partial.remove(&(digest.to_owned(), stream)) {
                self.line(digest, stream, &bytes, events);
            }
        }
    }

    fn line(&mut self, step: &str, stream: LogStream, bytes: &[u8], events: &mut Vec<BuildEvent>) {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches('\r');
        let mut line = text.rsplit('\r').next().unwrap_or_default().to_owned();
        for secret in &self.masked {
            if line.contains(secret.as_str()) {
                line = line.replace(secret.as_str(), "***");
            }
        }
        let kept = self.lines.entry(step.to_owned()).or_default();
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line.clone());
        events.push(BuildEvent::Log {
            step: step.to_owned(),
            stream,
            line,
        });
    }
}

struct Name {
    text: String,
    internal: bool,
    stage: Option<String>,
    position: Option<(u32, u32)>,
}

/// Takes a vertex name apart: `[linux/amd64 builder 2/5] RUN make`, `[internal] load .dockerignore`, `exporting to image`.
fn parse_name(name: &str) -> Name {
    let outside = |text: &str| Name {
        text: text.to_owned(),
        internal: true,
        stage: None,
        position: None,
    };
    let Some((bracket, text)) = name
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    else {
        return outside(name);
    };
    let mut words = bracket.split(' ').rev();
    let Some(position) = words.next().and_then(parse_fraction) else {
        return outside(text);
    };
    Name {
        text: text.to_owned(),
        internal: false,
        // What is left may be a platform.
        stage: words
            .next()
            .filter(|word| !word.contains('/'))
            .map(str::to_owned),
        position: Some(position),
    }
}

fn parse_fraction(word: &str) -> Option<(u32, u32)> {
    let (index, total) = word.split_once('/')?;
    Some((index.parse().ok()?, total.parse().ok()?))
}

fn time(timestamp: Timestamp) -> Option<SystemTime> {
    let seconds = Duration::from_secs(u64::try_from(timestamp.seconds).ok()?);
    let nanoseconds = Duration::from_nanos(u64::try_from(timestamp.nanos).ok()?);
    SystemTime::UNIX_EPOCH.checked_add(seconds + nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vertex(name: &str, completed: bool, cached: bool, error: &str) -> StatusResponse {
        let now = Some(Timestamp {
            seconds: 5,
            nanos: 0,
        });
        StatusResponse {
            vertexes: vec![Vertex {
                digest: name.to_owned(),
                name: name.to_owned(),
                cached,
                started: now,
                completed: completed.then_some(now).flatten(),
                error: error.to_owned(),
                ..Vertex::default()
            }],
            ..StatusResponse::default()
        }
    }

    fn log(step: &str, text: &str) -> StatusResponse {
        StatusResponse {
            logs: vec![VertexLog {
                vertex: step.to_owned(),
                stream: 1,
                msg: text.as_bytes().to_vec(),
                ..VertexLog::default()
            }],
            ..StatusResponse::default()
        }
    }

    fn lines(events: Vec<BuildEvent>) -> Vec<String> {
        events
            .into_iter()
            .filter_map(|event| match event {
                BuildEvent::Log { line, .. } => Some(line),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn reads_stage_and_position_from_names() {
        let parsed = |name: &str| {
            let name = parse_name(name);
            (name.text, name.internal, name.stage, name.position)
        };
        assert_eq!(
            parsed("[builder 2/5] RUN make"),
            (
                "RUN make".into(),
                false,
                Some("builder".into()),
                Some((2, 5))
            )
        );
        assert_eq!(
            parsed("[linux/amd64 2/5] RUN make"),
            ("RUN make".into(), false, None, Some((2, 5)))
        );
        assert_eq!(
            parsed("[internal] load .dockerignore"),
            ("load .dockerignore".into(), true, None, None)
        );
        assert_eq!(
            parsed("exporting to image"),
            ("exporting to image".into(), true, None, None)
        );
    }

    #[test]
    fn the_last_state_of_a_step_wins_and_repetition_is_silent() {
        let mut progress = Progress::new(Vec::new());
        assert_eq!(
            progress.fold(vertex("[1/1] RUN a", false, false, "")).len(),
            1
        );
        assert_eq!(progress.fold(vertex("[1/1] RUN a", false, false, "")), []);
        let events = progress.fold(vertex("[1/1] RUN a", true, true, ""));
        let [BuildEvent::Step(step)] = events.as_slice() else {
            panic!("{events:?}");
        };
        assert_eq!(step.state, StepState::Cached);
        assert_eq!(progress.cached(), (1, 1));
    }

    #[test]
    fn a_step_canceled_by_another_is_not_the_failing_one() {
        let mut progress = Progress::new(Vec::new());
        progress.fold(vertex("[1/2] RUN a", true, false, "context canceled"));
        progress.fold(vertex("[2/2] RUN b", true, false, "exit code: 3"));
        let (step, error) = progress.failed().unwrap();
        assert_eq!((step.name.as_str(), error), ("RUN b", "exit code: 3"));
    }

    #[test]
    fn lines_are_joined_overwritten_masked_and_flushed() {
        let mut progress = Progress::new(vec!["hunter2".to_owned()]);
        let step = "[1/1] RUN a";
        assert_eq!(lines(progress.fold(log(step, "one\ntw"))), ["one"]);
        assert_eq!(
            lines(progress.fold(log(step, "o\n10%\r20%\r\n"))),
            ["two", "20%"]
        );
        assert_eq!(lines(progress.fold(log(step, "is hunter2"))), [""; 0]);
        assert_eq!(
            lines(progress.fold(vertex(step, true, false, ""))),
            ["is ***"]
        );
        assert_eq!(progress.last_lines(step), ["one", "two", "20%", "is ***"]);
    }

    #[test]
    fn keeps_the_last_fifty_lines() {
        let mut progress = Progress::new(Vec::new());
        for number in 0..60 {
            progress.fold(log("a", &format!("{number}\n")));
        }
        let lines = progress.last_lines("a");
        assert_eq!((lines.len(), lines[0].as_str()), (50, "10"));
    }
}
