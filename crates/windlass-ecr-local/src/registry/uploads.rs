//! Uploads of blobs, with ECR's treatment of chunks.

use http_body_util::BodyExt as _;
use hyper::StatusCode;
use hyper::body::Incoming;

use crate::errors::RegistryError;
use crate::identity::is_sha256_digest;
use crate::model::{Event, Repository, Upload};
use crate::registry::{Answer, Exchange, internal, plain, set};

/// `POST`: starts an upload, or mounts a blob of another repository.
pub(super) fn start(exchange: &Exchange<'_>, name: &str) -> Answer {
    let server = exchange.call.server;
    exchange
        .call
        .repository(&server.store.lock(), exchange.scope, name)?;
    if let (Some(digest), Some(from)) = (exchange.query("mount"), exchange.query("from"))
        && mount(exchange, name, &digest, &from)?
    {
        return finished(exchange, name, &digest);
    }
    let id = server.uploads.start(&server.blobs, exchange.scope, name);
    let id = id.map_err(|error| internal(&error.to_string()))?;
    progress(exchange, StatusCode::ACCEPTED, name, &id, 0)
}

/// Mounts a blob if the rules allow it; if not, the client uploads it.
fn mount(
    exchange: &Exchange<'_>,
    name: &str,
    digest: &str,
    from: &str,
) -> Result<bool, RegistryError> {
    let call = &exchange.call;
    let mut store = call.server.store.lock();
    let enabled = store
        .registry(exchange.scope)
        .settings
        .account
        .get("BLOB_MOUNTING")
        .is_some_and(|value| value == "ENABLED");
    let Ok(source) = call.repository(&store, exchange.scope, from) else {
        return Ok(false);
    };
    let Some(size) = source.layers.get(digest).copied() else {
        return Ok(false);
    };
    let target = call.repository(&store, exchange.scope, name)?;
    let allowed = enabled && same_encryption(source, target) && source.uses_blob(digest);
    if call.server.quirks.strict_mount && !allowed {
        return Ok(false);
    }
    let event = Event::Layer {
        repository: name.to_owned(),
        digest: digest.to_owned(),
        size,
    };
    store.commit(exchange.scope, vec![event])?;
    Ok(true)
}

fn same_encryption(left: &Repository, right: &Repository) -> bool {
    left.settings.encryption == right.settings.encryption
        && left.settings.kms_key == right.settings.kms_key
}

/// `GET`: how much has come.
pub(super) fn status(exchange: &Exchange<'_>, name: &str, id: &str) -> Answer {
    let upload = taken(exchange, name, id)?;
    let length = upload.length();
    exchange.call.server.uploads.put_back(id, upload);
    progress(exchange, StatusCode::NO_CONTENT, name, id, length)
}

/// `PATCH`: a chunk. As a quirk, only the first one counts, and the answer is 201.
pub(super) async fn patch(exchange: &Exchange<'_>, name: &str, id: &str, body: Incoming) -> Answer {
    let server = exchange.call.server;
    let mut upload = taken(exchange, name, id)?;
    receive(exchange, &mut upload, body).await?;
    let length = upload.length();
    server.uploads.put_back(id, upload);
    let status = if server.quirks.broken_chunks {
        StatusCode::CREATED
    } else {
        StatusCode::ACCEPTED
    };
    progress(exchange, status, name, id, length)
}

/// `PUT`: the rest of the blob, if any, and its digest.
pub(super) async fn finish(
    exchange: &Exchange<'_>,
    name: &str,
    id: &str,
    body: Incoming,
) -> Answer {
    let server = exchange.call.server;
    let mut upload = taken(exchange, name, id)?;
    receive(exchange, &mut upload, body).await?;
    let invalid =
        |message: String| RegistryError::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message);
    let digest = exchange
        .query("digest")
        .filter(|digest| is_sha256_digest(digest));
    let digest = digest.ok_or_else(|| invalid("the query has no sha256 digest".to_owned()))?;
    if upload.length() == 0 {
        // The service answers empty blobs with 500 (aws/containers-roadmap#1074).
        return Err(internal("empty blobs are not taken"));
    }
    let received = upload.digest();
    if received != digest {
        return Err(invalid(format!(
            "the digest is {digest}, but that of the received bytes is {received}"
        )));
    }
    let mut store = server.store.lock();
    let known = exchange
        .call
        .repository(&store, exchange.scope, name)?
        .layers
        .contains_key(&digest);
    if !known {
        upload
            .finish(&server.blobs)
            .map_err(|error| internal(&error.to_string()))?;
        let size = upload.length();
        store.commit(
            exchange.scope,
            vec![Event::Layer {
                repository: name.to_owned(),
                digest: digest.clone(),
                size,
            }],
        )?;
    }
    drop(store);
    finished(exchange, name, &digest)
}

/// `DELETE`: gives an upload up.
pub(super) fn cancel(exchange: &Exchange<'_>, name: &str, id: &str) -> Answer {
    drop(taken(exchange, name, id)?);
    Ok(plain(StatusCode::NO_CONTENT))
}

/// Takes an upload out to work on it; if the work breaks off, the upload is gone.
fn taken(exchange: &Exchange<'_>, name: &str, id: &str) -> Result<Upload, RegistryError> {
    let server = exchange.call.server;
    exchange
        .call
        .repository(&server.store.lock(), exchange.scope, name)?;
    let upload = server.uploads.take(id, exchange.scope, name);
    upload.ok_or_else(|| {
        RegistryError::not_found(
            "BLOB_UPLOAD_UNKNOWN",
            format!("upload {id} unknown to registry"),
        )
    })
}

/// Writes a body to an upload as it comes; chunks after the first are read and dropped, as a quirk.
async fn receive(
    exchange: &Exchange<'_>,
    upload: &mut Upload,
    mut body: Incoming,
) -> Result<(), RegistryError> {
    let dropped = exchange.call.server.quirks.broken_chunks && upload.chunks > 0;
    while let Some(frame) = body.frame().await {
        let broken = |_| {
            RegistryError::new(
                StatusCode::BAD_REQUEST,
                "BLOB_UPLOAD_INVALID",
                "the body broke off",
            )
        };
        let Ok(bytes) = frame.map_err(broken)?.into_data() else {
            continue;
        };
        if !dropped {
            upload
                .write(&bytes)
                .map_err(|error| internal(&error.to_string()))?;
        }
    }
    upload.chunks += 1;
    Ok(())
}

fn progress(
    exchange: &Exchange<'_>,
    status: StatusCode,
    name: &str,
    id: &str,
    length: u64,
) -> Answer {
    let mut answer = plain(status);
    set(
        &mut answer,
        "location",
        &exchange.location(&format!("/v2/{name}/blobs/uploads/{id}"))?,
    );
    set(
        &mut answer,
        "range",
        &format!("0-{}", length.saturating_sub(1)),
    );
    set(&mut answer, "docker-upload-uuid", id);
    Ok(answer)
}

fn finished(exchange: &Exchange<'_>, name: &str, digest: &str) -> Answer {
    let mut answer = plain(StatusCode::CREATED);
    set(
        &mut answer,
        "location",
        &exchange.location(&format!("/v2/{name}/blobs/{digest}"))?,
    );
    set(&mut answer, "docker-content-digest", digest);
    Ok(answer)
}
