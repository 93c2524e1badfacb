//! Finding, reading and resolving the manifest.

use std::collections::BTreeMap;
use std::path::PathBuf;

use windlass_backends::files;
use windlass_core::diag::{Code, Diagnostic, Source, Sourced, has_errors, sort};
use windlass_core::dockerfile::reference::ImageReference;
use windlass_core::lock::{self, Lock};
use windlass_core::manifest::model::{Mirror, Registry, Workspace};
use windlass_core::manifest::{
    self, GitFact, GitFacts, Manifest, ResolveInputs, Shown, read, resolve,
};
use windlass_core::pattern::check_workspace;

use crate::cli::Global;
use crate::clock;
use crate::failure::Failure;
use crate::git_facts;
use crate::manifest_files::{WorkspaceManifests, unreadable};

/// The name of a manifest.
pub(crate) const MANIFEST: &str = "windlass.kdl";
/// The name of a lock.
pub(crate) const LOCK: &str = "windlass.lock";

/// The folder of a workspace and its manifest in it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Absolute folder of the workspace.
    pub(crate) root: PathBuf,
    /// The manifest, relative to it.
    pub(crate) manifest: String,
    /// Texts that count instead of the files of this name: what an editor has not saved yet.
    pub(crate) open: BTreeMap<String, String>,
}

impl Place {
    pub(crate) fn new(root: PathBuf, manifest: String) -> Self {
        Self {
            root,
            manifest,
            open: BTreeMap::new(),
        }
    }

    /// Reads a text of the workspace; `None` where there is no such file.
    pub(crate) fn read_text(&self, path: &str) -> Result<Option<String>, files::FilesError> {
        match self.open.get(path) {
            Some(text) => Ok(Some(text.clone())),
            None => files::read_text(&self.root, path),
        }
    }
}

/// Finds the manifest: the one named, or `windlass.kdl` in this folder or one above it, up to the checkout's root.
pub(crate) fn find(global: &Global) -> Result<Place, Failure> {
    let here = std::env::current_dir()
        .map_err(|error| Failure::error(format!("cannot tell the current folder: {error}")))?;
    if let Some(path) = &global.file {
        let full = here.join(path);
        if !full.is_file() {
            return Err(missing(format!(
                "there is no manifest `{}`",
                path.display()
            )));
        }
        let root = full.parent().unwrap_or(&here).to_owned();
        let manifest = full
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        return Ok(Place::new(root, manifest));
    }
    for folder in here.ancestors() {
        if folder.join(MANIFEST).is_file() {
            return Ok(Place::new(folder.to_owned(), MANIFEST.to_owned()));
        }
        if folder.join(".git").exists() {
            break;
        }
    }
    Err(missing(format!(
        "there is no {MANIFEST} here or in a folder above"
    )))
}

fn missing(message: String) -> Failure {
    Failure::diagnostics(vec![Diagnostic::error(Code::NoManifest, message).help(
        "write one with `windlass init`, or name it with `--file`, or its folder with `--chdir`",
    )])
}

/// A workspace that was read and resolved.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) workspace: Workspace,
    /// Warnings and information.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The commit at HEAD, where an expression used `git.*`.
    pub(crate) git_sha: Option<String>,
    /// What a plan says about facts that came from elsewhere than the checkout.
    pub(crate) notes: Vec<String>,
}

