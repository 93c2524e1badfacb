//! Progress as lines, for a pipe or a log: one for each change that matters, never a control code besides colours that were asked for.

use windlass_core::name::ImageName;
use windlass_engine::event::{BuildStep, Event, Phase, StepState};

use crate::progress::model::{Image, Model, State};
use crate::progress::text::{Line, Style, bytes, seconds, time, width};

/// Steps that took less are not worth a second line.
const LONG_STEP_SECONDS: f64 = 5.0;

/// Returns the lines for an event that the model has taken in. `verbose` shows the output of build steps as it comes;
/// otherwise only its last lines are shown, where a step fails.
pub(crate) fn lines(model: &Model, event: &Event, verbose: bool) -> Vec<Line> {
    let about = |image: &ImageName| Subject {
        name: image.to_string(),
        width: name_width(model),
    };
    match event {
        Event::Phase {
            image,
            phase: Phase::Pushing,
        } => vec![about(image).line("push", Style::Action, "")],
        Event::Step { image, step } => step_lines(model, image, step, &about(image)),
        Event::Log { image, line, .. } if verbose => vec![about(image).log(line)],
        Event::Phase { .. } | Event::Pushed { .. } | Event::Log { .. } => Vec::new(),
        Event::Repository { key, what } => vec![
            Line::new()
                .with(Style::Strong, &key.to_string())
                .with(Style::Plain, "  ")
                .with(Style::Good, what),
        ],
        Event::Built {
            image,
            fingerprint: _,
            seconds: taken,
        } => {
            vec![about(image).line("built", Style::Good, &format!("in {}", seconds(*taken)))]
        }
        Event::Held { image, key, digest } => {
            let size = model.get(image).map_or(0, |image| image.pushed.1);
            let (verb, size) = match size {
                0 => ("held", String::new()),
                size => ("pushed", format!("{} ", bytes(size))),
            };
            vec![about(image).line(verb, Style::Good, &format!("{size}{digest} in {key}"))]
        }
        Event::Tagged {
            image,
            key,
            tag,
            digest,
        } => {
            vec![about(image).line("tagged", Style::Good, &format!("{tag} {digest} in {key}"))]
        }
        Event::Finished {
            image,
            failure: None,
        } => {
            let taken = model
                .get(image)
                .map(|image| time(image.elapsed(std::time::Duration::ZERO)));
            vec![about(image).line(
                "done",
                Style::Good,
                &format!("in {}", taken.unwrap_or_default()),
            )]
        }
        Event::Finished {
            image,
            failure: Some(reason),
        } => failure(model.get(image), reason, &about(image), verbose),
        Event::Note(text) => note(text),
    }
}

/// Returns the lines for the images that are not over when the run is.
pub(crate) fn stopped(model: &Model) -> Vec<Line> {
    let width = name_width(model);
    let stopped = model.images().filter(|(_, image)| image.is_in_flight());
    stopped
        .map(|(name, image)| {
            let subject = Subject {
                name: name.to_string(),
                width,
            };
            subject.line("stopped", Style::Bad, &stopped_at(image))
        })
        .collect()
}

/// Says what was being done for an image in flight.
pub(crate) fn stopped_at(image: &Image) -> String {
    match &image.state {
        State::Building => match image.current_step() {
            Some(step) => format!("in the build, at {}", step.build.name),
            None => "in the build".to_owned(),
        },
        State::Pushing => format!(
            "in the push, after {} of {}",
            bytes(image.pushed.0),
            bytes(image.pushed.1)
        ),
        State::InPlace => "after the push, before its tags".to_owned(),
        State::Tagging => format!("while its tags were written, after {}", image.tags.len()),
        State::Waiting | State::Finished(_) | State::Failed(..) => String::new(),
    }
}

/// Returns the lines of a note.
pub(crate) fn note(text: &str) -> Vec<Line> {
    let line = |line| {
        Line::new()
            .with(Style::Strong, "note")
            .with(Style::Plain, ": ")
            .with(Style::Plain, line)
    };
    text.lines().map(line).collect()
}

/// Writes the position of a step, `[builder 2/4]`, or its name where it has none.
fn position(step: &BuildStep) -> &str {
    match (step.name.starts_with('['), step.name.find(']')) {
        (true, Some(end)) => &step.name[..=end],
        _ => &step.name,
    }
}

fn step_lines(model: &Model, image: &ImageName, step: &BuildStep, subject: &Subject) -> Vec<Line> {
    // Tasks of the builder's own (loading files, exporting) are no news in a log.
    if step.index.is_none() {
        return Vec::new();
    }
    let ran = model
        .get(image)
        .and_then(|image| image.find_step(&step.digest))
        .is_some_and(|step| step.ran);
    let begun = || subject.line("build", Style::Action, &step.name);
    match step.state {
        StepState::Waiting | StepState::Failed => Vec::new(),
        StepState::Running => vec![begun()],
        StepState::Cached => vec![subject.line("cached", Style::Dim, &step.name)],
        StepState::Done if !ran => vec![begun()],
        StepState::Done => match step.seconds {
            Some(taken) if taken >= LONG_STEP_SECONDS => {
                let text = format!("{} in {}", position(step), seconds(taken));
                vec![subject.line("ran", Style::Dim, &text)]
            }
            _ => Vec::new(),
        },
    }
}

