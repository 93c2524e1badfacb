//! `include`: which files a manifest consists of, and what each may define.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::diag::{Code, Diagnostic, Location, Source};
use crate::manifest::files::ManifestFiles;
use crate::manifest::raw::{IncludeNode, Manifest, Text};
use crate::manifest::{glob, path};
use crate::node::{Dec, Given, Reading, suggest};

use super::{Kinds, check_word, no_template, read_top};

/// How many files may include each other below the root.
const DEEPEST: usize = 4;

/// The most bytes of all files of a workspace together.
const MAX_BYTES: usize = 8 * 1024 * 1024;

#[expect(
    clippy::unnecessary_wraps,
    reason = "all nodes of the top level are read by functions of one type"
)]
pub(super) fn read_include(node: &mut Dec<'_>) -> Option<IncludeNode> {
    let globs: Vec<Text> = node
        .required_values("a path, in which `*` stands for anything")
        .iter()
        .filter_map(Given::text)
        .collect();
    let optional = node.property("optional", "whether it may match nothing");
    let only = node.texts("only", "the kinds of nodes that these files may define");
    for kind in &only {
        check_word(node, "only", kind, super::KINDS);
    }
    for text in &globs {
        no_template(node, "include", text);
    }
    Some(IncludeNode {
        globs,
        is_optional: optional.and_then(|it| it.flag()).is_some_and(|it| it.value),
        only: (!only.is_empty()).then_some(only),
    })
}

/// What an `only` allows, and where it says so.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    kinds: Vec<String>,
    location: Location,
}

/// Reports the nodes of a file that an `only` above it does not allow. They are decoded all the same, so that nothing else is missed.
pub(super) fn check_kinds(top: &Dec<'_>, limits: &[Limit]) {
    for (kind, place) in top.heads() {
        // A workspace is never allowed here, and that is said elsewhere.
        let known = super::KINDS.contains(&kind) && kind != "workspace";
        let Some(limit) = limits
            .iter()
            .find(|it| known && !it.kinds.iter().any(|it| it == kind))
        else {
            continue;
        };
        let kinds: Vec<&str> = limit.kinds.iter().map(String::as_str).collect();
        // What it would have defined is no further problem.
        top.reading().set_incomplete();
        top.report(
            Diagnostic::error(
                Code::IncludeNotAllowed,
                format!("this file may not define a `{kind}`"),
            )
            .at(&place, "not allowed here")
            .at(&limit.location, format!("only {}", suggest::list(&kinds)))
            .help("move it into a file that may define it, or ask for the limit to be widened"),
        );
    }
}

