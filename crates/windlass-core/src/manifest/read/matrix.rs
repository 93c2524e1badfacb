//! `matrix`: axes that multiply, rows, and what is excluded.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Code, Diagnostic, Location, Sourced};
use crate::manifest::raw::{Axis, MatrixNode, MatrixRow, Pair, Text};
use crate::manifest::template::scalar_text;
use crate::node::{Dec, Given, Scalar, suggest};

use super::variable::snake_case;
use super::{no_template, pair};

pub(super) fn read_matrix(node: &mut Dec<'_>) -> MatrixNode {
    let rows = read_rows(
        node,
        "row",
        "one more combination: `row name=\"x\" size=\"s\"`",
    );
    let excludes = read_rows(
        node,
        "exclude",
        "combinations to leave out: `exclude size=\"s\"`",
    );
    let axes = read_axes(node);
    let matrix = MatrixNode {
        axes,
        rows,
        excludes,
        location: node.name_location(),
    };
    if matrix.axes.is_empty() && matrix.rows.is_empty() {
        node.report(
            Diagnostic::error(Code::BadMatrix, "the matrix is empty")
                .at(&matrix.location, "gives no image")
                .help("write an axis, `lang \"go\" \"python\"`, or rows: `row name=\"export\"`"),
        );
    }
    check_rows(node, &matrix);
    check_excludes(node, &matrix);
    check_types(node, &matrix);
    matrix
}

fn read_rows(node: &mut Dec<'_>, name: &'static str, doc: &'static str) -> Vec<MatrixRow> {
    let mut all = Vec::new();
    for mut child in node.children(name, doc) {
        let location = child.name_location();
        let pairs: Vec<Pair> = child.all_properties().iter().filter_map(pair).collect();
        if pairs.is_empty() && !child.has_value() {
            child.report(
                Diagnostic::error(Code::BadMatrix, format!("`{name}` is empty"))
                    .at(&location, "nothing follows")
                    .help(format!("write `{name} key=\"value\"`")),
            );
        }
        for pair in &pairs {
            check_key(&child, &pair.key);
            check_value(&child, &pair.key, &pair.value);
        }
        all.push(MatrixRow { pairs, location });
        child.finish();
    }
    all
}

fn read_axes(node: &mut Dec<'_>) -> Vec<Axis> {
    let mut axes: Vec<Axis> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for mut child in node.all_children() {
        let name = Text::new(child.name().to_owned(), child.name_location());
        let values: Vec<Sourced<Scalar>> =
            child.values().iter().filter_map(Given::scalar).collect();
        let at = *places.entry(name.value.clone()).or_insert_with(|| {
            check_key(&child, &name);
            axes.push(Axis {
                name: name.clone(),
                values: Vec::new(),
            });
            axes.len() - 1
        });
        if values.is_empty() {
            child.report(
                Diagnostic::error(Code::BadMatrix, format!("axis `{}` is empty", name.value))
                    .at(&name.location, "has no values")
                    .help(format!(
                        "write `{} \"one\" \"two\"`, or remove it",
                        name.value
                    )),
            );
        }
        for value in &values {
            check_value(&child, &name, value);
        }
        axes[at].values.extend(values);
        child.finish();
    }
    for axis in &axes {
        check_repeated(node, axis);
    }
    axes
}

fn check_key(node: &Dec<'_>, key: &Text) {
    let Some((code, label, snake)) = snake_case(&key.value) else {
        return;
    };
    node.report(
        Diagnostic::error(code, format!("`{}` is not a name for an axis", key.value))
            .at(&key.location, label)
            .help(format!(
                "use lower-case letters, digits and `_`; try `{snake}`"
            )),
    );
}

fn check_value(node: &Dec<'_>, key: &Text, value: &Sourced<Scalar>) {
    if let Scalar::Text(text) = &value.value {
        let text = Text::new(text.clone(), value.location.clone());
        no_template(node, &key.value, &text);
    }
}

fn check_repeated(node: &Dec<'_>, axis: &Axis) {
    let mut seen: BTreeMap<String, &Location> = BTreeMap::new();
    for value in &axis.values {
        let text = scalar_text(&value.value);
        let message = format!("axis `{}` has `{text}` twice", axis.name.value);
        if let Some(earlier) = seen.insert(text, &value.location) {
            node.report(
                Diagnostic::error(Code::BadMatrix, message)
                    .at(&value.location, "again here")
                    .at(earlier, "first given here")
                    .help("keep one of them"),
            );
        }
    }
}

