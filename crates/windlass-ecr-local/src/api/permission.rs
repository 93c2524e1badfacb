//! Whether a repository policy lets another account in.

use serde_json::Value;

use crate::api::Call;
use crate::errors::ApiError;
use crate::model::{Repository, Scope, wildcard_matches};

/// Checks a call from another account; without a policy that allows it, it is denied.
pub(super) fn check(
    call: &Call<'_>,
    scope: &Scope,
    name: &str,
    repository: &Repository,
) -> Result<(), ApiError> {
    let action = format!("ecr:{}", call.operation);
    let policy = repository.settings.policy.as_deref().unwrap_or("{}");
    if allows(policy, &call.caller.account, &action) {
        return Ok(());
    }
    Err(ApiError::new(
        "AccessDeniedException",
        format!(
            "User: {} is not authorized to perform: {action} on resource: {} because no resource-based policy allows \
             the {action} action",
            call.principal,
            scope.arn(name)
        ),
    ))
}

/// Returns whether a policy lets an account do an action. Conditions are taken as fulfilled.
fn allows(policy: &str, account: &str, action: &str) -> bool {
    let policy: Value = serde_json::from_str(policy).unwrap_or(Value::Null);
    let statements = one_or_many(&policy["Statement"]);
    let fitting = statements
        .iter()
        .filter(|statement| names(statement, account) && covers(statement, action));
    let effects: Vec<&str> = fitting
        .filter_map(|statement| statement["Effect"].as_str())
        .collect();
    effects.contains(&"Allow") && !effects.contains(&"Deny")
}

fn names(statement: &Value, account: &str) -> bool {
    let is_account = |principal: &Value| {
        let principal = principal.as_str().unwrap_or_default();
        principal == "*" || principal == account || principal.split(':').nth(4) == Some(account)
    };
    let principal = &statement["Principal"];
    is_account(principal)
        || one_or_many(&principal["AWS"])
            .iter()
            .any(|entry| is_account(entry))
}

fn covers(statement: &Value, action: &str) -> bool {
    let matches = |pattern: &Value| {
        let pattern = pattern.as_str().unwrap_or_default().to_ascii_lowercase();
        wildcard_matches(&pattern, &action.to_ascii_lowercase())
    };
    one_or_many(&statement["Action"])
        .iter()
        .any(|pattern| matches(pattern))
}

/// IAM writes a list of one as its only entry.
fn one_or_many(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Null => Vec::new(),
        single => vec![single],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_policy_allows_what_it_names_and_denials_win() {
        let policy = json!({ "Statement": [
            { "Effect": "Allow", "Principal": { "AWS": "arn:aws:iam::222222222222:root" }, "Action": "ecr:Batch*" },
            { "Effect": "Deny", "Principal": "*", "Action": ["ecr:BatchDeleteImage"] },
        ]})
        .to_string();
        assert!(allows(&policy, "222222222222", "ecr:BatchGetImage"));
        assert!(!allows(&policy, "333333333333", "ecr:BatchGetImage"));
        assert!(!allows(&policy, "222222222222", "ecr:BatchDeleteImage"));
        assert!(!allows(&policy, "222222222222", "ecr:PutImage"));
        assert!(!allows("{}", "222222222222", "ecr:PutImage"));
    }
}
