//! What policies said about a plan, and what it takes to ask them again when the plan is applied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::manifest::model::{AccessPolicy, Encryption, LifecycleRule, TagMutability};
use crate::name::{Digest, Platform};
use crate::observed::ScanReport;

/// The findings of a plan, the policies they come from, and the facts of repositories that policies judge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRecord {
    /// The findings, waived ones among them.
    pub findings: Vec<Finding>,
    /// Every policy that was asked.
    pub sources: Vec<PolicySource>,
    /// Rules that `--approve-policy` named.
    pub approved: Vec<String>,
    /// The waivers of the manifest.
    pub waivers: Vec<WaiverRecord>,
    /// Settings of repositories after the plan, by address.
    pub settings: BTreeMap<String, SettingsRecord>,
    /// What policies know of images beside their inputs, by address.
    #[serde(default)]
    pub images: BTreeMap<String, ImageRecord>,
    /// What the lock knew of base images, by normalised reference.
    #[serde(default)]
    pub bases: BTreeMap<String, BaseRecord>,
    /// What else policies know of repositories, by address.
    #[serde(default)]
    pub judged: BTreeMap<String, JudgedRecord>,
    /// The last day of the waiver that a finding needs, by its id.
    pub waived_until: BTreeMap<String, String>,
}

/// A policy that was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySource {
    /// How it was named.
    pub reference: String,
    /// SHA-256 of its content.
    pub digest: Digest,
    /// Whether it came from outside the workspace.
    pub mandatory: bool,
}

/// A waiver of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaiverRecord {
    /// The rule.
    pub rule: String,
    /// A glob of image names.
    pub image: Option<String>,
    /// A glob of repository names.
    pub repository: Option<String>,
    /// An environment.
    pub environment: Option<String>,
    /// A glob of paths.
    pub path: Option<String>,
    /// A stage of the Dockerfile.
    pub stage: Option<String>,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day it holds, `YYYY-MM-DD`.
    pub expires: String,
    /// Where it stands: `windlass.kdl:12:1`.
    pub origin: String,
}

/// Settings of a repository after the plan; `None` where they are not known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsRecord {
    /// Mutability of tags.
    pub tags: Option<TagMutability>,
    /// Scan on push.
    pub scan_on_push: Option<bool>,
    /// Encryption.
    pub encryption: Option<Encryption>,
    /// Lifecycle rules, empty where there are none.
    pub lifecycle: Option<Vec<LifecycleRule>>,
    /// Who may use it besides its account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<AccessPolicy>,
    /// Resource tags of the manifest.
    pub resource_tags: BTreeMap<String, String>,
}

/// What policies know of an image beside its inputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageRecord {
    /// The name of its Dockerfile, as findings and scopes of waivers know it.
    pub file: String,
    /// The pattern that rendered it.
    pub pattern: Option<String>,
    /// The ignore lines of its context, in the order in which they count.
    pub ignore: Vec<IgnoreRecord>,
}

/// An ignore line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IgnoreRecord {
    /// The line.
    pub text: String,
    /// The file, pattern or manifest it stands in.
    pub origin: String,
    /// Its number there, from 1.
    pub line: usize,
}

/// What the lock knew of a base image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BaseRecord {
    /// Its digest.
    pub digest: Digest,
    /// The platforms it holds.
    pub platforms: Vec<Platform>,
    /// The user of its config, `None` where it was not read.
    pub user: Option<String>,
    /// The entrypoint of its config.
    pub entrypoint: Vec<String>,
    /// The day it was resolved.
    pub resolved: String,
}

/// What only policies asked about a repository; `None` was not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedRecord {
    /// Whether it has a lifecycle policy that the language cannot say.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub foreign_lifecycle: bool,
    /// Whether the registry scans it, whatever it says itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry_scans: Option<JudgedValue<bool>>,
    /// Resource tags that it ends with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_tags: Option<JudgedValue<BTreeMap<String, String>>>,
    /// Images under wanted tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, JudgedTag>,
}

/// What only policies asked about the image that a wanted tag holds after the plan; `None` was not asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedTag {
    /// Its bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<JudgedValue<u64>>,
    /// Those of the image that the tag holds before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_before: Option<JudgedValue<u64>>,
    /// Its scan, `None` inside where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scan: Option<JudgedValue<Option<ScanReport>>>,
}

/// A value that policies asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JudgedValue<T> {
    /// It is this.
    Known(T),
    /// It could not be read.
    Unread(String),
}

impl PolicyRecord {
    /// Says whether any finding stops the plan.
    pub fn denies(&self) -> bool {
        self.findings.iter().any(Finding::stops)
    }
}
