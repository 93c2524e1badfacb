//! Which entries of a context the sources of a Dockerfile reach: wildcards, links on the way, and all that lies below.
//!
//! Follows what the client of `BuildKit` sends for a source (`tonistiigi/fsutil`, `followlinks.go`), which is everything that
//! the builder can read of it; wildcards are followed through links as well, which is never less.

use std::collections::{BTreeMap, BTreeSet};

use crate::context::pattern::Pattern;
use crate::dockerfile::ContextSources;

/// Something in a context, before it is known whether it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Its path below the context.
    pub path: &'a str,
    /// What it is.
    pub kind: CandidateKind<'a>,
}

/// What a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CandidateKind<'a> {
    /// A directory.
    Directory,
    /// A symbolic link with its target.
    Link(&'a str),
    /// A file, or something else that has nothing below it.
    File,
}

/// More links on one way than this are a circle.
const LINKS: usize = 40;

/// Says of each entry whether a build with these sources can read it. Directories on the way to something are read with it.
pub fn select(sources: &ContextSources, entries: &[Candidate<'_>]) -> Vec<bool> {
    let ContextSources::Paths(sources) = sources else {
        return vec![true; entries.len()];
    };
    let mut selection = Selection::new(entries);
    for source in sources {
        let parts: Vec<String> = source.split('/').map(str::to_owned).collect();
        if !selection.follow("", &parts, 0, true) {
            return vec![true; entries.len()];
        }
    }
    selection.finish()
}

struct Selection<'a> {
    entries: &'a [Candidate<'a>],
    index: BTreeMap<&'a str, usize>,
    /// Names in each folder, made when a wildcard asks for them.
    names: Option<BTreeMap<&'a str, Vec<&'a str>>>,
    chosen: Vec<bool>,
    /// Entries that are chosen with all that lies below them.
    roots: BTreeSet<&'a str>,
    /// Links that were followed, with what was looked for behind them.
    followed: BTreeSet<(String, Vec<String>)>,
}

impl<'a> Selection<'a> {
    fn new(entries: &'a [Candidate<'a>]) -> Self {
        let index = entries.iter().enumerate();
        Self {
            entries,
            index: index.map(|(at, entry)| (entry.path, at)).collect(),
            names: None,
            chosen: vec![false; entries.len()],
            roots: BTreeSet::new(),
            followed: BTreeSet::new(),
        }
    }

    /// Follows the rest of a source from a folder; `literal` while no wildcard was on the way. Says `false` where links lead in a circle.
    fn follow(&mut self, folder: &str, parts: &[String], links: usize, literal: bool) -> bool {
        let Some((part, rest)) = parts.split_first() else {
            return true;
        };
        let is_wildcard = part.contains(['*', '?', '[']);
        let found: Vec<&'a str> = if is_wildcard {
            self.matching(folder, part)
        } else {
            let path = join(folder, part);
            self.index
                .get_key_value(path.as_str())
                .map(|(path, _)| *path)
                .into_iter()
                .collect()
        };
        let literal = literal && !is_wildcard;
        found
            .into_iter()
            .all(|path| self.step(path, rest, links, literal))
    }

    fn step(&mut self, path: &'a str, rest: &[String], links: usize, literal: bool) -> bool {
        let at = self.index[path];
        match self.entries[at].kind {
            CandidateKind::Link(target) => {
                self.chosen[at] = true;
                if !self.followed.insert((path.to_owned(), rest.to_vec())) {
                    return true;
                }
                let mut parts = target_parts(path, target);
                parts.extend_from_slice(rest);
                if parts.is_empty() {
                    // The link is the context itself.
                    return false;
                }
                links < LINKS && self.follow("", &parts, links + 1, true)
            }
            _ if rest.is_empty() => {
                self.roots.insert(path);
                true
            }
            CandidateKind::Directory => {
                self.chosen[at] |= literal;
                self.follow(path, rest, links, literal)
            }
            CandidateKind::File => true,
        }
    }

    fn matching(&mut self, folder: &str, part: &str) -> Vec<&'a str> {
        let entries = self.entries;
        let names = self.names.get_or_insert_with(|| {
            let mut names: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for entry in entries {
                let folder = entry.path.rfind('/').map_or("", |at| &entry.path[..at]);
                names.entry(folder).or_default().push(entry.path);
            }
            names
        });
        let Some(pattern) = one_part(part) else {
            return Vec::new();
        };
        let below = names.get(folder).map_or(&[][..], Vec::as_slice);
        let last = |path: &str| path.rfind('/').map_or(0, |at| at + 1);
        below
            .iter()
            .copied()
            .filter(|path| pattern.matches(&path[last(path)..]))
            .collect()
    }

    fn finish(mut self) -> Vec<bool> {
        for (at, entry) in self.entries.iter().enumerate() {
            if !self.chosen[at] && self.lies_below_root(entry.path) {
                self.chosen[at] = true;
            }
        }
        let mut folders = BTreeSet::new();
        for (at, entry) in self.entries.iter().enumerate() {
            if self.chosen[at] {
                folders.extend(
                    entry
                        .path
                        .match_indices('/')
                        .map(|(end, _)| &entry.path[..end]),
                );
            }
        }
        for folder in folders {
            if let Some(&at) = self.index.get(folder) {
                self.chosen[at] = true;
            }
        }
        self.chosen
    }

    fn lies_below_root(&self, path: &str) -> bool {
        let mut ends = path.match_indices('/').map(|(end, _)| &path[..end]);
        self.roots.contains(path) || ends.any(|folder| self.roots.contains(folder))
    }
}

