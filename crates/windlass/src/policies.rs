//! Finding and loading policies: packs of the workspace, and those that are demanded from outside.
//!
//! Everything fails closed: what cannot be read, does not match its digest, or holds nothing, ends the command with exit code 3.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass_backends::files::LARGEST_TEXT;
use windlass_core::diag::{Code, Diagnostic, Source, Sourced, has_errors};
use windlass_core::finding::Level;
use windlass_core::manifest::model::{Policy, Workspace};
use windlass_core::name::Digest;
use windlass_policy::force::{LoadedPack, Policies};
use windlass_policy::glob;
use windlass_policy::hit::Parameters;
use windlass_policy::pack::{Pack, PackRule, Scope, read_pack};
use windlass_policy::rego::{self, RegoPack};
use windlass_policy::rule::Profile;
use windlass_policy::shipped;
use windlass_policy::waiver::Waiver;

use crate::cli::Global;
use crate::commands::lint::today;
use crate::failure::{Exit, Failure};

/// How a pack that windlass ships is named.
const SHIPPED: &str = "windlass:";

/// Loads everything that decides about a workspace: its own packs and waivers, and the mandatory packs.
pub(crate) fn of_workspace(
    global: &Global,
    workspace: &Workspace,
    root: &Path,
) -> Result<Policies, Failure> {
    let mut policies = load(global, Profile::Baseline, Some(root))?;
    policies.environment.clone_from(&workspace.environment);
    policies.waivers = workspace.waivers.iter().map(Waiver::of_manifest).collect();
    let mut own = Vec::new();
    for node in &workspace.policies {
        own.extend(own_packs(node, root)?);
    }
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for loaded in policies.packs.iter().chain(&own) {
        if let Some(other) = names.insert(&loaded.pack.name.value, &loaded.reference) {
            return Err(denied(format!(
                "{other} and {} are both packs of the name `{}`",
                loaded.reference, loaded.pack.name.value
            ))
            .help("a pack of the workspace cannot take the name of another one"));
        }
    }
    own.append(&mut policies.packs);
    policies.packs = own;
    Ok(policies)
}

/// Loads the packs that a `policy` node names. A glob that matches nothing is a mistake, not an empty policy.
fn own_packs(node: &Policy, root: &Path) -> Result<Vec<LoadedPack>, Failure> {
    let mut packs = Vec::new();
    for glob in &node.kdl {
        for file in matching(root, glob)? {
            let mut loaded = load_file(&root.join(&file), &file, false)?;
            if let Some(level) = &node.level {
                let word = Level::parse(level.value.as_str());
                let rules = loaded.pack.rules.iter_mut();
                for rule in rules.filter(|it| it.level.is_none()) {
                    rule.level = word;
                }
            }
            packs.push(loaded);
        }
    }
    if let Some(rego) = load_rego(root, &node.rego, &node.data)? {
        packs.push(own_rego(node, rego));
    }
    Ok(packs)
}

/// Files of Rego that a `policy` node names are a pack of the node's name.
fn own_rego(node: &Policy, rego: RegoPack) -> LoadedPack {
    let source = Source::new(node.location.to_string(), "");
    LoadedPack {
        digest: digest_with(&source, Some(&rego)),
        pack: Pack {
            name: node.name.clone(),
            version: 1,
            rules: own_levels(node, &rego),
            rego: node.rego.clone(),
            data: node.data.clone(),
            cases: Vec::new(),
        },
        is_mandatory: false,
        reference: format!("policy \"{}\"", node.name.value),
        rego: Some(Arc::new(rego)),
    }
}

/// The level of the node holds for every package that it brings.
fn own_levels(node: &Policy, rego: &RegoPack) -> Vec<PackRule> {
    let Some(level) = &node.level else {
        return Vec::new();
    };
    let name = &node.name.value;
    rego.slugs()
        .map(|slug| PackRule {
            id: Sourced::new(format!("{name}/{slug}"), node.location.clone()),
            scope: Scope::default(),
            level: Level::parse(level.value.as_str()),
            parameters: Parameters::default(),
            effective_from: None,
            waivable: None,
            max_waiver_days: None,
        })
        .collect()
}

