//! What a build can read of its context: the sources that COPY, ADD and bind mounts name, after args and ENV.
//!
//! Follows `BuildKit` (`frontend/dockerfile/dockerfile2llb/convert.go`, the paths that it asks the client for). Whatever cannot
//! be decided from the text gives the whole context; which entries a source reaches is decided in `context`, which knows links.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::bases::{BaseQuery, stage_graph};
use super::reference::ImageReference;
use super::words::{Word, expand, mentioned, split_words};
use super::{Dockerfile, Flag, Instruction};

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
    for (instruction, scope) in reached_instructions(dockerfile, query) {
        match scope.read_sources(&instruction) {
            Ok(found) => paths.extend(found),
            Err(why) => return ContextSources::Everything { why },
        }
    }
    ContextSources::Paths(paths.into_iter().collect())
}

/// Returns what ADD fetches from outside in the stages that the wanted one is built from, in the order of the text.
pub fn remote_sources(dockerfile: &Dockerfile, query: &BaseQuery<'_>) -> Vec<RemoteSource> {
    let mut found = Vec::new();
    for (instruction, _) in reached_instructions(dockerfile, query) {
        if instruction.keyword != "ADD" {
            continue;
        }
        let has_checksum = instruction
            .flag("checksum")
            .is_some_and(|flag| !flag.value.text.is_empty());
        let words = source_words(&instruction);
        found.extend(words.into_iter().filter(|it| is_remote(&it.text)).map(
            |Word { text, span }| RemoteSource {
                pinned: has_checksum || names_commit(&text),
                address: without_credentials(&text),
                span,
            },
        ));
    }
    found
}

