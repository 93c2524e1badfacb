//! From the resolved workspace to the desired world: Dockerfiles prepared, contexts listed, base images pinned, fingerprints computed.

mod bases;
mod draft;
mod references;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::join;
use futures_util::stream;
use windlass_core::context::{ContextListing, ContextWarning, Ignore};
use windlass_core::desired::{
    BuildSpec, Desired, DesiredImage, DesiredInputs, NeededImage, Pin, PinTo,
};
use windlass_core::diag::{Code, Diagnostic, Location, has_errors};
use windlass_core::dockerfile::BaseReference;
use windlass_core::dockerfile::reference::mirror;
use windlass_core::fingerprint::{Inputs, fingerprint};
use windlass_core::lock::Lock;
use windlass_core::manifest::model::{Image, Recipe, Sourced, Workspace};
use windlass_core::name::{Digest, Fingerprint, ImageName};

pub use references::base_references;

use crate::desire::bases::{ResolvedBases, resolve_bases, wanted_bases};
use crate::desire::draft::{Draft, draft_all};
use crate::desire::sources::{heed_base_triggers, heed_needed_triggers, source_notes};
use crate::ports::{Files, RegistryError, Upstream};
use crate::recipe::{Prepared, join as join_path, missing_file};

/// How many contexts are listed at once; each hashes on all processors.
const LISTINGS: usize = 4;

/// What decides about base images.
#[derive(Debug, Clone)]
pub struct DesireOptions {
    /// Whether a base image that is not in the lock is an error.
    pub locked: bool,
    /// Whether base images that are in the lock are resolved again.
    pub update: Update,
    /// The day, `YYYY-MM-DD` in UTC, for new lock entries.
    pub today: String,
    /// The time, seconds since 1970.
    pub now: i64,
    /// Whether no registry is asked: a base image that is not in the lock is not known then.
    pub offline: bool,
}

/// Which lock entries are resolved again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Update {
    /// None: the lock stands.
    Nothing,
    /// All.
    All,
    /// Those of these images.
    Images(BTreeSet<ImageName>),
}

/// The desired world, with everything there is to say about how it came to be.
#[derive(Debug)]
pub struct Desire {
    /// The desired world; `None` where an error leaves none.
    pub desired: Option<Desired>,
    /// Dockerfile and ignore lines of each image as they were read: whoever judges the images judges what is planned.
    pub prepared: BTreeMap<ImageName, Prepared>,
    /// What is wrong or worth knowing in what the person wrote.
    pub problems: Vec<Diagnostic>,
    /// The lock with what was resolved just now; entries that no image uses any more are kept.
    pub lock: Lock,
    /// The upstream references that the images use.
    pub used: BTreeSet<String>,
    /// The images that each base image is part of, those built from other images of the workspace among them.
    pub users: BTreeMap<String, BTreeSet<ImageName>>,
    /// References that could not be resolved, with the reason.
    pub unresolved: BTreeMap<String, RegistryError>,
}

/// Returns images with all that are built from them.
fn with_dependants(workspace: &Workspace, images: &BTreeSet<ImageName>) -> BTreeSet<ImageName> {
    let mut all = images.clone();
    loop {
        let before = all.len();
        for image in &workspace.images {
            if image.needs.iter().any(|need| all.contains(&need.image)) {
                all.insert(image.name.clone());
            }
        }
        if all.len() == before {
            return all;
        }
    }
}

