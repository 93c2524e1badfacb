//! The found side of a scenario.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use windlass_core::desired::{Desired, DesiredInputs};
use windlass_core::fingerprint::{InputsRecord, fingerprint};
use windlass_core::manifest::model::AccessPolicy;
use windlass_core::name::{Digest, Fingerprint, Platform, RepositoryKey, Tag};
use windlass_core::observed::{
    Fact, ImageFacts, Observed, ObservedBuilder, ObservedLifecycle, ObservedRepository,
    RepositoryFacts, StoredImage,
};

use super::desired::{self, access_policy, encryption, lifecycle_rule, mutability};
use super::{Inputs, Result, digest, key};

/// `observed.json`. Repositories that are wanted and not named are not there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Document {
    #[serde(default)]
    builder: Builder,
    #[serde(default)]
    repositories: BTreeMap<String, Repository>,
    /// Repositories that images may be copied from.
    #[serde(default)]
    sources: BTreeMap<String, Source>,
    /// Repositories that are given up and still there.
    #[serde(default)]
    removed: BTreeMap<String, Doomed>,
}

/// A repository that images may be copied from.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Source {
    /// Wanted images that it holds.
    holds: Vec<String>,
    /// Why it was not read.
    unknown: Option<String>,
}

/// A repository that is given up.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Doomed {
    /// The workspace that its resource tag names.
    owner: Option<String>,
    /// How many images it holds.
    images: usize,
}

/// The builder: one that runs linux/amd64 where nothing is said.
#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Builder {
    /// Whether there is one.
    there: bool,
    /// Why it could not be asked.
    unknown: Option<String>,
    platforms: Vec<String>,
    /// Wanted images that it holds.
    images: Vec<String>,
    /// Wanted images that were built there and are gone.
    gone: Vec<String>,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            there: true,
            unknown: None,
            platforms: vec!["linux/amd64".to_owned()],
            images: Vec::new(),
            gone: Vec::new(),
        }
    }
}

/// A repository that is there, or why it was not read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Repository {
    #[serde(default)]
    unknown: Option<String>,
    #[serde(default = "mutable")]
    tags: String,
    #[serde(default = "yes")]
    scan_on_push: bool,
    #[serde(default = "aes256")]
    encryption: String,
    #[serde(default)]
    lifecycle: Option<Vec<String>>,
    /// Who may use it: rules as in the manifest, `pull account 222222222222`.
    #[serde(default)]
    access: Option<Vec<String>>,
    /// A policy as ECR shows it.
    #[serde(default)]
    access_document: Option<serde_json::Value>,
    /// Why the policy was not read.
    #[serde(default)]
    access_unknown: Option<String>,
    /// A lifecycle policy that the language cannot say.
    #[serde(default)]
    foreign_lifecycle: Option<String>,
    #[serde(default)]
    resource_tags: Option<BTreeMap<String, String>>,
    /// Why the resource tags were not read.
    #[serde(default)]
    resource_tags_unknown: Option<String>,
    /// What tags hold; wanted tags that are not named are not there.
    #[serde(default)]
    images: BTreeMap<String, Image>,
    /// Why the images could not be listed.
    #[serde(default)]
    inventory_unknown: Option<String>,
    /// Wanted images that are held under their `in-` tag only.
    #[serde(default)]
    held: Vec<String>,
    /// Wanted images whose `in-` tag holds an image that windlass did not build.
    #[serde(default)]
    taken: Vec<String>,
}

fn mutable() -> String {
    "mutable".to_owned()
}

fn yes() -> bool {
    true
}

fn aes256() -> String {
    "aes256".to_owned()
}

/// What a tag holds.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct Image {
    /// The wanted image it was built for; windlass did not build it where nothing is said.
    of: Option<String>,
    /// What was different in its inputs.
    with: Inputs,
    created: Option<String>,
    /// When the commit was made that it was built at.
    commit_time: Option<String>,
    archived: bool,
    /// How many days ago it was pushed.
    pushed_days_ago: i64,
    /// How many tags it has, where that was asked for.
    tag_count: Option<usize>,
    /// Tags that nobody asks for.
    other_tags: Vec<String>,
    /// Whether its `in-` tag is missing.
    no_in_tag: bool,
    /// Whether it has no inputs record.
    no_record: bool,
    /// Why the record was not read.
    record_unknown: Option<String>,
    /// Why the tag was not read.
    unknown: Option<String>,
}

