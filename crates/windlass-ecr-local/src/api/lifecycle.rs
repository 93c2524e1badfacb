//! Lifecycle policies and their preview.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::page::page;
use crate::api::repositories::change_settings;
use crate::api::{Call, ImageId, Target};
use crate::clock::Timestamp;
use crate::errors::ApiError;
use crate::lifecycle::{Action, Decision, PERIOD, Policy, evaluate};
use crate::model::{LifecyclePreview, Repository, RepositorySettings, Scope};

/// How long a preview is in progress.
const PREVIEW_TIME: Duration = Duration::from_millis(100);

/// Request of `PutLifecyclePolicy`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Put {
    registry_id: Option<String>,
    repository_name: String,
    lifecycle_policy_text: String,
}

/// `PutLifecyclePolicy`. The rules act within 24 hours.
pub(super) fn put(call: &Call<'_>, request: Put) -> Result<Value, ApiError> {
    Policy::parse(&request.lifecycle_policy_text)?;
    let scope = call.scope(request.registry_id.as_ref());
    let due = call.now.plus(PERIOD);
    let settings = change_settings(call, &scope, &request.repository_name, |settings| {
        settings.lifecycle = Some(request.lifecycle_policy_text);
        settings.evaluated = None;
        settings.due = Some(due);
        Ok(())
    })?;
    call.server
        .next_evaluation
        .fetch_min(due.0, Ordering::Relaxed);
    Ok(json!({
        "registryId": scope.account,
        "repositoryName": request.repository_name,
        "lifecyclePolicyText": settings.lifecycle,
    }))
}

/// `GetLifecyclePolicy`.
pub(super) fn get(call: &Call<'_>, request: &Target) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let store = call.server.store.lock();
    let settings = &call
        .repository(&store, &scope, &request.repository_name)?
        .settings;
    answer(call, &scope, request, settings)
}

/// `DeleteLifecyclePolicy`.
pub(super) fn delete(call: &Call<'_>, request: &Target) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let mut removed = Value::Null;
    change_settings(call, &scope, &request.repository_name, |settings| {
        removed = answer(call, &scope, request, settings)?;
        (settings.lifecycle, settings.evaluated, settings.due) = (None, None, None);
        Ok(())
    })?;
    Ok(removed)
}

fn answer(
    call: &Call<'_>,
    scope: &Scope,
    request: &Target,
    settings: &RepositorySettings,
) -> Result<Value, ApiError> {
    let name = &request.repository_name;
    let text = settings.lifecycle.as_ref().ok_or_else(|| {
        let account = &scope.account;
        let text = format!(
            "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
        );
        ApiError::new("LifecyclePolicyNotFoundException", text)
    })?;
    let text = if call.server.quirks.rewritten_policies {
        rewritten(text)
    } else {
        text.clone()
    };
    Ok(json!({
        "registryId": scope.account,
        "repositoryName": name,
        "lifecyclePolicyText": text,
        "lastEvaluatedAt": settings.evaluated.unwrap_or(Timestamp(0)).epoch(),
    }))
}

/// Returns the text with its rules in order of priority.
fn rewritten(text: &str) -> String {
    let Ok(mut policy) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    if let Some(rules) = policy["rules"].as_array_mut() {
        rules.sort_by_key(|rule| rule["rulePriority"].as_i64());
    }
    policy.to_string()
}

/// Request of `StartLifecyclePolicyPreview`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartPreview {
    registry_id: Option<String>,
    repository_name: String,
    lifecycle_policy_text: Option<String>,
}

/// `StartLifecyclePolicyPreview`.
pub(super) fn start_preview(call: &Call<'_>, request: StartPreview) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let name = &request.repository_name;
    let mut store = call.server.store.lock();
    let repository = call.repository(&store, &scope, name)?;
    if repository
        .preview
        .as_ref()
        .is_some_and(|preview| preview.ready > Instant::now())
    {
        let text =
            "The previous lifecycle policy preview request has not completed. Wait and try again";
        return Err(ApiError::new(
            "LifecyclePolicyPreviewInProgressException",
            text,
        ));
    }
    let text = request
        .lifecycle_policy_text
        .or_else(|| repository.settings.lifecycle.clone());
    let Some(text) = text else {
        let text = format!("Lifecycle policy does not exist for the repository with name '{name}'");
        return Err(ApiError::new("LifecyclePolicyNotFoundException", text));
    };
    let decisions = evaluate(&Policy::parse(&text)?, repository, call.now);
    if let Some(found) = store.transient(&scope, name) {
        let ready = Instant::now() + PREVIEW_TIME;
        found.preview = Some(LifecyclePreview {
            text: text.clone(),
            ready,
            decisions,
        });
    }
    Ok(json!({
        "registryId": scope.account,
        "repositoryName": name,
        "lifecyclePolicyText": text,
        "status": "IN_PROGRESS",
    }))
}

