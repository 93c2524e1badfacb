//! `ListImageReferrers`, and what it shares with the registry's referrers.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Call;
use crate::api::page::page;
use crate::errors::ApiError;
use crate::model::{Image, Repository};

/// Request of `ListImageReferrers`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    registry_id: Option<String>,
    repository_name: String,
    subject_id: Subject,
    filter: Option<Filter>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Subject {
    image_digest: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    artifact_types: Option<Vec<String>>,
    artifact_status: Option<String>,
}

/// `ListImageReferrers`. 20 a page unless asked otherwise.
pub(super) fn list(call: &Call<'_>, request: &List) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let store = call.server.store.lock();
    let repository = call.repository(&store, &scope, &request.repository_name)?;
    let no_filter = Filter::default();
    let filter = request.filter.as_ref().unwrap_or(&no_filter);
    let types = filter.artifact_types.as_deref().unwrap_or_default();
    let status = filter.artifact_status.as_deref().unwrap_or("ACTIVE");
    let mut referrers = descriptors_of(repository, &request.subject_id.image_digest, types, status);
    for (descriptor, image) in &mut referrers {
        descriptor["artifactStatus"] = json!(image.shown_status());
    }
    let referrers = referrers
        .into_iter()
        .map(|(descriptor, _)| descriptor)
        .collect();
    let key = |referrer: &Value| referrer["digest"].as_str().unwrap_or_default().to_owned();
    let size = request.max_results.unwrap_or(20);
    let (entries, next) = page(referrers, key, request.next_token.as_ref(), size)?;
    let mut answer = json!({ "referrers": entries });
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

/// Returns the descriptors of the referrers of a subject, in order of digest.
///
/// No types means all; `status` is one of the API, `ANY` included.
pub(crate) fn descriptors_of<'a>(
    repository: &'a Repository,
    subject: &'a str,
    types: &[String],
    status: &str,
) -> Vec<(Value, &'a Image)> {
    let wanted = |image: &Image| {
        let artifact_type = image.manifest.effective_artifact_type().unwrap_or_default();
        (types.is_empty() || types.iter().any(|wanted| wanted == artifact_type))
            && (status == "ANY" || status == image.shown_status())
    };
    let found = repository
        .referrers_of(subject)
        .filter(|(_, image)| wanted(image));
    found
        .map(|(digest, image)| (descriptor(digest, image), image))
        .collect()
}

fn descriptor(digest: &str, image: &Image) -> Value {
    let mut descriptor = json!({
        "mediaType": image.manifest.media_type,
        "digest": digest,
        "size": image.text.len(),
    });
    if let Some(artifact_type) = image.manifest.effective_artifact_type() {
        descriptor["artifactType"] = json!(artifact_type);
    }
    if !image.manifest.annotations.is_empty() {
        descriptor["annotations"] = json!(image.manifest.annotations);
    }
    descriptor
}
