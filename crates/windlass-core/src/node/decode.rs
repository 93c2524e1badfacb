//! The cursor over one node: one call a field decodes it, and whatever no call asked for is reported at the end.

use std::ops::RangeInclusive;

use kdl::{KdlDocument, KdlEntry, KdlNode};

use crate::diag::{Code, Diagnostic, Location, Sourced};

use super::value::{entry_span, span_range};
use super::{Given, Reading, suggest};

/// A field that was asked for.
#[derive(Debug, Clone, Copy)]
struct Field {
    name: &'static str,
    /// What it is for, a lower-case fragment.
    doc: &'static str,
}

/// Decodes one node, or the top level. Ask for every field, then call [`Dec::finish`].
#[derive(Debug)]
pub struct Dec<'a> {
    reading: &'a Reading,
    node: Option<&'a KdlNode>,
    /// Children nobody asked for yet, in order.
    children: Vec<&'a KdlNode>,
    /// Entries nobody asked for yet, in order.
    entries: Vec<&'a KdlEntry>,
    fields: Vec<Field>,
    properties: Vec<Field>,
    values_known: bool,
    missing: Vec<Field>,
}

impl<'a> Dec<'a> {
    pub(super) fn document(reading: &'a Reading, document: &'a KdlDocument) -> Self {
        Self::over(reading, None, document.nodes().iter().collect(), Vec::new())
    }

    fn node(reading: &'a Reading, node: &'a KdlNode) -> Self {
        let children = node.children().map_or(&[][..], KdlDocument::nodes);
        let entries = node.entries().iter().collect();
        Self::over(reading, Some(node), children.iter().collect(), entries)
    }

    fn over(
        reading: &'a Reading,
        node: Option<&'a KdlNode>,
        children: Vec<&'a KdlNode>,
        entries: Vec<&'a KdlEntry>,
    ) -> Self {
        Self {
            reading,
            node,
            children,
            entries,
            fields: Vec::new(),
            properties: Vec::new(),
            values_known: false,
            missing: Vec::new(),
        }
    }

