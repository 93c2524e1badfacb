//! The wire model: the one versioned document of a plan, input of every view, of programs and of Rego policies.
//!
//! `docs/formats/plan.md` describes it and `docs/formats/plan.schema.json` pins it. Minor versions add keys, never change them.
//! Images and repositories are sorted by address, so that the bytes depend on what is planned only.

mod files;
mod image;
mod precondition;
mod reason;
mod registry;
mod repository;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diag;
pub use crate::finding::{Finding, Level};
pub use crate::fingerprint::InputChange as Change;
use crate::plan::file::SavedPlan;
pub use crate::plan::file::{Header, SavedDiagnostic as Diagnostic, SavedLabel as Label};
use crate::plan::{Declared, ImageAction, Plan, RepositoryAction, TagAction};

/// Version of the document.
pub const FORMAT_VERSION: &str = "1.0";

/// The document of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Global flags that a command to type next needs as well, each with a space behind. Set by who shows it; no part of the document.
    #[serde(skip)]
    pub global_flags: String,
    /// Version of the document: `1.0`.
    pub format_version: String,
    /// Version of the windlass that made the plan.
    pub windlass_version: String,
    /// The workspace's name.
    pub workspace: String,
    /// The environment it was made for.
    pub environment: Option<String>,
    /// When the plan was made, RFC 3339 in UTC.
    pub created_at: String,
    /// The commit at HEAD, where an expression used `git.*`.
    pub git_sha: Option<String>,
    /// The builder that was asked for images, `None` where none answered.
    pub builder: Option<String>,
    /// Whether apply can carry it out: it is not refused, and no step is blocked or unknown.
    pub applicable: bool,
    /// Names of the `WINDLASS_*` variables that took effect, sorted.
    pub environment_variables: Vec<String>,
    /// The registries in scope, sorted by address.
    pub registries: Vec<Registry>,
    /// The variables of the manifest, sorted by name.
    pub variables: Vec<Variable>,
    /// The base images with their digests, sorted by reference.
    pub bases: Vec<Base>,
    /// Counts, every key present.
    pub summary: Summary,
    /// All images in scope, the unchanged among them.
    pub images: Vec<Image>,
    /// All repositories in scope, the unchanged among them.
    pub repositories: Vec<Repository>,
    /// Findings of policies.
    pub policies: Vec<Finding>,
    /// What apply checks before the steps.
    pub preconditions: Vec<Precondition>,
    /// Things to know that change nothing.
    pub notes: Vec<String>,
    /// Why the plan as a whole cannot be applied: guards that do not hold, what is not carried out yet. Left out where
    /// there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<String>,
    /// What was said while the plan was made.
    pub diagnostics: Vec<Diagnostic>,
}

/// How many there are of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Images by action.
    pub images: BTreeMap<ImageAction, usize>,
    /// Repositories by action.
    pub repositories: BTreeMap<RepositoryAction, usize>,
    /// Findings by level; waived ones are not counted.
    pub findings: BTreeMap<Level, usize>,
}

/// A registry as the plan reached it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registry {
    /// `registry.NAME`
    pub address: String,
    /// The account, twelve digits.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// ARN of the role that is assumed.
    pub role: Option<String>,
    /// The endpoint that plays ECR, without user and password; `None` for ECR itself.
    pub endpoint: Option<String>,
}

/// A variable as the plan used it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Where the value came from: `default`, `--var`, `env CI_COMMIT_TAG`.
    pub origin: String,
}

/// A base image as the plan used it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// Upstream reference.
    pub reference: String,
    /// Its digest.
    pub digest: String,
    /// Whether the digest came from the lock; else it was resolved for this plan.
    pub locked: bool,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// `image.NAME`
    pub address: String,
    /// Where it stands in the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
    /// The first of its targets' actions in the order of the contract.
    pub action: ImageAction,
    /// Why, the most important first; never empty.
    pub reasons: Vec<Reason>,
    /// The fingerprint of its inputs, `None` where they are not known.
    pub fingerprint: Option<String>,
    /// Platforms it is built for.
    pub platforms: Vec<String>,
    /// The build context, `None` where the inputs are not known.
    pub context: Option<Context>,
    /// Its Dockerfile.
    pub dockerfile: Dockerfile,
    /// Addresses of the workspace images that it is built from.
    pub needs: Vec<String>,
    /// References of the base images that its build can pull, as its Dockerfile names them, sorted.
    #[serde(default)]
    pub bases: Vec<String>,
    /// When the image that the wanted tags hold was built, as the image says.
    pub built_at: Option<String>,
    /// Id of the image in the builder that is pushed, where the action is a push.
    pub local_image: Option<String>,
    /// Where it must be held.
    pub targets: Vec<Target>,
}

