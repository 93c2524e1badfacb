//! What reading a manifest asks for: core opens no file.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::diag::{Code, Diagnostic, Source};

/// The files that a manifest may include. Paths are in plain form, relative to the workspace, with `/` between parts.
pub trait ManifestFiles {
    /// Reads a file.
    ///
    /// # Errors
    /// A diagnostic without a place that says why it cannot be read; the place of the include is added to it.
    fn read(&mut self, path: &str) -> Result<Arc<Source>, Diagnostic>;

    /// Lists a folder, `.` for the workspace itself; empty where it is not there or cannot be read.
    fn list(&mut self, folder: &str) -> Vec<FolderEntry>;
}

/// One name in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FolderEntry {
    /// The name, without the folder.
    pub name: String,
    /// Whether it is a folder.
    pub is_folder: bool,
}

/// Files that are texts in memory; none where it is empty.
#[derive(Debug, Clone, Default)]
pub struct TextFiles {
    texts: BTreeMap<String, String>,
}

impl TextFiles {
    /// Serves texts by path.
    pub fn new(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            texts: texts.into_iter().collect(),
        }
    }
}

impl ManifestFiles for TextFiles {
    fn read(&mut self, path: &str) -> Result<Arc<Source>, Diagnostic> {
        match self.texts.get(path) {
            Some(text) => Ok(Source::new(path, text.as_str())),
            None => Err(Diagnostic::error(
                Code::IncludeUnreadable,
                format!("there is no file `{path}`"),
            )),
        }
    }

    fn list(&mut self, folder: &str) -> Vec<FolderEntry> {
        let prefix = match folder {
            "." => String::new(),
            _ => format!("{folder}/"),
        };
        let below = self.texts.keys().filter_map(|it| it.strip_prefix(&prefix));
        let entries: BTreeSet<FolderEntry> = below
            .map(|it| {
                let (name, rest) = it
                    .split_once('/')
                    .map_or((it, None), |it| (it.0, Some(it.1)));
                FolderEntry {
                    name: name.to_owned(),
                    is_folder: rest.is_some(),
                }
            })
            .collect();
        entries.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_not_there_is_said_by_its_path() {
        let mut files = TextFiles::new([("a/b.kdl".to_owned(), "x".to_owned())]);
        assert_eq!(files.read("a/b.kdl").expect("a text").text, "x");
        let missing = files.read("a/c.kdl").expect_err("no text");
        assert_eq!(missing.message, "there is no file `a/c.kdl`");
    }
}
