//! Images and their targets in the document.

use crate::context::{Entry, EntryKind};
use crate::dockerfile::mask::masked_text;
use crate::fingerprint::InputChange;
use crate::name::Digest;
use crate::plan::{ImageAction, ImagePlan, Plan, Reason, TagPlan, TargetPlan};
use crate::report::wire::{Context, Dockerfile, Image, Tag, Target, reason};

/// Returns the images of a plan, sorted by address.
pub(super) fn images(plan: &Plan) -> Vec<Image> {
    let mut images: Vec<Image> = plan.images.iter().map(image).collect();
    images.sort_by(|a, b| a.address.cmp(&b.address));
    images
}

/// Returns the address of an image.
pub(super) fn address(name: &crate::name::ImageName) -> String {
    format!("image.{name}")
}

fn image(plan: &ImagePlan) -> Image {
    let spec = plan.spec.as_ref();
    Image {
        address: address(&plan.name),
        declared: plan.declared.clone(),
        action: plan.action,
        reasons: reason::reasons(plan),
        fingerprint: plan.fingerprint().map(ToString::to_string),
        platforms: spec.map_or(Vec::new(), |spec| {
            spec.inputs
                .platforms
                .iter()
                .map(ToString::to_string)
                .collect()
        }),
        context: spec.map(|spec| context(&spec.context, &spec.inputs.context)),
        dockerfile: Dockerfile {
            before: dockerfile_before(plan).map(|text| masked_text(&text)),
            after: spec.map(|spec| masked_text(&spec.inputs.dockerfile)),
        },
        needs: spec.map_or(Vec::new(), |spec| {
            spec.needs.iter().map(|need| address(&need.image)).collect()
        }),
        bases: spec.map_or(Vec::new(), |spec| {
            spec.inputs.bases.keys().cloned().collect()
        }),
        built_at: plan.built_at.clone(),
        local_image: plan.local_image.as_ref().map(ToString::to_string),
        targets: plan.targets.iter().map(target).collect(),
    }
}

fn context(path: &str, entries: &[Entry]) -> Context {
    let bytes = entries.iter().map(|entry| match &entry.kind {
        EntryKind::File { bytes, .. } => *bytes,
        EntryKind::Directory | EntryKind::Link { .. } => 0,
    });
    Context {
        path: path.to_owned(),
        files: entries
            .iter()
            .filter(|entry| entry.kind != EntryKind::Directory)
            .count(),
        bytes: bytes.fold(0, u64::saturating_add),
    }
}

/// Returns the Dockerfile of what a wanted tag holds now: the plan names it where it differs, and it is the wanted one where the
/// whole image is, or where its record shows no difference in it.
fn dockerfile_before(plan: &ImagePlan) -> Option<String> {
    let same = || {
        plan.spec
            .as_ref()
            .map(|spec| spec.inputs.dockerfile.clone())
    };
    let unchanged = plan.reasons.iter().any(|reason| match reason {
        Reason::InputsChanged { changes, .. } => !changes
            .iter()
            .any(|change| matches!(change, InputChange::Dockerfile { .. })),
        _ => false,
    });
    plan.dockerfile_before.clone().or_else(|| {
        (plan.action == ImageAction::None || unchanged)
            .then(same)
            .flatten()
    })
}

fn target(plan: &TargetPlan) -> Target {
    Target {
        target: plan.key.registry.to_string(),
        repository: plan.key.to_string(),
        repository_uri: plan.uri.clone(),
        action: plan.action,
        copy_from: plan
            .source
            .as_ref()
            .map(|source| format!("{}@{}", source.key, source.digest)),
        replicated_from: plan.replicated_from.as_ref().map(ToString::to_string),
        tags: plan.tags.iter().map(tag).collect(),
    }
}

fn tag(plan: &TagPlan) -> Tag {
    let text = |digest: &Option<Digest>| digest.as_ref().map(ToString::to_string);
    Tag {
        tag: plan.tag.to_string(),
        action: plan.action,
        from_digest: text(&plan.from_digest),
        to_digest: text(&plan.to_digest),
    }
}
