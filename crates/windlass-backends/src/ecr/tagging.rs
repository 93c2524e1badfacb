//! The one operation of the resource groups tagging API that windlass calls: which repositories carry a resource tag.
//!
//! It is signed and sent here: an SDK of that API would bring far more than this call needs.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use aws_credential_types::provider::ProvideCredentials as _;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use hyper::header::{CONTENT_TYPE, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use serde::Deserialize;
use serde_json::json;
use windlass_core::name::RepositoryName;
use windlass_engine::ports::RegistryError;

use super::account::Account;
use crate::oci::transport::{self, backoff};

const ACTION: &str = "tag:GetResources";
const TARGET: &str = "ResourceGroupsTaggingAPI_20170126.GetResources";
/// How often a page is asked for, and how long each answer may take: it is for information only.
const ATTEMPTS: u32 = 3;
const PATIENCE: Duration = Duration::from_secs(4);
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;
/// Pages of 100 that are read at most.
const MOST_PAGES: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", default)]
#[derive(Default)]
struct Page {
    resource_tag_mapping_list: Vec<Resource>,
    pagination_token: String,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "ResourceARN")]
    arn: String,
}

/// What the service says where it refuses.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Refusal {
    #[serde(rename = "__type")]
    code: String,
    #[serde(alias = "Message")]
    message: String,
}

impl Account {
    /// Returns the repositories that carry a resource tag; `None` where it is not known whom to ask, because the registry has an
    /// endpoint of its own and none for this API.
    pub(crate) async fn tagged_repositories(
        &self,
        key: &str,
        value: &str,
    ) -> Result<Option<BTreeSet<RepositoryName>>, RegistryError> {
        let Some(uri) = self.tagging_endpoint()? else {
            return Ok(None);
        };
        let mut found = BTreeSet::new();
        let mut token = String::new();
        for _ in 0..MOST_PAGES {
            let body = json!({
                "TagFilters": [{ "Key": key, "Values": [value] }],
                "ResourceTypeFilters": ["ecr:repository"],
                "ResourcesPerPage": 100,
                "PaginationToken": token,
            });
            let page = self.tagging_page(&uri, body.to_string().as_bytes()).await?;
            let resources = page.resource_tag_mapping_list.iter();
            found.extend(resources.filter_map(|resource| repository_of(&resource.arn)));
            token = page.pagination_token;
            if token.is_empty() {
                break;
            }
        }
        Ok(Some(found))
    }

    fn tagging_endpoint(&self) -> Result<Option<Uri>, RegistryError> {
        let endpoint = &self.identity.endpoint;
        let region = &self.identity.region;
        let url = match (&endpoint.tagging, &endpoint.ecr) {
            (Some(url), _) => url.clone(),
            (None, Some(_)) => return Ok(None),
            (None, None) => {
                let service = if endpoint.fips {
                    "tagging-fips"
                } else {
                    "tagging"
                };
                let suffix = match (region.starts_with("cn-"), endpoint.dual_stack) {
                    (false, false) => "amazonaws.com",
                    (false, true) => "api.aws",
                    (true, false) => "amazonaws.com.cn",
                    (true, true) => "api.amazonwebservices.com.cn",
                };
                format!("https://{service}.{region}.{suffix}")
            }
        };
        let url = format!("{}/", url.trim_end_matches('/'));
        let uri = url.parse::<Uri>();
        let uri = uri.map_err(|error| RegistryError::Other(format!("`{url}`: {error}")))?;
        Ok(Some(uri))
    }

    async fn tagging_page(&self, uri: &Uri, body: &[u8]) -> Result<Page, RegistryError> {
        let mut attempt = 0;
        loop {
            let answer = self.tagging_call(uri, body).await;
            match answer {
                Err(error) if error.is_transient() && attempt + 1 < ATTEMPTS => {
                    tokio::time::sleep(backoff(attempt, Duration::from_secs(1))).await;
                    attempt += 1;
                }
                answer => return answer,
            }
        }
    }

    async fn tagging_call(&self, uri: &Uri, body: &[u8]) -> Result<Page, RegistryError> {
        let request = self.tagging_request(uri, body).await?;
        let unreachable = |error: transport::TransportError| {
            RegistryError::Unreachable(format!("{ACTION} in registry {}: {error}", self.name))
        };
        let sent = self.transport.send_within(PATIENCE, request).await;
        let (head, answer) = sent.map_err(unreachable)?.into_parts();
        let host = transport::shown_host(uri);
        let read = transport::read(answer, &host, ANSWER_LIMIT, PATIENCE).await;
        let bytes = read.map_err(unreachable)?;
        if head.status == StatusCode::OK {
            return serde_json::from_slice(&bytes).map_err(|error| {
                RegistryError::Other(format!("the answer of {ACTION} cannot be read: {error}"))
            });
        }
        Err(self.refusal(head.status, &bytes))
    }

    fn refusal(&self, status: StatusCode, bytes: &[u8]) -> RegistryError {
        let refusal: Refusal = serde_json::from_slice(bytes).unwrap_or_default();
        let code = refusal.code.rsplit('#').next().unwrap_or_default();
        let text = format!(
            "{ACTION} in registry {}: {status} {code} {}",
            self.name, refusal.message
        );
        let throttled = status == StatusCode::TOO_MANY_REQUESTS || code.contains("Throttl");
        if throttled || status.is_server_error() {
            RegistryError::Transient(text)
        } else if code.starts_with("AccessDenied") {
            RegistryError::Denied(text)
        } else {
            RegistryError::Other(text)
        }
    }

    async fn tagging_request(
        &self,
        uri: &Uri,
        body: &[u8],
    ) -> Result<Request<transport::Body>, RegistryError> {
        let failed = |error: &dyn std::fmt::Display| {
            RegistryError::Credentials(format!("{ACTION} cannot be signed: {error}"))
        };
        let provider = self.credentials_provider().await;
        let provider = provider.ok_or_else(|| failed(&"there are no credentials"))?;
        let credentials = provider.provide_credentials().await;
        let identity = credentials.map_err(|error| failed(&error))?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.identity.region)
            .name("tagging")
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| failed(&error))?
            .into();
        let headers = [
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", TARGET),
        ];
        let text = uri.to_string();
        let signable = SignableRequest::new(
            "POST",
            text.as_str(),
            headers.into_iter(),
            SignableBody::Bytes(body),
        )
        .map_err(|error| failed(&error))?;
        let signed = sign(signable, &params).map_err(|error| failed(&error))?;
        let mut request = Request::post(uri)
            .header(CONTENT_TYPE, headers[0].1)
            .header(headers[1].0, headers[1].1)
            .header(USER_AGENT, &self.user_agent)
            .body(transport::full(body.to_vec()))
            .expect("the parts of the request are valid");
        let (instructions, _) = signed.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

/// Returns the name in the ARN of a repository: `arn:aws:ecr:REGION:ACCOUNT:repository/NAME`.
fn repository_of(arn: &str) -> Option<RepositoryName> {
    let resource = arn.splitn(6, ':').nth(5)?;
    RepositoryName::new(resource.strip_prefix("repository/")?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_arns_of_repositories() {
        let name = |arn: &str| repository_of(arn).map(|name| name.to_string());
        let arn = "arn:aws-cn:ecr:cn-north-1:111111111111:repository/shop/api";
        assert_eq!(name(arn).as_deref(), Some("shop/api"));
        assert_eq!(name("arn:aws:s3:::bucket"), None);
        assert_eq!(name("nothing"), None);
    }
}
