//! The check before a formatted text is handed out: read again, it must mean the same and have lost no comment.

use kdl::{KdlDocument, KdlEntry, KdlNode, KdlValue};

use crate::node::parse_tree;

use super::token::{Kind, tokens};

/// Says whether two texts mean the same, with the same comments, and the same again where what is slashed out comes back.
pub(super) fn means_the_same(before: &str, after: &str) -> bool {
    same_trees(before, after)
        && comments(before) == comments(after)
        && (!before.contains("/-") || same_trees(&unslashed(before), &unslashed(after)))
}

fn same_trees(before: &str, after: &str) -> bool {
    match (parse_tree(before), parse_tree(after)) {
        (Some(before), Some(after)) => same_documents(&before, &after),
        (before, after) => before.is_none() && after.is_none(),
    }
}

fn same_documents(a: &KdlDocument, b: &KdlDocument) -> bool {
    let (a, b) = (a.nodes(), b.nodes());
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_nodes(a, b))
}

fn same_nodes(a: &KdlNode, b: &KdlNode) -> bool {
    let children = match (a.children(), b.children()) {
        (Some(a), Some(b)) => same_documents(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    let (ours, theirs) = (a.entries(), b.entries());
    children
        && a.name().value() == b.name().value()
        && a.ty().map(kdl::KdlIdentifier::value) == b.ty().map(kdl::KdlIdentifier::value)
        && ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(a, b)| same_entries(a, b))
}

fn same_entries(a: &KdlEntry, b: &KdlEntry) -> bool {
    let values = match (a.value(), b.value()) {
        (KdlValue::Float(a), KdlValue::Float(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    };
    values
        && a.name().map(kdl::KdlIdentifier::value) == b.name().map(kdl::KdlIdentifier::value)
        && a.ty().map(kdl::KdlIdentifier::value) == b.ty().map(kdl::KdlIdentifier::value)
}

/// Returns the words of all comments in order; how far right they stand does not matter.
fn comments(text: &str) -> Vec<String> {
    let all = tokens(text).into_iter().filter_map(|it| match it.kind {
        Kind::LineComment | Kind::BlockComment => Some(it.text),
        Kind::Continuation => it.text.find("//").map(|at| &it.text[at..]),
        _ => None,
    });
    all.map(|it| it.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect()
}

fn unslashed(text: &str) -> String {
    let words = tokens(text).into_iter().map(|it| match it.kind {
        Kind::SlashDash => "  ",
        _ => it.text,
    });
    words.collect()
}
