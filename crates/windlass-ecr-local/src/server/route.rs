//! Which plane a request belongs to.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};

use crate::model::Scope;
use crate::server::{Body, Shared, admin, full, header};
use crate::{api, lifecycle, registry, replication};

/// The connection is closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection dropped by an injected fault")]
pub(crate) struct Dropped;

/// Answers a request on the port of `scope`.
pub(super) async fn answer(
    server: Arc<Shared>,
    scope: Arc<Scope>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Dropped> {
    // An evaluation that cannot be written is not the fault of this call; it stays due.
    let _ignored = lifecycle::run_due(&server, server.clock.now());
    let _ignored = replication::run_due(&server, server.clock.now());
    let path = request.uri().path();
    if path == "/v2" || path.starts_with("/v2/") {
        return registry::answer(&server, &scope, request)
            .await
            .ok_or(Dropped);
    }
    if path.starts_with(registry::DOWNLOAD_PATH) {
        return Ok(registry::download(&server, request).await);
    }
    if path.starts_with("/_windlass/") {
        return Ok(admin::answer(&server, request).await);
    }
    if request.method() == Method::POST {
        return match header(request.headers(), "x-amz-target") {
            Some(target) => {
                let target = target.to_owned();
                api::answer(&server, &scope, &target, request)
                    .await
                    .ok_or(Dropped)
            }
            None => api::answer_query(&server, &scope, request)
                .await
                .ok_or(Dropped),
        };
    }
    let text =
        "This is a local ECR: the API is POST / with X-Amz-Target, the registry is under /v2/.\n";
    let answer = Response::builder()
        .status(StatusCode::NOT_FOUND)
        .body(full(text));
    Ok(answer.expect("the parts of the answer are valid"))
}
