//! Recording what decoders ask for: they run over nodes that are not there, and every call leaves a field.
//!
//! In the first run every node, property and value seems to be given, so that each decoder asks for all it knows. Then there is
//! one run for each node in which nothing is given below it: what the decoder then calls missing is required.

use std::cell::RefCell;
use std::sync::Arc;

use kdl::KdlDocument;

use crate::diag::{Location, Source};

use super::shape::{FieldShape, Kind, Shape, ValueShape};
use super::{Dec, Reading};

/// A decoder that asks for values without an end is stopped after this many.
const MOST_VALUES: usize = 8;

/// What a decoder says of a text that it has read; it matters only while fields are recorded.
#[derive(Debug, Clone, Copy)]
pub enum Mark<'a> {
    /// `{{ }}` has no meaning in it.
    Plain,
    /// `{{ }}` is evaluated in it, though it is a name.
    Evaluated,
    /// It is one of these words.
    Words(&'a [&'a str]),
    /// It is the name of a node of this kind.
    Refers(&'static str),
    /// It is of this kind.
    Kind(Kind),
}

/// What has been asked for so far.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    nodes: RefCell<Vec<NodeRecord>>,
    values: RefCell<Vec<ValueShape>>,
    /// The node under which nothing is given; `None` in the run in which everything is.
    focus: Option<Vec<String>>,
    required: RefCell<Vec<String>>,
}

#[derive(Debug, Default)]
struct NodeRecord {
    path: Vec<String>,
    values: Vec<usize>,
    properties: Vec<(FieldShape, usize)>,
    any_property: Option<usize>,
    children: Vec<(FieldShape, usize)>,
    any_child: Option<usize>,
}

/// The name of a child whose name is free, in a path.
const ANY: &str = "*";

impl Recorder {
    fn new(focus: Option<Vec<String>>) -> Self {
        let recorder = Self {
            focus,
            ..Self::default()
        };
        recorder.nodes.borrow_mut().push(NodeRecord::default());
        // Places of values are their numbers; place 0 is that of no value.
        recorder.values.borrow_mut().push(ValueShape::default());
        recorder
    }

    /// Notes that `owner` was asked for a child, and returns it if it is to be there.
    pub(super) fn child(
        &self,
        owner: usize,
        name: &str,
        doc: &str,
        repeats: bool,
    ) -> Option<usize> {
        let mut nodes = self.nodes.borrow_mut();
        let known = nodes[owner].children.iter().find(|it| it.0.name == name);
        let at = if let Some(known) = known {
            known.1
        } else {
            let at = nodes.len();
            let mut path = nodes[owner].path.clone();
            path.push(name.to_owned());
            nodes.push(NodeRecord {
                path,
                ..NodeRecord::default()
            });
            let field = field(name, doc, repeats);
            nodes[owner].children.push((field, at));
            at
        };
        self.is_given(&nodes[at].path).then_some(at)
    }

    /// Notes that `owner` was asked for children of any name.
    pub(super) fn any_child(&self, owner: usize) -> Option<usize> {
        let mut nodes = self.nodes.borrow_mut();
        let at = nodes[owner].any_child.unwrap_or(nodes.len());
        if at == nodes.len() {
            let mut path = nodes[owner].path.clone();
            path.push(ANY.to_owned());
            nodes.push(NodeRecord {
                path,
                ..NodeRecord::default()
            });
            nodes[owner].any_child = Some(at);
        }
        self.is_given(&nodes[at].path).then_some(at)
    }

    fn is_given(&self, path: &[String]) -> bool {
        self.focus.as_ref().is_none_or(|it| it.starts_with(path))
    }

    fn is_focus(&self, path: &[String]) -> bool {
        self.focus.as_ref().is_some_and(|it| it == path)
    }

    /// Notes that `owner` was asked for a plain value; returns its number.
    pub(super) fn value(&self, owner: usize) -> Option<usize> {
        let mut nodes = self.nodes.borrow_mut();
        if nodes[owner].values.len() == MOST_VALUES {
            return None;
        }
        let at = self.new_value();
        nodes[owner].values.push(at);
        Some(at)
    }

    fn new_value(&self) -> usize {
        let mut values = self.values.borrow_mut();
        values.push(ValueShape {
            template: true,
            ..ValueShape::default()
        });
        values.len() - 1
    }