/// Every row has the keys of the axes, or, in a table, those of the other rows.
fn check_rows(node: &Dec<'_>, matrix: &MatrixNode) {
    let from_axes: Vec<&Text> = matrix.axes.iter().map(|it| &it.name).collect();
    let mut wanted: Vec<&Text> = from_axes.clone();
    if matrix.axes.is_empty() {
        let mut seen = BTreeSet::new();
        for pair in matrix.rows.iter().flat_map(|it| &it.pairs) {
            if seen.insert(pair.key.value.as_str()) {
                wanted.push(&pair.key);
            }
        }
    }
    for row in matrix.rows.iter().filter(|it| !it.pairs.is_empty()) {
        for key in &wanted {
            if row.value(&key.value).is_none() {
                node.report(
                    Diagnostic::error(Code::BadMatrix, format!("a row has no `{}`", key.value))
                        .at(&row.location, format!("`{}` is missing here", key.value))
                        .at(&key.location, "given here")
                        .help(format!(
                            "add `{}=\"..\"`: all rows have the same keys",
                            key.value
                        )),
                );
            }
        }
        if matrix.axes.is_empty() {
            continue;
        }
        for pair in &row.pairs {
            check_is_axis(node, pair, &from_axes);
        }
    }
}

fn check_is_axis(node: &Dec<'_>, pair: &Pair, axes: &[&Text]) {
    if axes.iter().any(|it| it.value == pair.key.value) {
        return;
    }
    let names: Vec<&str> = axes.iter().map(|it| it.value.as_str()).collect();
    let mut diagnostic = Diagnostic::error(
        Code::BadMatrix,
        format!("the matrix has no axis `{}`", pair.key.value),
    )
    .at(&pair.key.location, "unknown axis");
    diagnostic.help = suggest::hint(&pair.key.value, &names);
    node.report(diagnostic);
}

fn check_excludes(node: &Dec<'_>, matrix: &MatrixNode) {
    let names: Vec<&Text> = matrix.axes.iter().map(|it| &it.name).collect();
    for exclude in &matrix.excludes {
        if names.is_empty() {
            node.report(
                Diagnostic::error(Code::BadMatrix, "`exclude` needs axes")
                    .at(&exclude.location, "a table has none")
                    .help("remove the row itself"),
            );
            continue;
        }
        for pair in &exclude.pairs {
            check_is_axis(node, pair, &names);
            let axis = matrix
                .axes
                .iter()
                .find(|it| it.name.value == pair.key.value);
            let Some(axis) = axis else { continue };
            if axis.values.iter().any(|it| it.value == pair.value.value) {
                continue;
            }
            let values: Vec<String> = axis
                .values
                .iter()
                .map(|it| scalar_text(&it.value))
                .collect();
            let values: Vec<&str> = values.iter().map(String::as_str).collect();
            let given = scalar_text(&pair.value.value);
            let mut diagnostic = Diagnostic::error(
                Code::BadMatrix,
                format!("axis `{}` has no `{given}`", axis.name.value),
            )
            .at(&pair.value.location, "leaves nothing out")
            .at(&axis.name.location, "this axis");
            diagnostic.help = suggest::hint(&given, &values);
            node.report(diagnostic);
        }
    }
}

/// The values of one key have one type, so that what an expression gives does not change from image to image.
fn check_types(node: &Dec<'_>, matrix: &MatrixNode) {
    let from_axes = matrix.axes.iter().flat_map(|axis| {
        let key = axis.name.value.as_str();
        axis.values.iter().map(move |it| (key, it))
    });
    let rows = matrix.rows.iter().flat_map(|it| &it.pairs);
    let from_rows = rows.map(|it| (it.key.value.as_str(), &it.value));
    let mut first: BTreeMap<&str, &Sourced<Scalar>> = BTreeMap::new();
    for (key, value) in from_axes.chain(from_rows) {
        let earlier = *first.entry(key).or_insert(value);
        let same = std::mem::discriminant(&earlier.value) == std::mem::discriminant(&value.value);
        if !same {
            node.report(
                Diagnostic::error(Code::BadMatrix, format!("`{key}` has values of two types"))
                    .at(&value.location, format!("this is {}", kind(&value.value)))
                    .at(
                        &earlier.location,
                        format!("this is {}", kind(&earlier.value)),
                    )
                    .help("quote all of them, or none"),
            );
        }
    }
}

fn kind(value: &Scalar) -> &'static str {
    match value {
        Scalar::Text(_) => "text",
        Scalar::Integer(_) => "a number",
        Scalar::Flag(_) => "a flag",
    }
}
