//! Proxies and certificates, for the API and for registries (decision 45): each case runs in a process of its own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use windlass_backends::ecr::{EcrRegistries, Options};
use windlass_backends::oci::UpstreamRegistries;
use windlass_core::manifest::model::{Endpoint, Registry};
use windlass_engine::ports::{Registry as _, RegistryError, Upstream as _};

use crate::chain::{child, in_child};
use crate::script::{Asked, serve};
use crate::world::{ACCOUNT, prod, registry_node};

const IDENTITY: &str = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
    <Arn>arn:aws:iam::111111111111:root</Arn><UserId>1</UserId><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>";

/// An HTTPS server for `localhost` and for names that only a proxy knows, with a CA of its own.
struct Secure {
    port: u16,
    ca: tempfile::NamedTempFile,
    asked: Arc<Mutex<Vec<Asked>>>,
}

async fn secure() -> Secure {
    let names = ["localhost", "sts.test.invalid", "registry.test.invalid"];
    let made = rcgen::generate_simple_self_signed(names.map(str::to_owned)).unwrap();
    let ca = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(ca.path(), made.cert.pem()).unwrap();
    let provider = tokio_rustls::rustls::crypto::ring::default_provider();
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![made.cert.der().clone()],
            PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into()),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, Arc::new(play), seen).await;
                }
            });
        }
    });
    Secure { port, ca, asked }
}

fn play(asked: &Asked) -> Option<hyper::Response<String>> {
    if asked.path.starts_with("/v2/") {
        return crate::upstream::small_image(asked);
    }
    crate::script::answer(200, IDENTITY)
}

/// A proxy that knows one way: every CONNECT ends at `port` of this machine.
async fn proxy(port: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let heads = Arc::clone(&seen);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let heads = Arc::clone(&heads);
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await?);
                }
                heads
                    .lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&head).into_owned());
                stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
                let mut far = TcpStream::connect(("127.0.0.1", port)).await?;
                copy_bidirectional(&mut stream, &mut far).await
            });
        }
    });
    (own, seen)
}

async fn caller(sts: String) -> Result<String, RegistryError> {
    let registry = Registry {
        endpoint: Endpoint {
            sts: Some(sts),
            ..Endpoint::default()
        },
        ..registry_node()
    };
    EcrRegistries::new(&[registry], &Options::default())
        .caller_account(&prod())
        .await
}

#[tokio::test]
async fn child_asks_aws() {
    let Some(url) = child("URL") else { return };
    assert_eq!(caller(url).await.unwrap(), ACCOUNT);
}

#[tokio::test]
async fn child_asks_aws_in_vain() {
    let Some(url) = child("URL") else { return };
    let error = caller(url).await.unwrap_err();
    assert!(matches!(error, RegistryError::Unreachable(_)), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&child("EXPECT").unwrap()), "{text}");
    assert!(!text.contains("canary"), "{text}");
}

#[tokio::test]
async fn child_asks_a_registry() {
    let Some(reference) = child("REFERENCE") else {
        return;
    };
    let registries = UpstreamRegistries::from_environment("windlass/test");
    let facts = registries.resolve(&reference).await.unwrap();
    assert_eq!(facts.platforms[0].as_str(), "linux/amd64");
}

