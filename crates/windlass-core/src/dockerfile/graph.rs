//! The stage graph: what each stage starts from, and what is in force at each of its instructions after ARG and ENV are put in.
//!
//! The rules are those of BuildKit's `dockerfile2llb`. What depends on an image whose configuration was not handed in is
//! [`Setting::Unknown`], never taken for absent.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use crate::name::Platform;

use super::{Dockerfile, Word};

mod build;
mod links;

pub use links::{Link, LinkTarget, mount_fields};

/// What decides how a Dockerfile is resolved.
pub struct GraphQuery<'a> {
    /// The build args.
    pub args: &'a BTreeMap<String, String>,
    /// The stage to build, by name or number; the last one where `None`.
    pub stage: Option<&'a str>,
    /// The platform to build for; gives `TARGETPLATFORM` and the like their values.
    pub platform: &'a Platform,
    /// Returns what is known of an image's configuration, by its reference as written after substitution.
    pub bases: &'a dyn Fn(&str) -> BaseConfig,
}

/// What a Dockerfile inherits from a base image; what is not known is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BaseConfig {
    /// The user, empty for root.
    pub user: Option<String>,
    /// The entry point, empty where there is none.
    pub entrypoint: Option<Vec<String>>,
    /// The command, empty where there is none.
    pub cmd: Option<Vec<String>>,
    /// The working directory, empty for `/`.
    pub workdir: Option<String>,
    /// The shell of SHELL, empty where the default is in force.
    pub shell: Option<Vec<String>>,
    /// The environment.
    pub environment: Option<BTreeMap<String, String>>,
    /// The labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Whether it has a health check.
    pub healthcheck: Option<bool>,
    /// The signal that stops it, empty for the default.
    pub stop_signal: Option<String>,
}

impl BaseConfig {
    /// Returns the configuration of `scratch`: nothing is set, and that is known.
    pub fn empty() -> Self {
        Self {
            user: Some(String::new()),
            entrypoint: Some(Vec::new()),
            cmd: Some(Vec::new()),
            workdir: Some(String::new()),
            shell: Some(Vec::new()),
            environment: Some(BTreeMap::new()),
            labels: Some(BTreeMap::new()),
            healthcheck: Some(false),
            stop_signal: Some(String::new()),
        }
    }
}

/// A Dockerfile with every stage resolved.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The args before the first FROM and those that the platform gives.
    pub globals: BTreeMap<String, Variable>,
    /// The stages, as in [`Dockerfile::stages`].
    pub stages: Vec<StageGraph>,
    /// The stage that is built; `None` where there is no stage of that name or none at all.
    pub target: Option<usize>,
}

/// One stage, resolved.
#[derive(Debug, Clone)]
pub struct StageGraph {
    /// What it starts from.
    pub base: StageBase,
    /// The value of `--platform`; variables of the building machine stay as they are.
    pub platform: Option<Value>,
    /// What is in force before each of its instructions, FROM first (there it is what the base gives).
    pub before: Vec<State>,
    /// What is in force at its end.
    pub end: State,
    /// What its COPY and RUN take from elsewhere.
    pub links: Vec<Link>,
    /// Whether the wanted stage is built from it.
    pub reached: bool,
}

/// What a stage starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StageBase {
    /// An earlier stage.
    Stage(usize),
    /// Nothing.
    Scratch,
    /// An image, as written after substitution.
    Image(String),
    /// It cannot be said: a variable has no value, or the builder cannot expand the word.
    Unknown(Value),
}

/// A text after substitution.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Value {
    /// The text; a variable without a value is nothing in it.
    pub text: String,
    /// The variables that had no value, or whose value has such a variable in it.
    pub missing: Vec<String>,
    /// What the builder would say where it cannot expand the text; the text is as written then.
    pub problem: Option<String>,
}

/// A setting of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Setting<T> {
    /// Neither the Dockerfile nor the base image sets it.
    Unset,
    /// It comes from a base image whose configuration is not known.
    Unknown,
    /// It comes from the base image.
    Base(T),
    /// An instruction sets it.
    Set(Placed<T>),
}

/// A value with the instruction that sets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// The index of the instruction in [`Dockerfile::instructions`].
    pub instruction: usize,
    /// The bytes of the argument.
    pub span: Range<usize>,
}

/// What ENTRYPOINT or CMD leave in the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Process {
    /// The exec form.
    Exec(Vec<String>),
    /// The shell form: a text that the shell is handed.
    Shell(String),
}

/// A variable that an expansion or a command sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its value, `None` for an ARG that has none.
    pub value: Option<Value>,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a variable comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The platform that is built for.
    Platform,
    /// The environment of the base image.
    Base,
    /// An ARG, by the index of its instruction; `given` where a build arg sets it.
    Arg {
        /// The index of the instruction.
        instruction: usize,
        /// Whether the value is that of a build arg.
        given: bool,
    },
    /// An ENV, by the index of its instruction.
    Env {
        /// The index of the instruction.
        instruction: usize,
    },
}