impl Document {
    /// Builds what the planner is given.
    pub(super) fn build(&self, wanted: &desired::Document, desired: &Desired) -> Result<Observed> {
        let mut observed = Observed {
            builder: self.builder.build(desired)?,
            ..nothing_observed()
        };
        for repository in &desired.repositories {
            let name = format!("{}@{}", repository.key.repository, repository.key.registry);
            let asked = asked_tags(desired, &repository.key);
            let found = match self.repositories.get(&name) {
                None => ObservedRepository {
                    facts: Fact::Absent,
                    tags: asked.into_iter().map(|tag| (tag, Fact::Absent)).collect(),
                },
                Some(found) => {
                    found.build(&repository.key, asked, wanted, desired, &mut observed)?
                }
            };
            observed.repositories.insert(repository.key.clone(), found);
        }
        self.add_sources(desired, &mut observed)?;
        self.add_removed(desired, &mut observed);
        for name in self.repositories.keys() {
            if !observed.repositories.contains_key(&key(name)?) {
                return Err(format!("observed.json: nobody wants {name}").into());
            }
        }
        Ok(observed)
    }
}

impl Document {
    fn add_sources(&self, desired: &Desired, observed: &mut Observed) -> Result<()> {
        for (name, source) in &self.sources {
            let key = key(name)?;
            let mut facts = BTreeMap::new();
            if let Some(why) = &source.unknown {
                for image in &desired.images {
                    if let DesiredInputs::Settled(spec) = &image.inputs {
                        facts.insert(spec.fingerprint.tag(), Fact::not_read(why));
                    }
                }
            }
            for image in &source.holds {
                let fingerprint = wanted_fingerprint(desired, image)?;
                let held = image_facts(fingerprint.clone(), None, false);
                facts.insert(fingerprint.tag(), Fact::Known(held));
            }
            observed.sources.insert(key, facts);
        }
        Ok(())
    }

    /// What is given up is there where the case says so, and else gone.
    fn add_removed(&self, desired: &Desired, observed: &mut Observed) {
        for key in windlass_core::plan::repositories_to_delete(desired) {
            let name = format!("{}@{}", key.repository, key.registry);
            let Some(found) = self.removed.get(&name) else {
                let gone = ObservedRepository {
                    facts: Fact::Absent,
                    tags: BTreeMap::new(),
                };
                observed.repositories.insert(key, gone);
                continue;
            };
            let owner = found.owner.iter();
            let tags = owner.map(|owner| ("windlass:workspace".to_owned(), owner.clone()));
            let facts = RepositoryFacts {
                uri: format!("{}.registry.test/{}", key.registry, key.repository),
                arn: format!(
                    "arn:aws:ecr:eu-central-1:111122223333:repository/{}",
                    key.repository
                ),
                tags: mutability("mutable"),
                scan_on_push: true,
                encryption: encryption("aes256"),
                lifecycle: None,
                access: None,
                resource_tags: Some(Fact::Known(tags.collect())),
            };
            let images = (0..found.images).map(|number| StoredImage {
                digest: digest(&format!("old {number}")),
                tags: BTreeSet::new(),
                pushed: 0,
                pulled: None,
                archived: None,
                children: Vec::new(),
                subject: None,
            });
            observed
                .inventories
                .insert(key.clone(), Fact::Known(images.collect()));
            let there = ObservedRepository {
                facts: Fact::Known(facts),
                tags: BTreeMap::new(),
            };
            observed.repositories.insert(key, there);
        }
    }
}

fn nothing_observed() -> Observed {
    Observed {
        repositories: BTreeMap::new(),
        builder: Fact::Absent,
        records: BTreeMap::new(),
        inventories: BTreeMap::new(),
        tag_counts: BTreeMap::new(),
        replication: BTreeMap::new(),
        pushed: BTreeMap::new(),
        sources: BTreeMap::new(),
    }
}

/// Returns the tags that a plan asks a repository for: the wanted ones and the `in-` tags.
fn asked_tags(desired: &Desired, key: &RepositoryKey) -> Vec<Tag> {
    let mut tags = Vec::new();
    for image in &desired.images {
        for target in image.targets.iter().filter(|target| target.key == *key) {
            tags.extend(target.tags.iter().map(|tag| tag.value.clone()));
            if let DesiredInputs::Settled(spec) = &image.inputs {
                tags.push(spec.fingerprint.tag());
            }
        }
    }
    tags
}

