//! Where the Docker Engine is: `DOCKER_HOST`, Docker contexts, the default socket.
//!
//! The order is the Docker command's: `DOCKER_HOST`, then `DOCKER_CONTEXT`, then `currentContext` of the Docker
//! configuration, then the default socket. Nothing is contacted here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use windlass_core::manifest::model::BuilderAddress;

use crate::docker::error::DockerError;

const DEFAULT_SOCKET: &str = "/var/run/docker.sock";
/// The origin of an address that nothing named.
pub(crate) const DEFAULT_ORIGIN: &str = "the default socket";

/// The environment variables and the home folder that decide which Engine is used, and the Docker configuration.
///
/// A value, so that tests and the binary say what counts; nothing below reads the process environment.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Takes the variables of this process that matter here.
    pub fn from_process() -> Self {
        Self::from_variables(std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        }))
    }

    /// Takes the given variables, as a test does.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self {
            variables: variables.into_iter().collect(),
        }
    }

    /// Returns the value of a variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns the folder of the Docker configuration (`DOCKER_CONFIG`, else `~/.docker`).
    pub fn config_directory(&self) -> Option<PathBuf> {
        match self.get("DOCKER_CONFIG") {
            Some(directory) => Some(PathBuf::from(directory)),
            None => self.get("HOME").map(|home| Path::new(home).join(".docker")),
        }
    }
}

/// The address of a Docker Engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The address as the user writes it, for messages and the build record.
    pub text: String,
    /// How it is reached.
    pub endpoint: Endpoint,
    /// What named it: `DOCKER_HOST`, a context, or the default.
    pub origin: String,
}

/// The way to an Engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP port without encryption, as `host:port`.
    Tcp(String),
    /// A TCP port with TLS and a client certificate, as `host:port`.
    Tls {
        /// `host:port`.
        authority: String,
        /// The certificates.
        certificates: Certificates,
    },
}

/// The files of certificates for an Engine behind TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificates {
    /// Who signed the Engine's certificate.
    pub ca: PathBuf,
    /// Our certificate and its key, `None` where the Engine asks for none.
    pub client: Option<(PathBuf, PathBuf)>,
    /// Whether they lie in a folder under Docker's names: there ours may be missing, where the Engine asks for none.
    pub is_folder: bool,
}

impl Certificates {
    /// The files as Docker names them: `ca.pem`, and `cert.pem` with `key.pem` if the Engine wants a client certificate.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            client: Some((folder.join("cert.pem"), folder.join("key.pem"))),
            is_folder: true,
        }
    }
}

impl Address {
    /// Finds the Engine's address the way the Docker command does.
    ///
    /// # Errors
    ///
    /// [`DockerError::Address`] for an address that cannot be read or a context that does not exist.
    pub fn resolve(environment: &Environment) -> Result<Self, DockerError> {
        if let Some(host) = environment.get("DOCKER_HOST") {
            let certificates = environment.get("DOCKER_TLS_VERIFY").map(|_| {
                environment
                    .get("DOCKER_CERT_PATH")
                    .map(PathBuf::from)
                    .or_else(|| environment.config_directory())
                    .unwrap_or_default()
            });
            return Self::parse(host, certificates.as_deref(), "DOCKER_HOST");
        }
        match context_name(environment)? {
            Some((name, origin)) => context_address(environment, &name, &origin),
            None => Self::parse(&format!("unix://{DEFAULT_SOCKET}"), None, DEFAULT_ORIGIN),
        }
    }

    /// Returns the address that a builder of the manifest names; its certificates lie below `root`.
    ///
    /// # Errors
    ///
    /// [`DockerError::Address`] for an address that cannot be read.
    pub fn of_manifest(root: &Path, builder: &BuilderAddress) -> Result<Self, DockerError> {
        let certificates = builder.tls.as_ref().map(|tls| Certificates {
            ca: root.join(&tls.ca),
            client: tls
                .client
                .as_ref()
                .map(|(certificate, key)| (root.join(certificate), root.join(key))),
            is_folder: false,
        });
        let origin = format!("the `address` of builder `{}`", builder.builder);
        Self::with(&builder.address, certificates, &origin)
    }

    fn parse(host: &str, certificates: Option<&Path>, origin: &str) -> Result<Self, DockerError> {
        let certificates = certificates.map(Certificates::in_folder);
        Self::with(host, certificates, origin)
    }

