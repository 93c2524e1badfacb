//! `matrix`: from axes and rows to combinations.

use std::rc::Rc;

use crate::diag::{Code, Diagnostic, Location};
use crate::manifest::raw::{MatrixNode, MatrixRow};
use crate::manifest::template::Axes;
use crate::node::Scalar;

/// The most images that one matrix may give.
const MAX_COMBINATIONS: usize = 1000;

/// One combination of a matrix: a value for each key.
#[derive(Debug, Clone)]
pub(super) struct Combination<'a> {
    /// The keys, in an order of their own.
    pub(super) axes: Rc<Axes>,
    /// A value for each key, in the order of the keys.
    pub(super) values: Vec<(&'a str, &'a Scalar)>,
    /// Where it stands: its row, or the value of the last axis.
    pub(super) location: &'a Location,
}

impl Combination<'_> {
    /// Returns the value of a key.
    pub(super) fn value(&self, key: &str) -> Option<&Scalar> {
        self.values.iter().find(|it| it.0 == key).map(|it| it.1)
    }
}

/// Returns the combinations of a matrix, in the order of its values, the first axis turning slowest; then its rows.
///
/// # Errors
/// What is wrong with it: too many combinations, or none.
pub(super) fn combinations(matrix: &MatrixNode) -> Result<Vec<Combination<'_>>, Diagnostic> {
    let axes = Rc::new(Axes::of(matrix));
    let lengths = matrix.axes.iter().map(|it| it.values.len());
    let count = lengths.fold(1_usize, usize::saturating_mul);
    let count = if matrix.axes.is_empty() { 0 } else { count };
    let total = count.saturating_add(matrix.rows.len());
    if total > MAX_COMBINATIONS {
        return Err(
            Diagnostic::error(Code::BadMatrix, format!("the matrix gives {total} images"))
                .at(&matrix.location, format!("at most {MAX_COMBINATIONS}"))
                .help("shorten an axis, or split the matrix"),
        );
    }
    let mut all = product(matrix, &axes);
    let is_left =
        |it: &Combination<'_>| !matrix.excludes.iter().any(|exclude| excludes(exclude, it));
    all.retain(is_left);
    all.extend(matrix.rows.iter().map(|row| {
        Combination {
            axes: Rc::clone(&axes),
            values: row
                .pairs
                .iter()
                .map(|it| (it.key.value.as_str(), &it.value.value))
                .collect(),
            location: &row.location,
        }
    }));
    if all.is_empty() {
        return Err(
            Diagnostic::error(Code::BadMatrix, "the matrix gives no image")
                .at(&matrix.location, "everything is left out")
                .help("remove an `exclude`"),
        );
    }
    Ok(all)
}

fn product<'a>(matrix: &'a MatrixNode, axes: &Rc<Axes>) -> Vec<Combination<'a>> {
    if matrix.axes.is_empty() {
        return Vec::new();
    }
    let mut all = vec![Combination {
        axes: Rc::clone(axes),
        values: Vec::new(),
        location: &matrix.location,
    }];
    for axis in &matrix.axes {
        all = all
            .iter()
            .flat_map(|before| {
                axis.values.iter().map(|value| {
                    let mut values = before.values.clone();
                    values.push((&axis.name.value, &value.value));
                    Combination {
                        values,
                        location: &value.location,
                        axes: Rc::clone(axes),
                    }
                })
            })
            .collect();
    }
    all
}

fn excludes(exclude: &MatrixRow, combination: &Combination<'_>) -> bool {
    let mut pairs = exclude.pairs.iter();
    !exclude.pairs.is_empty()
        && pairs.all(|it| combination.value(&it.key.value) == Some(&it.value.value))
}
