//! Waivers: who lets which finding pass, until when, and why.

use std::ops::Range;

use windlass_core::diag::{Location, Sourced};
use windlass_core::manifest::model;
use windlass_core::name::Day;
use windlass_core::plan::WaiverRecord;

use crate::force::InForce;
use crate::pack::{Place, Scope};
use crate::pragma::{Pragma, Tool};
use crate::rules::find_alias;

/// How many days before its end a waiver is spoken of.
pub const SOON: i64 = 14;

/// A waiver of the manifest or of a comment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The rule.
    pub rule: String,
    /// Where it holds.
    pub scope: Scope,
    /// Where it holds in a Dockerfile, for a comment.
    pub bytes: Option<(String, Option<Range<usize>>)>,
    /// Why.
    pub reason: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The last day it holds; none for comments of other tools.
    pub expires: Option<Day>,
    /// Whom it speaks to.
    pub tool: Tool,
    /// Where it stands, as people read it: `windlass.kdl:12:1`.
    pub origin: String,
    /// Where it stands.
    pub place: Option<Location>,
}

/// Why a waiver does not let a finding pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Its last day is over.
    Expired(Day),
    /// It ends later than the pack allows: so many days ahead.
    TooLong(u32),
    /// The pack `name` does not let the rule be waived.
    NotWaivable(String),
}

impl Waiver {
    /// Takes a waiver of the manifest.
    pub fn of_manifest(node: &model::Waiver) -> Self {
        let text = |it: &Option<Sourced<String>>| it.as_ref().map(|it| it.value.clone());
        Self {
            rule: node.rule.value.clone(),
            scope: Scope {
                image: text(&node.image),
                repository: text(&node.repository),
                environment: text(&node.environment),
                path: text(&node.path),
                stage: text(&node.stage),
            },
            bytes: None,
            reason: Some(node.reason.value.clone()),
            owner: Some(node.owner.value.clone()),
            expires: Some(node.expires.value),
            tool: Tool::Windlass,
            origin: node.location.to_string(),
            place: Some(node.location.clone()),
        }
    }

    /// Takes a waiver that a saved plan holds; `None` where its day cannot be read, so that it waives nothing.
    pub fn of_record(record: &WaiverRecord) -> Option<Self> {
        Some(Self {
            rule: record.rule.clone(),
            scope: Scope {
                image: record.image.clone(),
                repository: record.repository.clone(),
                environment: record.environment.clone(),
                path: record.path.clone(),
                stage: record.stage.clone(),
            },
            bytes: None,
            reason: Some(record.reason.clone()),
            owner: Some(record.owner.clone()),
            expires: Some(Day::parse(&record.expires).ok()?),
            tool: Tool::Windlass,
            origin: record.origin.clone(),
            place: None,
        })
    }

    /// Returns what a saved plan holds of a waiver of the manifest.
    pub fn record(&self) -> WaiverRecord {
        WaiverRecord {
            rule: self.rule.clone(),
            image: self.scope.image.clone(),
            repository: self.scope.repository.clone(),
            environment: self.scope.environment.clone(),
            path: self.scope.path.clone(),
            stage: self.scope.stage.clone(),
            reason: self.reason.clone().unwrap_or_default(),
            owner: self.owner.clone().unwrap_or_default(),
            expires: self.expires.map_or(String::new(), |day| day.to_string()),
            origin: self.origin.clone(),
        }
    }

    /// Makes waivers of a comment: one for each rule it names.
    pub fn of_pragma(pragma: &Pragma, place: &Location) -> Vec<Self> {
        let mut all = Vec::new();
        for word in &pragma.rules {
            let rules: Vec<String> = if pragma.tool == Tool::Windlass {
                vec![word.text.clone()]
            } else {
                find_foreign(pragma.tool, &word.text)
            };
            all.extend(rules.into_iter().map(|rule| Self {
                rule,
                scope: Scope::default(),
                bytes: Some((place.source.name.clone(), pragma.scope.clone())),
                reason: pragma.reason.clone(),
                owner: pragma.owner.clone(),
                expires: pragma.expires,
                tool: pragma.tool,
                origin: place.to_string(),
                place: Some(place.clone()),
            }));
        }
        all
    }

    /// Says whether it speaks of a finding of a rule at a place.
    pub fn covers(&self, rule: &str, place: &Place<'_>, found: Option<&Location>) -> bool {
        if self.rule != rule || !self.scope.holds(place) {
            return false;
        }
        let Some((file, range)) = &self.bytes else {
            return true;
        };
        let Some(found) = found.filter(|it| it.source.name == *file) else {
            return false;
        };
        let within = |it: &Range<usize>| it.contains(&found.span.start);
        range.as_ref().is_none_or(within)
    }

    /// Says whether it lets a finding of a rule in force pass.
    ///
    /// # Errors
    /// Why it does not.
    pub fn check(&self, force: &InForce<'_>, today: Day) -> Result<(), Refusal> {
        let pack = || force.pack.map_or(String::new(), |it| it.name.value.clone());
        if !force.is_waivable || force.is_mandatory && self.tool != Tool::Windlass {
            return Err(Refusal::NotWaivable(pack()));
        }
        let Some(expires) = self.expires else {
            return Ok(());
        };
        if expires < today {
            return Err(Refusal::Expired(expires));
        }
        match force.max_waiver_days {
            Some(most) if expires.number() - today.number() > i64::from(most) => {
                Err(Refusal::TooLong(most))
            }
            _ => Ok(()),
        }
    }

    /// Returns what a waived finding says: origin, owner, last day and reason.
    pub fn shown(&self) -> String {
        let mut text = self.origin.clone();
        if self.tool != Tool::Windlass {
            text = format!("{text} ({} comment)", self.tool.as_str());
        }
        if let Some(owner) = &self.owner {
            text = format!("{text}, {owner}");
        }
        if let Some(expires) = self.expires {
            text = format!("{text}, until {expires}");
        }
        if let Some(reason) = &self.reason {
            text = format!("{text}: {reason}");
        }
        text
    }
}

/// Returns our rules for the name of another tool's rule; `all` is every rule that BuildKit knows.
fn find_foreign(tool: Tool, name: &str) -> Vec<String> {
    let name = match tool {
        Tool::Trivy => trivy_name(name),
        _ => name.to_owned(),
    };
    if tool == Tool::BuildKit && name == "all" {
        let known = |alias: &&str| {
            alias.starts_with(char::is_uppercase)
                && !alias.contains(['-', '_'])
                && !alias.chars().any(|c| c.is_ascii_digit())
        };
        return crate::rules::RULES
            .iter()
            .filter(|rule| rule.aliases.iter().any(known))
            .map(|rule| rule.id.to_owned())
            .collect();
    }
    find_alias(&name).map(|rule| rule.id.to_owned()).collect()
}

/// `AVD-DS-0002`, `DS002` and `DS-0002` are one rule.
fn trivy_name(name: &str) -> String {
    let bare = name.trim_start_matches("AVD-").trim_start_matches("DS");
    let digits = bare.trim_start_matches('-');
    match digits.parse::<u32>() {
        Ok(number) => format!("DS-{number:04}"),
        Err(_) => name.to_owned(),
    }
}
