//! The adapters of windlass: ECR, registries of base images, Docker Engine, files and git. The only crate that names AWS or bollard.

pub mod docker;
pub mod ecr;
pub mod files;
pub mod git;
pub mod oci;
