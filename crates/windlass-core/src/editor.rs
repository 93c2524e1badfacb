//! What an editor asks about a text that is being written: where the cursor is, what can stand there, what a word means and
//! where it is defined.
//!
//! Texts are broken most of the time while somebody types, so nothing here needs one that can be parsed: an outline of tokens is
//! enough. What can stand where is the field list of the language ([`crate::manifest::shape`]).

mod complete;
mod cursor;
mod names;
mod outline;

use std::ops::Range;

use crate::node::shape::{FieldShape, Shape};
use crate::pattern;

pub use self::complete::{Completion, CompletionKind};
pub use self::names::{Definition, definitions};

use self::cursor::{Cursor, Spot};
use self::outline::{Level, Statement};

/// One file and what is known of the workspace around it.
#[derive(Debug)]
pub struct Editor<'a> {
    /// The text as it is in the editor.
    pub text: &'a str,
    /// The field list of the language.
    pub shape: &'a Shape,
    /// Everything that is defined in the workspace, this file included.
    pub definitions: &'a [Definition],
}

impl Editor<'_> {
    /// Returns what can be written at a byte offset.
    pub fn complete(&self, offset: usize) -> Vec<Completion> {
        complete::complete(self, &cursor::find(self.text, offset))
    }

    /// Returns what is to be said about the word at a byte offset, as Markdown, and where the word stands.
    pub fn hover(&self, offset: usize) -> Option<(Range<usize>, String)> {
        let cursor = cursor::find(self.text, offset);
        let word = cursor.word.clone()?;
        if let Some(name) = self.name_at(&cursor) {
            let found = self.definitions.iter().find(|it| it.is(&name.0, &name.1))?;
            return Some((word, found.describe()));
        }
        let text = match &cursor.spot {
            Spot::Name => self.describe_name(&cursor),
            Spot::Value(at) => {
                let statement = cursor.statement.as_ref()?;
                self.describe_value(&cursor, statement, *at)
            }
            Spot::Property(key) => {
                let statement = cursor.statement.as_ref()?;
                let owner = self.field(&cursor.path, &statement.name)?;
                owner.shape.property(key).map(describe_field)
            }
            Spot::Template(_) | Spot::Nothing => None,
        };
        Some((word, text?))
    }

    /// Returns where the name at a byte offset is defined.
    pub fn definition(&self, offset: usize) -> Option<&Definition> {
        let (kind, name) = self.name_at(&cursor::find(self.text, offset))?;
        self.definitions.iter().find(|it| it.is(&kind, &name))
    }

    /// Returns kind and name of what the word under the cursor refers to.
    fn name_at(&self, cursor: &Cursor) -> Option<(String, String)> {
        if let Spot::Template(expression) = &cursor.spot {
            let name = expression.strip_prefix("var.")?;
            return Some(("var".to_owned(), name.to_owned()));
        }
        let statement = cursor.statement.as_ref()?;
        let field = self.field(&cursor.path, &statement.name)?;
        let value = match &cursor.spot {
            Spot::Value(at) => field.shape.value(*at)?,
            Spot::Property(key) => field.shape.property(key)?.value()?,
            _ => return None,
        };
        let word = self.text.get(cursor.word.clone()?)?;
        Some((value.refers?.to_owned(), word.trim_matches('"').to_owned()))
    }

    /// Returns what the block at a path takes.
    fn block(&self, path: &[Level]) -> Option<&Shape> {
        let mut at = self.shape;
        for level in path {
            at = match at.child(&level.name) {
                Some(field) => &field.shape,
                None => at.any_child.as_deref()?,
            };
        }
        Some(at)
    }

    fn field(&self, path: &[Level], name: &str) -> Option<&FieldShape> {
        self.block(path)?.child(name)
    }

    fn describe_name(&self, cursor: &Cursor) -> Option<String> {
        let name = self.text.get(cursor.word.clone()?)?.trim_matches('"');
        if let Some(parameter) = parameters(cursor).find(|it| it.name == name) {
            return Some(format!(
                "`{name}` ({})\n\n{}",
                parameter.kind.as_str(),
                parameter.doc
            ));
        }
        self.field(&cursor.path, name).map(describe_field)
    }

    fn describe_value(&self, cursor: &Cursor, statement: &Statement, at: usize) -> Option<String> {
        let field = self.field(&cursor.path, &statement.name)?;
        let value = field.shape.value(at)?;
        let doc = if value.doc.is_empty() {
            &field.doc
        } else {
            &value.doc
        };
        Some(format!("`{}`: {doc}", field.name))
    }
}

/// Returns the parameters of the pattern whose `with` the cursor is in.
fn parameters(cursor: &Cursor) -> impl Iterator<Item = &'static pattern::Parameter> {
    let image = cursor
        .path
        .last()
        .filter(|it| it.name == "with")
        .and_then(|_| cursor.path.iter().rev().nth(1));
    let named = image.and_then(|it| it.properties.iter().find(|it| it.0 == "pattern"));
    let found = named.and_then(|(_, reference)| {
        let (name, major) = reference.split_once('@')?;
        pattern::find(name, major.parse().ok()?).ok()
    });
    found.into_iter().flat_map(|it| it.parameters)
}

fn describe_field(field: &FieldShape) -> String {
    let often = match field.cardinality() {
        '!' => "required",
        '+' => "required, may be repeated",
        '*' => "may be repeated",
        _ => "at most once",
    };
    let takes = crate::manifest::schema::takes(&field.shape);
    let mut text = format!("`{}`: {}\n\ntakes {takes}; {often}", field.name, field.doc);
    if !field.supported {
        text.push_str("; not supported yet");
    }
    text
}

#[cfg(test)]
mod tests;
