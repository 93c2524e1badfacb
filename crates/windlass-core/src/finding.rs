//! Findings: the one shape of everything that rules and policies object to, in plans, lints and checks alike.
//!
//! A finding is written as it stands: JSON, reports and saved plans hold the same object.

use serde::{Deserialize, Serialize};

use crate::diag::Location;
use crate::name::Digest;

/// Version of the JSON document of findings.
pub const FORMAT_VERSION: &str = "1.0";

/// Level of a rule, and of its findings.
///
/// The order is that of strictness: the strictest is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// It may not be applied.
    Deny,
    /// Somebody has to approve it.
    RequireApproval,
    /// Somebody should look.
    Warn,
    /// For information.
    Info,
    /// The rule is not asked; no finding has this level.
    Off,
}

impl Level {
    /// All levels that a finding can have, the strictest first.
    pub const ALL: [Self; 4] = [Self::Deny, Self::RequireApproval, Self::Warn, Self::Info];

    /// All words of a policy, the strictest first.
    pub const WORDS: [&'static str; 5] = ["deny", "require-approval", "warn", "info", "off"];

    /// Returns the word of policies and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::RequireApproval => "require-approval",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Off => "off",
        }
    }

    /// Reads the word of a policy.
    pub fn parse(word: &str) -> Option<Self> {
        let all = [
            Self::Deny,
            Self::RequireApproval,
            Self::Warn,
            Self::Info,
            Self::Off,
        ];
        all.into_iter().find(|level| level.as_str() == word)
    }

    /// Says whether an unwaived finding of this level stops a plan.
    pub fn denies(self) -> bool {
        matches!(self, Self::Deny | Self::RequireApproval)
    }
}

/// What a rule objects to. Lines and columns are 1-based, columns count Unicode scalar values, ends are exclusive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule.
    pub rule: String,
    /// How strict it is.
    pub level: Level,
    /// What it is about, `None` for a file that belongs to no image.
    pub address: Option<String>,
    /// The file it points at, relative to the workspace.
    pub file: Option<String>,
    /// Line of the start.
    pub line: Option<usize>,
    /// Column of the start.
    pub column: Option<usize>,
    /// Line of the end.
    pub end_line: Option<usize>,
    /// Column behind the end.
    pub end_column: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
    /// Names of the same rule in other tools.
    pub aliases: Vec<String>,
    /// The waiver that lets it pass.
    pub waived_by: Option<String>,
    /// Stays the same while the finding does, also where lines move.
    pub finding_id: String,
}

impl Finding {
    /// Starts a finding of a rule; place and id are set by the other builders.
    pub fn new(rule: impl Into<String>, level: Level, message: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            level,
            address: None,
            file: None,
            line: None,
            column: None,
            end_line: None,
            end_column: None,
            message: message.into(),
            help: None,
            aliases: Vec::new(),
            waived_by: None,
            finding_id: String::new(),
        }
    }

    /// Points it at a place.
    #[must_use]
    pub fn at(mut self, place: &Location) -> Self {
        let (line, column) = place.source.position(place.span.start);
        let (end_line, end_column) = place.source.position(place.span.end);
        self.file = Some(place.source.name.clone());
        self.line = Some(line);
        self.column = Some(column);
        self.end_line = Some(end_line);
        self.end_column = Some(end_column);
        self
    }

    /// Says whether it stops a plan: its level does, and no waiver lets it pass.
    pub fn stops(&self) -> bool {
        self.level.denies() && self.waived_by.is_none()
    }

    /// Returns what findings are sorted by: file, place, rule, address.
    pub fn order(&self) -> (bool, &str, usize, usize, &str, &str, &str) {
        (
            self.file.is_none(),
            self.file.as_deref().unwrap_or_default(),
            self.line.unwrap_or_default(),
            self.column.unwrap_or_default(),
            &self.rule,
            self.address.as_deref().unwrap_or_default(),
            &self.message,
        )
    }
}

/// Returns the id of a finding: 16 hex digits of rule, subject (address or file), the text it points at with white space
/// normalised, and how many findings with the same three stand before it. Lines and columns are not in it.
pub fn finding_id(rule: &str, subject: &str, snippet: &str, earlier: usize) -> String {
    let words: Vec<&str> = snippet.split_whitespace().collect();
    let earlier = earlier.to_string();
    let mut bytes = Vec::new();
    for part in [rule, subject, &words.join(" "), &earlier] {
        bytes.extend_from_slice(part.len().to_string().as_bytes());
        bytes.push(b':');
        bytes.extend_from_slice(part.as_bytes());
    }
    let digest = Digest::of(&bytes);
    digest.hex()[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    #[test]
    fn an_id_survives_moved_lines_and_other_white_space() {
        let one = finding_id("sudo", "image.a", "RUN  sudo \\\n  x", 0);
        assert_eq!(one, finding_id("sudo", "image.a", "RUN sudo \\ x", 0));
        assert_eq!(one.len(), 16);
        for other in [
            finding_id("sudo", "image.a", "RUN sudo \\ x", 1),
            finding_id("sudo", "image.b", "RUN sudo \\ x", 0),
            finding_id("sud", "oimage.a", "RUN sudo \\ x", 0),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn places_count_characters_and_end_behind_the_last() {
        let source = Source::new("Dockerfile", "FROM a\nLABEL é=x\n");
        let finding = Finding::new("r", Level::Warn, "m").at(&Location::new(&source, 13..17));
        assert_eq!((finding.line, finding.column), (Some(2), Some(7)));
        assert_eq!((finding.end_line, finding.end_column), (Some(2), Some(10)));
    }

    #[test]
    fn words_of_levels_read_back() {
        for word in Level::WORDS {
            assert_eq!(Level::parse(word).map(Level::as_str), Some(word));
        }
        assert_eq!(Level::parse("error"), None);
        assert!(Level::Deny < Level::Off);
    }
}