/// Settles every input of every image of `workspace`.
pub async fn desire<F: Files, U: Upstream>(
    workspace: &Workspace,
    lock: &Lock,
    files: &F,
    upstream: &U,
    options: &DesireOptions,
) -> Desire {
    let mut problems = Vec::new();
    let mut drafts = Vec::new();
    for (draft, found) in draft_all(&workspace.images, files) {
        problems.extend(found);
        drafts.extend(draft);
    }
    heed_needed_triggers(&mut drafts);
    let wanted = wanted_bases(&drafts, &workspace.mirrors);
    let everyone: Vec<usize> = (0..drafts.len()).collect();
    let (mut listings, resolved) = join(
        list_contexts(workspace, &drafts, &everyone, files),
        resolve_bases(&wanted, lock, upstream, options),
    )
    .await;
    let widened = heed_base_triggers(&mut drafts, &resolved);
    let again = list_contexts(workspace, &drafts, &widened, files).await;
    for (at, listing) in widened.into_iter().zip(again) {
        listings[at] = listing;
    }
    let mut contexts = BTreeMap::new();
    let mut notes = Vec::new();
    for (draft, listing) in drafts.iter().zip(listings) {
        notes.extend(source_notes(draft));
        match listing {
            Ok(listing) => {
                problems.extend(missing_files(draft, &listing));
                let warnings = listing.warnings.iter();
                problems.extend(warnings.map(|it| context_warning(draft, it)));
                contexts.insert(draft.image.name.clone(), listing);
            }
            Err(why) => problems.push(unusable_context(draft, &why)),
        }
    }
    if options.locked {
        problems.extend(unlocked(&drafts, &resolved));
    }
    let used = wanted.keys().cloned().collect();
    let users = wanted
        .iter()
        .map(|(name, base)| (name.clone(), with_dependants(workspace, &base.images)))
        .collect();
    let (lock, unresolved) = (resolved.lock.clone(), resolved.failed.clone());
    let desired = (!has_errors(&problems)).then(|| {
        let settling = Settling {
            workspace,
            drafts: &drafts,
            contexts,
            resolved: &resolved,
        };
        let mut desired = settling.settle(notes);
        desired.now = options.now;
        desired
    });
    let prepared = drafts
        .into_iter()
        .map(|draft| (draft.image.name.clone(), draft.prepared));
    Desire {
        desired,
        prepared: prepared.collect(),
        problems,
        lock,
        used,
        users,
        unresolved,
    }
}

async fn list_contexts<F: Files>(
    workspace: &Workspace,
    drafts: &[Draft<'_>],
    which: &[usize],
    files: &F,
) -> Vec<Result<ContextListing, String>> {
    stream::iter(which)
        .map(|&at| {
            let draft = &drafts[at];
            let own_files = own_files(workspace, &draft.image.context);
            let (ignore, _) = Ignore::new(draft.prepared.ignore.clone(), own_files);
            files.context(&draft.image.context, ignore, draft.sources.clone())
        })
        .buffered(LISTINGS)
        .collect()
        .await
}

/// Returns the files that windlass reads itself, as paths below a context.
fn own_files(workspace: &Workspace, context: &str) -> Vec<String> {
    if context == "." {
        return workspace.files.clone();
    }
    let prefix = format!("{context}/");
    workspace
        .files
        .iter()
        .filter_map(|path| path.strip_prefix(&prefix))
        .map(str::to_owned)
        .collect()
}

fn missing_files(draft: &Draft<'_>, listing: &ContextListing) -> Vec<Diagnostic> {
    let missing = draft.prepared.expects.iter().filter(|(path, _)| {
        let is_read = listing.entries.iter().any(|entry| entry.path == *path);
        !is_read && listing.unread.binary_search(path).is_err()
    });
    missing
        .map(|(path, location)| {
            let full = join_path(&draft.image.context, path);
            let ignored = listing.ignored.iter().any(|entry| entry.path == *path);
            let help = if ignored {
                format!("an ignore line leaves it out; add `!{path}` behind it")
            } else {
                format!("create `{full}`, or set `context` to the folder that has it")
            };
            missing_file(draft.image, &full, location, help)
        })
        .collect()
}

fn context_warning(draft: &Draft<'_>, warning: &ContextWarning) -> Diagnostic {
    let place = format!("its context is `{}`", draft.image.context);
    warning
        .diagnostic(&draft.image.name)
        .at(&draft.image.context_location, place)
}

fn unusable_context(draft: &Draft<'_>, why: &str) -> Diagnostic {
    let message = format!(
        "the build context of image `{}` cannot be used: {why}",
        draft.image.name
    );
    Diagnostic::error(Code::ContextEntry, message)
        .at(&draft.image.context_location, format!("its context is `{}`", draft.image.context))
        .help("`context \"folder\"` names the folder below the workspace; `ignore \"pattern\"` leaves files out")
}

fn unlocked(drafts: &[Draft<'_>], resolved: &ResolvedBases) -> Vec<Diagnostic> {
    let bases = drafts
        .iter()
        .flat_map(|draft| draft.bases.pulled.iter().map(move |base| (draft, base)));
    let missing = bases.filter(|(_, base)| !resolved.states.contains_key(&base.image.to_string()));
    missing
        .map(|(draft, base)| {
            Diagnostic::error(
                Code::LockMissing,
                format!(
                    "the base image `{}` of image `{}` is not in windlass.lock",
                    base.reference, draft.image.name
                ),
            )
            .at(&place(draft, base), "no locked digest")
            .help(
                "run `windlass lock` and commit windlass.lock; `--locked` never resolves a digest",
            )
        })
        .collect()
}

fn place(draft: &Draft<'_>, base: &BaseReference) -> Location {
    Location {
        source: Arc::clone(&draft.prepared.dockerfile),
        span: base.span.clone(),
    }
}

/// Everything that settles images.
struct Settling<'a> {
    workspace: &'a Workspace,
    drafts: &'a [Draft<'a>],
    contexts: BTreeMap<ImageName, ContextListing>,
    resolved: &'a ResolvedBases,
}