    fn with(
        host: &str,
        certificates: Option<Certificates>,
        origin: &str,
    ) -> Result<Self, DockerError> {
        let endpoint = match host.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Endpoint::Unix(PathBuf::from(path)),
            Some(("tcp" | "http" | "https", authority)) => {
                tcp_endpoint(host, authority.trim_end_matches('/'), certificates)?
            }
            Some(("ssh", target)) => {
                return Err(DockerError::Address {
                    message: format!(
                        "{origin} is `{host}`, and Docker over ssh is not supported yet"
                    ),
                    help: format!(
                        "forward the socket with `ssh -nNT -L /tmp/docker.sock:{DEFAULT_SOCKET} {target}` and set DOCKER_HOST=unix:///tmp/docker.sock"
                    ),
                });
            }
            _ => return Err(unreadable(host, origin)),
        };
        Ok(Self {
            text: host.to_owned(),
            endpoint,
            origin: origin.to_owned(),
        })
    }
}

fn tcp_endpoint(
    host: &str,
    authority: &str,
    certificates: Option<Certificates>,
) -> Result<Endpoint, DockerError> {
    let https = host.starts_with("https://");
    let with_port = if authority
        .rsplit_once(':')
        .is_some_and(|(_, port)| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()))
    {
        authority.to_owned()
    } else if https || certificates.is_some() {
        format!("{authority}:2376")
    } else {
        format!("{authority}:2375")
    };
    if authority.is_empty() || with_port.parse::<hyper::http::uri::Authority>().is_err() {
        return Err(unreadable(host, "the Engine's address"));
    }
    match certificates {
        Some(certificates) => Ok(Endpoint::Tls {
            authority: with_port,
            certificates,
        }),
        None if https => Err(DockerError::Address {
            message: format!("`{host}` needs certificates"),
            help: "set DOCKER_TLS_VERIFY=1, and DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem".to_owned(),
        }),
        None => Ok(Endpoint::Tcp(with_port)),
    }
}

fn unreadable(host: &str, origin: &str) -> DockerError {
    DockerError::Address {
        message: format!("{origin} `{host}` is not an address of a Docker Engine"),
        help: "write unix:///path/to/docker.sock or tcp://host:port".to_owned(),
    }
}

#[derive(Deserialize, Default)]
struct CurrentContext {
    #[serde(default, rename = "currentContext")]
    current_context: String,
}

fn context_name(environment: &Environment) -> Result<Option<(String, String)>, DockerError> {
    let (name, origin) = if let Some(name) = environment.get("DOCKER_CONTEXT") {
        (name.to_owned(), "DOCKER_CONTEXT".to_owned())
    } else {
        let Some(path) = environment
            .config_directory()
            .map(|directory| directory.join("config.json"))
        else {
            return Ok(None);
        };
        let Ok(text) = std::fs::read(&path) else {
            return Ok(None);
        };
        let config: CurrentContext =
            serde_json::from_slice(&text).map_err(|error| DockerError::Address {
                message: format!("`{}` is not valid JSON: {error}", path.display()),
                help: "mend the file, or set DOCKER_HOST".to_owned(),
            })?;
        (
            config.current_context,
            format!("currentContext of `{}`", path.display()),
        )
    };
    Ok((!name.is_empty() && name != "default").then_some((name, origin)))
}

#[derive(Deserialize)]
struct ContextMetadata {
    #[serde(rename = "Endpoints")]
    endpoints: BTreeMap<String, ContextEndpoint>,
}

#[derive(Deserialize)]
struct ContextEndpoint {
    #[serde(default, rename = "Host")]
    host: String,
    #[serde(default, rename = "SkipTLSVerify")]
    skip_tls_verify: bool,
}

