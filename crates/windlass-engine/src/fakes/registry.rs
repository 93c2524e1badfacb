//! ECR in memory: repositories, blobs, manifests, tags with their mutability, inputs records.

mod held;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use windlass_core::name::{
    Digest, Fingerprint, ImageName, RegistryName, RepositoryKey, RepositoryName, Tag,
};
use windlass_core::observed::{
    Fact, ImageFacts, ObservedLifecycle, ReplicationRule, RepositoryFacts, ScanReport, Scanning,
    StoredImage,
};
use windlass_core::oci::{Descriptor, IMAGE_CONFIG, LAYER_GZIP};
use windlass_core::plan::{NewRepository, SettingChange, is_immutable};

use crate::event::{Event, Events};
use crate::fakes::script::{Call, Fault, Operation, Script};
use crate::ports::{
    LocalImage, Manifest, PullCredentials, PushedBlobs, Put, Registry, RegistryError, SentRecord,
    SettingsToRead,
};
use held::{blobs_of, image_facts, stored};

/// A registry in memory that plays all registries of a workspace. Clones are the same registry.
#[derive(Debug, Clone, Default)]
pub struct MemRegistry {
    world: Arc<Mutex<BTreeMap<RepositoryKey, MemRepository>>>,
    replication: Arc<Mutex<Replication>>,
    script: Script,
}

/// The replication rules of each registry.
type Replication = BTreeMap<RegistryName, Vec<ReplicationRule>>;

/// What a repository holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemRepository {
    /// Its settings.
    pub facts: RepositoryFacts,
    /// Its blobs.
    pub blobs: BTreeSet<Digest>,
    /// Its manifests.
    pub manifests: BTreeMap<Digest, Manifest>,
    /// Its tags.
    pub tags: BTreeMap<Tag, Digest>,
    /// The inputs records of its images.
    pub records: BTreeMap<Digest, Vec<Vec<u8>>>,
    /// The inputs records that were sent, by the digest of their blob.
    pub sent_records: BTreeMap<Digest, Vec<u8>>,
    /// The images that lie in the archive.
    pub archived: BTreeSet<Digest>,
    /// What scans found in its images.
    pub scans: BTreeMap<Digest, ScanReport>,
}

impl MemRegistry {
    /// Returns an empty registry that follows `script`.
    pub fn new(script: &Script) -> Self {
        Self {
            world: Arc::default(),
            replication: Arc::default(),
            script: script.clone(),
        }
    }

    /// Returns a copy of everything it holds.
    pub fn snapshot(&self) -> BTreeMap<RepositoryKey, MemRepository> {
        self.lock().clone()
    }

    /// Replaces everything it holds.
    pub fn restore(&self, world: BTreeMap<RepositoryKey, MemRepository>) {
        *self.lock() = world;
    }

    /// Adds a repository, as if somebody had made it.
    pub fn add_repository(&self, key: &RepositoryKey, repository: &NewRepository) {
        let mut world = self.lock();
        let made = || created(key, repository);
        world.entry(key.clone()).or_insert_with(made);
    }

    /// Puts a manifest and moves a tag, as somebody would who asks nobody: neither blobs nor mutability matter.
    ///
    /// # Panics
    /// Where the repository is not there.
    pub fn force(&self, key: &RepositoryKey, tag: &Tag, manifest: Manifest) -> Digest {
        let mut world = self.lock();
        let repository = world.get_mut(key).expect("the repository is there");
        let digest = manifest.digest();
        repository.manifests.insert(digest.clone(), manifest);
        repository.tags.insert(tag.clone(), digest.clone());
        digest
    }

    /// Changes a repository, as somebody would who asks nobody.
    ///
    /// # Panics
    /// Where the repository is not there.
    pub fn edit(&self, key: &RepositoryKey, edit: impl FnOnce(&mut MemRepository)) {
        edit(self.lock().get_mut(key).expect("the repository is there"));
    }

