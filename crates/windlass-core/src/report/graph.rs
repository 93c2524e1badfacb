//! Images, what they are built from and what holds them, as a graph: its model, and the views Mermaid, DOT and SVG.

mod layout;
mod svg;
mod text;
mod units;

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::model::Workspace;
use crate::plan::ImageAction;
use crate::report::wire::{Image, Report};

pub use svg::render_svg;
pub(super) use svg::{class, draw};
pub use text::{render_dot, render_mermaid};

/// What a node stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeKind {
    /// A base image.
    Base,
    /// An image of the workspace.
    Image,
    /// A repository that holds images.
    Repository,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its address; the reference of a base image. No two are the same.
    pub id: String,
    /// What it is called.
    pub label: String,
    /// A word below its name; empty for none.
    pub note: String,
    /// What it stands for.
    pub kind: NodeKind,
    /// What a plan does with it; `None` outside a plan, and where it stands for several.
    pub action: Option<ImageAction>,
}

/// A graph. Edges lead from what is needed to what needs it, and from an image to what holds it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Graph {
    /// The nodes: bases, images, repositories, each sorted.
    pub nodes: Vec<Node>,
    /// Places of two nodes in [`Graph::nodes`], sorted.
    pub edges: Vec<(usize, usize)>,
}

impl Graph {
    /// Makes the graph of a workspace; `bases` holds the references that each image can pull, by the image's name.
    pub fn of_workspace(workspace: &Workspace, bases: &BTreeMap<String, Vec<String>>) -> Self {
        let mut building = Building::default();
        for image in &workspace.images {
            let id = format!("image.{}", image.name);
            building.node(node(&id, image.name.as_str(), NodeKind::Image));
            for base in bases.get(image.name.as_str()).into_iter().flatten() {
                building.node(base_node(base));
                building.edge(base, &id);
            }
            for need in &image.needs {
                building.edge(&format!("image.{}", need.image), &id);
            }
            for target in &image.targets {
                let repository = target.key.to_string();
                let label = repository.trim_start_matches("repository.");
                building.node(node(&repository, label, NodeKind::Repository));
                building.edge(&id, &repository);
            }
        }
        building.finish()
    }

    /// Makes the graph of a plan: base images and images. Images that do not change and that nothing changing is built from are one node
    /// for each set of what they are built from.
    pub(super) fn of_report(report: &Report) -> Self {
        let shown = shown_alone(report);
        let mut building = Building::default();
        let mut folded: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
        for image in &report.images {
            if shown.contains(image.address.as_str()) {
                building.image(image);
            } else {
                *folded.entry(sources(image)).or_default() += 1;
            }
        }
        for (place, (sources, count)) in folded.iter().enumerate() {
            let id = format!("unchanged-{place}");
            building.node(Node {
                note: "up to date".to_owned(),
                action: Some(ImageAction::None),
                ..node(&id, &format!("{count} unchanged"), NodeKind::Image)
            });
            for source in sources {
                if !source.starts_with("image.") {
                    building.node(base_node(source));
                }
                building.edge(source, &id);
            }
        }
        building.finish()
    }
}

/// Returns the addresses of images that get a node of their own.
fn shown_alone(report: &Report) -> BTreeSet<&str> {
    let changes = |image: &&Image| image.action != ImageAction::None;
    let needed = report.images.iter().flat_map(|image| &image.needs);
    let needed: BTreeSet<&str> = needed.map(String::as_str).collect();
    let few = report.images.len() <= 12;
    report
        .images
        .iter()
        .filter(|image| few || changes(image) || needed.contains(image.address.as_str()))
        .map(|image| image.address.as_str())
        .collect()
}

fn sources(image: &Image) -> Vec<&str> {
    let all = image.bases.iter().chain(&image.needs);
    all.map(String::as_str).collect()
}

fn node(id: &str, label: &str, kind: NodeKind) -> Node {
    Node {
        id: id.to_owned(),
        label: label.to_owned(),
        note: String::new(),
        kind,
        action: None,
    }
}

/// Makes the node of a base image; what Docker Hub's official images are called in full says nothing more.
fn base_node(reference: &str) -> Node {
    let label = reference.trim_start_matches("docker.io/library/");
    node(reference, label, NodeKind::Base)
}

#[derive(Default)]
struct Building {
    nodes: BTreeMap<(NodeKind, String), Node>,
    edges: BTreeSet<(String, String)>,
}

impl Building {
    fn node(&mut self, node: Node) {
        let key = (node.kind, node.id.clone());
        self.nodes.entry(key).or_insert(node);
    }

    fn edge(&mut self, from: &str, to: &str) {
        self.edges.insert((from.to_owned(), to.to_owned()));
    }

    fn image(&mut self, image: &Image) {
        let name = image.address.trim_start_matches("image.");
        let note = match image.action {
            ImageAction::None => "up to date",
            action => action.as_str(),
        };
        self.node(Node {
            note: note.to_owned(),
            action: Some(image.action),
            ..node(&image.address, name, NodeKind::Image)
        });
        for base in &image.bases {
            self.node(base_node(base));
            self.edge(base, &image.address);
        }
        for need in &image.needs {
            self.edge(need, &image.address);
        }
    }

    /// Puts nodes in order; an edge to something that is no node (left out by `--only`) goes.
    fn finish(self) -> Graph {
        let nodes: Vec<Node> = self.nodes.into_values().collect();
        let places: BTreeMap<&str, usize> = nodes
            .iter()
            .enumerate()
            .map(|(place, node)| (node.id.as_str(), place))
            .collect();
        let edges = self
            .edges
            .iter()
            .filter_map(|(from, to)| Some((*places.get(from.as_str())?, *places.get(to.as_str())?)))
            .collect::<BTreeSet<_>>();
        Graph {
            edges: edges.into_iter().collect(),
            nodes,
        }
    }
}

#[cfg(test)]
mod tests;
