//! The way to the Engine: other transports, lost connections, credentials for base images.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, UnixStream};
use tokio::task::JoinHandle;
use windlass_backends::docker::{
    Address, Credential, Credentials, DockerError, Endpoint, Engine, Environment,
};

use crate::bench::Bench;
use crate::{debian, fail, file};

/// A port of this machine that leads to the Engine's socket, until it is dropped.
struct Relay {
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    async fn open(engine: &Engine) -> Self {
        let Endpoint::Unix(socket) = engine.address().endpoint.clone() else {
            panic!("the tests' Engine has a Unix socket");
        };
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("loopback has a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((mut client, _)) = listener.accept().await {
                let socket = socket.clone();
                connections.spawn(async move {
                    let mut engine = UnixStream::connect(socket).await?;
                    tokio::io::copy_bidirectional(&mut client, &mut engine).await
                });
            }
        });
        Self { port, task }
    }

    fn environment(&self) -> Environment {
        let host = format!("tcp://127.0.0.1:{}", self.port);
        Environment::from_variables([("DOCKER_HOST".to_owned(), host)])
    }
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_named() {
    if std::env::var_os("WINDLASS_TEST_SERVICES").is_none() {
        return;
    }
    for host in ["unix:///nowhere/docker.sock", "tcp://127.0.0.1:1"] {
        let variables = [("DOCKER_HOST".to_owned(), host.to_owned())];
        let error = Engine::connect(&Environment::from_variables(variables)).await;
        let error = error.err().expect("nothing listens there");
        assert!(
            matches!(error, DockerError::Unreachable { .. }),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("no Docker Engine at `{host}`: ")),
            "{text}"
        );
        assert!(
            text.ends_with("start it, or correct the address (named by DOCKER_HOST)"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn something_else_at_the_address_is_no_engine() {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let server = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            drop(client.write_all(b"SSH-2.0-x\r\n").await);
        }
    });
    let address = Address {
        text: format!("tcp://127.0.0.1:{port}"),
        endpoint: Endpoint::Tcp(format!("127.0.0.1:{port}")),
        origin: "DOCKER_HOST".to_owned(),
    };
    let error = Engine::connect_to(address).await.err().expect("no Engine");
    assert!(
        matches!(error, DockerError::Unreachable { .. }),
        "{error:?}"
    );
    server.abort();
}

#[tokio::test]
async fn builds_over_tcp_and_survives_a_broken_connection() {
    let Some(mut bench) = Bench::open("tcp").await else {
        return;
    };
    let direct = bench.engine.clone();
    let relay = Relay::open(&direct).await;
    bench.engine = Engine::connect(&relay.environment()).await.unwrap();
    let request = bench.request("FROM scratch\nCOPY a /\n", vec![file("a", "1")]);
    let first = bench.build(request.clone()).await;
    let port = relay.port;
    drop(relay);
    let error = fail(&bench, request.clone()).await;
    assert!(
        matches!(error, DockerError::Unreachable { .. }),
        "{error:?}"
    );
    // The same port again, as when the Engine was restarted.
    let Endpoint::Unix(socket) = direct.address().endpoint.clone() else {
        panic!("the tests' Engine has a Unix socket");
    };
    let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
    let server = tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut engine = UnixStream::connect(&socket).await.unwrap();
            tokio::spawn(async move {
                drop(tokio::io::copy_bidirectional(&mut client, &mut engine).await);
            });
        }
    });
    assert_eq!(bench.build(request).await.image, first.image);
    bench.engine = direct;
    bench.clean().await;
    server.abort();
}

#[tokio::test]
async fn a_connection_lost_during_a_build_is_told_from_a_failed_build() {
    let Some(bench) = Bench::open("lost").await else {
        return;
    };
    let relay = Relay::open(&bench.engine).await;
    let relayed = Engine::connect(&relay.environment()).await.unwrap();
    let dockerfile = format!("FROM {}\nRUN echo begun && sleep 600\n", debian());
    let mut request = bench.request(&dockerfile, Vec::new());
    request.no_cache = true;
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut build = std::pin::pin!(relayed.build(request, &sender));
    let mut relay = Some(relay);
    let result = loop {
        tokio::select! {
            result = &mut build => break result,
            event = receiver.recv() => {
                if format!("{event:?}").contains("begun\"") {
                    drop(relay.take());
                }
            }
        }
    };
    let error = result.expect_err("its connection is gone");
    assert!(
        matches!(error, DockerError::Unreachable { .. }),
        "{error:?}"
    );
    bench.clean().await;
}

/// A registry that wants a password and has no image; it keeps the credentials it was shown.
async fn guarded_registry() -> (u16, Arc<Mutex<Vec<String>>>, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let shown = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&shown);
    let server = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let mut client = BufReader::new(client);
            let mut credential = None;
            let mut line = String::new();
            while client
                .read_line(&mut line)
                .await
                .is_ok_and(|length| length > 2)
            {
                if let Some((_, value)) = line.split_once("Basic ") {
                    credential = Some(value.trim().to_owned());
                }
                line.clear();
            }
            let answer = match credential {
                None => "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"x\"\r\n",
                Some(credential) => {
                    seen.lock().expect("no panic").push(credential);
                    "HTTP/1.1 404 Not Found\r\n"
                }
            };
            let answer = format!("{answer}Connection: close\r\nContent-Length: 0\r\n\r\n");
            drop(client.write_all(answer.as_bytes()).await);
        }
    });
    (port, shown, server)
}

#[tokio::test]
async fn base_images_are_asked_for_with_credentials_from_memory() {
    let Some(bench) = Bench::open("credentials").await else {
        return;
    };
    let (port, shown, server) = guarded_registry().await;
    let host = format!("127.0.0.1:{port}");
    let mut request = bench.request(&format!("FROM {host}/private:1\n"), Vec::new());
    request.credentials = Credentials::default().with(
        host.as_str(),
        Credential {
            username: "AWS".to_owned(),
            secret: "canary".to_owned(),
        },
    );
    let (result, events) = bench.try_build(request).await;
    let error = result.expect_err("there is no such image");
    assert!(matches!(error, DockerError::BaseImage { .. }), "{error:?}");
    assert!(!format!("{error:?}{events:?}").contains("canary"));
    let expected = base64::engine::general_purpose::STANDARD.encode("AWS:canary");
    assert_eq!(shown.lock().unwrap().first(), Some(&expected));
    server.abort();
    bench.clean().await;
}
