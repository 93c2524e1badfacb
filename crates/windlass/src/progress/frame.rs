//! Progress on a terminal, as lines: the live area, and the lines that stay. Pure: model, size and time in, lines out.

use std::time::Duration;

use windlass_core::name::ImageName;
use windlass_engine::event::{Event, StepState};

use crate::progress::model::{Image, Model, State, Step};
use crate::progress::plain;
use crate::progress::text::{Line, Style, bytes, clean, fit, seconds, time, width};

/// Size of a terminal, in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// Columns.
    pub(crate) width: usize,
    /// Lines.
    pub(crate) height: usize,
}

const SPINNER: [&str; 10] = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"];
const SPINNER_MILLISECONDS: u128 = 100;
/// Columns of the time at the right end: `59m 59s`.
const TIME_COLUMNS: usize = 7;
/// Columns of the word for the phase.
const PHASE_COLUMNS: usize = 6;
/// The widest bar, and the narrowest that still says something.
const BAR_COLUMNS: std::ops::RangeInclusive<usize> = 8..=24;

/// Returns the live area at `now`: a line for each image in flight, and one for those that wait. It has at most `size.height - 1` lines
/// of at most `size.width` columns.
pub(crate) fn frame(model: &Model, size: Size, now: Duration) -> Vec<Line> {
    let mut flying: Vec<(&ImageName, &Image)> = model
        .images()
        .filter(|(_, image)| image.is_in_flight())
        .collect();
    // Images that only wait for their tags come last, so that they are the ones a low terminal leaves out.
    flying.sort_by_key(|(_, image)| image.state == State::InPlace);
    let waiting: Vec<&str> = model
        .images()
        .filter(|(_, image)| image.state == State::Waiting)
        .map(|(name, _)| name.as_str())
        .collect();
    let room =
        size.height.saturating_sub(1).max(1) - usize::from(!waiting.is_empty() && size.height > 2);
    let shown = if flying.len() > room {
        room.saturating_sub(1)
    } else {
        flying.len()
    };
    let layout = Layout::new(
        flying[..shown].iter().map(|(name, _)| name.as_str()),
        size.width,
    );
    let mut lines: Vec<Line> = flying[..shown]
        .iter()
        .map(|(name, image)| layout.line(name, image, now))
        .collect();
    if shown < flying.len() {
        lines.push(Line::new().with(Style::Dim, &format!("  and {} more", flying.len() - shown)));
    }
    if !waiting.is_empty() && (size.height > 2 || lines.is_empty()) {
        let text = format!("  {} waiting: {}", waiting.len(), waiting.join(", "));
        lines.push(Line::new().with(Style::Dim, &text));
    }
    lines
        .into_iter()
        .map(|line| line.clipped(size.width))
        .collect()
}

/// Returns the lines that an event leaves above the live area for good; the model has taken it in. A finished image leaves one line that
/// fits `columns`, a failed one its reason and the last log lines of the step, whole.
pub(crate) fn permanent(model: &Model, event: &Event, verbose: bool, columns: usize) -> Vec<Line> {
    match event {
        Event::Finished { image, failure } => match (model.get(image), failure) {
            (Some(state), None) => vec![finished(image, state, columns)],
            (Some(state), Some(reason)) => failed(image, state, reason, verbose, columns),
            (None, _) => Vec::new(),
        },
        Event::Tagged { image, .. } => {
            // A tag that comes after the image's own line would otherwise never be seen.
            let over = model.get(image).is_some_and(|image| !image.is_in_flight());
            if over {
                plain::lines(model, event, verbose)
            } else {
                Vec::new()
            }
        }
        Event::Repository { key, what } => vec![
            Line::new()
                .with(Style::Good, "✓ ")
                .with(Style::Strong, &key.to_string())
                .with(Style::Plain, "  ")
                .with(Style::Plain, what),
        ],
        Event::Log { .. } | Event::Note(_) => plain::lines(model, event, verbose),
        Event::Phase { .. }
        | Event::Step { .. }
        | Event::Pushed { .. }
        | Event::Built { .. }
        | Event::Held { .. } => Vec::new(),
    }
}