fn wanted_fingerprint(desired: &Desired, name: &str) -> Result<Fingerprint> {
    let image = desired.images.iter().find(|it| it.name.as_str() == name);
    match image.map(|image| &image.inputs) {
        Some(DesiredInputs::Settled(spec)) => Ok(spec.fingerprint.clone()),
        _ => Err(format!("observed.json: no image {name} with known inputs is wanted").into()),
    }
}

impl Builder {
    fn build(&self, desired: &Desired) -> Result<Fact<ObservedBuilder>> {
        if let Some(why) = &self.unknown {
            return Ok(Fact::not_read(why));
        }
        if !self.there {
            return Ok(Fact::Absent);
        }
        let mut images = BTreeMap::new();
        for name in &self.images {
            images.insert(
                wanted_fingerprint(desired, name)?,
                digest(&format!("local {name}")),
            );
        }
        Ok(Fact::Known(ObservedBuilder {
            description: "Docker Engine 20.10.24".to_owned(),
            platforms: self
                .platforms
                .iter()
                .map(|name| Ok(Platform::new(name)?))
                .collect::<Result<_>>()?,
            images,
            gone: self
                .gone
                .iter()
                .map(|name| wanted_fingerprint(desired, name))
                .collect::<Result<_>>()?,
        }))
    }
}

impl Repository {
    fn build(
        &self,
        key: &RepositoryKey,
        asked: Vec<Tag>,
        wanted: &desired::Document,
        desired: &Desired,
        observed: &mut Observed,
    ) -> Result<ObservedRepository> {
        if let Some(why) = &self.unknown {
            return Ok(ObservedRepository {
                facts: Fact::not_read(why),
                tags: BTreeMap::new(),
            });
        }
        observed
            .inventories
            .insert(key.clone(), self.inventory(key, wanted)?);
        let mut tags: BTreeMap<Tag, Fact<ImageFacts>> =
            asked.into_iter().map(|tag| (tag, Fact::Absent)).collect();
        for name in &self.held {
            let fingerprint = wanted_fingerprint(desired, name)?;
            let facts = image_facts(fingerprint, None, false);
            hold_in(&mut tags, &facts);
        }
        for name in &self.taken {
            let tag = wanted_fingerprint(desired, name)?.tag();
            tags.insert(tag, Fact::Known(foreign(name, None, false)));
        }
        for (tag, image) in &self.images {
            let facts = image.build(tag, key, wanted, observed)?;
            if let Some(facts) = facts.known().filter(|_| !image.no_in_tag) {
                hold_in(&mut tags, facts);
            }
            if let (Some(facts), Some(count)) = (facts.known(), image.tag_count) {
                let id = (key.clone(), facts.digest.clone());
                observed.tag_counts.insert(id, Fact::Known(count));
            }
            tags.insert(Tag::new(tag)?, facts);
        }
        tags.values_mut().for_each(forget_archived);
        Ok(ObservedRepository {
            facts: Fact::Known(self.facts(key)?),
            tags,
        })
    }

    /// Returns what a list of all images shows: those that a case names by their tags.
    fn inventory(
        &self,
        key: &RepositoryKey,
        wanted: &desired::Document,
    ) -> Result<Fact<Vec<StoredImage>>> {
        if let Some(why) = &self.inventory_unknown {
            return Ok(Fact::not_read(why));
        }
        let mut stored: BTreeMap<Digest, StoredImage> = BTreeMap::new();
        for (tag, image) in &self.images {
            let mut nothing = nothing_observed();
            let Fact::Known(facts) = image.build(tag, key, wanted, &mut nothing)? else {
                continue;
            };
            let pushed = desired::NOW - image.pushed_days_ago * 86_400;
            let entry = stored
                .entry(facts.digest.clone())
                .or_insert_with(|| StoredImage {
                    digest: facts.digest.clone(),
                    tags: BTreeSet::new(),
                    pushed,
                    pulled: None,
                    archived: image.archived.then_some(pushed),
                    children: Vec::new(),
                    subject: None,
                });
            entry.tags.insert(Tag::new(tag)?);
            entry
                .tags
                .extend(facts.fingerprint.as_ref().map(Fingerprint::tag));
            for other in &image.other_tags {
                entry.tags.insert(Tag::new(other)?);
            }
        }
        Ok(Fact::Known(stored.into_values().collect()))
    }

