//! What a lifecycle policy does to the images of a repository, and when (Amazon ECR user guide, "Lifecycle policies").
//!
//! Rules are read as documented; where the documents are silent, the reading is the one that predicts more deletions. The local ECR
//! has an evaluator of its own, written apart from this one, and a test tries them against each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::model::{LifecycleCount, LifecycleRule, LifecycleSelection};
use crate::name::{Digest, wildcard_matches};
use crate::observed::StoredImage;

/// Seconds of a day.
pub(crate) const DAY: i64 = 86_400;

/// What is going to happen to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Place of the rule in the policy, from 0.
    pub rule: usize,
    /// From when on the rule acts on the image, seconds since 1970; ECR follows within 24 hours.
    pub at: i64,
}

/// Returns what `rules` do to `images`. An image that no rule will ever act on has no entry.
///
/// An image belongs to the first rule that selects it: later rules leave it alone, also where the first one does not act on it.
/// Children of an index and referrers go with what holds them; they are counted, and never acted on. A rule by count acts at `now`
/// or not at all: what is pushed later is not known.
pub fn evaluate(
    rules: &[LifecycleRule],
    images: &[StoredImage],
    now: i64,
) -> BTreeMap<Digest, Verdict> {
    let held = held(images);
    let mut claimed: BTreeSet<&Digest> = BTreeSet::new();
    let mut verdicts = BTreeMap::new();
    for (place, rule) in rules.iter().enumerate() {
        let selected: Vec<&StoredImage> = images.iter().filter(|it| selects(rule, it)).collect();
        for (image, at) in due(&rule.when, &selected, now) {
            if !held.contains(&image.digest) && !claimed.contains(&image.digest) {
                verdicts.insert(image.digest.clone(), Verdict { rule: place, at });
            }
        }
        claimed.extend(selected.iter().map(|image| &image.digest));
    }
    verdicts
}

/// Returns the images that an index or a subject in the same repository holds.
fn held(images: &[StoredImage]) -> BTreeSet<&Digest> {
    let there: BTreeSet<&Digest> = images.iter().map(|image| &image.digest).collect();
    let children = images.iter().flat_map(|image| &image.children);
    let referrers = images
        .iter()
        .filter(|image| image.subject.as_ref().is_some_and(|it| there.contains(it)))
        .map(|image| &image.digest);
    children.chain(referrers).collect()
}

/// Rules are for images that can be pulled, except those that count from the transition to the archive.
fn selects(rule: &LifecycleRule, image: &StoredImage) -> bool {
    let for_archived = matches!(rule.when, LifecycleCount::ArchivedDays(_));
    let by_tag = match &rule.select {
        LifecycleSelection::Any => true,
        LifecycleSelection::Untagged => image.tags.is_empty(),
        LifecycleSelection::Tagged(pattern) => image
            .tags
            .iter()
            .any(|tag| wildcard_matches(pattern, tag.as_str())),
    };
    by_tag && image.archived.is_some() == for_archived
}

