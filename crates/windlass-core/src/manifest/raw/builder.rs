//! `builder` as written.

use crate::diag::{Location, Sourced};

use super::Text;

/// Something that a node asks for and that no later stage does yet: the words for it, and its place.
pub type NotCarried = Sourced<String>;

/// `builder "name" { .. }`
#[derive(Debug, Clone)]
pub struct BuilderNode {
    /// Its name.
    pub name: Text,
    /// `address` and the `ref=` of caches: texts with templates.
    pub templates: Vec<Text>,
    /// `address` of a Docker Engine
    pub address: Option<Text>,
    /// Whether there is a `tls`, also one that cannot be used.
    pub has_tls: bool,
    /// `tls`
    pub tls: Option<TlsNode>,
    /// `platform`
    pub platforms: Vec<Text>,
    /// `parallel`
    pub parallel: Option<usize>,
    /// `timeout`, in seconds
    pub timeout: Option<u64>,
    /// What needs a buildkitd builder.
    pub not_carried: Vec<NotCarried>,
    /// Where the node stands.
    pub location: Location,
}

/// `tls ca=".." cert=".." key=".."`
#[derive(Debug, Clone)]
pub struct TlsNode {
    /// `ca=`
    pub ca: Text,
    /// `cert=` and `key=`
    pub client: Option<(Text, Text)>,
    /// Where the node stands.
    pub location: Location,
}

/// `named-context "name" from=".."`
#[derive(Debug, Clone)]
pub struct NamedContextNode {
    /// The name that the Dockerfile uses.
    pub name: Text,
    /// `from=`
    pub from: Text,
}
