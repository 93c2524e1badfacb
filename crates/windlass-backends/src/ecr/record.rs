//! The inputs record of an image: an OCI artifact that refers to it. It explains, and decides nothing.
//!
//! zstd is ruzstd: pure Rust, one small dependency, where the `zstd` crate compiles the C library. Records are some kilobytes,
//! so its single compression level is enough.

use std::io::Read as _;

use aws_sdk_ecr::types::{
    DescribeImagesFilter, ImageIdentifier, ImageStatusFilter, ListImageReferrersFilter,
    SubjectIdentifier,
};
use bytes::Bytes;
use serde::Deserialize;
use windlass_core::name::{Digest, RepositoryName};
use windlass_core::oci::{
    Descriptor, EMPTY_CONFIG, IMAGE_MANIFEST, INPUTS_RECORD, record_manifest,
};
use windlass_engine::ports::{Manifest, RegistryError, SentRecord};

use super::account::Account;

/// Largest record, packed or unpacked.
const LIMIT: usize = 16 * 1024 * 1024;

/// Referrers that ECR answers at once; the model allows no more.
const PAGE: i32 = 50;

#[derive(Deserialize)]
struct Artifact {
    layers: Vec<Layer>,
}

#[derive(Deserialize)]
struct Layer {
    digest: Digest,
}

impl Account {
    /// Sends a record, and the config that its artifact has.
    pub(crate) async fn send_record(
        &self,
        name: &RepositoryName,
        record: &[u8],
    ) -> Result<SentRecord, RegistryError> {
        let packed = Bytes::from(pack(record));
        let size = packed.len() as u64;
        let empty = Bytes::from_static(b"{}");
        let (config, blob) = futures_util::future::try_join(
            self.ensure_blob(name, empty),
            self.ensure_blob(name, packed),
        )
        .await?;
        Ok(SentRecord {
            config: Descriptor {
                media_type: EMPTY_CONFIG.to_owned(),
                digest: config,
                size: 2,
            },
            blob: Descriptor {
                media_type: INPUTS_RECORD.to_owned(),
                digest: blob,
                size,
            },
        })
    }

    /// Attaches a record to an image.
    pub(crate) async fn attach_record(
        &self,
        name: &RepositoryName,
        image: &Descriptor,
        record: &SentRecord,
    ) -> Result<(), RegistryError> {
        let manifest = Manifest {
            bytes: record_manifest(&record.config, &record.blob, image),
            media_type: IMAGE_MANIFEST.to_owned(),
        };
        self.put_image(name, &manifest, None).await?;
        Ok(())
    }

    /// Reads the newest record of an image.
    pub(crate) async fn inputs_record(
        &self,
        name: &RepositoryName,
        image: &Digest,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let referrers = self.referrers(name, image).await?;
        let Some(newest) = self.newest(name, referrers).await? else {
            return Ok(None);
        };
        let manifest = self.manifest(name, &newest).await?;
        let unreadable = |why: &str| {
            RegistryError::Other(format!(
                "the inputs record of {name}@{image} is not readable: {why}"
            ))
        };
        let artifact: Artifact = serde_json::from_slice(&manifest.bytes)
            .map_err(|error| unreadable(&error.to_string()))?;
        let [layer] = artifact.layers.as_slice() else {
            return Err(unreadable("its artifact has not one layer"));
        };
        let packed = self.read_blob(name, &layer.digest, LIMIT).await?;
        unpack(&packed).map(Some).map_err(|why| unreadable(&why))
    }

    async fn referrers(
        &self,
        name: &RepositoryName,
        image: &Digest,
    ) -> Result<Vec<Digest>, RegistryError> {
        let clients = self.clients().await;
        let subject = SubjectIdentifier::builder()
            .image_digest(image.as_str())
            .build()
            .expect("the digest is set");
        let filter = ListImageReferrersFilter::builder()
            .artifact_types(INPUTS_RECORD)
            .build();
        let mut found = Vec::new();
        let mut page = None;
        loop {
            let request = clients
                .ecr
                .list_image_referrers()
                .registry_id(&self.identity.account)
                .repository_name(name.as_str())
                .subject_id(subject.clone())
                .filter(filter.clone())
                .max_results(PAGE)
                .set_next_token(page.take())
                .send();
            let answer = match self
                .call("ecr:ListImageReferrers", Some(name), request)
                .await
            {
                Ok(answer) => answer,
                Err(failure) if failure.is("ImageNotFoundException") => return Ok(found),
                Err(failure) => return Err(failure.error),
            };
            let of_ours = answer
                .referrers
                .unwrap_or_default()
                .into_iter()
                .filter(|referrer| referrer.artifact_type.as_deref() == Some(INPUTS_RECORD));
            found.extend(of_ours.filter_map(|referrer| Digest::new(referrer.digest).ok()));
            page = answer.next_token;
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    /// Picks the referrer that was pushed last; nearly always there is one.
    async fn newest(
        &self,
        name: &RepositoryName,
        referrers: Vec<Digest>,
    ) -> Result<Option<Digest>, RegistryError> {
        if referrers.len() < 2 {
            return Ok(referrers.into_iter().next());
        }
        let clients = self.clients().await;
        let ids = referrers
            .iter()
            .take(100)
            .map(|digest| {
                ImageIdentifier::builder()
                    .image_digest(digest.as_str())
                    .build()
            })
            .collect();
        let request = clients
            .ecr
            .describe_images()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .filter(
                DescribeImagesFilter::builder()
                    .image_status(ImageStatusFilter::Any)
                    .build(),
            )
            .set_image_ids(Some(ids))
            .send();
        let answer = self.call("ecr:DescribeImages", Some(name), request).await?;
        let newest = answer
            .image_details
            .unwrap_or_default()
            .into_iter()
            .max_by_key(|detail| {
                detail
                    .image_pushed_at
                    .map(|at| (at.secs(), at.subsec_nanos()))
            });
        Ok(newest
            .and_then(|detail| detail.image_digest)
            .and_then(|digest| Digest::new(digest).ok()))
    }
}

fn pack(record: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(record, ruzstd::encoding::CompressionLevel::Fastest)
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, String> {
    let decoder =
        ruzstd::decoding::StreamingDecoder::new(packed).map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    decoder
        .take(LIMIT as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() > LIMIT {
        return Err(format!("it unpacks to more than {LIMIT} bytes"));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were_packed() {
        let record = br#"{"format_version":1,"files":[{"path":"main.py"}]}"#.repeat(2_000);
        let packed = pack(&record);
        assert!(packed.len() < record.len() / 10, "{}", packed.len());
        assert_eq!(unpack(&packed), Ok(record));
    }

    #[test]
    fn a_record_that_unpacks_to_too_much_is_refused() {
        let packed = pack(&vec![b'a'; LIMIT + 1]);
        assert!(packed.len() < LIMIT / 100);
        assert!(unpack(&packed).unwrap_err().contains("more than"));
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        let packed = pack(&b"some text that is long enough to be packed ".repeat(50));
        assert!(unpack(b"no zstd").is_err());
        for end in 0..packed.len() {
            drop(unpack(&packed[..end]));
        }
        for at in 0..packed.len() {
            let mut damaged = packed.clone();
            damaged[at] ^= 0x55;
            drop(unpack(&damaged));
        }
    }
}