/// What a build sees of the tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Context {
    /// Its folder, relative to the workspace.
    pub path: String,
    /// Files and links that the build can read.
    pub files: usize,
    /// Their size.
    pub bytes: u64,
}

/// The Dockerfile of an image, now and before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dockerfile {
    /// Of the image that a wanted tag holds now; `None` where there is none or its record does not tell.
    pub before: Option<String>,
    /// As it is rendered now; `None` where the inputs are not known.
    pub after: Option<String>,
}

/// Why an image has its action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// Which one it is.
    pub kind: ReasonKind,
    /// In words.
    pub message: String,
    /// What to do, where something is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Address of the repository it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The tag it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The digest it is about: what the tag holds, or the id in the builder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Address of the image it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Every difference of the inputs, where the kind is `inputs-changed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Change>>,
    /// The changed files by folder, where the kind is `inputs-changed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folders: Option<Vec<Folder>>,
}

/// Kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonKind {
    /// Every wanted tag holds an image with the fingerprint.
    UpToDate,
    /// A wanted tag is not there; the image is.
    TagMissing,
    /// A wanted tag holds another image; the wanted one is there.
    TagElsewhere,
    /// The `in-` tag is missing.
    InTagMissing,
    /// The builder holds the image.
    InBuilder,
    /// The repository is not there yet.
    RepositoryMissing,
    /// No wanted tag is there, and no image with the fingerprint.
    NeverBuilt,
    /// This machine built the image before; it is nowhere any more.
    Gone,
    /// What a wanted tag holds was built from other inputs.
    InputsChanged,
    /// The same, but its record is not there.
    RecordMissing,
    /// A wanted tag holds an image that windlass did not build.
    ForeignImage,
    /// An immutable tag holds another image.
    Immutable,
    /// The `in-` tag holds an image without the fingerprint.
    InTagTaken,
    /// The image is archived.
    Archived,
    /// Another repository holds the image with the fingerprint.
    Elsewhere,
    /// ECR copies the image once it is pushed elsewhere.
    Replicated,
    /// No rule of ECR copies the image.
    NotReplicated,
    /// A lifecycle rule is going to take what a wanted tag holds.
    Expires,
    /// The image can have no other tag.
    TooManyTags,
    /// The repository cannot be used.
    Repository,
    /// A read failed.
    NotRead,
    /// An input cannot be used.
    Unusable,
    /// The builder cannot do it.
    Builder,
    /// An image it is built from cannot be had.
    NeedBlocked,
}

/// Changed files below one folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Folder {
    /// Folder below the context, ending in `/`; `./` for the context itself.
    pub path: String,
    /// Files that are new.
    pub added: usize,
    /// Files with other content.
    pub changed: usize,
    /// Files that are gone.
    pub removed: usize,
    /// Files with another mode only.
    pub mode_changed: usize,
    /// All files below the folder, the removed ones among them.
    pub files: usize,
}

/// One place that holds an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The registry's name.
    pub target: String,
    /// Address of the repository.
    pub repository: String,
    /// URI to push to and pull from, `None` where the repository is not there yet.
    pub repository_uri: Option<String>,
    /// What is done here.
    pub action: ImageAction,
    /// The image that is copied, where the action is a copy: address of the repository and digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_from: Option<String>,
    /// The repository that this run pushes the image to and that ECR copies it from: its address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicated_from: Option<String>,
    /// The wanted tags, sorted.
    pub tags: Vec<Tag>,
}

/// A wanted tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// The tag.
    pub tag: String,
    /// What is done.
    pub action: TagAction,
    /// What it holds now, `None` where it is not there or was not read.
    pub from_digest: Option<String>,
    /// What it will hold; `None` until the image is built.
    pub to_digest: Option<String>,
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repository {
    /// `repository.NAME@REGISTRY`
    pub address: String,
    /// Where it stands in the manifest, or the image that implies it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
    /// The registry's name.
    pub target: String,
    /// Its URI, `None` where it is not there yet.
    pub repository_uri: Option<String>,
    /// What is done.
    pub action: RepositoryAction,
    /// The settings that differ.
    pub changes: Vec<SettingChange>,
    /// Why it is blocked or unknown, and what to do.
    pub why: Option<String>,
}

