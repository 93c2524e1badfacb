//! The manifest: what a person wrote in `windlass.kdl`, read and resolved.
//!
//! [`read`] decodes the text into a typed tree with templates as written, [`resolve`] evaluates it against the outside.
//! [`model`] is the resolved workspace that everything after the language works on: no templates, no defaults left to apply.

mod files;
mod glob;
mod guard;
mod layers;
pub mod model;
mod path;
pub mod raw;
mod read;
mod resolve;
pub mod schema;
mod template;

use std::sync::Arc;

use crate::diag::{Checked, Source, has_errors, sort};

use self::model::Workspace;

pub use self::files::{FolderEntry, ManifestFiles, TextFiles};
pub use self::guard::Unmet;
pub use self::raw::{Manifest, Requirement};
pub use self::read::{read, shape};
pub use self::resolve::{GitFact, GitFacts, ResolveInputs, Shown, is_address, resolve, show};

/// Reads and resolves a manifest that includes nothing: the workspace where there is no error, and everything to say, sorted.
pub fn load(root: &Arc<Source>, inputs: &ResolveInputs<'_>) -> Checked<Workspace> {
    load_with(root, &mut TextFiles::default(), inputs)
}

/// Reads and resolves a manifest and what it includes: the workspace where there is no error, and everything to say, sorted.
pub fn load_with(
    root: &Arc<Source>,
    files: &mut dyn ManifestFiles,
    inputs: &ResolveInputs<'_>,
) -> Checked<Workspace> {
    let (manifest, mut diagnostics) = read(root, files);
    let mut workspace = None;
    if let Some(manifest) = manifest {
        let (resolved, more) = resolve(&manifest, inputs);
        workspace = resolved;
        diagnostics.extend(more);
    }
    sort(&mut diagnostics);
    if has_errors(&diagnostics) {
        workspace = None;
    }
    (workspace, diagnostics)
}

/// Returns the names of expressions that are there in every workspace, such as `git.sha`.
pub fn template_names() -> Vec<String> {
    template::fixed_names()
}

#[cfg(test)]
mod tests;
