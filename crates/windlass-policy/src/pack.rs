//! Packs: rules with levels, parameters and scopes, written in KDL (`docs/policies.md`).
//!
//! A pack of the workspace says what its authors want; a mandatory pack comes from outside and has the last word.

mod read;

use windlass_core::diag::Sourced;
use windlass_core::finding::Level;
use windlass_core::name::Day;

use crate::glob;
use crate::hit::Parameters;

pub(crate) use self::read::is_slug;
pub use self::read::read_pack;

/// A pack.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// Its name: lower-case letters, digits and `-`.
    pub name: Sourced<String>,
    /// Its version.
    pub version: i64,
    /// What it says about rules, in order; the last that fits a subject holds.
    pub rules: Vec<PackRule>,
    /// Globs of files of Rego, relative to the pack.
    pub rego: Vec<Sourced<String>>,
    /// Globs of data files, relative to the pack.
    pub data: Vec<Sourced<String>>,
    /// Its own tests.
    pub cases: Vec<PackCase>,
}

/// What a pack says about one rule.
#[derive(Debug, Clone, PartialEq)]
pub struct PackRule {
    /// The rule.
    pub id: Sourced<String>,
    /// Where it holds.
    pub scope: Scope,
    /// The level, that of the catalogue where `None`.
    pub level: Option<Level>,
    /// What it sets.
    pub parameters: Parameters,
    /// From which day it denies; before it warns.
    pub effective_from: Option<Day>,
    /// Whether it can be waived; `None` is no in a mandatory pack, and yes elsewhere.
    pub waivable: Option<bool>,
    /// How many days ahead a waiver may end.
    pub max_waiver_days: Option<u32>,
}

/// Where something holds; what is not given holds everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// A glob of image names.
    pub image: Option<String>,
    /// A glob of repository names.
    pub repository: Option<String>,
    /// An environment.
    pub environment: Option<String>,
    /// A glob of paths.
    pub path: Option<String>,
    /// A stage of the Dockerfile.
    pub stage: Option<String>,
}

/// What a scope is compared with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place<'a> {
    /// The image, where it is about one.
    pub image: Option<&'a str>,
    /// The repositories that hold the image, or the repository it is about.
    pub repositories: Vec<&'a str>,
    /// The selected environment.
    pub environment: Option<&'a str>,
    /// The file.
    pub path: Option<&'a str>,
    /// The stage of the finding.
    pub stage: Option<&'a str>,
}

impl Scope {
    /// Says whether a place is in it. What a place does not tell is only in `*` and `**`.
    pub fn holds(&self, place: &Place<'_>) -> bool {
        let fits = |pattern: &Option<String>, values: &[&str]| match pattern.as_deref() {
            None | Some("*" | "**") => true,
            Some(pattern) => values.iter().any(|value| glob::matches(pattern, value)),
        };
        let one = |value: Option<&str>| value.map(str::to_owned);
        let environment = self.environment.is_none() || self.environment == one(place.environment);
        let stage = self.stage.as_ref().is_none_or(|wanted| {
            place
                .stage
                .is_some_and(|stage| stage.eq_ignore_ascii_case(wanted))
        });
        environment
            && stage
            && fits(&self.image, place.image.as_slice())
            && fits(&self.repository, &place.repositories)
            && fits(&self.path, place.path.as_slice())
    }
}

/// A test of a pack: a file, and what is found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackCase {
    /// Its name.
    pub name: Sourced<String>,
    /// The Dockerfile, manifest (`.kdl`) or plan (`.json`), relative to the pack.
    pub file: Sourced<String>,
    /// What is found, nothing else; empty where nothing is.
    pub expect: Vec<Expectation>,
}

/// A finding that a case expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// The rule.
    pub rule: Sourced<String>,
    /// The line, any where `None`.
    pub line: Option<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_holds_where_everything_given_fits() {
        let place = Place {
            image: Some("api-arm"),
            repositories: vec!["shop/api"],
            environment: Some("prod"),
            path: Some("api/Dockerfile"),
            stage: Some("build"),
        };
        let scope = |image: &str, repository: &str| Scope {
            image: Some(image.to_owned()),
            repository: Some(repository.to_owned()),
            ..Scope::default()
        };
        assert!(Scope::default().holds(&place));
        assert!(scope("api-*", "shop/*").holds(&place));
        assert!(!scope("api-*", "*/web").holds(&place));
        let environment = Scope {
            environment: Some("dev".to_owned()),
            ..Scope::default()
        };
        assert!(!environment.holds(&place));
        let file = Place::default();
        assert!(!scope("api-*", "*").holds(&file));
        assert!(scope("*", "*").holds(&file));
    }
}
