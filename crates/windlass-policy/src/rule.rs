//! What a rule is: its name, its level, what it looks at and how it is asked.

use windlass_core::finding::Level;

use crate::hit::Hits;
use crate::subject::{ImageSubject, RepositorySubject};

/// A built-in rule.
///
/// Written as a constant with the builders below, so that a rule says only what differs.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// The slug of the catalogue, never reused.
    pub id: &'static str,
    /// Names of the same rule in other tools, such as `DL3007`.
    pub aliases: &'static [&'static str],
    /// The level of the catalogue; profiles decide whether the rule is asked at all.
    pub level: Level,
    /// Whether it is one of those worth having first.
    pub starred: bool,
    /// What it needs beyond the reads of every plan.
    pub reads: &'static [Read],
    /// Whether it says nothing without these reads, so that `baseline` leaves it out.
    pub reads_more: bool,
    /// What it looks at.
    pub needs: &'static [Need],
    /// What a pack can set.
    pub parameters: &'static [Parameter],
    /// Its page: title, summary, why, what to do, cases.
    pub page: &'static str,
    /// How it is asked.
    pub check: Check,
}

/// What a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The instructions of a Dockerfile.
    Dockerfile,
    /// Stages and variables.
    Stages,
    /// Shell text of RUN.
    Shell,
    /// The build context and its ignore lines.
    Context,
    /// The manifest.
    Manifest,
    /// Settings of repositories.
    Settings,
    /// Actions of a plan.
    Plan,
    /// What is known from outside: lock, configs of base images, tables.
    Outside,
}

impl Need {
    /// Returns the word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dockerfile => "Dockerfile",
            Self::Stages => "stages and variables",
            Self::Shell => "shell text",
            Self::Context => "build context",
            Self::Manifest => "manifest",
            Self::Settings => "repository settings",
            Self::Plan => "plan",
            Self::Outside => "lock",
        }
    }
}

/// What is read of ECR only where a rule in force needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Read {
    /// Lifecycle rules of repositories that the manifest does not manage.
    Lifecycle,
    /// Who may use repositories whose `access` the manifest does not manage.
    Access,
    /// All resource tags.
    ResourceTags,
    /// The scanning configuration of the registry, where a repository does not scan by itself.
    Scanning,
    /// How large images are.
    Sizes,
    /// What scans found in images.
    Scans,
}

/// Something that a pack can set for a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it is for, a lower-case fragment.
    pub doc: &'static str,
    /// Whether its values are numbers.
    pub is_number: bool,
}

impl Parameter {
    /// A parameter of texts; `set` may be repeated to give several.
    pub const fn texts(name: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            doc,
            is_number: false,
        }
    }

    /// A parameter of one number.
    pub const fn number(name: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            doc,
            is_number: true,
        }
    }
}

/// How a rule is asked.
#[derive(Debug, Clone, Copy)]
pub enum Check {
    /// Once for each Dockerfile.
    Image(fn(&ImageSubject, &mut Hits<'_>)),
    /// Once for each repository.
    Repository(fn(&RepositorySubject, &mut Hits<'_>)),
    /// Of the waivers themselves, once all other rules were asked.
    Waivers,
}

/// A choice of rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Profile {
    /// Few and right: starred errors and warnings that need no further reads.
    #[default]
    Baseline,
    /// With starred information, the other errors and warnings, and rules that need reads.
    Hardened,
    /// Every rule; those that are off by default say info.
    All,
}

impl Profile {
    /// All profiles with their words.
    pub const WORDS: [(&'static str, Self); 3] = [
        ("baseline", Self::Baseline),
        ("hardened", Self::Hardened),
        ("all", Self::All),
    ];

    /// Returns the word of the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Hardened => "hardened",
            Self::All => "all",
        }
    }
}

impl Rule {
    /// Starts a rule.
    pub const fn new(id: &'static str, level: Level, check: Check, page: &'static str) -> Self {
        Self {
            id,
            aliases: &[],
            level,
            starred: false,
            reads: &[],
            reads_more: false,
            needs: &[Need::Dockerfile],
            parameters: &[],
            page,
            check,
        }
    }

    /// Names it in other tools.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Marks it as one of those worth having first.
    #[must_use]
    pub const fn starred(mut self) -> Self {
        self.starred = true;
        self
    }

    /// Says what it looks at.
    #[must_use]
    pub const fn needs(mut self, needs: &'static [Need]) -> Self {
        self.needs = needs;
        self
    }

    /// Says what it cannot do without beyond the reads of every plan.
    #[must_use]
    pub const fn reads(mut self, reads: &'static [Read]) -> Self {
        self.reads = reads;
        self.reads_more = true;
        self
    }

    /// Says what it asks for before it objects to something; it stays in `baseline`.
    #[must_use]
    pub const fn asks(mut self, reads: &'static [Read]) -> Self {
        self.reads = reads;
        self
    }

    /// Says what a pack can set.
    #[must_use]
    pub const fn parameters(mut self, parameters: &'static [Parameter]) -> Self {
        self.parameters = parameters;
        self
    }

    /// Returns its level in a profile, [`Level::Off`] where the profile leaves it out.
    pub fn level_in(&self, profile: Profile) -> Level {
        let strong = matches!(
            self.level,
            Level::Deny | Level::RequireApproval | Level::Warn
        );
        let held = match profile {
            Profile::Baseline => self.starred && strong && !self.reads_more,
            Profile::Hardened => {
                strong || self.starred && self.level != Level::Off || self.reads_more
            }
            Profile::All => true,
        };
        match (held, self.level) {
            (false, _) => Level::Off,
            (true, Level::Off) => Level::Info,
            (true, level) => level,
        }
    }

    /// Returns the first paragraph of its page, in one line.
    pub fn summary(&self) -> String {
        let body = self.page.split_once('\n').map_or("", |it| it.1);
        let paragraph = body.trim_start().split("\n\n").next().unwrap_or_default();
        paragraph.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Level::{Deny, Info, Off, Warn};

    fn nothing(_: &RepositorySubject, _: &mut Hits<'_>) {}

    #[test]
    fn profiles_hold_what_the_documentation_says() {
        let levels = |level, starred, reads| {
            let mut rule = Rule::new("x", level, Check::Repository(nothing), "# x\n\nSays\nso.\n");
            rule.starred = starred;
            rule.reads_more = reads;
            Profile::WORDS.map(|(_, profile)| rule.level_in(profile))
        };
        assert_eq!(levels(Deny, true, false), [Deny, Deny, Deny]);
        assert_eq!(levels(Warn, false, false), [Off, Warn, Warn]);
        assert_eq!(levels(Info, true, false), [Off, Info, Info]);
        assert_eq!(levels(Info, false, false), [Off, Off, Info]);
        assert_eq!(levels(Off, true, false), [Off, Off, Info]);
        assert_eq!(levels(Warn, true, true), [Off, Warn, Warn]);
    }

    #[test]
    fn the_summary_is_the_first_paragraph() {
        let rule = Rule::new(
            "x",
            Level::Warn,
            Check::Repository(nothing),
            "# x\n\nSays\nso.\n\nMore.\n",
        );
        assert_eq!(rule.summary(), "Says so.");
    }
}
