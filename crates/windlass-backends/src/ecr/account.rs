//! One account in one region: its clients, its limits, what is remembered of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use aws_config::sts::AssumeRoleProvider;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::config::retry::{RetryConfig, RetryPartition};
use aws_sdk_ecr::config::timeout::TimeoutConfig;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::{OnceCell, Semaphore};
use windlass_core::manifest::model::{Endpoint, Registry, Role};
use windlass_core::name::{Digest, RepositoryName};
use windlass_engine::ports::RegistryError;

use super::failure::{Call, Failure, translate};
use super::limit::{Breaker, Pace};
use super::sdk::SdkHttp;
use super::token::Tokens;
use crate::oci::connect::Network;
use crate::oci::transport::Transport;

/// Calls to the API of one account at a time.
const CONCURRENCY: usize = 16;

/// How to reach registries, beyond what the manifest says.
#[derive(Debug, Clone)]
pub struct Options {
    /// Endpoints and credentials that replace those of a registry, by its name. Profile and role of the registry are ignored then.
    pub overrides: BTreeMap<windlass_core::name::RegistryName, Override>,
    /// What windlass calls itself to registries, such as `windlass/0.1.0`.
    pub user_agent: String,
    /// Proxies and certificates.
    pub network: Network,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            overrides: BTreeMap::new(),
            user_agent: concat!("windlass/", env!("CARGO_PKG_VERSION")).to_owned(),
            network: Network::for_aws(),
        }
    }
}

/// Endpoints with fixed credentials.
#[derive(Clone, PartialEq, Eq)]
pub struct Override {
    /// Endpoints; all that are `None` stay those of the SDK.
    pub endpoint: Endpoint,
    /// The access key id.
    pub access_key_id: String,
    /// The secret access key; never shown.
    pub secret_access_key: String,
}

impl fmt::Debug for Override {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Override")
            .field("endpoint", &self.endpoint)
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// What clients are made for: registries that agree in all of it share one [`Account`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) role: Option<Role>,
    pub(crate) profile: Option<String>,
    pub(crate) endpoint: Endpoint,
    pub(crate) fixed: Option<Override>,
}

impl Identity {
    pub(crate) fn of(registry: &Registry, options: &Options) -> Self {
        let base = Self {
            account: registry.account.clone(),
            region: registry.region.clone(),
            role: registry.role.clone(),
            profile: registry.profile.clone(),
            endpoint: registry.endpoint.clone(),
            fixed: None,
        };
        match options.overrides.get(&registry.name) {
            None => base,
            Some(given) => Self {
                role: None,
                profile: None,
                endpoint: given.endpoint.clone(),
                fixed: Some(given.clone()),
                ..base
            },
        }
    }

    fn signs_in_as(&self, other: &Self) -> bool {
        self.role == other.role
            && self.profile == other.profile
            && self.endpoint.sts == other.endpoint.sts
            && self.endpoint.fips == other.endpoint.fips
            && self.endpoint.dual_stack == other.endpoint.dual_stack
            && self.fixed == other.fixed
    }
}

/// Configurations of the SDK, one for each way to sign in: regions of one registry share credentials.
#[derive(Debug, Default)]
pub(crate) struct SignIns(Mutex<Vec<(Identity, Arc<OnceCell<SdkConfig>>)>>);

impl SignIns {
    fn cell(&self, identity: &Identity) -> Arc<OnceCell<SdkConfig>> {
        let mut known = lock(&self.0);
        if let Some((_, cell)) = known.iter().find(|(one, _)| one.signs_in_as(identity)) {
            return Arc::clone(cell);
        }
        let cell = Arc::new(OnceCell::new());
        known.push((identity.clone(), Arc::clone(&cell)));
        cell
    }
}

/// Clients of the services that windlass calls.
#[derive(Debug)]
pub(crate) struct Clients {
    pub(crate) ecr: aws_sdk_ecr::Client,
    pub(crate) sts: aws_sdk_sts::Client,
}

/// One account in one region.
#[derive(Debug)]
pub(crate) struct Account {
    /// Name of the first registry that uses it, for people.
    pub(crate) name: String,
    pub(crate) identity: Identity,
    pub(crate) transport: Transport,
    pub(crate) user_agent: String,
    http: SdkHttp,
    sign_ins: Arc<SignIns>,
    clients: OnceCell<Clients>,
    calls: Semaphore,
    /// Reads of tags that have begun. Whoever goes on from an answer needs no permit of these, and so does not wait behind all reads that
    /// have not begun.
    pub(super) reads: Semaphore,
    pub(crate) puts: Pace,
    breaker: Breaker,
    pub(crate) tokens: Tokens,
    caller: OnceCell<String>,
    uris: Mutex<BTreeMap<RepositoryName, String>>,
    blobs: Mutex<BTreeMap<Digest, BTreeSet<RepositoryName>>>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex
        .lock()
        .expect("no code panics while it holds this lock")
}