/// Reads and resolves the manifest at `place`; `registry_host` says where a registry is pulled from.
pub(crate) fn load(
    place: &Place,
    global: &Global,
    registry_host: &dyn Fn(&Registry) -> String,
) -> Result<Loaded, Failure> {
    let (read, mut diagnostics) = read_with_inputs(place, global, registry_host)?;
    let mut resolved = None;
    let mut git_sha = None;
    let mut notes = Vec::new();
    if let Some((manifest, inputs)) = read {
        if let GitFact::Known(sha) = &inputs.git.sha {
            git_sha = Some(sha.clone());
        }
        notes.extend(branch_note(&inputs.git));
        let (workspace, more) = resolve(&manifest, &inputs);
        diagnostics.extend(more);
        diagnostics.extend(workspace.iter().flat_map(check_workspace));
        resolved = workspace;
    }
    sort(&mut diagnostics);
    match resolved {
        Some(workspace) if !has_errors(&diagnostics) => {
            let git_sha = git_sha.filter(|_| workspace.uses_git);
            // Where policies are asked, the rule of that name says so.
            diagnostics.retain(|it| it.code != Code::WaiverExpired);
            Ok(Loaded {
                workspace,
                diagnostics,
                git_sha,
                notes,
            })
        }
        _ => Err(Failure::diagnostics(diagnostics)),
    }
}

/// What resolving a manifest for one environment gave.
#[derive(Debug)]
pub(crate) struct Resolved {
    /// The environment, with its place; `None` where none is defined, or one was chosen from outside.
    pub(crate) environment: Option<Sourced<String>>,
    /// The workspace, where there is no error.
    pub(crate) workspace: Option<Workspace>,
    /// What is said of it.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// Reads the manifest at `place` and resolves it for the chosen environment, or for each where none is chosen.
///
/// What is said of reading alone comes beside; where nothing can be resolved, there is nothing else.
pub(crate) fn load_each(
    place: &Place,
    global: &Global,
    registry_host: &dyn Fn(&Registry) -> String,
) -> Result<(Vec<Diagnostic>, Vec<Resolved>), Failure> {
    let (read, diagnostics) = read_with_inputs(place, global, registry_host)?;
    let Some((manifest, mut inputs)) = read else {
        return Ok((diagnostics, Vec::new()));
    };
    let is_chosen = inputs.environment.as_ref().is_some_and(|it| !it.is_empty());
    let mut environments: Vec<Option<Sourced<String>>> = Vec::new();
    if !is_chosen {
        let all = manifest.environments.iter();
        environments.extend(all.map(|it| Some(it.name.clone())));
    }
    if environments.is_empty() {
        environments.push(None);
    }
    let failed = has_errors(&diagnostics);
    let mut resolved = Vec::new();
    for environment in environments {
        if let Some(name) = &environment {
            inputs.environment = Some(name.value.clone());
        }
        let (workspace, mut diagnostics) = resolve(&manifest, &inputs);
        diagnostics.extend(workspace.iter().flat_map(check_workspace));
        resolved.push(Resolved {
            environment,
            // After an error in reading, what is behind the manifest would only be its consequences.
            workspace: workspace.filter(|_| !has_errors(&diagnostics) && !failed),
            diagnostics,
        });
    }
    Ok((diagnostics, resolved))
}

/// Says where the branch came from, where it was not HEAD itself.
fn branch_note(git: &GitFacts) -> Option<String> {
    let origin = git.branch_origin.as_ref().filter(|it| *it != "HEAD")?;
    match &git.branch {
        GitFact::Known(branch) => Some(format!("git.branch is `{branch}`, from {origin}")),
        GitFact::Absent(_) | GitFact::Unavailable(_) => None,
    }
}

/// Reads and resolves the manifest at `place`, and shows the node at `address`, with what else there is to say.
pub(crate) fn show(
    place: &Place,
    global: &Global,
    address: &str,
    registry_host: &dyn Fn(&Registry) -> String,
) -> Result<(Shown, Vec<Diagnostic>), Failure> {
    let (read, mut diagnostics) = read_with_inputs(place, global, registry_host)?;
    let mut shown = None;
    if let Some((manifest, inputs)) = read {
        let (found, more) = manifest::show(&manifest, &inputs, address);
        diagnostics.extend(more);
        shown = found;
    }
    sort(&mut diagnostics);
    match shown {
        Some(shown) if !has_errors(&diagnostics) => Ok((shown, diagnostics)),
        _ => Err(Failure::diagnostics(diagnostics)),
    }
}

/// A manifest with what it is resolved against.
type ReadWithInputs<'a> = Option<(Manifest, ResolveInputs<'a>)>;

