//! The plan: what apply will do, step by step, and why.
//!
//! Planning is pure and total: everything it may need is in the desired and the observed world, and what could not be read is a value there.
//! A plan leaves no choice to apply, and apply never branches on a reason.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::manifest::model::{Encryption, LifecycleRule, TagMutability};

/// A repository to be created, with every setting it gets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewRepository {
    /// Mutability of its tags.
    pub tags: TagMutability,
    /// Scan on push.
    pub scan_on_push: bool,
    /// Encryption, fixed from then on.
    pub encryption: Encryption,
    /// Lifecycle rules by priority; empty for none.
    pub lifecycle: Vec<LifecycleRule>,
    /// Resource tags, `windlass:workspace` among them.
    pub resource_tags: BTreeMap<String, String>,
}

/// A change of one setting of an existing repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingChange {
    /// Mutability and exclusions, always written together.
    Tags(TagMutability),
    /// Scan on push.
    ScanOnPush(bool),
    /// The lifecycle policy; an empty list deletes it.
    Lifecycle(Vec<LifecycleRule>),
    /// Resource tags to write; others stay.
    ResourceTags(BTreeMap<String, String>),
}
