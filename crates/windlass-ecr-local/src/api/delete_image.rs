//! `BatchDeleteImage`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Call;
use crate::api::get_image::{Failure, find};
use crate::errors::ApiError;
use crate::model::{Event, Repository, Scope, StoreGuard};

/// Tag or digest of an image, or both.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageId {
    /// Digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) image_digest: Option<String>,
    /// Tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) image_tag: Option<String>,
}

/// Request of `BatchDeleteImage`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delete {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Vec<ImageId>,
}

/// `BatchDeleteImage`. By tag removes the tag, and the image with its last one; by digest removes the image.
pub(super) fn delete(call: &Call<'_>, request: Delete) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let name = &request.repository_name;
    let (mut deleted, mut failures) = (Vec::new(), Vec::new());
    let mut store = call.server.store.lock();
    call.repository(&store, &scope, name)?;
    for id in request.image_ids {
        match delete_one(call, &mut store, &scope, name, &id)? {
            Ok(gone) => deleted.extend(gone),
            Err((code, reason)) => {
                failures
                    .push(json!({ "imageId": id, "failureCode": code, "failureReason": reason }));
            }
        }
    }
    Ok(json!({ "imageIds": deleted, "failures": failures }))
}

/// What a deletion removed, or the code and text of why not.
type Deleted = Result<Vec<ImageId>, (&'static str, String)>;

/// Deletes one image or tag.
pub(crate) fn delete_one(
    call: &Call<'_>,
    store: &mut StoreGuard<'_>,
    scope: &Scope,
    name: &str,
    id: &ImageId,
) -> Result<Deleted, ApiError> {
    let repository = call.repository(store, scope, name)?;
    let (digest, image) = match find(repository, id) {
        Ok((digest, image)) => (digest.clone(), image),
        Err(Failure { code, reason }) => return Ok(Err((code, reason.to_owned()))),
    };
    let with = |tag: Option<&String>| ImageId {
        image_digest: Some(digest.clone()),
        image_tag: tag.cloned(),
    };
    if let Some(tag) = id.image_tag.as_ref().filter(|_| image.tags.len() > 1) {
        let gone = vec![with(Some(tag))];
        store.commit(
            scope,
            vec![Event::TagGone {
                repository: name.to_owned(),
                tag: tag.clone(),
            }],
        )?;
        return Ok(Ok(gone));
    }
    let indexes = repository.indexes_of(&digest);
    if !indexes.is_empty() {
        let reason = format!(
            "Requested image referenced by manifest list: [{}]",
            indexes.join(", ")
        );
        return Ok(Err(("ImageReferencedByManifestList", reason)));
    }
    let gone = if image.tags.is_empty() {
        vec![with(None)]
    } else {
        image.tags.iter().map(|tag| with(Some(tag))).collect()
    };
    let layers = image
        .manifest
        .blobs()
        .map(|blob| blob.digest.clone())
        .collect();
    store.commit(
        scope,
        vec![Event::ImageGone {
            repository: name.to_owned(),
            digest: digest.clone(),
        }],
    )?;
    forget_layers(store, scope, name, layers)?;
    Ok(Ok(gone))
}

/// Removes those of the layers that no image uses any more.
fn forget_layers(
    store: &mut StoreGuard<'_>,
    scope: &Scope,
    name: &str,
    layers: BTreeSet<String>,
) -> Result<(), ApiError> {
    let Some(repository) = store.registry(scope).repositories.get(name) else {
        return Ok(());
    };
    let is_loose = |repository: &Repository, digest: &String| !repository.uses_blob(digest);
    let digests: Vec<String> = layers
        .into_iter()
        .filter(|digest| is_loose(repository, digest))
        .collect();
    if digests.is_empty() {
        return Ok(());
    }
    store.commit(
        scope,
        vec![Event::LayersGone {
            repository: name.to_owned(),
            digests,
        }],
    )
}
