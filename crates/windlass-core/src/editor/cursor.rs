//! Where the cursor is: which node, which value, inside of an expression or not.

use std::ops::Range;

use crate::format::token::Kind;

use super::outline::{Level, Role, Statement, walk};

/// The place of the cursor.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    pub(super) path: Vec<Level>,
    /// The node in front of the cursor on its line.
    pub(super) statement: Option<Statement>,
    pub(super) spot: Spot,
    /// The word under the cursor; a quoted text with its quotes, in an expression one name.
    pub(super) word: Option<Range<usize>>,
    /// The word is in quotes.
    pub(super) quoted: bool,
    /// The byte offset that was asked for.
    pub(super) offset: usize,
}

impl Cursor {
    /// Returns what something that is completed here replaces.
    pub(super) fn replaced(&self) -> Range<usize> {
        self.word.clone().unwrap_or(self.offset..self.offset)
    }
}

/// What is or can be written at the cursor.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) enum Spot {
    /// The name of a node.
    Name,
    /// The plain value with this number.
    Value(usize),
    /// The value of a property.
    Property(String),
    /// A name in `{{ }}`, as far as it is written: `var.vers`.
    Template(String),
    /// Nothing: a comment, or behind a block.
    #[default]
    Nothing,
}

/// Finds out where a byte offset is.
pub(super) fn find(text: &str, offset: usize) -> Cursor {
    let mut cursor = Cursor {
        spot: Spot::Name,
        offset,
        ..Cursor::default()
    };
    walk(text, |step| {
        if step.range.start > offset {
            return false;
        }
        let touches = offset <= step.range.end;
        let is_word = matches!(step.role, Role::Name | Role::Value(_) | Role::Property(_));
        let inside = offset > step.range.start || is_word;
        if touches && inside {
            let quoted = matches!(step.token.kind, Kind::Text | Kind::Multiline);
            let word = is_word.then(|| step.range.clone());
            let gap = |it: Option<&Statement>| match it {
                None => Spot::Name,
                Some(it) if it.closed => Spot::Nothing,
                Some(it) => match &it.key {
                    Some(key) => Spot::Property(key.clone()),
                    None => Spot::Value(it.values),
                },
            };
            let spot = match &step.role {
                Role::Name => Spot::Name,
                Role::Value(at) => Spot::Value(*at),
                Role::Property(key) => Spot::Property(key.clone()),
                Role::Gap => gap(step.statement.as_ref()),
                Role::Sign => sign(step.token.kind, step.statement.as_ref()),
            };
            let ends_line = matches!(step.token.kind, Kind::Newline | Kind::Semicolon);
            cursor = Cursor {
                path: step.path,
                spot: if ends_line && offset == step.range.end {
                    Spot::Name
                } else {
                    spot
                },
                statement: step.statement.filter(|_| !ends_line),
                word,
                quoted,
                offset,
            };
            match step.token.kind {
                Kind::Open => cursor.path.push(opened(cursor.statement.take())),
                Kind::Close => drop(cursor.path.pop()),
                _ => {}
            }
            if quoted {
                in_template(text, &step.range, offset, &mut cursor);
            }
            // A word is what counts; between two tokens the later one is looked at as well.
            return !is_word && offset == step.range.end;
        }
        true
    });
    cursor
}

fn opened(statement: Option<Statement>) -> Level {
    let statement = statement.unwrap_or_default();
    Level {
        name: statement.name,
        properties: statement.properties,
    }
}

fn sign(kind: Kind, statement: Option<&Statement>) -> Spot {
    match (kind, statement) {
        (Kind::Open | Kind::Semicolon, _) => Spot::Name,
        (_, Some(statement)) if statement.closed => Spot::Nothing,
        (Kind::Equals, Some(statement)) => {
            statement.key.clone().map_or(Spot::Nothing, Spot::Property)
        }
        // The key of a property that is being written.
        (Kind::Word | Kind::Text, Some(statement)) => Spot::Value(statement.values),
        _ => Spot::Nothing,
    }
}

/// Looks whether the cursor is between `{{` and `}}` of a text, and which name it touches.
fn in_template(text: &str, token: &Range<usize>, offset: usize, cursor: &mut Cursor) {
    let before = &text[token.start..offset.min(token.end)];
    let Some(open) = before.rfind("{{") else {
        return;
    };
    if before[open..].contains("}}") {
        return;
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    let start = before.rfind(|c| !is_name(c)).map_or(0, |it| {
        it + before[it..].chars().next().map_or(1, char::len_utf8)
    });
    let start = token.start + start;
    let rest = &text[offset..token.end];
    let end = offset + rest.find(|c| !is_name(c)).unwrap_or(rest.len());
    cursor.spot = Spot::Template(text[start..end].to_owned());
    cursor.word = Some(start..end);
}
