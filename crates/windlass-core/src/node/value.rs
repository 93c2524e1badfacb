//! One value of a node, and what it can be read as.

use std::ops::{Range, RangeInclusive};

use kdl::{KdlEntry, KdlValue};

use crate::diag::{Code, Diagnostic, Location, Sourced};

use super::shape::{Kind, ValueShape};
use super::{Mark, Reading, suggest};

/// Turns a span of the parser into a range.
pub(super) fn span_range(span: miette::SourceSpan) -> Range<usize> {
    span.offset()..span.offset() + span.len()
}

/// Returns where the value of an entry stands, without key and annotation.
pub(super) fn entry_span(entry: &KdlEntry) -> Range<usize> {
    let whole = span_range(entry.span());
    match entry.format() {
        Some(format) if !format.value_repr.is_empty() => {
            whole.end.saturating_sub(format.value_repr.len())..whole.end
        }
        _ => whole,
    }
}

/// A scalar as it stands in a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scalar {
    /// Text, quoted or not.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// `#true` or `#false`.
    Flag(bool),
}

/// A value that was given for `owner`, not yet typed.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    pub(super) reading: &'a Reading,
    pub(super) entry: &'a KdlEntry,
    pub(super) owner: &'a str,
    /// While fields are recorded: the number of this value, and its key.
    pub(super) record: Option<(usize, Option<&'a str>)>,
}

