//! The end of a node: what nobody asked for, and what is missing.

use kdl::{KdlEntry, KdlIdentifier, KdlValue};

use crate::diag::{Code, Diagnostic, Location};
use crate::node::suggest;
use crate::node::value::{entry_span, span_range};

use super::{Dec, Field};

impl Dec<'_> {
    /// Reports every value, property and child that nobody asked for, and what is missing.
    pub fn finish(mut self) {
        self.leftover_values();
        self.leftover_properties();
        let meant = self.leftover_children();
        if meant.contains(&"") {
            return;
        }
        for field in std::mem::take(&mut self.missing) {
            if !meant.contains(&field.name) {
                self.report_missing(field);
            }
        }
    }

    fn report_missing(&self, field: Field) {
        let Field { name, doc } = field;
        let message = match self.name() {
            "" => format!("there is no `{name}`"),
            owner => format!("`{owner}` has no `{name}`"),
        };
        self.report(
            Diagnostic::error(Code::MissingName, message)
                .at(&self.head_location(), format!("needs `{name}`"))
                .help(format!("add `{name}`: {doc}")),
        );
    }

    fn leftover_values(&mut self) {
        let left: Vec<&KdlEntry> = self
            .entries
            .iter()
            .filter(|it| it.name().is_none())
            .copied()
            .collect();
        let Some(first) = left.first() else { return };
        let span = entry_span(first);
        if self.reading.is_poisoned(&span) {
            return;
        }
        let name = self.name();
        let (message, label) = if self.values_known {
            (
                format!("`{name}` has more values than it takes"),
                "one too many",
            )
        } else {
            (format!("`{name}` takes no value"), "not expected")
        };
        let help = if self.free_keys && !self.values_known {
            format!("write `{name} {}`", as_property(&left))
        } else {
            "remove it".to_owned()
        };
        self.report(
            Diagnostic::error(Code::TooManyValues, message)
                .at(&self.reading.location(span), label)
                .help(help),
        );
    }

    fn leftover_properties(&mut self) {
        let known: Vec<&str> = self.properties.iter().map(|it| it.name).collect();
        for given in self.take_property(|_| true) {
            let key = given.key().unwrap_or_default();
            let at = given.key_location();
            if self.reading.is_poisoned(&at.span) {
                continue;
            }
            let name = self.name();
            let diagnostic = if self.fields.iter().any(|it| it.name == key) {
                Diagnostic::error(
                    Code::WrongPlace,
                    format!("`{key}` goes inside the braces of `{name}`"),
                )
                .at(&at, "not on the first line")
                .help(format!(
                    "write `{key} {}` on a line of its own between `{{` and `}}`",
                    given.location().text()
                ))
            } else if known.is_empty() {
                Diagnostic::error(
                    Code::UnexpectedProperty,
                    format!("`{name}` takes no `{key}=`"),
                )
                .at(&at, "not expected")
                .help("write values one after the other, or remove it")
            } else {
                unknown(&format!("`{name}` has no `{key}=`"), &at, key, &known)
            };
            self.report(diagnostic);
        }
    }

    /// Reports unknown children and returns the names that they were meant to be; an empty one where that cannot be known.
    fn leftover_children(&mut self) -> Vec<&'static str> {
        let names: Vec<&'static str> = self.fields.iter().map(|it| it.name).collect();
        let mut meant = Vec::new();
        for child in std::mem::take(&mut self.children) {
            let span = span_range(child.name().span());
            if self.reading.is_poisoned(&span) {
                meant.push("");
                continue;
            }
            let word = child.name().value();
            meant.extend(suggest::closest(word, &names));
            self.report_unknown(word, &self.reading.location(span), &names);
            if names.is_empty() {
                break;
            }
        }
        meant
    }

    fn report_unknown(&self, word: &str, at: &Location, names: &[&'static str]) {
        let name = self.name();
        let diagnostic = if names.is_empty() {
            Diagnostic::error(Code::UnexpectedBlock, format!("`{name}` takes no block"))
                .at(at, "not expected")
                .help("remove the braces and what they hold")
        } else if self.properties.iter().any(|it| it.name == word) {
            Diagnostic::error(
                Code::WrongPlace,
                format!("`{word}` goes on the first line of `{name}`"),
            )
            .at(at, "not inside the braces")
            .help(format!("write `{name} .. {word}=\"..\" {{`"))
        } else if name.is_empty() {
            unknown(&format!("there is no `{word}`"), at, word, names)
        } else {
            unknown(&format!("`{name}` has no `{word}`"), at, word, names)
        };
        self.report(diagnostic);
    }
}

fn unknown(message: &str, at: &Location, word: &str, known: &[&str]) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(Code::UnknownName, message).at(at, "unknown name");
    diagnostic.help = suggest::hint(word, known);
    diagnostic
}

/// Returns the property that was meant by values: `"KEY" "value"`, `"KEY=value"`, `"KEY"`.
fn as_property(values: &[&KdlEntry]) -> String {
    let text = |it: &&KdlEntry| match it.value() {
        KdlValue::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut texts = values.iter().map(text);
    let first = texts.next().unwrap_or_default();
    let (key, value) = match (first.split_once('='), texts.next()) {
        (Some((key, value)), None) => (key.to_owned(), value.to_owned()),
        (_, Some(value)) => (first, value),
        (None, None) => (first, "value".to_owned()),
    };
    format!("{}={value:?}", KdlIdentifier::from(key))
}
