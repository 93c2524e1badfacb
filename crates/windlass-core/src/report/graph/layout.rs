//! Where the nodes of a graph stand: in columns by what they need, ordered so that edges cross little.

use std::collections::BTreeMap;

use crate::report::graph::units::{Unit, units, whole};
use crate::report::graph::{Graph, Node, NodeKind};

/// Height of a node.
pub(super) const HEIGHT: i64 = 44;
/// Room between two nodes of a column.
pub(super) const GAP: i64 = 14;
/// Room that an edge takes on its way through a column.
const THROUGH: i64 = 16;
/// Room between two columns.
const ALLEY: i64 = 84;
/// Room around everything.
const MARGIN: i64 = 12;
/// The most characters of a label that are shown.
pub(super) const LETTERS: usize = 34;
/// How often columns are put in order.
const SWEEPS: usize = 8;

/// A point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) x: i64,
    pub(super) y: i64,
}

/// A node's place: its upper left corner and its width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) corner: Point,
    pub(super) width: i64,
}

/// An edge, or all edges from a node to a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Way {
    pub(super) from: usize,
    /// Nodes.
    pub(super) to: Vec<usize>,
    /// Where it begins, where it passes columns, where it ends.
    pub(super) points: Vec<Point>,
}

/// The frame of a block of nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) place: Place,
    pub(super) height: i64,
}

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// By node.
    pub(super) places: Vec<Place>,
    pub(super) frames: Vec<Frame>,
    pub(super) ways: Vec<Way>,
    pub(super) width: i64,
    pub(super) height: i64,
}

/// Something that takes room in a column.
struct Item {
    column: usize,
    /// Its height and the room around it.
    room: i64,
    /// `None` for an edge on its way: it crosses the whole column.
    width: Option<i64>,
    before: Vec<usize>,
    after: Vec<usize>,
    /// Middle.
    y: i64,
}

pub(super) fn layout(graph: &Graph) -> Layout {
    let columns = columns(graph);
    let units = units(graph, &columns);
    let (mut items, ways) = items(graph, &columns, &units);
    let mut order = first_order(&items);
    for sweep in 0..SWEEPS {
        sort(&items, &mut order, sweep % 2 == 0);
    }
    stand(&mut items, &order);
    close_gaps(&mut items);
    let top = items.iter().map(|it| it.y - it.room / 2).min().unwrap_or(0);
    for item in &mut items {
        item.y += MARGIN - top;
    }
    let bottom = items.iter().map(|it| it.y + it.room / 2).max().unwrap_or(0);
    let widths = widths(&items, order.len());
    let left: Vec<i64> = (0..order.len())
        .map(|column| MARGIN + widths[..column].iter().map(|it| it + ALLEY).sum::<i64>())
        .collect();
    let corner = |unit: usize| Point {
        x: left[items[unit].column],
        y: items[unit].y - units[unit].height() / 2,
    };
    let mut places: Vec<(usize, Place)> = (0..units.len())
        .flat_map(|unit| units[unit].places(corner(unit)))
        .collect();
    places.sort_by_key(|(node, _)| *node);
    let frames = (0..units.len())
        .filter(|unit| units[*unit].is_block())
        .map(|unit| Frame {
            place: Place {
                corner: corner(unit),
                width: units[unit].width(),
            },
            height: units[unit].height(),
        })
        .collect();
    let ways = ways
        .into_iter()
        .map(|way| Way {
            from: units[way[0]].nodes[0],
            to: units[way[way.len() - 1]].nodes.clone(),
            points: path(&way, &items, &widths, &left),
        })
        .collect();
    Layout {
        places: places.into_iter().map(|(_, place)| place).collect(),
        frames,
        ways,
        width: left
            .last()
            .zip(widths.last())
            .map_or(0, |(left, width)| left + width)
            + MARGIN,
        height: bottom + MARGIN,
    }
}

fn widths(items: &[Item], columns: usize) -> Vec<i64> {
    let mut widths = vec![0; columns];
    for item in items {
        widths[item.column] = item.width.unwrap_or(0).max(widths[item.column]);
    }
    widths
}

fn path(way: &[usize], items: &[Item], widths: &[i64], left: &[i64]) -> Vec<Point> {
    let mut points = Vec::new();
    for (place, item) in way.iter().enumerate() {
        let item = &items[*item];
        let (x, y) = (left[item.column], item.y);
        if place > 0 {
            points.push(Point { x, y });
        }
        if place + 1 < way.len() {
            let width = item.width.unwrap_or(widths[item.column]);
            points.push(Point { x: x + width, y });
        }
    }
    points
}

/// Returns the column of each node: behind everything it needs; repositories stand in the last one.
fn columns(graph: &Graph) -> Vec<usize> {
    let has_bases = graph.nodes.iter().any(|it| it.kind == NodeKind::Base);
    let first = |node: &Node| usize::from(has_bases && node.kind != NodeKind::Base);
    let mut columns: Vec<usize> = graph.nodes.iter().map(first).collect();
    // As many rounds as nodes settle every graph without a cycle; needs have none, and one more round would change nothing.
    for _ in 0..graph.nodes.len() {
        let mut settled = true;
        for (from, to) in &graph.edges {
            let behind = (columns[*from] + 1).min(graph.nodes.len());
            if columns[*to] < behind {
                columns[*to] = behind;
                settled = false;
            }
        }
        if settled {
            break;
        }
    }
    let last = columns.iter().copied().max().unwrap_or(0);
    for (node, column) in graph.nodes.iter().zip(&mut columns) {
        if node.kind == NodeKind::Repository {
            *column = last;
        }
    }
    columns
}