    /// Removes a repository with everything in it.
    pub fn remove_repository(&self, key: &RepositoryKey) {
        self.lock().remove(key);
    }

    /// Gives a registry replication rules. They are told, and nothing is copied by them.
    pub fn set_replication(&self, registry: &RegistryName, rules: Vec<ReplicationRule>) {
        self.replication().insert(registry.clone(), rules);
    }

    fn replication(&self) -> MutexGuard<'_, Replication> {
        self.replication
            .lock()
            .expect("no fake panics while it holds the rules")
    }

    /// Returns what a tag holds.
    pub fn tag(&self, key: &RepositoryKey, tag: &Tag) -> Option<Digest> {
        self.lock().get(key)?.tags.get(tag).cloned()
    }

    /// Returns the fingerprint of the image that a tag holds.
    pub fn fingerprint(&self, key: &RepositoryKey, tag: &Tag) -> Option<Fingerprint> {
        let world = self.lock();
        let repository = world.get(key)?;
        image_facts(repository, repository.tags.get(tag)?).fingerprint
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<RepositoryKey, MemRepository>> {
        self.world
            .lock()
            .expect("no fake panics while it holds the world")
    }

    async fn begin(&self, call: Call) -> Result<usize, RegistryError> {
        self.script.begin(call).await.map_err(|fault| match fault {
            Fault::Registry(error) => error,
            Fault::Builder(error) => RegistryError::Other(error.to_string()),
        })
    }

    /// Runs a call: logged, with its fault, and with its end.
    async fn call<T>(
        &self,
        call: Call,
        work: impl FnOnce(&mut BTreeMap<RepositoryKey, MemRepository>) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        let number = self.begin(call).await?;
        let result = work(&mut self.lock());
        self.script.end(number).await;
        result
    }
}

impl Registry for MemRegistry {
    async fn repositories(
        &self,
        registry: &RegistryName,
        names: &BTreeMap<RepositoryName, SettingsToRead>,
    ) -> BTreeMap<RepositoryName, Fact<RepositoryFacts>> {
        let read = self.call(Call::of(Operation::Repositories), |world| {
            let facts = names.iter().map(|(name, read)| {
                let key = RepositoryKey {
                    registry: registry.clone(),
                    repository: name.clone(),
                };
                let known = world.get(&key).map(|found| as_read(&found.facts, *read));
                (name.clone(), known.map_or(Fact::Absent, Fact::Known))
            });
            Ok(facts.collect())
        });
        read.await.unwrap_or_else(|error| {
            let unknown = |name: &RepositoryName| (name.clone(), error.clone().into_fact());
            names.keys().map(unknown).collect()
        })
    }

    async fn images(
        &self,
        key: &RepositoryKey,
        tags: &BTreeSet<Tag>,
    ) -> BTreeMap<Tag, Fact<ImageFacts>> {
        let read = self.call(about(Operation::Images, key), |world| {
            let repository = world.get(key);
            let facts = tags.iter().map(|tag| {
                let held = repository.and_then(|found| Some((found, found.tags.get(tag)?)));
                let fact = held.map(|(found, digest)| image_facts(found, digest));
                (tag.clone(), fact.map_or(Fact::Absent, Fact::Known))
            });
            Ok(facts.collect())
        });
        read.await.unwrap_or_else(|error| {
            let unknown = |tag: &Tag| (tag.clone(), error.clone().into_fact());
            tags.iter().map(unknown).collect()
        })
    }

    async fn inputs_record(
        &self,
        key: &RepositoryKey,
        image: &Digest,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        self.call(about(Operation::InputsRecord, key), |world| {
            Ok(repository(world, key)?
                .records
                .get(image)
                .and_then(|all| all.last().cloned()))
        })
        .await
    }

