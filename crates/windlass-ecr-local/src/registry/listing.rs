//! Lists: repositories, tags, referrers.

use hyper::StatusCode;
use serde_json::json;

use crate::api::descriptors_of;
use crate::errors::RegistryError;
use crate::identity::is_sha256_digest;
use crate::model::{Image, media};
use crate::registry::{Answer, Exchange, json_answer, set};

const JSON: &str = "application/json; charset=utf-8";

/// `/v2/_catalog`.
pub(super) fn catalog(exchange: &Exchange<'_>) -> Answer {
    let store = exchange.call.server.store.lock();
    let names = store
        .registry(exchange.scope)
        .repositories
        .keys()
        .cloned()
        .collect();
    drop(store);
    let (names, next) = page(exchange, names)?;
    let mut answer = json_answer(StatusCode::OK, JSON, &json!({ "repositories": names }));
    if let Some(query) = next {
        set(
            &mut answer,
            "link",
            &format!("</v2/_catalog?{query}>; rel=\"next\""),
        );
    }
    Ok(answer)
}

/// `/v2/<name>/tags/list`: tags of images that can be pulled, in order.
pub(super) fn tags(exchange: &Exchange<'_>, name: &str) -> Answer {
    let store = exchange.call.server.store.lock();
    let repository = exchange.call.repository(&store, exchange.scope, name)?;
    let is_active = |digest: &String| {
        repository
            .images
            .get(digest)
            .is_some_and(Image::can_be_pulled)
    };
    let tags = repository
        .tags
        .iter()
        .filter(|(_, digest)| is_active(digest))
        .map(|(tag, _)| tag.clone())
        .collect();
    drop(store);
    let (tags, next) = page(exchange, tags)?;
    let mut answer = json_answer(StatusCode::OK, JSON, &json!({ "name": name, "tags": tags }));
    if let Some(query) = next {
        set(
            &mut answer,
            "link",
            &format!("</v2/{name}/tags/list?{query}>; rel=\"next\""),
        );
    }
    Ok(answer)
}

/// Returns the entries that `n` and `last` ask for, and the query of the next page.
fn page(
    exchange: &Exchange<'_>,
    entries: Vec<String>,
) -> Result<(Vec<String>, Option<String>), RegistryError> {
    let invalid = || {
        RegistryError::new(
            StatusCode::BAD_REQUEST,
            "PAGINATION_NUMBER_INVALID",
            "n must be 1 to 1000",
        )
    };
    let size = match exchange.query("n") {
        None => 1000,
        Some(text) => text
            .parse()
            .ok()
            .filter(|size| (1..=1000).contains(size))
            .ok_or_else(invalid)?,
    };
    let last = exchange.query("last").unwrap_or_default();
    let mut rest: Vec<String> = entries.into_iter().filter(|entry| *entry > last).collect();
    let more = rest.len() > size;
    rest.truncate(size);
    let next = rest
        .last()
        .filter(|_| more)
        .map(|last| format!("n={size}&last={last}"));
    Ok((rest, next))
}

/// `/v2/<name>/referrers/<digest>`: an index of what refers to a digest, empty if nothing does.
pub(super) fn referrers(exchange: &Exchange<'_>, name: &str, digest: &str) -> Answer {
    if !is_sha256_digest(digest) {
        return Err(RegistryError::new(
            StatusCode::BAD_REQUEST,
            "DIGEST_INVALID",
            "the digest is not valid",
        ));
    }
    let artifact_type = exchange.query("artifactType");
    let types: Vec<String> = artifact_type.iter().cloned().collect();
    let store = exchange.call.server.store.lock();
    let repository = exchange.call.repository(&store, exchange.scope, name)?;
    let found = descriptors_of(repository, digest, &types, "ACTIVE");
    let manifests: Vec<_> = found
        .into_iter()
        .map(|(descriptor, _)| descriptor)
        .collect();
    let index =
        json!({ "schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": manifests });
    let mut answer = json_answer(StatusCode::OK, media::OCI_INDEX, &index);
    if artifact_type.is_some() {
        set(&mut answer, "oci-filters-applied", "artifactType");
    }
    Ok(answer)
}