/// Returns a line for each image that was in flight when the run ended.
pub(crate) fn stopped(model: &Model) -> Vec<Line> {
    let stopped = model.images().filter(|(_, image)| image.is_in_flight());
    stopped
        .map(|(name, image)| {
            let text = format!("  stopped {}", plain::stopped_at(image));
            Line::new()
                .with(Style::Bad, "✗ ")
                .with(Style::Strong, name.as_str())
                .with(Style::Plain, &text)
        })
        .collect()
}

/// The columns of one frame.
struct Layout {
    name: usize,
    width: usize,
}

impl Layout {
    fn new<'a>(names: impl Iterator<Item = &'a str>, columns: usize) -> Self {
        let longest = names.map(width).max().unwrap_or(0);
        Self {
            name: longest.min((columns / 4).max(8)),
            width: columns,
        }
    }

    fn line(&self, name: &ImageName, image: &Image, now: Duration) -> Line {
        let turn = now.as_millis() / SPINNER_MILLISECONDS % SPINNER.len() as u128;
        let turn = usize::try_from(turn).expect("a remainder of 10");
        let (sign, phase) = match image.state {
            State::Building if is_cached(image) => (SPINNER[turn], "cached"),
            State::Building => (SPINNER[turn], "build"),
            State::Pushing => (SPINNER[turn], "push"),
            State::Tagging => (SPINNER[turn], "tag"),
            State::InPlace => ("·", "ready"),
            State::Waiting | State::Finished(_) | State::Failed(..) => (" ", ""),
        };
        let head = Line::new()
            .with(Style::Action, sign)
            .with(Style::Plain, " ")
            .with(Style::Strong, &fit(name.as_str(), self.name))
            .with(Style::Plain, "  ")
            .with(Style::Action, &fit(phase, PHASE_COLUMNS))
            .with(Style::Plain, "  ");
        let room = self.width.saturating_sub(head.width() + 1 + TIME_COLUMNS);
        activity(head, image, room).with(
            Style::Dim,
            &format!(" {:>TIME_COLUMNS$}", time(image.elapsed(now))),
        )
    }
}

/// Says whether the step that is shown came from the cache.
fn is_cached(image: &Image) -> bool {
    image
        .current_step()
        .is_some_and(|step| step.build.state == StepState::Cached)
}

/// Appends what is being done for an image, in exactly `room` columns.
fn activity(line: Line, image: &Image, room: usize) -> Line {
    match &image.state {
        State::Building => match image.current_step() {
            Some(step) => building(line, image, step, room),
            None => line.with(Style::Plain, &fit("", room)),
        },
        State::Pushing => pushing(line, image.pushed, room),
        State::InPlace => line.with(Style::Dim, &fit(&place(image), room)),
        State::Tagging => line.with(Style::Plain, &fit(&tags(image), room)),
        State::Waiting | State::Finished(_) | State::Failed(..) => {
            line.with(Style::Plain, &fit("", room))
        }
    }
}

fn building(line: Line, image: &Image, step: &Step, room: usize) -> Line {
    let mark = match image.cached_steps() {
        1.. if room >= 40 => format!("  {} cached", image.cached_steps()),
        _ => String::new(),
    };
    let name = step
        .build
        .name
        .strip_prefix("[internal] ")
        .unwrap_or(&step.build.name);
    let name = clean(name);
    let left = room.saturating_sub(width(&mark));
    line.with(Style::Plain, &fit(&name, left))
        .with(Style::Dim, &fit(&mark, room - left))
}

fn pushing(line: Line, (done, total): (u64, u64), room: usize) -> Line {
    let amount = match (done, total) {
        (0, 0) => "packing".to_owned(),
        // Layers count once they are packed: there may be more to come.
        (done, total) if done >= total => format!("{} sent, packing", bytes(done)),
        (done, total) => format!("{} of {}", bytes(done), bytes(total)),
    };
    if width(&amount) > room && total > 0 {
        let percent = u128::from(done.min(total)) * 100 / u128::from(total);
        return line.with(Style::Plain, &fit(&format!("{percent}%"), room));
    }
    let columns = room
        .saturating_sub(width(&amount) + 1)
        .min(*BAR_COLUMNS.end());
    if done >= total || columns < *BAR_COLUMNS.start() {
        return line.with(Style::Plain, &fit(&amount, room));
    }
    let part = u128::from(done.min(total)) * columns as u128 / u128::from(total);
    let part = usize::try_from(part).expect("at most the width of the bar");
    line.with(Style::Action, &"━".repeat(part))
        .with(Style::Dim, &"─".repeat(columns - part))
        .with(Style::Plain, &fit(&format!(" {amount}"), room - columns))
}

