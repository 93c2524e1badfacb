//! The text of a lifecycle policy, checked by the documented rules
//! (user guide, "Lifecycle policy properties in Amazon ECR").

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::errors::ApiError;

/// A checked policy, rules in order of priority.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    /// Rules.
    pub(crate) rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Priority, lower first.
    pub(crate) priority: i64,
    /// Which images by tag.
    pub(crate) tags: TagSelection,
    /// Which images by storage class.
    pub(crate) storage_class: StorageClass,
    /// What is counted.
    pub(crate) count: CountType,
    /// How many images, or days.
    pub(crate) number: i64,
    /// What happens.
    pub(crate) action: Action,
}

/// Selection by tags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TagSelection {
    /// Every image.
    Any,
    /// Images without a tag.
    Untagged,
    /// Images that have, for every pattern, a tag that matches it.
    Patterns(Vec<String>),
}

/// Storage class.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StorageClass {
    /// Standard storage.
    Standard,
    /// The archive.
    Archive,
}

/// What a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CountType {
    /// Images.
    ImageCountMoreThan,
    /// Days since the push.
    SinceImagePushed,
    /// Days since the last pull.
    SinceImagePulled,
    /// Days since the archiving.
    SinceImageTransitioned,
}

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Deletes the image.
    Expire,
    /// Archives the image.
    Archive,
}

type Checked<T> = Result<T, String>;

impl Policy {
    /// Reads and checks a policy text.
    pub(crate) fn parse(text: &str) -> Result<Self, ApiError> {
        Self::checked(text).map_err(|problem| {
            ApiError::parameter(
                "LifecyclePolicyText",
                &format!("Lifecycle policy validation failure: {problem}"),
            )
        })
    }

    fn checked(text: &str) -> Checked<Self> {
        let value: Value =
            serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))?;
        let policy = object(&value, "the policy")?;
        only_members(policy, &["rules"], "the policy")?;
        let rules = policy
            .get("rules")
            .and_then(Value::as_array)
            .ok_or("object has missing required properties ([\"rules\"])")?;
        if rules.is_empty() || rules.len() > 50 {
            return Err(format!(
                "array must have 1 to 50 rules, not {}",
                rules.len()
            ));
        }
        let mut rules = rules.iter().map(rule).collect::<Checked<Vec<Rule>>>()?;
        check_together(&rules)?;
        rules.sort_by_key(|rule| rule.priority);
        Ok(Self { rules })
    }
}

/// Checks what holds between rules.
fn check_together(rules: &[Rule]) -> Checked<()> {
    let mut priorities = BTreeSet::new();
    let mut untagged = BTreeSet::new();
    let mut any = BTreeSet::new();
    let highest = rules.iter().map(|rule| rule.priority).max().unwrap_or(0);
    for rule in rules {
        if !priorities.insert(rule.priority) {
            return Err(format!(
                "rule priority {} is used more than once",
                rule.priority
            ));
        }
        match rule.tags {
            TagSelection::Untagged if !untagged.insert(rule.storage_class) => {
                return Err(
                    "there may be only one rule with tagStatus untagged in a storage class"
                        .to_owned(),
                );
            }
            TagSelection::Any if !any.insert(rule.storage_class) => {
                return Err(
                    "there may be only one rule with tagStatus any in a storage class".to_owned(),
                );
            }
            _ => {}
        }
    }
    let ends_with_any =
        |rule: &&Rule| rule.tags == TagSelection::Any && any.len() == 1 && rule.priority != highest;
    match rules.iter().find(ends_with_any) {
        Some(rule) => Err(format!(
            "rule {} has tagStatus any and must have the highest rulePriority",
            rule.priority
        )),
        None => Ok(()),
    }
}

fn rule(value: &Value) -> Checked<Rule> {
    let rule = object(value, "a rule")?;
    only_members(
        rule,
        &["rulePriority", "description", "selection", "action"],
        "a rule",
    )?;
    let priority = positive(rule, "rulePriority")?;
    if let Some(description) = rule.get("description") {
        let text = description.as_str().ok_or("description must be a string")?;
        if text.chars().count() > 256 {
            return Err("description is longer than 256 characters".to_owned());
        }
    }
    let selection = object(rule.get("selection").unwrap_or(&Value::Null), "selection")?;
    let known = [
        "tagStatus",
        "tagPatternList",
        "tagPrefixList",
        "storageClass",
        "countType",
        "countUnit",
        "countNumber",
    ];
    only_members(selection, &known, "selection")?;
    let count = count_type(selection)?;
    let storage_class = storage_class(selection, count)?;
    let action = action(rule.get("action").unwrap_or(&Value::Null))?;
    if storage_class == StorageClass::Archive && action == Action::Archive {
        return Err("an archived image cannot be transitioned to the archive".to_owned());
    }
    let number = positive(selection, "countNumber")?;
    Ok(Rule {
        priority,
        tags: tag_selection(selection)?,
        storage_class,
        count,
        number,
        action,
    })
}

