//! The one HTTP client: for registries (`/v2/`), token servers and, as its connector, for the AWS SDK.
//!
//! HTTP/1.1 with kept connections. It neither follows redirects nor retries: callers decide.

use std::time::{Duration, Instant};
use std::{fmt, io};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::Incoming;
use hyper::header::{HeaderValue, PROXY_AUTHORIZATION};
use hyper::http::uri::Scheme;
use hyper::{Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use super::connect::{ConnectError, Connector, Network, innermost, is_loopback};

/// A request body of any kind.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// How long a TCP connection may take.
const CONNECT_PATIENCE: Duration = Duration::from_secs(3);

/// Why no answer came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TransportError {
    /// No connection: nothing was sent.
    Unreachable(String),
    /// No answer in time.
    Silent(String),
    /// The connection broke before the answer was complete.
    Broken(String),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Unreachable(text) | Self::Silent(text) | Self::Broken(text)) = self;
        f.write_str(text)
    }
}

impl std::error::Error for TransportError {}

/// An HTTP client; clones share connections.
#[derive(Clone)]
pub(crate) struct Transport {
    client: Client<Connector, Body>,
    connector: Connector,
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

impl Transport {
    pub(crate) fn new(network: Network) -> Self {
        Self::over(Connector::new(network, CONNECT_PATIENCE))
    }

    fn over(connector: Connector) -> Self {
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .build(connector.clone());
        Self { client, connector }
    }

    /// A client with its own connections that waits as long as given for each.
    pub(crate) fn with_patience(&self, patience: Duration) -> Self {
        Self::over(self.connector.with_patience(patience))
    }

    /// Sends a request and returns the answer's head; the body follows as it is read.
    pub(crate) async fn send(
        &self,
        mut request: Request<Body>,
    ) -> Result<Response<Incoming>, TransportError> {
        let uri = request.uri().clone();
        let host = shown_host(&uri);
        if uri.scheme() == Some(&Scheme::HTTP)
            && let Some(proxy) = self.connector.network().proxy_for(&uri)
            && let Some(credentials) = proxy.basic_auth()
        {
            request
                .headers_mut()
                .insert(PROXY_AUTHORIZATION, credentials.clone());
        }
        // Path and method only: queries can be signed, headers hold tokens.
        let (method, begun) = (request.method().clone(), Instant::now());
        let answer = self.client.request(request).await;
        let status = answer.as_ref().map(|answer| answer.status().as_u16()).ok();
        let milliseconds = begun.elapsed().as_millis();
        let status = status.map_or_else(|| "no answer".to_owned(), |it| it.to_string());
        log::debug!("{method} {host}{}: {status}, {milliseconds} ms", uri.path());
        answer.map_err(|error| {
            if let Some(refused) = find::<ConnectError>(&error) {
                return TransportError::Unreachable(explain_connect(&host, &refused.0));
            }
            let text = innermost(&error);
            if error.is_connect() {
                TransportError::Unreachable(explain_connect(&host, &text))
            } else {
                TransportError::Broken(format!("the connection to {host} broke: {text}"))
            }
        })
    }

    /// The same, giving up when no head came within `limit`.
    pub(crate) async fn send_within(
        &self,
        limit: Duration,
        request: Request<Body>,
    ) -> Result<Response<Incoming>, TransportError> {
        let host = shown_host(request.uri());
        tokio::time::timeout(limit, self.send(request))
            .await
            .unwrap_or_else(|_| Err(silent(&host, limit)))
    }
}

fn silent(host: &str, limit: Duration) -> TransportError {
    TransportError::Silent(format!(
        "{host} did not answer within {} s",
        limit.as_secs()
    ))
}

fn explain_connect(host: &str, why: &str) -> String {
    let help = if why.contains("certificate") {
        "; if a proxy of your network signs certificates, set SSL_CERT_FILE (for AWS also AWS_CA_BUNDLE) to its CA"
    } else {
        ""
    };
    format!("cannot connect to {host}: {why}{help}")
}

fn find<'a, E: std::error::Error + 'static>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// Returns host and port of a URI, never its user part.
pub(crate) fn shown_host(uri: &Uri) -> String {
    let host = uri.host().unwrap_or("?");
    match uri.port_u16() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

/// Returns the scheme that a registry host is spoken to with: plain HTTP on loopback only.
pub(crate) fn scheme_of(host: &str) -> &'static str {
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.chars().all(|c| c.is_ascii_digit()) => bare,
        _ => host,
    };
    if is_loopback(bare) { "http" } else { "https" }
}

pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// Reads a body of at most `limit` bytes, each part within `patience`.
pub(crate) async fn read(
    mut body: Incoming,
    host: &str,
    limit: usize,
    patience: Duration,
) -> Result<Bytes, TransportError> {
    let mut bytes = Vec::new();
    loop {
        let frame = tokio::time::timeout(patience, body.frame())
            .await
            .map_err(|_| silent(host, patience))?;
        let Some(frame) = frame else {
            return Ok(Bytes::from(bytes));
        };
        let frame = frame.map_err(|error| {
            TransportError::Broken(format!(
                "the connection to {host} broke: {}",
                innermost(&error)
            ))
        })?;
        if let Ok(part) = frame.into_data() {
            if bytes.len() + part.len() > limit {
                return Err(TransportError::Broken(format!(
                    "{host} answered with more than {limit} bytes"
                )));
            }
            bytes.extend_from_slice(&part);
        }
    }
}

/// Returns how long to wait before attempt number `attempt` (from 1) is repeated: doubling, with jitter, at most `limit`.
pub(crate) fn backoff(attempt: u32, limit: Duration) -> Duration {
    use std::hash::{BuildHasher as _, RandomState};
    let base = Duration::from_millis(100).saturating_mul(1 << attempt.min(10));
    let jitter = RandomState::new().hash_one(attempt) % 50;
    (base.min(limit) * (75 + u32::try_from(jitter).expect("below 50"))) / 100
}

/// Makes an HTTP Basic credential.
pub(crate) fn basic(user: &str, password: &str) -> HeaderValue {
    use base64::Engine as _;
    let text = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    secret_header(&format!("Basic {text}"))
}

/// Makes a header value that is never logged.
pub(crate) fn secret_header(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_spoken_on_loopback_only() {
        for host in ["127.0.0.1:5000", "localhost", "[::1]:80", "127.9.9.9"] {
            assert_eq!(scheme_of(host), "http", "{host}");
        }
        for host in ["10.0.0.1:5000", "registry.example", "localhost.example:80"] {
            assert_eq!(scheme_of(host), "https", "{host}");
        }
    }

    #[test]
    fn a_shown_host_holds_no_credentials() {
        let uri: Uri = "https://user:canary@registry.example:8443/v2/"
            .parse()
            .unwrap();
        assert_eq!(shown_host(&uri), "registry.example:8443");
    }

    #[test]
    fn waits_grow_and_are_bounded() {
        for attempt in 1..40 {
            assert!(backoff(attempt, Duration::from_secs(2)) <= Duration::from_millis(2_500));
        }
        assert!(backoff(1, Duration::from_secs(9)) >= Duration::from_millis(150));
    }
}
