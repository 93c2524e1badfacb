//! What a rule found: place, words, and the edit that would put it right.

use std::collections::BTreeMap;
use std::ops::Range;

use windlass_core::diag::{Label, Location};
use windlass_core::finding::Level;
use windlass_core::manifest::model::Value;
use windlass_core::name::Day;

/// What packs set for a rule; a parameter that was set several times has several values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(pub BTreeMap<String, Vec<Value>>);

impl Parameters {
    /// Returns the texts of a parameter; none where it is not set.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let values = self.0.get(name).into_iter().flatten();
        values
            .filter_map(|value| match value {
                Value::Text(text) => Some(text.as_str()),
                Value::Integer(_) | Value::Flag(_) => None,
            })
            .collect()
    }

    /// Returns the number of a parameter, the last one that was set.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.0
            .get(name)?
            .iter()
            .rev()
            .find_map(|value| match value {
                Value::Integer(number) => u64::try_from(*number).ok(),
                Value::Text(_) | Value::Flag(_) => None,
            })
    }
}

/// What one rule objects to at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The place; `None` where no text is at fault.
    pub place: Option<Location>,
    /// What is wrong: a lower-case fragment without a full stop.
    pub message: String,
    /// What to do, a line to paste where possible.
    pub help: Option<String>,
    /// Further places, with what is to be said there.
    pub labels: Vec<Label>,
    /// An edit that puts it right and changes nothing else that matters.
    pub fix: Option<Fix>,
    /// The strictest level that it can have, whatever the rule's is: for what is not certain.
    pub at_most: Option<Level>,
    /// Whether it only says that a fact is not known: it denies where the rule denies, and is information where the rule warns.
    pub is_unknown: bool,
}

/// Edits of one text that put a finding right. `--fix` makes them without asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    /// What they do: `add --no-cache`.
    pub title: String,
    /// The edits, in any order; they do not overlap.
    pub edits: Vec<Edit>,
    /// The parameter of the pattern that does the same where the Dockerfile is rendered.
    pub parameter: Option<&'static str>,
}

/// A range of bytes and what stands there afterwards.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// The bytes that go; an empty range inserts.
    pub start: usize,
    /// First byte behind them.
    pub end: usize,
    /// What comes.
    pub text: String,
}

impl Fix {
    /// Replaces one range.
    pub fn replace(title: impl Into<String>, span: &Range<usize>, text: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            edits: vec![Edit {
                start: span.start,
                end: span.end,
                text: text.into(),
            }],
            parameter: None,
        }
    }

    /// Inserts a text.
    pub fn insert(title: impl Into<String>, at: usize, text: impl Into<String>) -> Self {
        Self::replace(title, &(at..at), text)
    }

    /// Adds another edit.
    #[must_use]
    pub fn and(mut self, span: &Range<usize>, text: impl Into<String>) -> Self {
        self.edits.push(Edit {
            start: span.start,
            end: span.end,
            text: text.into(),
        });
        self
    }

    /// Names the parameter of the built-in pattern that does the same.
    #[must_use]
    pub fn parameter(mut self, name: &'static str) -> Self {
        self.parameter = Some(name);
        self
    }
}

impl Hit {
    /// Starts a finding at a place.
    pub fn at(place: Location, message: impl Into<String>) -> Self {
        Self {
            place: Some(place),
            ..Self::nowhere(message)
        }
    }

    /// Starts a finding that no text is at fault for.
    pub fn nowhere(message: impl Into<String>) -> Self {
        Self {
            place: None,
            message: message.into(),
            help: None,
            labels: Vec::new(),
            fix: None,
            at_most: None,
            is_unknown: false,
        }
    }

    /// Starts a finding at a place, where there is one.
    pub fn maybe_at(place: Option<&Location>, message: impl Into<String>) -> Self {
        Self {
            place: place.cloned(),
            ..Self::nowhere(message)
        }
    }

    /// Limits its level.
    #[must_use]
    pub fn at_most(mut self, level: Level) -> Self {
        self.at_most = Some(level);
        self
    }

    /// Says that it only tells what is not known.
    #[must_use]
    pub fn unknown(mut self) -> Self {
        self.is_unknown = true;
        self
    }

    /// Sets what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds a further place.
    #[must_use]
    pub fn label(mut self, location: Location, text: impl Into<String>) -> Self {
        self.labels.push(Label {
            location,
            text: Some(text.into()),
        });
        self
    }

    /// Sets the edit that puts it right.
    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix = Some(fix);
        self
    }
}

/// Collects what a rule finds in one subject.
#[derive(Debug)]
pub struct Hits<'a> {
    parameters: &'a Parameters,
    today: Option<Day>,
    found: Vec<Hit>,
}

impl<'a> Hits<'a> {
    /// Starts a collection for a rule with these parameters.
    pub fn new(parameters: &'a Parameters) -> Self {
        Self {
            parameters,
            today: None,
            found: Vec::new(),
        }
    }

    /// Says which day it is.
    #[must_use]
    pub fn on(mut self, today: Day) -> Self {
        self.today = Some(today);
        self
    }

    /// Returns the day of the evaluation; `None` where it is not said, and rules with dates say nothing.
    pub fn today(&self) -> Option<Day> {
        self.today
    }

    /// Whether it was found already.
    pub fn contains(&self, hit: &Hit) -> bool {
        self.found.contains(hit)
    }

    /// Returns what packs set for the rule.
    pub fn parameters(&self) -> &'a Parameters {
        self.parameters
    }

    /// Adds a finding.
    pub fn push(&mut self, hit: Hit) {
        self.found.push(hit);
    }

    /// Returns what was found.
    pub fn into_found(self) -> Vec<Hit> {
        self.found
    }
}
