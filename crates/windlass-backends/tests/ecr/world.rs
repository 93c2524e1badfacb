//! A local ECR with the registries that talk to it, and what other people do behind windlass's back.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;

use windlass_backends::ecr::{EcrRegistries, Options, Override};
use windlass_core::diag::{Location, Source};
use windlass_core::manifest::model::{self, AccessPolicy, Encryption, Endpoint, TagMutability};
use windlass_core::name::{Digest, Fingerprint, RegistryName, RepositoryKey, RepositoryName, Tag};
use windlass_core::oci::{self, Descriptor};
use windlass_core::plan::NewRepository;
use windlass_ecr_local::{Config, Faults, LocalEcr, Quirks, Scans};
use windlass_engine::ports::{Manifest, PushedBlobs, Put, Registry as _, RegistryError};

pub(crate) const ACCOUNT: &str = "111111111111";
pub(crate) const OTHER_ACCOUNT: &str = "222222222222";
pub(crate) const REGION: &str = "eu-west-1";

/// A local ECR and the registry `prod` in it.
pub(crate) struct World {
    pub(crate) ecr: LocalEcr,
    pub(crate) faults: Faults,
    pub(crate) scans: Scans,
    pub(crate) address: SocketAddr,
    pub(crate) registries: EcrRegistries,
}

pub(crate) async fn world() -> World {
    world_with(Quirks::all_but_timing()).await
}

pub(crate) async fn world_with(quirks: Quirks) -> World {
    let faults = Faults::default();
    let scans = Scans::default();
    let config = Config {
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        quirks,
        faults: faults.clone(),
        scans: scans.clone(),
        ..Config::default()
    };
    let ecr = LocalEcr::start(config).await.unwrap();
    let address = ecr.address(ACCOUNT, REGION).await.unwrap();
    World {
        ecr,
        faults,
        scans,
        address,
        registries: registries_at(&format!("http://{address}"), ACCOUNT),
    }
}

/// The registry `prod`, at an address and with the credentials of an account.
pub(crate) fn registries_at(url: &str, account: &str) -> EcrRegistries {
    let endpoint = Endpoint {
        ecr: Some(url.to_owned()),
        sts: Some(url.to_owned()),
        ..Endpoint::default()
    };
    let given = Override {
        endpoint,
        access_key_id: account.to_owned(),
        secret_access_key: "secret-canary".to_owned(),
    };
    let options = Options {
        overrides: BTreeMap::from([(prod(), given)]),
        ..Options::default()
    };
    EcrRegistries::new(&[registry_node()], &options)
}

pub(crate) fn registry_node() -> model::Registry {
    let source = Source::new("windlass.kdl", "");
    model::Registry {
        name: prod(),
        account: ACCOUNT.to_owned(),
        region: REGION.to_owned(),
        role: None,
        profile: None,
        endpoint: Endpoint::default(),
        replicated_from: None,
        location: Location { source, span: 0..0 },
    }
}

pub(crate) fn prod() -> RegistryName {
    RegistryName::new("prod").unwrap()
}

pub(crate) fn name(text: &str) -> RepositoryName {
    RepositoryName::new(text).unwrap()
}

pub(crate) fn key(repository: &str) -> RepositoryKey {
    RepositoryKey {
        registry: prod(),
        repository: name(repository),
    }
}

pub(crate) fn tag(text: &str) -> Tag {
    Tag::new(text).unwrap()
}

pub(crate) fn plain_repository() -> NewRepository {
    NewRepository {
        tags: TagMutability {
            mutable: true,
            except: vec![],
        },
        scan_on_push: true,
        encryption: Encryption::Aes256,
        lifecycle: vec![],
        access: AccessPolicy::none(),
        resource_tags: BTreeMap::new(),
    }
}

/// A manifest for blobs that were brought in before.
pub(crate) fn manifest_of(
    config: &Descriptor,
    layers: &[Descriptor],
    fingerprint: &str,
) -> Manifest {
    let annotations = BTreeMap::from([(
        oci::CREATED_ANNOTATION.to_owned(),
        "2026-11-23T09:00:00Z".to_owned(),
    )]);
    let fingerprint = Fingerprint::new(fingerprint.repeat(32)).unwrap();
    Manifest {
        bytes: oci::image_manifest(config, layers, &annotations, &fingerprint),
        media_type: oci::IMAGE_MANIFEST.to_owned(),
    }
}

impl World {
    pub(crate) async fn create(&self, repository: &str) {
        self.create_with(repository, &plain_repository()).await;
    }

    pub(crate) async fn create_with(&self, repository: &str, settings: &NewRepository) {
        self.registries
            .create_repository(&key(repository), settings)
            .await
            .unwrap();
    }

    /// Pushes an image of one small layer whose content depends on `fingerprint`, and returns its manifest.
    pub(crate) async fn image(&self, repository: &str, fingerprint: &str) -> Manifest {
        let image = crate::push::TestImage::new(&[fingerprint.as_bytes()]);
        let pushed = self.blobs(repository, image).await;
        manifest_of(&pushed.config, &pushed.layers, fingerprint)
    }

    /// Pushes config and layers of an image.
    pub(crate) async fn blobs(
        &self,
        repository: &str,
        image: crate::push::TestImage,
    ) -> PushedBlobs {
        let name = windlass_core::name::ImageName::new("web").unwrap();
        let events = windlass_engine::event::Events::none();
        let key = key(repository);
        let pushed = self
            .registries
            .push_blobs(&key, Arc::new(image), &events, &name);
        pushed.await.unwrap()
    }

    pub(crate) async fn put(
        &self,
        repository: &str,
        manifest: &Manifest,
        under: &str,
    ) -> Result<Put, RegistryError> {
        self.registries
            .put_manifest(&key(repository), manifest, &tag(under))
            .await
    }

    pub(crate) async fn manifest(
        &self,
        repository: &str,
        digest: Digest,
    ) -> Result<Manifest, RegistryError> {
        self.registries.manifest(&key(repository), &digest).await
    }

    pub(crate) async fn record(
        &self,
        repository: &str,
        image: Digest,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        self.registries
            .inputs_record(&key(repository), &image)
            .await
    }

    pub(crate) fn calls(&self, operation: &str) -> u64 {
        self.ecr.calls().get(operation).copied().unwrap_or(0)
    }

    /// Makes an API call as somebody else, without the adapter.
    pub(crate) fn api(&self, operation: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        write!(
            stream,
            "POST / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: application/x-amz-json-1.1\r\n\
             x-amz-target: AmazonEC2ContainerRegistry_V20150921.{operation}\r\n\
             authorization: AWS4-HMAC-SHA256 Credential={ACCOUNT}/20261123/{REGION}/ecr/aws4_request, SignedHeaders=host, Signature=0\r\n\
             content-length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }
}