    async fn stored_images(
        &self,
        key: &RepositoryKey,
        only: Option<&BTreeSet<Digest>>,
    ) -> Result<Vec<StoredImage>, RegistryError> {
        self.call(about(Operation::StoredImages, key), |world| {
            let found = repository(world, key)?;
            let asked = |digest: &&Digest| only.is_none_or(|only| only.contains(digest));
            let digests = found.manifests.keys().filter(asked);
            Ok(digests.map(|digest| stored(found, digest)).collect())
        })
        .await
    }

    /// Nothing is scanned without being asked.
    async fn scanning(&self, _registry: &RegistryName) -> Result<Scanning, RegistryError> {
        self.call(Call::of(Operation::Scanning), |_| Ok(Scanning::default()))
            .await
    }

    async fn scan_report(
        &self,
        key: &RepositoryKey,
        image: &Digest,
    ) -> Result<Option<ScanReport>, RegistryError> {
        self.call(about(Operation::ScanReport, key), |world| {
            Ok(repository(world, key)?.scans.get(image).cloned())
        })
        .await
    }

    /// An image is as large as its manifest: blobs are names only.
    async fn image_sizes(
        &self,
        key: &RepositoryKey,
        images: &BTreeSet<Digest>,
    ) -> Result<BTreeMap<Digest, u64>, RegistryError> {
        self.call(about(Operation::ImageSizes, key), |world| {
            let found = repository(world, key)?;
            let size = |image: &Digest| {
                let bytes = &found.manifests.get(image)?.bytes;
                Some((image.clone(), bytes.len() as u64))
            };
            Ok(images.iter().filter_map(size).collect())
        })
        .await
    }

    async fn restore_image(
        &self,
        key: &RepositoryKey,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        self.call(about(Operation::RestoreImage, key), |world| {
            repository(world, key)?.archived.remove(digest);
            Ok(())
        })
        .await
    }

    async fn copy_image(
        &self,
        from: &RepositoryKey,
        to: &RepositoryKey,
        digest: &Digest,
        _events: &Events,
        name: &ImageName,
    ) -> Result<Manifest, RegistryError> {
        let call = Call {
            image: Some(name.clone()),
            ..about(Operation::CopyImage, to)
        };
        self.call(call, |world| {
            let held = repository(world, from)?.manifests.get(digest).cloned();
            let missing = || RegistryError::NotFound(format!("{digest} is not in {from}"));
            let manifest = held.ok_or_else(missing)?;
            let blobs = blobs_of(&manifest)?;
            repository(world, to)?.blobs.extend(blobs);
            Ok(manifest)
        })
        .await
    }

    async fn create_repository(
        &self,
        key: &RepositoryKey,
        new: &NewRepository,
    ) -> Result<RepositoryFacts, RegistryError> {
        self.call(about(Operation::CreateRepository, key), |world| {
            let made = || created(key, new);
            Ok(world.entry(key.clone()).or_insert_with(made).facts.clone())
        })
        .await
    }

    async fn change_setting(
        &self,
        key: &RepositoryKey,
        change: &SettingChange,
    ) -> Result<(), RegistryError> {
        self.call(about(Operation::ChangeSetting, key), |world| {
            change_facts(&mut repository(world, key)?.facts, change);
            Ok(())
        })
        .await
    }

    async fn delete_repository(&self, key: &RepositoryKey) -> Result<(), RegistryError> {
        self.call(about(Operation::DeleteRepository, key), |world| {
            world.remove(key);
            Ok(())
        })
        .await
    }

