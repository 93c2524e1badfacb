//! What the events add up to: the state of every image. Holds no text for people and knows no terminal.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use windlass_core::name::{Digest, ImageName, RepositoryKey, Tag};
use windlass_engine::event::{BuildStep, Event, Phase, StepState};

/// Log lines kept of each build step, for the case that it fails.
const KEPT_LINES: usize = 30;

/// Every image that an event named, by name.
#[derive(Debug, Default)]
pub(crate) struct Model {
    images: BTreeMap<ImageName, Image>,
}

/// One image.
#[derive(Debug)]
pub(crate) struct Image {
    /// How far it is.
    pub(crate) state: State,
    /// When work on it began, `None` while it waits.
    pub(crate) began: Option<Duration>,
    /// Its build steps, in the order in which they appeared.
    pub(crate) steps: Vec<Step>,
    /// Bytes of layers done and in all.
    pub(crate) pushed: (u64, u64),
    /// Seconds its build took.
    pub(crate) built: Option<f64>,
    /// The repositories that hold it, and its digest there.
    pub(crate) held: Vec<(RepositoryKey, Digest)>,
    /// The tags that were written for it, and what they hold.
    pub(crate) tags: Vec<(Tag, Digest)>,
    logs: BTreeMap<String, VecDeque<String>>,
    changes: u64,
}

/// How far an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// It waits for its turn or for an image it needs.
    Waiting,
    /// It is built.
    Building,
    /// Its layers are pushed.
    Pushing,
    /// It is in its repository; the wanted tags move when every image of the run is.
    InPlace,
    /// Its tags are written.
    Tagging,
    /// It is done, at this time.
    Finished(Duration),
    /// It failed at this time, for this reason.
    Failed(Duration, String),
}

/// A build step with what happened to it so far.
#[derive(Debug)]
pub(crate) struct Step {
    /// The last event of the step.
    pub(crate) build: BuildStep,
    /// Whether it was seen running.
    pub(crate) ran: bool,
    /// Orders the steps of an image by their last change.
    pub(crate) changed: u64,
}

impl Model {
    /// Takes in an event that came at `now`, a time since the start. Returns whether it changed anything: builders repeat themselves.
    pub(crate) fn fold(&mut self, event: &Event, now: Duration) -> bool {
        match event {
            Event::Phase { image, phase } => return self.image(image).enter(*phase, now),
            Event::Step { image, step } => return self.image(image).step(step),
            Event::Log { image, step, line } => self.image(image).log(step, line),
            Event::Pushed { image, done, total } => {
                let image = self.image(image);
                image.pushed = (*done, *total);
                image.go_on(State::Pushing);
            }
            Event::Built {
                image,
                fingerprint: _,
                seconds,
            } => self.image(image).built = Some(*seconds),
            Event::Held { image, key, digest } => {
                let image = self.image(image);
                image.held.push((key.clone(), digest.clone()));
                image.go_on(State::InPlace);
            }
            Event::Tagged {
                image,
                key: _,
                tag,
                digest,
            } => {
                let image = self.image(image);
                image.tags.push((tag.clone(), digest.clone()));
                image.go_on(State::Tagging);
            }
            Event::Finished { image, failure } => self.image(image).end(failure.as_ref(), now),
            Event::Repository { .. } | Event::Note(_) => {}
        }
        true
    }

    /// Returns an image that an event named.
    pub(crate) fn get(&self, name: &ImageName) -> Option<&Image> {
        self.images.get(name)
    }

    /// Returns all images, sorted by name.
    pub(crate) fn images(&self) -> impl Iterator<Item = (&ImageName, &Image)> {
        self.images.iter()
    }

    fn image(&mut self, name: &ImageName) -> &mut Image {
        self.images.entry(name.clone()).or_insert_with(Image::new)
    }
}

impl Image {
    fn new() -> Self {
        Self {
            state: State::Waiting,
            began: None,
            steps: Vec::new(),
            pushed: (0, 0),
            built: None,
            held: Vec::new(),
            tags: Vec::new(),
            logs: BTreeMap::new(),
            changes: 0,
        }
    }

    /// Says whether something is being done for the image.
    pub(crate) fn is_in_flight(&self) -> bool {
        match self.state {
            State::Building | State::Pushing | State::InPlace | State::Tagging => true,
            State::Waiting | State::Finished(_) | State::Failed(..) => false,
        }
    }

