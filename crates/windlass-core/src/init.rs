//! A first manifest for a tree that has none: what is in it, which pattern fits, and what could not be known.
//!
//! Nothing here reads a file: the caller lists the tree and hands over the texts that [`is_read`] asks for. What a pattern cannot
//! build today is written as a comment that says why, never as an image that fails later.

mod dockerfile;
mod go;
mod manifest;
mod name;
mod node;
mod python;
mod tree;

pub use manifest::{Place, write_manifest};
pub use name::workspace_name;
pub use tree::{Tree, is_read, is_skipped};

/// What was found in a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// What becomes an image, sorted by folder.
    pub images: Vec<FoundImage>,
    /// What was seen and is no image, with the reason.
    pub left_out: Vec<LeftOut>,
}

/// An application that becomes an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundImage {
    /// Its name in the manifest.
    pub name: String,
    /// What it is, in words: `Python, FastAPI`.
    pub what: String,
    /// Its folder, the build context; `.` for the workspace itself.
    pub context: String,
    /// The pattern that writes its Dockerfile; `None` where the folder has a Dockerfile of its own.
    pub pattern: Option<&'static str>,
    /// Lines under `with`.
    pub settings: Vec<Setting>,
    /// What could not be known, each a sentence without a full stop.
    pub unknown: Vec<String>,
    /// What keeps it from being built as it is; the image is then written as a comment. Each is a sentence without a full stop.
    pub obstacles: Vec<String>,
}

/// A line under `with`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The line as the manifest writes it.
    pub line: String,
    /// Where it comes from, for the comment behind it; empty where the line says it.
    pub why: String,
}

/// Something that was seen and is no image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// Its path.
    pub path: String,
    /// Why, in a fragment.
    pub why: String,
}

impl Setting {
    fn new(line: impl Into<String>, why: impl Into<String>) -> Self {
        Self {
            line: line.into(),
            why: why.into(),
        }
    }

    /// Writes a parameter with text values.
    fn texts<T: AsRef<str>>(
        parameter: &str,
        values: impl IntoIterator<Item = T>,
        why: impl Into<String>,
    ) -> Self {
        let line = values.into_iter().fold(parameter.to_owned(), |line, text| {
            line + " " + &manifest::quoted(text.as_ref())
        });
        Self::new(line, why)
    }
}

impl FoundImage {
    fn new(what: &str, context: &str, pattern: Option<&'static str>) -> Self {
        Self {
            name: name::of_folder(context),
            what: what.to_owned(),
            context: context.to_owned(),
            pattern,
            settings: Vec::new(),
            unknown: Vec::new(),
            obstacles: Vec::new(),
        }
    }

    /// Says whether it can be built as it is.
    pub fn is_ready(&self) -> bool {
        self.obstacles.is_empty()
    }
}

/// Looks for applications in a tree. `workspace` names the image of the tree's own folder.
pub fn detect(tree: &Tree, workspace: &str) -> Found {
    let mut found = Found::default();
    for folder in tree.folders() {
        let seen: Vec<Found> = [python::look, go::look, node::look]
            .into_iter()
            .map(|look| look(tree, folder))
            .collect();
        let patterns: Vec<&str> = seen
            .iter()
            .flat_map(|it| &it.images)
            .filter_map(|image| image.pattern)
            .collect();
        match dockerfile::look(tree, folder, &patterns) {
            // A Dockerfile of the folder's own is what its people chose.
            Some(own) => found.images.push(own),
            None => seen.into_iter().for_each(|it| {
                found.images.extend(it.images);
                found.left_out.extend(it.left_out);
            }),
        }
        found.left_out.extend(dockerfile::others(tree, folder));
    }
    name::settle(&mut found.images, workspace);
    found
}

#[cfg(test)]
mod tests;
