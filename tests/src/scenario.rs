//! Plan scenarios: two small JSON files that stand for a manifest with its inputs and for the world that was found.
//!
//! `desired.json` says what is wanted, `observed.json` what is there. Images that are there are told as a wanted image "with" other
//! inputs, so that a case holds only what matters to it. Digests and fingerprints are real: they are computed from what is written.

mod desired;
mod observed;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use serde::Deserialize;
use windlass_core::desired::Desired;
use windlass_core::diag::Diagnostic;
use windlass_core::name::{Digest, RegistryName, RepositoryKey, RepositoryName};
use windlass_core::observed::Observed;

/// What a case hands to the planner.
#[derive(Debug)]
pub struct Scenario {
    /// What is wanted.
    pub desired: Desired,
    /// What is there.
    pub observed: Observed,
    /// What was said while the manifest was read.
    pub diagnostics: Vec<Diagnostic>,
}

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Reads the scenario in a folder.
///
/// # Errors
/// Says what in the two files cannot be read.
pub fn read(case: &Path) -> Result<Scenario> {
    let text = |name: &str| {
        let path = case.join(name);
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
    };
    parse(&text("desired.json")?, &text("observed.json")?)
}

/// Reads a scenario from the texts of its two files.
///
/// # Errors
/// Says what in the texts cannot be read.
pub fn parse(desired: &str, observed: &str) -> Result<Scenario> {
    let wanted: desired::Document =
        serde_json::from_str(desired).map_err(|error| format!("desired.json: {error}"))?;
    if wanted.shows.is_empty() {
        return Err("desired.json: `shows` says in a sentence what the case shows".into());
    }
    let found: observed::Document =
        serde_json::from_str(observed).map_err(|error| format!("observed.json: {error}"))?;
    let desired = wanted.build()?;
    let observed = found.build(&wanted, &desired)?;
    let diagnostics = wanted.diagnostics()?;
    Ok(Scenario {
        desired,
        observed,
        diagnostics,
    })
}

/// Differences from the inputs of a wanted image; a `null` removes what it names.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Inputs {
    /// The Dockerfile, a line each.
    dockerfile: Option<Vec<String>>,
    /// Path to content, `-> target` for a link, or a number: so many files, `*` in the path counting them.
    files: BTreeMap<String, Option<FileText>>,
    /// Paths of executable files; replaces the list.
    executable: Option<Vec<String>>,
    /// Build args.
    args: BTreeMap<String, Option<String>>,
    /// Labels.
    labels: BTreeMap<String, Option<String>>,
    /// Base images: reference to a word that stands for its bytes.
    bases: BTreeMap<String, Option<String>>,
    /// Name in the Dockerfile to a word that stands for the inputs of another needed image.
    needs: BTreeMap<String, String>,
    /// The stage.
    stage: Option<String>,
    /// Platforms; `linux/amd64` where nothing is said.
    platforms: Option<Vec<String>>,
    /// The number that forces a rebuild.
    epoch: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum FileText {
    Text(String),
    Count(usize),
}

/// Reads `shop/api@prod`.
fn key(text: &str) -> Result<RepositoryKey> {
    let (repository, registry) = text
        .split_once('@')
        .ok_or_else(|| format!("`{text}`: write NAME@REGISTRY"))?;
    Ok(RepositoryKey {
        registry: RegistryName::new(registry)?,
        repository: RepositoryName::new(repository)?,
    })
}

/// Returns the digest that a word stands for.
fn digest(word: &str) -> Digest {
    Digest::of(word.as_bytes())
}
