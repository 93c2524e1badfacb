//! Base images: which ones the images want, and what the lock or a registry says of them.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, stream};
use windlass_core::desired::BaseState;
use windlass_core::dockerfile::BaseKind;
use windlass_core::dockerfile::reference::{ImageReference, mirror};
use windlass_core::lock::{Lock, LockedBase};
use windlass_core::manifest::model::Mirror;
use windlass_core::name::ImageName;

use crate::desire::draft::Draft;
use crate::desire::{DesireOptions, Update};
use crate::ports::{RegistryError, Upstream};

/// How many base images are resolved at once.
const RESOLVES: usize = 8;

/// Everything that has to be known of one base image.
pub(super) struct WantedBase {
    pub(super) reference: ImageReference,
    /// The reference to read it under, the mirror applied.
    pub(super) from: String,
    pub(super) images: BTreeSet<ImageName>,
    /// Whether a stage starts from it, so that its config has a say in the build.
    pub(super) starts_stage: bool,
}

pub(super) fn wanted_bases(
    drafts: &[Draft<'_>],
    mirrors: &[Mirror],
) -> BTreeMap<String, WantedBase> {
    let mut wanted: BTreeMap<String, WantedBase> = BTreeMap::new();
    for draft in drafts {
        for base in &draft.bases.pulled {
            let entry = wanted
                .entry(base.image.to_string())
                .or_insert_with(|| WantedBase {
                    reference: base.image.clone(),
                    from: mirror(&base.image, mirrors),
                    images: BTreeSet::new(),
                    starts_stage: false,
                });
            entry.starts_stage |= base.kind == BaseKind::From;
            entry.images.insert(draft.image.name.clone());
        }
    }
    wanted
}

/// What became of the base images.
pub(super) struct ResolvedBases {
    pub(super) lock: Lock,
    /// Digest of each reference, and whether the lock had it.
    pub(super) states: BTreeMap<String, BaseState>,
    pub(super) failed: BTreeMap<String, RegistryError>,
}

impl ResolvedBases {
    /// Says whether a base image has triggers that read the context; `None` where its config is not known.
    pub(super) fn triggers(&self, name: &str) -> Option<bool> {
        self.lock.bases.get(name)?.onbuild
    }
}

pub(super) async fn resolve_bases<U: Upstream>(
    wanted: &BTreeMap<String, WantedBase>,
    lock: &Lock,
    upstream: &U,
    options: &DesireOptions,
) -> ResolvedBases {
    let mut resolved = ResolvedBases {
        lock: lock.clone(),
        states: BTreeMap::new(),
        failed: BTreeMap::new(),
    };
    let mut missing = Vec::new();
    for (name, base) in wanted {
        let again = match &options.update {
            Update::Nothing => false,
            Update::All => true,
            Update::Images(images) => !images.is_disjoint(&base.images),
        };
        if let Some(digest) = &base.reference.digest {
            resolved.states.insert(
                name.clone(),
                BaseState {
                    digest: digest.clone(),
                    locked: true,
                },
            );
            // Its digest is settled, but not what its config does to the build. That never changes, so it is read under `locked` as well.
            if base.starts_stage && !lock.bases.contains_key(name) {
                missing.push((name, base));
            }
        } else if let Some(locked) = lock.bases.get(name).filter(|_| !again) {
            resolved.states.insert(
                name.clone(),
                BaseState {
                    digest: locked.digest.clone(),
                    locked: true,
                },
            );
        } else if !options.locked {
            missing.push((name, base));
        }
    }
    if options.offline {
        for (name, _) in missing.drain(..) {
            // One that is named by its digest is known without asking, but for what its config does to the build.
            if !resolved.states.contains_key(name) {
                let why = format!(
                    "{name} is not in windlass.lock, and `--offline` asks no registry: run `windlass lock`"
                );
                resolved
                    .failed
                    .insert(name.clone(), RegistryError::Other(why));
            }
        }
    }
    let answers: Vec<_> = stream::iter(missing)
        .map(|(name, base)| async move { (name, upstream.resolve(&base.from).await) })
        .buffered(RESOLVES)
        .collect()
        .await;
    for (name, answer) in answers {
        match answer {
            Ok(facts) => {
                resolved.states.entry(name.clone()).or_insert(BaseState {
                    digest: facts.digest.clone(),
                    locked: false,
                });
                let before = lock
                    .bases
                    .get(name)
                    .filter(|before| before.digest == facts.digest);
                let entry = LockedBase {
                    digest: facts.digest,
                    platforms: facts.platforms,
                    user: facts.user,
                    entrypoint: facts.entrypoint,
                    onbuild: facts.onbuild,
                    resolved_from: facts.resolved_from,
                    resolved: options.today.clone(),
                };
                resolved
                    .lock
                    .bases
                    .insert(name.clone(), before.cloned().unwrap_or(entry));
            }
            // The digest is known without an answer; what depends on its config is then not decided.
            Err(_) if resolved.states.contains_key(name) => {}
            Err(error) => {
                resolved.failed.insert(name.clone(), error);
            }
        }
    }
    resolved
}
