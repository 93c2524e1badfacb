//! Repositories: create, describe, delete, mutability, scan on push.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::page::page;
use crate::api::resource_tags::{Tag, checked_tags};
use crate::api::{Call, repository_not_found};
use crate::clock::Timestamp;
use crate::errors::ApiError;
use crate::identity::{hex, sha256_digest};
use crate::model::{Event, ExclusionFilter, Mutability, RepositorySettings, Scope};

/// Request of `CreateRepository`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Create {
    registry_id: Option<String>,
    repository_name: String,
    #[serde(default)]
    tags: Option<Vec<Tag>>,
    image_tag_mutability: Option<Mutability>,
    image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
    image_scanning_configuration: Option<Scanning>,
    encryption_configuration: Option<Encryption>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Scanning {
    scan_on_push: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Encryption {
    encryption_type: String,
    kms_key: Option<String>,
}

/// `CreateRepository`. The repository is not found until the creation delay is over.
pub(super) fn create(call: &Call<'_>, request: Create) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    own_registry(call, &scope)?;
    let mutability = request.image_tag_mutability.unwrap_or_default();
    let exclusions = request
        .image_tag_mutability_exclusion_filters
        .unwrap_or_default();
    check_exclusions(mutability, &exclusions)?;
    let (encryption, kms_key) = encryption(&scope, request.encryption_configuration)?;
    let settings = RepositorySettings {
        mutability,
        exclusions,
        scan_on_push: request
            .image_scanning_configuration
            .unwrap_or_default()
            .scan_on_push
            .unwrap_or(false),
        encryption,
        kms_key,
        tags: checked_tags(&BTreeMap::new(), request.tags.unwrap_or_default())?,
        ..plain_settings(call.now)
    };
    let name = request.repository_name;
    let described = described(call, &scope, &name, &settings)?;
    let mut store = call.server.store.lock();
    if store.registry(&scope).repositories.contains_key(&name) {
        let account = &scope.account;
        let text = format!(
            "The repository with name '{name}' already exists in the registry with id '{account}'"
        );
        return Err(ApiError::new("RepositoryAlreadyExistsException", text));
    }
    store.commit(
        &scope,
        vec![Event::Repository {
            repository: name.clone(),
            settings,
        }],
    )?;
    if let Some(created) = store.transient(&scope, &name) {
        created.visible_from = Some(Instant::now() + call.server.quirks.creation_delay);
    }
    Ok(json!({ "repository": described }))
}

/// Returns the settings of a repository that nothing is said about.
pub(crate) fn plain_settings(created: Timestamp) -> RepositorySettings {
    RepositorySettings {
        created,
        mutability: Mutability::default(),
        exclusions: Vec::new(),
        scan_on_push: false,
        encryption: "AES256".to_owned(),
        kms_key: None,
        policy: None,
        lifecycle: None,
        evaluated: None,
        due: None,
        tags: BTreeMap::new(),
    }
}

/// Request of `DescribeRepositories`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Describe {
    registry_id: Option<String>,
    repository_names: Option<Vec<String>>,
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// `DescribeRepositories`. One missing name fails the whole call.
pub(super) fn describe(call: &Call<'_>, request: &Describe) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let paged = request.next_token.is_some() || request.max_results.is_some();
    if let Some(names) = &request.repository_names {
        if paged {
            return Err(ApiError::parameter(
                "repositoryNames",
                "must not be used with nextToken or maxResults",
            ));
        }
        let found = settings_of(call, &scope, names)?;
        return Ok(json!({ "repositories": described_all(call, &scope, &found)? }));
    }
    own_registry(call, &scope)?;
    let now = Instant::now();
    let store = call.server.store.lock();
    let all = store.registry(&scope).repositories.iter();
    let visible = all.filter(|(_, found)| found.visible_from.is_none_or(|from| from <= now));
    let entries = visible
        .map(|(name, found)| (name.clone(), found.settings.clone()))
        .collect();
    drop(store);
    let size = request.max_results.unwrap_or(100);
    let (entries, next) = page(
        entries,
        |(name, _): &(String, _)| name.clone(),
        request.next_token.as_ref(),
        size,
    )?;
    let mut answer = json!({ "repositories": described_all(call, &scope, &entries)? });
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}

fn settings_of(
    call: &Call<'_>,
    scope: &Scope,
    names: &[String],
) -> Result<Vec<(String, RepositorySettings)>, ApiError> {
    let store = call.server.store.lock();
    let found = names.iter().map(|name| {
        Ok((
            name.clone(),
            call.repository(&store, scope, name)?.settings.clone(),
        ))
    });
    found.collect()
}

/// Request of `DeleteRepository`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delete {
    registry_id: Option<String>,
    repository_name: String,
    force: Option<bool>,
}

