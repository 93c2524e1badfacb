//! Where a Docker Engine answers, as a `builder` says it.

use serde::{Deserialize, Serialize};

/// The address of a Docker Engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuilderAddress {
    /// The name of the builder, for messages.
    pub builder: String,
    /// `unix:///path`, `tcp://host:port`, `http://..` or `https://..`.
    pub address: String,
    /// The certificates, `None` where the connection is not encrypted.
    pub tls: Option<BuilderTls>,
}

/// Certificates for an Engine behind TLS, as paths relative to the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuilderTls {
    /// Who signed the Engine's certificate.
    pub ca: String,
    /// Our certificate and its key, `None` where the Engine asks for none.
    pub client: Option<(String, String)>,
}
