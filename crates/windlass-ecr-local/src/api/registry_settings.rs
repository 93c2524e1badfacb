//! Settings of a registry as a whole: policy, replication, signing, account settings, pull time exclusions.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Call;
use crate::api::page::page;
use crate::api::policy::check_policy;
use crate::errors::ApiError;
use crate::model::{Event, RegistrySettings};

/// Account settings with their values, the default first.
const ACCOUNT_SETTINGS: &[(&str, &[&str])] = &[
    ("BASIC_SCAN_TYPE_VERSION", &["AWS_NATIVE"]),
    ("REGISTRY_POLICY_SCOPE", &["V2"]),
    ("BLOB_MOUNTING", &["DISABLED", "ENABLED"]),
];

/// Returns the settings of the caller's registry.
pub(super) fn settings(call: &Call<'_>) -> RegistrySettings {
    call.server
        .store
        .lock()
        .registry(&call.caller)
        .settings
        .clone()
}

/// Changes the settings of the caller's registry.
pub(super) fn change<T>(
    call: &Call<'_>,
    change: impl FnOnce(&mut RegistrySettings) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let mut store = call.server.store.lock();
    let mut settings = store.registry(&call.caller).settings.clone();
    let result = change(&mut settings)?;
    store.commit(&call.caller, vec![Event::Registry { settings }])?;
    Ok(result)
}

/// `DescribeRegistry`.
pub(super) fn describe(call: &Call<'_>) -> Value {
    let replication = settings(call)
        .replication
        .unwrap_or_else(|| json!({ "rules": [] }));
    json!({ "registryId": call.caller.account, "replicationConfiguration": replication })
}

/// Request of `PutReplicationConfiguration`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutReplication {
    replication_configuration: Value,
}

/// `PutReplicationConfiguration`: what is pushed from now on is replicated.
pub(super) fn put_replication(
    call: &Call<'_>,
    request: &PutReplication,
) -> Result<Value, ApiError> {
    let rules = request.replication_configuration["rules"]
        .as_array()
        .map_or(0, Vec::len);
    if rules > 10 {
        return Err(ApiError::parameter(
            "replicationConfiguration.rules",
            "must have size less than or equal to 10",
        ));
    }
    change(call, |settings| {
        settings.replication = Some(request.replication_configuration.clone());
        Ok(json!({ "replicationConfiguration": request.replication_configuration }))
    })
}

/// Request of `PutRegistryPolicy`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutPolicy {
    policy_text: String,
}

/// `PutRegistryPolicy`.
pub(super) fn put_policy(call: &Call<'_>, request: PutPolicy) -> Result<Value, ApiError> {
    check_registry_policy(&request.policy_text)?;
    let answer = json!({ "registryId": call.caller.account, "policyText": request.policy_text });
    change(call, |settings| {
        settings.policy = Some(request.policy_text);
        Ok(answer)
    })
}

/// A registry policy names resources, a repository policy must not; the rest is alike.
fn check_registry_policy(text: &str) -> Result<(), ApiError> {
    let mut policy: Value = serde_json::from_str(text)
        .map_err(|_| ApiError::parameter("PolicyText", "Invalid registry policy provided"))?;
    let statements = policy.get_mut("Statement").and_then(Value::as_array_mut);
    for statement in statements.into_iter().flatten() {
        if let Some(members) = statement.as_object_mut() {
            members.remove("Resource");
        }
    }
    check_policy(&policy.to_string(), "PolicyText")
}

/// `GetRegistryPolicy`.
pub(super) fn get_policy(call: &Call<'_>) -> Result<Value, ApiError> {
    registry_policy(call, settings(call).policy)
}

/// `DeleteRegistryPolicy`.
pub(super) fn delete_policy(call: &Call<'_>) -> Result<Value, ApiError> {
    change(call, |settings| {
        registry_policy(call, settings.policy.take())
    })
}

fn registry_policy(call: &Call<'_>, policy: Option<String>) -> Result<Value, ApiError> {
    let account = &call.caller.account;
    let missing = || {
        let text = format!("Registry policy does not exist in the registry with id '{account}'");
        ApiError::new("RegistryPolicyNotFoundException", text)
    };
    Ok(json!({ "registryId": account, "policyText": policy.ok_or_else(missing)? }))
}

/// Request of `PutSigningConfiguration`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutSigning {
    signing_configuration: Value,
}

/// `PutSigningConfiguration`. It is kept, but nothing is signed.
pub(super) fn put_signing(call: &Call<'_>, request: &PutSigning) -> Result<Value, ApiError> {
    change(call, |settings| {
        settings.signing = Some(request.signing_configuration.clone());
        Ok(json!({ "signingConfiguration": request.signing_configuration }))
    })
}

