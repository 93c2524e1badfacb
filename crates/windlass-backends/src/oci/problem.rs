//! Errors of the registry protocol (OCI distribution specification, "Error codes"), judged by code and status, never by message text.

use hyper::StatusCode;
use serde::Deserialize;
use windlass_engine::ports::RegistryError;

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: Option<String>,
}

/// An answer that is no success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    /// Code of the first error, empty where the body is no error document.
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Problem {
    pub(crate) fn parse(status: StatusCode, body: &[u8]) -> Self {
        let first = serde_json::from_slice::<Envelope>(body)
            .ok()
            .and_then(|envelope| envelope.errors.into_iter().next());
        let (code, message) = first.map_or_else(Default::default, |entry| {
            (entry.code, entry.message.unwrap_or_default())
        });
        Self {
            status,
            code: clip(&code, 80),
            message: clip(&message, 400),
        }
    }

    /// Says whether the same request may succeed in a moment.
    pub(crate) fn is_passing(&self) -> bool {
        self.status == StatusCode::TOO_MANY_REQUESTS
            || self.status == StatusCode::REQUEST_TIMEOUT
            || self.status.is_server_error()
            || self.code == "TOOMANYREQUESTS"
    }

    /// Returns `404 NAME_UNKNOWN: text`, as much of it as there is.
    pub(crate) fn text(&self) -> String {
        let mut text = self.status.as_u16().to_string();
        if !self.code.is_empty() {
            text.push(' ');
            text.push_str(&self.code);
        }
        if !self.message.is_empty() {
            text.push_str(": ");
            text.push_str(&self.message);
        }
        text
    }

    /// Makes the error for `what` failed, `what` being such as `push of a layer to shop/api`.
    pub(crate) fn error(&self, what: &str) -> RegistryError {
        let text = format!("{what}: the registry answered {}", self.text());
        match self.code.as_str() {
            "NAME_UNKNOWN" | "BLOB_UNKNOWN" | "MANIFEST_UNKNOWN" | "MANIFEST_BLOB_UNKNOWN" => {
                RegistryError::NotFound(text)
            }
            "TAG_INVALID" => RegistryError::TagImmutable(text),
            _ if self.is_passing() => RegistryError::Transient(text),
            "DENIED" => RegistryError::Denied(text),
            "UNAUTHORIZED" => RegistryError::Credentials(text),
            _ => match self.status {
                StatusCode::UNAUTHORIZED => RegistryError::Credentials(text),
                StatusCode::FORBIDDEN => RegistryError::Denied(text),
                StatusCode::NOT_FOUND => RegistryError::NotFound(text),
                _ => RegistryError::Other(text),
            },
        }
    }
}

/// Keeps texts of a server short and on one line.
fn clip(text: &str, limit: usize) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(limit)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(status: u16, code: &str) -> RegistryError {
        let body = format!(r#"{{"errors":[{{"code":"{code}","message":"m","detail":{{}}}}]}}"#);
        Problem::parse(StatusCode::from_u16(status).unwrap(), body.as_bytes()).error("push")
    }

    #[test]
    fn errors_are_told_apart_by_code() {
        assert!(matches!(
            problem(404, "NAME_UNKNOWN"),
            RegistryError::NotFound(_)
        ));
        assert!(matches!(problem(403, "DENIED"), RegistryError::Denied(_)));
        assert!(matches!(
            problem(401, "UNAUTHORIZED"),
            RegistryError::Credentials(_)
        ));
        assert!(matches!(
            problem(400, "TAG_INVALID"),
            RegistryError::TagImmutable(_)
        ));
        assert!(matches!(
            problem(429, "TOOMANYREQUESTS"),
            RegistryError::Transient(_)
        ));
        assert!(matches!(
            problem(405, "UNSUPPORTED"),
            RegistryError::Other(_)
        ));
    }

    #[test]
    fn a_body_that_is_no_error_document_leaves_the_status() {
        let parsed = Problem::parse(StatusCode::BAD_GATEWAY, b"<html>bad gateway</html>");
        assert!(matches!(parsed.error("push"), RegistryError::Transient(_)));
        assert_eq!(
            parsed.error("push").to_string(),
            "push: the registry answered 502"
        );
    }
}