/// Returns the files of the workspace that a glob names, sorted.
fn matching(root: &Path, glob: &Sourced<String>) -> Result<Vec<String>, Failure> {
    let mut found = Vec::new();
    let mut left = vec![String::new()];
    while let Some(folder) = left.pop() {
        let Ok(entries) = std::fs::read_dir(root.join(&folder)) else {
            continue;
        };
        for entry in entries.flatten() {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let path = if folder.is_empty() {
                name.clone()
            } else {
                format!("{folder}/{name}")
            };
            let kind = entry.file_type().ok();
            if kind.is_some_and(|it| it.is_dir()) {
                if !matches!(name.as_str(), ".git" | ".windlass" | "node_modules") {
                    left.push(path);
                }
            } else if glob::matches(&glob.value, &path) {
                found.push(path);
            }
        }
    }
    found.sort();
    if found.is_empty() {
        let problem =
            Diagnostic::error(Code::BadPolicy, format!("`{}` matches no file", glob.value))
                .at(&glob.location, "a policy that is empty")
                .help("name files that are there, or remove the policy");
        return Err(unreadable(vec![problem]));
    }
    Ok(found)
}

/// Loads the mandatory packs of the command line, on top of the built-in rules of `profile`.
///
/// `root` is the workspace, where there is one: what lies in it is not outside.
pub(crate) fn load(
    global: &Global,
    profile: Profile,
    root: Option<&Path>,
) -> Result<Policies, Failure> {
    let mut policies = Policies::new(profile, today()?);
    policies.approved = global.approved.iter().cloned().collect();
    policies.packs = mandatory(global, root)?;
    Ok(policies)
}

/// Loads what `--policy` and `WINDLASS_POLICY` name.
pub(crate) fn mandatory(global: &Global, root: Option<&Path>) -> Result<Vec<LoadedPack>, Failure> {
    let demanded = std::env::var_os("WINDLASS_POLICY").is_some();
    let mut packs: Vec<LoadedPack> = Vec::new();
    for reference in &global.policies {
        if reference.trim().is_empty() {
            return Err(denied("a policy is demanded, and its name is empty")
                .help("set --policy or WINDLASS_POLICY to a pack, or unset the variable"));
        }
        packs.extend(load_reference(reference, root)?);
    }
    if demanded && packs.is_empty() {
        return Err(denied("WINDLASS_POLICY is set and names no policy")
            .help("set it to a pack, or unset it"));
    }
    let mut names: BTreeMap<&str, &str> = BTreeMap::new();
    for loaded in &packs {
        if let Some(other) = names.insert(&loaded.pack.name.value, &loaded.reference) {
            return Err(denied(format!(
                "{other} and {} are both packs of the name `{}`",
                loaded.reference, loaded.pack.name.value
            )));
        }
    }
    Ok(packs)
}

/// A policy that cannot be evaluated denies.
pub(crate) fn denied(message: impl Into<String>) -> Failure {
    Failure::error(message).exit(Exit::Denied)
}

/// Loads what one reference names.
pub(crate) fn load_reference(
    reference: &str,
    root: Option<&Path>,
) -> Result<Vec<LoadedPack>, Failure> {
    let (name, pinned) = split_digest(reference)?;
    let packs = if let Some(slug) = name.strip_prefix(SHIPPED) {
        vec![load_shipped(slug, name)?]
    } else if name.contains("://") {
        return Err(denied(format!(
            "{name}: packs are read from files; other places are not supported yet"
        ))
        .help("fetch it first, and name the file with its digest: --policy FILE@sha256:.."));
    } else {
        load_path(Path::new(name), name, root, pinned.is_some())?
    };
    if let Some(wanted) = pinned {
        let found = digest_of(packs.iter().map(|it| (it.reference.as_str(), &it.digest)));
        if found != wanted {
            return Err(denied(format!(
                "{name} is not the pack that was demanded: it has {found}, not {wanted}"
            ))
            .help("the content changed; review it, and demand its new digest"));
        }
    }
    Ok(packs)
}

