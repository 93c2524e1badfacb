//! What can be written at the cursor.

use std::ops::Range;

use crate::node::shape::{FieldShape, Form, Kind, Shape, ValueShape};
use crate::{manifest, pattern};

use super::cursor::{Cursor, Spot};
use super::{Editor, parameters};

/// One thing that can be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// What is shown and filtered by.
    pub label: String,
    /// What it is, in a few words.
    pub detail: String,
    /// What is written.
    pub insert: String,
    /// What it replaces, in bytes.
    pub replace: Range<usize>,
    /// What kind of thing it is.
    pub kind: CompletionKind,
}

/// What a completion stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompletionKind {
    /// A node or a parameter.
    Field,
    /// The key of a property.
    Property,
    /// One of a set of words.
    Word,
    /// The name of something defined.
    Reference,
    /// A name in an expression.
    Variable,
}

pub(super) fn complete(editor: &Editor<'_>, cursor: &Cursor) -> Vec<Completion> {
    match &cursor.spot {
        Spot::Name => names(editor, cursor),
        Spot::Value(at) => {
            let mut all = Vec::new();
            if let Some(field) = statement_field(editor, cursor) {
                if let Some(value) = field.shape.value(*at) {
                    all.extend(values(editor, cursor, value));
                }
                if !cursor.quoted {
                    all.extend(properties(cursor, &field.shape));
                }
            }
            all
        }
        Spot::Property(key) => statement_field(editor, cursor)
            .and_then(|it| it.shape.property(key))
            .and_then(FieldShape::value)
            .map(|it| values(editor, cursor, it))
            .unwrap_or_default(),
        Spot::Template(_) => expressions(editor, cursor),
        Spot::Nothing => Vec::new(),
    }
}

fn statement_field<'a>(editor: &'a Editor<'_>, cursor: &Cursor) -> Option<&'a FieldShape> {
    let statement = cursor.statement.as_ref()?;
    editor.field(&cursor.path, &statement.name)
}

fn names(editor: &Editor<'_>, cursor: &Cursor) -> Vec<Completion> {
    let replace = cursor.replaced();
    let mut all: Vec<Completion> = parameters(cursor)
        .map(|it| Completion {
            label: it.name.to_owned(),
            detail: format!("{}: {}", it.kind.as_str(), it.doc),
            insert: it.name.to_owned(),
            replace: replace.clone(),
            kind: CompletionKind::Field,
        })
        .collect();
    let shape = editor.block(&cursor.path);
    let fields = shape.map_or(&[][..], |it| &it.children);
    all.extend(
        fields
            .iter()
            .filter(|it| it.supported)
            .map(|it| Completion {
                label: it.name.clone(),
                detail: it.doc.clone(),
                insert: inserted(it),
                replace: replace.clone(),
                kind: CompletionKind::Field,
            }),
    );
    all
}

/// Flags and blocks stand alone, everything else goes on with a value.
fn inserted(field: &FieldShape) -> String {
    let alone = matches!(field.shape.form(), Form::Flag | Form::Bare | Form::Block)
        && field.shape.values.iter().all(|it| !it.required);
    if alone {
        field.name.clone()
    } else {
        format!("{} ", field.name)
    }
}

fn properties(cursor: &Cursor, shape: &Shape) -> Vec<Completion> {
    let given = cursor
        .statement
        .as_ref()
        .map_or(&[][..], |it| &it.properties);
    let replace = cursor.replaced();
    shape
        .properties
        .iter()
        .filter(|it| it.supported && given.iter().all(|(key, _)| *key != it.name))
        .map(|it| Completion {
            label: format!("{}=", it.name),
            detail: it.doc.clone(),
            insert: format!("{}=", it.name),
            replace: replace.clone(),
            kind: CompletionKind::Property,
        })
        .collect()
}

fn values(editor: &Editor<'_>, cursor: &Cursor, value: &ValueShape) -> Vec<Completion> {
    let replace = cursor.replaced();
    let item = |text: &str, detail: &str, kind| Completion {
        label: text.to_owned(),
        detail: detail.to_owned(),
        insert: format!("\"{text}\""),
        replace: replace.clone(),
        kind,
    };
    let mut all: Vec<Completion> = value
        .words
        .iter()
        .map(|it| item(it, "", CompletionKind::Word))
        .collect();
    if value.kind == Some(Kind::Flag) && !cursor.quoted {
        all.extend(["#true", "#false"].map(|it| Completion {
            insert: it.to_owned(),
            ..item(it, "", CompletionKind::Word)
        }));
    }
    let Some(kind) = value.refers else {
        return all;
    };
    let defined = editor.definitions.iter().filter(|it| it.kind == kind);
    all.extend(defined.filter(|it| !it.name.contains("{{")).map(|it| {
        let detail = it.doc.as_deref().unwrap_or(&it.file);
        item(&it.name, detail, CompletionKind::Reference)
    }));
    if kind == "pattern" {
        let builtin = pattern::all().iter();
        all.extend(builtin.map(|it| item(&it.reference(), it.doc, CompletionKind::Reference)));
    }
    all
}

fn expressions(editor: &Editor<'_>, cursor: &Cursor) -> Vec<Completion> {
    let replace = cursor.replaced();
    let variables = editor.definitions.iter().filter(|it| it.kind == "var");
    let variables = variables.map(|it| {
        let detail = it.doc.clone().unwrap_or_default();
        (format!("var.{}", it.name), detail)
    });
    let fixed = manifest::template_names().into_iter();
    variables
        .chain(fixed.map(|it| (it, String::new())))
        .map(|(name, detail)| Completion {
            label: name.clone(),
            detail,
            insert: name,
            replace: replace.clone(),
            kind: CompletionKind::Variable,
        })
        .collect()
}
