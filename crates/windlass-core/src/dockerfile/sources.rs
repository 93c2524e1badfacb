//! What a build can read of its context: the sources that COPY, ADD and bind mounts name, after args and ENV.
//!
//! Follows `BuildKit` (`frontend/dockerfile/dockerfile2llb/convert.go`, the paths that it asks the client for). Whatever cannot
//! be decided from the text gives the whole context; which entries a source reaches is decided in `context`, which knows links.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::bases::BaseQuery;
use super::graph::{self, Graph, GraphQuery, StageBase, State};
use super::reference::ImageReference;
use super::words::Word;
use super::{Dockerfile, Flag, Instruction};

/// The flags of COPY and ADD that leave its sources what they are, or read less of them.
const KNOWN_FLAGS: &[&str] = &[
    "from",
    "chown",
    "chmod",
    "link",
    "checksum",
    "keep-git-dir",
    "exclude",
    "unpack",
];

/// The part of a context that a build can read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContextSources {
    /// All of it.
    Everything {
        /// Why it cannot be decided; `None` where the Dockerfile names the whole context.
        why: Option<String>,
    },
    /// Paths below the context, sorted, with the wildcards of Go's `filepath.Match` in each part; each with everything below it.
    Paths(Vec<String>),
}

impl Default for ContextSources {
    fn default() -> Self {
        Self::Everything { why: None }
    }
}

impl ContextSources {
    /// Says whether the build may ask for `path`, a source as the builder writes it: cleaned, without a leading `/`.
    pub fn names(&self, path: &str) -> bool {
        match self {
            Self::Everything { .. } => true,
            Self::Paths(paths) => paths.iter().any(|source| source == path),
        }
    }
}

/// A place where ADD fetches something from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteSource {
    /// The address as written, credentials in it left out.
    pub address: String,
    /// Whether the Dockerfile says what is fetched: by `--checksum`, or by a whole commit of git.
    pub pinned: bool,
    /// The bytes of the word.
    pub span: Range<usize>,
}

/// Returns what the wanted stage can read of the context.
pub fn context_sources(dockerfile: &Dockerfile, query: &BaseQuery<'_>) -> ContextSources {
    if let Some(syntax) = &dockerfile.syntax
        && !is_known_frontend(&syntax.text)
    {
        return undecided(format!(
            "`# syntax={}` may read files in its own way",
            syntax.text
        ));
    }
    let mut paths = BTreeSet::new();
    for reached in reached_instructions(dockerfile, query) {
        match reached.read_sources() {
            Ok(found) => paths.extend(found),
            Err(why) => return ContextSources::Everything { why },
        }
    }
    ContextSources::Paths(paths.into_iter().collect())
}

/// Returns what ADD fetches from outside in the stages that the wanted one is built from, in the order of the text.
pub fn remote_sources(dockerfile: &Dockerfile, query: &BaseQuery<'_>) -> Vec<RemoteSource> {
    let mut found = Vec::new();
    for Reached { instruction, .. } in reached_instructions(dockerfile, query) {
        if instruction.keyword != "ADD" {
            continue;
        }
        let has_checksum = instruction
            .flag("checksum")
            .is_some_and(|flag| !flag.value.text.is_empty());
        let words = source_words(instruction).iter();
        found.extend(
            words
                .filter(|it| is_remote(&it.text))
                .map(|Word { text, span }| RemoteSource {
                    pinned: has_checksum || names_commit(text),
                    address: without_credentials(text),
                    span: span.clone(),
                }),
        );
    }
    found
}

/// Says whether the stage that is built leaves triggers that read the context of whoever starts from it.
pub fn leaves_triggers(dockerfile: &Dockerfile, query: &BaseQuery<'_>) -> bool {
    graph_of(dockerfile, query).target.is_some_and(|target| {
        dockerfile
            .instructions_of(target)
            .iter()
            .any(is_reading_trigger)
    })
}

/// Says whether an ONBUILD trigger, such as `COPY . /app`, reads the context of the build that runs it.
pub fn trigger_reads_context(trigger: &str) -> bool {
    let word = trigger.split_whitespace().next().unwrap_or_default();
    word.eq_ignore_ascii_case("copy")
        || word.eq_ignore_ascii_case("add")
        || trigger.contains("--mount")
}

fn is_reading_trigger(instruction: &Instruction) -> bool {
    instruction.keyword == "ONBUILD" && trigger_reads_context(&instruction.arguments)
}

fn undecided(why: String) -> ContextSources {
    ContextSources::Everything { why: Some(why) }
}