    /// Returns how long the image took, or takes at `now`.
    pub(crate) fn elapsed(&self, now: Duration) -> Duration {
        let until = match &self.state {
            State::Finished(at) | State::Failed(at, _) => *at,
            State::Waiting | State::Building | State::Pushing | State::InPlace | State::Tagging => {
                now
            }
        };
        until.saturating_sub(self.began.unwrap_or(until))
    }

    /// Returns the step to show: of the running ones the one that began last, an instruction before a task of the builder's own;
    /// the last that changed where none runs.
    pub(crate) fn current_step(&self) -> Option<&Step> {
        let running = self
            .steps
            .iter()
            .filter(|step| step.build.state == StepState::Running);
        running
            .max_by_key(|step| (step.build.index.is_some(), step.changed))
            .or_else(|| {
                let begun = self
                    .steps
                    .iter()
                    .filter(|step| step.build.state != StepState::Waiting);
                begun.max_by_key(|step| step.changed)
            })
    }

    /// Returns how many instructions came from the builder's cache.
    pub(crate) fn cached_steps(&self) -> usize {
        let cached =
            |step: &&Step| step.build.index.is_some() && step.build.state == StepState::Cached;
        self.steps.iter().filter(cached).count()
    }

    /// Returns the step that made the build fail: of several (a failing step stops the others) the one that `reason` names, else the first.
    pub(crate) fn failed_step(&self, reason: &str) -> Option<&Step> {
        let failed = || {
            self.steps
                .iter()
                .filter(|step| step.build.state == StepState::Failed)
        };
        let named = failed().find(|step| reason.contains(&step.build.name));
        named.or_else(|| failed().min_by_key(|step| step.changed))
    }

    /// Returns the step with this digest.
    pub(crate) fn find_step(&self, digest: &str) -> Option<&Step> {
        self.steps.iter().find(|step| step.build.digest == digest)
    }

    /// Returns the last log lines of a step.
    pub(crate) fn last_lines(&self, step: &Step) -> impl Iterator<Item = &str> {
        let lines = self.logs.get(&step.build.digest);
        lines.into_iter().flatten().map(String::as_str)
    }

    fn enter(&mut self, phase: Phase, now: Duration) -> bool {
        let state = match phase {
            Phase::Waiting if self.held.is_empty() => State::Waiting,
            Phase::Waiting => State::InPlace,
            Phase::Building => State::Building,
            Phase::Pushing => State::Pushing,
            Phase::Tagging => State::Tagging,
        };
        if phase != Phase::Waiting {
            self.began.get_or_insert(now);
        }
        let news = self.state != state;
        self.state = state;
        news
    }

    /// Moves on to a state that an event implies; what is over stays over.
    fn go_on(&mut self, state: State) {
        if !matches!(self.state, State::Finished(_) | State::Failed(..)) {
            self.state = state;
        }
    }

    fn end(&mut self, failure: Option<&String>, now: Duration) {
        self.state = match failure {
            None => State::Finished(now),
            Some(reason) => State::Failed(now, reason.clone()),
        };
        self.began.get_or_insert(now);
    }

    fn step(&mut self, build: &BuildStep) -> bool {
        self.changes += 1;
        let running = build.state == StepState::Running;
        let known = self
            .steps
            .iter_mut()
            .find(|step| step.build.digest == build.digest);
        let Some(step) = known else {
            self.steps.push(Step {
                build: build.clone(),
                ran: running,
                changed: self.changes,
            });
            return true;
        };
        let news = step.build.state != build.state;
        if news {
            step.changed = self.changes;
        }
        step.ran |= running;
        step.build = build.clone();
        news
    }

