//! What the lifecycle rules of the manifest will do to the images under wanted tags: ECR deletes an image with all its tags, and a
//! retag does not renew the day of its push.
//!
//! Rules that the manifest does not hold are not read, and not judged.

mod evaluate;

use std::collections::{BTreeMap, BTreeSet};

pub(super) use evaluate::DAY;
pub use evaluate::{Verdict, evaluate};

use crate::desired::Desired;
use crate::diag::{Location, Sourced};
use crate::manifest::model::{LifecycleRule, LifecycleSelection, Repository};
use crate::name::{Digest, RepositoryKey, Tag};
use crate::observed::{Fact, Observed, StoredImage, Unread};
use crate::plan::model::{
    ImageAction, ImagePlan, Reason, RepositoryAction, RepositoryPlan, SettingChange, TagAction,
    TargetPlan,
};
use crate::plan::repository::rule_text;

/// For how many days ahead a deletion is announced.
const AHEAD: i64 = 14;

/// Returns the lifecycle rules of a repository, where the manifest manages them and one of them can reach an image with tags.
fn rules_for_tagged(repository: &Repository) -> Option<&Sourced<Vec<LifecycleRule>>> {
    let lifecycle = repository.settings.lifecycle.as_ref()?;
    let reaches = |rule: &LifecycleRule| rule.select != LifecycleSelection::Untagged;
    lifecycle.value.iter().any(reaches).then_some(lifecycle)
}

/// Returns the repositories whose images have to be listed: rules of the manifest can reach the wanted tags in them.
pub fn to_list(desired: &Desired) -> BTreeSet<RepositoryKey> {
    let tagged: BTreeSet<&RepositoryKey> = desired
        .images
        .iter()
        .flat_map(|image| &image.targets)
        .filter(|target| !target.tags.is_empty())
        .map(|target| &target.key)
        .collect();
    let reached = desired
        .repositories
        .iter()
        .filter(|it| rules_for_tagged(it).is_some() && tagged.contains(&it.key));
    reached.map(|it| it.key.clone()).collect()
}

/// Something that a rule does to an image under a wanted tag.
#[derive(Debug, Clone)]
pub(super) struct Expiry<'a> {
    pub(super) key: &'a RepositoryKey,
    pub(super) tag: Tag,
    pub(super) rule: &'a LifecycleRule,
    /// Where the rules stand.
    pub(super) place: &'a Location,
    /// From when on, seconds since 1970.
    pub(super) at: i64,
    /// Whether it stops the image: it is due now, and the plan does not leave the image behind under rules that were there before.
    pub(super) stops: bool,
}

/// Stops images whose wanted tags would be lost to a lifecycle rule, and those of which that is not known.
pub(super) fn judge(
    desired: &Desired,
    observed: &Observed,
    repositories: &[RepositoryPlan],
    images: &mut [ImagePlan],
) {
    let findings = expiries(desired, observed, repositories, images);
    for image in images.iter_mut() {
        for target in &mut image.targets {
            let Some(found) = findings.get(&target.key) else {
                continue;
            };
            match found {
                Err(unread) => stop(
                    target,
                    &mut image.reasons,
                    ImageAction::Unknown,
                    Reason::NotRead {
                        why: format!(
                            "the images of {}, which lifecycle rules may delete: {unread}",
                            target.key
                        ),
                    },
                ),
                Ok(expiries) => {
                    for expiry in expiries.iter().filter(|it| it.stops) {
                        if !target.tags.iter().any(|step| step.tag == expiry.tag) {
                            continue;
                        }
                        let reason = Reason::Expires {
                            key: expiry.key.clone(),
                            tag: expiry.tag.clone(),
                            rule: rule_text(expiry.rule),
                        };
                        stop(target, &mut image.reasons, ImageAction::Blocked, reason);
                    }
                }
            }
            image.action = image.action.min(target.action);
        }
        if image.action != ImageAction::None {
            image.reasons.retain(|reason| *reason != Reason::UpToDate);
        }
        if image.action < ImageAction::Push {
            image.local_image = None;
        }
    }
}

fn stop(target: &mut TargetPlan, reasons: &mut Vec<Reason>, action: ImageAction, reason: Reason) {
    if target.tags.is_empty() || target.action == ImageAction::Unknown {
        return;
    }
    target.action = action;
    for step in &mut target.tags {
        step.action = if action == ImageAction::Unknown {
            TagAction::Unknown
        } else {
            TagAction::Blocked
        };
    }
    if !reasons.contains(&reason) {
        reasons.push(reason);
    }
}

type Findings<'a> = BTreeMap<RepositoryKey, Result<Vec<Expiry<'a>>, Unread>>;