/// `GetSigningConfiguration`.
pub(super) fn get_signing(call: &Call<'_>) -> Result<Value, ApiError> {
    signing(call, settings(call).signing)
}

/// `DeleteSigningConfiguration`.
pub(super) fn delete_signing(call: &Call<'_>) -> Result<Value, ApiError> {
    change(call, |settings| signing(call, settings.signing.take()))
}

fn signing(call: &Call<'_>, signing: Option<Value>) -> Result<Value, ApiError> {
    let account = &call.caller.account;
    let missing = || {
        let text =
            format!("The signing configuration does not exist in the registry with id '{account}'");
        ApiError::new("SigningConfigurationNotFoundException", text)
    };
    Ok(json!({ "registryId": account, "signingConfiguration": signing.ok_or_else(missing)? }))
}

/// Request of `GetAccountSetting`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetAccountSetting {
    name: String,
}

/// `GetAccountSetting`.
pub(super) fn get_account_setting(
    call: &Call<'_>,
    request: &GetAccountSetting,
) -> Result<Value, ApiError> {
    let (name, values) = known_setting(&request.name)?;
    let value = settings(call)
        .account
        .get(name)
        .cloned()
        .unwrap_or_else(|| values[0].to_owned());
    Ok(json!({ "name": name, "value": value }))
}

/// Request of `PutAccountSetting`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutAccountSetting {
    name: String,
    value: String,
}

/// `PutAccountSetting`.
pub(super) fn put_account_setting(
    call: &Call<'_>,
    request: PutAccountSetting,
) -> Result<Value, ApiError> {
    let (name, values) = known_setting(&request.name)?;
    if !values.contains(&request.value.as_str()) {
        let text = format!("value of {name} must be one of [{}]", values.join(", "));
        return Err(ApiError::new("ValidationException", text));
    }
    let answer = json!({ "name": name, "value": request.value });
    change(call, |settings| {
        settings.account.insert(request.name, request.value);
        Ok(answer)
    })
}

fn known_setting(name: &str) -> Result<(&'static str, &'static [&'static str]), ApiError> {
    let found = ACCOUNT_SETTINGS.iter().find(|(known, _)| *known == name);
    found.copied().ok_or_else(|| {
        ApiError::new(
            "ValidationException",
            format!("unknown account setting {name}"),
        )
    })
}

/// Request of `RegisterPullTimeUpdateExclusion` and of its counterpart.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exclusion {
    principal_arn: String,
}

/// `RegisterPullTimeUpdateExclusion`.
pub(super) fn register_exclusion(call: &Call<'_>, request: Exclusion) -> Result<Value, ApiError> {
    let arn = request.principal_arn;
    change(call, |settings| {
        if settings.pull_time_exclusions.len() >= 100 {
            return Err(ApiError::new(
                "LimitExceededException",
                "There may be at most 100 pull time update exclusions",
            ));
        }
        if !settings.pull_time_exclusions.insert(arn.clone()) {
            let text = format!("The pull time update exclusion '{arn}' already exists");
            return Err(ApiError::new("ExclusionAlreadyExistsException", text));
        }
        Ok(json!({ "principalArn": arn, "createdAt": call.now.epoch() }))
    })
}

/// `DeregisterPullTimeUpdateExclusion`.
pub(super) fn deregister_exclusion(
    call: &Call<'_>,
    request: &Exclusion,
) -> Result<Value, ApiError> {
    let arn = &request.principal_arn;
    change(call, |settings| {
        if !settings.pull_time_exclusions.remove(arn) {
            let text = format!("The pull time update exclusion '{arn}' does not exist");
            return Err(ApiError::new("ExclusionNotFoundException", text));
        }
        Ok(json!({ "principalArn": arn }))
    })
}

/// Request of `ListPullTimeUpdateExclusions`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListExclusions {
    next_token: Option<String>,
    max_results: Option<usize>,
}

/// `ListPullTimeUpdateExclusions`.
pub(super) fn list_exclusions(
    call: &Call<'_>,
    request: &ListExclusions,
) -> Result<Value, ApiError> {
    let all = settings(call).pull_time_exclusions.into_iter().collect();
    let size = request.max_results.unwrap_or(100);
    let (entries, next) = page(all, String::clone, request.next_token.as_ref(), size)?;
    let mut answer = json!({ "pullTimeUpdateExclusions": entries });
    if let Some(next) = next {
        answer["nextToken"] = json!(next);
    }
    Ok(answer)
}
