//! The running server: what all connections share, and the ports it listens on.

mod admin;
mod http;
mod listen;
mod route;
mod throttle;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;

use crate::clock::Clock;
use crate::config::{Config, FaultKind, Faults, Quirks};
use crate::folder::Folder;
use crate::identity_policy::IdentityPolicy;
use crate::model::{Blobs, JournalError, Scope, Store, Uploads};
use crate::replication::Waiting;
use crate::scans::Scans;

pub(crate) use admin::{ADDRESS_PATH, KEY_HEADER, is_region};
pub(crate) use http::{
    Body, collect, cut_short, empty, file_body, full, header, json_body, query_value,
};
pub(crate) use listen::ListenError;
use throttle::Throttle;

/// For how long a call that is never answered keeps its connection.
const HANG: Duration = Duration::from_mins(1);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// Registries.
    pub(crate) store: Store,
    /// Blobs.
    pub(crate) blobs: Blobs,
    /// Uploads on their way.
    pub(crate) uploads: Uploads,
    /// Time.
    pub(crate) clock: Clock,
    /// Quirks that are played.
    pub(crate) quirks: Quirks,
    /// Images on their way to other registries.
    pub(crate) replication: Waiting,
    /// Secret that signs tokens and download addresses.
    pub(crate) secret: [u8; 32],
    /// When the next lifecycle policy is due, in milliseconds after the Unix epoch.
    pub(crate) next_evaluation: AtomicI64,
    /// The data folder.
    pub(crate) folder: Folder,
    /// Scan reports that are handed out.
    pub(crate) scans: Scans,
    /// What callers are allowed.
    pub(crate) identity_policy: IdentityPolicy,
    faults: Faults,
    faults_over_http: bool,
    throttle: Throttle,
    calls: Mutex<BTreeMap<String, u64>>,
    ports: Mutex<BTreeMap<Scope, SocketAddr>>,
    runtime: Handle,
}

/// Why a server cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SetupError {
    /// The folder cannot be used.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The journal cannot be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Shared {
    /// Reads the data folder; nothing listens yet.
    pub(crate) fn open(
        config: &Config,
        folder: Folder,
        runtime: Handle,
    ) -> Result<Arc<Self>, SetupError> {
        let store = Store::open(folder.path())?;
        let blobs = Blobs::open(folder.path())?;
        sweep(&store, &blobs)?;
        Ok(Arc::new(Self {
            store,
            blobs,
            uploads: Uploads::default(),
            clock: config.clock.clone(),
            quirks: config.quirks.clone(),
            replication: Waiting::default(),
            secret: folder.secret()?,
            next_evaluation: AtomicI64::new(i64::MIN),
            folder,
            scans: config.scans.clone(),
            identity_policy: config.identity_policy.clone(),
            faults: config.faults.clone(),
            faults_over_http: config.faults_over_http,
            throttle: Throttle::default(),
            calls: Mutex::default(),
            ports: Mutex::default(),
            runtime,
        }))
    }

    /// Counts a call, lets the injected faults act on it, and returns the fault that replaces its answer.
    pub(crate) async fn begin(
        &self,
        scope: &Scope,
        operation: &str,
        rate_of: &str,
    ) -> Option<FaultKind> {
        *self.call_counts().entry(operation.to_owned()).or_default() += 1;
        match self.faults.take(operation) {
            Some(FaultKind::Delay(time)) => tokio::time::sleep(time).await,
            Some(FaultKind::Hang) => {
                tokio::time::sleep(HANG).await;
                return Some(FaultKind::DropConnection);
            }
            Some(fault) => return Some(fault),
            None => {}
        }
        let throttled = self.quirks.throttling && !self.throttle.admits(scope, rate_of);
        throttled.then_some(FaultKind::Throttled)
    }

    /// Returns how often each operation was called since the start.
    pub(crate) fn calls(&self) -> BTreeMap<String, u64> {
        self.call_counts().clone()
    }

    fn call_counts(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, u64>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes blobs that no repository knows.
fn sweep(store: &Store, blobs: &Blobs) -> io::Result<()> {
    let store = store.lock();
    let repositories = store
        .registries()
        .flat_map(|(_, registry)| registry.repositories.values());
    let used = repositories
        .flat_map(|repository| repository.layers.keys().cloned())
        .collect();
    blobs.sweep(&used)
}