/// A setting that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// Its name in the manifest.
    pub path: String,
    /// The value now, null where there is none.
    pub before: Value,
    /// The value wanted, null where there is to be none.
    pub after: Value,
    /// Whether ECR could only change it by deleting the repository; windlass never does.
    pub forces_replacement: bool,
}

/// What apply checks directly before a step; a difference stops it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precondition {
    /// Which one it is.
    pub kind: PreconditionKind,
    /// Address of the repository or image it is about, `None` for the commit.
    pub address: Option<String>,
    /// The tag, where the kind is `tag`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The setting, where the kind is `setting`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// What is expected: a digest, a value, a fingerprint or a commit; null where the thing must not be there.
    pub expected: Value,
    /// Where the kind is `tag`: an image of this fingerprint under the tag counts as done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub or_fingerprint: Option<String>,
}

/// Kinds of preconditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PreconditionKind {
    /// HEAD is at this commit.
    Commit,
    /// The repository is not there.
    RepositoryAbsent,
    /// The repository's setting has this value.
    Setting,
    /// The inputs at hand have this fingerprint.
    Inputs,
    /// The builder holds the image with this id.
    BuilderImage,
    /// The tag holds this digest.
    Tag,
}

impl Report {
    /// Returns the flag that selects the plan's environment, with a space behind; empty where it has none.
    pub fn environment_flag(&self) -> String {
        let environment = self.environment.as_ref();
        environment.map_or(String::new(), |name| format!("--env {name} "))
    }

    /// Writes the document of a plan.
    pub fn new(plan: &Plan, header: &Header, diagnostics: &[diag::Diagnostic]) -> Self {
        let diagnostics = diagnostics.iter().map(Diagnostic::from).collect();
        Self::assemble(plan, header, diagnostics)
    }

    fn assemble(plan: &Plan, header: &Header, diagnostics: Vec<Diagnostic>) -> Self {
        let Plan {
            workspace,
            environment,
            git_sha,
            builder,
            registries,
            variables,
            bases,
            images: _,
            repositories: _,
            notes,
            refusals,
            guards: _,
            engine: _,
            policy,
        } = plan;
        let mut variables: Vec<Variable> = variables
            .iter()
            .map(|variable| Variable {
                name: variable.name.clone(),
                value: variable.value.clone(),
                origin: variable.origin.clone(),
            })
            .collect();
        variables.sort_by(|a, b| a.name.cmp(&b.name));
        let images = image::images(plan);
        let repositories = repository::repositories(plan);
        let policies = policy.findings.clone();
        Self {
            global_flags: String::new(),
            format_version: FORMAT_VERSION.to_owned(),
            windlass_version: header.windlass_version.clone(),
            workspace: workspace.clone(),
            environment: environment.clone(),
            created_at: header.created_at.clone(),
            git_sha: git_sha.clone(),
            builder: builder.clone(),
            applicable: plan.is_applicable(),
            environment_variables: header.environment_variables.clone(),
            registries: registry::registries(registries),
            variables,
            bases: bases.iter().map(base).collect(),
            summary: summarise(&images, &repositories, &policies),
            preconditions: precondition::preconditions(plan, &images, &repositories),
            images,
            repositories,
            policies,
            notes: notes.clone(),
            refusals: refusals.clone(),
            diagnostics,
        }
    }
}

impl From<&SavedPlan> for Report {
    /// Writes the document of a saved plan: the same that was written when the plan was made.
    fn from(saved: &SavedPlan) -> Self {
        Self::assemble(&saved.plan, &saved.header, saved.diagnostics.clone())
    }
}

fn base(base: &crate::plan::BasePlan) -> Base {
    Base {
        reference: base.reference.clone(),
        digest: base.digest.to_string(),
        locked: base.locked,
    }
}

fn summarise(images: &[Image], repositories: &[Repository], findings: &[Finding]) -> Summary {
    let mut summary = Summary {
        images: ImageAction::ALL.map(|action| (action, 0)).into(),
        repositories: RepositoryAction::ALL.map(|action| (action, 0)).into(),
        findings: Level::ALL.map(|level| (level, 0)).into(),
    };
    for image in images {
        *summary.images.entry(image.action).or_default() += 1;
    }
    for repository in repositories {
        *summary.repositories.entry(repository.action).or_default() += 1;
    }
    for finding in findings.iter().filter(|it| it.waived_by.is_none()) {
        *summary.findings.entry(finding.level).or_default() += 1;
    }
    summary
}
