//! From the SDK's errors to [`RegistryError`]: by exception code, never by message text; request id kept; and what to do next.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ecr::config::http::HttpResponse;
use aws_sdk_ecr::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ecr::operation::RequestId as _;
use windlass_engine::ports::RegistryError;

use crate::oci::transport::TransportError;

/// A failed call: the service's own code, where it answered one, and what it means to the caller.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) error: RegistryError,
}

impl Failure {
    pub(crate) fn is(&self, code: &str) -> bool {
        self.code == code
    }
}

impl From<RegistryError> for Failure {
    fn from(error: RegistryError) -> Self {
        Self {
            code: String::new(),
            error,
        }
    }
}

impl From<Failure> for RegistryError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

/// What was called, for the text of an error.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// `ecr:BatchGetImage`, also the name of the IAM action.
    pub(crate) action: &'static str,
    /// `repository shop/api`, or nothing where the call names none.
    pub(crate) on: Option<String>,
    /// `registry prod (account 111111111111, eu-west-1)`.
    pub(crate) registry: String,
    /// ` --profile x` where the manifest names a profile.
    pub(crate) profile: Option<String>,
    /// ARN of the role that is assumed.
    pub(crate) role: Option<String>,
}

impl Call {
    fn place(&self) -> String {
        match &self.on {
            Some(on) => format!("{on} of {}", self.registry),
            None => self.registry.clone(),
        }
    }

    fn sign_in(&self) -> String {
        match &self.profile {
            Some(profile) => format!("run `aws sso login --profile {profile}`"),
            None => "run `aws sso login`, set AWS_PROFILE".to_owned(),
        }
    }
}

/// Translates an error of the SDK.
pub(crate) fn translate<E>(call: &Call, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    match error {
        SdkError::ServiceError(service) => {
            let meta = service.err().meta();
            let status = service.raw().status().as_u16();
            let request = service.raw().request_id().or_else(|| error.request_id());
            answered(call, meta.code(), meta.message(), status, request)
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            let message = error.source().map(ToString::to_string);
            answered(call, None, message.as_deref(), status, error.request_id())
        }
        SdkError::TimeoutError(_) => unreachable(call, "no answer in time"),
        _ => unanswered(call, error),
    }
}

fn unreachable(call: &Call, why: &str) -> Failure {
    RegistryError::Unreachable(format!(
        "{} cannot be reached: {why} ({}); check the network, HTTPS_PROXY and the `endpoint` of the registry",
        call.registry, call.action
    ))
    .into()
}

fn unanswered<E>(call: &Call, error: &SdkError<E, HttpResponse>) -> Failure
where
    E: Error + 'static,
{
    let chain = chain_of(error);
    if let Some(network) = chain
        .iter()
        .find_map(|e| e.downcast_ref::<TransportError>())
    {
        return unreachable(call, &network.to_string());
    }
    if let Some(credentials) = chain
        .iter()
        .find_map(|e| e.downcast_ref::<CredentialsError>())
    {
        return credentials_failure(call, credentials, &chain);
    }
    if let SdkError::DispatchFailure(dispatch) = error
        && (dispatch.is_timeout() || dispatch.is_io())
    {
        return unreachable(call, &last_text(&chain));
    }
    RegistryError::Other(format!(
        "{} on {}: {}",
        call.action,
        call.place(),
        last_text(&chain)
    ))
    .into()
}

fn credentials_failure(
    call: &Call,
    error: &CredentialsError,
    chain: &[&(dyn Error + 'static)],
) -> Failure {
    let missing = matches!(error, CredentialsError::CredentialsNotLoaded(_));
    let text = match (&call.role, missing) {
        (_, true) => format!(
            "no AWS credentials for {}: {}, or use --local for a run without AWS",
            call.registry,
            call.sign_in()
        ),
        (Some(role), false) => format!(
            "no AWS credentials for {}: the role {role} cannot be assumed: {}; check its trust policy, the `external-id` and your own credentials",
            call.registry,
            last_text(chain)
        ),
        (None, false) => format!(
            "no AWS credentials for {}: {}; {}",
            call.registry,
            last_text(chain),
            call.sign_in()
        ),
    };
    RegistryError::Credentials(text).into()
}

fn answered(
    call: &Call,
    code: Option<&str>,
    message: Option<&str>,
    status: u16,
    request: Option<&str>,
) -> Failure {
    let code = code.unwrap_or_default();
    let named = if code.is_empty() {
        format!("HTTP status {status}")
    } else {
        code.to_owned()
    };
    let message = message.map(|text| format!(": {text}")).unwrap_or_default();
    let request = request
        .map(|id| format!(" (request {id})"))
        .unwrap_or_default();
    let what = format!(
        "{named} for {} on {}{message}{request}",
        call.action,
        call.place()
    );
    let error = match kind_of(code, status) {
        Kind::Denied => RegistryError::Denied(format!(
            "{what}; allow {} for the identity that windlass runs as",
            call.action
        )),
        Kind::Expired => RegistryError::Credentials(format!(
            "the AWS credentials have expired: {what}; {} or renew them",
            call.sign_in()
        )),
        Kind::Invalid => RegistryError::Credentials(format!(
            "AWS does not accept the credentials: {what}; {}, and check the clock of this machine",
            call.sign_in()
        )),
        Kind::Passing => RegistryError::Transient(format!("{what}; try again later")),
        Kind::NotFound => RegistryError::NotFound(what),
        Kind::Other => RegistryError::Other(what),
    };
    Failure {
        code: code.to_owned(),
        error,
    }
}

enum Kind {
    Denied,
    Expired,
    Invalid,
    Passing,
    NotFound,
    Other,
}

/// The one table of codes (service models of ECR and STS, and the common errors of AWS).
fn kind_of(code: &str, status: u16) -> Kind {
    match code {
        "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation" | "OptInRequired"
        | "BlockedByOrganizationPolicyException" => Kind::Denied,
        "ExpiredTokenException" | "ExpiredToken" | "RequestExpired" | "TokenRefreshRequired" => Kind::Expired,
        "UnrecognizedClientException" | "InvalidClientTokenId" | "InvalidSignatureException"
        | "SignatureDoesNotMatch" | "IncompleteSignature" | "IncompleteSignatureException"
        | "MissingAuthenticationToken" | "MissingAuthenticationTokenException"
        | "InvalidAccessKeyId" | "AuthFailure" => Kind::Invalid,
        "ThrottlingException" | "Throttling" | "ThrottledException" | "TooManyRequestsException"
        | "RequestLimitExceeded" | "RequestThrottled" | "RequestThrottledException" | "SlowDown"
        // A layer that ECR had is gone: the push is to be done again, once.
        | "LayersNotFoundException" | "LayerInaccessibleException"
        | "ServerException" | "InternalFailure" | "InternalServerException" | "ServiceUnavailable"
        | "ServiceUnavailableException" => Kind::Passing,
        "RepositoryNotFoundException" | "ImageNotFoundException" | "LifecyclePolicyNotFoundException" => Kind::NotFound,
        _ if status == 429 || status >= 500 => Kind::Passing,
        "" if status == 403 => Kind::Denied,
        _ => Kind::Other,
    }
}

fn chain_of<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut chain = vec![error];
    while let Some(next) = chain[chain.len() - 1].source() {
        chain.push(next);
    }
    chain
}

fn last_text(chain: &[&(dyn Error + 'static)]) -> String {
    let mut texts: Vec<String> = chain.iter().map(ToString::to_string).collect();
    texts.dedup();
    texts.split_off(texts.len().saturating_sub(2)).join(": ")
}
