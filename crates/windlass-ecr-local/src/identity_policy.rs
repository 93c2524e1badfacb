//! What the identity that calls is allowed: one IAM policy for every caller of the registry's own account, where a test or a person sets one.
//!
//! Actions and resources are matched as IAM does, with wildcards; denials win. Conditions are taken as fulfilled.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use crate::errors::ApiError;
use crate::model::{Scope, wildcard_matches};

/// The policy in force; clones share it. Without one everything is allowed.
#[derive(Debug, Clone, Default)]
pub struct IdentityPolicy(Arc<Mutex<Option<Value>>>);

impl IdentityPolicy {
    /// Puts a policy in force.
    ///
    /// # Errors
    /// Says why the text is no policy.
    pub fn set(&self, document: &str) -> Result<(), String> {
        let policy: Value = serde_json::from_str(document).map_err(|error| error.to_string())?;
        if one_or_many(&policy["Statement"]).is_empty() {
            return Err("the policy has no Statement".to_owned());
        }
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(policy);
        Ok(())
    }

    /// Allows everything again.
    pub fn clear(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Checks an action of ECR on resources; each of them must be allowed.
    pub(crate) fn check(
        &self,
        principal: &str,
        operation: &str,
        resources: &[String],
    ) -> Result<(), ApiError> {
        let policy = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(policy) = policy.as_ref() else {
            return Ok(());
        };
        let action = format!("ecr:{operation}");
        let refused = resources
            .iter()
            .find(|resource| !allows(policy, &action, resource));
        match refused {
            None => Ok(()),
            Some(resource) => Err(ApiError::new(
                "AccessDeniedException",
                format!(
                    "User: {principal} is not authorized to perform: {action} on resource: {resource} because no \
                     identity-based policy allows the {action} action"
                ),
            )),
        }
    }
}

/// Returns the resources that a request of the API names.
pub(crate) fn resources(scope: &Scope, operation: &str, request: &Value) -> Vec<String> {
    if operation == "GetAuthorizationToken" {
        return vec!["*".to_owned()];
    }
    let text = |key: &str| request[key].as_str().map(str::to_owned);
    let account = text("registryId").unwrap_or_else(|| scope.account.clone());
    let registry = Scope {
        account,
        region: scope.region.clone(),
    };
    if let Some(arn) = text("resourceArn") {
        return vec![arn];
    }
    if let Some(name) = text("repositoryName") {
        return vec![registry.arn(&name)];
    }
    match request["repositoryNames"].as_array() {
        Some(names) => names
            .iter()
            .filter_map(Value::as_str)
            .map(|name| registry.arn(name))
            .collect(),
        None => vec![registry.arn("*")],
    }
}

fn allows(policy: &Value, action: &str, resource: &str) -> bool {
    let fitting = one_or_many(&policy["Statement"])
        .into_iter()
        .filter(|statement| {
            let named = |key: &str, wanted: &str, fold: bool| {
                one_or_many(&statement[key]).iter().any(|pattern| {
                    let pattern = pattern.as_str().unwrap_or_default();
                    if fold {
                        wildcard_matches(
                            &pattern.to_ascii_lowercase(),
                            &wanted.to_ascii_lowercase(),
                        )
                    } else {
                        wildcard_matches(pattern, wanted)
                    }
                })
            };
            named("Action", action, true) && named("Resource", resource, false)
        });
    let effects: Vec<&str> = fitting
        .filter_map(|statement| statement["Effect"].as_str())
        .collect();
    effects.contains(&"Allow") && !effects.contains(&"Deny")
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

    fn arn(name: &str) -> String {
        format!("arn:aws:ecr:eu-west-1:111122223333:repository/{name}")
    }

    #[test]
    fn an_action_is_allowed_on_what_the_policy_names_and_denials_win() {
        let policy = IdentityPolicy::default();
        let check =
            |operation: &str, name: &str| policy.check("me", operation, &[arn(name)]).is_ok();
        assert!(
            check("PutImage", "web"),
            "without a policy everything is allowed"
        );
        let document = json!({ "Statement": [
            { "Effect": "Allow", "Action": ["ecr:Batch*", "ecr:putimage"], "Resource": arn("shop/*") },
            { "Effect": "Deny", "Action": "ecr:*", "Resource": [arn("shop/secret")] },
        ]});
        policy.set(&document.to_string()).expect("a policy");
        assert!(check("BatchGetImage", "shop/web") && check("PutImage", "shop/web"));
        assert!(!check("PutImage", "web"));
        assert!(!check("DescribeRepositories", "shop/web"));
        assert!(!check("PutImage", "shop/secret"));
        assert!(policy.set("{}").is_err());
        policy.clear();
        assert!(check("DescribeRepositories", "web"));
    }

    #[test]
    fn resources_are_those_that_a_request_names() {
        let scope = Scope {
            account: "111122223333".to_owned(),
            region: "eu-west-1".to_owned(),
        };
        let of = |operation: &str, request: Value| resources(&scope, operation, &request);
        assert_eq!(of("GetAuthorizationToken", json!({})), ["*"]);
        assert_eq!(
            of("PutImage", json!({ "repositoryName": "web" })),
            [arn("web")]
        );
        assert_eq!(
            of(
                "DescribeRepositories",
                json!({ "repositoryNames": ["a", "b"] })
            ),
            [arn("a"), arn("b")]
        );
        assert_eq!(of("DescribeRepositories", json!({})), [arn("*")]);
        assert_eq!(
            of("TagResource", json!({ "resourceArn": "arn:x" })),
            ["arn:x"]
        );
    }
}
