//! The registry plane: OCI distribution under `/v2/`, as ECR answers it.

mod blobs;
mod download;
mod endpoint;
mod listing;
mod manifests;
mod uploads;

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::Value;

pub(crate) use download::{DOWNLOAD_PATH, download, download_url};
use endpoint::{Endpoint, Target};

use crate::api::Call;
use crate::config::FaultKind;
use crate::errors::RegistryError;
use crate::identity::{Token, TokenProblem};
use crate::model::Scope;
use crate::server::{Body, Shared, cut_short, empty, full, header, json_body};

/// Result of a function of this plane.
type Answer = Result<Response<Body>, RegistryError>;

/// A request with what is known about it.
struct Exchange<'a> {
    call: Call<'a>,
    scope: &'a Scope,
    parts: &'a Parts,
}

impl Exchange<'_> {
    /// Returns a parameter of the query.
    fn query(&self, name: &str) -> Option<String> {
        crate::server::query_value(self.parts.uri.query().unwrap_or_default(), name)
    }

    /// Returns an absolute address on this port.
    fn location(&self, path: &str) -> Result<String, RegistryError> {
        let address = self.call.server.listen(self.scope, None);
        let address = address.map_err(|error| internal(&error.to_string()))?;
        Ok(format!("http://{address}{path}"))
    }
}

/// Answers a request under `/v2/`; `None` closes the connection.
pub(crate) async fn answer(
    server: &Arc<Shared>,
    scope: &Scope,
    request: Request<Incoming>,
) -> Option<Response<Body>> {
    let (parts, body) = request.into_parts();
    let token = match authenticated(server, scope, &parts.headers) {
        Ok(token) => token,
        Err(problem) => return Some(challenge(scope, problem)),
    };
    let Some(target) = Target::parse(&parts.method, parts.uri.path()) else {
        let error = RegistryError::not_found("UNSUPPORTED", "there is no such endpoint");
        return Some(refusal(&error));
    };
    let caller = Scope {
        account: token.account,
        region: scope.region.clone(),
    };
    let mut cut = false;
    match server.begin(scope, target.counted, target.operation).await {
        Some(FaultKind::DropConnection) => return None,
        Some(FaultKind::ExpiredToken) => {
            return Some(challenge(scope, Some(TokenProblem::Expired)));
        }
        Some(FaultKind::Truncated) => cut = true,
        Some(FaultKind::Late) | None => {}
        Some(fault) => return Some(refusal(&faulted(&fault))),
    }
    let principal = format!("arn:{}:iam::{}:root", caller.partition(), caller.account);
    let now = server.clock.now();
    let call = Call {
        server,
        caller,
        principal,
        operation: target.operation,
        now,
        old: false,
    };
    let request = Exchange {
        call,
        scope,
        parts: &parts,
    };
    let answer = run(&request, &target, body)
        .await
        .unwrap_or_else(|error| refusal(&error));
    if cut {
        cut_short(answer).await
    } else {
        Some(answer)
    }
}