    async fn push_blobs(
        &self,
        key: &RepositoryKey,
        image: Arc<dyn LocalImage>,
        events: &Events,
        name: &ImageName,
    ) -> Result<PushedBlobs, RegistryError> {
        let call = Call {
            image: Some(name.clone()),
            ..about(Operation::PushBlobs, key)
        };
        let number = self.begin(call).await?;
        let config = descriptor(
            IMAGE_CONFIG,
            Digest::of(image.config()),
            image.config().len() as u64,
        );
        let mut layers = Vec::new();
        for diff_id in image.diff_ids() {
            let (digest, size) = match image.known(diff_id) {
                Some(known) => known,
                None => compress(image.as_ref(), diff_id).await?,
            };
            layers.push(descriptor(LAYER_GZIP, digest, size));
        }
        let sent_bytes = {
            let mut world = self.lock();
            let repository = repository(&mut world, key)?;
            let blobs = layers.iter().chain([&config]);
            let new = blobs.filter(|blob| repository.blobs.insert(blob.digest.clone()));
            new.map(|blob| blob.size).sum()
        };
        let total = layers.iter().chain([&config]).map(|blob| blob.size).sum();
        events.send(Event::Pushed {
            image: name.clone(),
            done: total,
            total,
        });
        self.script.end(number).await;
        Ok(PushedBlobs {
            config,
            layers,
            sent_bytes,
        })
    }

    async fn manifest(
        &self,
        key: &RepositoryKey,
        digest: &Digest,
    ) -> Result<Manifest, RegistryError> {
        self.call(about(Operation::Manifest, key), |world| {
            let held = repository(world, key)?.manifests.get(digest).cloned();
            held.ok_or_else(|| RegistryError::NotFound(format!("{digest} is not in {key}")))
        })
        .await
    }

    async fn put_manifest(
        &self,
        key: &RepositoryKey,
        manifest: &Manifest,
        tag: &Tag,
    ) -> Result<Put, RegistryError> {
        let call = Call {
            tag: Some(tag.clone()),
            ..about(Operation::PutManifest, key)
        };
        self.call(call, |world| put(repository(world, key)?, manifest, tag))
            .await
    }

    async fn send_record(
        &self,
        key: &RepositoryKey,
        record: &[u8],
    ) -> Result<SentRecord, RegistryError> {
        self.call(about(Operation::SendRecord, key), |world| {
            Ok(repository(world, key)?.take_record(record))
        })
        .await
    }

    async fn attach_record(
        &self,
        key: &RepositoryKey,
        image: &Descriptor,
        record: &SentRecord,
    ) -> Result<(), RegistryError> {
        self.call(about(Operation::AttachRecord, key), |world| {
            repository(world, key)?.attach_record(image, record)
        })
        .await
    }

    async fn pull_credentials(
        &self,
        registry: &RegistryName,
    ) -> Result<PullCredentials, RegistryError> {
        self.call(Call::of(Operation::PullCredentials), |_| {
            Ok(PullCredentials {
                host: format!("{registry}.registry.test"),
                user: "AWS".to_owned(),
                password: "not-a-secret".to_owned(),
            })
        })
        .await
    }

    async fn replication_rules(
        &self,
        registry: &RegistryName,
    ) -> Result<Vec<ReplicationRule>, RegistryError> {
        let call = Call::of(Operation::ReplicationRules);
        self.call(call, |_| {
            let rules = self.replication();
            Ok(rules.get(registry).cloned().unwrap_or_default())
        })
        .await
    }

    async fn caller_account(&self, _registry: &RegistryName) -> Result<String, RegistryError> {
        self.call(Call::of(Operation::CallerAccount), |_| {
            Ok("000000000000".to_owned())
        })
        .await
    }
}

fn about(operation: Operation, key: &RepositoryKey) -> Call {
    Call {
        key: Some(key.clone()),
        ..Call::of(operation)
    }
}

fn repository<'a>(
    world: &'a mut BTreeMap<RepositoryKey, MemRepository>,
    key: &RepositoryKey,
) -> Result<&'a mut MemRepository, RegistryError> {
    let missing = || RegistryError::NotFound(format!("{key} is not there"));
    world.get_mut(key).ok_or_else(missing)
}

