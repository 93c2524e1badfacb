//! The forms in which plans and findings are written.

use clap::ValueEnum;

/// How findings are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum FindingFormat {
    /// For a terminal.
    #[default]
    Text,
    /// For programs.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions.
    Github,
    /// The code quality report of GitLab.
    Gitlab,
    /// `JUnit` XML.
    Junit,
}

impl FindingFormat {
    /// Says whether it is for those who review code: they are told what cannot be read as well.
    pub(crate) fn is_for_reviews(self) -> bool {
        match self {
            Self::Text | Self::Json => false,
            Self::Sarif | Self::Github | Self::Gitlab | Self::Junit => true,
        }
    }
}

/// How a plan is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For a terminal.
    #[default]
    Text,
    /// For a pull-request comment.
    Markdown,
    /// For programs.
    Json,
    /// One file for a browser: for reviewers.
    Html,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Annotations of GitHub Actions; the Markdown goes to the step summary.
    Github,
    /// The code quality report of GitLab.
    Gitlab,
    /// The counts that GitLab shows in a merge request.
    GitlabWidget,
    /// `JUnit` XML.
    Junit,
}

impl Format {
    /// Returns the format of findings that it is where it has no other form.
    pub(crate) fn of_findings(self) -> Option<FindingFormat> {
        match self {
            Self::Sarif => Some(FindingFormat::Sarif),
            Self::Github => Some(FindingFormat::Github),
            Self::Gitlab => Some(FindingFormat::Gitlab),
            Self::Junit => Some(FindingFormat::Junit),
            Self::Text | Self::Markdown | Self::Json | Self::Html | Self::GitlabWidget => None,
        }
    }
}
