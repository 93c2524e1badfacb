//! Connections: direct or through a proxy, plain or TLS.
//!
//! TLS roots are loaded at the first `https` connection, so a run that only talks to loopback never reads them.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use hyper::Uri;
use hyper::http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tower_service::Service;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// How connections are made: certificates, proxies, patience.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// A file of PEM certificates to trust instead of the system's (`AWS_CA_BUNDLE`).
    /// `None` takes the system's certificates, for which `SSL_CERT_FILE` and `SSL_CERT_DIR` are honoured.
    pub ca_bundle: Option<PathBuf>,
    /// Proxies and what bypasses them; `None` connects directly.
    pub proxies: Option<Arc<Matcher>>,
}

impl Network {
    /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY` and their lower-case forms.
    /// Loopback and the metadata addresses of a cloud machine are never reached through a proxy.
    pub fn from_environment() -> Self {
        Self {
            ca_bundle: None,
            proxies: Some(Arc::new(Matcher::from_env())),
        }
    }

    /// The same, with the certificates of `AWS_CA_BUNDLE` where that is set; for everything of AWS.
    pub fn for_aws() -> Self {
        let bundle = std::env::var_os("AWS_CA_BUNDLE").filter(|value| !value.is_empty());
        Self {
            ca_bundle: bundle.map(PathBuf::from),
            ..Self::from_environment()
        }
    }

    pub(crate) fn proxy_for(&self, uri: &Uri) -> Option<Intercept> {
        let host = uri.host()?;
        if is_loopback(host) || is_metadata(host) {
            return None;
        }
        self.proxies.as_ref()?.intercept(uri)
    }
}

/// Says whether a host of a URI is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Says whether a host answers for the machine's own credentials (instance and container metadata).
fn is_metadata(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.starts_with("169.254.") || bare.eq_ignore_ascii_case("fd00:ec2::254")
}

#[derive(Clone)]
pub(crate) struct Connector {
    tcp: HttpConnector,
    shared: Arc<Shared>,
    patience: Duration,
}

struct Shared {
    network: Network,
    tls: OnceLock<Result<Arc<rustls::ClientConfig>, String>>,
}

/// Why no connection came about.
#[derive(Debug, Clone)]
pub(crate) struct ConnectError(pub(crate) String);

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConnectError {}

impl Connector {
    pub(crate) fn new(network: Network, patience: Duration) -> Self {
        let shared = Arc::new(Shared {
            network,
            tls: OnceLock::new(),
        });
        Self::with(shared, patience)
    }

    fn with(shared: Arc<Shared>, patience: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(patience));
        Self {
            tcp,
            shared,
            patience,
        }
    }

    /// The same certificates and proxies with another patience.
    pub(crate) fn with_patience(&self, patience: Duration) -> Self {
        Self::with(Arc::clone(&self.shared), patience)
    }

    pub(crate) fn network(&self) -> &Network {
        &self.shared.network
    }

    fn tls(&self) -> Result<Arc<rustls::ClientConfig>, ConnectError> {
        self.shared
            .tls
            .get_or_init(|| load_tls(&self.shared.network).map(Arc::new))
            .clone()
            .map_err(ConnectError)
    }

    async fn connect(self, uri: Uri) -> Result<Conn, ConnectError> {
        let secure = uri.scheme() == Some(&Scheme::HTTPS);
        let result = match self.shared.network.proxy_for(&uri) {
            None if secure => self.direct_tls(uri).await,
            None => self.direct(uri, false).await,
            Some(proxy) => {
                let host = proxy.uri().authority().map(ToString::to_string);
                let host = host.unwrap_or_default();
                if proxy.raw_auth().is_some() || !is_http(proxy.uri()) {
                    return Err(ConnectError(format!(
                        "the proxy {host} is no http or https proxy; windlass speaks no SOCKS"
                    )));
                }
                let connected = if secure {
                    self.tunnel(uri, &proxy).await
                } else if proxy.uri().scheme() == Some(&Scheme::HTTPS) {
                    self.direct_tls(proxy.uri().clone())
                        .await
                        .map(Conn::proxied)
                } else {
                    self.direct(proxy.uri().clone(), true).await
                };
                connected.map_err(|error| {
                    format!("through the proxy {host}: {}", innermost(&*error)).into()
                })
            }
        };
        result.map_err(|error: BoxError| ConnectError(innermost(&*error)))
    }

    async fn direct(mut self, uri: Uri, proxied: bool) -> Result<Conn, BoxError> {
        let io = self.tcp.call(uri).await?;
        Ok(Conn {
            io: Box::new(io),
            proxied,
        })
    }

    async fn direct_tls(self, uri: Uri) -> Result<Conn, BoxError> {
        let tls = self.tls()?;
        let io = HttpsConnector::from((self.tcp, tls)).call(uri).await?;
        Ok(Conn {
            io: Box::new(io),
            proxied: false,
        })
    }

    async fn tunnel(self, uri: Uri, proxy: &Intercept) -> Result<Conn, BoxError> {
        let tls = self.tls()?;
        let to_proxy = HttpsConnector::from((self.tcp, Arc::clone(&tls)));
        let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
        if let Some(credentials) = proxy.basic_auth() {
            tunnel = tunnel.with_auth(credentials.clone());
        }
        let io = HttpsConnector::from((tunnel, tls)).call(uri).await?;
        Ok(Conn {
            io: Box::new(io),
            proxied: false,
        })
    }
}

fn is_http(uri: &Uri) -> bool {
    matches!(uri.scheme_str(), Some("http" | "https"))
}

fn load_tls(network: &Network) -> Result<rustls::ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3");
    let with_roots = match &network.ca_bundle {
        Some(path) => builder.with_root_certificates(load_bundle(path)?),
        None => builder.with_native_roots().map_err(|error| {
            format!("no CA certificates: {error}; install the package ca-certificates or set SSL_CERT_FILE")
        })?,
    };
    Ok(with_roots.with_no_client_auth())
}

fn load_bundle(path: &std::path::Path) -> Result<rustls::RootCertStore, String> {
    let refuse = |why: String| format!("AWS_CA_BUNDLE={}: {why}", path.display());
    let mut roots = rustls::RootCertStore::empty();
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| refuse(error.to_string()))?;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| refuse(error.to_string()))?;
        roots
            .add(certificate)
            .map_err(|error| refuse(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(refuse("the file holds no certificate".to_owned()));
    }
    Ok(roots)
}

/// Returns the text of the last error of a chain, which is the one that says what happened.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    loop {
        let inner = last
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match inner
            .map(|inner| inner as &(dyn std::error::Error + 'static))
            .or_else(|| last.source())
        {
            Some(next) => last = next,
            None => return last.to_string(),
        }
    }
}

impl Service<Uri> for Connector {
    type Response = Conn;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Conn, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let this = self.clone();
        // TCP has `patience`; a TLS handshake or a proxy may take as long again.
        let limit = this.patience * 2;
        Box::pin(async move {
            match tokio::time::timeout(limit, this.connect(uri)).await {
                Ok(result) => result,
                Err(_) => Err(ConnectError(format!(
                    "no connection within {} s",
                    limit.as_secs_f32()
                ))),
            }
        })
    }
}

trait Io: Read + Write + Connection + Send + Unpin {}

impl<T: Read + Write + Connection + Send + Unpin> Io for T {}

/// A connection of any kind.
pub(crate) struct Conn {
    io: Box<dyn Io>,
    proxied: bool,
}

impl Conn {
    fn proxied(self) -> Self {
        Self {
            proxied: true,
            ..self
        }
    }
}

impl Connection for Conn {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.proxied)
    }
}

impl Read for Conn {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_read(context, buffer)
    }
}

impl Write for Conn {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.io).poll_write_vectored(context, parts)
    }
}
