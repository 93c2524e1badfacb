//! Lifecycle policies: typed rules to canonical JSON and back (Amazon ECR user guide, "Lifecycle policy properties").

use serde::{Deserialize, Serialize};
use windlass_core::manifest::model::{LifecycleCount, LifecycleRule, LifecycleSelection};
use windlass_core::observed::ObservedLifecycle;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy {
    rules: Vec<Rule>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    #[serde(rename = "rulePriority")]
    priority: u64,
    /// For people; it selects nothing, so it makes no difference.
    #[serde(default, skip_serializing)]
    #[expect(dead_code, reason = "named so that it is no unknown member")]
    description: Option<serde::de::IgnoredAny>,
    selection: Selection,
    action: Action,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selection {
    tag_status: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tag_pattern_list: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tag_prefix_list: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    storage_class: Option<String>,
    count_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count_unit: Option<String>,
    count_number: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Action {
    r#type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    target_storage_class: Option<String>,
}

/// Returns the policy text of `rules`: priorities from 1 in their order, no spaces, members in the order of the user guide.
pub(crate) fn render(rules: &[LifecycleRule]) -> String {
    let rules = rules.iter().zip(1..).map(render_rule).collect();
    serde_json::to_string(&Policy { rules }).expect("texts and numbers are JSON")
}

fn render_rule((rule, priority): (&LifecycleRule, u64)) -> Rule {
    let (tag_status, tag_pattern_list) = match &rule.select {
        LifecycleSelection::Tagged(glob) => ("tagged", vec![glob.clone()]),
        LifecycleSelection::Untagged => ("untagged", vec![]),
        LifecycleSelection::Any => ("any", vec![]),
    };
    let (count_type, count_number) = match rule.when {
        LifecycleCount::MoreThan(count) => ("imageCountMoreThan", count),
        LifecycleCount::PushedDays(days) => ("sinceImagePushed", days),
        LifecycleCount::PulledDays(days) => ("sinceImagePulled", days),
        LifecycleCount::ArchivedDays(days) => ("sinceImageTransitioned", days),
    };
    let archived = matches!(rule.when, LifecycleCount::ArchivedDays(_));
    let days = !matches!(rule.when, LifecycleCount::MoreThan(_));
    Rule {
        priority,
        description: None,
        selection: Selection {
            tag_status: tag_status.to_owned(),
            tag_pattern_list,
            tag_prefix_list: vec![],
            // The count since the transition is only defined for archived images.
            storage_class: archived.then(|| "archive".to_owned()),
            count_type: count_type.to_owned(),
            count_unit: days.then(|| "days".to_owned()),
            count_number,
        },
        action: Action {
            r#type: if rule.archive { "transition" } else { "expire" }.to_owned(),
            target_storage_class: rule.archive.then(|| "archive".to_owned()),
        },
    }
}

/// Reads a policy text. What the language cannot say is [`ObservedLifecycle::Foreign`] with the text in canonical form.
pub(crate) fn parse(text: &str) -> ObservedLifecycle {
    parse_rules(text).map_or_else(
        || ObservedLifecycle::Foreign(canonical(text)),
        ObservedLifecycle::Rules,
    )
}

fn parse_rules(text: &str) -> Option<Vec<LifecycleRule>> {
    let mut policy: Policy = serde_json::from_str(text).ok()?;
    policy.rules.sort_by_key(|rule| rule.priority);
    policy.rules.into_iter().map(parse_rule).collect()
}

fn parse_rule(rule: Rule) -> Option<LifecycleRule> {
    let Selection {
        tag_status,
        tag_pattern_list,
        tag_prefix_list,
        storage_class,
        count_type,
        count_unit,
        count_number,
    } = rule.selection;
    let select = match (tag_status.as_str(), &*tag_pattern_list, &*tag_prefix_list) {
        ("tagged", [pattern], []) => LifecycleSelection::Tagged(pattern.clone()),
        // A prefix says the same as a pattern that ends in a star.
        ("tagged", [], [prefix]) if !prefix.contains('*') => {
            LifecycleSelection::Tagged(format!("{prefix}*"))
        }
        ("untagged", [], []) => LifecycleSelection::Untagged,
        ("any", [], []) => LifecycleSelection::Any,
        _ => return None,
    };
    let when = match (count_type.as_str(), count_unit.as_deref()) {
        ("imageCountMoreThan", None) => LifecycleCount::MoreThan(count_number),
        ("sinceImagePushed", Some("days")) => LifecycleCount::PushedDays(count_number),
        ("sinceImagePulled", Some("days")) => LifecycleCount::PulledDays(count_number),
        ("sinceImageTransitioned", Some("days")) => LifecycleCount::ArchivedDays(count_number),
        _ => return None,
    };
    let expected_class = match when {
        LifecycleCount::ArchivedDays(_) => "archive",
        _ => "standard",
    };
    if storage_class.is_some_and(|class| class != expected_class) {
        return None;
    }
    let archive = match (
        rule.action.r#type.as_str(),
        rule.action.target_storage_class.as_deref(),
    ) {
        ("expire", None) => false,
        ("transition", Some("archive")) => true,
        _ => return None,
    };
    Some(LifecycleRule {
        select,
        when,
        archive,
    })
}

/// Writes a JSON text without spaces and with sorted members; other text stays as it is.
fn canonical(text: &str) -> String {
    serde_json::from_str::<serde_json::Value>(text)
        .map_or_else(|_| text.to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Vec<LifecycleRule> {
        vec![
            LifecycleRule {
                select: LifecycleSelection::Tagged("v*".to_owned()),
                when: LifecycleCount::MoreThan(100),
                archive: false,
            },
            LifecycleRule {
                select: LifecycleSelection::Untagged,
                when: LifecycleCount::PushedDays(14),
                archive: false,
            },
            LifecycleRule {
                select: LifecycleSelection::Any,
                when: LifecycleCount::PulledDays(90),
                archive: true,
            },
            LifecycleRule {
                select: LifecycleSelection::Any,
                when: LifecycleCount::ArchivedDays(365),
                archive: false,
            },
        ]
    }

    #[test]
    fn rules_read_back_as_they_were_written() {
        assert_eq!(parse(&render(&rules())), ObservedLifecycle::Rules(rules()));
    }

    #[test]
    fn the_text_is_the_one_of_the_user_guide() {
        assert_eq!(
            render(&rules()[..2]),
            concat!(
                r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPatternList":["v*"],"countType":"imageCountMoreThan","countNumber":100},"action":{"type":"expire"}},"#,
                r#"{"rulePriority":2,"selection":{"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":14},"action":{"type":"expire"}}]}"#
            )
        );
    }

    #[test]
    fn order_priorities_descriptions_and_prefixes_make_no_difference() {
        let text = r#"{"rules": [
            {"rulePriority": 20, "selection": {"tagStatus": "untagged", "storageClass": "standard", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}, "action": {"type": "expire"}},
            {"rulePriority": 10, "description": "keep", "selection": {"tagStatus": "tagged", "tagPrefixList": ["v"], "countType": "imageCountMoreThan", "countNumber": 100}, "action": {"type": "expire"}}
        ]}"#;
        assert_eq!(parse(text), ObservedLifecycle::Rules(rules()[..2].to_vec()));
    }

    #[test]
    fn what_the_language_cannot_say_is_kept_whole() {
        let two_patterns = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"tagged","tagPatternList":["a*","b*"],"countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}"#;
        let new_member = r#"{"rules":[{"rulePriority":1,"selection":{"tagStatus":"any","newThing":true,"countType":"imageCountMoreThan","countNumber":1},"action":{"type":"expire"}}]}"#;
        for text in [two_patterns, new_member] {
            let ObservedLifecycle::Foreign(kept) = parse(text) else {
                panic!("{text} must not read as rules");
            };
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&kept).unwrap(),
                value
            );
        }
        assert_eq!(
            parse("not JSON"),
            ObservedLifecycle::Foreign("not JSON".to_owned())
        );
    }
}
