//! Finds the expressions in a text.

use std::ops::Range;

use crate::diag::{Code, Diagnostic};
use crate::manifest::raw::Text;
use crate::node::inner_location;

/// A part of a text.
pub(super) enum Piece {
    /// Text as it is.
    Text(String),
    /// What stands between `{{` and `}}`, a range of the decoded text.
    Expression(Range<usize>),
}

/// Splits a text; reports expressions that never end, and forms of other languages.
pub(super) fn split(text: &Text, diagnostics: &mut Vec<Diagnostic>) -> Vec<Piece> {
    let value = &text.value;
    let mut pieces = Vec::new();
    let mut plain = 0;
    while let Some(open) = value[plain..].find("{{").map(|it| plain + it) {
        check_plain(text, plain..open, diagnostics);
        if open > plain {
            pieces.push(Piece::Text(value[plain..open].to_owned()));
        }
        let Some(close) = find_close(&value[open + 2..]).map(|it| open + 2 + it) else {
            diagnostics.push(
                Diagnostic::error(Code::UnclosedTemplate, "an expression is never closed")
                    .at(
                        &inner_location(&text.location, open..open + 2),
                        "opened here",
                    )
                    .help("end it with `}}`"),
            );
            return pieces;
        };
        pieces.push(Piece::Expression(open + 2..close));
        plain = close + 2;
    }
    check_plain(text, plain..value.len(), diagnostics);
    if plain < value.len() {
        pieces.push(Piece::Text(value[plain..].to_owned()));
    }
    pieces
}

/// Finds the `}}` that ends an expression, not one inside quotes.
fn find_close(text: &str) -> Option<usize> {
    let mut quote = None;
    let bytes = text.as_bytes();
    for (at, b) in bytes.iter().enumerate() {
        match (quote, b) {
            (None, b'\'' | b'"') => quote = Some(*b),
            (Some(open), b) if open == *b => quote = None,
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
    }
    None
}

fn check_plain(text: &Text, range: Range<usize>, diagnostics: &mut Vec<Diagnostic>) {
    let plain = &text.value[range.clone()];
    let place = |at: usize| inner_location(&text.location, range.start + at..range.start + at + 2);
    if let Some(at) = plain.find("{%") {
        diagnostics.push(
            Diagnostic::error(
                Code::TemplateStatement,
                "there are no statements in a manifest",
            )
            .at(&place(at), "only `{{ }}` is evaluated")
            .help("use `{{ 'a' if var.x else 'b' }}`, a pattern, or two images"),
        );
    }
    if let Some(at) = plain.find("${") {
        diagnostics.push(
            Diagnostic::warning(Code::ShellVariable, "windlass does not expand `${..}`")
                .at(&place(at), "stays as it is")
                .help("declare a `var` with `from-env` and write `{{ var.name }}`"),
        );
    }
}