/// Compiles a part of a source: `**` means no more than `*` here.
fn one_part(part: &str) -> Option<Pattern> {
    let mut text = String::new();
    for c in part.chars() {
        if c != '*' || !text.ends_with('*') {
            text.push(c);
        }
    }
    Pattern::compile(&text).ok()
}

/// Returns the target of a link as parts below the context: what leads out of it ends at it, as in the builder.
fn target_parts(link: &str, target: &str) -> Vec<String> {
    let mut parts: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        link.split('/').collect()
    };
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    parts.into_iter().map(str::to_owned).collect()
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Selects among entries written as `folder/`, `link -> target` and `file`.
    fn chosen<'a>(sources: &[&str], entries: &[&'a str]) -> Vec<&'a str> {
        let candidates: Vec<Candidate<'_>> = entries
            .iter()
            .map(
                |text| match (text.split_once(" -> "), text.strip_suffix('/')) {
                    (Some((path, target)), _) => Candidate {
                        path,
                        kind: CandidateKind::Link(target),
                    },
                    (None, Some(path)) => Candidate {
                        path,
                        kind: CandidateKind::Directory,
                    },
                    (None, None) => Candidate {
                        path: text,
                        kind: CandidateKind::File,
                    },
                },
            )
            .collect();
        let sources = ContextSources::Paths(sources.iter().map(|&it| it.to_owned()).collect());
        let found = select(&sources, &candidates);
        let both = candidates.iter().zip(found);
        both.filter(|(_, chosen)| *chosen)
            .map(|(candidate, _)| candidate.path)
            .collect()
    }

    const TREE: &[&str] = &[
        "a/",
        "a/b/",
        "a/b/x.txt",
        "a/b/y.bin",
        "a/empty/",
        "a/x.txt",
        "ab",
        "c/",
        "c/x.txt",
        "d/",
        "d/e/",
        "d/e/x.txt",
    ];

    #[test]
    fn a_folder_is_read_with_everything_below_it_and_the_way_to_it() {
        assert_eq!(
            chosen(&["a/b"], TREE),
            ["a", "a/b", "a/b/x.txt", "a/b/y.bin"]
        );
        assert_eq!(chosen(&["ab"], TREE), ["ab"]);
        assert_eq!(chosen(&["missing", "ab/x"], TREE), Vec::<&str>::new());
    }

    #[test]
    fn wildcards_stay_within_a_part() {
        assert_eq!(chosen(&["*/x.txt"], TREE), ["a", "a/x.txt", "c", "c/x.txt"]);
        assert_eq!(
            chosen(&["**/x.txt"], TREE),
            ["a", "a/x.txt", "c", "c/x.txt"]
        );
        assert_eq!(chosen(&["a?"], TREE), ["ab"]);
        assert_eq!(chosen(&["[c-d]/*/x.txt"], TREE), ["d", "d/e", "d/e/x.txt"]);
        assert_eq!(chosen(&["*"], TREE).len(), TREE.len());
    }

    #[test]
    fn a_folder_that_a_source_names_counts_even_where_nothing_in_it_matches() {
        // Without it the builder would say that the folder does not exist, instead of copying nothing.
        assert_eq!(chosen(&["c/*.md"], TREE), ["c"]);
        assert_eq!(chosen(&["*/*.md"], TREE), Vec::<&str>::new());
    }

    #[test]
    fn links_are_read_with_what_they_lead_to() {
        let tree = &[
            "abs -> /real/f",
            "dir -> real",
            "f -> dir/f",
            "loop -> loop",
            "out -> ../../etc",
            "real/",
            "real/f",
            "real/g",
            "real/up -> ../top",
            "top",
        ];
        assert_eq!(chosen(&["dir/f"], tree), ["dir", "real", "real/f"]);
        assert_eq!(
            chosen(&["dir/f", "dir/g"], tree),
            ["dir", "real", "real/f", "real/g"]
        );
        assert_eq!(chosen(&["f"], tree), ["dir", "f", "real", "real/f"]);
        assert_eq!(chosen(&["abs"], tree), ["abs", "real", "real/f"]);
        assert_eq!(chosen(&["dir/up"], tree), ["dir", "real", "real/up", "top"]);
        assert_eq!(
            chosen(&["real"], tree),
            ["real", "real/f", "real/g", "real/up"]
        );
        assert_eq!(chosen(&["out"], tree), ["out"]);
        assert_eq!(chosen(&["loop"], tree), ["loop"]);
        assert_eq!(
            chosen(&["di?/[f-g]"], tree),
            ["dir", "real", "real/f", "real/g"]
        );
    }

    #[test]
    fn links_without_end_give_everything() {
        let tree = &["grow -> grow/x", "self -> .", "z"];
        assert_eq!(chosen(&["grow"], tree).len(), 3);
        assert_eq!(chosen(&["self"], tree).len(), 3);
    }
}
