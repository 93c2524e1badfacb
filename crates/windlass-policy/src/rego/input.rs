//! The input of policies in Rego (`docs/policies.md`, "Rules in Rego"). What is not known is null, never absent or empty.

mod conftest;
mod image;

use std::ops::Range;

use serde_json::{Map, Value, json};

pub(super) use self::image::command;
use crate::evaluate::Found;
use crate::subject::{Fact, ImageSubject, RepositorySubject, TagFacts};

/// What all inputs are made from.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The selected environment.
    pub environment: Option<&'a str>,
    /// The day, `YYYY-MM-DD`.
    pub today: &'a str,
    /// The repositories in scope: an image is shown with the settings of those that hold it.
    pub repositories: &'a [RepositorySubject],
    /// The document of the plan, where there is one.
    pub plan: Option<&'a Value>,
}

impl Facts<'_> {
    fn document(self) -> Map<String, Value> {
        let mut map = Map::new();
        map.insert("format_version".to_owned(), json!("1.0"));
        map.insert("environment".to_owned(), json!(self.environment));
        map.insert("today".to_owned(), json!(self.today));
        map
    }

    /// Returns what the plan says of an image or a repository; null where there is no plan.
    fn planned(self, list: &str, address: Option<&str>) -> Value {
        let all = self.plan.and_then(|plan| plan[list].as_array());
        let found = all.into_iter().flatten();
        let mut found = found.filter(|it| it["address"].as_str() == address);
        found.next().cloned().unwrap_or_default()
    }
}

/// Returns the input about an image, and its Dockerfile in conftest's shape.
pub fn image_input(subject: &ImageSubject, found: &[&Found], facts: Facts<'_>) -> (Value, Value) {
    let dockerfile = conftest::dockerfile(subject);
    let mut map = facts.document();
    map.insert("image".to_owned(), image::value(subject, facts));
    map.insert("dockerfile".to_owned(), dockerfile.clone());
    let findings = found.iter().map(|it| finding(subject, it)).collect();
    map.insert("findings".to_owned(), Value::Array(findings));
    let planned = facts.planned("images", subject.address.as_deref());
    map.insert("planned".to_owned(), planned);
    (Value::Object(map), dockerfile)
}

fn finding(subject: &ImageSubject, found: &Found) -> Value {
    let finding = &found.finding;
    let place = found
        .place
        .as_ref()
        .filter(|it| it.source.name == subject.dockerfile.source.name);
    json!({
        "rule": finding.rule,
        "level": finding.level.as_str(),
        "line": finding.line,
        "message": finding.message,
        "waived": finding.waived_by.is_some(),
        "loc": place.map(|it| loc(subject, &it.span)),
    })
}

/// Returns the input about a repository.
pub fn repository_input(subject: &RepositorySubject, facts: Facts<'_>) -> Value {
    let mut map = facts.document();
    map.insert("repository".to_owned(), repository(subject));
    let planned = facts.planned("repositories", Some(&subject.address));
    map.insert("planned".to_owned(), planned);
    Value::Object(map)
}

/// Returns the input about a plan as a whole: its document, and what is known of all images and repositories. Files of contexts are
/// shown to the packages that are asked about one image only.
pub fn plan_input(plan: &Value, images: &[ImageSubject], facts: Facts<'_>) -> Value {
    let mut map = facts.document();
    map.insert("plan".to_owned(), plan.clone());
    let images = images.iter().map(|it| {
        let mut value = image::value(it, facts);
        value["context"] = Value::Null;
        value
    });
    map.insert("images".to_owned(), images.collect());
    let repositories = facts.repositories.iter().map(repository);
    map.insert("repositories".to_owned(), repositories.collect());
    Value::Object(map)
}

fn repository(subject: &RepositorySubject) -> Value {
    let mut value = settings(subject);
    let tags = subject.wanted_tags.iter();
    let tags = tags.map(|(image, it)| json!({ "image": image, "tag": tag(it) }));
    value["wanted_tags"] = tags.collect();
    value
}

/// A repository without what is wanted in it.
fn settings(subject: &RepositorySubject) -> Value {
    fn known<T: serde::Serialize>(fact: &Fact<T>) -> Value {
        fact.known().map_or(Value::Null, |it| json!(it))
    }
    json!({
        "address": subject.address,
        "name": subject.key.repository.as_str(),
        "registry": subject.registry.name.as_str(),
        "account": subject.registry.account,
        "region": subject.registry.region,
        "tag_mutability": known(&subject.tags),
        "scan_on_push": known(&subject.scan_on_push),
        "encryption": known(&subject.encryption),
        "lifecycle": known(&subject.lifecycle),
        "access": subject.access.known().map(windlass_core::manifest::model::AccessPolicy::statements),
        "resource_tags": subject.resource_tags,
        "action": subject.action.map(windlass_core::plan::RepositoryAction::as_str),
    })
}

fn tag(it: &TagFacts) -> Value {
    json!({
        "tag": it.tag,
        "action": it.action.map(windlass_core::plan::TagAction::as_str),
        "from_digest": it.from_digest.as_ref().map(ToString::to_string),
    })
}

fn loc(subject: &ImageSubject, span: &Range<usize>) -> Value {
    let source = &subject.dockerfile.source;
    let (line, column) = source.position(span.start);
    let (end_line, end_column) = source.position(span.end);
    json!({ "start": span.start, "end": span.end, "line": line, "column": column, "end_line": end_line, "end_column": end_column })
}
