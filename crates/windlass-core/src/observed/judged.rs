//! What only rules of policies ask for: read where an active rule needs it, and never by a plan itself.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Fact, RepositoryFacts};
use crate::name::{Digest, RegistryName, RepositoryKey, wildcard_matches};

/// What is to be read for policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JudgedReads {
    /// The repositories whose lifecycle rules are read.
    pub lifecycle: BTreeSet<RepositoryKey>,
    /// The repositories whose policy is read.
    pub access: BTreeSet<RepositoryKey>,
    /// The repositories whose resource tags are read.
    pub resource_tags: BTreeSet<RepositoryKey>,
    /// The registries whose scanning configuration is read.
    pub scanning: BTreeSet<RegistryName>,
    /// The images whose size is read.
    pub sizes: BTreeSet<(RepositoryKey, Digest)>,
    /// The images whose scan is read.
    pub scans: BTreeSet<(RepositoryKey, Digest)>,
}

/// What was read for policies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JudgedFacts {
    /// Settings of repositories that nothing else asked for.
    pub repositories: BTreeMap<RepositoryKey, Fact<RepositoryFacts>>,
    /// Scanning configurations of registries.
    pub scanning: BTreeMap<RegistryName, Fact<Scanning>>,
    /// Sizes of images in bytes, compressed, as ECR counts them.
    pub sizes: BTreeMap<(RepositoryKey, Digest), Fact<u64>>,
    /// Scans of images; `Absent` where ECR knows of none.
    pub scans: BTreeMap<(RepositoryKey, Digest), Fact<ScanReport>>,
}

/// The scanning configuration of a registry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scanning {
    /// Filters of the rules that scan without being asked, on push or continuously.
    pub filters: Vec<String>,
}

impl Scanning {
    /// Says whether the registry scans a repository whatever the repository itself says. A filter without a wildcard selects every
    /// name that holds it (Amazon ECR user guide, "Filters to choose which repositories are scanned").
    pub fn selects(&self, repository: &str) -> bool {
        self.filters.iter().any(|filter| {
            if filter.contains('*') {
                wildcard_matches(filter, repository)
            } else {
                repository.contains(filter.as_str())
            }
        })
    }
}

/// What ECR found in an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScanReport {
    /// What keeps the report from being whole, such as a scan that is still under way; `None` where it is.
    pub incomplete: Option<String>,
    /// The vulnerabilities, worst first.
    pub vulnerabilities: Vec<Vulnerability>,
}

/// A vulnerability of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vulnerability {
    /// `CVE-2026-0001`
    pub name: String,
    /// How bad it is.
    pub severity: Severity,
    /// The package, where the scan tells it.
    pub package: Option<String>,
    /// When it was first seen in the image, in days since 1970-01-01; only enhanced scanning tells it.
    pub seen: Option<i64>,
}

/// How bad a vulnerability is, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Only for information.
    Informational,
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High. One that the scan cannot place counts as high.
    High,
    /// Critical.
    Critical,
}

impl Severity {
    /// All severities with their words.
    pub const WORDS: [(&'static str, Self); 5] = [
        ("informational", Self::Informational),
        ("low", Self::Low),
        ("medium", Self::Medium),
        ("high", Self::High),
        ("critical", Self::Critical),
    ];

    /// Returns the severity of a word in any case; what ECR calls otherwise is high until somebody looked.
    pub fn of(word: &str) -> Self {
        let known = Self::WORDS
            .iter()
            .find(|(it, _)| it.eq_ignore_ascii_case(word));
        known.map_or(Self::High, |it| it.1)
    }

    /// Returns its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_select_as_the_user_guide_says() {
        let selects = |filter: &str, name: &str| {
            let filters = vec![filter.to_owned()];
            Scanning { filters }.selects(name)
        };
        assert!(selects("*", "shop/api"));
        assert!(selects("prod", "my-prod-app"));
        assert!(selects("prod/*", "prod/app"));
        assert!(!selects("prod/*", "my-prod/app"));
        assert!(selects("*app", "prod/app") && !selects("*app", "prod/app-2"));
        assert!(selects("a*b*c", "a-b-c") && !selects("a*b*c", "a-c-b"));
        assert!(!Scanning::default().selects("a"));
    }

    #[test]
    fn what_a_scan_cannot_place_counts_as_high() {
        assert_eq!(Severity::of("CRITICAL"), Severity::Critical);
        assert_eq!(Severity::of("UNTRIAGED"), Severity::High);
        assert!(Severity::Low < Severity::High);
    }
}
