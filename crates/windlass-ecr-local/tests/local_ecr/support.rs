//! A server with a plain client: API calls, registry requests, images made of text.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use windlass_ecr_local::{Config, LocalEcr, Quirks};

pub(crate) const ACCOUNT: &str = "000000000000";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A running server and where its first port is.
pub(crate) struct Bed {
    pub(crate) ecr: LocalEcr,
    pub(crate) address: SocketAddr,
}

/// An answer with its whole body.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    /// Status and code of a registry refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let code = self.json()["errors"][0]["code"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (self.status.as_u16(), code)
    }
}

/// Sends one request on a connection of its own; `None` if the server hangs up.
pub(crate) async fn send(address: SocketAddr, request: Request<Full<Bytes>>) -> Option<Answer> {
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let response = sender.send_request(request).await.ok()?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.ok()?.to_bytes();
    connection.abort();
    Some(Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    })
}

/// The settings of most tests: quirks without those that depend on time.
pub(crate) fn quiet() -> Config {
    Config {
        quirks: Quirks::all_but_timing(),
        ..Config::default()
    }
}

impl Bed {
    pub(crate) async fn start(config: Config) -> Self {
        let ecr = LocalEcr::start(config).await.unwrap();
        let address = ecr.first_address().await.unwrap();
        Self { ecr, address }
    }

    /// Calls an operation as `account`; the refusal is the code, in front of its text.
    pub(crate) async fn call_as(
        &self,
        account: &str,
        operation: &str,
        request: Value,
    ) -> Result<Value, String> {
        call(self.address, account, operation, request).await
    }

    pub(crate) async fn call(&self, operation: &str, request: Value) -> Result<Value, String> {
        self.call_as(ACCOUNT, operation, request).await
    }

    /// Calls an operation that must succeed.
    pub(crate) async fn ok(&self, operation: &str, request: Value) -> Value {
        self.call(operation, request)
            .await
            .unwrap_or_else(|error| panic!("{operation}: {error}"))
    }

    /// Calls an operation that must be refused, and returns the code.
    pub(crate) async fn code(&self, operation: &str, request: Value) -> String {
        let error = self.call(operation, request).await.unwrap_err();
        error.split(':').next().unwrap_or_default().to_owned()
    }

    pub(crate) async fn create(&self, name: &str) {
        self.ok("CreateRepository", json!({ "repositoryName": name }))
            .await;
    }

