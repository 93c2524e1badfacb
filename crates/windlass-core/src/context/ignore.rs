//! Ignore rules of a build context: many lines, last match wins, a match of a folder holds for what is below it.
//!
//! Follows moby/patternmatcher `MatchesUsingParentResults` and BuildKit's reader of ignore files; nothing else decides what a
//! build sees.

use crate::context::pattern::Pattern;
use crate::diag::{Code, Diagnostic, Location, Source};

/// One line that may hold an ignore pattern, with the place it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IgnoreLine {
    /// The line as it stands.
    pub text: String,
    /// The file, pattern or manifest it stands in, for people: `python@1`, `services/web/.dockerignore`.
    pub origin: String,
    /// Its number there, from 1.
    pub line: usize,
    /// Its place, where it is a value of a manifest.
    pub location: Option<Location>,
}

impl IgnoreLine {
    /// Splits the text of an ignore file into lines, a byte order mark left out.
    pub fn split(origin: &str, text: &str) -> Vec<Self> {
        let lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        lines
            .map(|(at, line)| Self {
                text: line.to_owned(),
                origin: origin.to_owned(),
                line: at + 1,
                location: None,
            })
            .collect()
    }
}

/// Compiled ignore rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignore {
    rules: Vec<Rule>,
    /// Files of the context that windlass itself reads, relative to the context: never sent.
    own_files: Vec<String>,
    lines: Vec<IgnoreLine>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// Index of its line.
    line: usize,
    /// Whether it starts with `!` and brings back what earlier lines ignored.
    brings_back: bool,
    pattern: Pattern,
    /// The folder a plain pattern names, for deciding whether a folder must be walked.
    folder: Option<String>,
}

/// What the rules say about one path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is left out.
    pub ignored: bool,
    /// Index of the line that decided; `None` where none matched, or windlass's own rule did.
    pub line: Option<usize>,
}

/// Which rules matched a folder: handed down to what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Matches(Vec<bool>);

impl Ignore {
    /// Compiles ignore lines in the order in which they count, and the files of the context that windlass itself reads.
    /// Lines that are no pattern are reported, all of them, and left out.
    pub fn new(lines: Vec<IgnoreLine>, own_files: Vec<String>) -> (Self, Vec<Diagnostic>) {
        let mut rules = Vec::new();
        let mut diagnostics = Vec::new();
        for (at, line) in lines.iter().enumerate() {
            match compile(at, &line.text) {
                Ok(rule) => rules.extend(rule),
                Err(why) => diagnostics.push(report(line, why)),
            }
        }
        (
            Self {
                rules,
                own_files,
                lines,
            },
            diagnostics,
        )
    }

    /// Returns the line with this index.
    pub fn line(&self, index: usize) -> Option<&IgnoreLine> {
        self.lines.get(index)
    }

    /// Decides about `path`, whose folder matched `parent`; the second value is to be handed to what is in it.
    pub fn decide_in(&self, parent: &Matches, path: &str) -> (Decision, Matches) {
        let mut decision = Decision {
            ignored: false,
            line: None,
        };
        let mut matches = vec![false; self.rules.len()];
        for (at, rule) in self.rules.iter().enumerate() {
            let inherited = parent.0.get(at).copied().unwrap_or(false);
            if !inherited && rule.brings_back != decision.ignored {
                continue;
            }
            if inherited || rule.pattern.matches(path) {
                matches[at] = true;
                decision = Decision {
                    ignored: !rule.brings_back,
                    line: Some(rule.line),
                };
            }
        }
        if is_never_sent(path) || self.own_files.iter().any(|own| own == path) {
            decision = Decision {
                ignored: true,
                line: None,
            };
        }
        (decision, Matches(matches))
    }

    /// Decides about `path` by walking down to it.
    pub fn decide(&self, path: &str) -> Decision {
        let mut matches = Matches::default();
        let mut decision = Decision {
            ignored: false,
            line: None,
        };
        let ends = path
            .match_indices('/')
            .map(|(at, _)| at)
            .chain([path.len()]);
        for end in ends {
            (decision, matches) = self.decide_in(&matches, &path[..end]);
        }
        decision
    }

    /// Says whether nothing below an ignored folder can be brought back, so that it need not be walked.
    pub fn may_skip(&self, folder: &str) -> bool {
        if is_never_sent(folder) {
            return true;
        }
        self.rules
            .iter()
            .filter(|rule| rule.brings_back)
            .all(|rule| {
                rule.folder.as_ref().is_some_and(|kept| {
                    let below = kept.len() > folder.len()
                        && kept.starts_with(folder)
                        && kept.as_bytes()[folder.len()] == b'/';
                    !below && kept != folder
                })
            })
    }
}

/// Says whether a path is windlass's own and never part of a context: its data folder, its lock, saved plans.
pub fn is_never_sent(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or(path);
    path.split('/').any(|part| part == ".windlass")
        || last == "windlass.lock"
        || last.ends_with(".windlass")
}