    /// Changes what is known of a value.
    pub(super) fn change(&self, value: usize, change: impl FnOnce(&mut ValueShape)) {
        if let Some(found) = self.values.borrow_mut().get_mut(value) {
            change(found);
        }
    }

    /// Notes what a value was read as; what was said of it first holds.
    pub(super) fn read_as(&self, value: usize, kind: Kind) {
        self.change(value, |it| {
            it.kind.get_or_insert(kind);
            if !matches!(kind, Kind::Text | Kind::Scalar | Kind::Path) {
                it.template = false;
            }
        });
    }

    pub(super) fn mark(&self, value: usize, mark: Mark<'_>) {
        self.change(value, |it| match mark {
            Mark::Plain => it.template = false,
            Mark::Evaluated => it.template = true,
            Mark::Words(words) => {
                it.template = false;
                it.words = words.iter().map(|it| (*it).to_owned()).collect();
            }
            Mark::Refers(kind) => {
                it.template = false;
                it.refers = Some(kind);
            }
            Mark::Kind(kind) => {
                it.kind = Some(kind);
                if !matches!(kind, Kind::Text | Kind::Scalar | Kind::Path) {
                    it.template = false;
                }
            }
        });
    }

    /// Notes that `owner` was asked for a property; returns the number of its value if it is to be there.
    pub(super) fn property(&self, owner: usize, name: &str, doc: &str) -> Option<usize> {
        let at = self.new_value();
        let mut nodes = self.nodes.borrow_mut();
        let node = &mut nodes[owner];
        if !node.properties.iter().any(|it| it.0.name == name) {
            node.properties.push((field(name, doc, false), at));
        }
        let given = !self.is_focus(&node.path);
        given.then_some(at)
    }

    /// Notes that `owner` was asked for properties of any key.
    pub(super) fn any_property(&self, owner: usize) -> Option<usize> {
        let at = self.new_value();
        let mut nodes = self.nodes.borrow_mut();
        nodes[owner].any_property.get_or_insert(at);
        let given = !self.is_focus(&nodes[owner].path);
        given.then_some(at)
    }

    /// Says whether children and properties of this node seem to be given.
    pub(super) fn has_fields(&self, owner: usize) -> bool {
        !self.is_focus(&self.nodes.borrow()[owner].path)
    }

    /// Notes that a field of `owner` was missed.
    pub(super) fn missed(&self, owner: usize, name: &str) {
        if self.is_focus(&self.nodes.borrow()[owner].path) {
            self.required.borrow_mut().push(name.to_owned());
        }
    }

    /// Changes what is known of a field of `owner`.
    pub(super) fn change_field(
        &self,
        owner: usize,
        name: &str,
        change: impl FnOnce(&mut FieldShape),
    ) {
        let mut nodes = self.nodes.borrow_mut();
        let node = &mut nodes[owner];
        let fields = node.children.iter_mut().chain(&mut node.properties);
        if let Some((field, _)) = fields.into_iter().find(|it| it.0.name == name) {
            change(field);
        }
    }

    fn shape(&self, at: usize) -> Shape {
        let nodes = self.nodes.borrow();
        let values = self.values.borrow();
        let node = &nodes[at];
        let mut shape = Shape {
            any_property: node.any_property.map(|it| Box::new(values[it].clone())),
            ..Shape::default()
        };
        for value in &node.values {
            shape.values.push(values[*value].clone());
        }
        if shape.values.len() == MOST_VALUES {
            shape.values.truncate(1);
            shape.values[0].many = true;
        }
        for (field, value) in &node.properties {
            let mut field = field.clone();
            field.shape.values.push(values[*value].clone());
            shape.properties.push(field);
        }
        for (field, child) in &node.children {
            let mut field = field.clone();
            field.shape = self.shape(*child);
            shape.children.push(field);
        }
        shape.any_child = node.any_child.map(|it| Box::new(self.shape(it)));
        shape
    }
}

fn field(name: &str, doc: &str, repeats: bool) -> FieldShape {
    FieldShape {
        name: name.to_owned(),
        doc: doc.to_owned(),
        required: false,
        repeats,
        supported: true,
        shape: Shape::default(),
    }
}