/// `DeleteRepository`. Refused while it holds images, unless forced.
pub(super) fn delete(call: &Call<'_>, request: &Delete) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let name = &request.repository_name;
    let mut store = call.server.store.lock();
    let found = call.repository(&store, &scope, name)?;
    if !found.images.is_empty() && request.force != Some(true) {
        return Err(ApiError::new(
            "RepositoryNotEmptyException",
            format!(
                "The repository with name '{name}' in registry with id '{}' cannot be deleted because it still \
                 contains images",
                scope.account
            ),
        ));
    }
    let settings = found.settings.clone();
    store.commit(
        &scope,
        vec![Event::RepositoryGone {
            repository: name.clone(),
        }],
    )?;
    drop(store);
    Ok(json!({ "repository": described(call, &scope, name, &settings)? }))
}

/// Request of `PutImageTagMutability`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutMutability {
    registry_id: Option<String>,
    repository_name: String,
    image_tag_mutability: Mutability,
    image_tag_mutability_exclusion_filters: Option<Vec<ExclusionFilter>>,
}

/// `PutImageTagMutability`. Replaces the value and the filters together.
pub(super) fn put_mutability(call: &Call<'_>, request: PutMutability) -> Result<Value, ApiError> {
    let exclusions = request
        .image_tag_mutability_exclusion_filters
        .unwrap_or_default();
    check_exclusions(request.image_tag_mutability, &exclusions)?;
    let scope = call.scope(request.registry_id.as_ref());
    let settings = change_settings(call, &scope, &request.repository_name, |settings| {
        settings.mutability = request.image_tag_mutability;
        settings.exclusions = exclusions;
        Ok(())
    })?;
    let mut answer = json!({
        "registryId": scope.account,
        "repositoryName": request.repository_name,
        "imageTagMutability": settings.mutability,
    });
    if !settings.exclusions.is_empty() {
        answer["imageTagMutabilityExclusionFilters"] = json!(settings.exclusions);
    }
    Ok(answer)
}

/// Request of `PutImageScanningConfiguration`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutScanning {
    registry_id: Option<String>,
    repository_name: String,
    image_scanning_configuration: Scanning,
}

/// `PutImageScanningConfiguration`.
pub(super) fn put_scanning(call: &Call<'_>, request: &PutScanning) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let scan = request
        .image_scanning_configuration
        .scan_on_push
        .unwrap_or(false);
    change_settings(call, &scope, &request.repository_name, |settings| {
        settings.scan_on_push = scan;
        Ok(())
    })?;
    Ok(json!({
        "registryId": scope.account,
        "repositoryName": request.repository_name,
        "imageScanningConfiguration": { "scanOnPush": scan },
    }))
}

/// Changes the settings of a repository and returns them.
pub(super) fn change_settings(
    call: &Call<'_>,
    scope: &Scope,
    name: &str,
    change: impl FnOnce(&mut RepositorySettings) -> Result<(), ApiError>,
) -> Result<RepositorySettings, ApiError> {
    let mut store = call.server.store.lock();
    let mut settings = call.repository(&store, scope, name)?.settings.clone();
    change(&mut settings)?;
    let event = Event::Repository {
        repository: name.to_owned(),
        settings: settings.clone(),
    };
    store.commit(scope, vec![event])?;
    Ok(settings)
}

/// Refuses what only the owner of a registry may do.
pub(super) fn own_registry(call: &Call<'_>, scope: &Scope) -> Result<(), ApiError> {
    if scope.account == call.caller.account {
        return Ok(());
    }
    let (principal, operation) = (&call.principal, call.operation);
    let resource = scope.arn("*");
    Err(ApiError::new(
        "AccessDeniedException",
        format!(
            "User: {principal} is not authorized to perform: ecr:{operation} on resource: {resource}"
        ),
    ))
}

/// The filters belong to the `_WITH_EXCLUSION` values, and to those they must.
fn check_exclusions(
    mutability: Mutability,
    exclusions: &[ExclusionFilter],
) -> Result<(), ApiError> {
    let member = "imageTagMutabilityExclusionFilters";
    let takes = matches!(
        mutability,
        Mutability::ImmutableWithExclusion | Mutability::MutableWithExclusion
    );
    match (takes, exclusions.is_empty()) {
        (true, true) => Err(ApiError::parameter(
            member,
            "must be given with this imageTagMutability",
        )),
        (false, false) => Err(ApiError::parameter(
            member,
            "must not be given with this imageTagMutability",
        )),
        _ => match exclusions
            .iter()
            .find(|exclusion| exclusion.filter.matches('*').count() > 2)
        {
            Some(exclusion) => {
                let text = format!(
                    "filter '{}' must have at most 2 wildcards",
                    exclusion.filter
                );
                Err(ApiError::parameter(member, &text))
            }
            None => Ok(()),
        },
    }
}

