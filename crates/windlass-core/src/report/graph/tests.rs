use super::layout::{HEIGHT, layout};
use super::*;

fn graph(nodes: &[(&str, NodeKind)], edges: &[(usize, usize)]) -> Graph {
    Graph {
        nodes: nodes.iter().map(|(id, kind)| node(id, id, *kind)).collect(),
        edges: edges.to_vec(),
    }
}

fn shop() -> Graph {
    graph(
        &[
            ("python:3.12", NodeKind::Base),
            ("scratch \"x\" <b>", NodeKind::Base),
            ("image.base", NodeKind::Image),
            ("image.web", NodeKind::Image),
            ("repository.web@main", NodeKind::Repository),
        ],
        &[(0, 2), (2, 3), (1, 3), (3, 4)],
    )
}

#[test]
fn texts_name_every_node_and_escape_what_they_must() {
    insta::assert_snapshot!(render_mermaid(&shop()), @r##"
    flowchart LR
        n0(["python:3.12"])
        n1(["scratch #34;x#34; #60;b#62;"])
        n2["image.base"]
        n3["image.web"]
        n4[("repository.web@main")]
        n0 --> n2
        n2 --> n3
        n1 --> n3
        n3 --> n4
    "##);
    insta::assert_snapshot!(render_dot(&shop()), @r##"
    digraph windlass {
        rankdir=LR;
        node [fontname="sans-serif"];
        "python:3.12" [label="python:3.12", shape=box, style="rounded,dashed"];
        "scratch \"x\" <b>" [label="scratch \"x\" <b>", shape=box, style="rounded,dashed"];
        "image.base" [label="image.base", shape=box, style="rounded,filled", fillcolor="#e4efff"];
        "image.web" [label="image.web", shape=box, style="rounded,filled", fillcolor="#e4efff"];
        "repository.web@main" [label="repository.web@main", shape=cylinder];
        "python:3.12" -> "image.base";
        "image.base" -> "image.web";
        "scratch \"x\" <b>" -> "image.web";
        "image.web" -> "repository.web@main";
    }
    "##);
}

#[test]
fn a_drawing_is_markup_of_ours_only() {
    let svg = render_svg(&shop());
    assert!(svg.contains("scratch &quot;x&quot; &lt;b&gt;"), "{svg}");
    assert!(!svg.contains("<b>"));
    assert_eq!(svg.matches("<path ").count(), 4);
    assert_eq!(svg.matches("<rect ").count(), 5);
}

#[test]
fn what_is_needed_stands_left_of_what_needs_it_and_nothing_lies_over_another() {
    // Three bases, forty images of which each is built from the one four before it: deep and wide.
    let bases = (0..3).map(|at| (format!("base-{at}"), NodeKind::Base));
    let images = (0..40).map(|at| (format!("image.i{at}"), NodeKind::Image));
    let all: Vec<(String, NodeKind)> = bases.chain(images).collect();
    let nodes: Vec<(&str, NodeKind)> = all.iter().map(|(id, kind)| (id.as_str(), *kind)).collect();
    let from_bases = (0..40).map(|at| (at % 3, at + 3));
    let needs = (4..40).map(|at| (at - 4 + 3, at + 3));
    let mut edges: Vec<(usize, usize)> = from_bases.chain(needs).collect();
    edges.sort_unstable();
    let graph = graph(&nodes, &edges);
    let layout = layout(&graph);
    for (from, to) in &graph.edges {
        let (from, to) = (layout.places[*from], layout.places[*to]);
        assert!(from.corner.x + from.width < to.corner.x);
    }
    for (at, one) in layout.places.iter().enumerate() {
        for other in &layout.places[at + 1..] {
            let apart = (one.corner.y - other.corner.y).abs() >= HEIGHT;
            assert!(apart || one.corner.x != other.corner.x, "{one:?} {other:?}");
        }
        assert!(one.corner.x >= 0 && one.corner.x + one.width <= layout.width);
        assert!(one.corner.y >= 0 && one.corner.y + HEIGHT <= layout.height);
    }
}

#[test]
fn many_images_of_one_base_are_a_block_with_one_edge() {
    let images: Vec<String> = (0..30).map(|at| format!("image.i{at:02}")).collect();
    let mut nodes = vec![("golang", NodeKind::Base), ("image.base", NodeKind::Image)];
    nodes.extend(images.iter().map(|id| (id.as_str(), NodeKind::Image)));
    let mut edges = vec![(0, 1)];
    // Twenty-four hang on the image that is built from the base, five on the base, and one on both.
    edges.extend((2..26).map(|at| (1, at)));
    edges.extend((26..31).map(|at| (0, at)));
    edges.extend([(0, 31), (1, 31)]);
    edges.sort_unstable();
    let graph = graph(&nodes, &edges);
    let layout = layout(&graph);
    assert_eq!(layout.frames.len(), 1);
    let frame = layout.frames[0];
    let corner = frame.place.corner;
    for (node, place) in layout.places.iter().enumerate() {
        let inside = (corner.x..corner.x + frame.place.width).contains(&place.corner.x)
            && (corner.y..corner.y + frame.height).contains(&place.corner.y);
        assert_eq!(inside, (2..26).contains(&node), "{}", graph.nodes[node].id);
    }
    // To the first image, to the block, to five alone, and twice to the last one.
    assert_eq!(layout.ways.len(), 9);
    let to_block = layout.ways.iter().find(|way| way.to.len() > 1);
    assert_eq!(to_block.map(|way| (way.from, way.to.len())), Some((1, 24)));
    assert!(layout.height < 800, "{}", layout.height);
    let svg = render_svg(&graph);
    assert_eq!(svg.matches("class=\"frame\"").count(), 1);
    assert!(svg.contains("data-to=\"image.i00 image.i01 "), "{svg}");
}

#[test]
fn a_circle_in_a_broken_document_ends() {
    let nodes = [("image.a", NodeKind::Image), ("image.b", NodeKind::Image)];
    let drawn = render_svg(&graph(&nodes, &[(0, 1), (1, 0)]));
    assert!(drawn.contains("image.a"));
}
