//! Shared harness of the windlass test suite.

pub mod chance;
pub mod differences;
pub mod literals;
pub mod manifests;
pub mod scenario;
pub mod schema;
