//! The adapters of windlass: Docker Engine, files and git. The only crate that names AWS or bollard.

pub mod docker;
pub mod files;
pub mod git;