impl Account {
    pub(crate) fn new(
        name: String,
        identity: Identity,
        user_agent: String,
        transport: Transport,
        sign_ins: Arc<SignIns>,
    ) -> Self {
        Self {
            name,
            identity,
            http: SdkHttp::new(transport.clone()),
            transport,
            user_agent,
            sign_ins,
            clients: OnceCell::new(),
            calls: Semaphore::new(CONCURRENCY),
            reads: Semaphore::new(CONCURRENCY),
            puts: Pace::new(8, Duration::from_millis(1_050)),
            breaker: Breaker::new(Duration::from_secs(5)),
            tokens: Tokens::default(),
            caller: OnceCell::new(),
            uris: Mutex::default(),
            blobs: Mutex::default(),
        }
    }

    /// Returns the clients, made at the first call. Makes no call itself.
    pub(crate) async fn clients(&self) -> &Clients {
        // Boxed: reading the AWS configuration is a large future, and every call passes here.
        self.clients
            .get_or_init(|| Box::pin(self.make_clients()))
            .await
    }

    async fn make_clients(&self) -> Clients {
        let cell = self.sign_ins.cell(&self.identity);
        let shared = cell.get_or_init(|| self.sign_in()).await;
        let region = Region::new(self.identity.region.clone());
        let mut ecr = aws_sdk_ecr::config::Builder::from(shared)
            .region(region.clone())
            .retry_partition(RetryPartition::new(format!(
                "windlass-{}-{}",
                self.identity.account, self.identity.region
            )));
        if let Some(url) = &self.identity.endpoint.ecr {
            ecr = ecr.endpoint_url(url);
        }
        let mut sts = aws_sdk_sts::config::Builder::from(shared).region(region);
        if let Some(url) = &self.identity.endpoint.sts {
            sts = sts.endpoint_url(url);
        }
        Clients {
            ecr: aws_sdk_ecr::Client::from_conf(ecr.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
        }
    }

    /// Returns where credentials come from, `None` where there are none.
    pub(crate) async fn credentials_provider(&self) -> Option<SharedCredentialsProvider> {
        let cell = self.sign_ins.cell(&self.identity);
        let shared = cell.get_or_init(|| Box::pin(self.sign_in())).await;
        shared.credentials_provider()
    }

    async fn sign_in(&self) -> SdkConfig {
        let region = Region::new(self.identity.region.clone());
        let retries = RetryConfig::standard()
            .with_max_attempts(8)
            .with_initial_backoff(Duration::from_millis(200))
            .with_max_backoff(Duration::from_secs(5));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(3))
            .operation_attempt_timeout(Duration::from_secs(10))
            .operation_timeout(Duration::from_secs(40))
            .build();
        if let Some(fixed) = &self.identity.fixed {
            let (key, secret) = (&fixed.access_key_id, &fixed.secret_access_key);
            let credentials = Credentials::new(key, secret, None, None, "windlass");
            return SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(region)
                .http_client(self.http.clone())
                .retry_config(retries)
                .timeout_config(timeouts)
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .build();
        }
        let mut loader = aws_config::defaults(BehaviorVersion::latest())
            .region(region.clone())
            .http_client(self.http.clone())
            .retry_config(retries)
            .timeout_config(timeouts)
            .app_name(AppName::new("windlass").expect("letters only"));
        if let Some(profile) = &self.identity.profile {
            loader = loader.profile_name(profile);
        }
        // Only switched on: what is off here may be on in the AWS configuration.
        if self.identity.endpoint.fips {
            loader = loader.use_fips(true);
        }
        if self.identity.endpoint.dual_stack {
            loader = loader.use_dual_stack(true);
        }
        let base = loader.load().await;
        match &self.identity.role {
            None => base,
            Some(role) => self.assume(base, role, region).await,
        }
    }

    async fn assume(&self, base: SdkConfig, role: &Role, region: Region) -> SdkConfig {
        let mut for_sts = base.to_builder();
        if let Some(url) = &self.identity.endpoint.sts {
            for_sts = for_sts.endpoint_url(url);
        }
        let mut provider = AssumeRoleProvider::builder(&role.arn)
            .configure(&for_sts.build())
            .region(region)
            .session_name(role.session.as_deref().unwrap_or("windlass"));
        if let Some(id) = &role.external_id {
            provider = provider.external_id(id);
        }
        let provider = provider.build().await;
        base.into_builder()
            .credentials_provider(SharedCredentialsProvider::new(provider))
            .build()
    }

