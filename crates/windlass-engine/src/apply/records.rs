//! Inputs records that an earlier apply did not come to write: it was ended between an image and its record.
//!
//! Made up for where a tag is to be moved to an image that was found in its repository, and before it is moved: so the record is there
//! once the tag is, wherever a run is ended. Images without a step are left alone: a plan without steps writes nothing.

use futures_util::{StreamExt as _, stream};
use windlass_core::desired::BuildSpec;
use windlass_core::name::{Digest, ImageName, RepositoryKey};
use windlass_core::oci::Descriptor;
use windlass_core::plan::TagAction;

use crate::apply::run::Run;
use crate::apply::work::Place;
use crate::outcome::TagResult;
use crate::ports::{Boxed, Registry, RegistryError, SentRecord};

/// How many records are looked at at once.
const LOOKS: usize = 4;

/// An image that may lack its record.
struct Candidate<'a> {
    name: &'a ImageName,
    spec: &'a BuildSpec,
    key: &'a RepositoryKey,
    digest: Digest,
}

type Looked<'a> = (Result<(), RegistryError>, Candidate<'a>);

impl<'a, R: Registry, B> Run<'a, R, B> {
    /// Attaches the records that are missing. What fails is a note: nothing is decided from a record.
    pub(super) async fn make_up_records(&mut self) {
        let registry = self.ports.registry;
        let looks: Vec<Boxed<'a, Looked<'a>>> = self
            .unrecorded()
            .into_iter()
            .map(|candidate| -> Boxed<'a, Looked<'a>> {
                Box::pin(async move { (make_up(registry, &candidate).await, candidate) })
            })
            .collect();
        let looks = stream::iter(looks).buffer_unordered(LOOKS);
        let ended: Vec<Looked<'a>> = tokio::select! {
            biased;
            () = self.options.cancel.cancelled() => return,
            ended = looks.collect() => ended,
        };
        for (result, Candidate { name, key, .. }) in ended {
            if let Err(error) = result {
                self.note(format!(
                    "image.{name}: no inputs record in {key}, the next plan cannot explain changes: {error}"
                ));
            }
        }
    }

    fn unrecorded(&self) -> Vec<Candidate<'a>> {
        let mut found = Vec::new();
        for image in &self.plan.images {
            let work = image.fingerprint().and_then(|it| self.work(it));
            let Some(work) = work else { continue };
            for target in &image.targets {
                let is_left = target.tags.iter().any(|step| {
                    matches!(step.action, TagAction::Create | TagAction::Move)
                        && self.tags.get(&(&target.key, &step.tag)) != Some(&TagResult::Held)
                });
                if let Some(Place::Held(held)) = work.places.get(&target.key)
                    && is_left
                    && !held.brought
                {
                    found.push(Candidate {
                        name: &image.name,
                        spec: work.spec,
                        key: &target.key,
                        digest: held.digest.clone(),
                    });
                }
            }
        }
        found
    }
}

async fn make_up<R: Registry>(
    registry: &R,
    candidate: &Candidate<'_>,
) -> Result<(), RegistryError> {
    let Candidate {
        spec, key, digest, ..
    } = candidate;
    if registry.inputs_record(key, digest).await?.is_some() {
        return Ok(());
    }
    let manifest = registry.manifest(key, digest).await?;
    let image = Descriptor {
        media_type: manifest.media_type,
        digest: digest.clone(),
        size: manifest.bytes.len() as u64,
    };
    attach(registry, key, &image, spec, None).await
}

/// Attaches the record of an image. What was sent long before may be gone again, since no manifest named it: it is sent once more then.
pub(super) async fn attach<R: Registry>(
    registry: &R,
    key: &RepositoryKey,
    image: &Descriptor,
    spec: &BuildSpec,
    sent: Option<SentRecord>,
) -> Result<(), RegistryError> {
    if let Some(sent) = sent {
        match registry.attach_record(key, image, &sent).await {
            Err(RegistryError::NotFound(_)) => (),
            result => return result,
        }
    }
    let sent = registry.send_record(key, &spec.record().render()).await?;
    registry.attach_record(key, image, &sent).await
}
