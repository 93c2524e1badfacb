//! What a lifecycle policy does to a repository at one moment.

use std::collections::BTreeSet;

use crate::clock::Timestamp;
use crate::lifecycle::policy::{Action, CountType, Policy, Rule, StorageClass, TagSelection};
use crate::model::{Image, ImageStatus, Repository};

/// What happens to one image, and by which rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decision {
    /// Image.
    pub(crate) digest: String,
    /// Priority of the rule.
    pub(crate) priority: i64,
    /// What the rule does.
    pub(crate) action: Action,
}

/// Returns what the rules do to the images of a repository at `now`, in order of priority, then of digest.
///
/// An image belongs to the first rule whose selection it matches, whether or not that rule acts on it; later rules
/// still count it. Images that an index names, and referrers of an image that is there, are left alone:
/// they go with, or after, what holds them.
pub(crate) fn evaluate(policy: &Policy, repository: &Repository, now: Timestamp) -> Vec<Decision> {
    let held = held_images(repository);
    let mut claimed = BTreeSet::new();
    let mut decisions = Vec::new();
    for rule in &policy.rules {
        let selected = repository
            .images
            .iter()
            .filter(|(digest, image)| !held.contains(*digest) && selects(rule, image));
        let selected: Vec<(&String, &Image)> = selected.collect();
        for digest in due(rule, selected.clone(), now) {
            if !claimed.contains(digest) {
                let action = rule.action;
                decisions.push(Decision {
                    digest: digest.clone(),
                    priority: rule.priority,
                    action,
                });
            }
        }
        claimed.extend(selected.into_iter().map(|(digest, _)| digest));
    }
    decisions
}

/// Returns the digests of images that an index or a subject holds.
fn held_images(repository: &Repository) -> BTreeSet<&String> {
    let children = repository
        .images
        .values()
        .flat_map(|image| &image.manifest.children)
        .map(|child| &child.digest);
    let has_subject = |image: &Image| {
        image
            .manifest
            .subject
            .as_ref()
            .is_some_and(|subject| repository.images.contains_key(subject))
    };
    let referrers = repository
        .images
        .iter()
        .filter(|(_, image)| has_subject(image))
        .map(|(digest, _)| digest);
    children.chain(referrers).collect()
}

fn selects(rule: &Rule, image: &Image) -> bool {
    let class = match image.status {
        ImageStatus::Active => StorageClass::Standard,
        ImageStatus::Archived => StorageClass::Archive,
    };
    let matches_one = |pattern: &String| {
        image
            .tags
            .iter()
            .any(|tag| crate::model::wildcard_matches(pattern, tag))
    };
    let tags = match &rule.tags {
        TagSelection::Any => true,
        TagSelection::Untagged => image.tags.is_empty(),
        TagSelection::Patterns(patterns) => patterns.iter().all(matches_one),
    };
    class == rule.storage_class && tags
}

/// Returns the images of a selection on which the rule is due.
fn due<'a>(
    rule: &Rule,
    mut selected: Vec<(&'a String, &'a Image)>,
    now: Timestamp,
) -> Vec<&'a String> {
    if rule.count == CountType::ImageCountMoreThan {
        selected.sort_by_key(|(digest, image)| (std::cmp::Reverse(image.pushed), *digest));
        let kept = usize::try_from(rule.number).unwrap_or(usize::MAX);
        let mut beyond: Vec<&String> = selected
            .into_iter()
            .skip(kept)
            .map(|(digest, _)| digest)
            .collect();
        beyond.sort();
        return beyond;
    }
    let is_old = |image: &Image| now.days_since(counted_from(rule.count, image)) >= rule.number;
    selected
        .into_iter()
        .filter(|(_, image)| is_old(image))
        .map(|(digest, _)| digest)
        .collect()
}

