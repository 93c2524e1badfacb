//! Refusals of both planes, with the codes and texts that the service uses.

use hyper::StatusCode;
use serde_json::{Map, Value, json};

/// A refusal of the API plane.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ApiError {
    /// Name of the exception, as in `__type`.
    pub(crate) code: &'static str,
    /// Text of the exception.
    pub(crate) message: String,
    /// HTTP status: 400 for a fault of the caller, 500 for one of the server.
    pub(crate) status: StatusCode,
    /// Further members of the exception.
    pub(crate) members: Map<String, Value>,
}

impl ApiError {
    /// Returns a refusal with status 400.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            status: StatusCode::BAD_REQUEST,
            members: Map::new(),
        }
    }

    /// Returns the refusal of a parameter, in the wording of ECR.
    pub(crate) fn parameter(name: &str, constraint: &str) -> Self {
        Self::new(
            "InvalidParameterException",
            format!("Invalid parameter at '{name}' failed to satisfy constraint: '{constraint}'"),
        )
    }

    /// Returns a fault of the server.
    pub(crate) fn server(message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            ..Self::new("ServerException", message)
        }
    }

    /// Returns the body in the JSON protocol.
    pub(crate) fn body(&self) -> Value {
        let mut body = self.members.clone();
        body.insert("__type".to_owned(), json!(self.code));
        body.insert("message".to_owned(), json!(self.message));
        Value::Object(body)
    }
}

/// A refusal of the registry plane, as the OCI distribution specification writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RegistryError {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// Code of the specification, for example `MANIFEST_UNKNOWN`.
    pub(crate) code: &'static str,
    /// Text for people.
    pub(crate) message: String,
}

impl RegistryError {
    /// Returns a refusal.
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    /// Returns the refusal of something unknown.
    pub(crate) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, message)
    }

    /// Returns the body.
    pub(crate) fn body(&self) -> Value {
        json!({ "errors": [{ "code": self.code, "message": self.message }] })
    }
}

impl From<ApiError> for RegistryError {
    /// Translates a refusal of the API into what the registry plane says for it.
    fn from(error: ApiError) -> Self {
        let (status, code) = match error.code {
            "RepositoryNotFoundException" => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
            "ImageNotFoundException" => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
            "LayersNotFoundException" => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
            "ReferencedImagesNotFoundException" => (StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN"),
            "ImageTagAlreadyExistsException" => {
                let message = format!("tag invalid: {}", error.message);
                return Self::new(StatusCode::BAD_REQUEST, "TAG_INVALID", message);
            }
            "ImageDigestDoesNotMatchException" => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            "AccessDeniedException" => (StatusCode::FORBIDDEN, "DENIED"),
            "ThrottlingException" | "LimitExceededException" => {
                (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS")
            }
            "InvalidParameterException" => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
            _ => (error.status, "UNKNOWN"),
        };
        Self::new(status, code, error.message)
    }
}