/// Request of `GetLifecyclePolicyPreview`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetPreview {
    registry_id: Option<String>,
    repository_name: String,
    image_ids: Option<Vec<ImageId>>,
    next_token: Option<String>,
    max_results: Option<usize>,
    filter: Option<PreviewFilter>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PreviewFilter {
    tag_status: Option<String>,
}

/// `GetLifecyclePolicyPreview`. Without results while it is in progress.
pub(super) fn get_preview(call: &Call<'_>, request: &GetPreview) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let name = &request.repository_name;
    let store = call.server.store.lock();
    let repository = call.repository(&store, &scope, name)?;
    let Some(preview) = &repository.preview else {
        let text =
            format!("There is no lifecycle policy preview for the repository with name '{name}'");
        return Err(ApiError::new(
            "LifecyclePolicyPreviewNotFoundException",
            text,
        ));
    };
    let mut answer = json!({
        "registryId": scope.account,
        "repositoryName": name,
        "lifecyclePolicyText": preview.text,
        "status": "IN_PROGRESS",
    });
    if preview.ready > Instant::now() {
        return Ok(answer);
    }
    let mut shown: Vec<&Decision> = preview
        .decisions
        .iter()
        .filter(|decision| wanted(repository, decision, request))
        .collect();
    shown.sort_by(|left, right| left.digest.cmp(&right.digest));
    let key = |decision: &&Decision| decision.digest.clone();
    let (entries, next) = page(
        shown,
        key,
        request.next_token.as_ref(),
        request.max_results.unwrap_or(100),
    )?;
    answer["status"] = json!("COMPLETE");
    answer["previewResults"] = entries
        .into_iter()
        .filter_map(|decision| result(repository, decision))
        .collect();
    answer["summary"] = summary(&preview.decisions);
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

fn wanted(repository: &Repository, decision: &Decision, request: &GetPreview) -> bool {
    let Some(image) = repository.images.get(&decision.digest) else {
        return false;
    };
    let by_id = request.image_ids.as_ref().is_none_or(|ids| {
        ids.iter().any(|id| {
            id.image_digest
                .as_ref()
                .is_none_or(|digest| *digest == decision.digest)
                && id
                    .image_tag
                    .as_ref()
                    .is_none_or(|tag| image.tags.contains(tag))
        })
    });
    let status = request
        .filter
        .as_ref()
        .and_then(|filter| filter.tag_status.as_deref());
    by_id
        && match status {
            Some("TAGGED") => !image.tags.is_empty(),
            Some("UNTAGGED") => image.tags.is_empty(),
            _ => true,
        }
}

fn result(repository: &Repository, decision: &Decision) -> Option<Value> {
    let image = repository.images.get(&decision.digest)?;
    let action = match decision.action {
        Action::Expire => json!({ "type": "EXPIRE" }),
        Action::Archive => json!({ "type": "TRANSITION", "targetStorageClass": "ARCHIVE" }),
    };
    Some(json!({
        "imageTags": image.tags,
        "imageDigest": decision.digest,
        "imagePushedAt": image.pushed.epoch(),
        "action": action,
        "appliedRulePriority": decision.priority,
    }))
}

fn summary(decisions: &[Decision]) -> Value {
    let count = |action: Action| {
        decisions
            .iter()
            .filter(|decision| decision.action == action)
            .count()
    };
    json!({
        "expiringImageTotalCount": count(Action::Expire),
        "transitioningImageTotalCounts":
            [{ "targetStorageClass": "ARCHIVE", "imageTotalCount": count(Action::Archive) }],
    })
}