impl Settling<'_> {
    fn settle(mut self, notes: Vec<String>) -> Desired {
        let mut inputs: BTreeMap<ImageName, DesiredInputs> = BTreeMap::new();
        // A cycle of `needs` was refused when the manifest was read, so every round settles at least one image.
        while inputs.len() < self.drafts.len() {
            let before = inputs.len();
            for draft in self.drafts {
                let ready = draft
                    .image
                    .needs
                    .iter()
                    .all(|need| inputs.contains_key(&need.image));
                if ready && !inputs.contains_key(&draft.image.name) {
                    let settled = self.inputs(draft, &inputs);
                    inputs.insert(draft.image.name.clone(), settled);
                }
            }
            assert!(
                inputs.len() > before,
                "needs form no cycle and name images of the workspace"
            );
        }
        let images = self.drafts.iter().filter_map(|draft| {
            let image = draft.image;
            Some(DesiredImage {
                name: image.name.clone(),
                location: image.location.clone(),
                targets: image.targets.clone(),
                inputs: inputs.remove(&image.name)?,
            })
        });
        Desired {
            workspace: self.workspace.name.clone(),
            environment: self.workspace.environment.clone(),
            registries: self.workspace.registries.clone(),
            images: images.collect(),
            repositories: self.workspace.repositories.clone(),
            bases: self.resolved.states.clone(),
            variables: self.workspace.variables.clone(),
            moved: self.workspace.moved.clone(),
            removed: self.workspace.removed.clone(),
            git_sha: None,
            commit_time: None,
            now: 0,
            notes,
        }
    }

    fn inputs(
        &mut self,
        draft: &Draft<'_>,
        settled: &BTreeMap<ImageName, DesiredInputs>,
    ) -> DesiredInputs {
        let mut bases = BTreeMap::new();
        let mut pins = Vec::new();
        for base in &draft.bases.pulled {
            match self.digest(base, draft.image) {
                Ok(digest) => {
                    let to = PinTo::Base {
                        reference: self.pinned(base, &digest),
                    };
                    pins.push(Pin {
                        start: base.span.start,
                        end: base.span.end,
                        to,
                    });
                    bases.insert(base.reference.clone(), digest);
                }
                Err(problem) => return problem,
            }
        }
        pins.extend(draft.bases.needs.iter().map(|need| Pin {
            start: need.span.start,
            end: need.span.end,
            to: PinTo::Need {
                name: need.name.clone(),
            },
        }));
        pins.sort_by_key(|pin| pin.start);
        let mut needs = Vec::new();
        for need in &draft.image.needs {
            match settled.get(&need.image) {
                Some(DesiredInputs::Settled(spec)) => {
                    needs.push(NeededImage {
                        as_name: need.as_name.clone(),
                        image: need.image.clone(),
                        fingerprint: spec.fingerprint.clone(),
                    });
                }
                Some(DesiredInputs::Unknown(why)) => {
                    return DesiredInputs::Unknown(format!(
                        "image.{}, which it needs: {why}",
                        need.image
                    ));
                }
                Some(DesiredInputs::Unusable(why)) => {
                    return DesiredInputs::Unusable(format!(
                        "image.{}, which it needs: {why}",
                        need.image
                    ));
                }
                None => {
                    return DesiredInputs::Unusable(format!(
                        "image.{}, which it needs, is not in scope",
                        need.image
                    ));
                }
            }
        }
        let named: BTreeMap<String, Fingerprint> = needs
            .iter()
            .map(|need| (need.as_name.clone(), need.fingerprint.clone()))
            .collect();
        let entries = self
            .contexts
            .remove(&draft.image.name)
            .unwrap_or_default()
            .entries;
        DesiredInputs::Settled(Box::new(build_spec(
            draft, entries, bases, pins, needs, named,
        )))
    }

    fn digest(&self, base: &BaseReference, image: &Image) -> Result<Digest, DesiredInputs> {
        let name = base.image.to_string();
        if let Some(error) = self.resolved.failed.get(&name) {
            let text = format!("base image `{}`: {error}", base.reference);
            return Err(
                if matches!(
                    error,
                    RegistryError::NotFound(_)
                        | RegistryError::Denied(_)
                        | RegistryError::Credentials(_)
                ) {
                    DesiredInputs::Unusable(text)
                } else {
                    DesiredInputs::Unknown(text)
                },
            );
        }
        let Some(state) = self.resolved.states.get(&name) else {
            return Err(DesiredInputs::Unknown(format!(
                "base image `{}` was not resolved",
                base.reference
            )));
        };
        let platforms = self
            .resolved
            .lock
            .bases
            .get(&name)
            .map(|locked| &locked.platforms)
            .filter(|platforms| !platforms.is_empty());
        let lacking = platforms.and_then(|platforms| {
            image
                .platforms
                .iter()
                .find(|platform| !platforms.contains(platform))
        });
        match (lacking, platforms) {
            (Some(platform), Some(platforms)) => {
                let held: Vec<&str> = platforms
                    .iter()
                    .map(windlass_core::name::Platform::as_str)
                    .collect();
                Err(DesiredInputs::Unusable(format!(
                    "base image `{}` has no {platform}, only {}: choose another base, or another `platform`",
                    base.reference,
                    held.join(", ")
                )))
            }
            _ => Ok(state.digest.clone()),
        }
    }

    /// Returns what the Dockerfile says when it is sent: tag and digest, read from the mirror where there is one.
    fn pinned(&self, base: &BaseReference, digest: &Digest) -> String {
        mirror(&base.image.with_digest(digest), &self.workspace.mirrors)
    }
}