    /// Says which call an error is about.
    fn call_text(&self, action: &'static str, repository: Option<&RepositoryName>) -> Call {
        Call {
            action,
            on: repository.map(|name| format!("repository {name}")),
            registry: format!(
                "registry {} (account {}, {})",
                self.name, self.identity.account, self.identity.region
            ),
            profile: self.identity.profile.clone(),
            role: self.identity.role.as_ref().map(|role| role.arn.clone()),
        }
    }

    /// Runs one API call within the limits and translates its error.
    pub(crate) async fn call<T, E>(
        &self,
        action: &'static str,
        repository: Option<&RepositoryName>,
        request: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> Result<T, Failure>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        // Boxed: the futures of the SDK are large, and would be kept in several places here.
        let request = Box::pin(request);
        let begun = Instant::now();
        let result = self
            .breaker
            .guard(async {
                let _permit = self
                    .calls
                    .acquire()
                    .await
                    .expect("the semaphore is never closed");
                request.await
            })
            .await?;
        let milliseconds = begun.elapsed().as_millis();
        let (registry, on) = (&self.name, repository.map_or("", RepositoryName::as_str));
        let mut failure = match result {
            Ok(value) => {
                log::info!("{action} registry {registry} {on}: {milliseconds} ms");
                return Ok(value);
            }
            Err(error) => translate(&self.call_text(action, repository), &error),
        };
        // What is not there is an answer: a plan asks for it.
        let level = match &failure.error {
            RegistryError::NotFound(_) => log::Level::Info,
            _ => log::Level::Warn,
        };
        log::log!(
            level,
            "{action} registry {registry} {on}: {milliseconds} ms, {}",
            failure.error
        );
        match &mut failure.error {
            error @ (RegistryError::Unreachable(_) | RegistryError::Credentials(_)) => {
                *error = self.breaker.trip(error.clone());
            }
            RegistryError::Denied(text) if action != CALLER_ACTION => {
                if let Some(hint) = self.other_account().await {
                    text.push_str(&hint);
                }
            }
            _ => (),
        }
        Err(failure)
    }

    /// Returns the account of the credentials; asked once.
    pub(crate) async fn caller(&self) -> Result<String, RegistryError> {
        let account = self
            .caller
            .get_or_try_init(|| async {
                let request = self.clients().await.sts.get_caller_identity().send();
                let answer = self.call(CALLER_ACTION, None, request).await?;
                answer.account.ok_or_else(|| {
                    RegistryError::Other(format!("{CALLER_ACTION} answered no account"))
                })
            })
            .await?;
        Ok(account.clone())
    }

    /// Explains a denial by credentials of another account, where that is so; cross-account access is legal.
    async fn other_account(&self) -> Option<String> {
        let asked = Box::pin(tokio::time::timeout(Duration::from_secs(3), self.caller()));
        let caller = asked.await.ok()?.ok()?;
        (caller != self.identity.account).then(|| {
            format!(
                "; registry {} is account {}, the credentials are of account {caller}: sign in to the other account, give the registry a `role`, or let its repository policy allow this one",
                self.name, self.identity.account
            )
        })
    }

    pub(crate) fn remember_uri(&self, name: &RepositoryName, uri: &str) {
        lock(&self.uris).insert(name.clone(), uri.to_owned());
    }

    pub(crate) fn uri(&self, name: &RepositoryName) -> Option<String> {
        lock(&self.uris).get(name).cloned()
    }

    pub(crate) fn any_uri(&self) -> Option<String> {
        lock(&self.uris).values().next().cloned()
    }

    pub(crate) fn remember_blob(&self, digest: &Digest, name: &RepositoryName) {
        lock(&self.blobs)
            .entry(digest.clone())
            .or_default()
            .insert(name.clone());
    }

    /// Returns another repository of the registry that holds a blob, as far as this run has seen.
    pub(crate) fn blob_elsewhere(
        &self,
        digest: &Digest,
        not: &RepositoryName,
    ) -> Option<RepositoryName> {
        lock(&self.blobs)
            .get(digest)?
            .iter()
            .find(|name| *name != not)
            .cloned()
    }
}

const CALLER_ACTION: &str = "sts:GetCallerIdentity";
