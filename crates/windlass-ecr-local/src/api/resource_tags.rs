//! Resource tags of repositories.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::api::Call;
use crate::api::answer::nothing;
use crate::api::repositories::{change_settings, scope_of_arn};
use crate::errors::ApiError;

/// A resource tag.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Tag {
    /// Key.
    #[serde(rename = "Key")]
    pub(super) key: String,
    /// Value.
    #[serde(rename = "Value")]
    pub(super) value: String,
}

/// Request of `ListTagsForResource`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    resource_arn: String,
}

/// `ListTagsForResource`.
pub(super) fn list(call: &Call<'_>, request: &List) -> Result<Value, ApiError> {
    let (scope, name) = scope_of_arn(call, &request.resource_arn)?;
    let store = call.server.store.lock();
    let tags = &call.repository(&store, &scope, &name)?.settings.tags;
    Ok(json!({ "tags": tag_list(tags) }))
}

/// Request of `TagResource`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Add {
    resource_arn: String,
    tags: Vec<Tag>,
}

/// `TagResource`. Other tags stay.
pub(super) fn tag(call: &Call<'_>, request: Add) -> Result<Value, ApiError> {
    let (scope, name) = scope_of_arn(call, &request.resource_arn)?;
    change_settings(call, &scope, &name, |settings| {
        settings.tags = checked_tags(&settings.tags, request.tags)?;
        Ok(())
    })?;
    Ok(nothing())
}

/// Request of `UntagResource`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remove {
    resource_arn: String,
    tag_keys: Vec<String>,
}

/// `UntagResource`. Keys that are not there are no error.
pub(super) fn untag(call: &Call<'_>, request: &Remove) -> Result<Value, ApiError> {
    let (scope, name) = scope_of_arn(call, &request.resource_arn)?;
    change_settings(call, &scope, &name, |settings| {
        settings
            .tags
            .retain(|key, _| !request.tag_keys.contains(key));
        Ok(())
    })?;
    Ok(nothing())
}

/// Returns tags as the API lists them.
pub(super) fn tag_list(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag {
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
}

/// Returns the present tags with the added ones, if the rules of tags allow it.
pub(super) fn checked_tags(
    present: &BTreeMap<String, String>,
    added: Vec<Tag>,
) -> Result<BTreeMap<String, String>, ApiError> {
    let invalid = |text: &str| Err(ApiError::new("InvalidTagParameterException", text));
    let mut new = BTreeMap::new();
    for Tag { key, value } in added {
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 {
            return invalid(
                "Tag keys can have 1 to 128 characters, and tag values 256 characters at most",
            );
        }
        if key.to_ascii_lowercase().starts_with("aws:") {
            return invalid("Tag keys that start with 'aws:' are reserved");
        }
        if new.insert(key, value).is_some() {
            return invalid("Tag keys must not be given more than once");
        }
    }
    let mut all = present.clone();
    all.extend(new);
    if all.len() > 50 {
        let text = "The list of tags on the repository is over the limit. The maximum number of tags is 50";
        return Err(ApiError::new("TooManyTagsException", text));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(count: usize) -> Vec<Tag> {
        (0..count)
            .map(|number| Tag {
                key: format!("k{number}"),
                value: String::new(),
            })
            .collect()
    }

    fn code(added: Vec<Tag>) -> &'static str {
        checked_tags(&BTreeMap::new(), added).unwrap_err().code
    }

    #[test]
    fn refuses_bad_tags() {
        let one = |key: &str| {
            vec![Tag {
                key: key.into(),
                value: "v".into(),
            }]
        };
        assert_eq!(code(one("aws:created")), "InvalidTagParameterException");
        assert_eq!(code(one("")), "InvalidTagParameterException");
        assert_eq!(code(one(&"k".repeat(129))), "InvalidTagParameterException");
        assert_eq!(
            code([one("a"), one("a")].concat()),
            "InvalidTagParameterException"
        );
        assert_eq!(code(tags(51)), "TooManyTagsException");
        assert_eq!(checked_tags(&BTreeMap::new(), tags(50)).unwrap().len(), 50);
    }
}