fn failure(image: Option<&Image>, reason: &str, subject: &Subject, verbose: bool) -> Vec<Line> {
    let mut lines: Vec<Line> = reason
        .lines()
        .map(|line| subject.line("failed", Style::Bad, line))
        .collect();
    let Some((image, step)) = image.and_then(|image| Some((image, image.failed_step(reason)?)))
    else {
        return lines;
    };
    if !reason.contains(&step.build.name) {
        lines.push(subject.line("failed", Style::Bad, &format!("at {}", step.build.name)));
    }
    if !verbose {
        lines.extend(image.last_lines(step).map(|line| subject.log(line)));
    }
    lines
}

fn name_width(model: &Model) -> usize {
    model
        .images()
        .map(|(name, _)| width(name.as_str()))
        .max()
        .unwrap_or(0)
}

/// What a line is about, in a column as wide as the longest name so far.
struct Subject {
    name: String,
    width: usize,
}

impl Subject {
    fn line(&self, verb: &str, style: Style, text: &str) -> Line {
        let line = Line::new().with(Style::Strong, &self.name).with(
            Style::Plain,
            &" ".repeat(self.width.saturating_sub(width(&self.name)) + 2),
        );
        if text.is_empty() {
            return line.with(style, verb);
        }
        line.with(style, &format!("{verb:<7}"))
            .with(Style::Plain, " ")
            .with(Style::Plain, text)
    }

    fn log(&self, text: &str) -> Line {
        self.line("log", Style::Dim, &format!("| {text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::samples;
    use std::time::Duration;

    fn shown(events: &[Event], verbose: bool) -> String {
        let mut model = Model::default();
        let mut text = String::new();
        for (second, event) in (0..).zip(events) {
            if model.fold(event, Duration::from_secs(second)) {
                for line in lines(&model, event, verbose) {
                    text += &(line.plain() + "\n");
                }
            }
        }
        for line in stopped(&model) {
            text += &(line.plain() + "\n");
        }
        text
    }

    #[test]
    fn the_life_of_an_image_has_a_line_a_change() {
        insta::assert_snapshot!(shown(&samples::life(), false), @r#"
        repository.shop/web@local  created
        web  build   [1/4] FROM python:3.12-slim
        web  cached  [2/4] WORKDIR /app
        web  build   [3/4] RUN pip install -r requirements.txt
        web  ran     [3/4] in 12.3 s
        web  build   [4/4] COPY . .
        web  ran     [4/4] in 12.3 s
        web  built   in 9.1 s
        web  push
        web  pushed  42 MB sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef in repository.shop/web@local
        web  tagged  v1 sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef in repository.shop/web@local
        web  tagged  latest sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef in repository.shop/web@local
        web  done    in 16.0 s
        "#);
    }

    #[test]
    fn a_failed_build_shows_the_last_lines_of_its_step() {
        insta::assert_snapshot!(shown(&samples::failure(), false), @r#"
        api  build   [3/4] RUN pip install
        api  failed  `[3/4] RUN pip install` failed with exit code 1
        api  log     | Collecting fastapy
        api  log     | ERROR: No matching distribution found for fastapy
        "#);
    }

    #[test]
    fn verbose_shows_the_output_of_steps_once() {
        insta::assert_snapshot!(shown(&samples::failure(), true), @r#"
        api  build   [3/4] RUN pip install
        api  log     | Collecting fastapy
        api  log     | ERROR: No matching distribution found for fastapy
        api  failed  `[3/4] RUN pip install` failed with exit code 1
        "#);
    }

    #[test]
    fn a_reason_that_names_no_step_gets_the_step() {
        let mut events = samples::failure();
        events.pop();
        events.push(samples::finished(
            "api",
            Some("the base image is gone\ntry `windlass lock --update`"),
        ));
        insta::assert_snapshot!(shown(&events, false), @r#"
        api  build   [3/4] RUN pip install
        api  failed  the base image is gone
        api  failed  try `windlass lock --update`
        api  failed  at [2/4] COPY . .
        "#);
    }

    #[test]
    fn what_was_in_flight_when_the_run_stopped_is_said() {
        let events = [
            samples::phase("gateway", Phase::Building),
            samples::step("gateway", 2, StepState::Running, "RUN go build"),
            samples::phase("web", Phase::Pushing),
            samples::pushed("web", 21_000_000, 42_000_000),
            samples::held("api"),
            samples::tagged("db", "v1"),
            samples::finished("old", None),
            samples::phase("later", Phase::Waiting),
        ];
        insta::assert_snapshot!(shown(&events, false), @r#"
        gateway  build   [2/4] RUN go build
        web      push
        api      held    sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef in repository.shop/api@local
        db       tagged  v1 sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef in repository.shop/db@local
        old      done    in 0.0 s
        api      stopped after the push, before its tags
        db       stopped while its tags were written, after 1
        gateway  stopped in the build, at [2/4] RUN go build
        web      stopped in the push, after 21 MB of 42 MB
        "#);
    }

    #[test]
    fn repetitions_and_notes_do_not_break_the_lines() {
        let events = [
            Event::Note("web: built 90 days ago\n\x1b[1Arun `windlass lock --update`".to_owned()),
            samples::step("web", 2, StepState::Running, "RUN <<EOF\nset -e\nEOF"),
            samples::step("web", 2, StepState::Running, "RUN <<EOF\nset -e\nEOF"),
            samples::step("web", 3, StepState::Waiting, "RUN x"),
            samples::step("web", 3, StepState::Done, "RUN x"),
        ];
        insta::assert_snapshot!(shown(&events, false), @r#"
        note: web: built 90 days ago
        note: run `windlass lock --update`
        web  build   [2/4] RUN <<EOF set -e EOF
        web  build   [3/4] RUN x
        "#);
    }
}
