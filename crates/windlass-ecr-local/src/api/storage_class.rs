//! `UpdateImageStorageClass`.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::get_image::find;
use crate::api::{Call, ImageId, image_not_found};
use crate::errors::ApiError;
use crate::model::{Event, ImageStatus};

/// Request of `UpdateImageStorageClass`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Update {
    registry_id: Option<String>,
    repository_name: String,
    image_id: ImageId,
    target_storage_class: String,
}

/// `UpdateImageStorageClass`. Referrers move with their subject. A restored image is `ACTIVATING` for a while.
pub(super) fn update(call: &Call<'_>, request: &Update) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let name = &request.repository_name;
    let status = match request.target_storage_class.as_str() {
        "ARCHIVE" => ImageStatus::Archived,
        _ => ImageStatus::Active,
    };
    let mut store = call.server.store.lock();
    let repository = call.repository(&store, &scope, name)?;
    let found = find(repository, &request.image_id);
    let (digest, image) = found.map_err(|_| image_not_found(&scope, name, &request.image_id))?;
    let held = status == ImageStatus::Archived && !repository.indexes_of(digest).is_empty();
    if image.status == status || held {
        let text = "The requested image storage class update is not supported";
        return Err(ApiError::new(
            "ImageStorageClassUpdateNotSupportedException",
            text,
        ));
    }
    let id = ImageId {
        image_digest: Some(digest.clone()),
        image_tag: request.image_id.image_tag.clone(),
    };
    let referrers = repository
        .referrers_of(digest)
        .filter(|(_, referrer)| referrer.status != status);
    let digests =
        std::iter::once(digest.clone()).chain(referrers.map(|(digest, _)| digest.clone()));
    let event = |digest| Event::Status {
        repository: name.clone(),
        digest,
        status,
        at: call.now,
    };
    let events = digests.map(event).collect();
    store.commit(&scope, events)?;
    let restored = store.transient(&scope, name).and_then(|found| {
        let image = found.images.get_mut(id.image_digest.as_ref()?)?;
        let restored_at = Instant::now() + call.server.quirks.restore_delay;
        image.restored_at = (status == ImageStatus::Active).then_some(restored_at);
        Some(image.shown_status())
    });
    Ok(json!({
        "registryId": scope.account,
        "repositoryName": name,
        "imageId": id,
        "imageStatus": restored,
    }))
}
