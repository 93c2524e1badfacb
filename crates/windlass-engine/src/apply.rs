//! Apply: carries out the steps of a plan, in an order that can be interrupted anywhere and run again.
//!
//! 1. Everything the plan has a step for is read again; if it moved, nothing is written ([`ApplyError::Stale`]).
//! 2. Repositories are created and changed.
//! 3. Images are built, pushed and put under their `in-` tag, each as soon as what it needs is there.
//! 4. Wanted tags move last, after all images are held, and only forward.
//!
//! Apply reads neither the manifest nor a [`Reason`](windlass_core::plan::Reason), and takes no decision the plan did not take.

mod begin;
mod build;
mod cancel;
mod check;
mod finish;
mod images;
mod pin;
mod push;
mod records;
mod removals;
mod repositories;
mod run;
mod tags;
#[cfg(test)]
mod tests;
mod undo;
mod work;

use std::path::PathBuf;

use windlass_core::name::RegistryName;
use windlass_core::plan::{ImageAction, Plan, RepositoryAction};

pub use crate::apply::begin::Begin;
pub use crate::apply::build::local_names;
pub use crate::apply::cancel::{Cancel, Canceller};
use crate::apply::run::Run;
use crate::event::Events;
use crate::inputs::InputsAtHand;
use crate::outcome::Outcome;
use crate::ports::{Builder, BuilderError, Registry, RegistryError};
use crate::secrets::SecretReader;

/// The ports that an apply works through.
#[derive(Debug)]
pub struct Ports<'a, R, B> {
    /// The registries.
    pub registry: &'a R,
    /// The builder; asked only where something is built or pushed.
    pub builder: &'a B,
}

impl<R, B> Clone for Ports<'_, R, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R, B> Copy for Ports<'_, R, B> {}

/// How an apply is run. None of it changes what is applied.
#[derive(Debug, Clone)]
pub struct ApplyOptions {
    /// Folder of the workspace; contexts are relative to it.
    pub workspace_root: PathBuf,
    /// How many builds run at once, at least one.
    pub parallelism: usize,
    /// Whether the other images go on after a failure, and the tags of complete ones are moved.
    pub keep_going: bool,
    /// Whether cached build steps, and images built earlier for the same fingerprint, may be used.
    pub use_cache: bool,
    /// Where the values of secrets come from.
    pub secrets: SecretReader,
    /// What compares the inputs of builds with those that were planned.
    pub inputs: InputsAtHand,
    /// What is done once everything has been checked, before the first write.
    pub begin: Begin,
    /// Ends the apply early.
    pub cancel: Cancel,
}

impl ApplyOptions {
    /// Returns the options of an apply that nothing more is said about: two builds at once, with cache, stopping at the first failure.
    pub fn new(workspace_root: impl Into<PathBuf>) -> Self {
        Self {
            workspace_root: workspace_root.into(),
            parallelism: 2,
            keep_going: false,
            use_cache: true,
            secrets: SecretReader::default(),
            inputs: InputsAtHand::default(),
            begin: Begin::default(),
            cancel: Cancel::never(),
        }
    }
}

/// How many of the things that moved are named.
const NAMED: usize = 12;

/// Why an apply ended before its first write. Nothing was changed anywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// The plan has steps that cannot be carried out; each is named.
    #[error("the plan cannot be applied: {}", .0.join("; "))]
    NotApplicable(Vec<String>),
    /// The world is not the one the plan was made for; exit code 4.
    #[error("the plan is stale:\n  {}", listed(.moved))]
    Stale {
        /// What moved, for people.
        moved: Vec<String>,
    },
    /// Something that has to be compared with the plan could not be read; each is named with the reason.
    #[error("cannot check the plan against what is there: {}", .what.join("; "))]
    NotRead {
        /// What and why, each cause once.
        what: Vec<String>,
        /// Whether every one of the reads can succeed later by itself; exit code 75 then.
        passing: bool,
    },
    /// A registry does not let the caller in.
    #[error("registry.{registry}: {error}")]
    Registry {
        /// The registry.
        registry: RegistryName,
        /// What it says.
        error: RegistryError,
    },
    /// Something has to be built or pushed, and the builder does not answer or cannot do it.
    #[error("{0}")]
    Builder(BuilderError),
    /// Secrets that a build mounts cannot be had; each is named with where it comes from.
    #[error("{}", .0.join("; "))]
    Secrets(Vec<String>),
    /// What was to be done before the first write failed.
    #[error("{0}")]
    NotBegun(String),
    /// It was told to end.
    #[error("interrupted before anything was written")]
    Interrupted,
}

/// Applies a plan.
///
/// Dropping the future ends all builds; what was written stays, and another apply of the same plan finishes. Ending it through
/// [`ApplyOptions::cancel`] does the same and says what is held.
///
/// # Errors
/// [`ApplyError`] where it ended before the first write. Whatever goes wrong later is in the [`Outcome`].
pub async fn apply<R: Registry, B: Builder>(
    plan: &Plan,
    ports: Ports<'_, R, B>,
    options: &ApplyOptions,
    events: &Events,
) -> Result<Outcome, ApplyError> {
    refuse_unusable(plan)?;
    let checked = tokio::select! {
        biased;
        () = options.cancel.cancelled() => return Err(ApplyError::Interrupted),
        checked = check::check(plan, ports, options) => checked?,
    };
    options.begin.run().map_err(ApplyError::NotBegun)?;
    let mut run = Run::new(plan, ports, options, events, checked);
    if run.is_done() {
        return Ok(run.already_applied());
    }
    run.bring_repositories().await;
    if run.goes_on() {
        run.bring_images().await;
    }
    if run.goes_on() {
        run.make_up_records().await;
    }
    if run.goes_on() {
        run.move_tags().await;
    }
    if run.failures.is_empty() && run.goes_on() {
        run.remove_repositories().await;
    }
    Ok(run.finish())
}

/// Returns one line for each, the first ones of many.
fn listed(moved: &[String]) -> String {
    let more = moved.len().saturating_sub(NAMED);
    let named = moved.iter().take(NAMED).cloned();
    let rest = (more > 0).then(|| format!("and {more} more"));
    named.chain(rest).collect::<Vec<_>>().join("\n  ")
}

/// Refuses a plan with steps that cannot be carried out, or that this version does not know how to carry out.
fn refuse_unusable(plan: &Plan) -> Result<(), ApplyError> {
    let images = plan.images.iter().filter_map(|image| match image.action {
        ImageAction::Build
        | ImageAction::Push
        | ImageAction::Restore
        | ImageAction::Copy
        | ImageAction::Retag
        | ImageAction::None => {
            let undecided = image.spec.is_none() && image.action != ImageAction::None;
            undecided.then(|| format!("image.{} has no inputs", image.name))
        }
        ImageAction::Unknown | ImageAction::Blocked => {
            Some(format!("image.{} is {}", image.name, image.action.as_str()))
        }
    });
    let repositories = plan
        .repositories
        .iter()
        .filter_map(|repository| match repository.action {
            RepositoryAction::Create
            | RepositoryAction::Update
            | RepositoryAction::Delete
            | RepositoryAction::None => None,
            RepositoryAction::Unknown | RepositoryAction::Blocked => Some(format!(
                "{} is {}",
                repository.key,
                repository.action.as_str()
            )),
        });
    let refused: Vec<String> = plan
        .refusals
        .iter()
        .cloned()
        .chain(images)
        .chain(repositories)
        .collect();
    if refused.is_empty() {
        Ok(())
    } else {
        Err(ApplyError::NotApplicable(refused))
    }
}
