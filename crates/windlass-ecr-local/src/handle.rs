//! Starting a local ECR, or finding the one that serves the data folder already.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::config::Config;
use crate::folder::{Folder, FolderLock};
use crate::identity::{hex, is_account};
use crate::model::Scope;
use crate::server::{ADDRESS_PATH, KEY_HEADER, ListenError, SetupError, Shared, is_region};

/// How long a guest waits for the server of the data folder.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a guest looks whether the data folder is free.
const LOOK: Duration = Duration::from_millis(20);

/// Why a local ECR cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Account or region of the configuration has not the right form.
    #[error("`{value}` is not {expected}")]
    Config {
        /// What was given.
        value: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// The data folder cannot be used.
    #[error("cannot use the data folder {path}: {source}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The journal is damaged or unreadable; the text says where and what to do.
    #[error("{0}")]
    Journal(String),
    /// The first port cannot be listened on; the text says what to do.
    #[error("{0}")]
    Port(String),
    /// Another process holds the data folder, but does not answer.
    #[error(
        "another process uses the data folder {path} but does not answer; end it and try again"
    )]
    Unanswered {
        /// The folder.
        path: PathBuf,
    },
}

/// Why there is no address for an account and region.
#[derive(Debug, thiserror::Error)]
pub enum AddressError {
    /// Account or region has not the right form.
    #[error("`{value}` is not {expected}")]
    Invalid {
        /// What was given.
        value: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// The port cannot be listened on; the text says what to do.
    #[error("{0}")]
    Port(String),
    /// The process that serves the data folder does not answer.
    #[error("the local ECR of the data folder does not answer: {0}")]
    Unanswered(String),
}

/// A local ECR: served by this process, or by the one that holds the data folder.
///
/// The server runs on threads of its own, so the caller's runtime may be of any kind. When the process that
/// serves a shared data folder ends, one of the others takes over on the same ports. Dropping the handle ends
/// what this process serves.
#[derive(Debug)]
pub struct LocalEcr {
    role: Arc<Mutex<Role>>,
    first: Scope,
    standby: Option<JoinHandle<()>>,
}

#[derive(Debug)]
enum Role {
    /// This process serves the folder.
    Serving(Serving),
    /// Another one does.
    Guest(Arc<Guest>),
    /// The handle was shut down.
    Ended,
}

#[derive(Debug)]
struct Serving {
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
    // Held last: the folder is free for others only when nothing is served any more.
    _lock: FolderLock,
}

#[derive(Debug)]
struct Guest {
    config: Config,
    folder: Folder,
}

impl LocalEcr {
    /// Starts a local ECR on the data folder, or joins the one that is there.
    ///
    /// # Errors
    ///
    /// [`StartError`] says which part of the configuration cannot be used.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        run_blocking(move || Self::start_blocking(&config)).await
    }

    /// As [`LocalEcr::start`], for callers without a runtime.
    ///
    /// # Errors
    ///
    /// As [`LocalEcr::start`].
    pub fn start_blocking(config: &Config) -> Result<Self, StartError> {
        let first = checked_scope(&config.account, &config.region)
            .map_err(|(value, expected)| StartError::Config { value, expected })?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let folder = open_folder(config)?;
            let path = folder.path().to_owned();
            let lock = folder.try_lock().map_err(|source| StartError::Folder {
                path: path.clone(),
                source,
            })?;
            if let Some(lock) = lock {
                let role = Arc::new(Mutex::new(Role::Serving(Serving::start(
                    config, folder, lock,
                )?)));
                return Ok(Self {
                    role,
                    first,
                    standby: None,
                });
            }
            let guest = Guest {
                config: config.clone(),
                folder,
            };
            if guest.ask(&first).is_ok() {
                let role = Arc::new(Mutex::new(Role::Guest(Arc::new(guest))));
                let standby = Some(stand_by(Arc::clone(&role)));
                return Ok(Self {
                    role,
                    first,
                    standby,
                });
            }
            if Instant::now() > deadline {
                return Err(StartError::Unanswered { path });
            }
            thread::sleep(LOOK);
        }
    }

    /// Returns the address of an account and region; the same at every call and, with a data folder, every start.
    ///
    /// # Errors
    ///
    /// [`AddressError`] if the names are not valid, the port is taken, or the serving process does not answer.
    pub async fn address(&self, account: &str, region: &str) -> Result<SocketAddr, AddressError> {
        let scope = checked_scope(account, region)
            .map_err(|(value, expected)| AddressError::Invalid { value, expected })?;
        let role = Arc::clone(&self.role);
        run_blocking(move || address(&role, &scope)).await
    }

    /// Returns the address of the account and region of the configuration.
    ///
    /// # Errors
    ///
    /// As [`LocalEcr::address`].
    pub async fn first_address(&self) -> Result<SocketAddr, AddressError> {
        self.address(&self.first.account, &self.first.region).await
    }

    /// Returns whether this process serves the data folder.
    pub fn is_serving(&self) -> bool {
        matches!(*lock(&self.role), Role::Serving(_))
    }

    /// Returns how often each operation was called since the start; empty if another process serves.
    ///
    /// Keys are API operations (`PutImage`), `sts:` and `tag:` ones, and `registry:` ones (`registry:PutManifest`).
    pub fn calls(&self) -> BTreeMap<String, u64> {
        match &*lock(&self.role) {
            Role::Serving(serving) => serving.shared.calls(),
            Role::Guest(_) | Role::Ended => BTreeMap::new(),
        }
    }

    /// Ends what this process serves. Data in a temporary folder goes.
    pub async fn shutdown(self) {
        run_blocking(move || drop(self)).await;
    }
}

