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
            Err(error @ FilesError::Outside(_)) => Err(unreadable(&error, Code::IncludeOutside)),
            Err(error) => Err(unreadable(&error, Code::IncludeUnreadable)),
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

/// Tells why a text cannot be read; `code` is for what has none of its own.
pub(crate) fn unreadable(error: &FilesError, code: Code) -> Diagnostic {
    let told = |code| Diagnostic::error(code, error.to_string());
    match error {
        FilesError::TooLarge { .. } => told(Code::FileTooLarge).help(
            "what windlass reads is written by people; generated data belongs in files of its own",
        ),
        FilesError::NotText { .. } => told(Code::NotUtf8).help("save it as UTF-8"),
        _ => told(code),
    }
}
