//! An Engine behind TLS that wants a certificate of its callers, as a builder of the manifest names it.

use std::sync::Arc;

use tokio::net::{TcpListener, UnixStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use windlass_backends::docker::{Address, DockerError, Endpoint, Engine};
use windlass_core::manifest::model::{BuilderAddress, BuilderTls};

use crate::bench::Bench;
use crate::file;

/// A port of this machine that leads to the Engine's socket, through TLS, for whoever shows our certificate.
struct Guarded {
    port: u16,
    /// Holds `ca.pem`, `cert.pem` and `key.pem`.
    folder: tempfile::TempDir,
    task: JoinHandle<()>,
}

impl Drop for Guarded {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Guarded {
    async fn open(engine: &Engine) -> Self {
        let Endpoint::Unix(socket) = engine.address().endpoint.clone() else {
            panic!("the tests' Engine has a Unix socket");
        };
        let folder = tempfile::tempdir().expect("a folder");
        let acceptor = TlsAcceptor::from(Arc::new(certificates(&folder)));
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, socket) = (acceptor.clone(), socket.clone());
                connections.spawn(async move {
                    let mut client = acceptor.accept(client).await?;
                    let mut engine = UnixStream::connect(socket).await?;
                    tokio::io::copy_bidirectional(&mut client, &mut engine).await
                });
            }
        });
        Self { port, folder, task }
    }

    fn address(&self, client: Option<(&str, &str)>) -> Address {
        let builder = BuilderAddress {
            builder: "remote".to_owned(),
            address: format!("tcp://127.0.0.1:{}", self.port),
            tls: Some(BuilderTls {
                ca: "ca.pem".to_owned(),
                client: client.map(|(certificate, key)| (certificate.to_owned(), key.to_owned())),
            }),
        };
        Address::of_manifest(self.folder.path(), &builder).expect("an address")
    }
}

/// Writes what a caller needs, and returns what the server does.
fn certificates(folder: &tempfile::TempDir) -> ServerConfig {
    let server = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("made");
    let client = rcgen::generate_simple_self_signed(["client".to_owned()]).expect("made");
    for (name, text) in [
        ("ca.pem", server.cert.pem()),
        ("cert.pem", client.cert.pem()),
        ("key.pem", client.signing_key.serialize_pem()),
    ] {
        std::fs::write(folder.path().join(name), text).expect("a file");
    }
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(client.cert.der().clone()).expect("a root");
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .expect("a verifier");
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![server.cert.der().clone()],
            PrivateKeyDer::Pkcs8(server.signing_key.serialize_der().into()),
        )
        .expect("a server")
}

#[tokio::test]
async fn builds_behind_tls_with_the_certificates_of_a_manifest() {
    let Some(mut bench) = Bench::open("tls").await else {
        return;
    };
    let direct = bench.engine.clone();
    let guarded = Guarded::open(&direct).await;
    let ours = Some(("cert.pem", "key.pem"));
    bench.engine = Engine::connect_to(guarded.address(ours))
        .await
        .expect("it knows us");
    let request = bench.request("FROM scratch\nCOPY a /\n", vec![file("a", "1")]);
    bench.build(request).await;
    bench.engine = direct;
    bench.clean().await;
}

#[tokio::test]
async fn nobody_gets_in_without_certificate_and_a_missing_file_is_named() {
    let Some(bench) = Bench::open("no-tls").await else {
        return;
    };
    let guarded = Guarded::open(&bench.engine).await;
    let error = Engine::connect_to(guarded.address(None)).await.err();
    let error = error.expect("it does not know us");
    assert!(
        matches!(error, DockerError::Unreachable { .. }),
        "{error:?}"
    );
    // A certificate that is gone is a mistake, never a call without one.
    let gone = guarded.address(Some(("gone.pem", "no-key.pem")));
    let error = Engine::connect_to(gone).await.err().expect("no key");
    let DockerError::Address { message, help } = &error else {
        panic!("{error:?}");
    };
    assert!(message.contains("no-key.pem"), "{message}");
    assert!(help.contains("`tls` of the builder"), "{help}");
}