fn keys<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID", ACCOUNT),
        ("AWS_SECRET_ACCESS_KEY", "secret-canary"),
        ("HOME", "/nonexistent"),
    ];
    variables.extend(more);
    variables
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_nobody_vouches_for_is_refused_and_its_ca_can_be_named() {
    let server = secure().await;
    let url = format!("https://localhost:{}", server.port);
    let ca = server.ca.path().to_str().unwrap();
    in_child(
        "network::child_asks_aws_in_vain",
        &keys(&[("URL", &url), ("EXPECT", "SSL_CERT_FILE")]),
    );
    assert!(server.asked.lock().unwrap().is_empty());
    for variable in ["SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
        in_child(
            "network::child_asks_aws",
            &keys(&[("URL", &url), (variable, ca)]),
        );
    }
    in_child(
        "network::child_asks_aws_in_vain",
        &keys(&[
            ("URL", &url),
            ("AWS_CA_BUNDLE", "/nonexistent.pem"),
            ("EXPECT", "AWS_CA_BUNDLE=/nonexistent.pem"),
        ]),
    );
    let reference = format!("localhost:{}/base:1", server.port);
    // Loopback is spoken to without TLS, so this one goes through a name that only the proxy knows.
    let (port, _) = proxy(server.port).await;
    let through = format!("http://127.0.0.1:{port}");
    let reference = reference.replace(
        &format!("localhost:{}", server.port),
        "registry.test.invalid",
    );
    in_child(
        "network::child_asks_a_registry",
        &keys(&[
            ("REFERENCE", &reference),
            ("SSL_CERT_FILE", ca),
            ("HTTPS_PROXY", &through),
        ]),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn https_goes_through_the_proxy_with_its_credentials_unless_no_proxy_says_otherwise() {
    let server = secure().await;
    let ca = server.ca.path().to_str().unwrap();
    let (port, heads) = proxy(server.port).await;
    let through = format!("http://ann:proxy-canary@127.0.0.1:{port}");
    let url = "https://sts.test.invalid";
    for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
        in_child(
            "network::child_asks_aws",
            &keys(&[("URL", url), ("SSL_CERT_FILE", ca), (variable, &through)]),
        );
    }
    let seen = heads.lock().unwrap().clone();
    assert_eq!(seen.len(), 3);
    for head in &seen {
        assert!(
            head.starts_with("CONNECT sts.test.invalid:443 HTTP/1.1\r\n"),
            "{head}"
        );
        // "ann:proxy-canary" in base64.
        assert!(
            head.to_lowercase()
                .contains("proxy-authorization: basic yw5uonbyb3h5lwnhbmfyeq=="),
            "{head}"
        );
    }
    in_child(
        "network::child_asks_aws_in_vain",
        &keys(&[
            ("URL", url),
            ("HTTPS_PROXY", &through),
            ("NO_PROXY", ".test.invalid"),
            ("EXPECT", "cannot connect to sts.test.invalid"),
        ]),
    );
    assert_eq!(heads.lock().unwrap().len(), 3, "NO_PROXY was honoured");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_is_down_is_named_without_its_credentials() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let through = format!("http://ann:proxy-canary@127.0.0.1:{port}");
    let expected = format!("through the proxy 127.0.0.1:{port}");
    in_child(
        "network::child_asks_aws_in_vain",
        &keys(&[
            ("URL", "https://sts.test.invalid"),
            ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),
            ("HTTPS_PROXY", &through),
            ("EXPECT", &expected),
        ]),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn loopback_is_never_asked_through_a_proxy() {
    let server = crate::script::Server::start(|_| crate::script::answer(200, IDENTITY)).await;
    let (port, heads) = proxy(server.address.port()).await;
    let through = format!("http://127.0.0.1:{port}");
    let variables = [
        ("URL", server.url()),
        ("HTTP_PROXY", through.clone()),
        ("ALL_PROXY", through),
    ];
    let variables: Vec<(&str, &str)> = variables.iter().map(|(k, v)| (*k, v.as_str())).collect();
    in_child("network::child_asks_aws", &keys(&variables));
    assert!(heads.lock().unwrap().is_empty());
}

/// A proxy that lets nobody through; returns its port, and the hosts that were asked for.
async fn refusing_proxy() -> (u16, Arc<Mutex<BTreeSet<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hosts = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&hosts);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await?);
            }
            let head = String::from_utf8_lossy(&head).into_owned();
            let host = head.split([' ', ':']).nth(1).unwrap_or_default();
            seen.lock().unwrap().insert(host.to_owned());
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").await?;
        }
        std::io::Result::Ok(())
    });
    (port, hosts)
}

/// Asks STS, ECR and the tagging API; nobody answers, and the proxy hears whom the calls are for.
#[tokio::test]
async fn child_asks_all_of_aws() {
    let Some(flags) = child("FLAGS") else { return };
    let registry = Registry {
        endpoint: Endpoint {
            fips: flags.contains("fips"),
            dual_stack: flags.contains("dual-stack"),
            ..Endpoint::default()
        },
        ..registry_node()
    };
    // One for each call: after a failure of the network a registry is left alone for a while.
    let fresh = || EcrRegistries::new(std::slice::from_ref(&registry), &Options::default());
    assert!(fresh().caller_account(&prod()).await.is_err());
    assert!(fresh().owned_repositories("w").await[&prod()].is_err());
    assert!(fresh().replication_rules(&prod()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn fips_and_dual_stack_choose_the_endpoints_of_all_services() {
    let mut told = Vec::new();
    for flags in ["none", "fips", "dual-stack", "fips dual-stack"] {
        let (port, hosts) = refusing_proxy().await;
        let through = format!("http://127.0.0.1:{port}");
        in_child(
            "network::child_asks_all_of_aws",
            &keys(&[("FLAGS", flags), ("HTTPS_PROXY", &through)]),
        );
        let hosts: Vec<String> = hosts.lock().unwrap().iter().cloned().collect();
        told.push(format!("{flags}: {}", hosts.join(" ")));
    }
    assert_eq!(
        told,
        [
            "none: api.ecr.eu-west-1.amazonaws.com sts.eu-west-1.amazonaws.com tagging.eu-west-1.amazonaws.com",
            "fips: api.ecr-fips.eu-west-1.amazonaws.com sts-fips.eu-west-1.amazonaws.com tagging-fips.eu-west-1.amazonaws.com",
            "dual-stack: ecr.eu-west-1.api.aws sts.eu-west-1.api.aws tagging.eu-west-1.api.aws",
            "fips dual-stack: ecr-fips.eu-west-1.api.aws sts-fips.eu-west-1.api.aws tagging-fips.eu-west-1.api.aws",
        ]
    );
}
