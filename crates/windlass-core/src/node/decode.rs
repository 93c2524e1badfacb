//! The cursor over one node: one call a field decodes it, and whatever no call asked for is reported at the end.

mod finish;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use kdl::{KdlDocument, KdlEntry, KdlIdentifier, KdlNode};

use crate::diag::{Code, Diagnostic, Location, Sourced};

use super::record::Recorder;
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
    name: &'a str,
    /// The number of this node while fields are recorded.
    record: Option<usize>,
    /// Children nobody asked for yet, in order.
    children: Vec<&'a KdlNode>,
    /// Entries nobody asked for yet, in order.
    entries: Vec<&'a KdlEntry>,
    fields: Vec<Field>,
    properties: Vec<Field>,
    values_known: bool,
    /// Whether its properties have names of their own: nothing is said by a value.
    free_keys: bool,
    missing: Vec<Field>,
}

impl<'a> Dec<'a> {
    pub(super) fn document(reading: &'a Reading, document: &'a KdlDocument) -> Self {
        if reading.recorder.is_some() {
            return Self::recording(reading, 0, "");
        }
        Self::over(reading, None, document.nodes().iter().collect(), Vec::new())
    }

    /// A node that is not there, whose fields are recorded under this number.
    fn recording(reading: &'a Reading, record: usize, name: &'a str) -> Self {
        Self {
            record: Some(record),
            name,
            ..Self::over(reading, None, Vec::new(), Vec::new())
        }
    }

