//! Layers through the API: the upload trio, and download addresses.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::{Call, Target};
use crate::errors::ApiError;
use crate::model::{Event, Scope, Upload};

/// Part size that `InitiateLayerUpload` asks for, in bytes.
const PART: u64 = 10 * 1024 * 1024;
/// Least size of a part that is not the last, in bytes.
const LEAST_PART: usize = 5 * 1024 * 1024;
/// Greatest size of a part, in bytes.
const GREATEST_PART: usize = 20_971_520;

/// `InitiateLayerUpload`.
pub(super) fn initiate(call: &Call<'_>, request: &Target) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    call.repository(&call.server.store.lock(), &scope, &request.repository_name)?;
    let started = call
        .server
        .uploads
        .start(&call.server.blobs, &scope, &request.repository_name);
    let id = started.map_err(|error| ApiError::server(error.to_string()))?;
    Ok(json!({ "uploadId": id, "partSize": PART }))
}

/// Request of `UploadLayerPart`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UploadPart {
    registry_id: Option<String>,
    repository_name: String,
    upload_id: String,
    part_first_byte: u64,
    part_last_byte: u64,
    layer_part_blob: String,
}

/// `UploadLayerPart`. Parts come in order, without gaps.
pub(super) fn upload_part(call: &Call<'_>, request: &UploadPart) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let name = &request.repository_name;
    call.repository(&call.server.store.lock(), &scope, name)?;
    let bytes = STANDARD.decode(&request.layer_part_blob);
    let bytes =
        bytes.map_err(|error| ApiError::new("SerializationException", error.to_string()))?;
    if bytes.len() > GREATEST_PART {
        return Err(ApiError::parameter(
            "layerPartBlob",
            "must have length less than or equal to 20971520",
        ));
    }
    let mut upload = taken(call, &scope, name, &request.upload_id)?;
    let added = add_part(&mut upload, request, &bytes);
    let length = upload.length();
    call.server.uploads.put_back(&request.upload_id, upload);
    added?;
    Ok(json!({
        "registryId": scope.account,
        "repositoryName": name,
        "uploadId": request.upload_id,
        "lastByteReceived": length - 1,
    }))
}

fn add_part(upload: &mut Upload, request: &UploadPart, bytes: &[u8]) -> Result<(), ApiError> {
    let length = upload.length();
    let size = (request.part_last_byte + 1).checked_sub(request.part_first_byte);
    if bytes.is_empty() || request.part_first_byte != length || size != Some(bytes.len() as u64) {
        let text = format!(
            "Received layer part with first byte {} and last byte {}, but {length} bytes were received before",
            request.part_first_byte, request.part_last_byte
        );
        let mut error = ApiError::new("InvalidLayerPartException", text);
        error
            .members
            .insert("repositoryName".to_owned(), json!(request.repository_name));
        error
            .members
            .insert("registryId".to_owned(), json!(upload.scope.account));
        error
            .members
            .insert("uploadId".to_owned(), json!(request.upload_id));
        error.members.insert(
            "lastValidByteReceived".to_owned(),
            json!(length.saturating_sub(1)),
        );
        return Err(error);
    }
    if upload.short_part {
        return Err(ApiError::new(
            "LayerPartTooSmallException",
            "Layer parts must be at least 5 MiB in size",
        ));
    }
    upload
        .write(bytes)
        .map_err(|error| ApiError::server(error.to_string()))?;
    upload.short_part = bytes.len() < LEAST_PART;
    upload.chunks += 1;
    Ok(())
}

/// Request of `CompleteLayerUpload`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Complete {
    registry_id: Option<String>,
    repository_name: String,
    upload_id: String,
    layer_digests: Vec<String>,
}

/// `CompleteLayerUpload`. A refused upload is gone.
pub(super) fn complete(call: &Call<'_>, request: &Complete) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let name = &request.repository_name;
    call.repository(&call.server.store.lock(), &scope, name)?;
    let mut upload = taken(call, &scope, name, &request.upload_id)?;
    if upload.length() == 0 {
        return Err(ApiError::new(
            "EmptyUploadException",
            "The specified layer upload does not contain any layer parts",
        ));
    }
    let digest = upload.digest();
    if let Some(expected) = request
        .layer_digests
        .iter()
        .find(|expected| **expected != digest)
    {
        let text =
            format!("Layer digest '{expected}' does not match the calculated digest '{digest}'");
        return Err(ApiError::new("InvalidLayerException", text));
    }
    let mut store = call.server.store.lock();
    if call
        .repository(&store, &scope, name)?
        .layers
        .contains_key(&digest)
    {
        let account = &scope.account;
        let text = format!(
            "Image layer with digest '{digest}' already exists in the repository with name '{name}' in the registry \
             with id '{account}'"
        );
        return Err(ApiError::new("LayerAlreadyExistsException", text));
    }
    upload
        .finish(&call.server.blobs)
        .map_err(|error| ApiError::server(error.to_string()))?;
    let size = upload.length();
    store.commit(
        &scope,
        vec![Event::Layer {
            repository: name.clone(),
            digest: digest.clone(),
            size,
        }],
    )?;
    Ok(json!({
        "registryId": scope.account,
        "repositoryName": name,
        "uploadId": request.upload_id,
        "layerDigest": digest,
    }))
}

fn taken(call: &Call<'_>, scope: &Scope, name: &str, id: &str) -> Result<Upload, ApiError> {
    call.server.uploads.take(id, scope, name).ok_or_else(|| {
        let account = &scope.account;
        ApiError::new(
            "UploadNotFoundException",
            format!(
                "Upload with id '{id}' does not exist in the repository with name '{name}' in the registry with id \
                 '{account}'"
            ),
        )
    })
}

/// Request of `GetDownloadUrlForLayer`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DownloadUrl {
    registry_id: Option<String>,
    repository_name: String,
    layer_digest: String,
}

/// `GetDownloadUrlForLayer`. Only layers of an image can be downloaded.
pub(super) fn download_url(call: &Call<'_>, request: &DownloadUrl) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let (name, digest) = (&request.repository_name, &request.layer_digest);
    let store = call.server.store.lock();
    let repository = call.repository(&store, &scope, name)?;
    if !repository.layers.contains_key(digest) {
        let text =
            format!("The layer '{digest}' does not exist in the repository with name '{name}'");
        return Err(ApiError::new("LayersNotFoundException", text));
    }
    if !repository.uses_blob(digest) {
        let text = format!(
            "Layer '{digest}' is not associated with any image in the repository with name '{name}'"
        );
        return Err(ApiError::new("LayerInaccessibleException", text));
    }
    drop(store);
    let url = crate::registry::download_url(call.server, &scope, digest, call.now);
    let url = url.map_err(|error| ApiError::server(error.to_string()))?;
    Ok(json!({ "downloadUrl": url, "layerDigest": digest }))
}