impl Drop for LocalEcr {
    fn drop(&mut self) {
        drop(std::mem::replace(&mut *lock(&self.role), Role::Ended));
        if let Some(standby) = self.standby.take() {
            // A panic there has been reported by its thread; there is nothing to add.
            let _ignored = standby.join();
        }
    }
}

impl Serving {
    fn start(config: &Config, folder: Folder, lock: FolderLock) -> Result<Self, StartError> {
        drop(thread::spawn(crate::validate::prepare));
        let path = folder.path().to_owned();
        let failed = |source| StartError::Folder {
            path: path.clone(),
            source,
        };
        folder.clear_address().map_err(failed)?;
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let builder = builder
            .worker_threads(2)
            .thread_name("windlass-ecr")
            .enable_all();
        let runtime = builder.build().map_err(failed)?;
        let shared =
            Shared::open(config, folder, runtime.handle().clone()).map_err(
                |error| match error {
                    SetupError::Io(source) => failed(source),
                    SetupError::Journal(error) => StartError::Journal(error.to_string()),
                },
            )?;
        let serving = Self {
            shared,
            runtime: Some(runtime),
            _lock: lock,
        };
        let address = serving
            .listen(config)
            .map_err(|error| StartError::Port(error.to_string()))?;
        serving
            .shared
            .folder
            .write_address(address)
            .map_err(failed)?;
        Ok(serving)
    }

    /// Listens on the first port and on all that were allotted earlier.
    fn listen(&self, config: &Config) -> Result<SocketAddr, ListenError> {
        let _inside = self.shared_runtime();
        let first = Scope {
            account: config.account.clone(),
            region: config.region.clone(),
        };
        let address = self.shared.listen(&first, config.port)?;
        for scope in self.shared.kept_scopes() {
            // A port that is taken now is reported when its address is asked for.
            let _ignored = self.shared.listen(&scope, None);
        }
        Ok(address)
    }

    fn shared_runtime(&self) -> Option<tokio::runtime::EnterGuard<'_>> {
        self.runtime.as_ref().map(Runtime::enter)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        // The handle may be dropped on a thread of another runtime, where a runtime must not be ended.
        let end = thread::spawn(move || runtime.shutdown_timeout(Duration::from_millis(500)));
        let _ignored = end.join();
    }
}

impl Guest {
    /// Asks the serving process for an address.
    fn ask(&self, scope: &Scope) -> io::Result<Result<SocketAddr, String>> {
        let server = self
            .folder
            .read_address()
            .ok_or_else(|| io::Error::other("it has not written its address"))?;
        let body = serde_json::to_string(scope)?;
        let request = format!(
            "POST {ADDRESS_PATH} HTTP/1.1\r\nhost: {server}\r\n{KEY_HEADER}: {}\r\nconnection: close\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            hex(&self.folder.secret()?),
            body.len(),
        );
        let mut stream = TcpStream::connect_timeout(&server, Duration::from_secs(2))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, body) = answer
            .split_once("\r\n\r\n")
            .ok_or_else(|| io::Error::other("its answer is no HTTP"))?;
        let value: Value = serde_json::from_str(body).unwrap_or_else(|_| json!({}));
        let address = value["address"]
            .as_str()
            .and_then(|address| address.parse().ok());
        Ok(address.ok_or_else(|| {
            value["message"]
                .as_str()
                .unwrap_or("it gave no address")
                .to_owned()
        }))
    }
}

/// Waits until the data folder is free, and serves it then.
fn stand_by(role: Arc<Mutex<Role>>) -> JoinHandle<()> {
    let wait = move || {
        loop {
            thread::sleep(LOOK);
            let mut role = lock(&role);
            let Role::Guest(guest) = &*role else { return };
            let Ok(Some(free)) = guest.folder.try_lock() else {
                continue;
            };
            let Ok(folder) = open_folder(&guest.config) else {
                continue;
            };
            if let Ok(serving) = Serving::start(&guest.config, folder, free) {
                *role = Role::Serving(serving);
                return;
            }
        }
    };
    thread::Builder::new()
        .name("windlass-ecr-standby".to_owned())
        .spawn(wait)
        .expect("the system has a thread left")
}

fn address(role: &Mutex<Role>, scope: &Scope) -> Result<SocketAddr, AddressError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let guest = match &*lock(role) {
            Role::Serving(serving) => {
                let _inside = serving.shared_runtime();
                return serving
                    .shared
                    .listen(scope, None)
                    .map_err(|error| AddressError::Port(error.to_string()));
            }
            Role::Guest(guest) => Arc::clone(guest),
            Role::Ended => return Err(AddressError::Unanswered("it was shut down".to_owned())),
        };
        match guest.ask(scope) {
            Ok(answer) => return answer.map_err(AddressError::Port),
            Err(error) if Instant::now() > deadline => {
                return Err(AddressError::Unanswered(error.to_string()));
            }
            Err(_) => thread::sleep(LOOK),
        }
    }
}

fn checked_scope(account: &str, region: &str) -> Result<Scope, (String, &'static str)> {
    if !is_account(account) {
        return Err((account.to_owned(), "an account of 12 digits"));
    }
    if !is_region(region) {
        return Err((region.to_owned(), "a region such as us-east-1"));
    }
    Ok(Scope {
        account: account.to_owned(),
        region: region.to_owned(),
    })
}

fn open_folder(config: &Config) -> Result<Folder, StartError> {
    Folder::open(config.data.as_deref()).map_err(|source| {
        let path = config.data.clone().unwrap_or_else(std::env::temp_dir);
        StartError::Folder { path, source }
    })
}

fn lock(role: &Mutex<Role>) -> std::sync::MutexGuard<'_, Role> {
    role.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs blocking work off the caller's runtime.
async fn run_blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}
