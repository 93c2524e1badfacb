//! Blobs by digest.

use hyper::StatusCode;

use crate::errors::RegistryError;
use crate::identity::is_sha256_digest;
use crate::registry::{Answer, Exchange, download_url, internal, plain, set};
use crate::server::file_body;

/// `HEAD`.
pub(super) fn head(exchange: &Exchange<'_>, name: &str, digest: &str) -> Answer {
    let size = size(exchange, name, digest)?;
    let mut answer = plain(StatusCode::OK);
    set(&mut answer, "content-length", &size.to_string());
    set(&mut answer, "content-type", "application/octet-stream");
    set(&mut answer, "docker-content-digest", digest);
    Ok(answer)
}

/// `GET`: a redirect to a signed address, or the bytes if that quirk is off.
pub(super) async fn get(exchange: &Exchange<'_>, name: &str, digest: &str) -> Answer {
    let size = size(exchange, name, digest)?;
    let server = exchange.call.server;
    if server.quirks.blob_redirect {
        let url = download_url(server, exchange.scope, digest, exchange.call.now);
        let mut answer = plain(StatusCode::TEMPORARY_REDIRECT);
        set(
            &mut answer,
            "location",
            &url.map_err(|error| internal(&error.to_string()))?,
        );
        return Ok(answer);
    }
    let path = server.blobs.find(digest).ok_or_else(|| unknown(digest))?;
    let body = file_body(&path, 0, size)
        .await
        .map_err(|error| internal(&error.to_string()))?;
    let mut answer = plain(StatusCode::OK);
    *answer.body_mut() = body;
    set(&mut answer, "content-length", &size.to_string());
    set(&mut answer, "content-type", "application/octet-stream");
    set(&mut answer, "docker-content-digest", digest);
    Ok(answer)
}

fn size(exchange: &Exchange<'_>, name: &str, digest: &str) -> Result<u64, RegistryError> {
    if !is_sha256_digest(digest) {
        return Err(RegistryError::new(
            StatusCode::BAD_REQUEST,
            "DIGEST_INVALID",
            "the digest is not valid",
        ));
    }
    let store = exchange.call.server.store.lock();
    let repository = exchange.call.repository(&store, exchange.scope, name)?;
    repository
        .layers
        .get(digest)
        .copied()
        .ok_or_else(|| unknown(digest))
}

/// Returns the refusal of a blob that is not there.
fn unknown(digest: &str) -> RegistryError {
    RegistryError::not_found("BLOB_UNKNOWN", format!("blob {digest} unknown to registry"))
}
