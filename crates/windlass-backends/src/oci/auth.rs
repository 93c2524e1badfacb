//! Signing in to registries: the challenge of `WWW-Authenticate`, answered with Basic or with a bearer token (distribution specification, "Token authentication").

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT, WWW_AUTHENTICATE};
use hyper::{HeaderMap, Method, Request, Uri};
use serde::Deserialize;
use tokio::time::Instant;

use super::connect::is_loopback;
use super::problem::Problem;
use super::transport::{self, Transport, TransportError, basic, secret_header};
use crate::docker::{Credential, Credentials};

/// How long a credential helper or a token server may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// What a registry asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// Lower case: `bearer`, `basic`.
    scheme: String,
    parameters: BTreeMap<String, String>,
}

/// Why no authorization was found.
#[derive(Debug)]
pub(crate) enum AuthError {
    /// The text says which program or server failed.
    Refused(String),
    Transport(TransportError),
}

#[derive(Deserialize)]
struct TokenAnswer {
    token: Option<String>,
    access_token: Option<String>,
    expires_in: Option<u64>,
}

/// Authorizations that were found, by host and repository.
#[derive(Debug, Default)]
pub(crate) struct Authorizations(Mutex<BTreeMap<(String, String), (HeaderValue, Instant)>>);

impl Authorizations {
    pub(crate) fn get(&self, host: &str, repository: &str) -> Option<HeaderValue> {
        let kept = self
            .0
            .lock()
            .expect("no code panics while it holds this lock");
        let (value, until) = kept.get(&(host.to_owned(), repository.to_owned()))?;
        (Instant::now() < *until).then(|| value.clone())
    }

    /// Answers a challenge and keeps the answer.
    pub(crate) async fn answer(
        &self,
        client: &SignIn<'_>,
        headers: &HeaderMap,
        repository: &str,
    ) -> Result<Option<HeaderValue>, AuthError> {
        let Some((value, life)) = client.answer(headers, repository).await? else {
            return Ok(None);
        };
        let key = (client.host.to_owned(), repository.to_owned());
        let mut kept = self
            .0
            .lock()
            .expect("no code panics while it holds this lock");
        kept.insert(key, (value.clone(), Instant::now() + life));
        Ok(Some(value))
    }
}

/// What is needed to sign in to one registry.
pub(crate) struct SignIn<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) credentials: &'a Credentials,
    pub(crate) user_agent: &'a str,
    /// As references name it.
    pub(crate) host: &'a str,
}

impl SignIn<'_> {
    async fn answer(
        &self,
        headers: &HeaderMap,
        repository: &str,
    ) -> Result<Option<(HeaderValue, Duration)>, AuthError> {
        let challenges = challenges(headers);
        let find = |scheme: &str| {
            challenges
                .iter()
                .find(|challenge| challenge.scheme == scheme)
        };
        let credential = tokio::time::timeout(PATIENCE, self.credentials.find(self.host))
            .await
            .unwrap_or_else(|_| {
                Err(format!(
                    "the credential helper for {} did not answer",
                    self.host
                ))
            })
            .map_err(AuthError::Refused)?;
        if let Some(bearer) = find("bearer") {
            return self.token(bearer, repository, credential).await.map(Some);
        }
        match (find("basic"), credential) {
            (Some(_), Some(credential)) if !credential.username.is_empty() => {
                let value = basic(&credential.username, &credential.secret);
                Ok(Some((value, Duration::from_hours(1))))
            }
            _ => Ok(None),
        }
    }

    async fn token(
        &self,
        challenge: &Challenge,
        repository: &str,
        credential: Option<Credential>,
    ) -> Result<(HeaderValue, Duration), AuthError> {
        let realm = challenge.parameters.get("realm").map_or("", String::as_str);
        let uri: Uri = realm.parse().ok().filter(is_safe).ok_or_else(|| {
            AuthError::Refused(format!(
                "{} names a token server that is neither https nor on this machine",
                self.host
            ))
        })?;
        let scope = challenge.parameters.get("scope").cloned();
        let scope = scope.unwrap_or_else(|| format!("repository:{repository}:pull"));
        let service = challenge
            .parameters
            .get("service")
            .map_or("", String::as_str);
        let request = self.token_request(&uri, service, &scope, credential.as_ref());
        let request = request.map_err(|error| AuthError::Refused(error.to_string()))?;
        let shown = transport::shown_host(&uri);
        let answer = self
            .transport
            .send_within(PATIENCE, request)
            .await
            .map_err(AuthError::Transport)?;
        let status = answer.status();
        let body = transport::read(answer.into_body(), &shown, 1024 * 1024, PATIENCE)
            .await
            .map_err(AuthError::Transport)?;
        if !status.is_success() {
            let problem = Problem::parse(status, &body);
            if problem.is_passing() {
                return Err(AuthError::Transport(TransportError::Broken(format!(
                    "the token server {shown} answered {}",
                    problem.text()
                ))));
            }
            return Err(AuthError::Refused(format!(
                "the token server {shown} answered {}",
                problem.text()
            )));
        }
        let unusable = || AuthError::Refused(format!("the token server {shown} answered no token"));
        let answer: TokenAnswer = serde_json::from_slice(&body).map_err(|_| unusable())?;
        let token = answer.token.or(answer.access_token).ok_or_else(unusable)?;
        // The specification's default is 60 s; a few are left for the way.
        let life = answer.expires_in.unwrap_or(60).saturating_sub(5).max(5);
        let value = secret_header(&format!("Bearer {token}"));
        Ok((value, Duration::from_secs(life.min(86_400))))
    }

    fn token_request(
        &self,
        realm: &Uri,
        service: &str,
        scope: &str,
        credential: Option<&Credential>,
    ) -> Result<Request<transport::Body>, hyper::http::Error> {
        let query = format!("service={}&scope={}", encode(service), encode(scope));
        let request = Request::builder().header(USER_AGENT, self.user_agent);
        if let Some(token) = credential.filter(|credential| credential.username.is_empty()) {
            let form = format!(
                "grant_type=refresh_token&client_id=windlass&refresh_token={}&{query}",
                encode(&token.secret)
            );
            return request
                .method(Method::POST)
                .uri(realm)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(transport::full(form));
        }
        let separator = if realm.query().is_some() { '&' } else { '?' };
        let mut request = request.uri(format!("{realm}{separator}{query}"));
        if let Some(credential) = credential {
            request = request.header(
                AUTHORIZATION,
                basic(&credential.username, &credential.secret),
            );
        }
        request.body(transport::empty())
    }
}