fn build_spec(
    draft: &Draft<'_>,
    context: Vec<windlass_core::context::Entry>,
    bases: BTreeMap<String, Digest>,
    pins: Vec<Pin>,
    needs: Vec<NeededImage>,
    named: BTreeMap<String, Fingerprint>,
) -> BuildSpec {
    let image = draft.image;
    let inputs = Inputs {
        dockerfile: draft.prepared.dockerfile.text.clone(),
        context: context.into(),
        args: plain(&image.args),
        labels: plain(&image.labels),
        annotations: plain(&image.annotations),
        stage: image.stage.clone(),
        platforms: image.platforms.clone(),
        network: image.network.clone(),
        epoch: image.epoch,
        provenance: image.provenance,
        sbom: image.sbom,
        ssh: image.ssh.clone(),
        named_contexts: image.named_contexts.clone(),
        secrets: image.secrets.iter().map(|it| it.id.clone()).collect(),
        bases,
        needs: named,
    };
    BuildSpec {
        fingerprint: fingerprint(&inputs),
        context: image.context.clone(),
        dockerfile: match &image.recipe {
            Recipe::Dockerfile(path) => Some(path.value.clone()),
            Recipe::Pattern { .. } => None,
        },
        sources: draft.sources.clone(),
        recipe: draft.prepared.recipe.clone(),
        inputs,
        stamp_args: plain(&image.stamp.args),
        stamp_labels: plain(&image.stamp.labels),
        stamp_annotations: plain(&image.stamp.annotations),
        pins,
        needs,
        secrets: image
            .secrets
            .iter()
            .map(|it| (it.id.clone(), it.source.clone()))
            .collect(),
        timeout_seconds: image.timeout_seconds,
        max_bytes: image.max_bytes,
    }
}

fn plain(map: &BTreeMap<String, Sourced<String>>) -> BTreeMap<String, String> {
    map.iter()
        .map(|(key, value)| (key.clone(), value.value.clone()))
        .collect()
}
