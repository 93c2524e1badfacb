//! What takes room in a drawing besides ways: a node, or a block of nodes that all hang on the same ones and that nothing hangs on.
//!
//! Forty images of one base are a block of a few rows with one edge, and no column of forty with as many edges.

use std::collections::BTreeMap;

use crate::report::graph::layout::{GAP, HEIGHT, LETTERS, Place, Point};
use crate::report::graph::{Graph, NodeKind};

/// So many nodes make a block; fewer are told apart better one by one.
const FEWEST: usize = 6;
/// The most rows of a block, where its columns allow it.
const ROWS: usize = 6;
/// The most columns of a block.
const COLUMNS: usize = 4;
/// Room between a block's frame and its nodes.
const PADDING: i64 = 12;
/// Width of a character.
const LETTER: i64 = 8;

/// A node, or a block of them.
#[derive(Debug)]
pub(super) struct Unit {
    /// Places in the graph's nodes, in their order.
    pub(super) nodes: Vec<usize>,
    /// Width of one node.
    cell: i64,
    rows: usize,
}

impl Unit {
    pub(super) fn is_block(&self) -> bool {
        self.nodes.len() > 1
    }

    fn columns(&self) -> usize {
        self.nodes.len().div_ceil(self.rows)
    }

    fn padding(&self) -> i64 {
        if self.is_block() { PADDING } else { 0 }
    }

    pub(super) fn width(&self) -> i64 {
        let columns = whole(self.columns());
        columns * (self.cell + GAP) - GAP + 2 * self.padding()
    }

    pub(super) fn height(&self) -> i64 {
        let rows = whole(self.rows);
        rows * (HEIGHT + GAP) - GAP + 2 * self.padding()
    }

    /// Returns the place of each node, in columns from top to bottom, where the unit's upper left corner is `corner`.
    pub(super) fn places(&self, corner: Point) -> impl Iterator<Item = (usize, Place)> {
        let (padding, cell, rows) = (self.padding(), self.cell, self.rows);
        self.nodes.iter().enumerate().map(move |(at, node)| {
            let (column, row) = (whole(at / rows), whole(at % rows));
            let corner = Point {
                x: corner.x + padding + column * (cell + GAP),
                y: corner.y + padding + row * (HEIGHT + GAP),
            };
            let width = cell;
            (*node, Place { corner, width })
        })
    }
}

/// Returns all units; nodes of a column that stand alone are equally wide.
pub(super) fn units(graph: &Graph, columns: &[usize]) -> Vec<Unit> {
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    let mut is_needed = vec![false; graph.nodes.len()];
    for (from, to) in &graph.edges {
        before[*to].push(*from);
        is_needed[*from] = true;
    }
    let mut alike: BTreeMap<(usize, &[usize]), Vec<usize>> = BTreeMap::new();
    for (node, it) in graph.nodes.iter().enumerate() {
        if it.kind == NodeKind::Image && !is_needed[node] && !before[node].is_empty() {
            alike
                .entry((columns[node], &before[node]))
                .or_default()
                .push(node);
        }
    }
    alike.retain(|_, nodes| nodes.len() >= FEWEST);
    let mut is_alone = vec![true; graph.nodes.len()];
    for node in alike.values().flatten() {
        is_alone[*node] = false;
    }
    let alone = (0..graph.nodes.len()).filter(|node| is_alone[*node]);
    let mut units: Vec<Unit> = alone
        .clone()
        .map(|node| Unit {
            nodes: vec![node],
            cell: width(
                graph,
                alone.clone().filter(|it| columns[*it] == columns[node]),
            ),
            rows: 1,
        })
        .collect();
    units.extend(alike.into_values().map(|nodes| {
        let columns = nodes.len().div_ceil(ROWS).clamp(2, COLUMNS);
        Unit {
            cell: width(graph, nodes.iter().copied()),
            rows: nodes.len().div_ceil(columns),
            nodes,
        }
    }));
    // In the order of their first nodes, so that a drawing keeps its order when a block comes or goes.
    units.sort_by_key(|unit| unit.nodes[0]);
    units
}

fn width(graph: &Graph, nodes: impl Iterator<Item = usize>) -> i64 {
    let letters = nodes.map(|node| graph.nodes[node].label.chars().count().min(LETTERS));
    whole(letters.max().unwrap_or(0)).max(9) * LETTER + 34
}

pub(super) fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX / 1_000_000)
}
