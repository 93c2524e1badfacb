//! What of its context each image can read, once its base images are known, and what is said about it.

use std::collections::BTreeSet;

use windlass_core::dockerfile::{BaseKind, BaseReference, ContextSources};
use windlass_core::manifest::model::Need;
use windlass_core::name::ImageName;

use crate::desire::bases::ResolvedBases;
use crate::desire::draft::Draft;

/// Widens the sources of images that start from an image of the workspace with triggers.
pub(super) fn heed_needed_triggers(drafts: &mut [Draft<'_>]) {
    let leaving: BTreeSet<ImageName> = drafts
        .iter()
        .filter(|draft| draft.leaves_triggers)
        .map(|draft| draft.image.name.clone())
        .collect();
    for draft in drafts {
        let starts_from = draft
            .bases
            .needs
            .iter()
            .filter(|it| it.kind == BaseKind::From);
        let mut needed = starts_from.filter_map(|it| {
            let named = |need: &&Need| need.as_name == it.name;
            let need = draft.image.needs.iter().find(named)?;
            leaving.contains(&need.image).then_some(&need.image)
        });
        let why = needed
            .next()
            .map(|name| format!("image.{name}, which it starts from, has ONBUILD triggers"));
        if let Some(why) = why {
            draft.widen(why);
        }
    }
}

/// Widens the sources of images whose base images have triggers or an unknown config; returns their places.
pub(super) fn heed_base_triggers(drafts: &mut [Draft<'_>], resolved: &ResolvedBases) -> Vec<usize> {
    let mut widened = Vec::new();
    for (at, draft) in drafts.iter_mut().enumerate() {
        let mut starts_from = draft
            .bases
            .pulled
            .iter()
            .filter(|it| it.kind == BaseKind::From);
        let why = starts_from.find_map(|base| why_widened(base, resolved));
        if let Some(why) = why
            && draft.widen(why)
        {
            widened.push(at);
        }
    }
    widened
}

fn why_widened(base: &BaseReference, resolved: &ResolvedBases) -> Option<String> {
    let name = base.image.to_string();
    let reference = &base.reference;
    if resolved.failed.contains_key(&name) {
        // Nothing is decided about an image whose base was not found.
        return None;
    }
    match resolved.triggers(&name) {
        Some(false) => None,
        Some(true) => Some(format!("its base image `{reference}` has ONBUILD triggers")),
        None => Some(format!(
            "the config of its base image `{reference}` was not read, and it may have ONBUILD triggers; `windlass lock` reads it"
        )),
    }
}

impl Draft<'_> {
    /// Makes the whole context count; says whether that is news.
    fn widen(&mut self, why: String) -> bool {
        let is_news = matches!(self.sources, ContextSources::Paths(_));
        if is_news {
            self.sources = ContextSources::Everything { why: Some(why) };
        }
        is_news
    }
}

/// Says what a fingerprint cannot hold, and where it holds more than the Dockerfile seems to ask for.
pub(super) fn source_notes(draft: &Draft<'_>) -> Vec<String> {
    let name = &draft.image.name;
    let unpinned = draft.remotes.iter().filter(|remote| !remote.pinned);
    let mut notes: Vec<String> = unpinned
        .map(|remote| {
            let (line, _) = draft.prepared.dockerfile.position(remote.span.start);
            format!(
                "image.{name}: ADD {} (line {line} of its Dockerfile) counts by its address: other content behind it causes no build; `ADD --checksum=sha256:..`, or a commit of git, says what is fetched",
                remote.address
            )
        })
        .collect();
    if let ContextSources::Everything { why: Some(why) } = &draft.sources {
        notes.push(format!(
            "image.{name}: every file of its build context counts: {why}"
        ));
    }
    notes
}
