//! Paths under `/v2/`.

use hyper::Method;

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Endpoint {
    /// The root.
    Ping,
    /// All repositories.
    Catalog,
    /// Tags of a repository.
    Tags,
    /// Referrers of a digest.
    Referrers(String),
    /// Manifest by tag or digest.
    Manifest(String),
    /// Blob by digest.
    Blob(String),
    /// Where uploads start.
    Uploads,
    /// Upload by id.
    Upload(String),
}

/// A path with the operations that it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// What is named.
    pub(super) endpoint: Endpoint,
    /// Repository, empty where there is none.
    pub(super) name: String,
    /// Name under which it is counted and faults are injected.
    pub(super) counted: &'static str,
    /// Operation of the API that the service does for it.
    pub(super) operation: &'static str,
}

impl Target {
    /// Reads a path; `None` if it is no endpoint.
    pub(super) fn parse(method: &Method, path: &str) -> Option<Self> {
        let (endpoint, name) = endpoint(path)?;
        let (counted, operation) = operations(&endpoint, method);
        Some(Self {
            endpoint,
            name: name.to_owned(),
            counted,
            operation,
        })
    }
}

fn endpoint(path: &str) -> Option<(Endpoint, &str)> {
    let path = path.strip_prefix("/v2")?;
    match path {
        "" | "/" => return Some((Endpoint::Ping, "")),
        "/_catalog" => return Some((Endpoint::Catalog, "")),
        _ => {}
    }
    let path = path.strip_prefix('/')?;
    if let Some(name) = path.strip_suffix("/tags/list") {
        return Some((Endpoint::Tags, name));
    }
    if let Some(name) = path
        .strip_suffix("/blobs/uploads/")
        .or_else(|| path.strip_suffix("/blobs/uploads"))
    {
        return Some((Endpoint::Uploads, name));
    }
    let (rest, last) = path.rsplit_once('/')?;
    let last = || last.to_owned();
    rest.strip_suffix("/blobs/uploads")
        .map(|name| (Endpoint::Upload(last()), name))
        .or_else(|| {
            rest.strip_suffix("/blobs")
                .map(|name| (Endpoint::Blob(last()), name))
        })
        .or_else(|| {
            rest.strip_suffix("/manifests")
                .map(|name| (Endpoint::Manifest(last()), name))
        })
        .or_else(|| {
            rest.strip_suffix("/referrers")
                .map(|name| (Endpoint::Referrers(last()), name))
        })
        .filter(|(_, name)| !name.is_empty())
}

fn operations(endpoint: &Endpoint, method: &Method) -> (&'static str, &'static str) {
    match (endpoint, method.as_str()) {
        (Endpoint::Ping, _) => ("registry:Ping", "GetAuthorizationToken"),
        (Endpoint::Catalog, _) => ("registry:Catalog", "DescribeRepositories"),
        (Endpoint::Tags, _) => ("registry:ListTags", "ListImages"),
        (Endpoint::Referrers(_), _) => ("registry:ListReferrers", "BatchGetImage"),
        (Endpoint::Manifest(_), "PUT") => ("registry:PutManifest", "PutImage"),
        (Endpoint::Manifest(_), "DELETE") => ("registry:DeleteManifest", "BatchDeleteImage"),
        (Endpoint::Manifest(_), "HEAD") => ("registry:HeadManifest", "BatchGetImage"),
        (Endpoint::Manifest(_), _) => ("registry:GetManifest", "BatchGetImage"),
        (Endpoint::Blob(_), "HEAD") => ("registry:HeadBlob", "BatchCheckLayerAvailability"),
        (Endpoint::Blob(_), _) => ("registry:GetBlob", "GetDownloadUrlForLayer"),
        (Endpoint::Uploads, _) => ("registry:StartUpload", "InitiateLayerUpload"),
        (Endpoint::Upload(_), "PATCH") => ("registry:PatchUpload", "UploadLayerPart"),
        (Endpoint::Upload(_), "PUT") => ("registry:FinishUpload", "CompleteLayerUpload"),
        (Endpoint::Upload(_), "DELETE") => ("registry:CancelUpload", "CompleteLayerUpload"),
        (Endpoint::Upload(_), _) => ("registry:UploadStatus", "UploadLayerPart"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(path: &str) -> Option<(Endpoint, String)> {
        Target::parse(&Method::GET, path).map(|target| (target.endpoint, target.name))
    }

    #[test]
    fn reads_paths_with_nested_names() {
        let named = |endpoint| Some((endpoint, "a/b".to_owned()));
        assert_eq!(parsed("/v2/"), Some((Endpoint::Ping, String::new())));
        assert_eq!(parsed("/v2/a/b/tags/list"), named(Endpoint::Tags));
        assert_eq!(
            parsed("/v2/a/b/manifests/1.0"),
            named(Endpoint::Manifest("1.0".into()))
        );
        assert_eq!(
            parsed("/v2/a/b/blobs/sha256:0"),
            named(Endpoint::Blob("sha256:0".into()))
        );
        assert_eq!(parsed("/v2/a/b/blobs/uploads/"), named(Endpoint::Uploads));
        assert_eq!(
            parsed("/v2/a/b/blobs/uploads/1-2"),
            named(Endpoint::Upload("1-2".into()))
        );
        assert_eq!(
            parsed("/v2/a/b/referrers/sha256:0"),
            named(Endpoint::Referrers("sha256:0".into()))
        );
        assert_eq!(parsed("/v2/manifests/1.0"), None);
        assert_eq!(parsed("/v2x"), None);
    }
}
