//! The graph as SVG: of its own, or inside the HTML view. Colours are classes.

use crate::plan::ImageAction;
use crate::report::graph::layout::{Frame, HEIGHT, LETTERS, Layout, Place, Point, Way, layout};
use crate::report::graph::{Graph, Node, NodeKind};
use crate::report::markup::Markup;

/// Colours and fonts of a drawing that stands alone.
const STYLE: &str = include_str!("graph.css");

/// Draws a graph as a document of its own, for light and dark backgrounds.
pub fn render_svg(graph: &Graph) -> String {
    let layout = layout(graph);
    let mut markup = Markup::new();
    open(
        &mut markup,
        &layout,
        "Images, what they are built from and what holds them",
    );
    markup.raw("<style>").raw(STYLE).raw("</style>\n");
    content(&mut markup, graph, &layout, false);
    markup.raw("</svg>\n");
    markup.finish()
}

/// Draws a graph inside a page that brings the colours; images lead to the element of their address.
pub(in crate::report) fn draw(graph: &Graph, title: &str) -> Markup {
    let layout = layout(graph);
    let mut markup = Markup::new();
    open(&mut markup, &layout, title);
    content(&mut markup, graph, &layout, true);
    markup.raw("</svg>\n");
    markup
}

fn open(markup: &mut Markup, layout: &Layout, title: &str) {
    let (width, height) = (layout.width, layout.height);
    markup
        .raw("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"graph\" role=\"group\" width=\"")
        .number(width)
        .raw("\" height=\"")
        .number(height)
        .raw("\" viewBox=\"0 0 ")
        .number(width)
        .raw(" ")
        .number(height)
        .raw("\"")
        .attribute("aria-label", title)
        .raw(">\n");
}

fn content(markup: &mut Markup, graph: &Graph, layout: &Layout, links: bool) {
    for frame in &layout.frames {
        draw_frame(markup, frame);
    }
    for way in &layout.ways {
        edge(markup, graph, way);
    }
    for (node, place) in graph.nodes.iter().zip(&layout.places) {
        draw_node(markup, node, place, links && is_linked(node));
    }
}

/// Says whether the page has an element for the node.
fn is_linked(node: &Node) -> bool {
    node.id.starts_with("image.")
}

fn draw_frame(markup: &mut Markup, frame: &Frame) {
    let Point { x, y } = frame.place.corner;
    markup
        .raw("<rect class=\"frame\" x=\"")
        .number(x)
        .raw("\" y=\"")
        .number(y)
        .raw("\" width=\"")
        .number(frame.place.width)
        .raw("\" height=\"")
        .number(frame.height)
        .raw("\" rx=\"14\"/>\n");
}

/// Draws an edge. It names the nodes at its ends, for the script that lights it up; no address and no reference has a blank in it.
fn edge(markup: &mut Markup, graph: &Graph, way: &Way) {
    let ends: Vec<&str> = way
        .to
        .iter()
        .map(|node| graph.nodes[*node].id.as_str())
        .collect();
    markup
        .raw("<path class=\"edge\"")
        .attribute("data-from", &graph.nodes[way.from].id)
        .attribute("data-to", &ends.join(" "))
        .raw(" d=\"");
    for (place, point) in way.points.iter().enumerate() {
        match place {
            0 => {
                markup.raw("M");
            }
            // Every second stretch lies inside a column: it is straight.
            place if place % 2 == 0 => {
                markup.raw("L");
            }
            _ => {
                let before = way.points[place - 1];
                let middle = i64::midpoint(before.x, point.x);
                markup
                    .raw("C")
                    .number(middle)
                    .raw(" ")
                    .number(before.y)
                    .raw(" ");
                markup.number(middle).raw(" ").number(point.y).raw(" ");
            }
        }
        markup.number(point.x).raw(" ").number(point.y);
    }
    markup.raw("\"/>\n");
}

fn draw_node(markup: &mut Markup, node: &Node, place: &Place, link: bool) {
    let Place {
        corner: Point { x, y },
        width,
    } = *place;
    let class = format!("node {} {}", kind(node.kind), node.action.map_or("", class));
    if link {
        markup.raw("<a").attribute("href", &format!("#{}", node.id));
    } else {
        markup.raw("<g");
    }
    markup
        .attribute("class", class.trim_end())
        .attribute("data-node", &node.id)
        .raw("><title>")
        .text(&title(node))
        .raw("</title><rect x=\"")
        .number(x)
        .raw("\" y=\"")
        .number(y)
        .raw("\" width=\"")
        .number(width)
        .raw("\" height=\"")
        .number(HEIGHT)
        .raw("\" rx=\"9\"/>");
    let lower = if node.note.is_empty() { 27 } else { 19 };
    label(
        markup,
        x + 17,
        y + lower,
        "<text class=\"name\" x=\"",
        &short(&node.label),
    );
    if !node.note.is_empty() {
        label(
            markup,
            x + 17,
            y + 35,
            "<text class=\"note\" x=\"",
            &node.note,
        );
    }
    markup.raw(if link { "</a>\n" } else { "</g>\n" });
}

fn label(markup: &mut Markup, x: i64, y: i64, open: &'static str, text: &str) {
    markup
        .raw(open)
        .number(x)
        .raw("\" y=\"")
        .number(y)
        .raw("\">");
    markup.text(text).raw("</text>");
}

fn title(node: &Node) -> String {
    match (node.kind, node.note.as_str()) {
        (NodeKind::Base, _) => format!("base image {}", node.label),
        (_, "") => node.id.clone(),
        (_, word) => format!(
            "{}: {word}",
            if is_linked(node) {
                &node.id
            } else {
                &node.label
            }
        ),
    }
}

/// Shortens a label in its middle: beginning and end tell it apart.
fn short(label: &str) -> String {
    let letters: Vec<char> = label.chars().collect();
    if letters.len() <= LETTERS {
        return label.to_owned();
    }
    let half = LETTERS / 2;
    let beginning: String = letters[..half - 1].iter().collect();
    let end: String = letters[letters.len() - half..].iter().collect();
    format!("{beginning}…{end}")
}

fn kind(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Base => "base",
        NodeKind::Image => "image",
        NodeKind::Repository => "repository",
    }
}

/// Returns the class of an action's colours.
pub(in crate::report) fn class(action: ImageAction) -> &'static str {
    match action {
        ImageAction::Unknown => "a-unknown",
        ImageAction::Blocked => "a-blocked",
        ImageAction::Build => "a-build",
        ImageAction::Push => "a-push",
        ImageAction::Restore => "a-restore",
        ImageAction::Copy => "a-copy",
        ImageAction::Retag => "a-retag",
        ImageAction::None => "a-none",
    }
}
