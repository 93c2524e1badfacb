//! The files that a manifest may include, read from the folder of the workspace.

use std::sync::Arc;

use windlass_backends::files::{self, FilesError};
use windlass_core::diag::{Code, Diagnostic, Source};
use windlass_core::manifest::{FolderEntry, ManifestFiles};

use crate::load::Place;

/// The files below the root of a workspace.
pub(crate) struct WorkspaceManifests<'a> {
    place: &'a Place,
}

impl<'a> WorkspaceManifests<'a> {
    pub(crate) fn new(place: &'a Place) -> Self {
        Self { place }
    }
}

impl ManifestFiles for WorkspaceManifests<'_> {
    fn read(&mut self, path: &str) -> Result<Arc<Source>, Diagnostic> {
        match self.place.read_text(path) {
            Ok(Some(text)) => Ok(Source::new(path, text)),
            Ok(None) => Err(Diagnostic::error(
                Code::IncludeUnreadable,
                format!("there is no file `{path}`"),
            )),
            Err(error) => Err(Diagnostic::error(code(&error), error.to_string())),
        }
    }

    fn list(&mut self, folder: &str) -> Vec<FolderEntry> {
        let entries = files::list(&self.place.root, folder).unwrap_or_default();
        entries
            .into_iter()
            .map(|(name, is_folder)| FolderEntry { name, is_folder })
            .collect()
    }
}

fn code(error: &FilesError) -> Code {
    match error {
        FilesError::Outside(_) => Code::IncludeOutside,
        FilesError::TooLarge { .. } => Code::FileTooLarge,
        FilesError::NotText { .. } => Code::NotUtf8,
        _ => Code::IncludeUnreadable,
    }
}
