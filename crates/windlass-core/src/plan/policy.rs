//! What policies said about a plan, and what it takes to ask them again when the plan is applied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::manifest::model::{Encryption, LifecycleRule, TagMutability};
use crate::name::Digest;

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
    /// Resource tags of the manifest.
    pub resource_tags: BTreeMap<String, String>,
}

impl PolicyRecord {
    /// Says whether any finding stops the plan.
    pub fn denies(&self) -> bool {
        self.findings.iter().any(Finding::stops)
    }
}
