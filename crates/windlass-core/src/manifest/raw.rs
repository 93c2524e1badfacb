//! The manifest as it was written: typed, with places, templates not evaluated, defaults not applied.

mod access;
mod builder;
mod environment;
mod include;
mod pattern;
mod policy;
mod secret;

use std::sync::Arc;

use crate::diag::{Location, Source, Sourced};
use crate::node::Scalar;

use super::model::{Encryption, LifecycleRule};

pub use self::access::AccessNode;
pub use self::builder::{BuilderNode, NamedContextNode, NotCarried, TlsNode};
pub use self::environment::{EnvironmentNode, Requirement};
pub use self::include::IncludeNode;
pub use self::pattern::{ParameterNode, ParameterType, PatternNode};
pub use self::policy::{MovedNode, PolicyNode, RemovedNode, WaiverNode};
pub use self::secret::{SecretFrom, SecretNode, SecretUse};

/// A text of the manifest; whether it may hold `{{ }}` is the field's matter.
pub type Text = Sourced<String>;

/// A manifest after reading.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// All files read, the root first.
    pub files: Vec<Arc<Source>>,
    /// Whether something could not be read, so that a name not found here may well be defined.
    pub incomplete: bool,
    /// The `include` nodes of the file that was read last; none once all are followed.
    pub includes: Vec<IncludeNode>,
    /// Whether reading reported an error.
    pub has_errors: bool,
    /// The `workspace` node.
    pub workspace: WorkspaceNode,
    /// The `registry` nodes.
    pub registries: Vec<RegistryNode>,
    /// The `mirror` nodes.
    pub mirrors: Vec<MirrorNode>,
    /// The `var` nodes.
    pub variables: Vec<VariableNode>,
    /// Where `defaults` stands, if it is given.
    pub defaults_location: Option<Location>,
    /// `defaults { image { .. } }`.
    pub default_image: ImageBody,
    /// `defaults { repository { .. } }`.
    pub default_settings: SettingsBody,
    /// The `pattern` nodes.
    pub patterns: Vec<Arc<PatternNode>>,
    /// The `image` nodes.
    pub images: Vec<ImageNode>,
    /// The `repository` nodes.
    pub repositories: Vec<RepositoryNode>,
    /// The `environment` nodes.
    pub environments: Vec<EnvironmentNode>,
    /// The `builder` nodes.
    pub builders: Vec<BuilderNode>,
    /// The `secret` nodes.
    pub secrets: Vec<SecretNode>,
    /// The `policy` nodes.
    pub policies: Vec<PolicyNode>,
    /// The `waiver` nodes.
    pub waivers: Vec<WaiverNode>,
    /// The `moved` nodes.
    pub moved: Vec<MovedNode>,
    /// The `removed` nodes.
    pub removed: Vec<RemovedNode>,
}

/// `workspace "name" { .. }`
#[derive(Debug, Clone)]
pub struct WorkspaceNode {
    /// Its name; empty where it could not be read.
    pub name: Text,
    /// The environment where none is selected from outside.
    pub default_environment: Option<Text>,
    /// Put in front of every repository name.
    pub repository_prefix: Option<Text>,
    /// How many builds may run at once.
    pub parallel: Option<usize>,
}

impl WorkspaceNode {
    /// A workspace that says nothing; `location` is where it would stand.
    pub fn unnamed(location: Location) -> Self {
        Self {
            name: Sourced::new(String::new(), location),
            default_environment: None,
            repository_prefix: None,
            parallel: None,
        }
    }
}

/// `registry "name" { .. }`
#[derive(Debug, Clone)]
pub struct RegistryNode {
    /// Its name.
    pub name: Text,
    /// The account.
    pub account: Option<Text>,
    /// The regions.
    pub regions: Vec<Text>,
    /// The role to assume.
    pub role: Option<RoleNode>,
    /// The profile of the AWS configuration.
    pub profile: Option<Text>,
    /// URLs of `ecr=`, `registry=`, `sts=` and `tagging=`, in this order.
    pub endpoint: [Option<Text>; 4],
    /// `fips`
    pub fips: bool,
    /// `dual-stack`
    pub dual_stack: bool,
    /// `distribute "replicate"`: ECR copies images from the first region to the others.
    pub replicates: bool,
    /// The nodes about its account, as they stand in the file.
    pub account_settings: Vec<Location>,
    /// Settings of the account that no stage carries out yet.
    pub not_carried: Vec<NotCarried>,
    /// Where the node stands.
    pub location: Location,
}

