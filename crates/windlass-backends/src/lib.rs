//! The adapters of windlass: files and git. The only crate that names AWS or bollard.

pub mod files;
pub mod git;
