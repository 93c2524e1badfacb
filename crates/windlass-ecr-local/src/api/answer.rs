//! From an HTTP request to an operation, and back.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::api::{Call, OPERATIONS, sts, tagging};
use crate::config::FaultKind;
use crate::errors::ApiError;
use crate::identity::{access_key_id, is_account};
use crate::identity_policy;
use crate::model::Scope;
use crate::server::{Body, Shared, collect, cut_short, full, header, json_body};
use crate::validate;

const ECR: &str = "AmazonEC2ContainerRegistry_V20150921.";
const TAGGING: &str = "ResourceGroupsTaggingAPI_20170126.";
const CONTENT_TYPE: &str = "application/x-amz-json-1.1";
/// A layer part of 20 MiB in base64, and some more.
const LIMIT: usize = 32 * 1024 * 1024;

/// Answers a call of the JSON protocol; `None` closes the connection.
pub(crate) async fn answer(
    server: &Arc<Shared>,
    port: &Scope,
    target: &str,
    request: Request<Incoming>,
) -> Option<Response<Body>> {
    let (parts, body) = request.into_parts();
    // The body is read before any refusal, or a client that is still sending sees a broken connection.
    let body = collect(body, LIMIT).await;
    match outcome(server, port, target, &parts.headers, body).await {
        Outcome::Answer(value) => Some(json_body(StatusCode::OK, CONTENT_TYPE, &value)),
        Outcome::Cut(value) => cut_short(json_body(StatusCode::OK, CONTENT_TYPE, &value)).await,
        Outcome::Refusal(error) => Some(refusal(&error)),
        Outcome::Drop => None,
    }
}

enum Outcome {
    Answer(Value),
    /// The same, of which the caller sees half.
    Cut(Value),
    Refusal(ApiError),
    Drop,
}

impl From<Result<Value, ApiError>> for Outcome {
    fn from(result: Result<Value, ApiError>) -> Self {
        result.map_or_else(Self::Refusal, Self::Answer)
    }
}

async fn outcome(
    server: &Arc<Shared>,
    port: &Scope,
    target: &str,
    headers: &HeaderMap,
    body: Option<Bytes>,
) -> Outcome {
    let (counted, operation) = match (target.strip_prefix(ECR), target.strip_prefix(TAGGING)) {
        (Some(operation), _) => (operation.to_owned(), operation),
        (_, Some(operation)) => (format!("tag:{operation}"), operation),
        _ => return Outcome::Refusal(unknown_operation(target)),
    };
    let (caller, principal) = match caller(port, headers) {
        Ok(caller) => caller,
        Err(error) => return Outcome::Refusal(error),
    };
    let (mut cut, mut old) = (false, false);
    match server.begin(&caller, &counted, operation).await {
        Some(FaultKind::DropConnection) => return Outcome::Drop,
        Some(FaultKind::Truncated) => cut = true,
        Some(FaultKind::Late) => old = true,
        Some(fault) => return Outcome::Refusal(faulted(&fault, &principal, operation)),
        None => {}
    }
    let call = Call {
        server,
        caller,
        principal,
        operation,
        now: server.clock.now(),
        old,
    };
    let request = body.ok_or_else(|| {
        ApiError::new(
            "SerializationException",
            "the body is too long or broken off",
        )
    });
    let request = request.and_then(|body| parsed(&body));
    let run = if counted == operation {
        ecr
    } else {
        tagging::run
    };
    match request.and_then(|request| run(&call, request)) {
        Ok(value) if cut => Outcome::Cut(value),
        result => result.into(),
    }
}

fn ecr(call: &Call<'_>, request: Value) -> Result<Value, ApiError> {
    let operation = call.operation;
    let Some((_, run)) = OPERATIONS.iter().find(|(name, _)| *name == operation) else {
        return Err(unknown_operation(operation));
    };
    validate::check_request(operation, &request)?;
    permitted(call, &request)?;
    let answer = run(call, request)?;
    #[cfg(debug_assertions)]
    validate::check_answer(operation, &answer).map_err(|problem| {
        ApiError::server(format!(
            "our answer to {operation} breaks the service model: {problem}"
        ))
    })?;
    Ok(answer)
}