/// `role arn external-id=.. session=..`
#[derive(Debug, Clone)]
pub struct RoleNode {
    /// The ARN.
    pub arn: Text,
    /// `external-id=`
    pub external_id: Option<Text>,
    /// `session=`
    pub session: Option<Text>,
}

/// `mirror "docker.io" to=".."`
#[derive(Debug, Clone)]
pub struct MirrorNode {
    /// The registry host as written in image references.
    pub upstream: Text,
    /// Host and path prefix to use instead.
    pub to: Text,
}

/// The type of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VariableKind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Flag,
    /// Several texts.
    List,
}

/// `var "name" { .. }`
#[derive(Debug, Clone)]
pub struct VariableNode {
    /// Its name.
    pub name: Text,
    /// Its type: declared, or that of its default.
    pub kind: VariableKind,
    /// The values of `default`.
    pub default: Option<Vec<Sourced<Scalar>>>,
    /// Environment variables, in order.
    pub from_env: Vec<Text>,
    /// The values of `one-of`.
    pub one_of: Vec<Sourced<Scalar>>,
    /// The regular expression of `matches` and its message.
    pub matches: Option<(Text, Option<Text>)>,
    /// Both ends of `range`, inclusive.
    pub range: Option<(i64, i64, Location)>,
    /// Where its value would come from is said wrongly, so that having none is no further problem.
    pub is_broken: bool,
}

/// One `key=value` of a map node.
#[derive(Debug, Clone)]
pub struct Pair {
    /// The key.
    pub key: Text,
    /// The value.
    pub value: Sourced<Scalar>,
}

/// One parameter under `with`.
#[derive(Debug, Clone)]
pub struct WithNode {
    /// Its name.
    pub name: Text,
    /// Its plain values.
    pub values: Vec<Sourced<Scalar>>,
    /// Its properties.
    pub properties: Vec<Pair>,
}

/// `needs "base" as="name"`, one a reference.
#[derive(Debug, Clone)]
pub struct NeedNode {
    /// The image.
    pub image: Text,
    /// `as=`
    pub as_name: Option<Text>,
}

/// The children of `arg`, `label` and `annotation`, of an image or of its `stamp`.
#[derive(Debug, Clone, Default)]
pub struct Maps {
    /// `arg`
    pub args: Vec<Pair>,
    /// `label`
    pub labels: Vec<Pair>,
    /// `annotation`
    pub annotations: Vec<Pair>,
}

/// `matrix { .. }`
#[derive(Debug, Clone)]
pub struct MatrixNode {
    /// The axes; without one, the rows are a table.
    pub axes: Vec<Axis>,
    /// `row`
    pub rows: Vec<MatrixRow>,
    /// `exclude`
    pub excludes: Vec<MatrixRow>,
    /// Where the node stands.
    pub location: Location,
}

/// One axis of a matrix; the values of all its nodes.
#[derive(Debug, Clone)]
pub struct Axis {
    /// Its name.
    pub name: Text,
    /// Its values.
    pub values: Vec<Sourced<Scalar>>,
}

/// `row` or `exclude` of a matrix.
#[derive(Debug, Clone)]
pub struct MatrixRow {
    /// A value for each key.
    pub pairs: Vec<Pair>,
    /// Where it stands.
    pub location: Location,
}

impl MatrixRow {
    /// Returns the value of a key.
    pub fn value(&self, key: &str) -> Option<&Sourced<Scalar>> {
        let mut pairs = self.pairs.iter();
        pairs.find(|it| it.key.value == key).map(|it| &it.value)
    }
}

