//! `BatchCheckLayerAvailability`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Call;
use crate::errors::ApiError;
use crate::identity::is_sha256_digest;
use crate::model::{ImageStatus, Repository};

/// Request of `BatchCheckLayerAvailability`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Check {
    registry_id: Option<String>,
    repository_name: String,
    layer_digests: Vec<String>,
}

/// `BatchCheckLayerAvailability`.
pub(super) fn check(call: &Call<'_>, request: &Check) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let store = call.server.store.lock();
    let repository = call.repository(&store, &scope, &request.repository_name)?;
    let (mut layers, mut failures) = (Vec::new(), Vec::new());
    for digest in &request.layer_digests {
        let problem = match digest.as_str() {
            "" => Some(("MissingLayerDigest", "Layer digest is missing")),
            other if !is_sha256_digest(other) => {
                Some(("InvalidLayerDigest", "Layer digest is not valid"))
            }
            _ => None,
        };
        match problem {
            None => layers.push(layer(repository, digest)),
            Some((code, reason)) => {
                failures.push(
                    json!({ "layerDigest": digest, "failureCode": code, "failureReason": reason }),
                );
            }
        }
    }
    Ok(json!({ "layers": layers, "failures": failures }))
}

fn layer(repository: &Repository, digest: &str) -> Value {
    let Some(size) = repository.layers.get(digest) else {
        return json!({ "layerDigest": digest, "layerAvailability": "UNAVAILABLE" });
    };
    let users = repository
        .images
        .values()
        .filter(|image| image.manifest.blobs().any(|blob| blob.digest == digest));
    let statuses: Vec<ImageStatus> = users.map(|image| image.status).collect();
    let archived = !statuses.is_empty()
        && statuses
            .iter()
            .all(|status| *status == ImageStatus::Archived);
    let availability = if archived { "ARCHIVED" } else { "AVAILABLE" };
    json!({ "layerDigest": digest, "layerAvailability": availability, "layerSize": size })
}
