//! The resolved workspace: every template evaluated, every default applied, every reference checked.
//!
//! Lists are sorted by name unless order carries meaning; maps are sorted. Locations are kept where a later stage may have to point back.

mod access;
mod builder;
mod environment;
mod moves;
mod pattern;
mod policy;
mod secret;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use crate::diag::Sourced;
use crate::diag::{Diagnostic, Location};
use crate::name::{ImageName, Platform, RegistryName, RepositoryKey, Tag};

pub(crate) use self::access::partition;
pub use self::access::{AccessPolicy, AccessRule, LARGEST_ACCESS, Principal};
pub use self::builder::{BuilderAddress, BuilderTls};
pub use self::environment::Promotion;
pub use self::moves::{Moved, Removed};
pub use self::pattern::{OwnPattern, PatternReference};
pub use self::policy::{Policy, PolicyLevel, Waiver};
pub use self::secret::{ImageSecret, SecretSource};

/// A workspace, ready to be planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// The name in `workspace "name"`; also the value of the resource tag `windlass:workspace`.
    pub name: String,
    /// The selected environment, `None` where the manifest has none.
    pub environment: Option<String>,
    /// Whether the environment demands that every base image is locked.
    pub requires_locked_bases: bool,
    /// Where images come from instead of a build.
    pub promotion: Option<Promotion>,
    /// What a plan of this workspace is refused for, with a place each: guards that do not hold, and settings that are not carried out yet.
    /// They are errors of a plan, and none of the manifest.
    pub refusals: Vec<Diagnostic>,
    /// One entry a registry and region; only those that the environment reaches.
    pub registries: Vec<Registry>,
    /// Where base images are fetched from instead of their own registry.
    pub mirrors: Vec<Mirror>,
    /// The patterns that the workspace defines.
    pub patterns: Vec<Arc<OwnPattern>>,
    /// The images in scope.
    pub images: Vec<Image>,
    /// The repositories in scope: those of `repository` nodes and those that images imply.
    pub repositories: Vec<Repository>,
    /// Every variable with its value and where the value came from.
    pub variables: Vec<Variable>,
    /// The workspace's own policies, by name.
    pub policies: Vec<Policy>,
    /// Its waivers, in the order of the files.
    pub waivers: Vec<Waiver>,
    /// Repositories that were renamed.
    pub moved: Vec<Moved>,
    /// Repositories that were given up.
    pub removed: Vec<Removed>,
    /// Whether any expression used `git.*`, or a guard asks git; then the plan records `git.sha`.
    pub uses_git: bool,
    /// Guards of the environment that ask git, as the manifest writes them; they hold when a plan is applied, too.
    pub guards: Vec<String>,
    /// Where the Engine answers that images are built on, `None` for the one that the environment of windlass names.
    pub engine: Option<BuilderAddress>,
    /// How many builds may run at once, from `workspace { parallel }`.
    pub parallel: Option<usize>,
    /// Paths of all files read as manifest, the root first, then of all files that hold secrets; relative to the workspace, and never part of a
    /// context.
    pub files: Vec<String>,
}

/// One registry: an account in one region, or the endpoint that plays it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registry {
    /// `prod`, or `prod/eu-west-1` where the node has several regions.
    pub name: RegistryName,
    /// Twelve digits.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// The role to assume for calls to this registry.
    pub role: Option<Role>,
    /// The profile of the AWS configuration to use.
    pub profile: Option<String>,
    /// Endpoints that replace those of the SDK.
    pub endpoint: Endpoint,
    /// The registry that ECR copies images from, `None` where they are pushed here.
    pub replicated_from: Option<RegistryName>,
    /// Where the node stands.
    pub location: Location,
}

/// A role to assume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// The ARN.
    pub arn: String,
    /// The external id the trust policy asks for.
    pub external_id: Option<String>,
    /// The session name; windlass gives one where this is `None`.
    pub session: Option<String>,
}

/// Endpoints of a registry; `None` means those of AWS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// URL of the ECR API.
    pub ecr: Option<String>,
    /// URL of the registry data plane.
    pub registry: Option<String>,
    /// URL of STS.
    pub sts: Option<String>,
    /// URL of the resource groups tagging API.
    pub tagging: Option<String>,
    /// Whether the FIPS endpoints of AWS are called.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fips: bool,
    /// Whether the endpoints of AWS are called that have IPv6 as well.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dual_stack: bool,
}

/// Where images of one registry are fetched from instead: `docker.io` -> `127.0.0.1:5000`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The registry host as written in image references, `docker.io` for Docker Hub.
    pub upstream: String,
    /// Host and optional path prefix; official images map to `TO/library/NAME`.
    pub to: String,
}