/// Splits `REF@sha256:..`.
fn split_digest(reference: &str) -> Result<(&str, Option<Digest>), Failure> {
    let Some((name, digest)) = reference.rsplit_once('@') else {
        return Ok((reference, None));
    };
    let digest = Digest::new(digest).map_err(|_| {
        denied(format!("`{reference}`: what follows `@` is no digest"))
            .help("write REF@sha256: and 64 hex digits")
    })?;
    Ok((name, Some(digest)))
}

/// One pack has its own digest; a folder of packs that of the list of theirs.
fn digest_of<'a>(packs: impl Iterator<Item = (&'a str, &'a Digest)>) -> Digest {
    let all: Vec<(&str, &Digest)> = packs.collect();
    if let [(_, digest)] = all.as_slice() {
        return (*digest).clone();
    }
    let mut list = String::new();
    for (_, digest) in all {
        list.push_str(digest.as_str());
        list.push('\n');
    }
    Digest::of(list.as_bytes())
}

fn load_shipped(slug: &str, reference: &str) -> Result<LoadedPack, Failure> {
    let Some(text) = shipped::find(slug) else {
        let known: Vec<&str> = shipped::PACKS.iter().map(|it| it.0).collect();
        return Err(denied(format!("windlass ships no pack `{slug}`"))
            .help(format!("it ships {}", known.join(", "))));
    };
    let source = Source::new(reference, text);
    Ok(LoadedPack {
        pack: read(&source)?,
        is_mandatory: true,
        reference: reference.to_owned(),
        digest: Digest::of(text.as_bytes()),
        rego: None,
    })
}

fn read(source: &Arc<Source>) -> Result<Pack, Failure> {
    let (pack, diagnostics) = read_pack(source);
    match pack {
        Some(pack) if !has_errors(&diagnostics) => Ok(pack),
        _ => Err(unreadable(diagnostics)),
    }
}

fn unreadable(diagnostics: Vec<Diagnostic>) -> Failure {
    Failure::diagnostics(diagnostics).exit(Exit::Denied)
}

fn load_path(
    path: &Path,
    shown: &str,
    root: Option<&Path>,
    is_pinned: bool,
) -> Result<Vec<LoadedPack>, Failure> {
    let real = path
        .canonicalize()
        .map_err(|error| denied(format!("the policy {shown} cannot be read: {error}")))?;
    let within = root
        .and_then(|root| root.canonicalize().ok())
        .is_some_and(|root| real.starts_with(root));
    let files = if real.is_dir() {
        packs_in(&real, shown)?
    } else {
        vec![real]
    };
    let packs = files
        .iter()
        .map(|file| load_file(file, &name_of(file, path), true))
        .collect::<Result<Vec<_>, _>>()?;
    if within && !is_pinned {
        let digest = digest_of(packs.iter().map(|it| (it.reference.as_str(), &it.digest)));
        return Err(denied(format!(
            "the policy {shown} lies in the workspace, where whoever changes the manifest can change it"
        ))
        .help(format!(
            "demand these bytes, with `{shown}@{digest}`, or keep it outside"
        )));
    }
    Ok(packs)
}

fn name_of(file: &Path, given: &Path) -> String {
    match file.file_name() {
        Some(name) if given.is_dir() => given.join(name).display().to_string(),
        _ => given.display().to_string(),
    }
}

/// Returns the packs of a folder, sorted; none is a refusal.
pub(crate) fn packs_in(folder: &Path, shown: &str) -> Result<Vec<PathBuf>, Failure> {
    let unreadable =
        |error: std::io::Error| denied(format!("the policy {shown} cannot be read: {error}"));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|it| it == "kdl") {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        return Err(denied(format!("the policy {shown} holds no pack"))
            .help("a pack is a file that ends in .kdl"));
    }
    Ok(found)
}

/// Loads a pack of a file.
pub(crate) fn load_file(
    file: &Path,
    reference: &str,
    is_mandatory: bool,
) -> Result<LoadedPack, Failure> {
    let text = read_text(file, reference)?;
    let source = Source::new(reference, text);
    let pack = read(&source)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let rego = load_rego(folder, &pack.rego, &pack.data)?;
    check_own_rules(&pack, rego.as_ref())?;
    Ok(LoadedPack {
        digest: digest_with(&source, rego.as_ref()),
        pack,
        is_mandatory,
        reference: reference.to_owned(),
        rego: rego.map(Arc::new),
    })
}

