//! The number of tags that an image may have (ECR quotas, "Tags per image", not adjustable).

use crate::name::{Digest, RepositoryKey};
use crate::observed::{Fact, Observed};
use crate::plan::model::{ImageAction, ImagePlan, Plan, Reason, TagAction, TargetPlan};

/// Tags that ECR lets an image have.
const MOST: usize = 1_000;
/// From so many on, somebody should look.
const MANY: usize = 900;

/// Returns the images that would get another tag, whose tags therefore have to be counted.
pub fn to_count(plan: &Plan) -> Vec<(RepositoryKey, Digest)> {
    let targets = plan.images.iter().flat_map(|image| &image.targets);
    let retagged = targets.filter(|target| target.action == ImageAction::Retag);
    retagged
        .filter_map(|target| Some((target.key.clone(), target.held.clone()?)))
        .collect()
}

/// Stops retags for which no tag is left.
pub(super) fn judge(observed: &Observed, images: &mut [ImagePlan]) {
    for image in images.iter_mut() {
        for target in &mut image.targets {
            let Some((held, count)) = count(observed, target) else {
                continue;
            };
            let (action, reason) = match count {
                Fact::Known(count) if count + added(target) > MOST => (
                    ImageAction::Blocked,
                    Reason::TooManyTags {
                        key: target.key.clone(),
                        digest: held.clone(),
                        count: *count,
                    },
                ),
                // ECR itself refuses the tag too many; what was not read is told, see `notes`.
                Fact::Known(_) | Fact::Absent | Fact::Unknown(_) => continue,
            };
            target.action = action;
            image.action = image.action.min(action);
            image.reasons.push(reason);
        }
    }
}

/// Returns notes on images whose tags could not be counted.
pub(super) fn notes(observed: &Observed) -> Vec<String> {
    let unread = observed
        .tag_counts
        .iter()
        .filter_map(|((key, digest), count)| {
            let why = count.unknown()?;
            Some(format!(
                "{key}: how many tags {digest} has was not read: {why}"
            ))
        });
    unread.collect()
}

/// An image that has nearly as many tags as it may have.
pub(super) struct Crowded<'a> {
    pub(super) image: &'a ImagePlan,
    pub(super) key: &'a RepositoryKey,
    pub(super) digest: &'a Digest,
    pub(super) count: usize,
}

/// Returns the images of retags that have many tags, those that cannot get another one left out.
pub(super) fn crowded<'a>(observed: &Observed, images: &'a [ImagePlan]) -> Vec<Crowded<'a>> {
    let mut found = Vec::new();
    for image in images {
        for target in &image.targets {
            if let Some((digest, Fact::Known(count))) = count(observed, target)
                && *count >= MANY
            {
                found.push(Crowded {
                    image,
                    key: &target.key,
                    digest,
                    count: *count,
                });
            }
        }
    }
    found
}

fn count<'a, 'o>(
    observed: &'o Observed,
    target: &'a TargetPlan,
) -> Option<(&'a Digest, &'o Fact<usize>)> {
    let held = target
        .held
        .as_ref()
        .filter(|_| target.action == ImageAction::Retag)?;
    let id = (target.key.clone(), held.clone());
    Some((held, observed.tag_counts.get(&id)?))
}

/// Returns how many tags the image gets that it does not have.
fn added(target: &TargetPlan) -> usize {
    let written = |action| matches!(action, TagAction::Create | TagAction::Move);
    let tags = target.tags.iter().filter(|step| written(step.action));
    tags.count() + usize::from(target.write_in_tag)
}
