//! Requests and answers against the constraints of the service model.
//!
//! The constraints are data (`service-model.json`, written by `tests/outside/service_model.py` from the model
//! that botocore carries): an operation that is added to `api` is checked without a line here.

mod shapes;

use serde_json::Value;

use crate::errors::ApiError;
use shapes::{MODEL, Shape};

/// Returns whether the service has the operation, played here or not.
pub(crate) fn is_operation(name: &str) -> bool {
    MODEL.operations.contains_key(name)
}

/// Reads the model, so that no call has to wait for it.
pub(crate) fn prepare() {
    std::sync::LazyLock::force(&MODEL);
}

/// Checks a request; members that the model does not know are ignored, as the service does.
pub(crate) fn check_request(operation: &str, request: &Value) -> Result<(), ApiError> {
    let Some(found) = MODEL.operations.get(operation) else {
        return Ok(());
    };
    check(found.input, request, "", Side::Request)
}

/// Checks an answer of ours; returns what is wrong with it.
#[cfg(debug_assertions)]
pub(crate) fn check_answer(operation: &str, answer: &Value) -> Result<(), String> {
    let Some(found) = MODEL.operations.get(operation) else {
        return Ok(());
    };
    check(found.output, answer, "", Side::Answer).map_err(|error| error.message)?;
    let Shape::Structure { members, .. } = &MODEL.shapes[found.output] else {
        return Ok(());
    };
    match answer
        .as_object()
        .and_then(|object| object.keys().find(|key| !members.contains_key(*key)))
    {
        Some(key) => Err(format!("member {key} is not in the model")),
        None => Ok(()),
    }
}

/// Which side of a call is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    /// What a client sent.
    Request,
    /// What we say; an empty list is fine there, whatever its least size in a request.
    #[cfg(debug_assertions)]
    Answer,
}

impl Side {
    fn allows_empty_lists(self) -> bool {
        self != Self::Request
    }
}

fn check(shape: usize, value: &Value, path: &str, side: Side) -> Result<(), ApiError> {
    match &MODEL.shapes[shape] {
        Shape::Structure { members, required } => {
            let object = value
                .as_object()
                .ok_or_else(|| wrong_type(path, "a structure"))?;
            for name in required {
                if object.get(name).is_none_or(Value::is_null) {
                    return Err(ApiError::parameter(&joined(path, name), "must not be null"));
                }
            }
            for (name, member) in object.iter().filter(|(_, member)| !member.is_null()) {
                if let Some(shape) = members.get(name) {
                    check(*shape, member, &joined(path, name), side)?;
                }
            }
            Ok(())
        }
        Shape::List { member, size } => {
            let list = value.as_array().ok_or_else(|| wrong_type(path, "a list"))?;
            if !(list.is_empty() && side.allows_empty_lists()) {
                size.check(list.len(), "size")
                    .map_err(|constraint| ApiError::parameter(path, &constraint))?;
            }
            for (index, entry) in list.iter().enumerate() {
                check_member(*member, entry, path, index, side)?;
            }
            Ok(())
        }
        Shape::Map { key, value: member } => {
            let object = value.as_object().ok_or_else(|| wrong_type(path, "a map"))?;
            for (name, entry) in object {
                check(
                    *key,
                    &Value::String(name.clone()),
                    &joined(path, name),
                    side,
                )?;
                check(*member, entry, &joined(path, name), side)?;
            }
            Ok(())
        }
        scalar => scalar.check(value).map_err(|problem| match problem {
            shapes::Problem::Type(expected) => wrong_type(path, expected),
            shapes::Problem::Constraint(constraint) => ApiError::parameter(path, &constraint),
        }),
    }
}

/// Checks an entry of a list; the service words a broken constraint of a scalar entry in its own way.
fn check_member(
    shape: usize,
    entry: &Value,
    path: &str,
    index: usize,
    side: Side,
) -> Result<(), ApiError> {
    if MODEL.shapes[shape].is_scalar() {
        return MODEL.shapes[shape]
            .check(entry)
            .map_err(|problem| match problem {
                shapes::Problem::Type(expected) => wrong_type(path, expected),
                shapes::Problem::Constraint(constraint) => {
                    let inner = constraint.replacen("must", "Member must", 1);
                    ApiError::parameter(path, &format!("Member must satisfy constraint: [{inner}]"))
                }
            });
    }
    check(shape, entry, &format!("{path}.{}.member", index + 1), side)
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn wrong_type(path: &str, expected: &str) -> ApiError {
    let place = if path.is_empty() {
        "the request".to_owned()
    } else {
        format!("'{path}'")
    };
    ApiError::new(
        "SerializationException",
        format!("expected {expected} at {place}"),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refusal(operation: &str, request: &Value) -> String {
        let error = check_request(operation, request).unwrap_err();
        format!("{}: {}", error.code, error.message)
    }

    #[test]
    fn accepts_a_request_within_the_constraints() {
        let request = json!({ "repositoryName": "team/app_1", "unknownMember": 1, "tags": [] });
        assert_eq!(check_request("CreateRepository", &request), Ok(()));
    }

    #[test]
    fn refuses_a_missing_member() {
        assert_eq!(
            refusal("CreateRepository", &json!({})),
            "InvalidParameterException: Invalid parameter at 'repositoryName' failed to satisfy constraint: \
             'must not be null'"
        );
    }

    #[test]
    fn refuses_names_as_ecr_words_it() {
        let short = refusal("CreateRepository", &json!({ "repositoryName": "a" }));
        assert!(
            short.contains("'must have length greater than or equal to 2'"),
            "{short}"
        );
        let upper = refusal("CreateRepository", &json!({ "repositoryName": "App" }));
        assert!(
            upper.contains("at 'repositoryName'")
                && upper.contains("must satisfy regular expression"),
            "{upper}"
        );
    }

    #[test]
    fn refuses_list_entries_as_ecr_words_it() {
        let request = json!({ "registryIds": ["12"] });
        assert!(refusal("GetAuthorizationToken", &request).ends_with(
            "at 'registryIds' failed to satisfy constraint: 'Member must satisfy constraint: \
             [Member must satisfy regular expression '[0-9]{12}']'"
        ));
    }

    #[test]
    fn refuses_enumerations_sizes_and_types() {
        let mutability = json!({ "repositoryName": "app", "imageTagMutability": "SOMETIMES" });
        assert!(
            refusal("PutImageTagMutability", &mutability)
                .contains("must satisfy enum value set: [MUTABLE, ")
        );
        let none = json!({ "repositoryName": "app", "imageIds": [] });
        assert!(
            refusal("BatchGetImage", &none).contains("must have size greater than or equal to 1")
        );
        let text = json!({ "repositoryName": "app", "imageIds": "latest" });
        assert!(refusal("BatchGetImage", &text).starts_with("SerializationException"));
        let page = json!({ "maxResults": 1001 });
        assert!(
            refusal("DescribeRepositories", &page)
                .contains("must have value less than or equal to 1000")
        );
    }

    #[test]
    fn every_operation_of_the_model_has_both_shapes() {
        assert_eq!(MODEL.operations.len(), 62);
        for operation in MODEL.operations.values() {
            assert!(matches!(
                MODEL.shapes[operation.input],
                Shape::Structure { .. }
            ));
            assert!(matches!(
                MODEL.shapes[operation.output],
                Shape::Structure { .. }
            ));
        }
    }
}