fn read_with_inputs<'a>(
    place: &Place,
    global: &Global,
    registry_host: &'a dyn Fn(&Registry) -> String,
) -> Result<(ReadWithInputs<'a>, Vec<Diagnostic>), Failure> {
    let text = place
        .read_text(&place.manifest)
        .map_err(|error| Failure::diagnostics(vec![unreadable(&error, Code::NoManifest)]))?;
    let source = Source::new(place.manifest.clone(), text.unwrap_or_default());
    let mut included = WorkspaceManifests::new(place);
    let (manifest, diagnostics) = read(&source, &mut included);
    let Some(manifest) = manifest else {
        return Ok((None, diagnostics));
    };
    let texts: Vec<&str> = manifest.files.iter().map(|it| it.text.as_str()).collect();
    let git = git_facts::ask(&place.root, &texts.join("\n"));
    let inputs = inputs(global, git, registry_host)?;
    Ok((Some((manifest, inputs)), diagnostics))
}

fn inputs<'a>(
    global: &Global,
    git: GitFacts,
    registry_host: &'a dyn Fn(&Registry) -> String,
) -> Result<ResolveInputs<'a>, Failure> {
    let mut var_files = Vec::new();
    for path in &global.var_files {
        let text = std::fs::read_to_string(path).map_err(|error| {
            Failure::error(format!(
                "cannot read the file of variables {}: {error}",
                path.display()
            ))
        })?;
        var_files.push(Source::new(path.display().to_string(), text));
    }
    Ok(ResolveInputs {
        cli_vars: global
            .vars
            .iter()
            .map(|text| variable(text))
            .collect::<Result<_, _>>()?,
        var_files,
        environment_variables: environment(),
        git,
        mirrors: global
            .mirrors
            .iter()
            .filter(|text| !text.is_empty())
            .map(|text| mirror(text))
            .collect::<Result<_, _>>()?,
        registry_host,
        environment: global.env.clone(),
        today: clock::day(&clock::now()).to_owned(),
    })
}

fn variable(text: &str) -> Result<(String, String), Failure> {
    let (name, value) = text.split_once('=').ok_or_else(|| {
        Failure::error(format!("`--var {text}` has no value")).help("write --var NAME=VALUE")
    })?;
    Ok((name.to_owned(), value.to_owned()))
}

fn mirror(text: &str) -> Result<Mirror, Failure> {
    let wrong = |why: &str| {
        Failure::error(format!("`{text}` is no mirror{why}")).help(
            "write --mirror FROM=TO, such as docker.io=127.0.0.1:5000; several in WINDLASS_MIRROR with spaces between them",
        )
    };
    let (upstream, to) = text.split_once('=').ok_or_else(|| wrong(""))?;
    let to = to.trim_end_matches('/');
    for prefix in [upstream, to] {
        ImageReference::parse(&format!("{prefix}/image"))
            .map_err(|error| wrong(&format!(": {error}")))?;
    }
    Ok(Mirror {
        upstream: upstream.to_owned(),
        to: to.to_owned(),
    })
}

fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Reads the lock beside the manifest; an empty one where there is none.
pub(crate) fn read_lock(place: &Place) -> Result<Lock, Failure> {
    match files::read_text(&place.root, LOCK) {
        Ok(None) => Ok(Lock::default()),
        Ok(Some(text)) => {
            let (lock, diagnostics) = lock::parse(&Source::new(LOCK, text));
            lock.ok_or_else(|| Failure::diagnostics(diagnostics))
        }
        Err(error) => Err(Failure::diagnostics(vec![unreadable(
            &error,
            Code::NoManifest,
        )])),
    }
}
