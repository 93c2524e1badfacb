//! The least that IAM must allow for a workspace: which actions on which repositories, and what each is for.
//!
//! One policy for each registry, for the identity that the registry's calls are made with. What only explains a plan is marked: without
//! it the plan decides the same and says less. `docs/real-ecr.md` says the same in words.

mod resources;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::manifest::model::{Registry, Repository, Workspace};
use crate::name::RepositoryKey;
use resources::{arn, keys};

/// The most characters of a managed policy, spaces not counted (IAM quotas).
pub const LARGEST_POLICY: usize = 6_144;

/// Which command is to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// `windlass plan`.
    Plan,
    /// `windlass apply`, which plans as well.
    Apply,
}

/// One action and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// Such as `ecr:PutImage`.
    pub action: &'static str,
    /// What windlass does with it, a fragment.
    pub reason: &'static str,
    /// When it is needed.
    pub needed: Needed,
    /// What the action is allowed on, sorted.
    pub resources: Vec<String>,
    group: Group,
}

/// When an action is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needed {
    /// The command fails without it.
    Always,
    /// The command fails without it where what the reason names is so.
    Sometimes,
    /// Without it a plan says less, and decides the same.
    ToExplain,
}

impl Needed {
    /// Returns the word of the JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Sometimes => "sometimes",
            Self::ToExplain => "to-explain",
        }
    }
}

/// The statement that an action belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Token,
    Read,
    Inspect,
    Judge,
    Explain,
    Push,
    Pull,
    Restore,
    Create,
    Settings,
    Key,
}

impl Group {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "Token",
            Self::Read => "Read",
            Self::Inspect => "Inspect",
            Self::Judge => "Judge",
            Self::Explain => "Explain",
            Self::Push => "Push",
            Self::Pull => "Pull",
            Self::Restore => "Restore",
            Self::Create => "Create",
            Self::Settings => "Settings",
            Self::Key => "Key",
        }
    }

    fn needed(self) -> Needed {
        match self {
            Self::Explain => Needed::ToExplain,
            Self::Inspect | Self::Pull | Self::Restore => Needed::Sometimes,
            Self::Token
            | Self::Read
            | Self::Judge
            | Self::Push
            | Self::Create
            | Self::Settings
            | Self::Key => Needed::Always,
        }
    }
}

/// What the identity of one registry must be allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryPolicy {
    /// The registry's name.
    pub registry: String,
    /// Its account.
    pub account: String,
    /// Its region.
    pub region: String,
    /// The role whose policy this is; `None` where the caller's own identity is used.
    pub role: Option<String>,
    /// The actions, in the order of their statements.
    pub grants: Vec<Grant>,
}

/// A read that only a rule in force needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JudgedRead {
    /// The repository, or the one whose registry is asked.
    pub key: RepositoryKey,
    /// Such as `ecr:GetLifecyclePolicy`.
    pub action: &'static str,
    /// What it is for, a fragment.
    pub reason: &'static str,
    /// Whether it is about the registry: then it cannot be limited to a repository.
    pub of_registry: bool,
    /// Whether a rule says that it does not know where the read fails; without the others a plan says less.
    pub decides: bool,
}

/// Returns the policies of a workspace's registries, in the order of the registries, with the reads that rules in force need. A
/// registry that holds nothing has none.
pub fn policies(
    workspace: &Workspace,
    purpose: Purpose,
    judged: &[JudgedRead],
) -> Vec<RegistryPolicy> {
    let policy = |registry: &Registry| RegistryPolicy {
        registry: registry.name.to_string(),
        account: registry.account.clone(),
        region: registry.region.clone(),
        role: registry.role.as_ref().map(|role| role.arn.clone()),
        grants: grants(workspace, registry, purpose, judged),
    };
    let policies = workspace.registries.iter().map(policy);
    policies
        .filter(|policy| !policy.grants.is_empty())
        .collect()
}

impl RegistryPolicy {
    /// Returns the policy as a document of IAM.
    pub fn document(&self) -> Value {
        document(&self.grants)
    }
}