/// Says whether credentials may be sent to an address.
fn is_safe(uri: &Uri) -> bool {
    match (uri.scheme_str(), uri.host()) {
        (Some("https"), Some(_)) => true,
        (Some("http"), Some(host)) => is_loopback(host),
        _ => false,
    }
}

fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend(
                [byte >> 4, byte & 15]
                    .map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    }
    encoded
}

fn challenges(headers: &HeaderMap) -> Vec<Challenge> {
    headers
        .get_all(WWW_AUTHENTICATE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(parse_challenges)
        .collect()
}

/// Reads `Bearer realm="..",service="..",Basic realm=".."` (RFC 9110, section 11.6.1).
fn parse_challenges(text: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let end = rest.find([' ', '\t', ',', '=']).unwrap_or(rest.len());
        if end == 0 {
            return found;
        }
        let word = rest[..end].to_ascii_lowercase();
        rest = &rest[end..];
        if let Some(value) = rest.strip_prefix('=') {
            let (value, after) = parse_value(value);
            rest = after;
            if let Some(challenge) = found.last_mut() {
                challenge.parameters.insert(word, value);
            }
        } else {
            found.push(Challenge {
                scheme: word,
                parameters: BTreeMap::new(),
            });
        }
    }
}

fn parse_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', ',']).unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &quoted[at + 1..]),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_with_their_parameters() {
        let text = r#"Bearer realm="https://auth.example/token?a=b",service="registry.example",scope="repository:a/b:pull,push", Basic realm="x \"y\"""#;
        let read = parse_challenges(text);
        assert_eq!(read.len(), 2);
        assert_eq!(read[0].scheme, "bearer");
        assert_eq!(
            read[0].parameters["realm"],
            "https://auth.example/token?a=b"
        );
        assert_eq!(read[0].parameters["scope"], "repository:a/b:pull,push");
        assert_eq!(read[1].scheme, "basic");
        assert_eq!(read[1].parameters["realm"], r#"x "y""#);
    }

    #[test]
    fn no_header_makes_the_reader_panic_or_loop() {
        for text in [
            "",
            "=",
            "Bearer",
            "Bearer realm",
            "Bearer realm=",
            "Bearer realm=\"x",
            "a=b=c,,=\"",
            "\"",
            "Bearer realm=\"\\",
            "é=\"é\\é\"",
        ] {
            drop(parse_challenges(text));
        }
    }

    #[test]
    fn credentials_go_to_https_or_to_this_machine_only() {
        let safe = |text: &str| is_safe(&text.parse().unwrap());
        assert!(safe("https://auth.example/token"));
        assert!(safe("http://127.0.0.1:5001/token"));
        assert!(!safe("http://auth.example/token"));
        assert!(!safe("/token"));
    }
}
