//! What is no part of ECR: allotting addresses for other processes, setting faults.
//!
//! Callers prove with the secret of the data folder that they may read it.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::config::{Fault, FaultKind};
use crate::identity::{hex, is_account, same_signature};
use crate::model::Scope;
use crate::server::{Body, Shared, collect, header, json_body};

/// Where another process asks for an address.
pub(crate) const ADDRESS_PATH: &str = "/_windlass/address";
/// Header that carries the secret of the data folder, in hexadecimal digits.
pub(crate) const KEY_HEADER: &str = "x-windlass-key";

/// Answers a request under `/_windlass/`.
pub(super) async fn answer(server: &Arc<Shared>, request: Request<Incoming>) -> Response<Body> {
    let (status, value) = match outcome(server, request).await {
        Ok(value) => (StatusCode::OK, value),
        Err((status, message)) => (status, json!({ "message": message })),
    };
    json_body(status, "application/json", &value)
}

async fn outcome(
    server: &Arc<Shared>,
    request: Request<Incoming>,
) -> Result<Value, (StatusCode, String)> {
    let key = header(request.headers(), KEY_HEADER).unwrap_or_default();
    if !same_signature(key.as_bytes(), hex(&server.secret).as_bytes()) {
        return Err((
            StatusCode::FORBIDDEN,
            "the key of the data folder is missing".to_owned(),
        ));
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let body = collect(request.into_body(), 65_536)
        .await
        .unwrap_or_default();
    match (method, path.as_str()) {
        (Method::POST, ADDRESS_PATH) => address(server, &body),
        (Method::GET, "/_windlass/calls") => Ok(json!(server.calls())),
        (Method::POST, "/_windlass/faults") if server.faults_over_http => {
            set_faults(server, &body).map_err(|message| (StatusCode::BAD_REQUEST, message))
        }
        _ => Err((StatusCode::NOT_FOUND, "no such endpoint".to_owned())),
    }
}

fn address(server: &Arc<Shared>, body: &[u8]) -> Result<Value, (StatusCode, String)> {
    let scope: Scope = serde_json::from_slice(body)
        .map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))?;
    if !is_account(&scope.account) || !is_region(&scope.region) {
        return Err((
            StatusCode::BAD_REQUEST,
            "account or region is not valid".to_owned(),
        ));
    }
    let address = server
        .listen(&scope, None)
        .map_err(|error| (StatusCode::CONFLICT, error.to_string()))?;
    Ok(json!({ "address": address }))
}

/// Returns whether `text` has the form of a region.
pub(crate) fn is_region(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (2..=25).contains(&text.len()) && text.bytes().all(allowed)
}

/// A fault as tests in other languages write it.
#[derive(Deserialize)]
struct FaultRequest {
    operation: String,
    kind: String,
    times: Option<u32>,
    milliseconds: Option<u64>,
}

/// Replaces the list of faults.
fn set_faults(server: &Shared, body: &[u8]) -> Result<Value, String> {
    let requests: Vec<FaultRequest> =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let faults: Vec<Fault> = requests.into_iter().map(fault).collect::<Result<_, _>>()?;
    server.faults.clear();
    for fault in faults {
        server.faults.add(fault);
    }
    Ok(json!({}))
}

fn fault(request: FaultRequest) -> Result<Fault, String> {
    let kind = match request.kind.as_str() {
        "access-denied" => FaultKind::AccessDenied,
        "throttled" => FaultKind::Throttled,
        "expired-token" => FaultKind::ExpiredToken,
        "server-error" => FaultKind::ServerError,
        "drop-connection" => FaultKind::DropConnection,
        "truncated" => FaultKind::Truncated,
        "hang" => FaultKind::Hang,
        "late" => FaultKind::Late,
        "delay" => FaultKind::Delay(Duration::from_millis(request.milliseconds.unwrap_or(0))),
        other => return Err(format!("unknown kind of fault {other}")),
    };
    Ok(Fault {
        operation: request.operation,
        kind,
        times: request.times,
    })
}
