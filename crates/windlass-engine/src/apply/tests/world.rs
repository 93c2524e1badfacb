//! A world to tell stories in: images with sources, a registry and a builder in memory, and a plan of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use windlass_core::desired::{
    BuildSpec, Desired, DesiredImage, DesiredInputs, NeededImage, Pin, PinTo,
};
use windlass_core::diag::{Location, Source, Sourced};
use windlass_core::dockerfile::ContextSources;
use windlass_core::fingerprint::{Inputs, fingerprint};
use windlass_core::manifest::model::{
    AccessPolicy, Encryption, ImageTarget, Repository, Settings, TagMutability,
};
use windlass_core::name::{
    Digest, Fingerprint, ImageName, Platform, RegistryName, RepositoryKey, RepositoryName, Tag,
};
use windlass_core::observed::Observed;
use windlass_core::oci::IMAGE_MANIFEST;
use windlass_core::plan::{NewRepository, Plan, check, plan};

use crate::apply::{ApplyError, ApplyOptions, Ports, apply};
use crate::event::Events;
use crate::fakes::{Call, MemBuilder, MemRegistry, Operation, Script};
use crate::observe::observe;
use crate::outcome::{Outcome, TagResult};
use crate::ports::Manifest;

pub(super) fn name(text: &str) -> ImageName {
    ImageName::new(text).expect("an image name")
}

pub(super) fn tag(text: &str) -> Tag {
    Tag::new(text).expect("a tag")
}

/// `web@prod` as a key.
pub(super) fn key(text: &str) -> RepositoryKey {
    let (repository, registry) = text.split_once('@').expect("repository@registry");
    RepositoryKey {
        registry: RegistryName::new(registry).expect("a registry name"),
        repository: RepositoryName::new(repository).expect("a repository name"),
    }
}

fn location() -> Location {
    Location::new(&Source::new("windlass.kdl", ""), 0..0)
}

pub(super) fn mutability(mutable: bool) -> TagMutability {
    TagMutability {
        mutable,
        except: Vec::new(),
    }
}

/// A repository as windlass makes it where nothing is said.
pub(super) fn plain_repository() -> NewRepository {
    NewRepository {
        tags: mutability(true),
        scan_on_push: true,
        encryption: Encryption::Aes256,
        lifecycle: Vec::new(),
        access: AccessPolicy::none(),
        resource_tags: BTreeMap::from([("windlass:workspace".to_owned(), "shop".to_owned())]),
    }
}

/// A manifest that windlass did not make.
pub(super) fn foreign(content: &str) -> Manifest {
    Manifest {
        bytes: format!("{{\"schemaVersion\":2,\"who\":\"{content}\"}}").into_bytes(),
        media_type: IMAGE_MANIFEST.to_owned(),
    }
}

/// An image of the story.
pub(super) struct Story {
    name: &'static str,
    source: String,
    places: Vec<(&'static str, Vec<&'static str>)>,
    needs: Vec<&'static str>,
    stamps: BTreeMap<String, String>,
}

/// An image with a repository of its name in `prod`.
pub(super) fn image(name: &'static str, source: &str, tags: &[&'static str]) -> Story {
    Story {
        name,
        source: source.to_owned(),
        places: vec![(
            Box::leak(format!("{name}@prod").into_boxed_str()),
            tags.to_vec(),
        )],
        needs: Vec::new(),
        stamps: BTreeMap::new(),
    }
}

