//! The outline of a text: statements and the blocks around them, whether it can be parsed or not.

use std::ops::Range;

use crate::format::token::{Kind, Token, tokens};

/// A node whose block is open.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) name: String,
    pub(super) properties: Vec<(String, String)>,
}

/// The node that is being written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Statement {
    pub(super) name: String,
    /// How many plain values it has so far.
    pub(super) values: usize,
    pub(super) properties: Vec<(String, String)>,
    /// The key in front of an equals sign.
    pub(super) key: Option<String>,
    /// Its block has been closed: nothing more belongs to it.
    pub(super) closed: bool,
}

/// What one token is in the outline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Role {
    /// The name of a node.
    Name,
    /// The plain value with this number.
    Value(usize),
    /// The value of a property.
    Property(String),
    /// Space and line ends between.
    Gap,
    /// Comments, braces and other signs.
    Sign,
}

/// A token with what it is and what is around it.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) token: Token<'a>,
    pub(super) range: Range<usize>,
    pub(super) role: Role,
    /// The open blocks around it.
    pub(super) path: Vec<Level>,
    /// The node in front of it on its line.
    pub(super) statement: Option<Statement>,
}

/// Walks through a text; `visit` sees every token and says whether to go on.
pub(super) fn walk<'a>(text: &'a str, mut visit: impl FnMut(Step<'a>) -> bool) {
    let all = tokens(text);
    let mut path: Vec<Level> = Vec::new();
    let mut statement: Option<Statement> = None;
    let mut at = 0;
    for (number, token) in all.iter().enumerate() {
        let range = at..at + token.text.len();
        at = range.end;
        let next = all.get(number + 1).map(|it| it.kind);
        let before = statement.clone();
        let role = role(token, next, &mut statement);
        let step = Step {
            token: *token,
            range,
            role,
            path: path.clone(),
            statement: before,
        };
        if !visit(step) {
            return;
        }
        match token.kind {
            Kind::Newline | Kind::Semicolon => statement = None,
            Kind::Open => {
                let opened = statement.take().unwrap_or_default();
                path.push(Level {
                    name: opened.name,
                    properties: opened.properties,
                });
            }
            Kind::Close => {
                path.pop();
                statement = Some(Statement {
                    closed: true,
                    ..Statement::default()
                });
            }
            _ => {}
        }
    }
}

fn role(token: &Token<'_>, next: Option<Kind>, statement: &mut Option<Statement>) -> Role {
    match token.kind {
        Kind::Space | Kind::Newline | Kind::Continuation => return Role::Gap,
        Kind::Word | Kind::Text | Kind::Multiline => {}
        _ => return Role::Sign,
    }
    let word = token.text.trim_matches('"').to_owned();
    let Some(statement) = statement else {
        *statement = Some(Statement {
            name: word,
            ..Statement::default()
        });
        return Role::Name;
    };
    if statement.closed {
        return Role::Sign;
    }
    if let Some(key) = statement.key.take() {
        statement.properties.push((key.clone(), word));
        return Role::Property(key);
    }
    if next == Some(Kind::Equals) {
        statement.key = Some(word);
        return Role::Sign;
    }
    statement.values += 1;
    Role::Value(statement.values - 1)
}
