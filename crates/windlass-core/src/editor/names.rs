//! What is defined in a workspace, found without reading it in full.

use std::ops::Range;

use crate::node::shape::{Kind, Shape};

use super::outline::{Role, walk};

/// A node that others can name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The kind of node, such as `registry`.
    pub kind: String,
    /// Its name; that of a family has `{{ }}` in it.
    pub name: String,
    /// What its `doc` says.
    pub doc: Option<String>,
    /// The file, as it is named to people.
    pub file: String,
    /// Where the name stands in it.
    pub range: Range<usize>,
}

impl Definition {
    /// Says whether a reference to `name` means this node.
    pub fn is(&self, kind: &str, name: &str) -> bool {
        if self.kind != kind {
            return false;
        }
        // Of a registry in several regions, one is `prod/eu-west-1`.
        let head = name.split('/').next().unwrap_or(name);
        self.name == name || (kind == "registry" && self.name == head) || self.is_family_of(name)
    }

    /// Says whether the name is one that the expressions of a family's name can give.
    fn is_family_of(&self, name: &str) -> bool {
        let mut rest = name;
        let mut parts = self.name.split("{{");
        let Some(after) = parts.next().and_then(|it| rest.strip_prefix(it)) else {
            return false;
        };
        rest = after;
        let mut any = false;
        for part in parts {
            any = true;
            let fixed = part.split_once("}}").map_or("", |it| it.1);
            let Some(at) = rest.find(fixed).filter(|_| !fixed.is_empty()) else {
                return fixed.is_empty();
            };
            rest = &rest[at + fixed.len()..];
        }
        any && rest.is_empty()
    }

    pub(super) fn describe(&self) -> String {
        let mut text = format!(
            "`{} \"{}\"`, defined in `{}`",
            self.kind, self.name, self.file
        );
        if let Some(doc) = &self.doc {
            text.push_str("\n\n");
            text.push_str(doc);
        }
        text
    }
}

/// Returns what a file defines: nodes of the top level that have a name.
pub fn definitions(file: &str, text: &str, shape: &Shape) -> Vec<Definition> {
    let mut found: Vec<Definition> = Vec::new();
    walk(text, |step| {
        let Some(statement) = &step.statement else {
            return true;
        };
        let word = step.token.text.trim_matches('"');
        if step.role != Role::Value(0) {
            return true;
        }
        if step.path.is_empty() {
            let field = shape.child(&statement.name);
            let value = field.and_then(|it| it.shape.values.first());
            if value.is_some_and(|it| it.kind == Some(Kind::Name)) {
                found.push(Definition {
                    kind: statement.name.clone(),
                    name: word.to_owned(),
                    doc: None,
                    file: file.to_owned(),
                    range: step.range,
                });
            }
        } else if step.path.len() == 1
            && statement.name == "doc"
            && let Some(last) = found.last_mut()
        {
            last.doc = Some(word.to_owned());
        }
        true
    });
    found
}
