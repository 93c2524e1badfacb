//! Images in the Engine: looking at them, naming them, removing names.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bollard::query_parameters::{
    ListImagesOptionsBuilder, RemoveImageOptionsBuilder, TagImageOptionsBuilder,
};
use windlass_core::name::Digest;

use crate::docker::engine::Engine;
use crate::docker::error::DockerError;

/// An image in the Engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredImage {
    /// Its id.
    pub id: Digest,
    /// Its names, as `windlass/api:latest`, sorted.
    pub names: Vec<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// The digests of its uncompressed layers, lowest first.
    pub diff_ids: Vec<Digest>,
    /// The size of its layers in bytes, uncompressed.
    pub bytes: u64,
    /// Its platform, as `linux/amd64`.
    pub platform: String,
}

impl Engine {
    /// Looks at an image by id or name; `None` if the Engine does not have it.
    ///
    /// # Errors
    ///
    /// [`DockerError::Refused`] or [`DockerError::Damaged`].
    pub async fn image(&self, image: &str) -> Result<Option<StoredImage>, DockerError> {
        let answer = match self.docker().inspect_image(image).await {
            Ok(answer) => answer,
            Err(error) => {
                let action = format!("inspect `{image}`");
                return match DockerError::from_bollard(&action, error) {
                    DockerError::Refused {
                        status: Some(404), ..
                    } => Ok(None),
                    error => Err(error),
                };
            }
        };
        let mut names = answer.repo_tags.unwrap_or_default();
        names.sort();
        let labels = answer.config.and_then(|config| config.labels);
        let layers = answer.root_fs.and_then(|root| root.layers);
        let platform = [answer.os, answer.architecture, answer.variant]
            .into_iter()
            .flatten()
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>();
        Ok(Some(StoredImage {
            id: digest(&answer.id.unwrap_or_default())?,
            names,
            labels: labels.unwrap_or_default().into_iter().collect(),
            diff_ids: layers
                .unwrap_or_default()
                .iter()
                .map(|layer| digest(layer))
                .collect::<Result<_, _>>()?,
            bytes: u64::try_from(answer.size.unwrap_or(0)).unwrap_or(0),
            platform: platform.join("/"),
        }))
    }

    /// Returns the ids of all images with a label, whatever its value.
    ///
    /// # Errors
    ///
    /// [`DockerError::Refused`] or [`DockerError::Damaged`].
    pub async fn images_with_label(&self, label: &str) -> Result<BTreeSet<Digest>, DockerError> {
        let filters = HashMap::from([("label", vec![label])]);
        let options = ListImagesOptionsBuilder::default()
            .filters(&filters)
            .build();
        self.docker()
            .list_images(Some(options))
            .await
            .map_err(|error| DockerError::from_bollard("list its images", error))?
            .iter()
            .map(|image| digest(&image.id))
            .collect()
    }

    /// Returns the names of all images that begin with a text, such as `windlass/shop/`, sorted.
    ///
    /// # Errors
    ///
    /// [`DockerError::Refused`].
    pub async fn names_below(&self, prefix: &str) -> Result<BTreeSet<String>, DockerError> {
        let images = self
            .docker()
            .list_images(Some(ListImagesOptionsBuilder::default().build()))
            .await
            .map_err(|error| DockerError::from_bollard("list its images", error))?;
        let names = images.into_iter().flat_map(|image| image.repo_tags);
        Ok(names.filter(|name| name.starts_with(prefix)).collect())
    }

    /// Gives an image a name, as `windlass/api:latest`; the name leaves the image that had it.
    ///
    /// # Errors
    ///
    /// [`DockerError::NotFound`] or [`DockerError::Refused`].
    pub async fn tag(&self, image: &str, name: &str) -> Result<(), DockerError> {
        let (repository, tag) = split_name(name);
        let options = TagImageOptionsBuilder::default()
            .repo(repository)
            .tag(tag)
            .build();
        self.docker()
            .tag_image(image, Some(options))
            .await
            .map_err(|error| found(image, &format!("name `{image}` `{name}`"), error))
    }

    /// Takes a name away. The image goes with its last name, unless a container or another image uses it.
    ///
    /// # Errors
    ///
    /// [`DockerError::NotFound`] or [`DockerError::Refused`].
    pub async fn untag(&self, name: &str) -> Result<(), DockerError> {
        self.remove(name, false).await
    }

    /// Removes an image; with `force` also one that has several names.
    ///
    /// # Errors
    ///
    /// [`DockerError::NotFound`] or [`DockerError::Refused`].
    pub async fn remove(&self, image: &str, force: bool) -> Result<(), DockerError> {
        let options = RemoveImageOptionsBuilder::default().force(force).build();
        self.docker()
            .remove_image(image, Some(options), None)
            .await
            .map(drop)
            .map_err(|error| found(image, &format!("remove `{image}`"), error))
    }
}

fn found(image: &str, action: &str, error: bollard::errors::Error) -> DockerError {
    match DockerError::from_bollard(action, error) {
        DockerError::Refused {
            status: Some(404), ..
        } => DockerError::NotFound {
            image: image.to_owned(),
        },
        error => error,
    }
}

fn split_name(name: &str) -> (&str, &str) {
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, tag),
        _ => (name, "latest"),
    }
}

/// Reads a digest that the Engine wrote.
pub(crate) fn digest(text: &str) -> Result<Digest, DockerError> {
    Digest::new(text).map_err(|error| DockerError::Damaged {
        message: format!("`{text}` is no digest: {error}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_tag() {
        assert_eq!(split_name("a/b:c"), ("a/b", "c"));
        assert_eq!(split_name("host:5000/b"), ("host:5000/b", "latest"));
        assert_eq!(split_name("host:5000/b:c"), ("host:5000/b", "c"));
    }
}