fn created(key: &RepositoryKey, new: &NewRepository) -> MemRepository {
    let name = &key.repository;
    MemRepository {
        facts: RepositoryFacts {
            uri: format!("{}.registry.test/{name}", key.registry),
            arn: format!("arn:aws:ecr:us-east-1:000000000000:repository/{name}"),
            tags: new.tags.clone(),
            scan_on_push: new.scan_on_push,
            encryption: new.encryption.clone(),
            lifecycle: Some(Fact::Known(ObservedLifecycle::Rules(new.lifecycle.clone()))),
            access: Some(Fact::Known(new.access.clone())),
            resource_tags: Some(Fact::Known(new.resource_tags.clone())),
        },
        blobs: BTreeSet::new(),
        manifests: BTreeMap::new(),
        tags: BTreeMap::new(),
        records: BTreeMap::new(),
        sent_records: BTreeMap::new(),
        archived: BTreeSet::new(),
        scans: BTreeMap::new(),
    }
}

/// Leaves out the settings that were not asked for.
fn as_read(facts: &RepositoryFacts, read: SettingsToRead) -> RepositoryFacts {
    RepositoryFacts {
        lifecycle: facts.lifecycle.clone().filter(|_| read.lifecycle),
        access: facts.access.clone().filter(|_| read.access),
        resource_tags: facts.resource_tags.clone().filter(|_| read.resource_tags),
        ..facts.clone()
    }
}

fn change_facts(facts: &mut RepositoryFacts, change: &SettingChange) {
    match change {
        SettingChange::Tags(tags) => facts.tags = tags.clone(),
        SettingChange::ScanOnPush(scan) => facts.scan_on_push = *scan,
        SettingChange::Lifecycle(rules) => {
            facts.lifecycle = Some(Fact::Known(ObservedLifecycle::Rules(rules.clone())));
        }
        SettingChange::Access(policy) => facts.access = Some(Fact::Known(policy.clone())),
        SettingChange::ResourceTags(tags) => {
            let held = facts.resource_tags.as_ref().and_then(Fact::known).cloned();
            let mut held = held.unwrap_or_default();
            held.extend(tags.clone());
            facts.resource_tags = Some(Fact::Known(held));
        }
    }
}

fn put(
    repository: &mut MemRepository,
    manifest: &Manifest,
    tag: &Tag,
) -> Result<Put, RegistryError> {
    let digest = manifest.digest();
    match repository.tags.get(tag) {
        Some(held) if *held == digest => return Ok(Put::AlreadyThere),
        Some(held) if is_immutable(&repository.facts.tags, tag) => {
            return Err(RegistryError::TagImmutable(format!(
                "{tag} holds {held} and cannot be overwritten because the tag is immutable"
            )));
        }
        Some(_) | None => {}
    }
    if !repository.manifests.contains_key(&digest) {
        let missing = blobs_of(manifest)?
            .into_iter()
            .find(|blob| !repository.blobs.contains(blob));
        if let Some(missing) = missing {
            return Err(RegistryError::NotFound(format!(
                "layer {missing} is not there"
            )));
        }
        repository
            .manifests
            .insert(digest.clone(), manifest.clone());
    }
    repository.tags.insert(tag.clone(), digest);
    Ok(Put::Written)
}

fn descriptor(media_type: &str, digest: Digest, size: u64) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest,
        size,
    }
}

/// Compresses a layer and reads the file, as a push would.
async fn compress(
    image: &dyn LocalImage,
    diff_id: &Digest,
) -> Result<(Digest, u64), RegistryError> {
    let other = |error: String| RegistryError::Other(error);
    let layer = image
        .compress(diff_id.clone())
        .await
        .map_err(|error| other(error.to_string()))?;
    let bytes = std::fs::read(&layer.path).map_err(|error| other(error.to_string()))?;
    if Digest::of(&bytes) == layer.digest {
        Ok((layer.digest, layer.size))
    } else {
        Err(other(format!(
            "the file of {diff_id} is not what its digest says"
        )))
    }
}