/// Says whether the image of a `# syntax=` is a frontend whose sources are known: Docker's own.
fn is_known_frontend(image: &str) -> bool {
    ImageReference::parse(image).is_ok_and(|image| {
        image.host == "docker.io"
            && matches!(
                image.path.as_str(),
                "docker/dockerfile" | "docker/dockerfile-upstream"
            )
    })
}

/// An instruction of a stage that is built, with what is in force there.
struct Reached<'a> {
    instruction: &'a Instruction,
    state: State,
    /// The variables whose values depend on what a base image may set.
    uncertain: BTreeSet<String>,
    escape: char,
    /// Whether a stage of the same file, which its stage starts from, left triggers.
    triggered: bool,
}

/// Returns the instructions of all stages that the wanted one is built from.
fn reached_instructions<'a>(dockerfile: &'a Dockerfile, query: &BaseQuery<'_>) -> Vec<Reached<'a>> {
    let graph = graph_of(dockerfile, query);
    let mut found = Vec::new();
    let mut left: Vec<BTreeSet<String>> = Vec::new();
    for (node, stage) in dockerfile.stages.iter().zip(&graph.stages) {
        let triggered = match stage.base {
            StageBase::Stage(parent) => dockerfile
                .instructions_of(parent)
                .iter()
                .any(is_reading_trigger),
            _ => false,
        };
        let mut uncertain = match stage.base {
            StageBase::Stage(parent) => left[parent].clone(),
            _ => BTreeSet::new(),
        };
        let instructions = &dockerfile.instructions[node.instructions.clone()];
        for (instruction, state) in instructions.iter().zip(&stage.before) {
            let reached = Reached {
                instruction,
                state: state.clone(),
                uncertain: uncertain.clone(),
                escape: dockerfile.escape,
                triggered,
            };
            reached.assign(query, &mut uncertain);
            if stage.reached {
                found.push(reached);
            }
        }
        left.push(uncertain);
    }
    found
}

fn graph_of(dockerfile: &Dockerfile, query: &BaseQuery<'_>) -> Graph {
    graph::resolve(
        dockerfile,
        &GraphQuery {
            args: query.args,
            stage: query.stage,
            platform: query.platform,
            // What a base image sets is not known here; a variable that nothing else sets leaves everything open.
            bases: &|_| graph::BaseConfig::default(),
        },
    )
}