/// Returns type and key ARN; a key may be given as alias, id or ARN, but comes back as its ARN.
fn encryption(
    scope: &Scope,
    given: Option<Encryption>,
) -> Result<(String, Option<String>), ApiError> {
    let Some(Encryption {
        encryption_type,
        kms_key,
    }) = given
    else {
        return Ok(("AES256".to_owned(), None));
    };
    let key_arn = |id: &str| {
        format!(
            "arn:{}:kms:{}:{}:key/{id}",
            scope.partition(),
            scope.region,
            scope.account
        )
    };
    match (encryption_type.as_str(), kms_key) {
        ("AES256", Some(_)) => Err(ApiError::parameter(
            "kmsKey",
            "must not be given with encryptionType AES256",
        )),
        ("AES256", None) => Ok((encryption_type, None)),
        (_, Some(key)) if key.contains(":key/") => Ok((encryption_type, Some(key))),
        (_, Some(key)) if key.contains("alias/") => {
            Ok((encryption_type, Some(key_arn(&stable_uuid(&key)))))
        }
        (_, Some(key)) => Ok((encryption_type, Some(key_arn(&key)))),
        (_, None) => Ok((
            encryption_type,
            Some(key_arn(&stable_uuid(&format!("alias/aws/ecr in {scope}")))),
        )),
    }
}

/// Returns an identifier that depends on `name` only.
fn stable_uuid(name: &str) -> String {
    let digits = hex(sha256_digest(name.as_bytes()).as_bytes());
    format!(
        "{}-{}-{}-{}-{}",
        &digits[20..28],
        &digits[30..34],
        &digits[40..44],
        &digits[50..54],
        &digits[60..72]
    )
}

fn described_all(
    call: &Call<'_>,
    scope: &Scope,
    found: &[(String, RepositorySettings)],
) -> Result<Vec<Value>, ApiError> {
    found
        .iter()
        .map(|(name, settings)| described(call, scope, name, settings))
        .collect()
}

fn described(
    call: &Call<'_>,
    scope: &Scope,
    name: &str,
    settings: &RepositorySettings,
) -> Result<Value, ApiError> {
    let address = call
        .server
        .listen(scope, None)
        .map_err(|error| ApiError::server(error.to_string()))?;
    let mut described = json!({
        "repositoryArn": scope.arn(name),
        "registryId": scope.account,
        "repositoryName": name,
        "repositoryUri": format!("{address}/{name}"),
        "createdAt": settings.created.epoch(),
        "imageTagMutability": settings.mutability,
        "imageScanningConfiguration": { "scanOnPush": settings.scan_on_push },
        "encryptionConfiguration": { "encryptionType": settings.encryption },
    });
    if let Some(key) = &settings.kms_key {
        described["encryptionConfiguration"]["kmsKey"] = json!(key);
    }
    if !settings.exclusions.is_empty() {
        described["imageTagMutabilityExclusionFilters"] = json!(settings.exclusions);
    }
    Ok(described)
}

/// Splits the ARN of a repository into its registry and name.
pub(super) fn parse_arn(arn: &str) -> Result<(Scope, String), ApiError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    if let ["arn", _, "ecr", region, account, resource] = parts.as_slice()
        && let Some(name) = resource.strip_prefix("repository/")
    {
        return Ok((
            Scope {
                account: (*account).to_owned(),
                region: (*region).to_owned(),
            },
            name.to_owned(),
        ));
    }
    Err(ApiError::parameter("resourceArn", "Invalid ARN"))
}

/// Finds the repository of an ARN in the region of the call.
pub(super) fn scope_of_arn(call: &Call<'_>, arn: &str) -> Result<(Scope, String), ApiError> {
    let (scope, name) = parse_arn(arn)?;
    if scope.region != call.caller.region {
        return Err(repository_not_found(&scope, &name));
    }
    Ok((scope, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope {
            account: "1".repeat(12),
            region: "us-east-1".into(),
        }
    }

    fn key_for(encryption_type: &str, kms_key: Option<&str>) -> Option<String> {
        let given = Encryption {
            encryption_type: encryption_type.into(),
            kms_key: kms_key.map(str::to_owned),
        };
        encryption(&scope(), Some(given)).unwrap().1
    }

    #[test]
    fn keys_come_back_as_arns() {
        let arn = "arn:aws:kms:us-east-1:111111111111:key/1234abcd";
        assert_eq!(key_for("KMS", Some(arn)).as_deref(), Some(arn));
        assert_eq!(key_for("KMS", Some("1234abcd")).as_deref(), Some(arn));
        let alias = key_for("KMS", Some("alias/mine")).unwrap();
        assert!(alias.starts_with("arn:aws:kms:us-east-1:111111111111:key/"));
        assert_eq!(key_for("KMS", Some("alias/mine")), Some(alias.clone()));
        assert_ne!(key_for("KMS", None), Some(alias));
        assert_eq!(key_for("AES256", None), None);
    }

    #[test]
    fn exclusion_filters_belong_to_the_values_with_exclusion() {
        let filter = |text: &str| ExclusionFilter {
            filter_type: "WILDCARD".into(),
            filter: text.into(),
        };
        assert!(check_exclusions(Mutability::ImmutableWithExclusion, &[filter("a*b*")]).is_ok());
        assert!(check_exclusions(Mutability::ImmutableWithExclusion, &[filter("*a*b*")]).is_err());
        assert!(check_exclusions(Mutability::ImmutableWithExclusion, &[]).is_err());
        assert!(check_exclusions(Mutability::Immutable, &[filter("a")]).is_err());
        assert!(check_exclusions(Mutability::Mutable, &[]).is_ok());
    }
}