    pub(crate) async fn token(&self) -> String {
        let answer = self.ok("GetAuthorizationToken", json!({})).await;
        answer["authorizationData"][0]["authorizationToken"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// Sends a registry request with a fresh token.
    pub(crate) async fn registry(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let token = self.token().await;
        self.registry_with(&format!("Basic {token}"), method, path, headers, body)
            .await
    }

    pub(crate) async fn registry_with(
        &self,
        authorization: &str,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Answer {
        let path = path
            .strip_prefix(&format!("http://{}", self.address))
            .unwrap_or(path);
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", self.address.to_string());
        if !authorization.is_empty() {
            request = request.header("authorization", authorization);
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(
            self.address,
            request
                .body(Full::new(Bytes::copy_from_slice(body)))
                .unwrap(),
        )
        .await
        .unwrap()
    }

    /// Pushes a blob by POST and one PUT, and returns its digest.
    pub(crate) async fn push_blob(&self, name: &str, bytes: &[u8]) -> String {
        let digest = digest(bytes);
        let started = self
            .registry("POST", &format!("/v2/{name}/blobs/uploads/"), &[], b"")
            .await;
        assert_eq!(started.status, 202);
        let place = format!("{}?digest={digest}", started.header("location"));
        let finished = self.registry("PUT", &place, &[], bytes).await;
        assert_eq!(finished.status, 201, "{:?}", finished.body);
        digest
    }

    /// Pushes the blobs of an image and returns its manifest.
    pub(crate) async fn manifest(&self, name: &str, content: &str) -> String {
        let layer = self
            .push_blob(name, format!("layer {content}").as_bytes())
            .await;
        let config = self
            .push_blob(name, format!("config {content}").as_bytes())
            .await;
        manifest(
            OCI_MANIFEST,
            (&config, 7 + content.len()),
            (&layer, 6 + content.len()),
            &json!({}),
        )
    }

    /// Puts an image with a tag, and returns its digest.
    pub(crate) async fn push(&self, name: &str, content: &str, tag: &str) -> String {
        let manifest = self.manifest(name, content).await;
        self.put(name, &manifest, Some(tag)).await.unwrap();
        digest(manifest.as_bytes())
    }

    pub(crate) async fn put(
        &self,
        name: &str,
        manifest: &str,
        tag: Option<&str>,
    ) -> Result<Value, String> {
        let mut request = json!({ "repositoryName": name, "imageManifest": manifest });
        if let Some(tag) = tag {
            request["imageTag"] = json!(tag);
        }
        self.call("PutImage", request).await
    }

    /// Returns the tags of the images as the API lists them, with the first digits of the digest.
    pub(crate) async fn listed(&self, name: &str, filter: Value) -> Vec<String> {
        let answer = self
            .ok(
                "ListImages",
                json!({ "repositoryName": name, "filter": filter }),
            )
            .await;
        let ids = answer["imageIds"].as_array().unwrap();
        let mut tags: Vec<String> = ids
            .iter()
            .map(|id| id["imageTag"].as_str().unwrap_or("-").to_owned())
            .collect();
        tags.sort();
        tags
    }
}

pub(crate) async fn call(
    address: SocketAddr,
    account: &str,
    operation: &str,
    request: Value,
) -> Result<Value, String> {
    let credential = format!("{account}/20260101/us-east-1/ecr/aws4_request");
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=00");
    let target = match operation.strip_prefix("tag:") {
        Some(operation) => format!("ResourceGroupsTaggingAPI_20170126.{operation}"),
        None => format!("AmazonEC2ContainerRegistry_V20150921.{operation}"),
    };
    let request = Request::post("/")
        .header("host", address.to_string())
        .header("authorization", authorization)
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", target)
        .body(Full::new(Bytes::from(request.to_string())))
        .unwrap();
    let answer = send(address, request).await.ok_or("connection dropped")?;
    let value = answer.json();
    if answer.status.is_success() {
        return Ok(value);
    }
    Err(format!(
        "{}: {}",
        value["__type"].as_str().unwrap(),
        value["message"].as_str().unwrap()
    ))
}

pub(crate) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{:x}", Sha256::digest(bytes))
}

/// Returns the text of a manifest with one layer; `extra` is put beside.
pub(crate) fn manifest(
    media_type: &str,
    config: (&str, usize),
    layer: (&str, usize),
    extra: &Value,
) -> String {
    let kind = if media_type == OCI_MANIFEST {
        "oci.image.config.v1+json"
    } else {
        "docker.container.image.v1+json"
    };
    let layer_kind = if media_type == OCI_MANIFEST {
        "oci.image.layer.v1.tar+gzip"
    } else {
        "docker.image.rootfs.diff.tar.gzip"
    };
    let described = |kind: &str, (digest, size): (&str, usize)| json!({ "mediaType": format!("application/vnd.{kind}"), "digest": digest, "size": size });
    let mut manifest = json!({
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": described(kind, config),
        "layers": [described(layer_kind, layer)],
    });
    for (key, value) in extra.as_object().unwrap() {
        manifest[key] = value.clone();
    }
    manifest.to_string()
}

pub(crate) fn index(children: &[&str]) -> String {
    let child = |digest: &&str| json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": 1 });
    let children: Vec<Value> = children.iter().map(child).collect();
    json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children }).to_string()
}

pub(crate) fn basic(user_and_password: &str) -> String {
    format!("Basic {}", STANDARD.encode(user_and_password))
}