/// An image to be built and pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The rendered name.
    pub name: ImageName,
    /// Where the node stands.
    pub location: Location,
    /// What the image is for.
    pub doc: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The groups it belongs to.
    pub groups: Vec<String>,
    /// The build context, relative to the workspace, `.` for the workspace itself.
    pub context: String,
    /// Where its context is named; the image where nothing names it.
    pub context_location: Location,
    /// Where its Dockerfile comes from.
    pub recipe: Recipe,
    /// The stage to build; the last one where `None`.
    pub stage: Option<String>,
    /// Ignore lines of the image itself, in order.
    pub ignore: Vec<Sourced<String>>,
    /// The platforms to build, never empty, sorted.
    pub platforms: Vec<Platform>,
    /// Build args that are part of the fingerprint.
    pub args: BTreeMap<String, Sourced<String>>,
    /// Labels that are part of the fingerprint.
    pub labels: BTreeMap<String, Sourced<String>>,
    /// Manifest annotations that are part of the fingerprint.
    pub annotations: BTreeMap<String, Sourced<String>>,
    /// Values that reach a build and never cause one.
    pub stamp: Stamp,
    /// The images it is built from.
    pub needs: Vec<Need>,
    /// Where it must be held, sorted by key; not empty.
    pub targets: Vec<ImageTarget>,
    /// The secrets that its RUN steps may mount, sorted by id.
    pub secrets: Vec<ImageSecret>,
    /// The SSH agents that its RUN steps may mount, sorted.
    pub ssh: Vec<String>,
    /// Named contexts: what each name stands for.
    pub named_contexts: BTreeMap<String, String>,
    /// Whether an attestation says how it was built.
    pub provenance: bool,
    /// Whether an attestation lists what is in it.
    pub sbom: bool,
    /// The network of RUN steps, `None` for the builder's default.
    pub network: Option<String>,
    /// After how many seconds a build is given up.
    pub timeout_seconds: Option<u64>,
    /// How many bytes it may have in a registry, compressed.
    pub max_bytes: Option<u64>,
    /// A number to raise when a rebuild is wanted for reasons outside the inputs.
    pub epoch: u64,
}

/// Where a Dockerfile comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipe {
    /// A pattern.
    Pattern {
        /// Which one.
        pattern: PatternReference,
        /// Where the pattern was named.
        location: Location,
        /// What stands under `with`, not yet checked against the pattern's parameters.
        with: BTreeMap<String, Argument>,
    },
    /// A file of the workspace, relative to the workspace.
    Dockerfile(Sourced<String>),
}

/// One parameter given under `with`: its values, and its properties (`env QUEUE="x"`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Argument {
    /// The positional values, templates evaluated; an interpolation alone keeps its type.
    pub values: Vec<Sourced<Value>>,
    /// The properties of all nodes of this name.
    pub properties: BTreeMap<String, Sourced<Value>>,
    /// Where the parameter's name stands.
    pub location: Location,
}

/// A scalar of the manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Quoted text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// `#true` or `#false`; a bare flag is true.
    Flag(bool),
}

/// What reaches a build and never causes one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stamp {
    /// Build args.
    pub args: BTreeMap<String, Sourced<String>>,
    /// Labels.
    pub labels: BTreeMap<String, Sourced<String>>,
    /// Manifest annotations.
    pub annotations: BTreeMap<String, Sourced<String>>,
}

/// Another image of the workspace that this one is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The image.
    pub image: ImageName,
    /// The name that stands for it in FROM, COPY --from and --mount.
    pub as_name: String,
    /// Where it was named.
    pub location: Location,
}

/// One place that must hold an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageTarget {
    /// Registry and repository.
    pub key: RepositoryKey,
    /// The wanted tags, rendered, sorted, without duplicates; may be empty (then only the `in-` tag is kept).
    pub tags: Vec<Sourced<Tag>>,
}

/// A repository in one registry with its settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Registry and repository.
    pub key: RepositoryKey,
    /// What the repository is for.
    pub doc: Option<String>,
    /// What is managed of it.
    pub settings: Settings,
    /// Where its settings, or the image that implies it, stand.
    pub location: Location,
}

/// Settings of a repository. `None` = not managed: neither read nor changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Whether apply may create the repository; on where nothing is said.
    pub create: bool,
    /// Mutability of tags.
    pub tags: Option<Sourced<TagMutability>>,
    /// Scan on push of the repository. A created repository gets `true` where `None`.
    pub scan_on_push: Option<Sourced<bool>>,
    /// Encryption at rest, fixed at creation. A created repository gets AES256 where `None`.
    pub encryption: Option<Sourced<Encryption>>,
    /// The lifecycle policy; an empty list of rules means that there must be none.
    pub lifecycle: Option<Sourced<Vec<LifecycleRule>>>,
    /// Who else may use the repository; the policy that is none means that there must be none.
    pub access: Option<Sourced<AccessPolicy>>,
    /// Resource tags, without those that windlass writes itself.
    pub resource_tags: BTreeMap<String, String>,
}

/// Tag mutability of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagMutability {
    /// Whether tags can be moved.
    pub mutable: bool,
    /// Wildcard patterns of tags for which the opposite holds, sorted; at most five.
    pub except: Vec<String>,
}

/// Encryption of a repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encryption {
    /// `AES256`
    Aes256,
    /// `KMS`; `None` is the AWS-managed key.
    Kms(Option<String>),
    /// `KMS_DSSE`
    KmsDsse(Option<String>),
}

/// One rule of a lifecycle policy; its place in the list is its priority, from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifecycleRule {
    /// What the rule selects.
    pub select: LifecycleSelection,
    /// When it applies.
    pub when: LifecycleCount,
    /// What it does.
    pub archive: bool,
}

/// The images a lifecycle rule selects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LifecycleSelection {
    /// Images one of whose tags matches the glob.
    Tagged(String),
    /// Images without a tag.
    Untagged,
    /// All images.
    Any,
}

/// When a lifecycle rule applies to a selected image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LifecycleCount {
    /// More than this many selected images: the oldest go.
    MoreThan(u32),
    /// Days since the push.
    PushedDays(u32),
    /// Days since the last pull.
    PulledDays(u32),
    /// Days since it was archived.
    ArchivedDays(u32),
}

/// A variable of the manifest after resolution.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: String,
    /// Its value as text.
    pub value: String,
    /// Where the value came from: `--var`, `WINDLASS_VAR_x`, `env CI_COMMIT_TAG`, `default`.
    pub origin: String,
}
