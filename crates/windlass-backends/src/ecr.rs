//! Amazon ECR: the [`Registry`] port over aws-sdk-ecr and the registry protocol.
//!
//! Nothing here knows whether an ECR is local: that is only other endpoints and fixed credentials, handed in by the binary.
//! Clients are made at the first call and make no call themselves. Registries that agree in account, region, role, profile and
//! endpoints share clients, limits and tokens.

mod access;
mod account;
mod copy;
mod failure;
mod images;
mod lifecycle;
mod limit;
mod plane;
mod push;
mod put;
mod record;
mod replication;
mod repositories;
mod scans;
mod sdk;
mod settings;
mod stored;
mod tagging;
mod token;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::join_all;
use windlass_core::manifest::model;
use windlass_core::name::{Digest, ImageName, RegistryName, RepositoryKey, RepositoryName, Tag};
use windlass_core::observed::{
    Fact, ImageFacts, ReplicationRule, RepositoryFacts, ScanReport, Scanning, StoredImage,
};
use windlass_core::oci::Descriptor;
use windlass_core::plan::{NewRepository, SettingChange, WORKSPACE_TAG};
use windlass_engine::event::Events;
use windlass_engine::ports::{
    LocalImage, Manifest, PullCredentials, PushedBlobs, Put, Registry, RegistryError, SentRecord,
    SettingsToRead,
};

use self::account::{Account, Identity, SignIns};
pub use self::account::{Options, Override};
use self::copy::Copy;
use crate::oci::transport::Transport;

/// All registries of a workspace.
#[derive(Debug)]
pub struct EcrRegistries {
    accounts: BTreeMap<RegistryName, Arc<Account>>,
}

impl EcrRegistries {
    /// Prepares the registries of a workspace; no file is read and no call is made before the first read or write.
    pub fn new(registries: &[model::Registry], options: &Options) -> Self {
        let transport = Transport::new(options.network.clone());
        let sign_ins = Arc::new(SignIns::default());
        let mut made: Vec<Arc<Account>> = Vec::new();
        let mut accounts = BTreeMap::new();
        for registry in registries {
            let identity = Identity::of(registry, options);
            let known = made.iter().find(|account| account.identity == identity);
            let account = known.map_or_else(
                || {
                    Arc::new(Account::new(
                        registry.name.to_string(),
                        identity,
                        options.user_agent.clone(),
                        transport.clone(),
                        Arc::clone(&sign_ins),
                    ))
                },
                Arc::clone,
            );
            made.push(Arc::clone(&account));
            accounts.insert(registry.name.clone(), account);
        }
        Self { accounts }
    }

    /// Makes the clients beside whatever comes next: for a run that will surely ask. Nothing is contacted.
    pub fn expect_questions(&self) {
        for account in self.accounts.values() {
            let account = Arc::clone(account);
            tokio::spawn(async move {
                account.clients().await;
            });
        }
    }

    /// Returns the repositories of each registry that a workspace created, by their resource tag; `None` where the registry has an
    /// endpoint of its own and none for the tagging API. Callers show a note of an error: nothing is decided from it.
    pub async fn owned_repositories(
        &self,
        workspace: &str,
    ) -> BTreeMap<RegistryName, Result<Option<BTreeSet<RepositoryName>>, RegistryError>> {
        let reads = self.accounts.iter().map(|(name, account)| async {
            let owned = account.tagged_repositories(WORKSPACE_TAG, workspace).await;
            (name.clone(), owned)
        });
        join_all(reads).await.into_iter().collect()
    }

    fn account(&self, name: &RegistryName) -> Result<&Arc<Account>, RegistryError> {
        self.accounts.get(name).ok_or_else(|| {
            RegistryError::Other(format!("registry `{name}` is not in the workspace"))
        })
    }
}