    fn log(&mut self, step: &str, line: &str) {
        let kept = self.logs.entry(step.to_owned()).or_default();
        if kept.len() == KEPT_LINES {
            kept.pop_front();
        }
        kept.push_back(line.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::samples::{digest, image, key, log, phase, step, tag};

    fn model(events: &[Event]) -> Model {
        let mut model = Model::default();
        for (second, event) in (0..).zip(events) {
            model.fold(event, Duration::from_secs(second));
        }
        model
    }

    #[test]
    fn a_repeated_step_is_no_news_and_stays_where_it_was() {
        let mut model = model(&[
            step("web", 1, StepState::Running, "RUN one"),
            step("web", 2, StepState::Running, "RUN two"),
        ]);
        assert!(!model.fold(
            &step("web", 1, StepState::Running, "RUN one"),
            Duration::ZERO
        ));
        let web = model.get(&image("web")).expect("seen");
        assert_eq!(
            web.current_step().expect("a step").build.name,
            "[2/4] RUN two"
        );
        assert!(model.fold(
            &step("web", 2, StepState::Cached, "RUN two"),
            Duration::ZERO
        ));
        let web = model.get(&image("web")).expect("seen");
        assert_eq!(
            web.current_step().expect("a step").build.name,
            "[1/4] RUN one"
        );
        assert_eq!(web.cached_steps(), 1);
    }

    #[test]
    fn an_instruction_is_shown_before_a_task_of_the_builder() {
        let mut own = step("web", 9, StepState::Running, "exporting");
        let Event::Step { step: build, .. } = &mut own else {
            unreachable!("it is a step")
        };
        build.index = None;
        let model = model(&[step("web", 1, StepState::Running, "RUN one"), own]);
        let web = model.get(&image("web")).expect("seen");
        assert_eq!(
            web.current_step().expect("a step").build.index,
            Some((1, 4))
        );
    }

    #[test]
    fn the_failed_step_is_the_one_that_the_reason_names() {
        let model = model(&[
            step("web", 1, StepState::Failed, "RUN stopped"),
            log("web", 2, "no such package"),
            step("web", 2, StepState::Failed, "RUN pip"),
        ]);
        let web = model.get(&image("web")).expect("seen");
        let failed = web
            .failed_step("`[2/4] RUN pip` failed with exit code 1")
            .expect("a step");
        assert_eq!(failed.build.index, Some((2, 4)));
        assert_eq!(
            web.last_lines(failed).collect::<Vec<_>>(),
            ["no such package"]
        );
        assert_eq!(
            web.failed_step("killed").expect("a step").build.index,
            Some((1, 4))
        );
    }

    #[test]
    fn only_the_last_log_lines_are_kept() {
        let events: Vec<Event> = (0..100)
            .map(|line| log("web", 1, &line.to_string()))
            .collect();
        let mut model = model(&events);
        model.fold(&step("web", 1, StepState::Failed, "RUN x"), Duration::ZERO);
        let web = model.get(&image("web")).expect("seen");
        let lines: Vec<&str> = web.last_lines(&web.steps[0]).collect();
        assert_eq!((lines.len(), lines[0], lines[29]), (30, "70", "99"));
    }

    #[test]
    fn waiting_does_not_count_as_work() {
        let mut model = model(&[
            phase("web", Phase::Waiting),
            phase("web", Phase::Waiting),
            phase("web", Phase::Building),
        ]);
        let now = Duration::from_secs(7);
        assert_eq!(
            model.get(&image("web")).expect("seen").elapsed(now),
            Duration::from_secs(5)
        );
        model.fold(
            &Event::Finished {
                image: image("web"),
                failure: None,
            },
            Duration::from_secs(8),
        );
        let later = Duration::from_mins(1);
        assert_eq!(
            model.get(&image("web")).expect("seen").elapsed(later),
            Duration::from_secs(6)
        );
    }

    #[test]
    fn an_image_that_is_pushed_waits_in_place_for_its_tags() {
        let held = Event::Held {
            image: image("web"),
            key: key("shop/web"),
            digest: digest(),
        };
        let tagged = Event::Tagged {
            image: image("web"),
            key: key("shop/web"),
            tag: tag("v1"),
            digest: digest(),
        };
        let mut model = model(&[
            phase("web", Phase::Pushing),
            held,
            phase("web", Phase::Waiting),
        ]);
        assert_eq!(
            model.get(&image("web")).expect("seen").state,
            State::InPlace
        );
        model.fold(
            &Event::Finished {
                image: image("web"),
                failure: None,
            },
            Duration::from_secs(9),
        );
        model.fold(&tagged, Duration::from_secs(10));
        let web = model.get(&image("web")).expect("seen");
        assert_eq!(web.state, State::Finished(Duration::from_secs(9)));
        assert_eq!(web.tags.len(), 1);
    }
}
