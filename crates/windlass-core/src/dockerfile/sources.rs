//! What a build can read of its context: the sources that COPY, ADD and bind mounts name.

use super::bases::{BaseQuery, mount_field, reached_stages};
use super::{Dockerfile, Instruction};

/// The part of a context that a build can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContextSources {
    /// All of it, or it cannot be decided.
    Everything,
    /// Paths below the context, in which `*` and `?` match within one part; each with everything below it.
    Paths(Vec<String>),
}

impl ContextSources {
    /// Says whether the build can read `path`: it is named, lies below what is named, or is a directory on the way there.
    pub fn reads(&self, path: &str) -> bool {
        match self {
            Self::Everything => true,
            Self::Paths(paths) => paths.iter().any(|source| {
                let mut parts = path.split('/');
                source
                    .split('/')
                    .all(|pattern| parts.next().is_none_or(|part| matches_part(pattern, part)))
            }),
        }
    }
}

/// Returns what the wanted stage can read of the context. A source with a variable, or one outside the simple wildcards,
/// gives everything.
pub fn context_sources(dockerfile: &Dockerfile, query: &BaseQuery<'_>) -> ContextSources {
    let mut paths = Vec::new();
    for stage in reached_stages(dockerfile, query) {
        for instruction in dockerfile.instructions_of(stage) {
            match read_sources(dockerfile, instruction) {
                Some(found) => paths.extend(found),
                None => return ContextSources::Everything,
            }
        }
    }
    paths.sort();
    paths.dedup();
    ContextSources::Paths(paths)
}

/// Returns the sources of one instruction, `None` where they cannot be decided or are the whole context.
fn read_sources(dockerfile: &Dockerfile, instruction: &Instruction) -> Option<Vec<String>> {
    match instruction.keyword.as_str() {
        "COPY" | "ADD" if instruction.flag("from").is_none() => copied(instruction),
        "RUN" => {
            let mounts = instruction.flags.iter().filter(|it| it.name == "mount");
            let mut paths = Vec::new();
            for mount in mounts {
                let field = |name| mount_field(dockerfile, mount, name).map(|it| it.text);
                let bind = field("type").is_none_or(|it| it == "bind");
                if bind && field("from").is_none() {
                    let source = field("source").or_else(|| field("src"))?;
                    paths.push(clean(&source)?);
                }
            }
            Some(paths)
        }
        _ => Some(Vec::new()),
    }
}

fn copied(instruction: &Instruction) -> Option<Vec<String>> {
    let arguments = instruction.arguments.trim();
    let words: Vec<String> = match serde_json::from_str(arguments) {
        Ok(words) => words,
        Err(_) => instruction.words().into_iter().map(|it| it.text).collect(),
    };
    let (_, sources) = words.split_last()?;
    sources
        .iter()
        .filter(|it| (instruction.keyword != "ADD" || !is_remote(it)) && !it.starts_with("<<"))
        .map(|it| clean(it))
        .collect()
}

fn is_remote(source: &str) -> bool {
    source.contains("://") || source.starts_with("git@")
}

/// Returns a source as a path below the context, `None` where it is the context itself or cannot be decided.
fn clean(source: &str) -> Option<String> {
    if source.contains(['$', '\\', '[', ']', '"', '\'']) {
        return None;
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
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Matches one part of a path against a pattern with `*` and `?`.
fn matches_part(pattern: &str, part: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let part: Vec<char> = part.chars().collect();
    let (mut at, mut from) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while from < part.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(&c) if c == '?' || c == part[from] => {
                at += 1;
                from += 1;
            }
            _ => match star {
                Some((star_at, start)) => {
                    star = Some((star_at, start + 1));
                    at = star_at + 1;
                    from = start + 1;
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|&c| c == '*')
}