/// Reads one line as BuildKit's reader of ignore files does; `None` for comments and blank lines.
fn compile(line: usize, text: &str) -> Result<Option<Rule>, &'static str> {
    if text.starts_with('#') || text.trim().is_empty() {
        return Ok(None);
    }
    let trimmed = text.trim();
    let (brings_back, pattern) = match trimmed.strip_prefix('!') {
        Some(rest) => (true, rest.trim()),
        None => (false, trimmed),
    };
    if pattern.is_empty() {
        return Err("a `!` alone brings nothing back");
    }
    let cleaned = clean(pattern);
    let relative = cleaned
        .strip_prefix('/')
        .filter(|rest| !rest.is_empty())
        .unwrap_or(&cleaned);
    let folder = Pattern::literal_folder(relative).map(str::to_owned);
    Ok(Some(Rule {
        line,
        brings_back,
        pattern: Pattern::compile(relative)?,
        folder,
    }))
}

/// Shortens a path as Go's `filepath.Clean`: no empty parts, no `.`, `..` resolved.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            part => parts.push(part),
        }
    }
    match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    }
}

fn report(line: &IgnoreLine, why: &str) -> Diagnostic {
    if let Some(location) = &line.location {
        return refused(line).at(location, why);
    }
    // The source shows the one line; its number is kept by the empty lines before it.
    let text = format!("{}{}", "\n".repeat(line.line.saturating_sub(1)), line.text);
    let start = line.line.saturating_sub(1);
    let location = Location {
        source: Source::new(line.origin.clone(), text.clone()),
        span: start..text.len(),
    };
    refused(line).at(&location, why)
}

fn refused(line: &IgnoreLine) -> Diagnostic {
    let message = format!("`{}` is not an ignore pattern", line.text.trim());
    Diagnostic::error(Code::IgnorePattern, message)
        .help("`*` and `?` stay within a folder, `**` crosses folders, `[a-c]` is a class, `\\` escapes the next character")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignore(text: &str) -> Ignore {
        let (ignore, diagnostics) =
            Ignore::new(IgnoreLine::split(".dockerignore", text), Vec::new());
        assert_eq!(diagnostics, []);
        ignore
    }

    fn kept<'a>(text: &str, paths: &[&'a str]) -> Vec<&'a str> {
        let ignore = ignore(text);
        paths
            .iter()
            .copied()
            .filter(|path| !ignore.decide(path).ignored)
            .collect()
    }

    #[test]
    fn the_last_match_wins() {
        let paths = ["README.md", "a.md", "docs/a.md", "docs/README.md"];
        assert_eq!(
            kept("*.md\n!README.md", &paths),
            ["README.md", "docs/a.md", "docs/README.md"]
        );
        assert_eq!(
            kept("!README.md\n*.md", &paths),
            ["docs/a.md", "docs/README.md"]
        );
        assert_eq!(
            kept("**/*.md\n!**/README.md", &paths),
            ["README.md", "docs/README.md"]
        );
    }

    #[test]
    fn a_match_of_a_folder_holds_for_what_is_below_it() {
        let paths = [
            "node_modules/a/b.js",
            "src/node_modules/x",
            "node_modules2/a",
        ];
        assert_eq!(
            kept("node_modules", &paths),
            ["src/node_modules/x", "node_modules2/a"]
        );
        assert_eq!(kept("**/node_modules", &paths), ["node_modules2/a"]);
        assert_eq!(kept("*\n!src", &paths), ["src/node_modules/x"]);
    }

    #[test]
    fn comments_blank_lines_and_leading_slashes_are_read_as_buildkit_does() {
        let paths = ["a", "b", "#c", " d"];
        assert_eq!(
            kept("\u{feff}# comment\n\n  /a  \n ./b/ \n!  /a\n", &paths),
            ["a", "#c", " d"]
        );
    }

    #[test]
    fn a_line_that_only_repeats_does_not_count_again_below_a_folder() {
        // The builder skips a line where the folder is ignored already, so `!a/b` stays the last word on a/b.
        assert_eq!(kept("a\n!a/b\na", &["a/b", "a/c"]), ["a/b"]);
    }

    #[test]
    fn what_is_windlass_own_cannot_be_brought_back() {
        let (ignore, _) = Ignore::new(
            IgnoreLine::split("i", "!windlass.kdl\n!**/*.windlass\n!.windlass"),
            vec!["windlass.kdl".to_owned()],
        );
        for path in [
            "windlass.kdl",
            "plan.windlass",
            "a/b.windlass",
            ".windlass/local/x",
            "windlass.lock",
        ] {
            assert!(ignore.decide(path).ignored, "{path}");
        }
        assert!(!ignore.decide("a/windlass.kdl").ignored);
    }

    #[test]
    fn a_folder_is_walked_only_where_something_below_can_come_back() {
        assert!(ignore("a").may_skip("a"));
        assert!(!ignore("a\n!a/b/c").may_skip("a"));
        assert!(!ignore("a\n!a/**").may_skip("a"));
        assert!(ignore("a\n!b/c").may_skip("a"));
        assert!(!ignore("a\n!**/keep").may_skip("a"));
    }

    #[test]
    fn all_broken_lines_are_reported_with_their_place() {
        let (ignore, diagnostics) = Ignore::new(
            IgnoreLine::split("web/.dockerignore", "ok\n[a\n!\n"),
            Vec::new(),
        );
        assert_eq!(ignore.rules.len(), 1);
        let places: Vec<String> = diagnostics
            .iter()
            .map(|it| it.labels[0].location.to_string())
            .collect();
        assert_eq!(places, ["web/.dockerignore:2:1", "web/.dockerignore:3:1"]);
    }
}
