//! Rows of choices in which all combinations of three values occur that can occur together.
//!
//! All values of all parameters of a pattern combine to more than a million Dockerfiles. What goes wrong between parameters goes wrong
//! between two or three of them, so a few hundred rows that hold every triple find it, in the time of a plain test.

use std::collections::BTreeSet;

/// A value of a parameter: the index of the parameter, that of its value.
type Choice = (usize, usize);
type Triple = [Choice; 3];

/// Returns rows with one value for each parameter: `counts` says how many values each has, and `fits` whether the values of a row
/// that is not whole yet can stand together. Every triple of values that fits is in one of the rows.
pub(crate) fn rows(counts: &[usize], fits: &dyn Fn(&[Option<usize>]) -> bool) -> Vec<Vec<usize>> {
    let fits = |row: &[Option<usize>]| can_be_whole(&mut row.to_vec(), counts, fits);
    let fits: &dyn Fn(&[Option<usize>]) -> bool = &fits;
    let mut open = triples(counts, fits);
    let mut rows = Vec::new();
    while let Some(first) = open.first().copied() {
        let mut row: Vec<Option<usize>> = vec![None; counts.len()];
        for (parameter, value) in first {
            row[parameter] = Some(value);
        }
        for parameter in 0..counts.len() {
            if row[parameter].is_none() {
                row[parameter] = best(parameter, counts[parameter], &row, &open, fits);
            }
        }
        let row: Vec<usize> = row
            .into_iter()
            .map(|it| it.expect("a value fits"))
            .collect();
        open.retain(|triple| {
            !triple
                .iter()
                .all(|&(parameter, value)| row[parameter] == value)
        });
        rows.push(row);
    }
    rows
}

/// Whether there are values for all that is still open.
fn can_be_whole(
    row: &mut Vec<Option<usize>>,
    counts: &[usize],
    fits: &dyn Fn(&[Option<usize>]) -> bool,
) -> bool {
    if !fits(row) {
        return false;
    }
    let Some(parameter) = row.iter().position(Option::is_none) else {
        return true;
    };
    for value in 0..counts[parameter] {
        row[parameter] = Some(value);
        if can_be_whole(row, counts, fits) {
            return true;
        }
    }
    row[parameter] = None;
    false
}

fn triples(counts: &[usize], fits: &dyn Fn(&[Option<usize>]) -> bool) -> BTreeSet<Triple> {
    let mut found = BTreeSet::new();
    let choices: Vec<Choice> = (0..counts.len())
        .flat_map(|parameter| (0..counts[parameter]).map(move |value| (parameter, value)))
        .collect();
    for (at, &first) in choices.iter().enumerate() {
        for (next, &second) in choices.iter().enumerate().skip(at + 1) {
            for &third in &choices[next + 1..] {
                let mut row = vec![None; counts.len()];
                for (parameter, value) in [first, second, third] {
                    row[parameter] = Some(value);
                }
                let apart = first.0 != second.0 && second.0 != third.0;
                if apart && fits(&row) {
                    found.insert([first, second, third]);
                }
            }
        }
    }
    found
}

/// Returns the value that closes the most open triples with what the row holds already.
fn best(
    parameter: usize,
    count: usize,
    row: &[Option<usize>],
    open: &BTreeSet<Triple>,
    fits: &dyn Fn(&[Option<usize>]) -> bool,
) -> Option<usize> {
    let held: Vec<Choice> = (0..row.len())
        .filter_map(|it| Some((it, row[it]?)))
        .collect();
    let closes = |value: usize| {
        let mut closed = 0;
        for (at, &one) in held.iter().enumerate() {
            for &other in &held[at + 1..] {
                let mut triple = [one, other, (parameter, value)];
                triple.sort_unstable();
                closed += usize::from(open.contains(&triple));
            }
        }
        closed
    };
    let fitting = (0..count).filter(|value| {
        let mut row = row.to_vec();
        row[parameter] = Some(*value);
        fits(&row)
    });
    // The first of several that are as good, so that the rows are always the same.
    fitting.max_by_key(|value| (closes(*value), usize::MAX - value))
}

#[test]
fn every_triple_that_fits_is_in_a_row() {
    let counts = [2, 3, 2, 2];
    let fits = |row: &[Option<usize>]| !(row[0] == Some(1) && row[1] == Some(2));
    let rows = rows(&counts, &fits);
    for triple in triples(&counts, &fits) {
        let holds = |row: &Vec<usize>| triple.iter().all(|&(it, value)| row[it] == value);
        assert!(rows.iter().any(holds), "{triple:?}");
    }
    assert!(
        rows.len() < 24 && rows.iter().all(|row| row[0] == 0 || row[1] < 2),
        "{rows:?}"
    );
}