/// Returns what `read` asks of the top level and of everything below it.
pub fn record(read: impl Fn(&mut Dec<'_>)) -> Shape {
    let reading = run(&read, None);
    let recorder = reading.recorder.as_ref().expect("a recording records");
    let paths: Vec<Vec<String>> = {
        let nodes = recorder.nodes.borrow();
        nodes.iter().map(|it| it.path.clone()).collect()
    };
    let mut shape = recorder.shape(0);
    for path in paths {
        let run = run(&read, Some(path.clone()));
        let recorder = run.recorder.as_ref().expect("a recording records");
        for name in recorder.required.borrow().iter() {
            require(&mut shape, &path, name);
        }
    }
    shape
}

fn run(read: &impl Fn(&mut Dec<'_>), focus: Option<Vec<String>>) -> Reading {
    let mut reading = Reading::new(&Source::new("", ""));
    // The one value that every value seems to be.
    reading.document = KdlDocument::parse_v2("x \"x\"").expect("this is a node");
    reading.recorder = Some(Recorder::new(focus));
    read(&mut reading.top());
    reading
}

fn require(shape: &mut Shape, path: &[String], name: &str) {
    let mut at = shape;
    for part in path {
        let next = if part == ANY {
            at.any_child.as_deref_mut()
        } else {
            let found = at.children.iter_mut().find(|it| it.name == *part);
            found.map(|it| &mut it.shape)
        };
        let Some(next) = next else { return };
        at = next;
    }
    let fields = at.children.iter_mut().chain(&mut at.properties);
    for field in fields.filter(|it| it.name == name) {
        field.required = true;
    }
}

impl Reading {
    /// Notes something about a text that a decoder has read. Nothing happens unless fields are recorded.
    pub fn mark(&self, text: &Location, mark: Mark<'_>) {
        if let Some(recorder) = &self.recorder
            && Arc::ptr_eq(&text.source, &self.source)
        {
            recorder.mark(text.span.start, mark);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::shape::Form;
    use super::*;

    fn read(top: &mut Dec<'_>) {
        for mut node in top.children("tool", "a tool") {
            let name = node.required_value("its name").and_then(|it| it.text());
            if let Some(name) = &name {
                node.reading().mark(&name.location, Mark::Kind(Kind::Name));
            }
            let size = node.integer("size", "how large it is", 1..=9);
            if size.is_none() {
                node.missing("size");
            }
            if node.property("from", "where it is from").is_none() {
                node.missing_property("from");
            }
            node.block("parts", "what it is made of", |it| {
                for mut part in it.all_children() {
                    part.values().iter().for_each(|it| drop(it.scalar()));
                    part.finish();
                }
            });
            node.flag("sharp", "whether it cuts");
            node.block("between", "two numbers", |it| {
                let low = it.required_value("low")?.integer(0..=1)?;
                let high = it.required_value("high")?.integer(0..=1)?;
                Some((low, high))
            });
            node.not_yet(&["handle"]);
            node.finish();
        }
    }

    #[test]
    fn a_decoder_run_over_nothing_leaves_its_fields() {
        let shape = record(read);
        let tool = shape.child("tool").expect("tool");
        assert_eq!((tool.cardinality(), tool.doc.as_str()), ('*', "a tool"));
        let name = tool.shape.value(0).expect("name");
        assert_eq!((name.kind, name.required), (Some(Kind::Name), true));
        let size = tool.shape.child("size").expect("size");
        assert_eq!(size.cardinality(), '!');
        assert_eq!(size.shape.values[0].kind, Some(Kind::Integer(1, 9)));
        assert!(tool.shape.property("from").expect("from").required);
        let parts = tool.shape.child("parts").expect("parts");
        let any = parts.shape.any_child.as_ref().expect("any");
        assert_eq!(any.form(), Form::List);
        let forms: Vec<Form> = tool
            .shape
            .children
            .iter()
            .map(|it| it.shape.form())
            .collect();
        assert_eq!(
            forms,
            [
                Form::Value,
                Form::Block,
                Form::Flag,
                Form::Value,
                Form::Bare
            ]
        );
        let handle = tool.shape.child("handle").expect("handle");
        assert!(!handle.supported);
    }
}