    /// Returns the file that is being decoded.
    pub fn reading(&self) -> &'a Reading {
        self.reading
    }

    /// Returns the name of the node, empty for the top level.
    pub fn name(&self) -> &'a str {
        self.node.map_or("", |it| it.name().value())
    }

    /// Returns where the name of the node stands; the start of the file for the top level.
    pub fn name_location(&self) -> Location {
        let span = self.node.map_or(0..0, |it| span_range(it.name().span()));
        self.reading.location(span)
    }

    /// Returns where name and first value of the node stand: `image "api"`.
    pub fn head_location(&self) -> Location {
        let mut location = self.name_location();
        let first = self.node.and_then(|it| it.entries().first());
        if let Some(first) = first.filter(|it| it.name().is_none()) {
            location.span.end = entry_span(first).end;
        }
        location
    }

    /// Says whether the node has braces.
    pub fn has_block(&self) -> bool {
        self.node.is_some_and(|it| it.children().is_some())
    }

    /// Adds a diagnostic.
    pub fn report(&self, diagnostic: Diagnostic) {
        self.reading.report(diagnostic);
    }

    fn given(&self, entry: &'a KdlEntry) -> Given<'a> {
        Given {
            reading: self.reading,
            entry,
            owner: self.name(),
        }
    }

    // --- values and properties of the node itself

    /// Takes the next plain value, if there is one.
    pub fn value(&mut self) -> Option<Given<'a>> {
        self.values_known = true;
        let at = self.entries.iter().position(|it| it.name().is_none())?;
        let entry = self.entries.remove(at);
        Some(self.given(entry))
    }

    /// Takes the next plain value; reports when there is none. `doc` says what it is.
    pub fn required_value(&mut self, doc: &str) -> Option<Given<'a>> {
        let value = self.value();
        if value.is_none() && !self.touches_poison() {
            let name = self.name();
            self.report(
                Diagnostic::error(Code::MissingValue, format!("`{name}` needs a value"))
                    .at(&self.name_location(), "nothing follows")
                    .help(format!("give {doc}")),
            );
        }
        value
    }

    /// Takes all plain values that are left.
    pub fn values(&mut self) -> Vec<Given<'a>> {
        std::iter::from_fn(|| self.value()).collect()
    }

    /// Takes all plain values; reports when there is none.
    pub fn required_values(&mut self, doc: &str) -> Vec<Given<'a>> {
        let mut all: Vec<_> = self.required_value(doc).into_iter().collect();
        all.extend(self.values());
        all
    }

    /// Takes the property `name=`, if it is given.
    pub fn property(&mut self, name: &'static str, doc: &'static str) -> Option<Given<'a>> {
        self.properties.push(Field { name, doc });
        self.take_property(|key| key == name).pop()
    }

    /// Takes all properties: for nodes whose keys are free.
    pub fn all_properties(&mut self) -> Vec<Given<'a>> {
        let mut found: Vec<Given<'a>> = Vec::new();
        for given in self.take_property(|_| true) {
            // A key given twice has been reported; the last one holds.
            found.retain(|it| it.key() != given.key());
            found.push(given);
        }
        found
    }

    fn take_property(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<Given<'a>> {
        let is_wanted = |it: &&KdlEntry| it.name().is_some_and(|key| wanted(key.value()));
        let (taken, left) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(is_wanted);
        self.entries = left;
        let taken: Vec<&KdlEntry> = taken;
        taken.into_iter().map(|it| self.given(it)).collect()
    }

    // --- children

    /// Takes every child of this name, in order.
    pub fn children(&mut self, name: &'static str, doc: &'static str) -> Vec<Self> {
        self.fields.push(Field { name, doc });
        let (taken, left) = std::mem::take(&mut self.children)
            .into_iter()
            .partition(|it| it.name().value() == name);
        self.children = left;
        let taken: Vec<&KdlNode> = taken;
        taken
            .into_iter()
            .map(|it| Self::node(self.reading, it))
            .collect()
    }

    /// Takes every child with one of the names, in the order of the file.
    pub fn ordered_children(&mut self, names: &[(&'static str, &'static str)]) -> Vec<Self> {
        self.fields
            .extend(names.iter().map(|(name, doc)| Field { name, doc }));
        let is_wanted = |it: &&KdlNode| names.iter().any(|name| name.0 == it.name().value());
        let (taken, left) = std::mem::take(&mut self.children)
            .into_iter()
            .partition(is_wanted);
        self.children = left;
        let taken: Vec<&KdlNode> = taken;
        taken
            .into_iter()
            .map(|it| Self::node(self.reading, it))
            .collect()
    }

    /// Takes all children that are left: for blocks whose names are free.
    pub fn all_children(&mut self) -> Vec<Self> {
        let reading = self.reading;
        let taken = std::mem::take(&mut self.children);
        taken
            .into_iter()
            .map(|it| Self::node(reading, it))
            .collect()
    }

    /// Takes the child of this name; reports a second one.
    pub fn child(&mut self, name: &'static str, doc: &'static str) -> Option<Self> {
        let mut found = self.children(name, doc).into_iter();
        let first = found.next()?;
        for again in found {
            self.report(
                Diagnostic::error(Code::DuplicateName, format!("`{name}` is given twice"))
                    .at(&again.name_location(), "again here")
                    .at(&first.name_location(), "first given here")
                    .help("keep one of them"),
            );
        }
        Some(first)
    }

    /// Takes the child of this name and decodes it with `read`; reports what `read` did not ask for.
    pub fn block<T>(
        &mut self,
        name: &'static str,
        doc: &'static str,
        read: impl FnOnce(&mut Self) -> T,
    ) -> Option<T> {
        let mut child = self.child(name, doc)?;
        let value = read(&mut child);
        child.finish();
        Some(value)
    }

    /// Decodes a child with one text.
    pub fn text(&mut self, name: &'static str, doc: &'static str) -> Option<Sourced<String>> {
        self.block(name, doc, |it| it.required_value(doc)?.text())?
    }

    /// Decodes a child with one whole number in `range`.
    pub fn integer(
        &mut self,
        name: &'static str,
        doc: &'static str,
        range: RangeInclusive<i64>,
    ) -> Option<Sourced<i64>> {
        self.block(name, doc, |it| it.required_value(doc)?.integer(range))?
    }

    /// Decodes a flag: bare, `#true` or `#false`.
    pub fn flag(&mut self, name: &'static str, doc: &'static str) -> Option<Sourced<bool>> {
        self.block(name, doc, |it| match it.value() {
            Some(given) => given.flag(),
            None => Some(Sourced::new(true, it.name_location())),
        })?
    }

    /// Decodes a child that may repeat and holds one or more texts; empty where it is not given.
    pub fn texts(&mut self, name: &'static str, doc: &'static str) -> Vec<Sourced<String>> {
        let mut texts = Vec::new();
        for mut child in self.children(name, doc) {
            texts.extend(child.required_values(doc).iter().filter_map(Given::text));
            child.finish();
        }
        texts
    }

    /// Reports that a field is missing unless a name close to it was used instead; call it where the field was not found.
    pub fn missing(&mut self, name: &'static str) {
        let field = self.fields.iter().find(|it| it.name == name).copied();
        self.missing.extend(field);
    }

    /// Reports that a property is missing.
    pub fn missing_property(&mut self, name: &'static str) {
        let Some(field) = self.properties.iter().find(|it| it.name == name) else {
            return;
        };
        let owner = self.name();
        self.report(
            Diagnostic::error(Code::MissingName, format!("`{owner}` has no `{name}=`"))
                .at(&self.head_location(), format!("needs `{name}=`"))
                .help(format!("add `{name}=\"..\"`: {}", field.doc)),
        );
    }

    /// Says whether the node has a child of this name, read or not.
    pub fn was_given(&self, name: &str) -> bool {
        let children = self.node.and_then(KdlNode::children);
        children.is_some_and(|it| it.nodes().iter().any(|it| it.name().value() == name))
    }

    /// Says whether a child has a name that may have been meant to be `name`.
    pub fn has_slip_of(&self, name: &str) -> bool {
        self.children.iter().any(|it| {
            suggest::closest(it.name().value(), &[name]).is_some()
                || self.reading.is_poisoned(&span_range(it.name().span()))
        })
    }

    /// Refuses children that the grammar has and this version cannot carry out.
    pub fn not_yet(&mut self, names: &[&'static str]) {
        for name in names {
            for child in self.children(name, "not supported yet") {
                child.refuse_not_yet(&format!("`{name}`"));
            }
        }
    }

    /// Refuses properties that the grammar has and this version cannot carry out.
    pub fn not_yet_properties(&mut self, names: &[&'static str]) {
        for name in names {
            if let Some(given) = self.property(name, "not supported yet") {
                self.report(not_yet(&format!("`{name}=`"), &given.key_location()));
            }
        }
    }

    /// Refuses this node as one that this version cannot carry out.
    pub fn refuse_not_yet(&self, what: &str) {
        self.report(not_yet(what, &self.name_location()));
    }

    fn touches_poison(&self) -> bool {
        self.node
            .is_some_and(|it| self.reading.is_poisoned(&span_range(it.span())))
    }

    // --- what nobody asked for

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
        self.report(
            Diagnostic::error(Code::TooManyValues, message)
                .at(&self.reading.location(span), label)
                .help("remove it"),
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

/// Says that something of the grammar is not supported yet.
pub(crate) fn not_yet(what: &str, at: &Location) -> Diagnostic {
    Diagnostic::error(
        Code::NotSupportedYet,
        format!("{what} is not supported yet"),
    )
    .at(at, "this version cannot carry it out")
    .help("remove it for now; it is part of the language and will come")
}