/// Returns the images of a selection that the rule acts on some day, with the time from which it does.
fn due<'a>(
    when: &LifecycleCount,
    selected: &[&'a StoredImage],
    now: i64,
) -> Vec<(&'a StoredImage, i64)> {
    let days = |from: &dyn Fn(&StoredImage) -> i64, days: u32| {
        let after = i64::from(days) * DAY;
        selected
            .iter()
            .map(|image| (*image, from(image) + after))
            .collect()
    };
    match *when {
        LifecycleCount::MoreThan(kept) => {
            let mut newest = selected.to_vec();
            newest.sort_by(|a, b| {
                b.pushed
                    .cmp(&a.pushed)
                    .then_with(|| a.digest.cmp(&b.digest))
            });
            let kept = usize::try_from(kept).unwrap_or(usize::MAX);
            newest.into_iter().skip(kept).map(|it| (it, now)).collect()
        }
        LifecycleCount::PushedDays(number) => days(&|image| image.pushed, number),
        LifecycleCount::PulledDays(number) => {
            days(&|image| image.pulled.unwrap_or(image.pushed), number)
        }
        LifecycleCount::ArchivedDays(number) => {
            days(&|image| image.archived.unwrap_or(image.pushed), number)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Tag;

    fn image(name: &str, day: i64, tags: &[&str]) -> StoredImage {
        StoredImage {
            digest: Digest::of(name.as_bytes()),
            tags: tags
                .iter()
                .map(|tag| Tag::new(*tag).expect("a tag"))
                .collect(),
            pushed: day * DAY,
            pulled: None,
            archived: None,
            children: Vec::new(),
            subject: None,
        }
    }

    fn rule(select: LifecycleSelection, when: LifecycleCount) -> LifecycleRule {
        LifecycleRule {
            select,
            when,
            archive: false,
        }
    }

    fn tagged(pattern: &str, when: LifecycleCount) -> LifecycleRule {
        rule(LifecycleSelection::Tagged(pattern.to_owned()), when)
    }

    /// Returns name, rule and day of every verdict.
    fn verdicts(
        rules: &[LifecycleRule],
        images: &[(&str, StoredImage)],
        day: i64,
    ) -> Vec<(String, usize, i64)> {
        let all: Vec<StoredImage> = images.iter().map(|(_, image)| image.clone()).collect();
        let found = evaluate(rules, &all, day * DAY);
        images
            .iter()
            .filter_map(|(name, image)| {
                let verdict = found.get(&image.digest)?;
                Some(((*name).to_owned(), verdict.rule, verdict.at / DAY))
            })
            .collect()
    }

    fn named<'a>(images: &[(&'a str, i64, &[&str])]) -> Vec<(&'a str, StoredImage)> {
        images
            .iter()
            .map(|(name, day, tags)| (*name, image(name, *day, tags)))
            .collect()
    }

    #[test]
    fn age_rules_say_the_day_on_which_they_act() {
        let images = named(&[("old", 0, &["v1"]), ("new", 20, &["v2"]), ("bare", 0, &[])]);
        let rules = [tagged("v*", LifecycleCount::PushedDays(30))];
        assert_eq!(
            verdicts(&rules, &images, 25),
            [("old".to_owned(), 0, 30), ("new".to_owned(), 0, 50)]
        );
    }

    #[test]
    fn first_rule_that_selects_an_image_protects_it_from_all_later_ones() {
        let images = named(&[
            ("released", 0, &["in-1", "v1"]),
            ("superseded", 0, &["in-2"]),
        ]);
        let rules = [
            tagged("v*", LifecycleCount::MoreThan(1000)),
            tagged("in-*", LifecycleCount::PushedDays(90)),
        ];
        assert_eq!(
            verdicts(&rules, &images, 100),
            [("superseded".to_owned(), 1, 90)]
        );
    }

    #[test]
    fn count_rules_act_now_on_all_but_the_newest() {
        let images = named(&[("a", 1, &["v1"]), ("b", 3, &["v3"]), ("c", 2, &["v2"])]);
        let rules = [tagged("v*", LifecycleCount::MoreThan(1))];
        assert_eq!(
            verdicts(&rules, &images, 9),
            [("a".to_owned(), 0, 9), ("c".to_owned(), 0, 9)]
        );
    }

    #[test]
    fn any_counts_children_and_referrers_and_acts_on_neither() {
        let mut index = image("index", 1, &["v1"]);
        index.children = vec![Digest::of(b"child")];
        let mut signature = image("signature", 5, &[]);
        signature.subject = Some(index.digest.clone());
        let images = vec![
            ("index", index),
            ("child", image("child", 4, &[])),
            ("signature", signature),
            ("newest", image("newest", 6, &["v2"])),
        ];
        let rules = [rule(LifecycleSelection::Any, LifecycleCount::MoreThan(2))];
        assert_eq!(
            verdicts(&rules, &images, 9),
            [("index".to_owned(), 0, 9)],
            "the newest two are an image and a signature"
        );
        let old = [rule(LifecycleSelection::Any, LifecycleCount::PushedDays(1))];
        assert_eq!(
            verdicts(&old, &images, 9),
            [("index".to_owned(), 0, 2), ("newest".to_owned(), 0, 7)]
        );
    }

    #[test]
    fn pulls_count_from_the_push_where_none_was_recorded() {
        let mut pulled = image("pulled", 0, &["v1"]);
        pulled.pulled = Some(50 * DAY);
        let images = vec![("pulled", pulled), ("idle", image("idle", 0, &["v2"]))];
        let rules = [tagged("v*", LifecycleCount::PulledDays(10))];
        assert_eq!(
            verdicts(&rules, &images, 20),
            [("pulled".to_owned(), 0, 60), ("idle".to_owned(), 0, 10)]
        );
    }

    #[test]
    fn archived_images_are_left_to_rules_that_count_from_the_transition() {
        let mut archived = image("archived", 0, &["v1"]);
        archived.archived = Some(10 * DAY);
        let images = vec![("archived", archived)];
        let rules = [tagged("v*", LifecycleCount::PushedDays(1))];
        assert_eq!(verdicts(&rules, &images, 20), []);
        let rules = [tagged("v*", LifecycleCount::ArchivedDays(100))];
        assert_eq!(
            verdicts(&rules, &images, 20),
            [("archived".to_owned(), 0, 110)]
        );
    }
}
