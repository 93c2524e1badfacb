//! Image references: `[host/]path[:tag][@digest]`, read as Docker reads them (distribution reference, "normalized named").

use std::fmt;

use crate::manifest::model::Mirror;
use crate::name::{Digest, Tag};

/// An image reference with nothing left implicit but the tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageReference {
    /// The registry host with its port, `docker.io` for Docker Hub.
    pub host: String,
    /// The path in the registry; official images of Docker Hub have `library/` in front.
    pub path: String,
    /// The tag, as far as one is written.
    pub tag: Option<Tag>,
    /// The digest, as far as one is written.
    pub digest: Option<Digest>,
}

impl ImageReference {
    /// Reads a reference.
    ///
    /// # Errors
    /// Says what is wrong: a lower-case fragment.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                let digest = Digest::new(digest).map_err(|error| error.to_string())?;
                (name, Some(digest))
            }
            None => (text, None),
        };
        let slash = name.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match name[slash..].split_once(':') {
            Some((last, tag)) => {
                let tag = Tag::new(tag).map_err(|error| error.to_string())?;
                (&name[..slash + last.len()], Some(tag))
            }
            None => (name, None),
        };
        let (host, path) = split_host(name);
        if !is_host(host) {
            return Err(format!("`{host}` is no registry host"));
        }
        if !path.split('/').all(is_component) {
            return Err(path_problem(path));
        }
        let official = host == DOCKER_HUB && !path.contains('/');
        Ok(Self {
            host: host.to_owned(),
            path: if official {
                format!("library/{path}")
            } else {
                path.to_owned()
            },
            tag,
            digest,
        })
    }

    /// Returns host and path without tag and digest.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }

    /// Returns the reference with `digest` in place of any it had; the tag stays, for people.
    #[must_use]
    pub fn with_digest(&self, digest: &Digest) -> Self {
        Self {
            digest: Some(digest.clone()),
            ..self.clone()
        }
    }
}

const DOCKER_HUB: &str = "docker.io";

impl fmt::Display for ImageReference {
    /// Writes the normalised reference: `latest` where neither tag nor digest is written.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host, self.path)?;
        match (&self.tag, &self.digest) {
            (None, None) => f.write_str(":latest"),
            (tag, digest) => {
                if let Some(tag) = tag {
                    write!(f, ":{tag}")?;
                }
                if let Some(digest) = digest {
                    write!(f, "@{digest}")?;
                }
                Ok(())
            }
        }
    }
}

/// Returns the reference under which the image is fetched: that of the first mirror of its host, else its own, normalised.
/// Official images of Docker Hub map to `TO/library/NAME`.
pub fn mirror(reference: &ImageReference, mirrors: &[Mirror]) -> String {
    let found = mirrors
        .iter()
        .find(|it| docker_hub(it.upstream.trim_end_matches('/')) == reference.host);
    let own = reference.to_string();
    match (found, own.strip_prefix(&reference.host)) {
        (Some(mirror), Some(rest)) => format!("{}{rest}", mirror.to.trim_end_matches('/')),
        _ => own,
    }
}

/// Returns the one name of Docker Hub for any of its hosts.
fn docker_hub(host: &str) -> &str {
    match host {
        "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
        other => other,
    }
}

/// Splits off the host: the part before the first `/` if it has a `.`, a `:` or an upper-case letter, or is `localhost`.
fn split_host(name: &str) -> (&str, &str) {
    match name.split_once('/') {
        Some((first, rest))
            if first.contains(['.', ':'])
                || first == "localhost"
                || first.chars().any(|c| c.is_ascii_uppercase()) =>
        {
            (docker_hub(first), rest)
        }
        _ => (DOCKER_HUB, name),
    }
}

fn is_host(host: &str) -> bool {
    let address = host.starts_with('[') && host.contains(']');
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !address || name.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let label = |part: &str| {
        !part.is_empty()
            && !part.starts_with('-')
            && !part.ends_with('-')
            && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let good_name = if address {
        name.chars()
            .all(|c| c.is_ascii_hexdigit() || matches!(c, '[' | ']' | ':'))
    } else {
        name.split('.').all(label)
    };
    good_name && port.is_none_or(|it| !it.is_empty() && it.chars().all(|c| c.is_ascii_digit()))
}

/// Checks `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_component(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let separators = text.split(inner).filter(|it| !it.is_empty());
    text.starts_with(inner)
        && text.ends_with(inner)
        && separators
            .into_iter()
            .all(|it| matches!(it, "." | "_" | "__") || it.chars().all(|c| c == '-'))
}

fn path_problem(path: &str) -> String {
    if path.is_empty() {
        "the name of the image is missing".to_owned()
    } else if path.chars().any(|c| c.is_ascii_uppercase()) {
        format!("`{path}` has upper-case letters; names of images are lower-case")
    } else {
        format!("`{path}` is no name of an image")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normalised(text: &str) -> String {
        ImageReference::parse(text)
            .map_or_else(|error| format!("error: {error}"), |it| it.to_string())
    }

    #[test]
    fn references_are_normalised_as_docker_does() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let digested = format!("python@{digest}");
        for (text, wanted) in [
            ("python", "docker.io/library/python:latest".to_owned()),
            ("python:3.12", "docker.io/library/python:3.12".to_owned()),
            ("bitnami/redis", "docker.io/bitnami/redis:latest".to_owned()),
            (
                "docker.io/python",
                "docker.io/library/python:latest".to_owned(),
            ),
            (
                "index.docker.io/library/python:3",
                "docker.io/library/python:3".to_owned(),
            ),
            ("localhost/app:1", "localhost/app:1".to_owned()),
            (
                "127.0.0.1:5000/library/node:20",
                "127.0.0.1:5000/library/node:20".to_owned(),
            ),
            (
                "gcr.io/distroless/static-debian12:nonroot",
                "gcr.io/distroless/static-debian12:nonroot".to_owned(),
            ),
            ("[::1]:5000/a", "[::1]:5000/a:latest".to_owned()),
            (
                digested.as_str(),
                format!("docker.io/library/python@{digest}"),
            ),
        ] {
            assert_eq!(normalised(text), wanted);
        }
        let both = format!("python:3.12@{digest}");
        assert_eq!(normalised(&both), format!("docker.io/library/{both}"));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for bad in [
            "",
            "Python",
            "python:",
            "python:-x",
            "a//b",
            "/a",
            "a/",
            "a b",
            "python@sha256:ab",
            "-a.b/c",
            "a..b",
            "a___b",
            "host.io:x/a",
            "$X",
            "python:3:4",
            "_a",
        ] {
            assert!(ImageReference::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn mirrors_keep_the_path() {
        let mirrors = [
            ("docker.io", "127.0.0.1:5000"),
            ("gcr.io", "mirror.example/gcr/"),
        ]
        .map(|(upstream, to)| Mirror {
            upstream: upstream.to_owned(),
            to: to.to_owned(),
        });
        for (text, wanted) in [
            ("python:3.12", "127.0.0.1:5000/library/python:3.12"),
            ("bitnami/redis", "127.0.0.1:5000/bitnami/redis:latest"),
            (
                "gcr.io/distroless/static:nonroot",
                "mirror.example/gcr/distroless/static:nonroot",
            ),
            ("quay.io/a/b:1", "quay.io/a/b:1"),
        ] {
            let reference = ImageReference::parse(text).expect("a reference");
            assert_eq!(mirror(&reference, &mirrors), wanted);
        }
    }
}
