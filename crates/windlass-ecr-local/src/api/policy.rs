//! Repository policies.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::repositories::change_settings;
use crate::api::{Call, Target};
use crate::errors::ApiError;
use crate::identity::is_account;
use crate::model::Scope;

/// Request of `SetRepositoryPolicy`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Set {
    registry_id: Option<String>,
    repository_name: String,
    policy_text: String,
}

/// `SetRepositoryPolicy`.
pub(super) fn set(call: &Call<'_>, request: Set) -> Result<Value, ApiError> {
    check_policy(&request.policy_text, "PolicyText")?;
    let scope = call.scope(request.registry_id.as_ref());
    let settings = change_settings(call, &scope, &request.repository_name, |settings| {
        settings.policy = Some(request.policy_text);
        Ok(())
    })?;
    Ok(json!({
        "registryId": scope.account,
        "repositoryName": request.repository_name,
        "policyText": settings.policy.map(|text| shown(call, &text)),
    }))
}

/// `GetRepositoryPolicy`.
pub(super) fn get(call: &Call<'_>, request: &Target) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let store = call.server.store.lock();
    let settings = &call
        .repository(&store, &scope, &request.repository_name)?
        .settings;
    answer(call, &scope, request, settings.policy.as_deref())
}

/// `DeleteRepositoryPolicy`.
pub(super) fn delete(call: &Call<'_>, request: &Target) -> Result<Value, ApiError> {
    let scope = call.scope(request.registry_id.as_ref());
    let mut removed = Value::Null;
    change_settings(call, &scope, &request.repository_name, |settings| {
        removed = answer(call, &scope, request, settings.policy.take().as_deref())?;
        Ok(())
    })?;
    Ok(removed)
}

fn answer(
    call: &Call<'_>,
    scope: &Scope,
    request: &Target,
    policy: Option<&str>,
) -> Result<Value, ApiError> {
    let name = &request.repository_name;
    let text = policy.ok_or_else(|| {
        let account = &scope.account;
        let text = format!(
            "Repository policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
        );
        ApiError::new("RepositoryPolicyNotFoundException", text)
    })?;
    Ok(
        json!({ "registryId": scope.account, "repositoryName": name, "policyText": shown(call, text) }),
    )
}

/// Returns a policy as the service shows it: laid out, principals as ARNs and in another order.
fn shown(call: &Call<'_>, text: &str) -> String {
    if !call.server.quirks.rewritten_policies {
        return text.to_owned();
    }
    let Ok(mut policy) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    for statement in statements_mut(&mut policy) {
        match &mut statement["Principal"]["AWS"] {
            Value::Array(principals) => {
                principals.iter_mut().for_each(spell_out);
                principals.reverse();
            }
            single @ Value::String(_) => spell_out(single),
            _ => {}
        }
    }
    serde_json::to_string_pretty(&policy).unwrap_or_else(|_| text.to_owned())
}

fn statements_mut(policy: &mut Value) -> Vec<&mut Value> {
    let with_principals = |statement: &&mut Value| statement["Principal"]["AWS"] != Value::Null;
    match &mut policy["Statement"] {
        Value::Array(statements) => statements
            .iter_mut()
            .filter(|one| with_principals(one))
            .collect(),
        single => vec![single]
            .into_iter()
            .filter(|one| with_principals(one))
            .collect(),
    }
}

fn spell_out(principal: &mut Value) {
    if let Some(account) = principal.as_str().filter(|text| is_account(text)) {
        *principal = json!(format!("arn:aws:iam::{account}:root"));
    }
}

/// Checks a policy text; what a repository policy must not hold is refused as the service words it.
pub(super) fn check_policy(text: &str, member: &str) -> Result<(), ApiError> {
    match problem(text) {
        None => Ok(()),
        Some(problem) => Err(ApiError::parameter(
            member,
            &format!("Invalid repository policy provided: {problem}"),
        )),
    }
}

fn problem(text: &str) -> Option<String> {
    let policy: Value = match serde_json::from_str(text) {
        Ok(policy) => policy,
        Err(error) => return Some(format!("not JSON: {error}")),
    };
    if let Some(version) = policy.get("Version")
        && !matches!(version.as_str(), Some("2012-10-17" | "2008-10-17"))
    {
        return Some("Version must be 2012-10-17 or 2008-10-17".to_owned());
    }
    match policy.get("Statement") {
        Some(Value::Array(statements)) if !statements.is_empty() => {
            statements.iter().find_map(statement_problem)
        }
        Some(statement @ Value::Object(_)) => statement_problem(statement),
        _ => Some("Statement is missing".to_owned()),
    }
}

fn statement_problem(statement: &Value) -> Option<String> {
    let Some(members) = statement.as_object() else {
        return Some("a statement must be an object".to_owned());
    };
    let known = [
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Condition",
    ];
    if let Some(member) = members.keys().find(|key| !known.contains(&key.as_str())) {
        return Some(format!("a statement must not have {member}"));
    }
    if !matches!(statement["Effect"].as_str(), Some("Allow" | "Deny")) {
        return Some("Effect must be Allow or Deny".to_owned());
    }
    if statement
        .get("Principal")
        .or_else(|| statement.get("NotPrincipal"))
        .is_none()
    {
        return Some("Principal is missing".to_owned());
    }
    let actions = statement
        .get("Action")
        .or_else(|| statement.get("NotAction"));
    let actions = match actions {
        Some(Value::Array(actions)) if !actions.is_empty() => {
            actions.iter().map(Value::as_str).collect()
        }
        Some(action @ Value::String(_)) => vec![action.as_str()],
        _ => return Some("Action is missing".to_owned()),
    };
    actions.into_iter().find_map(action_problem)
}

fn action_problem(action: Option<&str>) -> Option<String> {
    match action {
        Some("*") => None,
        Some(action) if action.eq_ignore_ascii_case("ecr:GetAuthorizationToken") => {
            Some("ecr:GetAuthorizationToken belongs to no repository".to_owned())
        }
        Some(action) if action.to_ascii_lowercase().starts_with("ecr:") => None,
        Some(action) => Some(format!("action {action} is not of ecr")),
        None => Some("an action must be a string".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(member: &str, value: Value) -> String {
        let mut statement =
            json!({ "Effect": "Allow", "Principal": "*", "Action": ["ecr:BatchGetImage"] });
        statement[member] = value;
        json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
    }

    #[test]
    fn refuses_what_a_repository_policy_must_not_hold() {
        assert_eq!(problem(&with("Sid", json!("a"))), None);
        assert!(problem("{").unwrap().starts_with("not JSON"));
        assert_eq!(problem("{}").as_deref(), Some("Statement is missing"));
        assert_eq!(
            problem(&with("Resource", json!("*"))).as_deref(),
            Some("a statement must not have Resource")
        );
        assert!(problem(&with("Action", json!("ecr:GetAuthorizationToken"))).is_some());
        assert!(problem(&with("Action", json!(["s3:GetObject"]))).is_some());
        assert!(problem(&with("Effect", json!("Maybe"))).is_some());
    }
}
