//! A scripted HTTP server: answers what a test says, and remembers what it was asked.

#![expect(
    clippy::unnecessary_wraps,
    reason = "answers have the form that scripts return"
)]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The API operation that is called.
    pub(crate) fn operation(&self) -> &str {
        self.header("x-amz-target")
            .rsplit('.')
            .next()
            .unwrap_or_default()
    }
}

/// What the server does; `None` closes the connection without an answer.
pub(crate) type Script = dyn Fn(&Asked) -> Option<Response<String>> + Send + Sync;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(
        script: impl Fn(&Asked) -> Option<Response<String>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script: Arc<Script> = Arc::new(script);
        let task = tokio::spawn(accept(listener, Arc::clone(&script), Arc::clone(&asked)));
        Self {
            address,
            asked,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn accept(listener: TcpListener, script: Arc<Script>, asked: Arc<Mutex<Vec<Asked>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (script, asked) = (Arc::clone(&script), Arc::clone(&asked));
        tokio::spawn(serve(stream, script, asked));
    }
}

/// Serves one connection, of any kind.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<Asked>>>,
) {
    let service = service_fn(move |request: Request<Incoming>| {
        let (script, asked) = (Arc::clone(&script), Arc::clone(&asked));
        async move {
            let (head, body) = request.into_parts();
            let body = body
                .collect()
                .await
                .map(http_body_util::Collected::to_bytes);
            let question = Asked {
                method: head.method,
                path: head.uri.to_string(),
                headers: head.headers,
                body: body.unwrap_or_default(),
            };
            asked.lock().unwrap().push(question.clone());
            let answer = script(&question).ok_or("closed by the script")?;
            Ok::<_, &'static str>(answer.map(|text| Full::new(Bytes::from(text))))
        }
    });
    // A connection that the script or the client closes is part of the test.
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}

pub(crate) fn answer(status: u16, body: impl Into<String>) -> Option<Response<String>> {
    Some(
        Response::builder()
            .status(status)
            .body(body.into())
            .unwrap(),
    )
}

/// An error of the JSON 1.1 protocol.
pub(crate) fn api_error(status: u16, code: &str, message: &str) -> Option<Response<String>> {
    let body = format!(r#"{{"__type":"{code}","message":"{message}"}}"#);
    Some(
        Response::builder()
            .status(status)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amzn-requestid", "request-42")
            .body(body)
            .unwrap(),
    )
}