/// Reads a root file and everything that it includes.
pub(super) struct Collector<'f> {
    files: &'f mut dyn ManifestFiles,
    read: BTreeSet<String>,
    bytes: usize,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl<'f> Collector<'f> {
    pub(super) fn new(files: &'f mut dyn ManifestFiles) -> Self {
        Self {
            files,
            read: BTreeSet::new(),
            bytes: 0,
            diagnostics: Vec::new(),
        }
    }

    /// Reads the root. `None` where nothing else must be said.
    pub(super) fn read_root(&mut self, root: &Arc<Source>) -> Option<Manifest> {
        self.read.insert(root.name.clone());
        self.bytes = root.text.len();
        let mut manifest = self.read_source(root, &Kinds::Root)?;
        let includes = std::mem::take(&mut manifest.includes);
        self.follow(
            &includes,
            std::slice::from_ref(&root.name),
            &[],
            &mut manifest,
        );
        Some(manifest)
    }

    fn read_source(&mut self, source: &Arc<Source>, kinds: &Kinds<'_>) -> Option<Manifest> {
        let reading = Reading::new(source);
        let mut manifest = read_top(&reading, kinds);
        if let Some(manifest) = &mut manifest {
            manifest.incomplete |= reading.is_incomplete();
        }
        self.diagnostics.extend(reading.into_diagnostics());
        manifest
    }

    /// Reads what a file includes; `chain` holds the files from the root to it.
    fn follow(
        &mut self,
        includes: &[IncludeNode],
        chain: &[String],
        limits: &[Limit],
        into: &mut Manifest,
    ) {
        for include in includes {
            let mut limits = limits.to_vec();
            if let Some([first, ..]) = include.only.as_deref() {
                limits.push(Limit {
                    kinds: include
                        .only
                        .iter()
                        .flatten()
                        .map(|it| it.value.clone())
                        .collect(),
                    location: first.location.clone(),
                });
            }
            for text in &include.globs {
                for file in self.find(text, include.is_optional, chain, into) {
                    self.read_included(&file, text, chain, &limits, into);
                }
            }
        }
    }

    /// Returns the files that a pattern names, without those that need not be read again.
    fn find(
        &mut self,
        text: &Text,
        optional: bool,
        chain: &[String],
        into: &mut Manifest,
    ) -> Vec<String> {
        let here = chain.last().map_or("", String::as_str);
        let pattern = match path::normalize_from(here, &text.value) {
            Ok(pattern) => pattern,
            Err(reason) => {
                into.incomplete = true;
                self.diagnostics.push(
                    Diagnostic::error(
                        Code::IncludeOutside,
                        format!("`{}` cannot be included", text.value),
                    )
                    .at(&text.location, format!("the path {reason}"))
                    .help(
                        "include files below the folder of the root file, with `/` between parts",
                    ),
                );
                return Vec::new();
            }
        };
        if chain.len() > DEEPEST {
            into.incomplete = true;
            self.diagnostics.push(
                Diagnostic::error(Code::IncludeTooDeep, "includes are nested too deep")
                    .at(&text.location, format!("the fifth below {}", chain.join(", ")))
                    .help("at most four files may include each other below the root; include this one higher up"),
            );
            return Vec::new();
        }
        let mut found = glob::expand(&pattern, self.files);
        let nothing = found.is_empty();
        // A pattern that happens to match the file it stands in does not mean that file.
        found.retain(|it| it == &pattern || it != here);
        if nothing && !optional {
            into.incomplete = true;
            self.diagnostics.push(
                Diagnostic::error(
                    Code::IncludeMatchesNothing,
                    format!("`{}` matches no file", text.value),
                )
                .at(&text.location, "nothing to include")
                .help("mend the path, or add `optional=#true`"),
            );
        }
        found
    }

    fn read_included(
        &mut self,
        file: &str,
        text: &Text,
        chain: &[String],
        limits: &[Limit],
        into: &mut Manifest,
    ) {
        if let Some(at) = chain.iter().position(|it| it == file) {
            let circle: Vec<String> = chain[at..].iter().map(|it| format!("`{it}`")).collect();
            self.diagnostics.push(
                Diagnostic::error(
                    Code::IncludeCycle,
                    format!(
                        "files include each other in a circle: {}, `{file}`",
                        circle.join(", ")
                    ),
                )
                .at(&text.location, "closes the circle")
                .help("remove this include"),
            );
            return;
        }
        if !self.read.insert(file.to_owned()) {
            return;
        }
        let source = match self.files.read(file) {
            Ok(source) => source,
            Err(diagnostic) => {
                into.incomplete = true;
                self.diagnostics
                    .push(diagnostic.at(&text.location, "included here"));
                return;
            }
        };
        self.bytes += source.text.len();
        if self.bytes > MAX_BYTES {
            into.incomplete = true;
            self.diagnostics.push(
                Diagnostic::error(
                    Code::WorkspaceTooLarge,
                    format!("the files of the workspace have {} bytes; the limit is 8 MiB", self.bytes),
                )
                .at(&text.location, format!("with `{file}`"))
                .help("manifests are written and reviewed by people; generated data belongs in files that they name"),
            );
            return;
        }
        let Some(mut part) = self.read_source(&source, &Kinds::Included(limits)) else {
            return;
        };
        let includes = std::mem::take(&mut part.includes);
        self.diagnostics.extend(into.absorb(part));
        let mut chain = chain.to_vec();
        chain.push(file.to_owned());
        self.follow(&includes, &chain, limits, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::TextFiles;

    #[test]
    fn all_files_together_are_bounded() {
        let root = Source::new("windlass.kdl", "workspace \"w\"\ninclude \"big.kdl\"\n");
        let big = "/".repeat(MAX_BYTES);
        let mut files = TextFiles::new([("big.kdl".to_owned(), big)]);
        let mut collector = Collector::new(&mut files);
        let manifest = collector.read_root(&root).expect("a manifest");
        assert!(manifest.incomplete);
        let codes: Vec<Code> = collector.diagnostics.iter().map(|it| it.code).collect();
        assert_eq!(codes, [Code::WorkspaceTooLarge]);
        assert_eq!(
            collector.diagnostics[0].message,
            "the files of the workspace have 8388640 bytes; the limit is 8 MiB"
        );
    }
}
