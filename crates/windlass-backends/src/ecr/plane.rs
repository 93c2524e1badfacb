//! The registry plane of ECR (`/v2/`): where a repository is, authorised requests, retries, single blobs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, LOCATION, USER_AGENT};
use hyper::{Method, Request, Response, StatusCode, Uri};
use windlass_core::name::{Digest, RepositoryName};
use windlass_engine::ports::{PullCredentials, RegistryError};

use super::account::Account;
use super::push::{Counter, file_body};
use super::token::Token;
use crate::oci::problem::Problem;
use crate::oci::transport::{self, TransportError, backoff, basic, scheme_of};

/// How long the registry may think about a request without a body.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Redirects followed when a blob is read.
const REDIRECTS: usize = 5;
/// Tokens asked for while one request is answered by 401.
const RENEWALS: u32 = 3;

/// A repository on the registry plane.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) repository: RepositoryName,
    /// `https://host`, from the repository's URI or the registry's own endpoint.
    base: String,
    /// `shop/api`, as the URI names it.
    path: String,
}

/// What a request carries.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    None,
    Bytes(Bytes),
    File(PathBuf, u64),
}

/// What a blob's upload begins with.
pub(crate) enum Begun {
    Mounted,
    At(Uri),
}

impl Place {
    fn url(&self, rest: &str) -> Result<Uri, RegistryError> {
        parse_url(&format!("{}/v2/{}/{rest}", self.base, self.path))
    }

    /// Makes a `Location` absolute. Its host is kept only where it is another one than that of the repository.
    fn resolve(&self, location: &str, own_host: &str) -> Result<Uri, RegistryError> {
        if location.starts_with('/') {
            return parse_url(&format!("{}{location}", self.base));
        }
        let absolute = parse_url(location)?;
        let path = absolute.path_and_query().map_or("/", |path| path.as_str());
        if absolute
            .authority()
            .is_some_and(|host| host.as_str() == own_host)
        {
            return parse_url(&format!("{}{path}", self.base));
        }
        Ok(absolute)
    }

    fn is_home(&self, url: &Uri) -> bool {
        let home = self.base.parse::<Uri>().ok();
        home.is_some_and(|home| {
            home.authority() == url.authority() && home.scheme() == url.scheme()
        })
    }
}

fn parse_url(text: &str) -> Result<Uri, RegistryError> {
    text.parse().map_err(|_| {
        RegistryError::Other("the registry named an address that is no URL".to_owned())
    })
}

pub(crate) fn transport_error(error: &TransportError, what: &str) -> RegistryError {
    let text = format!("{what}: {error}");
    match error {
        TransportError::Unreachable(_) => RegistryError::Unreachable(text),
        TransportError::Silent(_) | TransportError::Broken(_) => RegistryError::Transient(text),
    }
}

impl Account {
    pub(crate) async fn place(
        &self,
        name: &RepositoryName,
    ) -> Result<(Place, String), RegistryError> {
        let uri = self.uri_of(name).await?;
        let (host, path) = uri.split_once('/').ok_or_else(|| {
            RegistryError::Other(format!("the URI {uri} of {name} names no repository"))
        })?;
        let base = match &self.identity.endpoint.registry {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("{}://{host}", scheme_of(host)),
        };
        let place = Place {
            repository: name.clone(),
            base,
            path: path.to_owned(),
        };
        Ok((place, host.to_owned()))
    }

    /// Returns host, user and password for a builder that pulls.
    pub(crate) async fn pull_credentials(&self) -> Result<PullCredentials, RegistryError> {
        let token = self.token().await?;
        let of_uri = self
            .any_uri()
            .and_then(|uri| Some(uri.split_once('/')?.0.to_owned()));
        let host = of_uri.or_else(|| token.host.clone()).ok_or_else(|| {
            RegistryError::Other(format!(
                "registry {} names no host for its token",
                self.name
            ))
        })?;
        Ok(PullCredentials {
            host,
            user: token.user.clone(),
            password: token.password.clone(),
        })
    }

