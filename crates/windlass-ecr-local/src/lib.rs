//! A strict Amazon ECR on loopback, for tests and for `windlass local`.
//!
//! One port an account and region speaks two planes: the ECR API (with the few STS and tagging calls that
//! a client of ECR needs) and the OCI registry under `/v2/`. It refuses what ECR refuses, with ECR's codes,
//! and plays the quirks that bite a planner. It knows nothing of the other windlass crates.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use windlass_ecr_local::{Config, LocalEcr};
//!
//! let ecr = LocalEcr::start(Config::default()).await?;
//! let address = ecr.address("000000000000", "us-east-1").await?;
//! let endpoint = format!("http://{address}");
//! # let _ = endpoint;
//! ecr.shutdown().await;
//! # Ok(())
//! # }
//! ```
//!
//! In reading order: `config` and `clock` (what a caller sets), `handle` (start, address, shutdown), `model`
//! (state, journal, blobs), `validate` (the service model's constraints), `api` (one function an operation),
//! `registry` (the `/v2/` plane), `lifecycle` (rules and their evaluation), `replication`, `server` (connections, routing).

mod api;
mod clock;
mod config;
mod errors;
mod folder;
mod handle;
mod identity;
mod identity_policy;
mod lifecycle;
mod model;
mod registry;
mod replication;
mod scans;
mod server;
mod validate;

pub use clock::{Clock, FixedClock};
pub use config::{Config, Fault, FaultKind, Faults, Quirks};
pub use handle::{AddressError, LocalEcr, StartError};
pub use identity_policy::IdentityPolicy;
pub use scans::{Scan, Scans, Vulnerability};