/// Makes an item of each unit, and of each column that an edge passes; returns the items on each edge's way as well. Edges that lead from
/// one node to the nodes of one block are one.
fn items(graph: &Graph, columns: &[usize], units: &[Unit]) -> (Vec<Item>, Vec<Vec<usize>>) {
    let item = |column, room, width| Item {
        column,
        room,
        width,
        before: Vec::new(),
        after: Vec::new(),
        y: 0,
    };
    let mut items: Vec<Item> = Vec::new();
    let mut unit_of = BTreeMap::new();
    for (place, unit) in units.iter().enumerate() {
        unit_of.extend(unit.nodes.iter().map(|node| (*node, place)));
        let room = unit.height() + if unit.is_block() { 2 * GAP } else { GAP };
        items.push(item(columns[unit.nodes[0]], room, Some(unit.width())));
    }
    let mut edges: Vec<(usize, usize)> = graph
        .edges
        .iter()
        .map(|(from, to)| (unit_of[from], unit_of[to]))
        .collect();
    edges.sort_unstable();
    edges.dedup();
    let mut ways = Vec::new();
    for (from, to) in edges {
        let mut way = vec![from];
        for column in items[from].column + 1..items[to].column {
            way.push(items.len());
            items.push(item(column, THROUGH, None));
        }
        way.push(to);
        for pair in way.windows(2) {
            items[pair[0]].after.push(pair[1]);
            items[pair[1]].before.push(pair[0]);
        }
        ways.push(way);
    }
    (items, ways)
}

fn first_order(items: &[Item]) -> Vec<Vec<usize>> {
    let columns = items.iter().map(|it| it.column + 1).max().unwrap_or(0);
    let of = |column| (0..items.len()).filter(move |item| items[*item].column == column);
    (0..columns).map(|column| of(column).collect()).collect()
}

/// Sorts each column by the middle of what its items are tied to in the column before, or behind.
fn sort(items: &[Item], order: &mut [Vec<usize>], forward: bool) {
    let mut ranks = vec![0_usize; items.len()];
    for column in order.iter() {
        for (rank, item) in column.iter().enumerate() {
            ranks[*item] = rank;
        }
    }
    let last = order.len().saturating_sub(1);
    for step in 0..order.len() {
        let column = if forward { step } else { last - step };
        // The middle in thousandths, so that it is a whole number; an item without ties keeps its place.
        let middle = |item: &usize| {
            let ties = if forward {
                &items[*item].before
            } else {
                &items[*item].after
            };
            match ties.len() {
                0 => ranks[*item] * 1000,
                count => ties.iter().map(|tie| ranks[*tie] * 1000).sum::<usize>() / count,
            }
        };
        let mut sorted = order[column].clone();
        sorted.sort_by_key(middle);
        for (rank, item) in sorted.iter().enumerate() {
            ranks[*item] = rank;
        }
        order[column] = sorted;
    }
}

/// Gives every item its height: near the middle of what it is tied to, in the order of its column, none over another.
fn stand(items: &mut [Item], order: &[Vec<usize>]) {
    for column in order {
        let mut y = 0;
        for item in column {
            let room = items[*item].room;
            items[*item].y = y + room / 2;
            y += room;
        }
        let middle = y / 2;
        for item in column {
            items[*item].y -= middle;
        }
    }
    for round in 0..6 {
        let columns: Vec<&Vec<usize>> = if round % 2 == 0 {
            order.iter().collect()
        } else {
            order.iter().rev().collect()
        };
        for column in columns {
            settle(items, column, round % 2 == 0);
        }
    }
}

/// Moves everything up that lies below a height at which no column has anything.
fn close_gaps(items: &mut [Item]) {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|item| items[*item].y - items[*item].room / 2);
    let mut bottom = None;
    let mut moved = 0;
    for item in order {
        let item = &mut items[item];
        item.y -= moved;
        let gap = bottom.map_or(0, |bottom: i64| (item.y - item.room / 2 - bottom).max(0));
        item.y -= gap;
        moved += gap;
        let below = item.y + item.room / 2;
        bottom = Some(bottom.map_or(below, |bottom| bottom.max(below)));
    }
}

fn settle(items: &mut [Item], column: &[usize], forward: bool) {
    let wanted: Vec<i64> = column
        .iter()
        .map(|item| {
            let item = &items[*item];
            let ties = if forward { &item.before } else { &item.after };
            match i64::try_from(ties.len()) {
                Ok(count) if count > 0 => ties.iter().map(|tie| items[*tie].y).sum::<i64>() / count,
                _ => item.y,
            }
        })
        .collect();
    let mut lowest = i64::MIN;
    for (item, wanted) in column.iter().zip(&wanted) {
        let half = items[*item].room / 2;
        let y = (*wanted).max(lowest.saturating_add(half));
        items[*item].y = y;
        lowest = y + half;
    }
    // What was pushed down is moved back by half of it, all together, so that nothing comes to lie over another.
    let count = whole(column.len()).max(1);
    let pushed: i64 = column
        .iter()
        .zip(&wanted)
        .map(|(item, wanted)| items[*item].y - wanted)
        .sum();
    for item in column {
        items[*item].y -= pushed / count;
    }
}