/// Writes the digest of an image as far as people compare it.
fn short_digest(image: &Image) -> Option<String> {
    let (_, digest) = image.held.last()?;
    Some(format!("sha256:{}", &digest.hex()[..12]))
}

fn place(image: &Image) -> String {
    let digest = short_digest(image).unwrap_or_default();
    format!("{digest} waits for its tags")
}

fn tags(image: &Image) -> String {
    let tags: Vec<&str> = image.tags.iter().map(|(tag, _)| tag.as_str()).collect();
    tags.join(", ")
}

fn finished(name: &ImageName, image: &Image, columns: usize) -> Line {
    let digest = short_digest(image).or_else(|| {
        let (_, digest) = image.tags.last()?;
        Some(format!("sha256:{}", &digest.hex()[..12]))
    });
    // In the order in which they are shown, each with its weight: the lightest is left out first where the terminal is narrow.
    let mut parts: Vec<(u8, String)> = Vec::new();
    parts.extend((!image.tags.is_empty()).then(|| (3, distinct_tags(image))));
    parts.extend(digest.map(|digest| (4, digest)));
    parts.extend((image.pushed.1 > 0).then(|| (2, bytes(image.pushed.1))));
    parts.extend(
        image
            .built
            .map(|taken| (0, format!("built in {}", seconds(taken)))),
    );
    parts.push((1, time(image.elapsed(Duration::ZERO))));
    loop {
        let rest: Vec<&str> = parts.iter().map(|(_, part)| part.as_str()).collect();
        let line = Line::new()
            .with(Style::Good, "✓ ")
            .with(Style::Strong, name.as_str())
            .with(Style::Plain, "  ")
            .with(Style::Plain, &rest.join("  "));
        let lightest = (0..parts.len()).min_by_key(|place| parts[*place].0);
        match lightest {
            Some(place) if line.width() > columns && parts.len() > 1 => parts.remove(place),
            _ => return line.clipped(columns),
        };
    }
}

/// Lists the tags of an image once, whatever the number of repositories that hold them.
fn distinct_tags(image: &Image) -> String {
    let mut tags: Vec<&str> = Vec::new();
    for (tag, _) in &image.tags {
        if !tags.contains(&tag.as_str()) {
            tags.push(tag.as_str());
        }
    }
    tags.join(", ")
}