/// A pack that is one file has the digest of that file; with Rego and data, that of the list of all files and their digests.
fn digest_with(source: &Source, rego: Option<&RegoPack>) -> Digest {
    let own = Digest::of(source.text.as_bytes());
    let Some(rego) = rego else {
        return own;
    };
    let mut list = format!("{} pack\n", own.hex());
    for (path, text) in &rego.modules {
        let line = format!("{} {path}\n", Digest::of(text.as_bytes()).hex());
        list.push_str(&line);
    }
    for (path, data) in &rego.data {
        let line = format!("{} {path}\n", Digest::of(data.to_string().as_bytes()).hex());
        list.push_str(&line);
    }
    Digest::of(list.as_bytes())
}

/// What a pack says about rules of its own must be about rules that it has.
fn check_own_rules(pack: &Pack, rego: Option<&RegoPack>) -> Result<(), Failure> {
    let mut problems = Vec::new();
    for rule in &pack.rules {
        let Some((_, slug)) = rule.id.value.split_once('/') else {
            continue;
        };
        if rego.is_none_or(|rego| !rego.has_rule(slug)) {
            problems.push(
                Diagnostic::error(
                    Code::BadPolicy,
                    format!("the pack has no rule `{}`", rule.id.value),
                )
                .at(&rule.id.location, "no file of Rego defines it"),
            );
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(unreadable(problems))
    }
}

/// Loads the files of Rego and data below a folder; `None` where no glob is given.
fn load_rego(
    folder: &Path,
    rego: &[Sourced<String>],
    data: &[Sourced<String>],
) -> Result<Option<RegoPack>, Failure> {
    if rego.is_empty() {
        return Ok(None);
    }
    let mut modules = Vec::new();
    for path in all_matching(folder, rego)? {
        modules.push((path.clone(), read_text(&inside(folder, &path)?, &path)?));
    }
    let mut values = Vec::new();
    for path in all_matching(folder, data)? {
        let text = read_text(&inside(folder, &path)?, &path)?;
        let value = serde_json::from_str(&text)
            .map_err(|error| denied(format!("the data {path} is no JSON: {error}")))?;
        values.push((path, value));
    }
    let loaded = rego::load(modules, values).map_err(|problems| {
        denied(format!(
            "policies cannot be loaded:\n  {}",
            problems.join("\n  ")
        ))
    })?;
    Ok(Some(loaded))
}

fn all_matching(folder: &Path, globs: &[Sourced<String>]) -> Result<Vec<String>, Failure> {
    let mut all = BTreeSet::new();
    for glob in globs {
        all.extend(matching(folder, glob)?);
    }
    Ok(all.into_iter().collect())
}

/// A link that leads out of the pack is not read.
fn inside(folder: &Path, path: &str) -> Result<PathBuf, Failure> {
    let unreadable =
        |error: std::io::Error| denied(format!("the policy {path} cannot be read: {error}"));
    let real = folder.join(path).canonicalize().map_err(unreadable)?;
    let root = folder.canonicalize().map_err(unreadable)?;
    if real.starts_with(&root) {
        Ok(real)
    } else {
        Err(denied(format!(
            "the policy {path} is a link that leads out of its pack"
        )))
    }
}

fn read_text(file: &Path, shown: &str) -> Result<String, Failure> {
    let unreadable =
        |error: std::io::Error| denied(format!("the policy {shown} cannot be read: {error}"));
    let size = std::fs::metadata(file).map_err(unreadable)?.len();
    if size > LARGEST_TEXT {
        return Err(denied(format!(
            "the policy {shown} is {size} bytes; the limit is {LARGEST_TEXT}"
        )));
    }
    let bytes = std::fs::read(file).map_err(unreadable)?;
    String::from_utf8(bytes).map_err(|_| denied(format!("the policy {shown} is not UTF-8")))
}