fn tag_selection(selection: &Map<String, Value>) -> Checked<TagSelection> {
    let patterns = texts(selection, "tagPatternList")?;
    let prefixes = texts(selection, "tagPrefixList")?;
    let status = selection.get("tagStatus").and_then(Value::as_str);
    match (status, patterns, prefixes) {
        (Some("any"), None, None) => Ok(TagSelection::Any),
        (Some("untagged"), None, None) => Ok(TagSelection::Untagged),
        (Some("any" | "untagged"), _, _) => {
            Err("tagPatternList and tagPrefixList belong only to tagStatus tagged".to_owned())
        }
        (Some("tagged"), Some(_), Some(_)) => {
            Err("a rule takes tagPatternList or tagPrefixList, not both".to_owned())
        }
        (Some("tagged"), Some(patterns), None) => {
            match patterns
                .iter()
                .find(|pattern| pattern.matches('*').count() > 4)
            {
                Some(pattern) => Err(format!(
                    "tag pattern {pattern} has more than four wildcards"
                )),
                None => Ok(TagSelection::Patterns(patterns)),
            }
        }
        (Some("tagged"), None, Some(prefixes)) => Ok(TagSelection::Patterns(
            prefixes.iter().map(|prefix| format!("{prefix}*")).collect(),
        )),
        (Some("tagged"), None, None) => {
            Err("tagStatus tagged needs tagPatternList or tagPrefixList".to_owned())
        }
        _ => Err("tagStatus must be tagged, untagged or any".to_owned()),
    }
}

fn count_type(selection: &Map<String, Value>) -> Checked<CountType> {
    let count = match selection.get("countType").and_then(Value::as_str) {
        Some("imageCountMoreThan") => CountType::ImageCountMoreThan,
        Some("sinceImagePushed") => CountType::SinceImagePushed,
        Some("sinceImagePulled") => CountType::SinceImagePulled,
        Some("sinceImageTransitioned") => CountType::SinceImageTransitioned,
        _ => return Err("countType is missing or not known".to_owned()),
    };
    match (count, selection.get("countUnit").map(|unit| unit.as_str())) {
        (CountType::ImageCountMoreThan, Some(_)) => {
            Err("imageCountMoreThan takes no countUnit".to_owned())
        }
        (CountType::ImageCountMoreThan, None) | (_, Some(Some("days"))) => Ok(count),
        (_, _) => Err("countUnit must be days".to_owned()),
    }
}

fn storage_class(selection: &Map<String, Value>, count: CountType) -> Checked<StorageClass> {
    let class = match selection.get("storageClass").map(Value::as_str) {
        None => None,
        Some(Some("standard")) => Some(StorageClass::Standard),
        Some(Some("archive")) => Some(StorageClass::Archive),
        Some(_) => return Err("storageClass must be standard or archive".to_owned()),
    };
    match (count, class) {
        (CountType::SinceImageTransitioned, Some(StorageClass::Archive)) => {
            Ok(StorageClass::Archive)
        }
        (CountType::SinceImageTransitioned, _) => {
            Err("sinceImageTransitioned needs storageClass archive".to_owned())
        }
        (_, Some(StorageClass::Archive)) => {
            Err("storageClass archive belongs only to sinceImageTransitioned".to_owned())
        }
        _ => Ok(StorageClass::Standard),
    }
}

fn action(value: &Value) -> Checked<Action> {
    let action = object(value, "action")?;
    only_members(action, &["type", "targetStorageClass"], "action")?;
    let target = action.get("targetStorageClass").map(Value::as_str);
    match (action.get("type").and_then(Value::as_str), target) {
        (Some("expire"), None) => Ok(Action::Expire),
        (Some("transition"), Some(Some("archive"))) => Ok(Action::Archive),
        (Some("expire"), Some(_)) => {
            Err("instance failed to match exactly one schema (matched 0 out of 2)".to_owned())
        }
        (Some("transition"), _) => {
            Err("action transition needs targetStorageClass archive".to_owned())
        }
        _ => Err("action type must be expire or transition".to_owned()),
    }
}