/// Drives `work` by any thread of the runtime. A plan makes this call for every repository; signing a thousand requests and reading their
/// answers is work for more than one thread.
async fn on_any_thread<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    match tokio::spawn(work).await {
        Ok(done) => done,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

impl Registry for EcrRegistries {
    async fn repositories(
        &self,
        registry: &RegistryName,
        names: &BTreeMap<RepositoryName, SettingsToRead>,
    ) -> BTreeMap<RepositoryName, Fact<RepositoryFacts>> {
        match self.account(registry) {
            Ok(account) => account.repositories(names).await,
            Err(error) => names
                .keys()
                .map(|name| (name.clone(), error.clone().into_fact()))
                .collect(),
        }
    }

    async fn images(
        &self,
        key: &RepositoryKey,
        tags: &BTreeSet<Tag>,
    ) -> BTreeMap<Tag, Fact<ImageFacts>> {
        match self.account(&key.registry) {
            Ok(account) => {
                let (account, repository) = (Arc::clone(account), key.repository.clone());
                let tags = tags.clone();
                on_any_thread(async move { account.images(&repository, &tags).await }).await
            }
            Err(error) => tags
                .iter()
                .map(|tag| (tag.clone(), error.clone().into_fact()))
                .collect(),
        }
    }

    async fn inputs_record(
        &self,
        key: &RepositoryKey,
        image: &Digest,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let account = self.account(&key.registry)?;
        account.inputs_record(&key.repository, image).await
    }

    async fn stored_images(
        &self,
        key: &RepositoryKey,
        only: Option<&BTreeSet<Digest>>,
    ) -> Result<Vec<StoredImage>, RegistryError> {
        let account = self.account(&key.registry)?;
        account.stored_images(&key.repository, only).await
    }

    async fn scanning(&self, registry: &RegistryName) -> Result<Scanning, RegistryError> {
        self.account(registry)?.scanning().await
    }

    async fn scan_report(
        &self,
        key: &RepositoryKey,
        image: &Digest,
    ) -> Result<Option<ScanReport>, RegistryError> {
        let account = self.account(&key.registry)?;
        account.scan_report(&key.repository, image).await
    }

    async fn image_sizes(
        &self,
        key: &RepositoryKey,
        images: &BTreeSet<Digest>,
    ) -> Result<BTreeMap<Digest, u64>, RegistryError> {
        let account = self.account(&key.registry)?;
        account.image_sizes(&key.repository, images).await
    }

    async fn restore_image(
        &self,
        key: &RepositoryKey,
        digest: &Digest,
    ) -> Result<(), RegistryError> {
        let account = self.account(&key.registry)?;
        account.restore_image(&key.repository, digest).await
    }

    async fn copy_image(
        &self,
        from: &RepositoryKey,
        to: &RepositoryKey,
        digest: &Digest,
        events: &Events,
        name: &ImageName,
    ) -> Result<Manifest, RegistryError> {
        let source = (self.account(&from.registry)?, &from.repository);
        let goal = (self.account(&to.registry)?, &to.repository);
        Copy::new(source, goal, events, name).run(digest).await
    }

    async fn create_repository(
        &self,
        key: &RepositoryKey,
        repository: &NewRepository,
    ) -> Result<RepositoryFacts, RegistryError> {
        let account = self.account(&key.registry)?;
        account.create_repository(&key.repository, repository).await
    }

    async fn change_setting(
        &self,
        key: &RepositoryKey,
        change: &SettingChange,
    ) -> Result<(), RegistryError> {
        let account = self.account(&key.registry)?;
        account.change_setting(&key.repository, change).await
    }

    async fn delete_repository(&self, key: &RepositoryKey) -> Result<(), RegistryError> {
        let account = self.account(&key.registry)?;
        account.delete_repository(&key.repository).await
    }

    async fn push_blobs(
        &self,
        key: &RepositoryKey,
        image: Arc<dyn LocalImage>,
        events: &Events,
        name: &ImageName,
    ) -> Result<PushedBlobs, RegistryError> {
        let account = self.account(&key.registry)?;
        push::push_blobs(account, &key.repository, image, events, name).await
    }

    async fn manifest(
        &self,
        key: &RepositoryKey,
        digest: &Digest,
    ) -> Result<Manifest, RegistryError> {
        let account = self.account(&key.registry)?;
        account.manifest(&key.repository, digest).await
    }

    async fn put_manifest(
        &self,
        key: &RepositoryKey,
        manifest: &Manifest,
        tag: &Tag,
    ) -> Result<Put, RegistryError> {
        let account = self.account(&key.registry)?;
        account.put_manifest(&key.repository, manifest, tag).await
    }

    async fn send_record(
        &self,
        key: &RepositoryKey,
        record: &[u8],
    ) -> Result<SentRecord, RegistryError> {
        let account = self.account(&key.registry)?;
        account.send_record(&key.repository, record).await
    }

    async fn attach_record(
        &self,
        key: &RepositoryKey,
        image: &Descriptor,
        record: &SentRecord,
    ) -> Result<(), RegistryError> {
        let account = self.account(&key.registry)?;
        account.attach_record(&key.repository, image, record).await
    }

    async fn pull_credentials(
        &self,
        registry: &RegistryName,
    ) -> Result<PullCredentials, RegistryError> {
        self.account(registry)?.pull_credentials().await
    }

    async fn replication_rules(
        &self,
        registry: &RegistryName,
    ) -> Result<Vec<ReplicationRule>, RegistryError> {
        self.account(registry)?.replication_rules().await
    }

    async fn caller_account(&self, registry: &RegistryName) -> Result<String, RegistryError> {
        self.account(registry)?.caller().await
    }
}
