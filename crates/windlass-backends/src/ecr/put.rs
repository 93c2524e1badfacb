//! Putting manifests: `PutImage` with the exact bytes, their digest and media type.

use std::collections::BTreeSet;

use windlass_core::name::{RepositoryName, Tag};
use windlass_core::observed::Fact;
use windlass_engine::ports::{Manifest, Put, RegistryError};

use super::account::Account;
use super::failure::Failure;

impl Account {
    /// Puts a manifest under a tag.
    pub(crate) async fn put_manifest(
        &self,
        name: &RepositoryName,
        manifest: &Manifest,
        tag: &Tag,
    ) -> Result<Put, RegistryError> {
        match self.put_image(name, manifest, Some(tag)).await {
            Ok(put) => Ok(put),
            Err(failure) if failure.is("ImageTagAlreadyExistsException") => {
                self.judge_conflict(name, manifest, tag).await
            }
            Err(failure) => Err(failure.error),
        }
    }

    /// Puts a manifest, without a tag where `tag` is `None`.
    pub(crate) async fn put_image(
        &self,
        name: &RepositoryName,
        manifest: &Manifest,
        tag: Option<&Tag>,
    ) -> Result<Put, Failure> {
        let text = std::str::from_utf8(&manifest.bytes).map_err(|_| {
            RegistryError::Other(format!("a manifest for {name} is not UTF-8 text"))
        })?;
        let digest = manifest.digest();
        let clients = self.clients().await;
        self.puts.turn().await;
        let request = clients
            .ecr
            .put_image()
            .registry_id(&self.identity.account)
            .repository_name(name.as_str())
            .image_manifest(text)
            .image_manifest_media_type(&manifest.media_type)
            .image_digest(digest.as_str())
            .set_image_tag(tag.map(ToString::to_string))
            .send();
        let answer = match self.call("ecr:PutImage", Some(name), request).await {
            Ok(answer) => answer,
            Err(failure) if failure.is("ImageAlreadyExistsException") => {
                self.remember_manifest(name, text);
                return Ok(Put::AlreadyThere);
            }
            Err(failure) => return Err(failure),
        };
        let stored = answer
            .image
            .and_then(|image| image.image_id)
            .and_then(|id| id.image_digest);
        if stored.as_deref() != Some(digest.as_str()) {
            return Err(RegistryError::Other(format!(
                "ecr:PutImage stored {} in {name} where {digest} was sent",
                stored.as_deref().unwrap_or("nothing")
            ))
            .into());
        }
        self.remember_manifest(name, text);
        Ok(Put::Written)
    }

    /// An immutable tag refuses even what it holds already: what it holds decides.
    async fn judge_conflict(
        &self,
        name: &RepositoryName,
        manifest: &Manifest,
        tag: &Tag,
    ) -> Result<Put, RegistryError> {
        let held = self
            .images(name, &BTreeSet::from([tag.clone()]))
            .await
            .remove(tag);
        match held {
            Some(Fact::Known(image)) if image.digest == manifest.digest() => Ok(Put::AlreadyThere),
            Some(Fact::Known(image)) => Err(RegistryError::TagImmutable(format!(
                "{name}:{tag} of registry {} is immutable and holds {}; choose a new tag, or except this one with `tags ... except`",
                self.name, image.digest
            ))),
            Some(Fact::Unknown(unread)) => Err(unread.into()),
            Some(Fact::Absent) | None => Err(RegistryError::Changed(format!(
                "{name}:{tag} of registry {} was taken and is gone again: another run works on it; run plan again",
                self.name
            ))),
        }
    }
}
