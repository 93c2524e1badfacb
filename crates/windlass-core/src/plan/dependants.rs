//! What an image that cannot be had does to those that are built from it.

use crate::name::ImageName;
use crate::plan::model::{ImageAction, ImagePlan, Reason};

/// Blocks every image that would be built from one that cannot be had.
pub(super) fn block_dependants(images: &mut [ImagePlan]) {
    loop {
        let stopped: Vec<ImageName> = images
            .iter()
            .filter(|image| matches!(image.action, ImageAction::Blocked | ImageAction::Unknown))
            .map(|image| image.name.clone())
            .collect();
        let mut changed = false;
        for image in images
            .iter_mut()
            .filter(|image| image.action == ImageAction::Build)
        {
            let needs = image
                .spec
                .iter()
                .flat_map(|spec| &spec.needs)
                .map(|need| &need.image);
            let Some(need) = needs
                .into_iter()
                .find(|need| stopped.contains(need))
                .cloned()
            else {
                continue;
            };
            image.action = ImageAction::Blocked;
            image.reasons.insert(0, Reason::NeedBlocked { image: need });
            changed = true;
        }
        if !changed {
            return;
        }
    }
}