impl Story {
    pub(super) fn at(mut self, places: &[(&'static str, &[&'static str])]) -> Self {
        self.places = places
            .iter()
            .map(|(key, tags)| (*key, tags.to_vec()))
            .collect();
        self
    }

    pub(super) fn needing(mut self, needs: &[&'static str]) -> Self {
        self.needs = needs.to_vec();
        self
    }

    pub(super) fn stamped(mut self, name: &str, value: &str) -> Self {
        self.stamps.insert(name.to_owned(), value.to_owned());
        self
    }

    fn spec(&self, known: &BTreeMap<&str, Fingerprint>) -> BuildSpec {
        let (dockerfile, pins) = self.dockerfile();
        let needs: Vec<NeededImage> = self
            .needs
            .iter()
            .map(|need| NeededImage {
                as_name: (*need).to_owned(),
                image: name(need),
                fingerprint: known.get(need).cloned().expect("needed images come first"),
            })
            .collect();
        let inputs = Inputs {
            dockerfile,
            args: BTreeMap::from([("PORT".to_owned(), "8000".to_owned())]),
            labels: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
            annotations: BTreeMap::from([("example.note".to_owned(), "kept".to_owned())]),
            platforms: vec![Platform::default()],
            bases: BTreeMap::from([("base:1".to_owned(), Digest::of(b"base"))]),
            needs: needs
                .iter()
                .map(|need| (need.as_name.clone(), need.fingerprint.clone()))
                .collect(),
            ..Inputs::default()
        };
        BuildSpec {
            fingerprint: fingerprint(&inputs),
            context: self.name.to_owned(),
            sources: ContextSources::default(),
            recipe: None,
            inputs,
            stamp_args: self.stamps.clone(),
            stamp_labels: self.stamps.clone(),
            stamp_annotations: self.stamps.clone(),
            pins,
            needs,
            secrets: BTreeMap::new(),
            timeout_seconds: None,
            max_bytes: None,
            dockerfile: None,
        }
    }

    fn dockerfile(&self) -> (String, Vec<Pin>) {
        let mut text = "FROM base:1\n".to_owned();
        let base = PinTo::Base {
            reference: format!("mirror/base:1@{}", Digest::of(b"base")),
        };
        let mut pins = vec![Pin {
            start: 5,
            end: 11,
            to: base,
        }];
        for need in &self.needs {
            text.push_str("COPY --from=");
            let start = text.len();
            text.push_str(need);
            let to = PinTo::Need {
                name: (*need).to_owned(),
            };
            pins.push(Pin {
                start,
                end: text.len(),
                to,
            });
            text.push_str(" / /\n");
        }
        text.push_str("RUN ");
        text.push_str(&self.source);
        text.push('\n');
        (text, pins)
    }
}

/// Registry, builder and script.
pub(super) struct World {
    pub(super) script: Script,
    pub(super) registry: MemRegistry,
    pub(super) builder: MemBuilder,
}

impl World {
    pub(super) fn new() -> Self {
        Self::seeded("one")
    }

    pub(super) fn seeded(seed: &str) -> Self {
        let script = Script::default();
        Self {
            registry: MemRegistry::new(&script),
            builder: MemBuilder::new(&script, seed),
            script,
        }
    }

    /// The same registry, with another builder that makes other bytes of the same inputs.
    pub(super) fn other_builder(&self, seed: &str) -> Self {
        Self {
            script: self.script.clone(),
            registry: self.registry.clone(),
            builder: MemBuilder::new(&self.script, seed),
        }
    }

    pub(super) async fn plan(&self, images: &[Story]) -> Plan {
        self.plan_and_observe(images).await.0
    }

    pub(super) async fn plan_with(&self, images: &[Story], settings: &Settings) -> Plan {
        self.made(&desired(images, settings)).await.0
    }

    /// Returns a plan and the world that it was made for.
    pub(super) async fn plan_and_observe(&self, images: &[Story]) -> (Plan, Observed) {
        self.made(&desired(images, &unmanaged())).await
    }

    /// Returns a plan of images in a world that is wanted otherwise.
    pub(super) async fn plan_edited(
        &self,
        images: &[Story],
        edit: impl FnOnce(&mut Desired),
    ) -> Plan {
        let mut wanted = desired(images, &unmanaged());
        edit(&mut wanted);
        self.made(&wanted).await.0
    }

    async fn made(&self, desired: &Desired) -> (Plan, Observed) {
        let observed = observe(desired, &self.registry, Some(&self.builder)).await;
        let made = plan(desired, &observed);
        assert_eq!(check(&made), Vec::<String>::new());
        self.script.forget_calls();
        (made, observed)
    }

    pub(super) async fn apply(&self, plan: &Plan) -> Result<Outcome, ApplyError> {
        self.apply_with(plan, &ApplyOptions::new("/workspace"))
            .await
    }