fn object<'a>(value: &'a Value, what: &str) -> Checked<&'a Map<String, Value>> {
    value
        .as_object()
        .ok_or_else(|| format!("{what} must be an object"))
}

fn only_members(object: &Map<String, Value>, known: &[&str], what: &str) -> Checked<()> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!(
            "{what} has properties which are not allowed by the schema: [\"{key}\"]"
        )),
        None => Ok(()),
    }
}

fn positive(object: &Map<String, Value>, member: &str) -> Checked<i64> {
    let number = object
        .get(member)
        .and_then(Value::as_i64)
        .filter(|number| (1..=i64::from(i32::MAX)).contains(number));
    number.ok_or_else(|| format!("{member} must be a whole number of at least 1"))
}

/// Reads a list of texts; `None` if the member is absent. An empty list is refused.
fn texts(object: &Map<String, Value>, member: &str) -> Checked<Option<Vec<String>>> {
    let Some(value) = object.get(member) else {
        return Ok(None);
    };
    let list = value.as_array().filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| format!("{member} must be a list with at least one entry"))?;
    let texts: Option<Vec<String>> = list
        .iter()
        .map(|entry| entry.as_str().map(str::to_owned))
        .collect();
    let texts = texts.filter(|texts| texts.iter().all(|text| !text.is_empty()));
    texts
        .map(Some)
        .ok_or_else(|| format!("{member} must hold strings that are not empty"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with(selection: &Value, action: &Value) -> Value {
        json!({ "rulePriority": 1, "selection": selection, "action": action })
    }

    fn untagged() -> Value {
        json!({ "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14 })
    }

    fn problem(rules: &[Value]) -> String {
        Policy::parse(&json!({ "rules": rules }).to_string())
            .unwrap_err()
            .message
    }

    fn expire() -> Value {
        json!({ "type": "expire" })
    }

    #[test]
    fn reads_rules_in_order_of_priority() {
        let mut tagged = json!({ "tagStatus": "tagged", "tagPrefixList": ["v"], "countType": "imageCountMoreThan" });
        tagged["countNumber"] = json!(5);
        let mut second = with(&tagged, &expire());
        second["rulePriority"] = json!(2);
        let text = json!({ "rules": [second, with(&untagged(), &expire())] }).to_string();
        let policy = Policy::parse(&text).unwrap();
        assert_eq!(
            policy
                .rules
                .iter()
                .map(|rule| rule.priority)
                .collect::<Vec<_>>(),
            [1, 2]
        );
        assert_eq!(
            policy.rules[1].tags,
            TagSelection::Patterns(vec!["v*".to_owned()])
        );
    }

    #[test]
    fn refuses_rules_that_contradict_each_other() {
        let first = with(&untagged(), &expire());
        assert!(
            problem(&[first.clone(), first.clone()]).contains("priority 1 is used more than once")
        );
        let mut second = first.clone();
        second["rulePriority"] = json!(2);
        assert!(
            problem(&[first, second.clone()]).contains("only one rule with tagStatus untagged")
        );
        let any =
            json!({ "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1 });
        assert!(
            problem(&[with(&any, &expire()), second])
                .contains("must have the highest rulePriority")
        );
    }

    #[test]
    fn refuses_each_broken_member() {
        let changed = |member: &str, value: Value| {
            let mut selection = untagged();
            selection[member] = value;
            problem(&[with(&selection, &expire())])
        };
        assert!(
            changed("countNumber", json!(0))
                .contains("countNumber must be a whole number of at least 1")
        );
        assert!(changed("countUnit", json!("hours")).contains("countUnit must be days"));
        assert!(changed("tagStatus", json!("sometimes")).contains("tagStatus must be"));
        assert!(changed("tagPrefixList", json!(["v"])).contains("belong only to tagStatus tagged"));
        assert!(
            changed("storageClass", json!("archive"))
                .contains("belongs only to sinceImageTransitioned")
        );
        assert!(changed("color", json!("red")).contains("not allowed by the schema: [\"color\"]"));
        let null_target = json!({ "type": "expire", "targetStorageClass": null });
        assert!(problem(&[with(&untagged(), &null_target)]).contains("matched 0 out of 2"));
        let many = json!({
            "tagStatus": "tagged", "tagPatternList": ["a*b*c*d*e*f"], "countType": "imageCountMoreThan", "countNumber": 1
        });
        assert!(problem(&[with(&many, &expire())]).contains("more than four wildcards"));
        assert!(problem(&[]).contains("1 to 50 rules"));
    }
}
