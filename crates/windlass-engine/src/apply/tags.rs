//! Wanted tags move last: read again, moved one after the other, read once more. ECR has no compare-and-swap on a tag.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures_util::future::join_all;
use windlass_core::name::{Digest, Fingerprint, ImageName, RepositoryKey, Tag};
use windlass_core::observed::Fact;
use windlass_core::plan::{ImageAction, TagAction, TagPlan, TagState, tag_state};

use crate::apply::check::{Tags, is_ours, read_tags, tag_fact};
use crate::apply::run::Run;
use crate::apply::work::{Held, Place};
use crate::event::{Event, Phase};
use crate::outcome::{Cause, FailedPhase, Failure, TagResult};
use crate::ports::{Builder, Manifest, Registry, RegistryError};

/// How long to wait for our own writes to be seen, one read after each.
const LAG: [Duration; 4] = [
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
];

/// One wanted tag that may have to be written.
#[derive(Clone)]
struct Move<'a> {
    image: &'a ImageName,
    fingerprint: &'a Fingerprint,
    key: &'a RepositoryKey,
    step: &'a TagPlan,
    /// Place of the image's work.
    index: usize,
}

impl<'a, R: Registry, B: Builder> Run<'a, R, B> {
    /// Moves the wanted tags of complete images. Nothing is moved where a tag or an `in-` tag is not as expected any more; after the
    /// first failure no other tag is moved.
    pub(super) async fn move_tags(&mut self) {
        let moves = self.wanted_moves();
        let facts = self.read_settled(&moves, true, Self::may_be_late).await;
        if !self.adopt_held(&moves, &facts) {
            return;
        }
        let Some(moves) = self.pending(moves, &facts) else {
            return;
        };
        let Some(manifests) = self.read_manifests(&moves).await else {
            return;
        };
        let written = self.write_tags(&moves, &manifests).await;
        self.verify(&written).await;
    }

