//! What went elsewhere or is no longer the workspace's.

use crate::diag::{Location, Sourced};
use crate::name::RepositoryName;

/// A `moved` node: images with the wanted fingerprint are copied from the old repository instead of built again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The old repository, the workspace's prefix included.
    pub from: Sourced<RepositoryName>,
    /// The new one, which an image or a `repository` node of the manifest names.
    pub to: Sourced<RepositoryName>,
    /// Where the node stands.
    pub location: Location,
}

/// A `removed` node: a repository that the workspace gave up, in every registry in scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removed {
    /// The repository, the workspace's prefix included. Nothing else of the manifest names it.
    pub repository: Sourced<RepositoryName>,
    /// Whether the repository is deleted with its images; otherwise windlass only stops naming it as an orphan.
    pub delete_images: bool,
    /// Where the node stands.
    pub location: Location,
}