    /// Repeats what failed for a passing reason; a registry that cannot be reached at all is given up sooner.
    pub(crate) async fn retrying<T, F>(
        &self,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, RegistryError>
    where
        F: Future<Output = Result<T, RegistryError>>,
    {
        let mut count = 1;
        loop {
            let error = match attempt().await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let limit = match error {
                RegistryError::Transient(_) => 7,
                RegistryError::Unreachable(_) => 3,
                _ => 1,
            };
            if count >= limit {
                return Err(error);
            }
            tokio::time::sleep(backoff(count, Duration::from_secs(5))).await;
            count += 1;
        }
    }

    /// Sends one request; a refused token is renewed, once where the answer may also be about permissions. Any status is an answer.
    async fn send(
        &self,
        place: &Place,
        what: &str,
        method: &Method,
        url: &Uri,
        payload: &Payload,
        counter: Option<&Arc<Counter>>,
    ) -> Result<Response<Incoming>, RegistryError> {
        let mut token = if place.is_home(url) {
            Some(self.token().await?)
        } else {
            None
        };
        let mut renewed = 0;
        loop {
            let answer = self
                .send_as(token.as_deref(), what, method, url, payload, counter)
                .await?;
            let renewals = match answer.status() {
                StatusCode::UNAUTHORIZED => RENEWALS,
                StatusCode::FORBIDDEN => 1,
                _ => 0,
            };
            match token {
                Some(old) if renewed < renewals => {
                    renewed += 1;
                    self.drop_token(&old).await;
                    token = Some(self.token().await?);
                }
                _ => return Ok(answer),
            }
        }
    }

    async fn send_as(
        &self,
        token: Option<&Token>,
        what: &str,
        method: &Method,
        url: &Uri,
        payload: &Payload,
        counter: Option<&Arc<Counter>>,
    ) -> Result<Response<Incoming>, RegistryError> {
        let mut request = Request::builder()
            .method(method)
            .uri(url)
            .header(USER_AGENT, &self.user_agent);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, basic(&token.user, &token.password));
        }
        let mut limit = PATIENCE;
        let body = match payload {
            Payload::None => transport::empty(),
            Payload::Bytes(bytes) => transport::full(bytes.clone()),
            Payload::File(path, size) => {
                limit += Duration::from_secs(size / 50_000);
                request = request.header(CONTENT_LENGTH, *size);
                file_body(path, counter.cloned()).await.map_err(|error| {
                    RegistryError::Other(format!("{what}: cannot read {}: {error}", path.display()))
                })?
            }
        };
        if !matches!(payload, Payload::None) {
            request = request.header(CONTENT_TYPE, "application/octet-stream");
        } else if *method == Method::POST {
            request = request.header(CONTENT_LENGTH, 0);
        }
        let request = request
            .body(body)
            .map_err(|error| RegistryError::Other(format!("{what}: {error}")))?;
        self.transport
            .send_within(limit, request)
            .await
            .map_err(|error| transport_error(&error, what))
    }

    /// Says whether a repository holds a blob.
    pub(crate) async fn has_blob(
        &self,
        place: &Place,
        digest: &Digest,
    ) -> Result<bool, RegistryError> {
        let what = format!("looking for a blob in {}", place.repository);
        let url = place.url(&format!("blobs/{digest}"))?;
        self.retrying(async || {
            let answer = self
                .send(place, &what, &Method::HEAD, &url, &Payload::None, None)
                .await?;
            match answer.status() {
                status if status.is_success() || status.is_redirection() => Ok(true),
                // A HEAD has no body: what is missing, blob or repository, the upload will tell.
                StatusCode::NOT_FOUND => Ok(false),
                status => Err(Problem::parse(status, b"").error(&what)),
            }
        })
        .await
    }

    /// Begins an upload, asking for a mount where another repository holds the blob.
    pub(crate) async fn begin_upload(
        &self,
        place: &Place,
        own_host: &str,
        mount: Option<(&Digest, &RepositoryName)>,
    ) -> Result<Begun, RegistryError> {
        let what = format!("push to {}", place.repository);
        let query = mount.map_or_else(String::new, |(digest, from)| {
            format!("?mount={digest}&from={}", from.as_str().replace('/', "%2F"))
        });
        let url = place.url(&format!("blobs/uploads/{query}"))?;
        let answer = self
            .send(place, &what, &Method::POST, &url, &Payload::None, None)
            .await?;
        match answer.status() {
            StatusCode::CREATED if mount.is_some() => Ok(Begun::Mounted),
            StatusCode::ACCEPTED => {
                let location = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok());
                let location = location.ok_or_else(|| {
                    RegistryError::Other(format!("{what}: the registry named no upload location"))
                })?;
                place.resolve(location, own_host).map(Begun::At)
            }
            _ => Err(problem(answer).await.error(&what)),
        }
    }

    /// Sends a whole blob in one PUT: ECR drops every part after the first of a chunked upload.
    pub(crate) async fn finish_upload(
        &self,
        place: &Place,
        location: &Uri,
        digest: &Digest,
        payload: &Payload,
        counter: Option<&Arc<Counter>>,
    ) -> Result<(), RegistryError> {
        let what = format!("push of a blob to {}", place.repository);
        let separator = if location.query().is_some() { '&' } else { '?' };
        let url = parse_url(&format!(
            "{location}{separator}digest={}",
            digest.as_str().replace(':', "%3A")
        ))?;
        let answer = self
            .send(place, &what, &Method::PUT, &url, payload, counter)
            .await?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(problem(answer).await.error(&what))
        }
    }

    /// Brings a blob into a repository unless it is there. Says whether bytes were sent.
    pub(crate) async fn ensure_blob(
        &self,
        name: &RepositoryName,
        bytes: Bytes,
    ) -> Result<Digest, RegistryError> {
        let (place, host) = self.place(name).await?;
        let digest = Digest::of(&bytes);
        if self.has_blob(&place, &digest).await? {
            return Ok(digest);
        }
        let payload = Payload::Bytes(bytes);
        self.retrying(
            async || match self.begin_upload(&place, &host, None).await? {
                Begun::Mounted => Ok(()),
                Begun::At(location) => {
                    self.finish_upload(&place, &location, &digest, &payload, None)
                        .await
                }
            },
        )
        .await?;
        Ok(digest)
    }

    /// Reads a blob of at most `limit` bytes, following redirects; its bytes are checked against the digest.
    pub(crate) async fn read_blob(
        &self,
        name: &RepositoryName,
        digest: &Digest,
        limit: usize,
    ) -> Result<Bytes, RegistryError> {
        let (place, host) = self.place(name).await?;
        let what = format!("reading a blob of {name}");
        let bytes = self
            .retrying(async || {
                self.read_blob_once(&place, &host, &what, digest, limit)
                    .await
            })
            .await?;
        if Digest::of(&bytes) == *digest {
            Ok(bytes)
        } else {
            Err(RegistryError::Other(format!(
                "{what}: the bytes are not {digest}"
            )))
        }
    }

    async fn read_blob_once(
        &self,
        place: &Place,
        host: &str,
        what: &str,
        digest: &Digest,
        limit: usize,
    ) -> Result<Bytes, RegistryError> {
        let (answer, url) = self.open_blob_at(place, host, what, digest).await?;
        let shown = transport::shown_host(&url);
        transport::read(answer.into_body(), &shown, limit, PATIENCE)
            .await
            .map_err(|error| transport_error(&error, what))
    }

    /// Asks for a blob, following redirects; the body is still to be read.
    pub(crate) async fn open_blob(
        &self,
        place: &Place,
        host: &str,
        what: &str,
        digest: &Digest,
    ) -> Result<Response<Incoming>, RegistryError> {
        let (answer, _) = self.open_blob_at(place, host, what, digest).await?;
        Ok(answer)
    }

    async fn open_blob_at(
        &self,
        place: &Place,
        host: &str,
        what: &str,
        digest: &Digest,
    ) -> Result<(Response<Incoming>, Uri), RegistryError> {
        let mut url = place.url(&format!("blobs/{digest}"))?;
        for _ in 0..=REDIRECTS {
            let answer = self
                .send(place, what, &Method::GET, &url, &Payload::None, None)
                .await?;
            if answer.status().is_redirection() {
                let location = answer.headers().get(LOCATION).and_then(|l| l.to_str().ok());
                let location = location.ok_or_else(|| {
                    RegistryError::Other(format!("{what}: a redirect without a location"))
                })?;
                url = place.resolve(location, host)?;
                continue;
            }
            if !answer.status().is_success() {
                return Err(problem(answer).await.error(what));
            }
            return Ok((answer, url));
        }
        Err(RegistryError::Other(format!("{what}: too many redirects")))
    }
}

pub(crate) async fn problem(answer: Response<Incoming>) -> Problem {
    let status = answer.status();
    let body = transport::read(answer.into_body(), "the registry", 64 * 1024, PATIENCE).await;
    Problem::parse(status, &body.unwrap_or_default())
}
