//! Tags that somebody moved: what they hold instead, and since when that image is there, where it is known. Who did it, ECR does not say.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::{Digest, RepositoryKey};
use crate::observed::Observed;
use crate::plan::model::{ImagePlan, Plan, Reason};

/// Returns the images under wanted tags that were put there by somebody else, by repository: when they were pushed is asked for.
pub fn strangers_to_date(plan: &Plan) -> BTreeMap<RepositoryKey, BTreeSet<Digest>> {
    let mut wanted: BTreeMap<RepositoryKey, BTreeSet<Digest>> = BTreeMap::new();
    for reason in plan.images.iter().flat_map(|image| &image.reasons) {
        if let Reason::TagElsewhere { key, digest, .. } | Reason::ForeignImage { key, digest, .. } =
            reason
        {
            wanted
                .entry(key.clone())
                .or_default()
                .insert(digest.clone());
        }
    }
    wanted
}

/// Says when what a tag holds was pushed. Nothing is decided from it.
pub(super) fn date(observed: &Observed, images: &mut [ImagePlan]) {
    for reason in images.iter_mut().flat_map(|image| &mut image.reasons) {
        if let Reason::TagElsewhere {
            key,
            digest,
            pushed,
            ..
        }
        | Reason::ForeignImage {
            key,
            digest,
            pushed,
            ..
        } = reason
        {
            let id = (key.clone(), digest.clone());
            *pushed = observed.pushed.get(&id).copied();
        }
    }
}