async fn run(request: &Exchange<'_>, target: &Target, body: Incoming) -> Answer {
    let name = target.name.as_str();
    if !name.is_empty() {
        let call = &request.call;
        let resources = [request.scope.arn(name)];
        let policy = &call.server.identity_policy;
        policy.check(&call.principal, target.operation, &resources)?;
        if target.counted == "registry:FinishUpload" {
            // The last request of an upload may bring bytes: it is a part as well.
            policy.check(&call.principal, "UploadLayerPart", &resources)?;
        }
    }
    match (&target.endpoint, &request.parts.method) {
        (Endpoint::Ping, &Method::GET | &Method::HEAD) => Ok(plain(StatusCode::OK)),
        (Endpoint::Catalog, &Method::GET) => listing::catalog(request),
        (Endpoint::Tags, &Method::GET) => listing::tags(request, name),
        (Endpoint::Referrers(digest), &Method::GET) => listing::referrers(request, name, digest),
        (Endpoint::Manifest(reference), &Method::GET | &Method::HEAD) => {
            manifests::get(request, name, reference)
        }
        (Endpoint::Manifest(reference), &Method::PUT) => {
            manifests::put(request, name, reference, body).await
        }
        (Endpoint::Manifest(reference), &Method::DELETE) => {
            manifests::delete(request, name, reference)
        }
        (Endpoint::Blob(digest), &Method::HEAD) => blobs::head(request, name, digest),
        (Endpoint::Blob(digest), &Method::GET) => blobs::get(request, name, digest).await,
        (Endpoint::Uploads, &Method::POST) => uploads::start(request, name),
        (Endpoint::Upload(id), &Method::GET) => uploads::status(request, name, id),
        (Endpoint::Upload(id), &Method::PATCH) => uploads::patch(request, name, id, body).await,
        (Endpoint::Upload(id), &Method::PUT) => uploads::finish(request, name, id, body).await,
        (Endpoint::Upload(id), &Method::DELETE) => uploads::cancel(request, name, id),
        _ => Err(RegistryError::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "UNSUPPORTED",
            "The operation is unsupported.",
        )),
    }
}

/// Reads the token of a Basic `Authorization` header; the problem is `None` if there is no header.
fn authenticated(
    server: &Shared,
    scope: &Scope,
    headers: &HeaderMap,
) -> Result<Token, Option<TokenProblem>> {
    let header = header(headers, "authorization").ok_or(None)?;
    let credentials = header
        .strip_prefix("Basic ")
        .or_else(|| header.strip_prefix("basic "));
    let credentials = credentials.ok_or(Some(TokenProblem::Invalid))?;
    Token::opened(
        credentials,
        &server.secret,
        &scope.region,
        server.clock.now(),
    )
    .map_err(Some)
}

fn challenge(scope: &Scope, problem: Option<TokenProblem>) -> Response<Body> {
    let message = match problem {
        Some(TokenProblem::Expired) => {
            "Your authorization token has expired. Reauthenticate and try again."
        }
        Some(TokenProblem::Invalid) => "Your Authorization Token is invalid.",
        None => "Not Authorized",
    };
    let code = if problem.is_some() {
        "DENIED"
    } else {
        "UNAUTHORIZED"
    };
    let mut answer = refusal(&RegistryError::new(StatusCode::UNAUTHORIZED, code, message));
    let challenge = format!("Basic realm=\"{scope}\",service=\"ecr.amazonaws.com\"");
    answer.headers_mut().insert(
        "www-authenticate",
        challenge.parse().expect("scopes are plain text"),
    );
    answer
}

fn faulted(fault: &FaultKind) -> RegistryError {
    match fault {
        FaultKind::AccessDenied => RegistryError::new(
            StatusCode::FORBIDDEN,
            "DENIED",
            "denied by an injected fault",
        ),
        FaultKind::Throttled => RegistryError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "TOOMANYREQUESTS",
            "Rate exceeded",
        ),
        _ => internal("an injected fault"),
    }
}

fn internal(message: &str) -> RegistryError {
    RegistryError::new(StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN", message)
}

fn refusal(error: &RegistryError) -> Response<Body> {
    json_answer(
        error.status,
        "application/json; charset=utf-8",
        &error.body(),
    )
}

fn json_answer(status: StatusCode, content_type: &'static str, value: &Value) -> Response<Body> {
    let mut answer = json_body(status, content_type, value);
    set(
        &mut answer,
        "docker-distribution-api-version",
        "registry/2.0",
    );
    answer
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut answer = Response::new(empty());
    *answer.status_mut() = status;
    set(
        &mut answer,
        "docker-distribution-api-version",
        "registry/2.0",
    );
    answer
}

/// Sets a header whose value came from here or was checked.
fn set(answer: &mut Response<Body>, name: &'static str, value: &str) {
    if let Ok(value) = value.parse() {
        answer.headers_mut().insert(name, value);
    }
}

fn with_text(mut answer: Response<Body>, text: &str) -> Response<Body> {
    *answer.body_mut() = full(text.to_owned());
    answer
}