/// Says whether the stage that is built leaves triggers that read the context of whoever starts from it.
pub fn leaves_triggers(dockerfile: &Dockerfile, query: &BaseQuery<'_>) -> bool {
    let graph = stage_graph(dockerfile, query);
    graph.target.is_some_and(|target| {
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

/// The variables that an instruction sees. `None` as a value: it has one that cannot be known from the text.
#[derive(Debug, Clone, Default)]
struct Scope {
    args: BTreeMap<String, Option<String>>,
    environment: BTreeMap<String, Option<String>>,
    escape: char,
    /// Whether a stage of the same file, which this one starts from, left triggers.
    triggered: bool,
}

/// Returns the instructions of all stages that the wanted one is built from, each with the variables it sees.
fn reached_instructions(
    dockerfile: &Dockerfile,
    query: &BaseQuery<'_>,
) -> Vec<(Instruction, Scope)> {
    let graph = stage_graph(dockerfile, query);
    let mut left: Vec<Scope> = Vec::new();
    let mut found = Vec::new();
    for stage in 0..dockerfile.stages.len() {
        let mut scope = Scope {
            escape: dockerfile.escape,
            ..Scope::default()
        };
        if let Some(parent) = graph.parents[stage] {
            let parent_scope = &left[parent];
            scope.environment.clone_from(&parent_scope.environment);
            // Whether ARG reaches a stage that starts from this one depends on the version of the frontend.
            scope.args = parent_scope
                .args
                .keys()
                .map(|name| (name.clone(), None))
                .collect();
            scope.triggered = dockerfile
                .instructions_of(parent)
                .iter()
                .any(is_reading_trigger);
        }
        for instruction in dockerfile.instructions_of(stage) {
            if graph.reached.contains(&stage) {
                found.push((instruction.clone(), scope.clone()));
            }
            match instruction.keyword.as_str() {
                "ARG" => scope.declare(instruction, query, &graph.globals),
                "ENV" => scope.set(instruction),
                _ => {}
            }
        }
        left.push(scope);
    }
    found
}

impl Scope {
    fn declare(
        &mut self,
        instruction: &Instruction,
        query: &BaseQuery<'_>,
        globals: &BTreeMap<String, String>,
    ) {
        for range in split_words(&instruction.arguments, self.escape) {
            let word = instruction.word(range).text;
            let (name, default) = match word.split_once('=') {
                Some((name, default)) => (name, Some(default)),
                None => (word.as_str(), None),
            };
            let value = match (query.args.get(name), default) {
                (Some(given), _) => Some(given.clone()),
                (None, Some(default)) => self.expand(default).ok(),
                (None, None) => globals.get(name).cloned(),
            };
            self.args.insert(name.to_owned(), value);
        }
    }

    fn set(&mut self, instruction: &Instruction) {
        let words: Vec<String> = split_words(&instruction.arguments, self.escape)
            .into_iter()
            .map(|range| instruction.word(range).text)
            .collect();
        let pairs: Vec<(String, String)> = match words.first() {
            Some(first) if !first.contains('=') => instruction
                .arguments
                .split_once(char::is_whitespace)
                .map(|(name, value)| (name.to_owned(), value.trim_start().to_owned()))
                .into_iter()
                .collect(),
            _ => words
                .iter()
                .filter_map(|word| word.split_once('='))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        };
        let values: Vec<(String, Option<String>)> = pairs
            .into_iter()
            .map(|(name, value)| (name, self.expand(&value).ok()))
            .collect();
        self.environment.extend(values);
    }

    /// Expands a text; says why it cannot be known. Names that no ARG or ENV of the text gives a value may have one in the base image.
    fn expand(&self, text: &str) -> Result<String, String> {
        for (name, _) in mentioned(text, self.escape) {
            if self.value(&name).is_none() {
                return Err(format!(
                    "`{text}` depends on `{name}`, whose value is not known"
                ));
            }
        }
        expand(text, self.escape, &|name| self.value(name)).map(|it| it.text)
    }

    /// Returns the value of a variable; ENV goes before ARG, as the builder has it.
    fn value(&self, name: &str) -> Option<String> {
        match self.environment.get(name) {
            Some(value) => value.clone(),
            None => self.args.get(name).cloned().flatten(),
        }
    }

    /// Returns the sources of one instruction; an error where they are the whole context, with the reason if that is a guess.
    fn read_sources(&self, instruction: &Instruction) -> Result<Vec<String>, Option<String>> {
        match instruction.keyword.as_str() {
            "FROM" if self.triggered => Err(Some(
                "a stage that it starts from has ONBUILD triggers".to_owned(),
            )),
            "COPY" | "ADD" => {
                let from = instruction.flag("from");
                if from.is_some_and(|flag| !flag.value.text.is_empty()) {
                    return Ok(Vec::new());
                }
                self.copied(instruction)
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

    fn copied(&self, instruction: &Instruction) -> Result<Vec<String>, Option<String>> {
        let known = [
            "from",
            "chown",
            "chmod",
            "link",
            "checksum",
            "keep-git-dir",
            "exclude",
            "unpack",
        ];
        let odd = instruction
            .flags
            .iter()
            .find(|flag| !known.contains(&flag.name.as_str()));
        if let Some(flag) = odd {
            let keyword = &instruction.keyword;
            return Err(Some(format!("{keyword} has the flag --{}", flag.name)));
        }
        let mut paths = Vec::new();
        for word in source_words(instruction) {
            let is_add = instruction.keyword == "ADD";
            if word.text.starts_with("<<") {
                continue;
            }
            if word.text.contains(['"', '\'', self.escape]) {
                return Err(Some(format!("`{}` has quotes or escapes", word.text)));
            }
            let source = self.expand(&word.text).map_err(Some)?;
            if is_add && is_url(&source) {
                continue;
            }
            paths.push(clean(&source)?);
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
fn source_words(instruction: &Instruction) -> Vec<Word> {
    let arguments = instruction.arguments.trim();
    let mut words: Vec<Word> = match serde_json::from_str::<Vec<String>>(arguments) {
        Ok(words) => words
            .into_iter()
            .map(|text| Word {
                text,
                span: instruction.span.clone(),
            })
            .collect(),
        Err(_) => instruction.words(),
    };
    words.pop();
    words
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
