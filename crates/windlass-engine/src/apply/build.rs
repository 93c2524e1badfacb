//! One build: what it is made from, and the images of the workspace that it starts from.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass_core::desired::NeededImage;
use windlass_core::name::{Address, Digest, ImageName, RegistryName, RepositoryKey};
use windlass_core::plan::ImageAction;

use crate::apply::Ports;
use crate::apply::pin::pinned;
use crate::apply::run::Run;
use crate::apply::work::Work;
use crate::event::Events;
use crate::outcome::Cause;
use crate::ports::{BuildRequest, Builder, BuilderError, Registry};

/// A workspace image that a build starts from.
pub(super) enum Need {
    /// It can be had.
    Ready(Source),
    /// It is still being built.
    Waiting,
}

/// Where a build gets a workspace image from.
pub(super) enum Source {
    /// The builder holds it under this id.
    Local(Digest),
    /// A repository holds it.
    Remote {
        registry: RegistryName,
        reference: String,
    },
}

impl<R: Registry, B: Builder> Run<'_, R, B> {
    /// Finds an image that `work` is built from: in the builder, or else in a repository.
    pub(super) fn find_need(&self, need: &NeededImage, work: &Work<'_>) -> Result<Need, Cause> {
        let needed = self.work(&need.fingerprint);
        if needed.is_some_and(|needed| needed.failed) {
            return Err(Cause::Need(Address::Image(need.image.clone())));
        }
        let built = needed.and_then(|needed| needed.local.as_ref());
        let local = built.or_else(|| self.locals.get(&need.fingerprint));
        if let Some(id) = local.filter(|_| !needed.is_some_and(Work::needs_build)) {
            return Ok(Need::Ready(Source::Local(id.clone())));
        }
        if needed.is_some_and(Work::needs_build) {
            return Ok(Need::Waiting);
        }
        let held = self.find_held(need);
        let same_registry = |(key, _): &&(RepositoryKey, Digest)| {
            work.places
                .keys()
                .any(|place| place.registry == key.registry)
        };
        let best = held.iter().find(same_registry).or(held.first());
        let source = best.and_then(|(key, digest)| {
            let reference = format!("{}@{digest}", self.uri(key)?);
            Some(Source::Remote {
                registry: key.registry.clone(),
                reference,
            })
        });
        match (source, needed) {
            (Some(source), _) => Ok(Need::Ready(source)),
            // It is being copied or tagged: a place of it is busy now and held soon.
            (None, Some(_)) => Ok(Need::Waiting),
            (None, None) => Err(BuilderError::Base(format!(
                "image.{} is neither in the builder nor in a repository of this plan: plan again with it in scope",
                need.image
            ))
            .into()),
        }
    }

    /// Returns the repositories that hold a needed image.
    fn find_held(&self, need: &NeededImage) -> Vec<(RepositoryKey, Digest)> {
        let needed = self.work(&need.fingerprint);
        let worked = needed.into_iter().flat_map(|needed| {
            let places = needed.places.keys();
            places.filter_map(|key| Some((key.clone(), needed.digest_in(key)?.clone())))
        });
        let planned = self.planned(&need.image);
        let planned = planned.filter(|image| image.fingerprint() == Some(&need.fingerprint));
        let targets = planned
            .into_iter()
            .flat_map(|image| &image.targets)
            .filter(|target| target.action != ImageAction::Restore);
        let held = targets.filter_map(|target| Some((target.key.clone(), target.held.clone()?)));
        worked.chain(held).collect()
    }
}

/// A build with everything it reads, ready to be run.
pub(super) struct Job {
    request: BuildRequest,
    /// Names that images of the builder get before, so that the Dockerfile can start from them.
    names: Vec<(Digest, String)>,
    /// Registries that the build pulls workspace images from.
    registries: BTreeSet<RegistryName>,
}

impl Job {
    pub(super) fn new<R, B>(
        run: &Run<'_, R, B>,
        index: usize,
        sources: Vec<(&NeededImage, Source)>,
    ) -> Result<Self, BuilderError> {
        let work = &run.works[index];
        let mut references = BTreeMap::new();
        let mut names = Vec::new();
        let mut registries = BTreeSet::new();
        for (need, source) in sources {
            let reference = match source {
                Source::Local(id) => {
                    let name = private_name(&need.image, &id);
                    names.push((id, name.clone()));
                    name
                }
                Source::Remote {
                    registry,
                    reference,
                } => {
                    registries.insert(registry);
                    reference
                }
            };
            references.insert(need.as_name.as_str(), reference);
        }
        let dockerfile = pinned(work.spec, &references)?;
        Ok(Self {
            request: request(run, work, dockerfile),
            names,
            registries,
        })
    }

    /// Builds; returns the id of the image.
    pub(super) async fn run<R: Registry, B: Builder>(
        mut self,
        ports: Ports<'_, R, B>,
        events: &Events,
    ) -> Result<Digest, Cause> {
        for (id, name) in &self.names {
            ports.builder.tag(id, name).await?;
        }
        for registry in &self.registries {
            let credentials = ports.registry.pull_credentials(registry).await?;
            self.request.credentials.push(credentials);
        }
        Ok(ports.builder.build(self.request, events).await?)
    }
}

fn request<R, B>(run: &Run<'_, R, B>, work: &Work<'_>, dockerfile: String) -> BuildRequest {
    let (spec, inputs, name) = (work.spec, &work.spec.inputs, work.name());
    let mut args = inputs.args.clone();
    args.extend(spec.stamp_args.clone());
    let mut labels = inputs.labels.clone();
    labels.extend(spec.stamp_labels.clone());
    BuildRequest {
        image: name.clone(),
        shared_key: format!("{}/{name}", run.plan.workspace),
        fingerprint: spec.fingerprint.clone(),
        dockerfile,
        context: context_folder(&run.options.workspace_root, &spec.context),
        entries: Arc::clone(&inputs.context),
        sources: spec.sources.clone(),
        args,
        labels,
        stage: inputs.stage.clone(),
        platform: inputs.platforms.first().cloned().unwrap_or_default(),
        secrets: spec
            .secrets
            .iter()
            .filter_map(|(id, source)| Some((id.clone(), run.secrets.get(source)?.clone())))
            .collect(),
        network: inputs.network.clone(),
        timeout_seconds: spec.timeout_seconds,
        use_cache: run.options.use_cache,
        credentials: Vec::new(),
        local_name: format!(
            "{}{name}:{}",
            local_names(&run.plan.workspace),
            spec.fingerprint.tag()
        ),
    }
}

fn context_folder(root: &Path, context: &str) -> PathBuf {
    if context == "." {
        root.to_owned()
    } else {
        root.join(context)
    }
}

/// Returns how the names begin that images of a workspace have in the builder: `windlass/shop/`.
pub fn local_names(workspace: &str) -> String {
    format!("windlass/{}/", name_part(workspace))
}

/// Returns the name under which a build finds an image of the builder. It holds the whole id, so no other run can mean another image by it.
fn private_name(image: &ImageName, id: &Digest) -> String {
    format!("windlass/needs/{image}:{}", id.hex())
}

/// Turns a text into one part of an image name: lower-case letters and digits with single `-` between them.
fn name_part(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    if words.is_empty() {
        "workspace".to_owned()
    } else {
        words.join("-")
    }
}