    /// Returns the steps of all complete images, in the order of the plan.
    fn wanted_moves(&self) -> Vec<Move<'a>> {
        let complete = self.complete_works();
        let images = self
            .plan
            .images
            .iter()
            .filter(|image| image.action != ImageAction::None);
        let mut moves = Vec::new();
        for image in images {
            let Some(fingerprint) = image.fingerprint().filter(|one| complete.contains(one)) else {
                continue;
            };
            let index = self
                .works
                .iter()
                .position(|work| work.fingerprint() == fingerprint);
            let Some(index) = index else { continue };
            for target in image
                .targets
                .iter()
                .filter(|target| target.action != ImageAction::None)
            {
                let steps = target
                    .tags
                    .iter()
                    .filter(|step| step.action != TagAction::None);
                moves.extend(steps.map(|step| Move {
                    image: &image.name,
                    fingerprint,
                    key: &target.key,
                    step,
                    index,
                }));
            }
        }
        moves
    }

    /// Reads the tags of `moves`, and again while one of them may be an answer from before our own write: ECR can be late with those.
    async fn read_settled(
        &self,
        moves: &[Move<'a>],
        with_in_tags: bool,
        may_lag: fn(&Self, &Move<'a>, &Tags) -> bool,
    ) -> Tags {
        let tags = tags_of(moves, with_in_tags);
        let mut facts = read_tags(self.ports.registry, &tags).await;
        for pause in LAG {
            if !moves.iter().any(|step| may_lag(self, step, &facts)) {
                break;
            }
            tokio::time::sleep(pause).await;
            facts = read_tags(self.ports.registry, &tags).await;
        }
        facts
    }

    /// Says whether an `in-` tag that this run wrote is not to be seen yet.
    fn in_tag_may_lag(&self, step: &Move<'a>, facts: &Tags) -> bool {
        let place = self.works[step.index].places.get(step.key);
        let written = matches!(place, Some(Place::Held(held)) if held.written);
        written && tag_fact(facts, step.key, &step.fingerprint.tag()) == Fact::Absent
    }

    /// Says whether an answer before the moves may be an old one: our own `in-` tag is missing, or a tag is not where the plan saw it.
    fn may_be_late(&self, step: &Move<'a>, facts: &Tags) -> bool {
        let fact = tag_fact(facts, step.key, &step.step.tag);
        let state = tag_state(step.step, step.fingerprint, &fact);
        matches!(state, TagState::Moved(_)) || self.in_tag_may_lag(step, facts)
    }

    /// Says whether a tag that this run moved still shows what it held before.
    #[expect(clippy::unused_self, reason = "one of two checks of one type")]
    fn tag_may_lag(&self, step: &Move<'a>, facts: &Tags) -> bool {
        let fact = tag_fact(facts, step.key, &step.step.tag);
        tag_state(step.step, step.fingerprint, &fact) == TagState::Pending
    }

    /// Takes the digest that each `in-` tag holds now; says whether all of them hold an image with the fingerprint.
    fn adopt_held(&mut self, moves: &[Move<'a>], facts: &Tags) -> bool {
        let mut good = true;
        for step in moves {
            let tag = step.fingerprint.tag();
            let cause = match tag_fact(facts, step.key, &tag) {
                Fact::Known(image) if is_ours(&image, step.fingerprint) => {
                    self.take_digest(step, image.digest);
                    continue;
                }
                Fact::Known(image) => Cause::Changed(format!(
                    "{tag} holds {} now, which is another image",
                    image.digest
                )),
                Fact::Absent => Cause::Changed(format!("{tag} is not there any more")),
                Fact::Unknown(unread) => RegistryError::from(unread).into(),
            };
            good = false;
            self.stale |= matches!(cause, Cause::Changed(_));
            self.fail_tag(step, cause);
        }
        good
    }

    fn take_digest(&mut self, step: &Move<'a>, digest: Digest) {
        let places = &mut self.works[step.index].places;
        if held_digest(places.get(step.key)) != Some(&digest) {
            let held = Held {
                digest,
                manifest: None,
                written: false,
                brought: false,
            };
            places.insert(step.key.clone(), Place::Held(held));
        }
    }

    /// Returns the moves that are still to be made, `None` where a tag is not where the plan saw it.
    fn pending(&mut self, moves: Vec<Move<'a>>, facts: &Tags) -> Option<Vec<Move<'a>>> {
        let mut pending = Vec::new();
        let mut good = true;
        for step in moves {
            match tag_state(
                step.step,
                step.fingerprint,
                &tag_fact(facts, step.key, &step.step.tag),
            ) {
                TagState::Pending => pending.push(step),
                TagState::Done => {
                    self.tags
                        .insert((step.key, &step.step.tag), TagResult::Held);
                }
                TagState::Moved(what) => {
                    (good, self.stale) = (false, true);
                    self.fail_tag(&step, Cause::Changed(what));
                }
                TagState::Unknown(unread) => {
                    good = false;
                    self.fail_tag(&step, RegistryError::from(unread).into());
                }
            }
        }
        good.then_some(pending)
    }

    /// Returns the bytes of every image whose tag is to move, so that nothing but the moves themselves can fail from here on.
    async fn read_manifests(
        &mut self,
        moves: &[Move<'a>],
    ) -> Option<BTreeMap<(RepositoryKey, Digest), Manifest>> {
        let mut manifests = BTreeMap::new();
        let mut missing = BTreeMap::new();
        for step in moves {
            let Some(Place::Held(held)) = self.works[step.index].places.get(step.key) else {
                continue;
            };
            let id = (step.key.clone(), held.digest.clone());
            match &held.manifest {
                Some(manifest) => drop(manifests.insert(id, manifest.clone())),
                None => drop(missing.insert(id, step)),
            }
        }
        let registry = self.ports.registry;
        let reads = missing.into_iter().map(|(id, step)| async move {
            let manifest = registry.manifest(&id.0, &id.1).await;
            (id, step, manifest)
        });
        let mut good = true;
        for (id, step, manifest) in join_all(reads).await {
            match manifest {
                Ok(manifest) => drop(manifests.insert(id, manifest)),
                Err(error) => {
                    good = false;
                    self.fail_tag(step, error.into());
                }
            }
        }
        good.then_some(manifests)
    }

    /// Writes one tag after the other, up to the first failure. Returns what was written.
    async fn write_tags(
        &mut self,
        moves: &[Move<'a>],
        manifests: &BTreeMap<(RepositoryKey, Digest), Manifest>,
    ) -> Vec<Move<'a>> {
        let mut written = Vec::new();
        for step in moves {
            if self.options.cancel.is_cancelled() {
                self.interrupted = true;
                break;
            }
            let digest = self.works[step.index].digest_in(step.key).cloned();
            let manifest = digest.and_then(|digest| manifests.get(&(step.key.clone(), digest)));
            let Some(manifest) = manifest else { continue };
            self.events.send(Event::Phase {
                image: step.image.clone(),
                phase: Phase::Tagging,
            });
            if let Err(error) = self.write_tag(step, manifest).await {
                self.fail_tag(step, error.into());
                break;
            }
            self.tags
                .insert((step.key, &step.step.tag), TagResult::Moved);
            self.events.send(Event::Tagged {
                image: step.image.clone(),
                key: step.key.clone(),
                tag: step.step.tag.clone(),
                digest: manifest.digest(),
            });
            written.push(step.clone());
        }
        written
    }

    /// Writes one tag. A refusal counts only if the tag does not hold the image afterwards: the answer may have been lost, or another
    /// run of the plan was faster.
    async fn write_tag(&self, step: &Move<'a>, manifest: &Manifest) -> Result<(), RegistryError> {
        let tag = &step.step.tag;
        let Err(error) = self
            .ports
            .registry
            .put_manifest(step.key, manifest, tag)
            .await
        else {
            return Ok(());
        };
        let facts = self
            .ports
            .registry
            .images(step.key, &BTreeSet::from([tag.clone()]))
            .await;
        match facts.get(tag) {
            Some(Fact::Known(image)) if is_ours(image, step.fingerprint) => Ok(()),
            _ => Err(error),
        }
    }

    /// Reads the moved tags once more and says which are not ours any more.
    async fn verify(&mut self, written: &[Move<'a>]) {
        let facts = self.read_settled(written, false, Self::tag_may_lag).await;
        for step in written {
            let cause = match tag_fact(&facts, step.key, &step.step.tag) {
                Fact::Known(image) if is_ours(&image, step.fingerprint) => continue,
                Fact::Known(image) => Cause::Changed(format!(
                    "it was moved, and then to {} by somebody else",
                    image.digest
                )),
                Fact::Absent => {
                    Cause::Changed("it was moved, and then removed by somebody else".to_owned())
                }
                Fact::Unknown(why) => RegistryError::Other(format!(
                    "it was moved, but could not be read afterwards: {why}"
                ))
                .into(),
            };
            self.fail_tag(step, cause);
        }
    }

    fn fail_tag(&mut self, step: &Move<'a>, cause: Cause) {
        self.failures.push(Failure {
            image: Some(step.image.clone()),
            key: Some(step.key.clone()),
            tag: Some(step.step.tag.clone()),
            phase: FailedPhase::Tag,
            cause,
        });
    }
}

fn held_digest(place: Option<&Place>) -> Option<&Digest> {
    match place {
        Some(Place::Held(held)) => Some(&held.digest),
        _ => None,
    }
}

/// Returns the tags of `moves` by repository, with the `in-` tags where asked.
fn tags_of(moves: &[Move<'_>], with_in_tags: bool) -> BTreeMap<RepositoryKey, BTreeSet<Tag>> {
    let mut tags: BTreeMap<RepositoryKey, BTreeSet<Tag>> = BTreeMap::new();
    for step in moves {
        let tags = tags.entry(step.key.clone()).or_default();
        tags.insert(step.step.tag.clone());
        tags.extend(with_in_tags.then(|| step.fingerprint.tag()));
    }
    tags
}