/// Returns what rules do to wanted tags within the days that are announced, by repository; an error where that is not known.
pub(super) fn expiries<'a>(
    desired: &'a Desired,
    observed: &Observed,
    repositories: &[RepositoryPlan],
    images: &[ImagePlan],
) -> Findings<'a> {
    let listed = to_list(desired);
    let mut findings = BTreeMap::new();
    for repository in desired
        .repositories
        .iter()
        .filter(|it| listed.contains(&it.key))
    {
        let plan = repositories.iter().find(|plan| plan.key == repository.key);
        let (Some(rules), Some(plan)) = (rules_for_tagged(repository), plan) else {
            continue;
        };
        if matches!(
            plan.action,
            RepositoryAction::Unknown | RepositoryAction::Blocked
        ) {
            continue;
        }
        let stored = match observed.inventories.get(&repository.key) {
            Some(Fact::Known(stored)) => Ok(stored.as_slice()),
            Some(Fact::Absent) => Ok(&[][..]),
            Some(Fact::Unknown(unread)) => Err(unread.clone()),
            None if plan.action == RepositoryAction::Create => Ok(&[][..]),
            None => Err(Unread::new("they were not listed")),
        };
        let found = stored.map(|stored| {
            let case = Case {
                repository,
                rules,
                now: desired.now,
                changes: plan
                    .changes
                    .iter()
                    .any(|change| matches!(change, SettingChange::Lifecycle(_))),
            };
            case.expiries(stored, images)
        });
        findings.insert(repository.key.clone(), found);
    }
    findings
}

/// One repository with its rules.
struct Case<'a> {
    repository: &'a Repository,
    rules: &'a Sourced<Vec<LifecycleRule>>,
    now: i64,
    /// Whether the plan changes the rules.
    changes: bool,
}

impl<'a> Case<'a> {
    fn expiries(&self, stored: &[StoredImage], images: &[ImagePlan]) -> Vec<Expiry<'a>> {
        let targets: Vec<(&ImagePlan, &TargetPlan)> = images
            .iter()
            .flat_map(|image| image.targets.iter().map(move |target| (image, target)))
            .filter(|(_, target)| target.key == self.repository.key)
            .collect();
        let after = world_after(stored, &targets, self.now);
        let kept = self.verdicts(&after, &targets, |_| true);
        // What a tag holds before the plan moves it away: rules that are new could delete it before the move, and with it the tag.
        let left = self.verdicts(stored, &targets, |tag| tag == TagAction::Move);
        let left = left.into_iter().map(|expiry| Expiry {
            stops: expiry.stops && self.changes,
            ..expiry
        });
        let mut all = kept;
        for expiry in left {
            let known = all
                .iter()
                .any(|it| it.tag == expiry.tag && it.stops >= expiry.stops);
            if !known {
                all.retain(|it| it.tag != expiry.tag);
                all.push(expiry);
            }
        }
        all
    }

    /// Returns what happens to the images that hold wanted tags in `world`, for the tags with an action that is asked for.
    fn verdicts(
        &self,
        world: &[StoredImage],
        targets: &[(&ImagePlan, &TargetPlan)],
        asked: impl Fn(TagAction) -> bool,
    ) -> Vec<Expiry<'a>> {
        let verdicts = evaluate(&self.rules.value, world, self.now);
        let steps = targets.iter().flat_map(|(_, target)| &target.tags);
        let mut found = Vec::new();
        for step in steps.filter(|step| asked(step.action)) {
            let holder = world.iter().find(|image| image.tags.contains(&step.tag));
            let verdict = holder.and_then(|image| verdicts.get(&image.digest));
            let Some(verdict) = verdict.filter(|it| it.at <= self.now + AHEAD * DAY) else {
                continue;
            };
            found.push(Expiry {
                key: &self.repository.key,
                tag: step.tag.clone(),
                rule: &self.rules.value[verdict.rule],
                place: &self.rules.location,
                at: verdict.at,
                stops: verdict.at <= self.now,
            });
        }
        found
    }
}

/// Returns the images of a repository as they are after the plan: tags moved, new images pushed now.
pub(super) fn world_after(
    stored: &[StoredImage],
    targets: &[(&ImagePlan, &TargetPlan)],
    now: i64,
) -> Vec<StoredImage> {
    let mut world = stored.to_vec();
    for (image, target) in targets {
        let Some(fingerprint) = image.fingerprint() else {
            continue;
        };
        let digest = target.held.clone().or_else(|| {
            let source = target.source.as_ref();
            source.map(|source| source.digest.clone())
        });
        let digest = digest.unwrap_or_else(|| Digest::of(fingerprint.as_str().as_bytes()));
        let tags: BTreeSet<Tag> = target
            .tags
            .iter()
            .map(|step| step.tag.clone())
            .chain([fingerprint.tag()])
            .collect();
        for other in &mut world {
            other.tags.retain(|tag| !tags.contains(tag));
        }
        match world.iter_mut().find(|it| it.digest == digest) {
            Some(held) => {
                held.tags.extend(tags);
                held.archived = None;
            }
            None => world.push(StoredImage {
                digest,
                tags,
                pushed: now,
                pulled: None,
                archived: None,
                children: Vec::new(),
                subject: None,
            }),
        }
    }
    world
}
