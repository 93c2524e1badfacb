//! Scanning configurations: the registry's rules, and what they mean for a repository.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Call;
use crate::api::registry_settings::{change, settings};
use crate::errors::ApiError;
use crate::model::wildcard_matches;

/// Request of `PutRegistryScanningConfiguration`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Put {
    scan_type: Option<String>,
    rules: Option<Vec<Value>>,
}

/// `PutRegistryScanningConfiguration`.
pub(super) fn put(call: &Call<'_>, request: Put) -> Result<Value, ApiError> {
    let scan_type = request.scan_type.unwrap_or_else(|| "BASIC".to_owned());
    let rules = request.rules.unwrap_or_default();
    let continuous = rules
        .iter()
        .any(|rule| rule["scanFrequency"] == "CONTINUOUS_SCAN");
    if scan_type == "BASIC" && continuous {
        return Err(ApiError::parameter(
            "scanFrequency",
            "CONTINUOUS_SCAN needs scanType ENHANCED",
        ));
    }
    let configuration = json!({ "scanType": scan_type, "rules": rules });
    change(call, |settings| {
        settings.scanning = Some(configuration.clone());
        Ok(json!({ "registryScanningConfiguration": configuration }))
    })
}

/// `GetRegistryScanningConfiguration`.
pub(super) fn get(call: &Call<'_>) -> Value {
    json!({ "registryId": call.caller.account, "scanningConfiguration": configuration(call) })
}

fn configuration(call: &Call<'_>) -> Value {
    settings(call)
        .scanning
        .unwrap_or_else(|| json!({ "scanType": "BASIC", "rules": [] }))
}

/// Request of `BatchGetRepositoryScanningConfiguration`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BatchGet {
    repository_names: Vec<String>,
}

/// `BatchGetRepositoryScanningConfiguration`. What is in force; repositories that are not there are failures.
pub(super) fn batch_get(call: &Call<'_>, request: BatchGet) -> Value {
    let configuration = configuration(call);
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let store = call.server.store.lock();
    for name in request.repository_names {
        match call.repository(&store, &call.caller, &name) {
            Ok(repository) => {
                let mut entry = effective(&configuration, &name, repository.settings.scan_on_push);
                entry["repositoryArn"] = json!(call.caller.arn(&name));
                entry["repositoryName"] = json!(name);
                found.push(entry);
            }
            Err(error) => failures.push(json!({
                "repositoryName": name,
                "failureCode": "REPOSITORY_NOT_FOUND",
                "failureReason": error.message,
            })),
        }
    }
    json!({ "scanningConfigurations": found, "failures": failures })
}

/// Returns frequency and filters in force: the registry's rules first, else the repository's own setting.
fn effective(configuration: &Value, name: &str, scan_on_push: bool) -> Value {
    let rules = configuration["rules"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let applied = |rule: &Value| -> Vec<Value> {
        let filters = rule["repositoryFilters"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        filters
            .iter()
            .filter(|filter| selects(filter["filter"].as_str().unwrap_or_default(), name))
            .cloned()
            .collect()
    };
    let own = if scan_on_push {
        "SCAN_ON_PUSH"
    } else {
        "MANUAL"
    };
    let by_rule = rules
        .iter()
        .map(|rule| (rule["scanFrequency"].as_str().unwrap_or(own), applied(rule)));
    let (frequency, filters) = by_rule
        .filter(|(_, filters)| !filters.is_empty())
        .min_by_key(|(frequency, _)| rank(frequency))
        .unwrap_or((own, Vec::new()));
    json!({ "scanOnPush": frequency != "MANUAL", "scanFrequency": frequency, "appliedScanFilters": filters })
}

/// Of two rules that select a repository, the one that scans more is in force.
fn rank(frequency: &str) -> u8 {
    match frequency {
        "CONTINUOUS_SCAN" => 0,
        "SCAN_ON_PUSH" => 1,
        _ => 2,
    }
}

/// A filter without a wildcard selects every name that holds it.
fn selects(filter: &str, name: &str) -> bool {
    if filter.contains('*') {
        wildcard_matches(filter, name)
    } else {
        name.contains(filter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(frequency: &str, filter: &str) -> Value {
        json!({ "scanFrequency": frequency, "repositoryFilters": [{ "filter": filter, "filterType": "WILDCARD" }] })
    }

    #[test]
    fn rules_of_the_registry_win_over_the_repository() {
        let rules =
            json!({ "rules": [rule("SCAN_ON_PUSH", "prod"), rule("CONTINUOUS_SCAN", "prod/*")] });
        let frequency = |name: &str, own| effective(&rules, name, own)["scanFrequency"].clone();
        assert_eq!(frequency("prod/app", false), "CONTINUOUS_SCAN");
        assert_eq!(frequency("my-prod", false), "SCAN_ON_PUSH");
        assert_eq!(frequency("dev/app", false), "MANUAL");
        assert_eq!(frequency("dev/app", true), "SCAN_ON_PUSH");
    }
}
