//! Image references: `host/repository:tag@digest`, read as Docker reads them.

use std::fmt;

use windlass_core::name::{Digest, Tag};

/// What of a repository is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selector {
    Tag(Tag),
    Digest(Digest),
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

/// An image in a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// As references name it: `docker.io`, `127.0.0.1:5000`.
    pub(crate) host: String,
    pub(crate) repository: String,
    pub(crate) selector: Selector,
}

impl Reference {
    /// Reads a reference. A digest wins over a tag; without either the tag is `latest`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(Digest::new(digest).map_err(|e| e.to_string())?)),
            None => (text, None),
        };
        let (name, tag) = match name.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (name, None),
        };
        let tag = Tag::new(tag.unwrap_or("latest")).map_err(|e| e.to_string())?;
        let (host, repository) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => {
                (host, rest.to_owned())
            }
            _ => ("docker.io", name.to_owned()),
        };
        let host = if host == "index.docker.io" {
            "docker.io"
        } else {
            host
        };
        let repository = if host == "docker.io" && !repository.contains('/') {
            format!("library/{repository}")
        } else {
            repository
        };
        check_host(host)?;
        check_repository(&repository)?;
        Ok(Self {
            host: host.to_owned(),
            repository,
            selector: digest.map_or(Selector::Tag(tag), Selector::Digest),
        })
    }

    /// Returns the host that speaks the registry protocol.
    pub(crate) fn api_host(&self) -> &str {
        match self.host.as_str() {
            "docker.io" => "registry-1.docker.io",
            host => host,
        }
    }
}

fn check_host(host: &str) -> Result<(), String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
    let ends = |c: char| c.is_ascii_alphanumeric() || matches!(c, '[' | ']');
    if host.chars().all(plain) && host.starts_with(ends) && host.ends_with(ends) {
        Ok(())
    } else {
        Err(format!("`{host}` is no registry host"))
    }
}

fn check_repository(repository: &str) -> Result<(), String> {
    let plain =
        |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
    let good = repository.len() <= 255
        && repository.split('/').all(|part| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric()) && part.chars().all(plain)
        });
    if good {
        Ok(())
    } else {
        Err(format!("`{repository}` is no repository name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, String, String) {
        let reference = Reference::parse(text).unwrap();
        (
            reference.host,
            reference.repository,
            reference.selector.to_string(),
        )
    }

    fn words(host: &str, repository: &str, selector: &str) -> (String, String, String) {
        (host.to_owned(), repository.to_owned(), selector.to_owned())
    }

    #[test]
    fn references_are_read_as_docker_reads_them() {
        let digest = format!("sha256:{}", "ab".repeat(32));
        let hub = |repository, selector| words("docker.io", repository, selector);
        assert_eq!(parts("python"), hub("library/python", "latest"));
        assert_eq!(
            parts("python:3.12-slim"),
            hub("library/python", "3.12-slim")
        );
        assert_eq!(
            parts("docker.io/library/python:3"),
            hub("library/python", "3")
        );
        assert_eq!(
            parts("index.docker.io/library/python:3"),
            hub("library/python", "3")
        );
        assert_eq!(parts("grafana/grafana"), hub("grafana/grafana", "latest"));
        assert_eq!(
            parts("127.0.0.1:5000/library/python:3"),
            words("127.0.0.1:5000", "library/python", "3")
        );
        assert_eq!(parts("localhost/app"), words("localhost", "app", "latest"));
        assert_eq!(
            parts(&format!("gcr.io/distroless/static:nonroot@{digest}")),
            words("gcr.io", "distroless/static", &digest)
        );
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in [
            "",
            ":",
            "a b",
            "Python",
            "a//b",
            "x@sha256:1",
            "x:",
            "a.b/",
            "user:pw@host.example/x",
            "../x",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