impl Given<'_> {
    /// Returns where the value stands.
    pub fn location(&self) -> Location {
        if let Some((value, _)) = self.record {
            return self.reading.location(value..value);
        }
        self.reading.location(entry_span(self.entry))
    }

    /// Returns where the key of a property stands, the value's place for a plain value.
    pub fn key_location(&self) -> Location {
        match self.entry.name() {
            _ if self.record.is_some() => self.location(),
            Some(name) => self.reading.location(span_range(name.span())),
            None => self.location(),
        }
    }

    /// Returns the key of a property.
    pub fn key(&self) -> Option<&str> {
        match self.record {
            Some((_, key)) => key,
            None => self.entry.name().map(kdl::KdlIdentifier::value),
        }
    }

    /// Changes what is known of the value, if fields are recorded.
    pub(super) fn record(&self, change: impl FnOnce(&mut ValueShape)) {
        if let (Some(recorder), Some((value, _))) = (&self.reading.recorder, self.record) {
            recorder.change(value, change);
        }
    }

    /// Notes something about the value for the field list. Nothing happens unless fields are recorded.
    pub fn mark(&self, mark: Mark<'_>) {
        if let (Some(recorder), Some((value, _))) = (&self.reading.recorder, self.record) {
            recorder.mark(value, mark);
        }
    }

    /// While fields are recorded: notes the kind and says so.
    fn records(&self, kind: Kind) -> bool {
        match (&self.reading.recorder, self.record) {
            (Some(recorder), Some((value, _))) => {
                recorder.read_as(value, kind);
                true
            }
            _ => false,
        }
    }

    /// Says whether everything has been said about the value already.
    fn is_settled(&self) -> bool {
        let refused = match self.entry.value() {
            KdlValue::Null => true,
            KdlValue::Float(value) => !value.is_finite(),
            _ => false,
        };
        refused || self.reading.is_poisoned(&entry_span(self.entry))
    }

    /// Reads text. Reports anything else.
    pub fn text(&self) -> Option<Sourced<String>> {
        if self.records(Kind::Text) {
            return Some(Sourced::new("x".to_owned(), self.location()));
        }
        if self.is_settled() {
            return None;
        }
        let location = self.location();
        match self.entry.value() {
            KdlValue::String(text) => Some(Sourced::new(text.clone(), location)),
            KdlValue::Bool(_) => self.refuse("text", "is a flag", None),
            _ => {
                let quoted = format!("quote it: `\"{}\"`", location.text());
                self.refuse("text", "is a number", Some(quoted))
            }
        }
    }

    /// Reads a whole number in `range`. Reports anything else.
    pub fn integer(&self, range: RangeInclusive<i64>) -> Option<Sourced<i64>> {
        if self.records(Kind::Integer(*range.start(), *range.end())) {
            return Some(Sourced::new(*range.start(), self.location()));
        }
        if self.is_settled() {
            return None;
        }
        let location = self.location();
        match self.entry.value() {
            KdlValue::Integer(number) => {
                let small = i64::try_from(*number).ok().filter(|it| range.contains(it));
                if small.is_none() {
                    let wanted = format!("a number from {} to {}", range.start(), range.end());
                    self.refuse::<()>(&wanted, "is out of range", None);
                }
                small.map(|it| Sourced::new(it, location))
            }
            KdlValue::String(text) if text.parse::<i64>().is_ok() => self.refuse(
                "a number",
                "is text",
                Some(format!("remove the quotes: `{text}`")),
            ),
            KdlValue::String(_) => self.refuse("a number", "is text", None),
            KdlValue::Bool(_) => self.refuse("a number", "is a flag", None),
            _ => self.refuse("a whole number", "has a fraction", None),
        }
    }

    /// Reads `#true` or `#false`. Reports anything else.
    pub fn flag(&self) -> Option<Sourced<bool>> {
        if self.records(Kind::Flag) {
            return Some(Sourced::new(true, self.location()));
        }
        if self.is_settled() {
            return None;
        }
        if let KdlValue::Bool(flag) = self.entry.value() {
            return Some(Sourced::new(*flag, self.location()));
        }
        let key = self.key().unwrap_or(self.owner);
        let help = match self.key() {
            Some(key) => format!("write `{key}=#true` or `{key}=#false`"),
            None => format!("write `{key}` alone, or `{key} #false` to switch it off"),
        };
        self.reading.report(
            Diagnostic::error(Code::NotAFlag, format!("`{key}` is a flag"))
                .at(&self.location(), "not `#true` or `#false`")
                .help(help),
        );
        None
    }

    /// Reads any scalar: text, a whole number or a flag. Reports fractions.
    pub fn scalar(&self) -> Option<Sourced<Scalar>> {
        if self.records(Kind::Scalar) {
            return Some(Sourced::new(Scalar::Text("x".to_owned()), self.location()));
        }
        if self.is_settled() {
            return None;
        }
        let location = self.location();
        let scalar = match self.entry.value() {
            KdlValue::String(text) => Scalar::Text(text.clone()),
            KdlValue::Bool(flag) => Scalar::Flag(*flag),
            KdlValue::Integer(number) => match i64::try_from(*number) {
                Ok(number) => Scalar::Integer(number),
                Err(_) => return self.refuse("a smaller number", "is out of range", None),
            },
            _ => {
                let quoted = format!("quote it: `\"{}\"`", location.text());
                return self.refuse("text or a whole number", "has a fraction", Some(quoted));
            }
        };
        Some(Sourced::new(scalar, location))
    }

    /// Reads one of a closed set of words. Reports anything else.
    pub fn word<T: Copy>(&self, words: &[(&str, T)]) -> Option<Sourced<T>> {
        if self.records(Kind::Text) {
            self.record(|it| {
                it.template = false;
                it.words = words.iter().map(|it| it.0.to_owned()).collect();
            });
            return Some(Sourced::new(words.first()?.1, self.location()));
        }
        let text = self.text()?;
        if let Some((_, found)) = words.iter().find(|it| it.0 == text.value) {
            return Some(Sourced::new(*found, text.location));
        }
        let names: Vec<&str> = words.iter().map(|it| it.0).collect();
        let diagnostic = Diagnostic::error(
            Code::BadValue,
            format!("`{}` does not know `{}`", self.owner, text.value),
        )
        .at(&text.location, "not one of its words");
        let hint = suggest::closest(&text.value, &names).map_or_else(
            || format!("one of {}", suggest::list(&names)),
            |it| format!("did you mean `{it}`?"),
        );
        self.reading.report(diagnostic.help(hint));
        None
    }

    /// Reads a span of time with its unit, such as `"30m"` or `"1h30m"`, as seconds. Reports anything else.
    pub fn duration(&self) -> Option<Sourced<u64>> {
        if self.records(Kind::Duration) {
            return Some(Sourced::new(1, self.location()));
        }
        if !self.is_settled()
            && let KdlValue::Integer(number) = self.entry.value()
        {
            let help = Some(format!("write the unit: `\"{number}m\"`"));
            return self.refuse("text with a unit", "has no unit", help);
        }
        let text = self.text()?;
        if let Some(seconds) = parse_duration(&text.value) {
            return Some(Sourced::new(seconds, text.location));
        }
        let help = Some("numbers with `s`, `m`, `h` or `d`: `\"30m\"`, `\"1h30m\"`".to_owned());
        self.refuse("a span of time", "is none", help)
    }

    fn refuse<T>(&self, wanted: &str, found: &str, help: Option<String>) -> Option<T> {
        let name = self.key().unwrap_or(self.owner);
        let mut diagnostic = Diagnostic::error(Code::WrongType, format!("`{name}` takes {wanted}"))
            .at(&self.location(), format!("this {found}"));
        diagnostic.help = help;
        self.reading.report(diagnostic);
        None
    }
}

fn parse_duration(text: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            _ => return None,
        };
        let number: u64 = digits.parse().ok()?;
        total = total.checked_add(number.checked_mul(unit)?)?;
        digits.clear();
    }
    (digits.is_empty() && total > 0).then_some(total)
}