    fn facts(&self, key: &RepositoryKey) -> Result<RepositoryFacts> {
        let rules = self.lifecycle.as_ref().map(|rules| {
            rules
                .iter()
                .map(|rule| lifecycle_rule(rule))
                .collect::<Result<Vec<_>>>()
        });
        let lifecycle = match (&self.foreign_lifecycle, rules.transpose()?) {
            (Some(text), _) => ObservedLifecycle::Foreign(text.clone()),
            (None, rules) => ObservedLifecycle::Rules(rules.unwrap_or_default()),
        };
        let access = match (&self.access_unknown, &self.access_document) {
            (Some(why), _) => Fact::not_read(why),
            (None, Some(document)) => Fact::Known(AccessPolicy::from_text(document.to_string())),
            (None, None) => Fact::Known(access_policy(self.access.as_deref().unwrap_or(&[]))?),
        };
        let resource_tags = match &self.resource_tags_unknown {
            Some(why) => Fact::not_read(why),
            None => Fact::Known(self.resource_tags.clone().unwrap_or_default()),
        };
        Ok(RepositoryFacts {
            uri: format!("{}.registry.test/{}", key.registry, key.repository),
            arn: format!(
                "arn:aws:ecr:eu-central-1:111122223333:repository/{}",
                key.repository
            ),
            tags: mutability(&self.tags),
            scan_on_push: self.scan_on_push,
            encryption: encryption(&self.encryption),
            lifecycle: Some(Fact::Known(lifecycle)),
            access: Some(access),
            resource_tags: Some(resource_tags),
        })
    }
}

impl Image {
    /// Returns what the tag holds; a record of an image of windlass's goes into `observed`.
    fn build(
        &self,
        tag: &str,
        key: &RepositoryKey,
        wanted: &desired::Document,
        observed: &mut Observed,
    ) -> Result<Fact<ImageFacts>> {
        if let Some(why) = &self.unknown {
            return Ok(Fact::not_read(why));
        }
        let Some(name) = &self.of else {
            return Ok(Fact::Known(ImageFacts {
                commit_time: self.commit_time.clone(),
                ..foreign(tag, self.created.clone(), self.archived)
            }));
        };
        let image = wanted
            .images
            .get(name)
            .ok_or_else(|| format!("observed.json: no image {name} is wanted"))?;
        let inputs = wanted.inputs(image, &self.with)?;
        let facts = ImageFacts {
            commit_time: self.commit_time.clone(),
            ..image_facts(fingerprint(&inputs), self.created.clone(), self.archived)
        };
        let record = match &self.record_unknown {
            Some(why) => Fact::not_read(why),
            None if self.no_record => Fact::Absent,
            None => Fact::Known(InputsRecord::new(inputs, None)),
        };
        observed
            .records
            .insert((key.clone(), facts.digest.clone()), record);
        Ok(Fact::Known(facts))
    }
}

/// Returns an image that windlass did not build.
fn foreign(word: &str, created: Option<String>, archived: bool) -> ImageFacts {
    ImageFacts {
        digest: digest(&format!("foreign {word}")),
        fingerprint: None,
        created,
        commit_time: None,
        archived,
    }
}

fn image_facts(fingerprint: Fingerprint, created: Option<String>, archived: bool) -> ImageFacts {
    ImageFacts {
        digest: image_digest(&fingerprint),
        fingerprint: Some(fingerprint),
        created,
        commit_time: None,
        archived,
    }
}

/// Returns the digest of an image that is there: any that is not the one `plan::after` expects of a build.
fn image_digest(fingerprint: &Fingerprint) -> Digest {
    digest(&format!("image of {fingerprint}"))
}

/// Of an image in the archive, ECR tells nothing but its digest.
fn forget_archived(fact: &mut Fact<ImageFacts>) {
    if let Fact::Known(image) = fact
        && image.archived
    {
        image.fingerprint = None;
        image.created = None;
        image.commit_time = None;
    }
}

/// Puts an image under its `in-` tag, where that tag was asked for.
fn hold_in(tags: &mut BTreeMap<Tag, Fact<ImageFacts>>, facts: &ImageFacts) {
    let tag = facts.fingerprint.as_ref().map(Fingerprint::tag);
    if let Some(fact) = tag.and_then(|tag| tags.get_mut(&tag)) {
        *fact = Fact::Known(facts.clone());
    }
}