/// What stands inside `image` and `defaults { image }`.
#[derive(Debug, Clone, Default)]
pub struct ImageBody {
    /// `doc`
    pub doc: Option<Text>,
    /// `owner`
    pub owner: Option<Text>,
    /// `group`
    pub groups: Vec<Text>,
    /// `context`
    pub context: Option<Text>,
    /// `dockerfile`
    pub dockerfile: Option<Text>,
    /// `stage`
    pub stage: Option<Text>,
    /// `ignore`
    pub ignore: Vec<Text>,
    /// `with`
    pub with: Vec<WithNode>,
    /// Where `with` stands.
    pub with_location: Option<Location>,
    /// `platform`
    pub platforms: Vec<Text>,
    /// `arg`, `label`, `annotation`
    pub maps: Maps,
    /// The same under `stamp`
    pub stamp: Maps,
    /// `needs`
    pub needs: Vec<NeedNode>,
    /// `matrix`
    pub matrix: Option<MatrixNode>,
    /// `tag`
    pub tags: Vec<Text>,
    /// `target`
    pub targets: Vec<Text>,
    /// `repository`
    pub repository: Option<ImageRepository>,
    /// `secret`
    pub secrets: Vec<SecretUse>,
    /// `ssh`
    pub ssh: Vec<Text>,
    /// `named-context`
    pub named_contexts: Vec<NamedContextNode>,
    /// `builder`
    pub builder: Option<Text>,
    /// `max-size`, in bytes
    pub max_size: Option<Sourced<u64>>,
    /// `provenance`
    pub provenance: Option<Sourced<bool>>,
    /// `sbom`
    pub sbom: Option<Sourced<bool>>,
    /// `network`
    pub network: Option<Text>,
    /// `timeout`, in seconds
    pub timeout: Option<Sourced<u64>>,
    /// `epoch`
    pub epoch: Option<Sourced<i64>>,
}

/// `repository "name" { .. }` inside an image.
#[derive(Debug, Clone)]
pub struct ImageRepository {
    /// Its name, if given.
    pub name: Option<Text>,
    /// `extends=`
    pub extends: Option<Text>,
    /// Its settings.
    pub settings: SettingsBody,
    /// Where the node stands.
    pub location: Location,
}

/// `image "name" pattern=".." { .. }`
#[derive(Debug, Clone)]
pub struct ImageNode {
    /// Its name.
    pub name: Text,
    /// `pattern=`
    pub pattern: Option<Text>,
    /// `extends=`
    pub extends: Option<Text>,
    /// `abstract=`: only there to be extended.
    pub is_abstract: bool,
    /// The rest.
    pub body: ImageBody,
    /// Where the node stands.
    pub location: Location,
}

/// `repository "name" { .. }`
#[derive(Debug, Clone)]
pub struct RepositoryNode {
    /// Its name, without the workspace's prefix.
    pub name: Text,
    /// `extends=`
    pub extends: Option<Text>,
    /// `abstract=`: only there to be extended.
    pub is_abstract: bool,
    /// `doc`
    pub doc: Option<Text>,
    /// Its settings.
    pub settings: SettingsBody,
    /// Where the node stands.
    pub location: Location,
}

/// Settings of a repository as written; absent = not managed.
#[derive(Debug, Clone, Default)]
pub struct SettingsBody {
    /// `target`
    pub targets: Vec<Text>,
    /// `tags`
    pub tags: Option<Sourced<TagsNode>>,
    /// `scan-on-push`
    pub scan_on_push: Option<Sourced<bool>>,
    /// `encryption`
    pub encryption: Option<Sourced<Encryption>>,
    /// `create`
    pub create: Option<Sourced<bool>>,
    /// `resource-tag`
    pub resource_tags: Vec<Pair>,
    /// `access`; no rules and no document for `access "none"`
    pub access: Option<AccessNode>,
    /// `lifecycle`; empty for `lifecycle "none"`
    pub lifecycle: Option<Sourced<Vec<LifecycleRule>>>,
}

/// `tags "immutable" { except .. }`
#[derive(Debug, Clone)]
pub struct TagsNode {
    /// Whether tags can be moved.
    pub mutable: bool,
    /// Wildcards of tags for which the opposite holds.
    pub except: Vec<Text>,
}

impl SettingsBody {
    /// Returns where the first setting stands, `None` where nothing is set. Targets are no setting.
    pub fn first_location(&self) -> Option<&Location> {
        let Self {
            targets: _,
            tags,
            scan_on_push,
            encryption,
            create,
            resource_tags,
            access,
            lifecycle,
        } = self;
        let all = [
            tags.as_ref().map(|it| &it.location),
            scan_on_push.as_ref().map(|it| &it.location),
            encryption.as_ref().map(|it| &it.location),
            create.as_ref().map(|it| &it.location),
            resource_tags.first().map(|it| &it.key.location),
            access.as_ref().map(|it| &it.location),
            lifecycle.as_ref().map(|it| &it.location),
        ];
        all.into_iter().flatten().min_by_key(|it| it.span.start)
    }
}