/// Checks what the caller's identity is allowed. A repository that is created with tags needs to be tagged as well.
fn permitted(call: &Call<'_>, request: &Value) -> Result<(), ApiError> {
    let resources = identity_policy::resources(&call.caller, call.operation, request);
    let policy = &call.server.identity_policy;
    policy.check(&call.principal, call.operation, &resources)?;
    let tags = request["tags"]
        .as_array()
        .is_some_and(|tags| !tags.is_empty());
    if call.operation == "CreateRepository" && tags {
        policy.check(&call.principal, "TagResource", &resources)?;
    }
    Ok(())
}

fn parsed(body: &[u8]) -> Result<Value, ApiError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| ApiError::new("SerializationException", error.to_string()))
}

/// Returns the registry and the ARN of the caller.
fn caller(port: &Scope, headers: &HeaderMap) -> Result<(Scope, String), ApiError> {
    let key = access_key_id(header(headers, "authorization"))?;
    let account = if is_account(key) { key } else { &port.account };
    let caller = Scope {
        account: account.to_owned(),
        region: port.region.clone(),
    };
    let assumed =
        header(headers, "x-amz-security-token").and_then(|token| sts::principal_of(token, account));
    let principal =
        assumed.unwrap_or_else(|| format!("arn:{}:iam::{account}:root", caller.partition()));
    Ok((caller, principal))
}

fn unknown_operation(name: &str) -> ApiError {
    let message = if validate::is_operation(name) {
        format!("the local ECR does not play {name}; docs/local-ecr.md lists what it does")
    } else {
        format!("unknown operation {name}")
    };
    ApiError::new("UnknownOperationException", message)
}

fn faulted(fault: &FaultKind, principal: &str, operation: &str) -> ApiError {
    match fault {
        FaultKind::AccessDenied => ApiError::new(
            "AccessDeniedException",
            format!(
                "User: {principal} is not authorized to perform: ecr:{operation} because of an injected fault"
            ),
        ),
        FaultKind::Throttled => ApiError::new("ThrottlingException", "Rate exceeded"),
        FaultKind::ExpiredToken => ApiError::new(
            "ExpiredTokenException",
            "The security token included in the request is expired",
        ),
        FaultKind::ServerError
        | FaultKind::DropConnection
        | FaultKind::Truncated
        | FaultKind::Hang
        | FaultKind::Late
        | FaultKind::Delay(_) => ApiError::server("An injected fault"),
    }
}

fn refusal(error: &ApiError) -> Response<Body> {
    let mut answer = json_body(error.status, CONTENT_TYPE, &error.body());
    answer.headers_mut().insert(
        "x-amzn-errortype",
        error.code.parse().expect("codes are plain text"),
    );
    answer
}

/// Answers a call of the query protocol (STS); `None` closes the connection.
pub(crate) async fn answer_query(
    server: &Arc<Shared>,
    port: &Scope,
    request: Request<Incoming>,
) -> Option<Response<Body>> {
    let (parts, body) = request.into_parts();
    let body = collect(body, 65_536).await.unwrap_or_default();
    let form = String::from_utf8_lossy(&body).into_owned();
    let action = crate::server::query_value(&form, "Action").unwrap_or_default();
    let result = match caller(port, &parts.headers) {
        Err(error) => Err(error),
        Ok((caller, principal)) => {
            match server.begin(&caller, &format!("sts:{action}"), "").await {
                Some(FaultKind::DropConnection) => return None,
                Some(fault) if fault != FaultKind::Late => {
                    Err(faulted(&fault, &principal, &action))
                }
                _ => {
                    let call = Call {
                        server,
                        caller,
                        principal,
                        operation: &action,
                        now: server.clock.now(),
                        old: false,
                    };
                    sts::run(&call, &form)
                }
            }
        }
    };
    let (status, text) = match result {
        Ok(text) => (StatusCode::OK, text),
        Err(error) => (sts::status(&error), sts::error_text(&error)),
    };
    let answer = Response::builder()
        .status(status)
        .header("content-type", "text/xml")
        .body(full(text));
    Some(answer.expect("the parts of the answer are valid"))
}

/// Returns the answer of an operation that says nothing.
pub(super) fn nothing() -> Value {
    json!({})
}