    fn recorder(&self) -> Option<(&'a Recorder, usize)> {
        Some((self.reading.recorder.as_ref()?, self.record?))
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
            name: node.map_or("", |it| it.name().value()),
            record: None,
            children,
            entries,
            fields: Vec::new(),
            properties: Vec::new(),
            values_known: false,
            free_keys: false,
            missing: Vec::new(),
        }
    }

    /// Returns the file that is being decoded.
    pub fn reading(&self) -> &'a Reading {
        self.reading
    }

    /// Returns the name of the node, empty for the top level.
    pub fn name(&self) -> &'a str {
        self.name
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

    /// Returns names and places of the children that nobody asked for yet, in order.
    pub fn heads(&self) -> Vec<(&'a str, Location)> {
        let spans = self
            .children
            .iter()
            .map(|it| (it.name().value(), span_range(it.name().span())));
        let good = spans.filter(|(_, span)| !self.reading.is_poisoned(span));
        good.map(|(name, span)| (name, self.reading.location(span)))
            .collect()
    }

    /// Returns names of the children that nobody asked for yet with their whole texts, in order.
    pub fn bodies(&self) -> Vec<(&'a str, Location)> {
        let body = |it: &&'a KdlNode| {
            let mut span = span_range(it.span());
            let text = &self.reading.source.text;
            let text = text.get(span.clone()).unwrap_or_default();
            span.start += text.len() - text.trim_start().len();
            span.end = span.start + text.trim().len();
            (it.name().value(), self.reading.location(span))
        };
        self.children.iter().map(body).collect()
    }

    /// Says whether the node has braces.
    pub fn has_block(&self) -> bool {
        match self.recorder() {
            Some((recorder, at)) => recorder.has_fields(at),
            None => self.node.is_some_and(|it| it.children().is_some()),
        }
    }

    /// Adds a diagnostic.
    pub fn report(&self, diagnostic: Diagnostic) {
        self.reading.report(diagnostic);
    }

    fn given(&self, entry: &'a KdlEntry) -> Given<'a> {
        Given {
            reading: self.reading,
            entry,
            owner: self.name,
            record: None,
        }
    }

    /// A value that is not there, recorded under this number.
    fn recorded(&self, value: usize, key: Option<&'a str>) -> Option<Given<'a>> {
        let entry = self.reading.document.nodes().first()?.entries().first()?;
        Some(Given {
            record: Some((value, key)),
            ..self.given(entry)
        })
    }

    // --- values and properties of the node itself

    /// Takes the next plain value, if there is one.
    pub fn value(&mut self) -> Option<Given<'a>> {
        self.values_known = true;
        if let Some((recorder, at)) = self.recorder() {
            return self.recorded(recorder.value(at)?, None);
        }
        let at = self.entries.iter().position(|it| it.name().is_none())?;
        let entry = self.entries.remove(at);
        Some(self.given(entry))
    }

    /// Says whether there is a plain value that nobody took.
    pub fn has_value(&self) -> bool {
        self.entries.iter().any(|it| it.name().is_none())
    }

    /// Takes the next plain value; reports when there is none. `doc` says what it is.
    pub fn required_value(&mut self, doc: &str) -> Option<Given<'a>> {
        let value = self.value();
        if let Some(value) = &value {
            value.record(|it| {
                doc.clone_into(&mut it.doc);
                it.required = true;
            });
        }
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
        if self.record.is_some() {
            let all: Vec<_> = self.value().into_iter().collect();
            for value in &all {
                value.record(|it| it.many = true);
            }
            return all;
        }
        self.values_known = true;
        let (taken, left): (Vec<&KdlEntry>, Vec<&KdlEntry>) = std::mem::take(&mut self.entries)
            .into_iter()
            .partition(|it| it.name().is_none());
        self.entries = left;
        taken.into_iter().map(|it| self.given(it)).collect()
    }

    /// Takes all plain values; reports when there is none.
    pub fn required_values(&mut self, doc: &str) -> Vec<Given<'a>> {
        let mut all: Vec<_> = self.required_value(doc).into_iter().collect();
        if self.record.is_some() {
            for value in &all {
                value.record(|it| it.many = true);
            }
            return all;
        }
        all.extend(self.values());
        all
    }

    /// Takes the property `name=`, if it is given.
    pub fn property(&mut self, name: &'static str, doc: &'static str) -> Option<Given<'a>> {
        self.properties.push(Field { name, doc });
        if let Some((recorder, at)) = self.recorder() {
            return self.recorded(recorder.property(at, name, doc)?, Some(name));
        }
        self.take_property(|key| key == name).pop()
    }

    /// Takes all properties: for nodes whose keys are free.
    pub fn all_properties(&mut self) -> Vec<Given<'a>> {
        self.free_keys = true;
        if let Some((recorder, at)) = self.recorder() {
            let value = recorder.any_property(at);
            let given = value.and_then(|it| self.recorded(it, Some("KEY")));
            return given.into_iter().collect();
        }
        // A key given twice has been reported; the last one holds.
        let all = self.take_property(|_| true);
        let mut last = BTreeMap::new();
        for (at, given) in all.iter().enumerate() {
            last.insert(given.entry.name().map(KdlIdentifier::value), at);
        }
        let kept = |(at, given): &(usize, Given<'a>)| {
            last.get(&given.entry.name().map(KdlIdentifier::value)) == Some(at)
        };
        let numbered = all.iter().copied().enumerate();
        numbered.filter(kept).map(|it| it.1).collect()
    }

    fn take_property(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<Given<'a>> {
        let is_wanted = |it: &&KdlEntry| it.name().is_some_and(|key| wanted(key.value()));
        // Most fields are not given: nothing is moved for them.
        if !self.entries.iter().any(&is_wanted) {
            return Vec::new();
        }
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
        self.take_children(name, doc, true)
    }

    fn take_children(&mut self, name: &'static str, doc: &'static str, repeats: bool) -> Vec<Self> {
        self.fields.push(Field { name, doc });
        if let Some((recorder, at)) = self.recorder() {
            let child = recorder.child(at, name, doc, repeats);
            let child = child.map(|it| Self::recording(self.reading, it, name));
            return child.into_iter().collect();
        }
        if !self.children.iter().any(|it| it.name().value() == name) {
            return Vec::new();
        }
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
        if self.record.is_some() {
            let each = names.iter().map(|it| self.children(it.0, it.1));
            return each.collect::<Vec<_>>().into_iter().flatten().collect();
        }
        self.fields
            .extend(names.iter().map(|(name, doc)| Field { name, doc }));
        let is_wanted = |it: &&KdlNode| names.iter().any(|name| name.0 == it.name().value());
        if !self.children.iter().any(&is_wanted) {
            return Vec::new();
        }
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
        if let Some((recorder, at)) = self.recorder() {
            let child = recorder.any_child(at);
            let child = child.map(|it| Self::recording(reading, it, "NAME"));
            return child.into_iter().collect();
        }
        let taken = std::mem::take(&mut self.children);
        taken
            .into_iter()
            .map(|it| Self::node(reading, it))
            .collect()
    }

    /// Takes the child of this name; reports a second one.
    pub fn child(&mut self, name: &'static str, doc: &'static str) -> Option<Self> {
        let mut found = self.take_children(name, doc, false).into_iter();
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
        if let Some((recorder, at)) = self.recorder() {
            recorder.missed(at, name);
            return;
        }
        let field = self.fields.iter().find(|it| it.name == name).copied();
        self.missing.extend(field);
    }

    /// Reports that a property is missing.
    pub fn missing_property(&mut self, name: &'static str) {
        if let Some((recorder, at)) = self.recorder() {
            recorder.missed(at, name);
            return;
        }
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

    /// Says that a field must be given once, where the decoder counts by itself.
    pub fn counts_itself(&self, name: &'static str) {
        if let Some((recorder, at)) = self.recorder() {
            recorder.change_field(at, name, |it| {
                it.required = true;
                it.repeats = false;
            });
        }
    }

    /// Says whether the node has a child of this name, read or not.
    pub fn was_given(&self, name: &str) -> bool {
        if let Some((recorder, at)) = self.recorder() {
            return recorder.has_fields(at);
        }
        let children = self.node.and_then(KdlNode::children);
        children.is_some_and(|it| it.nodes().iter().any(|it| it.name().value() == name))
    }

    /// Says whether a child has a name that may have been meant to be `name`, or a property has it.
    pub fn has_slip_of(&self, name: &str) -> bool {
        let is_property = |it: &&KdlEntry| it.name().is_some_and(|key| key.value() == name);
        self.entries.iter().any(is_property)
            || self.children.iter().any(|it| {
                suggest::closest(it.name().value(), &[name]).is_some()
                    || self.reading.is_poisoned(&span_range(it.name().span()))
            })
    }

    /// Refuses children that the grammar has and this version cannot carry out.
    pub fn not_yet(&mut self, names: &[&'static str]) {
        for name in names {
            let children = self.children(name, "not supported yet");
            if let Some((recorder, at)) = self.recorder() {
                recorder.change_field(at, name, |it| it.supported = false);
                continue;
            }
            for child in children {
                child.refuse_not_yet(&format!("`{name}`"));
            }
        }
    }

    /// Refuses properties that the grammar has and this version cannot carry out.
    pub fn not_yet_properties(&mut self, names: &[&'static str]) {
        for name in names {
            let given = self.property(name, "not supported yet");
            if let Some((recorder, at)) = self.recorder() {
                recorder.change_field(at, name, |it| it.supported = false);
            } else if let Some(given) = given {
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