/// What is in force at a place of a stage.
#[derive(Debug, Clone)]
pub struct State {
    /// The user.
    pub user: Setting<Value>,
    /// The working directory, joined; without a `/` in front where what it is relative to is not known.
    pub workdir: Setting<Value>,
    /// The entry point.
    pub entrypoint: Setting<Process>,
    /// The command.
    pub cmd: Setting<Process>,
    /// The shell of the shell form.
    pub shell: Setting<Vec<String>>,
    /// Whether there is a health check.
    pub healthcheck: Setting<bool>,
    /// The signal that stops it.
    pub stop_signal: Setting<Value>,
    /// What ENV and the base leave in the image.
    pub environment: Arc<BTreeMap<String, Value>>,
    /// The variables that expansions and commands see; the later of ARG and ENV of one name wins.
    pub variables: Arc<BTreeMap<String, Variable>>,
    /// The labels; `None` for one whose name has no fixed text is left out.
    pub labels: Arc<BTreeMap<String, Value>>,
    /// Whether all variables are known: the stage goes back to `scratch`, or to an image whose environment was handed in.
    pub base_known: bool,
}

impl<T> Setting<T> {
    /// Returns the value as far as it is known.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Base(value) => Some(value),
            Self::Set(placed) => Some(&placed.value),
            Self::Unset | Self::Unknown => None,
        }
    }

    /// Returns the value with its place where an instruction sets it.
    pub fn placed(&self) -> Option<&Placed<T>> {
        match self {
            Self::Set(placed) => Some(placed),
            _ => None,
        }
    }
}

impl Value {
    /// Wraps a text that needs no substitution.
    pub fn fixed(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            ..Self::default()
        }
    }

    /// Whether the text is all there is: no variable without a value, nothing that cannot be expanded.
    pub fn is_fixed(&self) -> bool {
        self.missing.is_empty() && self.problem.is_none()
    }
}

impl State {
    /// Expands a word as the builder does at this place.
    pub fn expand(&self, word: &str, escape: char) -> Value {
        build::expand_with(word, escape, &self.variables)
    }

    /// Returns what an image finds that is built from one which ends like this. What depends on a variable without a value is not known.
    pub fn to_config(&self) -> BaseConfig {
        build::to_config(self)
    }

    /// Returns the shell of the shell form; `None` where it is not known.
    pub fn shell_words(&self) -> Option<Vec<String>> {
        match &self.shell {
            Setting::Unset => Some(vec!["/bin/sh".to_owned(), "-c".to_owned()]),
            Setting::Unknown => None,
            Setting::Base(words) => Some(words.clone()),
            Setting::Set(placed) => Some(placed.value.clone()),
        }
    }
}

impl Graph {
    /// Returns a stage and those that it starts from, the stage first.
    pub fn lineage(&self, stage: usize) -> Vec<usize> {
        let mut line = vec![stage];
        let mut at = stage;
        while let StageBase::Stage(parent) = self.stages[at].base {
            line.push(parent);
            at = parent;
        }
        line
    }

    /// Returns what the first of the lineage starts from.
    pub fn root(&self, stage: usize) -> &StageBase {
        let line = self.lineage(stage);
        &self.stages[line[line.len() - 1]].base
    }

    /// Returns the stages that hold what the final image holds: the wanted one and those it starts from.
    pub fn final_stages(&self) -> BTreeSet<usize> {
        let found = self.target.map(|it| self.lineage(it));
        found.unwrap_or_default().into_iter().collect()
    }

    /// Returns what is in force before an instruction, by its index in [`Dockerfile::instructions`]; `None` before the first
    /// FROM.
    pub fn before(&self, dockerfile: &Dockerfile, instruction: usize) -> Option<&State> {
        let stage = dockerfile.stage_of(instruction)?;
        let start = dockerfile.stages[stage].instructions.start;
        self.stages[stage].before.get(instruction - start)
    }
}

impl Dockerfile {
    /// Returns the stage that an instruction belongs to.
    pub fn stage_of(&self, instruction: usize) -> Option<usize> {
        self.stages
            .iter()
            .position(|it| it.instructions.contains(&instruction))
    }
}

/// Resolves all stages. Nothing is refused: what the builder would refuse is a [`Value::problem`] or stays unknown, and
/// [`super::bases()`] says it.
pub fn resolve(dockerfile: &Dockerfile, query: &GraphQuery<'_>) -> Graph {
    build::resolve(dockerfile, query)
}

/// Returns the names of the variables that a word mentions, with their places.
pub fn mentioned_in(word: &Word, escape: char) -> Vec<String> {
    let found = super::words::mentioned(&word.text, escape);
    found.into_iter().map(|(name, _)| name).collect()
}

#[cfg(test)]
mod tests;
