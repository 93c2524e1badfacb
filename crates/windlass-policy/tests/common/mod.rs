//! What several test files share.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::path::{Path, PathBuf};

pub(crate) mod json_schema;
pub(crate) mod observed;
pub(crate) mod page;
pub(crate) mod triples;

/// Returns the folder of the project.
pub(crate) fn root() -> PathBuf {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_folder.join("../..")
}
