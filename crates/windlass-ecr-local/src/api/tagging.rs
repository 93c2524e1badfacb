//! The one operation of the tagging API that a client of ECR needs: `GetResources`.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::page::page;
use crate::api::resource_tags::tag_list;
use crate::api::{Call, read};
use crate::errors::ApiError;
use crate::model::Repository;

/// Request of `GetResources`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct GetResources {
    #[serde(rename = "ResourceARNList")]
    arns: Option<Vec<String>>,
    resource_type_filters: Option<Vec<String>>,
    tag_filters: Option<Vec<TagFilter>>,
    resources_per_page: Option<usize>,
    pagination_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagFilter {
    key: String,
    values: Option<Vec<String>>,
}

/// Answers an operation of the tagging API.
pub(super) fn run(call: &Call<'_>, request: Value) -> Result<Value, ApiError> {
    if call.operation != "GetResources" {
        let text = format!(
            "the local ECR does not play {} of the tagging API",
            call.operation
        );
        return Err(ApiError::new("UnknownOperationException", text));
    }
    let request: GetResources = read(request)?;
    check(&request)?;
    let store = call.server.store.lock();
    let repositories = store.registry(&call.caller).repositories.iter();
    let tagged = repositories.map(|(name, repository)| (call.caller.arn(name), repository));
    let shown = tagged.filter(|(arn, repository)| shows(&request, arn, repository));
    let entries = shown.map(|(arn, repository)| {
        json!({ "ResourceARN": arn, "Tags": tag_list(&repository.settings.tags) })
    });
    let key = |entry: &Value| entry["ResourceARN"].as_str().unwrap_or_default().to_owned();
    let token = request
        .pagination_token
        .as_ref()
        .filter(|token| !token.is_empty());
    let size = request.resources_per_page.unwrap_or(100);
    let (entries, next) = page(entries.collect(), key, token, size)?;
    Ok(json!({ "ResourceTagMappingList": entries, "PaginationToken": next.unwrap_or_default() }))
}

fn check(request: &GetResources) -> Result<(), ApiError> {
    let invalid = |text: &str| Err(ApiError::new("InvalidParameterException", text));
    if let Some(arns) = &request.arns {
        if arns.is_empty() || arns.len() > 100 {
            return invalid("ResourceARNList must have 1 to 100 members");
        }
        let others = request.resource_type_filters.is_some() || request.tag_filters.is_some();
        if others || request.resources_per_page.is_some() || request.pagination_token.is_some() {
            return invalid("ResourceARNList cannot be used with other parameters");
        }
    }
    if request
        .resources_per_page
        .is_some_and(|size| size == 0 || size > 100)
    {
        return invalid("ResourcesPerPage must be between 1 and 100");
    }
    if request
        .resource_type_filters
        .as_ref()
        .is_some_and(|filters| filters.len() > 100)
    {
        return invalid("ResourceTypeFilters must have at most 100 members");
    }
    Ok(())
}

/// Only tagged resources are listed.
fn shows(request: &GetResources, arn: &String, repository: &Repository) -> bool {
    let tags = &repository.settings.tags;
    let of_type = |filter: &String| filter == "ecr" || filter == "ecr:repository";
    let fits = |filter: &TagFilter| {
        tags.get(&filter.key).is_some_and(|value| {
            filter
                .values
                .as_ref()
                .is_none_or(|values| values.is_empty() || values.contains(value))
        })
    };
    !tags.is_empty()
        && request.arns.as_ref().is_none_or(|arns| arns.contains(arn))
        && request
            .resource_type_filters
            .as_ref()
            .is_none_or(|filters| filters.is_empty() || filters.iter().any(of_type))
        && request.tag_filters.iter().flatten().all(fits)
}