    pub(super) async fn apply_with(
        &self,
        plan: &Plan,
        options: &ApplyOptions,
    ) -> Result<Outcome, ApplyError> {
        let ports = Ports {
            registry: &self.registry,
            builder: &self.builder,
        };
        apply(plan, ports, options, &Events::none()).await
    }

    /// Plans and applies; everything must go well.
    pub(super) async fn bring(&self, images: &[Story]) -> Outcome {
        let plan = self.plan(images).await;
        self.apply(&plan).await.expect("the plan is fresh")
    }

    /// Says whether a new plan of the same images has nothing to do.
    pub(super) async fn is_settled(&self, images: &[Story]) -> bool {
        !self.plan(images).await.has_changes()
    }
}

/// Settings of a repository that nothing manages.
fn unmanaged() -> Settings {
    Settings {
        create: true,
        tags: None,
        scan_on_push: None,
        encryption: None,
        lifecycle: None,
        access: None,
        resource_tags: BTreeMap::new(),
    }
}

fn desired(images: &[Story], settings: &Settings) -> Desired {
    let mut known = BTreeMap::new();
    let mut wanted: Vec<DesiredImage> = Vec::new();
    let mut keys = std::collections::BTreeSet::new();
    for story in images {
        let spec = story.spec(&known);
        known.insert(story.name, spec.fingerprint.clone());
        keys.extend(story.places.iter().map(|(place, _)| key(place)));
        let targets = story.places.iter().map(|(place, tags)| ImageTarget {
            key: key(place),
            tags: tags
                .iter()
                .map(|text| Sourced::new(tag(text), location()))
                .collect(),
        });
        wanted.push(DesiredImage {
            name: name(story.name),
            location: location(),
            targets: targets.collect(),
            inputs: DesiredInputs::Settled(Box::new(spec)),
        });
    }
    wanted.sort_by(|a, b| a.name.cmp(&b.name));
    let repositories = keys.into_iter().map(|key| Repository {
        key,
        doc: None,
        settings: settings.clone(),
        location: location(),
    });
    Desired {
        workspace: "shop".to_owned(),
        environment: None,
        registries: Vec::new(),
        images: wanted,
        repositories: repositories.collect(),
        bases: BTreeMap::new(),
        variables: Vec::new(),
        git_sha: None,
        moved: Vec::new(),
        removed: Vec::new(),
        commit_time: None,
        now: 0,
        notes: Vec::new(),
    }
}

/// Matches calls of one operation.
pub(super) fn calls_of(operation: Operation) -> impl Fn(&Call) -> bool + Send + 'static {
    move |call| call.operation == operation
}

/// Matches puts of one tag.
pub(super) fn puts_of(text: &str) -> impl Fn(&Call) -> bool + Send + 'static {
    let wanted = tag(text);
    move |call| call.operation == Operation::PutManifest && call.tag.as_ref() == Some(&wanted)
}

/// Matches puts of `in-` tags.
pub(super) fn puts_of_in_tags() -> impl Fn(&Call) -> bool + Send + 'static {
    |call| {
        call.operation == Operation::PutManifest && call.tag.as_ref().is_some_and(Tag::is_reserved)
    }
}

/// Returns the wanted tags with a result as `image:tag`.
pub(super) fn tags_with(outcome: &Outcome, result: TagResult) -> Vec<String> {
    let tags = outcome.tags_with(result);
    tags.map(|(image, _, tag)| format!("{}:{}", image.name, tag.tag))
        .collect()
}

/// Returns the fingerprint of an image of a plan.
pub(super) fn fingerprint_of(plan: &Plan, image: &str) -> Fingerprint {
    let found = plan.images.iter().find(|one| one.name.as_str() == image);
    found
        .and_then(|image| image.fingerprint())
        .cloned()
        .expect("the image has inputs")
}

/// Returns everything the registry holds, tags by fingerprint instead of digest: what two builders must agree on.
pub(super) fn held(registry: &MemRegistry) -> Arc<BTreeMap<String, Option<Fingerprint>>> {
    let world = registry.snapshot();
    let tags = world.iter().flat_map(|(key, repository)| {
        repository
            .tags
            .keys()
            .map(move |tag| (format!("{key}:{tag}"), registry.fingerprint(key, tag)))
    });
    Arc::new(tags.collect())
}