fn context_address(
    environment: &Environment,
    name: &str,
    origin: &str,
) -> Result<Address, DockerError> {
    let broken = |reason: String| DockerError::Address {
        message: format!("the Docker context `{name}` ({origin}) {reason}"),
        help: "see `docker context ls`, or set DOCKER_HOST".to_owned(),
    };
    let directory = environment
        .config_directory()
        .ok_or_else(|| broken("cannot be read without HOME or DOCKER_CONFIG".to_owned()))?
        .join("contexts");
    let folder = hex(&Sha256::digest(name.as_bytes()));
    let text = std::fs::read(directory.join("meta").join(&folder).join("meta.json"))
        .map_err(|error| broken(format!("cannot be read: {error}")))?;
    let metadata: ContextMetadata = serde_json::from_slice(&text)
        .map_err(|error| broken(format!("cannot be read: {error}")))?;
    let Some(endpoint) = metadata.endpoints.get("docker") else {
        return Err(broken("names no Docker endpoint".to_owned()));
    };
    if endpoint.skip_tls_verify {
        return Err(broken(
            "turns certificate checks off, which windlass does not do".to_owned(),
        ));
    }
    let certificates = directory.join("tls").join(&folder).join("docker");
    let host = match endpoint.host.as_str() {
        "" => format!("unix://{DEFAULT_SOCKET}"),
        host => host.to_owned(),
    };
    let origin = format!("the Docker context `{name}`");
    Address::parse(
        &host,
        certificates.is_dir().then_some(certificates.as_path()),
        &origin,
    )
}

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
            text
        })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn resolve(variables: &[(&str, &str)]) -> Result<Address, String> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Address::resolve(&Environment::from_variables(variables)).map_err(|error| error.to_string())
    }

    fn endpoint(variables: &[(&str, &str)]) -> Endpoint {
        resolve(variables).unwrap().endpoint
    }

    fn context(folder: &Path, name: &str, metadata: &str) -> PathBuf {
        let hash = hex(&Sha256::digest(name.as_bytes()));
        let meta = folder.join("contexts/meta").join(&hash);
        fs::create_dir_all(&meta).unwrap();
        fs::write(meta.join("meta.json"), metadata).unwrap();
        folder.join("contexts/tls").join(hash).join("docker")
    }

    #[test]
    fn docker_host_comes_first_and_tls_follows_its_variables() {
        let default = Endpoint::Unix(PathBuf::from(DEFAULT_SOCKET));
        assert_eq!(endpoint(&[]), default);
        assert_eq!(endpoint(&[("DOCKER_HOST", "")]), default);
        assert_eq!(
            endpoint(&[
                ("DOCKER_HOST", "unix:///run/x.sock"),
                ("DOCKER_CONTEXT", "gone")
            ]),
            Endpoint::Unix(PathBuf::from("/run/x.sock"))
        );
        assert_eq!(
            endpoint(&[("DOCKER_HOST", "tcp://[::1]:9")]),
            Endpoint::Tcp("[::1]:9".to_owned())
        );
        assert_eq!(
            endpoint(&[
                ("DOCKER_HOST", "tcp://build"),
                ("DOCKER_TLS_VERIFY", "1"),
                ("HOME", "/h")
            ]),
            Endpoint::Tls {
                authority: "build:2376".to_owned(),
                certificates: Certificates::in_folder(Path::new("/h/.docker"))
            }
        );
    }

    #[test]
    fn unusable_addresses_say_what_to_write() {
        for host in [
            "build:2375",
            "unix://relative",
            "tcp://",
            "tcp://a b:1",
            "ftp://x",
        ] {
            let error = resolve(&[("DOCKER_HOST", host)]).unwrap_err();
            assert!(error.contains("write unix:///"), "{host}: {error}");
        }
        let error = resolve(&[("DOCKER_HOST", "ssh://me@build")]).unwrap_err();
        assert!(
            error.contains("ssh -nNT -L") && error.contains("me@build"),
            "{error}"
        );
        let error = resolve(&[("DOCKER_HOST", "https://build")]).unwrap_err();
        assert!(error.contains("DOCKER_CERT_PATH"), "{error}");
    }

    #[test]
    fn contexts_are_read_as_the_docker_command_does() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().to_str().unwrap();
        let metadata =
            r#"{"Name":"far","Endpoints":{"docker":{"Host":"tcp://far:9","SkipTLSVerify":false}}}"#;
        let tls = context(folder.path(), "far", metadata);
        let named = [("DOCKER_CONFIG", config), ("DOCKER_CONTEXT", "far")];
        assert_eq!(endpoint(&named), Endpoint::Tcp("far:9".to_owned()));
        fs::create_dir_all(&tls).unwrap();
        let far = Endpoint::Tls {
            authority: "far:9".to_owned(),
            certificates: Certificates::in_folder(&tls),
        };
        assert_eq!(endpoint(&named), far);
        fs::write(
            folder.path().join("config.json"),
            r#"{"currentContext":"far"}"#,
        )
        .unwrap();
        assert_eq!(endpoint(&named[..1]), far);
        let local = [("DOCKER_CONFIG", config), ("DOCKER_CONTEXT", "default")];
        assert_eq!(
            endpoint(&local),
            Endpoint::Unix(PathBuf::from(DEFAULT_SOCKET))
        );
    }

    #[test]
    fn a_broken_context_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().to_str().unwrap();
        let named = [("DOCKER_CONFIG", config), ("DOCKER_CONTEXT", "far")];
        assert!(
            resolve(&named)
                .unwrap_err()
                .contains("context `far` (DOCKER_CONTEXT)")
        );
        let metadata = r#"{"Endpoints":{"docker":{"Host":"tcp://far:9","SkipTLSVerify":true}}}"#;
        context(folder.path(), "far", metadata);
        assert!(resolve(&named).unwrap_err().contains("certificate checks"));
        fs::write(folder.path().join("config.json"), "{").unwrap();
        assert!(resolve(&named[..1]).unwrap_err().contains("not valid JSON"));
    }
}
