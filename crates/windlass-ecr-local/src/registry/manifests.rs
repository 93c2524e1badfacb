//! Manifests by tag and digest.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Response, StatusCode};

use crate::api::{Accepted, ImageId, NewImage, delete_one, put as put_image, record_pull};
use crate::errors::{ApiError, RegistryError};
use crate::identity::{is_sha256_digest, sha256_digest};
use crate::registry::{Answer, Exchange, plain, set, with_text};
use crate::server::{Body, collect, header};

/// `GET` and `HEAD`. Only a `GET` is a pull. An archived image is not found.
pub(super) fn get(exchange: &Exchange<'_>, name: &str, reference: &str) -> Answer {
    let call = &exchange.call;
    let id = image_id(reference);
    let mut store = call.server.store.lock();
    let repository = call.repository(&store, exchange.scope, name)?;
    let found = crate::api::find_active(repository, &id);
    let (digest, image) =
        found.map_err(|failure| unknown(exchange, name, reference, failure.code))?;
    let (text, media_type) = accepted(exchange).served(image, id.image_tag.is_some());
    let converted = !Arc::ptr_eq(&text, &image.text);
    let shown = if converted {
        sha256_digest(text.as_bytes())
    } else {
        digest.clone()
    };
    let mut answer = plain(StatusCode::OK);
    set(&mut answer, "content-type", media_type);
    set(&mut answer, "docker-content-digest", &shown);
    set(&mut answer, "content-length", &text.len().to_string());
    if exchange.parts.method == hyper::Method::HEAD {
        return Ok(answer);
    }
    let pulled = [digest.clone()];
    record_pull(call, &mut store, exchange.scope, name, &pulled)?;
    Ok(with_text(answer, &text))
}

fn accepted(exchange: &Exchange<'_>) -> Accepted {
    let values = exchange
        .parts
        .headers
        .get_all("accept")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let types = values
        .flat_map(|value| value.split(','))
        .filter_map(|entry| entry.split(';').next());
    Accepted::new(
        types
            .map(|entry| entry.trim().to_owned())
            .filter(|entry| !entry.is_empty())
            .collect(),
    )
}

fn image_id(reference: &str) -> ImageId {
    let given = Some(reference.to_owned());
    if reference.contains(':') {
        ImageId {
            image_digest: given,
            image_tag: None,
        }
    } else {
        ImageId {
            image_digest: None,
            image_tag: given,
        }
    }
}

fn unknown(exchange: &Exchange<'_>, name: &str, reference: &str, code: &str) -> RegistryError {
    let account = &exchange.scope.account;
    let what = if code == "ImageInaccessible" {
        "is archived in"
    } else {
        "does not exist within"
    };
    RegistryError::not_found(
        "MANIFEST_UNKNOWN",
        format!(
            "Requested image not found: '{reference}' {what} the repository with name '{name}' in the registry with \
             id '{account}'"
        ),
    )
}

/// `PUT`. The bytes must say their media type themselves.
pub(super) async fn put(
    exchange: &Exchange<'_>,
    name: &str,
    reference: &str,
    body: Incoming,
) -> Answer {
    let invalid = |code, message: &str| RegistryError::new(StatusCode::BAD_REQUEST, code, message);
    let bytes = collect(body, 4 * 1024 * 1024 + 1).await;
    let bytes = bytes
        .ok_or_else(|| invalid("MANIFEST_INVALID", "the manifest is too long or broken off"))?;
    let text = std::str::from_utf8(&bytes)
        .map_err(|_| invalid("MANIFEST_INVALID", "the manifest is not UTF-8"))?;
    if says_no_media_type(text) {
        return Err(ApiError::parameter("ImageManifest", "Invalid JSON syntax").into());
    }
    let id = image_id(reference);
    let new = NewImage {
        repository: name,
        text,
        media_type: header(&exchange.parts.headers, "content-type"),
        tag: id.image_tag.as_deref(),
        digest: id.image_digest.as_deref(),
    };
    let mut store = exchange.call.server.store.lock();
    let outcome = put_image(&exchange.call, &mut store, exchange.scope, new)?;
    drop(store);
    let mut answer = plain(StatusCode::CREATED);
    set(
        &mut answer,
        "location",
        &exchange.location(&format!("/v2/{name}/manifests/{}", outcome.digest))?,
    );
    set(&mut answer, "docker-content-digest", &outcome.digest);
    if let Some(subject) = &outcome.manifest.subject {
        set(&mut answer, "oci-subject", subject);
    }
    Ok(answer)
}

fn says_no_media_type(text: &str) -> bool {
    serde_json::from_str::<serde_json::Value>(text)
        .is_ok_and(|manifest| manifest["mediaType"].is_null())
}

/// `DELETE`, by the rules of `BatchDeleteImage`.
pub(super) fn delete(exchange: &Exchange<'_>, name: &str, reference: &str) -> Answer {
    let id = image_id(reference);
    if id
        .image_digest
        .as_deref()
        .is_some_and(|digest| !is_sha256_digest(digest))
    {
        return Err(RegistryError::new(
            StatusCode::BAD_REQUEST,
            "DIGEST_INVALID",
            "the digest is not valid",
        ));
    }
    let mut store = exchange.call.server.store.lock();
    match delete_one(&exchange.call, &mut store, exchange.scope, name, &id)? {
        Ok(_) => Ok(accepted_answer()),
        Err(("ImageReferencedByManifestList", reason)) => {
            Err(RegistryError::new(StatusCode::FORBIDDEN, "DENIED", reason))
        }
        Err((code, _)) => Err(unknown(exchange, name, reference, code)),
    }
}

fn accepted_answer() -> Response<Body> {
    plain(StatusCode::ACCEPTED)
}