fn counted_from(count: CountType, image: &Image) -> Timestamp {
    match count {
        CountType::SinceImagePushed | CountType::ImageCountMoreThan => image.pushed,
        CountType::SinceImagePulled => image.pulled.unwrap_or(image.pushed),
        CountType::SinceImageTransitioned => image.archived.unwrap_or(image.pushed),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::model::{Event, Registry, media};

    const DAY: i64 = 86_400_000;

    fn digest(name: char) -> String {
        format!("sha256:{}", name.to_string().repeat(64))
    }

    fn descriptor(name: char) -> Value {
        json!({ "mediaType": "m", "digest": digest(name), "size": 1 })
    }

    fn image(name: char, day: i64, text: &Value) -> Event {
        Event::Image {
            repository: "app".into(),
            digest: digest(name),
            media_type: String::new(),
            text: text.to_string(),
            pushed: Timestamp(day * DAY),
        }
    }

    fn plain(name: char, day: i64) -> Event {
        let text = json!({
            "schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "config": descriptor('0'), "layers": []
        });
        image(name, day, &text)
    }

    fn tag(name: char, tag: &str) -> Event {
        Event::Tag {
            repository: "app".into(),
            tag: tag.into(),
            digest: digest(name),
        }
    }

    fn decided(events: Vec<Event>, rules: &Value, day: i64) -> Vec<(char, i64)> {
        let settings = serde_json::from_value(json!({
            "created": 0, "mutability": "MUTABLE", "scan_on_push": false, "encryption": "AES256"
        }));
        let mut registry = Registry::default();
        registry.apply(Event::Repository {
            repository: "app".into(),
            settings: settings.unwrap(),
        });
        for event in events {
            registry.apply(event);
        }
        let policy = Policy::parse(&json!({ "rules": rules }).to_string()).unwrap();
        let decisions = evaluate(&policy, &registry.repositories["app"], Timestamp(day * DAY));
        decisions
            .iter()
            .map(|decision| (decision.digest.chars().last().unwrap(), decision.priority))
            .collect()
    }

    fn rule(priority: i64, selection: Value) -> Value {
        let mut selection = selection;
        if selection["countType"] != "imageCountMoreThan" {
            selection["countUnit"] = json!("days");
        }
        json!({ "rulePriority": priority, "selection": selection, "action": { "type": "expire" } })
    }

    fn tagged(patterns: &[&str], count: &str, number: i64) -> Value {
        json!({ "tagStatus": "tagged", "tagPatternList": patterns, "countType": count, "countNumber": number })
    }

    #[test]
    fn expires_untagged_images_by_age() {
        let rules = json!([rule(
            1,
            json!({ "tagStatus": "untagged", "countType": "sinceImagePushed", "countNumber": 7 })
        )]);
        let events = vec![plain('a', 0), plain('b', 4), plain('c', 0), tag('c', "1")];
        assert_eq!(decided(events, &rules, 10), [('a', 1)]);
    }

    #[test]
    fn keeps_the_newest_so_many() {
        let rules = json!([rule(1, tagged(&["v*"], "imageCountMoreThan", 1))]);
        let events = vec![
            plain('a', 0),
            tag('a', "v1"),
            plain('b', 2),
            tag('b', "v2"),
            plain('c', 1),
            tag('c', "v3"),
        ];
        assert_eq!(decided(events, &rules, 10), [('a', 1), ('c', 1)]);
    }

    #[test]
    fn a_rule_with_two_patterns_needs_a_tag_for_each() {
        let rules = json!([rule(1, tagged(&["in-*", "dev-*"], "sinceImagePushed", 1))]);
        let events = vec![
            plain('a', 0),
            tag('a', "in-1"),
            plain('b', 0),
            tag('b', "in-2"),
            tag('b', "dev-1"),
        ];
        assert_eq!(decided(events, &rules, 10), [('b', 1)]);
    }

    #[test]
    fn a_matching_rule_of_lower_number_protects_although_it_expires_nothing() {
        let rules = json!([
            rule(1, tagged(&["v*"], "imageCountMoreThan", 1000)),
            rule(2, tagged(&["in-*"], "sinceImagePushed", 1)),
        ]);
        let events = vec![
            plain('a', 0),
            tag('a', "in-1"),
            tag('a', "v1"),
            plain('b', 0),
            tag('b', "in-2"),
        ];
        assert_eq!(decided(events, &rules, 10), [('b', 2)]);
    }

    #[test]
    fn children_and_referrers_are_left_to_what_holds_them() {
        let rules = json!([rule(
            1,
            json!({ "tagStatus": "untagged", "countType": "sinceImagePushed", "countNumber": 1 })
        )]);
        let index = json!({ "schemaVersion": 2, "mediaType": media::OCI_INDEX, "manifests": [descriptor('a')] });
        let referrer = json!({
            "schemaVersion": 2, "mediaType": media::OCI_MANIFEST, "config": descriptor('0'), "layers": [],
            "subject": descriptor('b'),
        });
        let events = vec![
            plain('a', 0),
            image('b', 0, &index),
            tag('b', "1"),
            image('c', 0, &referrer),
            plain('d', 0),
        ];
        assert_eq!(decided(events, &rules, 10), [('d', 1)]);
    }
}
