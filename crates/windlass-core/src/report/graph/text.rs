//! The graph as text: Mermaid, which code hosts draw, and DOT, which Graphviz draws.

use std::fmt::Write as _;

use crate::diag::visible::visible;
use crate::report::graph::{Graph, Node, NodeKind};

/// Writes the graph in the language of Mermaid.
pub fn render_mermaid(graph: &Graph) -> String {
    let mut text = "flowchart LR\n".to_owned();
    for (place, node) in graph.nodes.iter().enumerate() {
        let label = mermaid(&node.label);
        let shape = match node.kind {
            NodeKind::Base => format!("([\"{label}\"])"),
            NodeKind::Image => format!("[\"{label}\"]"),
            NodeKind::Repository => format!("[(\"{label}\")]"),
        };
        let _ = writeln!(text, "    n{place}{shape}");
    }
    for (from, to) in &graph.edges {
        let _ = writeln!(text, "    n{from} --> n{to}");
    }
    text
}

/// Returns a label as Mermaid shows it literally: what it could read as its own or as HTML is written by number.
fn mermaid(label: &str) -> String {
    visible(label).chars().fold(String::new(), |mut text, c| {
        if c.is_alphanumeric() || " ./:@_-".contains(c) {
            text.push(c);
        } else {
            let _ = write!(text, "#{};", u32::from(c));
        }
        text
    })
}

/// Writes the graph in the language of Graphviz.
pub fn render_dot(graph: &Graph) -> String {
    let mut text =
        "digraph windlass {\n    rankdir=LR;\n    node [fontname=\"sans-serif\"];\n".to_owned();
    for node in &graph.nodes {
        let shape = match node.kind {
            NodeKind::Base => "box, style=\"rounded,dashed\"",
            NodeKind::Image => "box, style=\"rounded,filled\", fillcolor=\"#e4efff\"",
            NodeKind::Repository => "cylinder",
        };
        let (id, label) = (dot(&node.id), dot(&node.label));
        let _ = writeln!(text, "    {id} [label={label}, shape={shape}];");
    }
    let id = |node: &Node| dot(&node.id);
    for (from, to) in &graph.edges {
        let _ = writeln!(
            text,
            "    {} -> {};",
            id(&graph.nodes[*from]),
            id(&graph.nodes[*to])
        );
    }
    text.push_str("}\n");
    text
}

fn dot(text: &str) -> String {
    format!(
        "\"{}\"",
        visible(text).replace('\\', "\\\\").replace('"', "\\\"")
    )
}
