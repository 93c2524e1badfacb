//! Connections to the Engine: Unix socket, TCP, TLS, and the HTTP upgrade that leads to BuildKit.

use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Empty;
use hyper::http::{Request, StatusCode, Uri, header};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper::upgrade::Upgraded;
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tower_service::Service;

use crate::docker::address::{Address, Certificates, Endpoint};
use crate::docker::error::{DockerError, chain};

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

trait Duplex: Read + Write + Send + Unpin {}
impl<T: Read + Write + Send + Unpin> Duplex for T {}

/// An open connection to the Engine.
pub(crate) struct Stream(Box<dyn Duplex>);

impl Read for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, buffer)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(context, buffers)
    }
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

/// Opens connections to one Engine; the URI a caller names does not matter.
#[derive(Clone)]
pub(crate) struct Connector {
    way: Way,
}

#[derive(Clone)]
enum Way {
    Unix(Arc<Path>),
    Tcp {
        uri: Uri,
        connector: HttpsConnector<HttpConnector>,
    },
}

impl Connector {
    /// Reads the certificates, if any; contacts nothing.
    pub(crate) fn new(address: &Address) -> Result<Self, DockerError> {
        let way = match &address.endpoint {
            Endpoint::Unix(path) => Way::Unix(Arc::from(path.as_path())),
            Endpoint::Tcp(authority) => tcp_way("http", authority, empty_tls()),
            Endpoint::Tls {
                authority,
                certificates,
            } => tcp_way("https", authority, tls(certificates)?),
        };
        Ok(Self { way })
    }

    pub(crate) async fn dial(self) -> io::Result<Stream> {
        match self.way {
            Way::Unix(path) => {
                let stream = tokio::net::UnixStream::connect(path).await?;
                Ok(Stream(Box::new(TokioIo::new(stream))))
            }
            Way::Tcp { uri, mut connector } => {
                let stream = connector.call(uri).await.map_err(io::Error::other)?;
                Ok(Stream(Box::new(stream)))
            }
        }
    }

    /// Turns a fresh connection into a raw byte stream to `path` (`/grpc` or `/session`), with extra headers.
    pub(crate) async fn upgrade(
        self,
        path: &'static str,
        headers: Vec<(&'static str, String)>,
    ) -> io::Result<Upgraded> {
        let stream = self.dial().await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(stream)
            .await
            .map_err(io::Error::other)?;
        // The task ends when the upgraded stream is taken over, or with the connection.
        tokio::spawn(async move { drop(connection.with_upgrades().await) });
        let mut request = Request::post(path)
            .header(header::HOST, "docker")
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "h2c");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Empty::<Bytes>::new())
            .map_err(io::Error::other)?;
        let response = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            let status = response.status();
            let reason = format!("`{path}` answered {status} instead of an upgrade");
            return Err(io::Error::new(io::ErrorKind::Unsupported, reason));
        }
        hyper::upgrade::on(response).await.map_err(io::Error::other)
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = io::Error;
    type Future = BoxFuture<io::Result<Stream>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().dial())
    }
}

/// Opens the byte stream to BuildKit's control service.
#[derive(Clone)]
pub(crate) struct GrpcConnector(pub(crate) Connector);

impl Service<Uri> for GrpcConnector {
    type Response = Upgraded;
    type Error = io::Error;
    type Future = BoxFuture<io::Result<Upgraded>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.0.clone().upgrade("/grpc", Vec::new()))
    }
}

fn tcp_way(scheme: &str, authority: &str, config: rustls::ClientConfig) -> Way {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(Duration::from_secs(10)));
    Way::Tcp {
        uri: format!("{scheme}://{authority}/")
            .parse()
            .expect("the authority was parsed when the address was read"),
        connector: HttpsConnector::from((http, config)),
    }
}

fn tls_builder() -> rustls::ConfigBuilder<rustls::ClientConfig, rustls::WantsVerifier> {
    rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("the ring provider has the default protocol versions")
}

fn empty_tls() -> rustls::ClientConfig {
    tls_builder()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth()
}

fn tls(certificates: &Certificates) -> Result<rustls::ClientConfig, DockerError> {
    let unusable = |path: &Path, error: &(dyn std::error::Error + 'static)| {
        let help = if certificates.is_folder {
            "DOCKER_CERT_PATH must be a folder with ca.pem, cert.pem and key.pem"
        } else {
            "`tls` of the builder names files of the workspace, as `ca=`, `cert=` and `key=`"
        };
        DockerError::Address {
            message: format!("cannot use `{}`: {}", path.display(), chain(error)),
            help: help.to_owned(),
        }
    };
    let read = |path: &Path| {
        CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| unusable(path, &error))
    };
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(read(&certificates.ca)?);
    let builder = tls_builder().with_root_certificates(roots);
    let client = certificates.client.as_ref();
    let may_be_missing = |(certificate, key): &&(PathBuf, PathBuf)| {
        certificates.is_folder && !certificate.exists() && !key.exists()
    };
    let Some((certificate, key)) = client.filter(|it| !may_be_missing(it)) else {
        return Ok(builder.with_no_client_auth());
    };
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    builder
        .with_client_auth_cert(read(certificate)?, secret)
        .map_err(|error| unusable(certificate, &error))
}