/// Returns the document that allows some actions: one statement for those of one kind on the same resources.
pub fn document(grants: &[Grant]) -> Value {
    let mut statements: BTreeMap<(Group, &[String]), BTreeSet<&str>> = BTreeMap::new();
    for grant in grants {
        let key = (grant.group, grant.resources.as_slice());
        statements.entry(key).or_default().insert(grant.action);
    }
    let mut numbers: BTreeMap<Group, usize> = BTreeMap::new();
    let statements: Vec<Value> = statements
        .iter()
        .map(|((group, resources), actions)| {
            let number = numbers.entry(*group).or_default();
            *number += 1;
            let number = if *number == 1 {
                String::new()
            } else {
                number.to_string()
            };
            json!({
                "Sid": format!("Windlass{}{number}", group.name()),
                "Effect": "Allow",
                "Action": actions,
                "Resource": resources,
            })
        })
        .collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Returns what the caller must be allowed where registries name roles: to assume them. `None` where none does.
pub fn caller_document(policies: &[RegistryPolicy]) -> Option<Value> {
    let roles: BTreeSet<&String> = policies.iter().filter_map(|it| it.role.as_ref()).collect();
    (!roles.is_empty()).then(|| {
        let statement = json!({
            "Sid": "WindlassAssume",
            "Effect": "Allow",
            "Action": ["sts:AssumeRole"],
            "Resource": roles,
        });
        json!({ "Version": "2012-10-17", "Statement": [statement] })
    })
}

/// Collects the grants of one registry.
struct Collecting {
    grants: Vec<Grant>,
}

impl Collecting {
    fn add(
        &mut self,
        group: Group,
        resources: &[String],
        actions: &[(&'static str, &'static str)],
    ) {
        if resources.is_empty() {
            return;
        }
        self.grants
            .extend(actions.iter().map(|(action, reason)| Grant {
                action,
                reason,
                needed: group.needed(),
                resources: resources.to_vec(),
                group,
            }));
    }
}

fn grants(
    workspace: &Workspace,
    registry: &Registry,
    purpose: Purpose,
    judged: &[JudgedRead],
) -> Vec<Grant> {
    let ours: Vec<&Repository> = workspace
        .repositories
        .iter()
        .filter(|repository| repository.key.registry == registry.name)
        .collect();
    let holding: BTreeSet<_> = workspace
        .images
        .iter()
        .flat_map(|image| &image.targets)
        .map(|target| &target.key)
        .collect();
    let arns = |wanted: &dyn Fn(&Repository) -> bool| -> Vec<String> {
        let wanted = ours.iter().filter(|repository| wanted(repository));
        let arns: BTreeSet<String> = wanted.map(|it| arn(registry, &it.key.repository)).collect();
        arns.into_iter().collect()
    };
    let images = arns(&|it| holding.contains(&it.key));
    let mut all = Collecting { grants: Vec::new() };
    read(&mut all, &arns, &images);
    explain(&mut all, &images, purpose);
    if !ours.is_empty() {
        all.add(
            Group::Explain,
            &["*".to_owned()],
            &[(
                "tag:GetResources",
                "which repositories of this workspace the manifest does not name any more; it cannot be limited to a repository",
            )],
        );
    }
    let copied = |it: &Registry| it.replicated_from.as_ref() == Some(&registry.name);
    if workspace.registries.iter().any(copied) {
        all.add(
            Group::Explain,
            &["*".to_owned()],
            &[(
                "ecr:DescribeRegistry",
                "whether ECR copies what is pushed to the other regions; it cannot be limited to a repository",
            )],
        );
    }
    judge(&mut all, registry, judged);
    if purpose == Purpose::Apply {
        push(&mut all, &images);
        restore(&mut all, &images);
        create(&mut all, &arns, &keys(registry, &ours));
        settings(&mut all, &arns);
        let removed = workspace.removed.iter().filter(|it| it.delete_images);
        let gone: Vec<String> = removed
            .map(|it| arn(registry, &it.repository.value))
            .collect();
        remove(&mut all, &gone);
    }
    all.grants.sort_by_key(|grant| grant.group);
    all.grants
}

type Arns<'a> = dyn Fn(&dyn Fn(&Repository) -> bool) -> Vec<String> + 'a;

fn read(all: &mut Collecting, arns: &Arns<'_>, images: &[String]) {
    all.add(
        Group::Read,
        &arns(&|_| true),
        &[(
            "ecr:DescribeRepositories",
            "whether repositories exist, their settings and their URI",
        )],
    );
    all.add(
        Group::Read,
        images,
        &[(
            "ecr:BatchGetImage",
            "what tags hold, and whether it has the wanted fingerprint",
        )],
    );
    all.add(
        Group::Read,
        &arns(&is_managed),
        &[(
            "ecr:ListTagsForResource",
            "which workspace owns a repository whose settings are managed",
        )],
    );
    all.add(
        Group::Read,
        &arns(&|it| it.settings.lifecycle.is_some()),
        &[(
            "ecr:GetLifecyclePolicy",
            "the lifecycle policy, where the manifest has one",
        )],
    );
    all.add(
        Group::Read,
        &arns(&|it| it.settings.access.is_some()),
        &[(
            "ecr:GetRepositoryPolicy",
            "who may use the repository, where the manifest says it",
        )],
    );
    all.add(
        Group::Inspect,
        images,
        &[(
            "ecr:DescribeImages",
            "the tags of an image that gets another one, and what lifecycle rules can reach",
        )],
    );
}

/// Adds what tells people more, and decides nothing.
fn explain(all: &mut Collecting, images: &[String], purpose: Purpose) {
    all.add(
        Group::Explain,
        images,
        &[
            (
                "ecr:ListImages",
                "whether a tag that cannot be pulled is archived; else it counts as not there",
            ),
            (
                "ecr:ListImageReferrers",
                "where the inputs record of a superseded image is: why it is built again",
            ),
        ],
    );
    if purpose == Purpose::Plan {
        all.add(
            Group::Explain,
            images,
            &[("ecr:GetDownloadUrlForLayer", "to read the inputs record")],
        );
        let everything: &[String] = if images.is_empty() {
            &[]
        } else {
            &["*".to_owned()]
        };
        all.add(
            Group::Explain,
            everything,
            &[(
                "ecr:GetAuthorizationToken",
                "to read the inputs record; it cannot be limited to a repository",
            )],
        );
    }
}

fn push(all: &mut Collecting, images: &[String]) {
    let everything: &[String] = if images.is_empty() {
        &[]
    } else {
        &["*".to_owned()]
    };
    all.add(
        Group::Token,
        everything,
        &[(
            "ecr:GetAuthorizationToken",
            "to push; it cannot be limited to a repository",
        )],
    );
    all.add(
        Group::Push,
        images,
        &[
            (
                "ecr:BatchCheckLayerAvailability",
                "which layers are there already",
            ),
            ("ecr:InitiateLayerUpload", "to upload layers"),
            ("ecr:UploadLayerPart", "to upload layers"),
            ("ecr:CompleteLayerUpload", "to upload layers"),
            ("ecr:PutImage", "manifests, tags and inputs records"),
        ],
    );
    all.add(Group::Pull, images, &[
        ("ecr:GetDownloadUrlForLayer", "inputs records, layers mounted from another repository, builds from another image of the workspace"),
    ]);
}

/// Adds what rules in force read.
fn judge(all: &mut Collecting, registry: &Registry, judged: &[JudgedRead]) {
    let ours = judged.iter().filter(|it| it.key.registry == registry.name);
    let mut reads: BTreeMap<(Group, &'static str, &'static str), BTreeSet<String>> =
        BTreeMap::new();
    for read in ours {
        let group = if read.decides {
            Group::Judge
        } else {
            Group::Explain
        };
        let resource = if read.of_registry {
            "*".to_owned()
        } else {
            arn(registry, &read.key.repository)
        };
        let resources = reads.entry((group, read.action, read.reason)).or_default();
        resources.insert(resource);
    }
    for ((group, action, reason), resources) in reads {
        let resources: Vec<String> = resources.into_iter().collect();
        all.add(group, &resources, &[(action, reason)]);
    }
}

/// Adds what takes images out of the archive.
fn restore(all: &mut Collecting, images: &[String]) {
    all.add(
        Group::Restore,
        images,
        &[(
            "ecr:UpdateImageStorageClass",
            "to take an image out of the archive, where a wanted one lies there",
        )],
    );
}

fn create(all: &mut Collecting, arns: &Arns<'_>, keys: &[String]) {
    all.add(
        Group::Create,
        &arns(&|it| it.settings.create),
        &[
            ("ecr:CreateRepository", "repositories that are not there"),
            (
                "ecr:TagResource",
                "the owner, written when a repository is created",
            ),
            (
                "ecr:ListTagsForResource",
                "whether a repository that is there meanwhile is this workspace's",
            ),
        ],
    );
    all.add(
        Group::Key,
        keys,
        &[
            (
                "kms:CreateGrant",
                "a repository encrypted with this key: ECR makes grants on it",
            ),
            ("kms:RetireGrant", "the same"),
            ("kms:DescribeKey", "the same"),
        ],
    );
}

fn settings(all: &mut Collecting, arns: &Arns<'_>) {
    all.add(
        Group::Settings,
        &arns(&|it| it.settings.tags.is_some()),
        &[(
            "ecr:PutImageTagMutability",
            "tag mutability, where it is managed and differs",
        )],
    );
    all.add(
        Group::Settings,
        &arns(&|it| it.settings.scan_on_push.is_some()),
        &[(
            "ecr:PutImageScanningConfiguration",
            "scan on push, where it is managed and differs",
        )],
    );
    all.add(
        Group::Settings,
        &arns(&has_rules),
        &[(
            "ecr:PutLifecyclePolicy",
            "the lifecycle policy, where it is managed and differs",
        )],
    );
    let without = |it: &Repository| it.settings.lifecycle.is_some() && !has_rules(it);
    all.add(
        Group::Settings,
        &arns(&without),
        &[(
            "ecr:DeleteLifecyclePolicy",
            "a lifecycle policy that the manifest says must not be there",
        )],
    );
    all.add(
        Group::Settings,
        &arns(&|it| has_access(it)),
        &[(
            "ecr:SetRepositoryPolicy",
            "who may use the repository, where it is managed and differs",
        )],
    );
    all.add(
        Group::Settings,
        &arns(&|it| it.settings.access.is_some() && !has_access(it)),
        &[(
            "ecr:DeleteRepositoryPolicy",
            "a policy of a repository that the manifest says must not be there",
        )],
    );
    let tagged = |it: &Repository| !it.settings.resource_tags.is_empty();
    all.add(
        Group::Settings,
        &arns(&tagged),
        &[(
            "ecr:TagResource",
            "resource tags, where they are managed and differ",
        )],
    );
}

fn remove(all: &mut Collecting, gone: &[String]) {
    all.add(
        Group::Settings,
        gone,
        &[
            (
                "ecr:DescribeRepositories",
                "whether a repository that is given up is there",
            ),
            ("ecr:ListTagsForResource", "whether it is this workspace's"),
            ("ecr:DescribeImages", "how many images are deleted with it"),
            ("ecr:DeleteRepository", "to delete it with its images"),
        ],
    );
}

fn is_managed(repository: &Repository) -> bool {
    let settings = &repository.settings;
    settings.tags.is_some()
        || settings.scan_on_push.is_some()
        || settings.encryption.is_some()
        || settings.lifecycle.is_some()
        || settings.access.is_some()
        || !settings.resource_tags.is_empty()
}

fn has_rules(repository: &Repository) -> bool {
    let lifecycle = repository.settings.lifecycle.as_ref();
    lifecycle.is_some_and(|rules| !rules.value.is_empty())
}

fn has_access(repository: &Repository) -> bool {
    let access = repository.settings.access.as_ref();
    access.is_some_and(|it| !it.value.is_none())
}

#[cfg(test)]
mod tests;