impl Reached<'_> {
    /// Returns the first variable of a word whose value depends on what a base image may set. A default behind it
    /// (`${NAME:-x}`) does not help: the base decides whether it is taken.
    fn uncertain_in(&self, word: &Word) -> Option<String> {
        graph::mentioned_in(word, self.escape)
            .into_iter()
            .find(|name| {
                let known = self.state.variables.get(name);
                let is_open = !self.state.base_known && known.is_none_or(|it| it.value.is_none());
                is_open || self.uncertain.contains(name)
            })
    }

    /// Notes which variables of an ARG or ENV are uncertain after it.
    fn assign(&self, query: &BaseQuery<'_>, uncertain: &mut BTreeSet<String>) {
        if !matches!(self.instruction.keyword.as_str(), "ARG" | "ENV") {
            return;
        }
        for assignment in self.instruction.assignments() {
            let name = &assignment.name.text;
            let is_given = self.instruction.keyword == "ARG" && query.args.contains_key(name);
            let depends = assignment
                .value
                .as_ref()
                .and_then(|it| self.uncertain_in(it));
            if depends.is_some() && !is_given {
                uncertain.insert(name.clone());
            } else if assignment.value.is_some() || is_given {
                uncertain.remove(name);
            }
        }
    }

    /// Returns the sources; an error where they are the whole context, with the reason if that is a guess.
    fn read_sources(&self) -> Result<Vec<String>, Option<String>> {
        let instruction = self.instruction;
        match instruction.keyword.as_str() {
            "FROM" if self.triggered => Err(Some(
                "a stage that it starts from has ONBUILD triggers".to_owned(),
            )),
            "COPY" | "ADD" => {
                let from = instruction.flag("from");
                if from.is_some_and(|flag| !flag.value.text.is_empty()) {
                    return Ok(Vec::new());
                }
                self.copied()
            }
            "RUN" => {
                let mounts = instruction.flags.iter().filter(|it| it.name == "mount");
                let paths: Result<Vec<Option<String>>, _> =
                    mounts.map(|mount| self.mounted(mount)).collect();
                Ok(paths?.into_iter().flatten().collect())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn copied(&self) -> Result<Vec<String>, Option<String>> {
        let instruction = self.instruction;
        let odd = instruction
            .flags
            .iter()
            .find(|flag| !KNOWN_FLAGS.contains(&flag.name.as_str()));
        if let Some(flag) = odd {
            let keyword = &instruction.keyword;
            return Err(Some(format!("{keyword} has the flag --{}", flag.name)));
        }
        let mut paths = Vec::new();
        for word in source_words(instruction) {
            if word.text.starts_with("<<") {
                continue;
            }
            if word.text.contains(['"', '\'', self.escape]) {
                return Err(Some(format!("`{}` has quotes or escapes", word.text)));
            }
            let source = self.state.expand(&word.text, self.escape);
            let unknown = self.uncertain_in(word);
            if let Some(name) = unknown.as_ref().or(source.missing.first()) {
                return Err(Some(format!(
                    "`{}` depends on `{name}`, whose value is not known",
                    word.text
                )));
            }
            if let Some(problem) = source.problem {
                return Err(Some(format!("`{}`: {problem}", word.text)));
            }
            if instruction.keyword != "ADD" || !is_url(&source.text) {
                paths.push(clean(&source.text)?);
            }
        }
        Ok(paths)
    }

    /// Returns the source of a mount, `None` where it does not read the context.
    fn mounted(&self, mount: &Flag) -> Result<Option<String>, Option<String>> {
        let value = &mount.value.text;
        if value.contains(['$', '"', '\'', self.escape]) {
            return Err(Some(format!("`--mount={value}` has variables or quotes")));
        }
        let field = |wanted: &str| {
            let pairs = value
                .split(',')
                .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            let mut found = pairs.filter(|(key, _)| key.trim().eq_ignore_ascii_case(wanted));
            found.next_back().map(|(_, value)| value)
        };
        let is_bind = field("type").is_none_or(|kind| kind.eq_ignore_ascii_case("bind"));
        if !is_bind || field("from").is_some_and(|from| !from.is_empty()) {
            return Ok(None);
        }
        let source = field("source").or_else(|| field("src")).unwrap_or_default();
        clean(source).map(Some)
    }
}

/// Returns the sources of COPY or ADD as written; heredocs are among them.
fn source_words(instruction: &Instruction) -> &[Word] {
    instruction
        .transfer()
        .map_or(&[], |transfer| &transfer.sources)
}

/// Says whether every frontend takes the source of an ADD for an address.
fn is_url(source: &str) -> bool {
    source.starts_with("http://") || source.starts_with("https://")
}

/// Says whether some frontend takes the source of an ADD for an address. Older ones read `git@..` as a path.
fn is_remote(source: &str) -> bool {
    source.contains("://") || source.starts_with("git@")
}

/// Says whether an address of git names a whole commit.
fn names_commit(address: &str) -> bool {
    let fragment = address.split_once('#').map_or("", |(_, fragment)| fragment);
    let commit = fragment.split(':').next().unwrap_or_default();
    matches!(commit.len(), 40 | 64) && commit.chars().all(|c| c.is_ascii_hexdigit())
}

fn without_credentials(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let host = rest[..end].rfind('@').map_or(0, |at| at + 1);
            format!("{scheme}://{}", &rest[host..])
        }
        None => address.to_owned(),
    }
}

/// Returns a source as a path below the context; an error where it is the context itself or cannot be decided.
fn clean(source: &str) -> Result<String, Option<String>> {
    if source.contains('\\') {
        return Err(Some(format!("`{source}` has escapes")));
    }
    if !classes_are_plain(source) {
        return Err(Some(format!(
            "`{source}` has a class that windlass does not read"
        )));
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in source.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            other => parts.push(other),
        }
    }
    if parts.is_empty() {
        return Err(None);
    }
    Ok(parts.join("/"))
}

/// Says whether all classes `[..]` hold letters, digits, `.`, `_` and ranges of them only. Others are read differently by the places that
/// match them (a negated one also matches a `/` when it is matched against a whole path).
fn classes_are_plain(source: &str) -> bool {
    let mut rest = source;
    while let Some(at) = rest.find(['[', ']']) {
        let Some(inner) = rest[at..].strip_prefix('[') else {
            return false;
        };
        let Some(end) = inner.find(']') else {
            return false;
        };
        let class = &inner[..end];
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let ranges = class.starts_with('-') || class.ends_with('-') || class.contains("--");
        // Digits, upper and lower case letters stand behind `/` in ASCII, so no range of them holds it; `.` stands before it.
        let spans = class.contains(".-");
        if class.is_empty() || !class.chars().all(plain) || ranges || spans {
            return false;
        }
        rest = &inner[end + 1..];
    }
    true
}

#[cfg(test)]
mod tests;
