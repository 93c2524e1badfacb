//! Shared harness of the windlass test suite.

pub mod scenario;
pub mod schema;
