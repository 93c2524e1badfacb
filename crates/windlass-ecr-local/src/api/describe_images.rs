//! `DescribeImages`, `ListImages`, `DescribeImageReplicationStatus`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::get_image::find;
use crate::api::page::page;
use crate::api::{Call, ImageId, image_not_found};
use crate::errors::ApiError;
use crate::model::{Image, Repository, Scope};
use crate::replication;

/// Request of `DescribeImages` and of `ListImages`, which has no ids.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Describe {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Option<Vec<ImageId>>,
    next_token: Option<String>,
    max_results: Option<usize>,
    #[serde(default)]
    filter: Option<Filter>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Filter {
    tag_status: Option<String>,
    image_status: Option<String>,
}

impl Filter {
    /// Without a status, only images that can be pulled are shown.
    fn shows(&self, image: &Image) -> bool {
        let tags = match self.tag_status.as_deref() {
            Some("TAGGED") => !image.tags.is_empty(),
            Some("UNTAGGED") => image.tags.is_empty(),
            _ => true,
        };
        let status = self.image_status.as_deref().unwrap_or("ACTIVE");
        tags && (status == "ANY" || status == image.shown_status())
    }
}

/// `DescribeImages`. One missing id fails the whole call.
pub(super) fn describe(call: &Call<'_>, request: &Describe) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let name = &request.repository_name;
    let no_filter = Filter::default();
    let filter = request.filter.as_ref().unwrap_or(&no_filter);
    let store = call.server.store.lock();
    let repository = call.repository(&store, &scope, name)?;
    let details = |digest: &String, image: &Image| detail(&scope, name, repository, digest, image);
    if let Some(ids) = &request.image_ids {
        if request.next_token.is_some() || request.max_results.is_some() {
            return Err(ApiError::parameter(
                "imageIds",
                "must not be used with nextToken or maxResults",
            ));
        }
        let found = ids.iter().map(|id| match find(repository, id) {
            Ok((digest, image)) if filter.shows(image) => Ok(details(digest, image)),
            _ => Err(image_not_found(&scope, name, id)),
        });
        return Ok(json!({ "imageDetails": found.collect::<Result<Vec<Value>, ApiError>>()? }));
    }
    let shown = repository
        .images
        .iter()
        .filter(|(_, image)| filter.shows(image))
        .collect();
    let size = request.max_results.unwrap_or(100);
    let key = |(digest, _): &(&String, &Image)| (*digest).clone();
    let (entries, next) = page(shown, key, request.next_token.as_ref(), size)?;
    let entries: Vec<Value> = entries
        .into_iter()
        .map(|(digest, image)| details(digest, image))
        .collect();
    Ok(with_token(json!({ "imageDetails": entries }), next))
}

/// `ListImages`. One row for each digest and tag.
pub(super) fn list(call: &Call<'_>, request: &Describe) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let no_filter = Filter::default();
    let filter = request.filter.as_ref().unwrap_or(&no_filter);
    let store = call.server.store.lock();
    let repository = call.repository(&store, &scope, &request.repository_name)?;
    let shown = repository
        .images
        .iter()
        .filter(|(_, image)| filter.shows(image));
    let rows = shown
        .flat_map(|(digest, image)| rows(digest, image))
        .collect();
    let size = request.max_results.unwrap_or(100);
    let key = |id: &ImageId| {
        let part = |part: &Option<String>| part.clone().unwrap_or_default();
        format!("{}/{}", part(&id.image_digest), part(&id.image_tag))
    };
    let (entries, next) = page(rows, key, request.next_token.as_ref(), size)?;
    Ok(with_token(json!({ "imageIds": entries }), next))
}

fn rows(digest: &str, image: &Image) -> Vec<ImageId> {
    let row = |tag: Option<&String>| ImageId {
        image_digest: Some(digest.to_owned()),
        image_tag: tag.cloned(),
    };
    if image.tags.is_empty() {
        return vec![row(None)];
    }
    image.tags.iter().map(|tag| row(Some(tag))).collect()
}

fn with_token(mut answer: Value, next: Option<String>) -> Value {
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    answer
}

fn detail(
    scope: &Scope,
    name: &str,
    repository: &Repository,
    digest: &str,
    image: &Image,
) -> Value {
    let mut detail = json!({
        "registryId": scope.account,
        "repositoryName": name,
        "imageDigest": digest,
        "imageSizeInBytes": repository.image_size(image),
        "imagePushedAt": image.pushed.epoch(),
        "imageManifestMediaType": image.manifest.media_type,
        "imageStatus": image.shown_status(),
    });
    let mut set = |member: &str, value: Option<Value>| {
        if let Some(value) = value {
            detail[member] = value;
        }
    };
    set(
        "imageTags",
        (!image.tags.is_empty()).then(|| json!(image.tags)),
    );
    set(
        "artifactMediaType",
        image
            .manifest
            .effective_artifact_type()
            .map(|found| json!(found)),
    );
    set(
        "subjectManifestDigest",
        image
            .manifest
            .subject
            .as_ref()
            .map(|subject| json!(subject)),
    );
    set(
        "lastRecordedPullTime",
        image.pulled.map(|at| json!(at.epoch())),
    );
    set("lastArchivedAt", image.archived.map(|at| json!(at.epoch())));
    set(
        "lastActivatedAt",
        image.activated.map(|at| json!(at.epoch())),
    );
    detail
}

/// Request of `DescribeImageReplicationStatus`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Replication {
    registry_id: Option<String>,
    repository_name: String,
    image_id: ImageId,
}

/// `DescribeImageReplicationStatus`. What was pushed before there was a rule has no status.
pub(super) fn replication_status(
    call: &Call<'_>,
    request: &Replication,
) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let name = &request.repository_name;
    let store = call.server.store.lock();
    let repository = call.repository(&store, &scope, name)?;
    let (digest, _) = find(repository, &request.image_id)
        .map_err(|_| image_not_found(&scope, name, &request.image_id))?;
    let statuses = replication::statuses(call.server, &store, &scope, name, digest);
    Ok(json!({
        "repositoryName": name,
        "imageId": request.image_id,
        "replicationStatuses": statuses,
    }))
}
