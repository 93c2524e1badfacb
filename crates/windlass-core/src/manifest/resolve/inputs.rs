//! What comes from outside: variables, git, the selected environment; and how names in templates find it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use minijinja::Value;

use crate::diag::Source;
use crate::manifest::model::{Mirror, Registry};
use crate::manifest::template::{Axes, Lookup, Name, Namespace, Values};

use super::instances::value_of;
use super::matrix::Combination;

/// Everything that resolving needs from outside.
pub struct ResolveInputs<'a> {
    /// `--var NAME=VALUE`, in order.
    pub cli_vars: Vec<(String, String)>,
    /// The texts of `--var-file`, in order; later ones win.
    pub var_files: Vec<Arc<Source>>,
    /// The environment of the process.
    pub environment_variables: BTreeMap<String, String>,
    /// What git says about the checkout.
    pub git: GitFacts,
    /// Mirrors given from outside; they win over those of the manifest.
    pub mirrors: Vec<Mirror>,
    /// Returns the host under which a registry is pulled from.
    pub registry_host: &'a dyn Fn(&Registry) -> String,
    /// The selected environment.
    pub environment: Option<String>,
    /// The day of the run, `YYYY-MM-DD`, UTC.
    pub today: String,
}

impl<'a> ResolveInputs<'a> {
    /// Returns inputs without anything from outside.
    pub fn new(registry_host: &'a dyn Fn(&Registry) -> String) -> Self {
        Self {
            cli_vars: Vec::new(),
            var_files: Vec::new(),
            environment_variables: BTreeMap::new(),
            git: GitFacts::default(),
            mirrors: Vec::new(),
            registry_host,
            environment: None,
            today: "1970-01-01".to_owned(),
        }
    }
}

/// One thing that git may know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitFact<T> {
    /// Its value.
    Known(T),
    /// There is none, for this reason; `| default(..)` in a template helps.
    Absent(String),
    /// It cannot be told, for this reason; using it is an error.
    Unavailable(String),
}

impl<T> Default for GitFact<T> {
    fn default() -> Self {
        Self::Absent("the workspace is not in a git repository".to_owned())
    }
}

impl<T: Clone + Into<Value>> GitFact<T> {
    fn lookup(&self) -> Lookup {
        match self {
            Self::Known(value) => Lookup::Value(value.clone().into()),
            Self::Absent(reason) => Lookup::Absent(reason.clone()),
            Self::Unavailable(reason) => Lookup::Unavailable(reason.clone()),
        }
    }
}

/// What git says about the checkout. `git.short` is made of `sha`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GitFacts {
    /// The commit, 40 or 64 hex digits.
    pub sha: GitFact<String>,
    /// The symbolic HEAD, or the branch that the CI names.
    pub branch: GitFact<String>,
    /// Where the branch is known from: `HEAD`, or an environment variable.
    pub branch_origin: Option<String>,
    /// The highest semver tag at the commit, else the first by name.
    pub tag: GitFact<String>,
    /// `git describe --tags`; unavailable in a shallow clone.
    pub describe: GitFact<String>,
    /// The committer's time, RFC 3339, UTC.
    pub commit_time: GitFact<String>,
    /// A tracked change, or an untracked file that is not ignored.
    pub dirty: GitFact<bool>,
    /// Whether the clone is shallow.
    pub is_shallow: Option<bool>,
}

/// What an image puts into the namespace `image`.
#[derive(Debug, Clone)]
pub(super) struct ImageScope {
    pub(super) name: String,
    /// The URI of the first target, or why it cannot be named.
    pub(super) repository: Result<String, String>,
}

/// What a target puts into the namespace `registry`.
#[derive(Debug, Clone)]
pub(super) struct RegistryScope {
    pub(super) name: String,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) host: String,
}

/// The values that names have in one place.
#[derive(Debug, Clone)]
pub(super) struct Scope<'a> {
    pub(super) variables: Rc<BTreeMap<String, Value>>,
    pub(super) git: &'a GitFacts,
    pub(super) workspace: &'a str,
    pub(super) environment: Option<&'a str>,
    pub(super) image: Option<ImageScope>,
    pub(super) registry: Option<RegistryScope>,
    pub(super) matrix: Option<Rc<Combination<'a>>>,
}

impl Values for Scope<'_> {
    fn axes(&self) -> &Axes {
        match &self.matrix {
            Some(matrix) => &matrix.axes,
            None => &Axes::None,
        }
    }

    fn lookup(&self, name: &Name) -> Lookup {
        match name.namespace {
            Namespace::Var => match self.variables.get(&name.key) {
                Some(value) => Lookup::Value(value.clone()),
                None => Lookup::Broken,
            },
            Namespace::Git => self.lookup_git(&name.key),
            Namespace::Workspace => Lookup::Value(Value::from(self.workspace)),
            Namespace::Environment => match self.environment {
                Some(name) => Lookup::Value(Value::from(name)),
                None => Lookup::Absent("no environment is selected".to_owned()),
            },
            Namespace::Image => self.lookup_image(&name.key),
            Namespace::Registry => self.lookup_registry(&name.key),
            Namespace::Matrix => match self.matrix.as_ref().and_then(|it| it.value(&name.key)) {
                Some(value) => Lookup::Value(value_of(value)),
                None => Lookup::Broken,
            },
        }
    }
}

impl Scope<'_> {
    fn lookup_git(&self, key: &str) -> Lookup {
        let git = self.git;
        match key {
            "sha" => git.sha.lookup(),
            "short" => match &git.sha {
                GitFact::Known(sha) => Lookup::Value(Value::from(sha.get(..12).unwrap_or(sha))),
                other => other.lookup(),
            },
            "branch" => git.branch.lookup(),
            "tag" => git.tag.lookup(),
            "describe" => git.describe.lookup(),
            "commit_time" => git.commit_time.lookup(),
            "dirty" => git.dirty.lookup(),
            _ => Lookup::Broken,
        }
    }

    fn lookup_image(&self, key: &str) -> Lookup {
        let Some(image) = &self.image else {
            return Lookup::Unavailable("this does not belong to an image".to_owned());
        };
        if key == "name" {
            return Lookup::Value(Value::from(image.name.as_str()));
        }
        match &image.repository {
            Ok(uri) => Lookup::Value(Value::from(uri.as_str())),
            Err(reason) if reason.is_empty() => Lookup::Broken,
            Err(reason) => Lookup::Unavailable(reason.clone()),
        }
    }

    fn lookup_registry(&self, key: &str) -> Lookup {
        let Some(registry) = &self.registry else {
            return Lookup::Unavailable("this does not belong to a registry".to_owned());
        };
        let text = match key {
            "name" => &registry.name,
            "account" => &registry.account,
            "region" => &registry.region,
            _ => &registry.host,
        };
        Lookup::Value(Value::from(text.as_str()))
    }
}
