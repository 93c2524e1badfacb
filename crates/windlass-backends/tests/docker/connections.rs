//! The way to the Engine: other transports, lost connections, credentials for base images.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, UnixStream};
use tokio::task::JoinHandle;
use windlass_backends::docker::{
    Address, BuildRequest, Credential, Credentials, DockerError, Endpoint, Engine, Environment,
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
    let cases = [
        (
            "unix:///nowhere/docker.sock",
            "No such file or directory (os error 2)",
        ),
        ("tcp://127.0.0.1:1", "Connection refused (os error 111)"),
    ];
    for (host, reason) in cases {
        let variables = [("DOCKER_HOST".to_owned(), host.to_owned())];
        let error = Engine::connect(&Environment::from_variables(variables)).await;
        let error = error.err().expect("nothing listens there");
        assert!(
            matches!(error, DockerError::Unreachable { .. }),
            "{error:?}"
        );
        assert_eq!(
            error.to_string(),
            format!("no Docker Engine at `{host}`: {reason}; start it, or correct DOCKER_HOST")
        );
    }
}

#[tokio::test]
async fn an_engine_without_buildkit_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let server = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let mut client = BufReader::new(client);
            let mut first = String::new();
            drop(client.read_line(&mut first).await);
            let mut line = String::new();
            while client
                .read_line(&mut line)
                .await
                .is_ok_and(|length| length > 2)
            {
                line.clear();
            }
            let (status, body) = if first.contains("/version ") {
                ("200 OK", r#"{"ApiVersion":"1.41","Version":"4.3.1"}"#)
            } else {
                ("404 Not Found", "{}")
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            drop(client.write_all(answer.as_bytes()).await);
        }
    });
    let host = format!("tcp://127.0.0.1:{port}");
    let variables = [("DOCKER_HOST".to_owned(), host.clone())];
    let engine = Engine::connect(&Environment::from_variables(variables))
        .await
        .unwrap();
    let (sender, _receiver) = tokio::sync::mpsc::unbounded_channel();
    let error = engine
        .build(BuildRequest::default(), &sender)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the Docker Engine at `{host}` has no BuildKit that windlass can use: `/session` answered 404 Not Found instead of an upgrade; use Docker Engine 20.10 or newer; Podman does not offer it"
        )
    );
    server.abort();
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
