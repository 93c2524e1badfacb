//! Which base images each image names, without asking a registry or listing a context.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::diag::Diagnostic;
use windlass_core::manifest::model::Workspace;

use crate::desire::draft::draft_all;
use crate::ports::Files;

/// Returns the references of the base images that each image can pull, as its Dockerfile names them, by the image's name; and all problems.
pub fn base_references<F: Files>(
    workspace: &Workspace,
    files: &F,
) -> (BTreeMap<String, Vec<String>>, Vec<Diagnostic>) {
    let mut references = BTreeMap::new();
    let mut problems = Vec::new();
    for (image, (draft, found)) in workspace
        .images
        .iter()
        .zip(draft_all(&workspace.images, files))
    {
        problems.extend(found);
        let pulled = draft.map(|draft| draft.bases.pulled).unwrap_or_default();
        let names: BTreeSet<String> = pulled.into_iter().map(|base| base.reference).collect();
        references.insert(image.name.to_string(), names.into_iter().collect());
    }
    (references, problems)
}