fn failed(
    name: &ImageName,
    image: &Image,
    reason: &str,
    verbose: bool,
    columns: usize,
) -> Vec<Line> {
    let indented = |text: &str| {
        Line::new()
            .with(Style::Plain, "    ")
            .with(Style::Plain, text)
    };
    let mut reasons = reason.lines();
    let mut first = Line::new()
        .with(Style::Bad, "✗ ")
        .with(Style::Strong, name.as_str())
        .with(Style::Plain, "  ")
        .with(Style::Bad, reasons.next().unwrap_or("failed"));
    let taken = format!("  {}", time(image.elapsed(Duration::ZERO)));
    if first.width() + width(&taken) <= columns {
        first = first.with(Style::Dim, &taken);
    }
    let mut lines = vec![first];
    lines.extend(reasons.map(indented));
    let Some(step) = image.failed_step(reason) else {
        return lines;
    };
    if !reason.contains(&step.build.name) {
        lines.push(indented(&format!("at {}", step.build.name)));
    }
    if !verbose {
        let log = |line| {
            Line::new()
                .with(Style::Dim, "  │ ")
                .with(Style::Plain, line)
        };
        lines.extend(image.last_lines(step).map(log));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::samples::{self, built, held, phase, pushed, step, tagged};
    use windlass_engine::event::Phase;

    fn model(events: &[Event]) -> Model {
        let mut model = Model::default();
        for (tick, event) in (0..).zip(events) {
            model.fold(event, Duration::from_millis(700 * tick));
        }
        model
    }

    fn flight() -> Model {
        model(&[
            phase("storefront", Phase::Building),
            step("storefront", 1, StepState::Cached, "FROM node:22-alpine"),
            step(
                "storefront",
                2,
                StepState::Cached,
                "COPY package.json package-lock.json ./",
            ),
            step(
                "storefront",
                3,
                StepState::Running,
                "RUN npm ci --omit=dev --no-audit && npm cache clean --force",
            ),
            phase("gateway", Phase::Pushing),
            pushed("gateway", 21_000_000, 42_000_000),
            phase("web", Phase::Building),
            step("web", 4, StepState::Cached, "COPY . ."),
            held("api"),
            phase("cron", Phase::Tagging),
            tagged("cron", "v1"),
            phase("mail", Phase::Pushing),
            phase("worker-with-a-very-long-name", Phase::Building),
            phase("worker-a", Phase::Waiting),
            phase("worker-b", Phase::Waiting),
        ])
    }

    fn drawn(model: &Model, width: usize, height: usize) -> String {
        let lines = frame(model, Size { width, height }, Duration::from_secs(83));
        lines.iter().map(|line| line.plain() + "\n").collect()
    }

    fn left(events: &[Event], columns: usize) -> String {
        let mut model = Model::default();
        let mut text = String::new();
        for (tick, event) in (0..).zip(events) {
            model.fold(event, Duration::from_millis(700 * tick));
            for line in permanent(&model, event, false, columns) {
                text += &(line.plain() + "\n");
            }
        }
        for line in stopped(&model) {
            text += &(line.plain() + "\n");
        }
        text
    }

    #[test]
    fn shows_a_line_for_each_image_in_flight_at_40_columns() {
        insta::assert_snapshot!(drawn(&flight(), 40, 24), @r#"
        ⠋ cron        tag     v1          1m 16s
        ⠋ gateway     push    50%         1m 20s
        ⠋ mail        push    packing     1m 15s
        ⠋ storefront  build   [3/4] RUN…  1m 23s
        ⠋ web         cached  [4/4] COP…  1m 18s
        ⠋ worker-wi…  build               1m 14s
        · api         ready   sha256:01…   0.0 s
          2 waiting: worker-a, worker-b
        "#);
    }

    #[test]
    fn shows_a_line_for_each_image_in_flight_at_80_columns() {
        insta::assert_snapshot!(drawn(&flight(), 80, 24), @r#"
        ⠋ cron                  tag     v1                                        1m 16s
        ⠋ gateway               push    ━━━━━━━━━━━━──────────── 21 MB of 42 MB   1m 20s
        ⠋ mail                  push    packing                                   1m 15s
        ⠋ storefront            build   [3/4] RUN npm ci --omit=dev -…  2 cached  1m 23s
        ⠋ web                   cached  [4/4] COPY . .                  1 cached  1m 18s
        ⠋ worker-with-a-very-…  build                                             1m 14s
        · api                   ready   sha256:0123456789ab waits for its tags     0.0 s
          2 waiting: worker-a, worker-b
        "#);
    }

    #[test]
    fn shows_a_line_for_each_image_in_flight_at_200_columns() {
        insta::assert_snapshot!(drawn(&flight(), 200, 24), @r#"
        ⠋ cron                          tag     v1                                                                                                                                                        1m 16s
        ⠋ gateway                       push    ━━━━━━━━━━━━──────────── 21 MB of 42 MB                                                                                                                   1m 20s
        ⠋ mail                          push    packing                                                                                                                                                   1m 15s
        ⠋ storefront                    build   [3/4] RUN npm ci --omit=dev --no-audit && npm cache clean --force                                                                               2 cached  1m 23s
        ⠋ web                           cached  [4/4] COPY . .                                                                                                                                  1 cached  1m 18s
        ⠋ worker-with-a-very-long-name  build                                                                                                                                                             1m 14s
        · api                           ready   sha256:0123456789ab waits for its tags                                                                                                                     0.0 s
          2 waiting: worker-a, worker-b
        "#);
    }

    #[test]
    fn a_low_terminal_leaves_out_what_only_waits() {
        insta::assert_snapshot!(drawn(&flight(), 60, 6), @r#"
        ⠋ cron     tag     v1                                 1m 16s
        ⠋ gateway  push    ━━━━━━━━━───────── 21 MB of 42 MB  1m 20s
        ⠋ mail     push    packing                            1m 15s
          and 4 more
          2 waiting: worker-a, worker-b
        "#);
        assert_eq!(drawn(&flight(), 60, 2).lines().count(), 1);
        assert_eq!(drawn(&flight(), 60, 0).lines().count(), 1);
    }

    #[test]
    fn no_size_is_exceeded_and_none_panics() {
        let model = flight();
        for columns in 0..120 {
            for height in 0..12 {
                let lines = frame(
                    &model,
                    Size {
                        width: columns,
                        height,
                    },
                    Duration::from_hours(99),
                );
                assert!(
                    lines.len() <= height.saturating_sub(1).max(1),
                    "{columns} x {height}"
                );
                assert!(
                    lines.iter().all(|line| line.width() <= columns),
                    "{columns} x {height}"
                );
            }
        }
    }

    #[test]
    fn lines_in_flight_end_in_the_same_column() {
        let model = flight();
        for columns in 40..100 {
            let lines = frame(
                &model,
                Size {
                    width: columns,
                    height: 50,
                },
                Duration::from_secs(83),
            );
            let widths: Vec<usize> = lines[..7].iter().map(Line::width).collect();
            assert_eq!(widths, [columns; 7]);
        }
    }

    #[test]
    fn a_finished_image_leaves_one_line_that_fits() {
        let text: String = [30, 40, 60, 80]
            .map(|columns| left(&samples::life(), columns))
            .concat();
        insta::assert_snapshot!(text, @r#"
        ✓ repository.shop/web@local  created
        ✓ web  sha256:0123456789ab
        ✓ repository.shop/web@local  created
        ✓ web  v1, latest  sha256:0123456789ab
        ✓ repository.shop/web@local  created
        ✓ web  v1, latest  sha256:0123456789ab  42 MB  11.2 s
        ✓ repository.shop/web@local  created
        ✓ web  v1, latest  sha256:0123456789ab  42 MB  built in 9.1 s  11.2 s
        "#);
    }

    #[test]
    fn a_failed_image_leaves_its_reason_and_its_log_whole() {
        insta::assert_snapshot!(left(&samples::failure(), 40), @r#"
        ✗ api  `[3/4] RUN pip install` failed with exit code 1
          │ Collecting fastapy
          │ ERROR: No matching distribution found for fastapy
        "#);
    }

    #[test]
    fn an_image_that_was_only_tagged_leaves_its_tag_and_digest() {
        let events = [
            phase("web", Phase::Tagging),
            tagged("web", "v2"),
            samples::finished("web", None),
            tagged("web", "late"),
        ];
        insta::assert_snapshot!(left(&events, 80), @r#"
        ✓ web  v2  sha256:0123456789ab  1.4 s
        web  tagged  late sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef in repository.shop/web@local
        "#);
    }

    #[test]
    fn what_was_in_flight_when_the_run_stopped_is_left() {
        let events = [
            phase("web", Phase::Building),
            built("web", 1.0),
            phase("web", Phase::Pushing),
            pushed("web", 5, 10),
        ];
        insta::assert_snapshot!(left(&events, 80), @r#"
        ✗ web  stopped in the push, after 5 B of 10 B
        "#);
    }

    #[test]
    fn colours_carry_no_meaning_of_their_own() {
        let line = &frame(
            &flight(),
            Size {
                width: 60,
                height: 24,
            },
            Duration::ZERO,
        )[0];
        assert_eq!(line.painted(false), line.plain());
        assert!(line.painted(true).starts_with("\x1b[36m"));
    }
}
