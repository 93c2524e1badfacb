//! One run of a command over a workspace: the adapters, and the embedded local ECR where it plays the registries.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use tokio::runtime::Runtime;
use windlass_backends::docker::{Address, DockerBuilder, Environment};
use windlass_backends::ecr::{EcrRegistries, Options, Override};
use windlass_backends::files::{HashMemory, WorkspaceFiles};
use windlass_backends::oci::UpstreamRegistries;
use windlass_core::manifest::model::{BuilderAddress, Endpoint, Registry};
use windlass_core::name::RegistryName;
use windlass_ecr_local::{Config, LocalEcr};

use crate::failure::Failure;
use crate::hashing::HashingLine;

/// The adapters of one run.
pub(crate) struct Session {
    pub(crate) registries: EcrRegistries,
    pub(crate) files: WorkspaceFiles,
    pub(crate) upstream: UpstreamRegistries,
    pub(crate) builder: DockerBuilder,
}

impl Session {
    /// Prepares the adapters for a workspace in `root`; nothing but the local ECR is contacted.
    pub(crate) fn new(
        runtime: &Runtime,
        root: &Path,
        registries: &[Registry],
        engine: Option<&BuilderAddress>,
        local: Option<&Local>,
        hashing: &Hashing,
    ) -> Result<Self, Failure> {
        let overrides = match local {
            Some(local) => local.overrides(runtime, registries)?,
            None => BTreeMap::new(),
        };
        Ok(Self {
            registries: EcrRegistries::new(
                registries,
                &Options {
                    overrides,
                    ..Options::default()
                },
            ),
            files: hashing.files(root),
            upstream: UpstreamRegistries::from_environment(concat!(
                "windlass/",
                env!("CARGO_PKG_VERSION")
            )),
            builder: builder(root, engine)?,
        })
    }

    /// Gets ready for reads of registries, beside whatever comes next.
    pub(crate) fn expect_questions(&self, runtime: &Runtime) {
        let _guard = runtime.enter();
        self.registries.expect_questions();
    }
}

/// The Engine that the manifest names, or else the one that the environment does.
pub(crate) fn builder(
    root: &Path,
    engine: Option<&BuilderAddress>,
) -> Result<DockerBuilder, Failure> {
    let builder = DockerBuilder::new(Environment::from_process(), cache_folder());
    match engine {
        Some(engine) => Ok(builder.at(Address::of_manifest(root, engine)
            .map_err(|error| Failure::error(error.to_string()))?)),
        None => Ok(builder),
    }
}

/// How the files of build contexts are hashed.
pub(crate) struct Hashing(HashMemory);

impl Hashing {
    /// With what earlier runs remembered of files, which may not be believed.
    pub(crate) fn new(trust: bool) -> Self {
        Self(HashMemory::in_folder(cache_folder(), trust))
    }

    /// Reads what is remembered of a workspace beside whatever comes next.
    pub(crate) fn read_ahead(&self, root: &Path) {
        self.0.read_ahead(root);
    }

    fn files(&self, root: &Path) -> WorkspaceFiles {
        let files = WorkspaceFiles::new(root.to_owned()).with_memory(self.0.clone());
        match HashingLine::on_terminal() {
            Some(line) => files.with_watcher(move |progress| line.show(progress)),
            None => files,
        }
    }
}

/// The folder for files that can be lost: `$XDG_CACHE_HOME/windlass`, or `~/.cache/windlass`.
fn cache_folder() -> PathBuf {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let base =
        absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    base.unwrap_or_else(std::env::temp_dir).join("windlass")
}

/// Returns the host that a registry is usually pulled from. For texts of the manifest only: what is pushed and pulled goes to the URI
/// that ECR names.
pub(crate) fn default_host(registry: &Registry) -> String {
    if let Some(url) = &registry.endpoint.registry {
        let host = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
        return host.trim_end_matches('/').to_owned();
    }
    let suffix = if registry.region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("{}.dkr.ecr.{}.{suffix}", registry.account, registry.region)
}

/// The embedded local ECR of a workspace.
pub(crate) struct Local {
    server: LocalEcr,
    /// Where accounts and regions are played, as far as it was asked: a process that serves them is not asked for each image.
    hosts: Mutex<BTreeMap<(String, String), String>>,
}

impl Local {
    /// Starts it, or finds the process that serves the workspace's data already.
    pub(crate) fn start(root: &Path) -> Result<Self, Failure> {
        let config = Config {
            data: Some(root.join(".windlass").join("local")),
            ..Config::default()
        };
        let server = LocalEcr::start_blocking(&config)
            .map_err(|error| Failure::error(format!("the local ECR does not start: {error}")))?;
        Ok(Self {
            server,
            hosts: Mutex::default(),
        })
    }

    /// Returns host and port that play an account and region.
    pub(crate) fn host(&self, runtime: &Runtime, registry: &Registry) -> Result<String, Failure> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let place = (registry.account.clone(), registry.region.clone());
        if let Some(host) = hosts.get(&place) {
            return Ok(host.clone());
        }
        let address = runtime.block_on(self.server.address(&registry.account, &registry.region));
        let address = address.map_err(|error| {
            Failure::error(format!(
                "the local ECR cannot play registry `{}`: {error}",
                registry.name
            ))
        })?;
        Ok(hosts.entry(place).or_insert(address.to_string()).clone())
    }

    fn overrides(
        &self,
        runtime: &Runtime,
        registries: &[Registry],
    ) -> Result<BTreeMap<RegistryName, Override>, Failure> {
        let given = |registry: &Registry| {
            let url = format!("http://{}", self.host(runtime, registry)?);
            let endpoint = Endpoint {
                ecr: Some(url.clone()),
                registry: None,
                sts: Some(url.clone()),
                tagging: Some(url),
                ..Endpoint::default()
            };
            let credentials = Override {
                endpoint,
                access_key_id: registry.account.clone(),
                secret_access_key: "local".to_owned(),
            };
            Ok((registry.name.clone(), credentials))
        };
        registries.iter().map(given).collect()
    }
}
