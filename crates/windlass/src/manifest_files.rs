//! The files that a manifest may include, read from the folder of the workspace.

use std::path::PathBuf;
use std::sync::Arc;

use windlass_backends::files::{self, FilesError};
use windlass_core::diag::{Code, Diagnostic, Source};
use windlass_core::manifest::{FolderEntry, ManifestFiles};

/// The files below the root of a workspace.
pub(crate) struct WorkspaceManifests {
    root: PathBuf,
}

impl WorkspaceManifests {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

impl ManifestFiles for WorkspaceManifests {
    fn read(&mut self, path: &str) -> Result<Arc<Source>, Diagnostic> {
        match files::read_text(&self.root, path) {
            Ok(Some(text)) => Ok(Source::new(path, text)),
            Ok(None) => Err(Diagnostic::error(
                Code::IncludeUnreadable,
                format!("there is no file `{path}`"),
            )),
            Err(error) => Err(Diagnostic::error(code(&error), error.to_string())),
        }
    }

    fn list(&mut self, folder: &str) -> Vec<FolderEntry> {
        let entries = files::list(&self.root, folder).unwrap_or_default();
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
