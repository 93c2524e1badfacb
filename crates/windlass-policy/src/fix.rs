//! Making edits: everything else stays byte for byte.

use crate::hit::{Edit, Fix};

/// Makes the edits of fixes in a text. A fix that overlaps an earlier one is left for the next run; so is one whose edits do
/// not fit the text.
///
/// Returns the text and how many fixes were made.
pub fn apply_fixes<'a>(text: &str, fixes: impl IntoIterator<Item = &'a Fix>) -> (String, usize) {
    let mut taken: Vec<Edit> = Vec::new();
    let mut made = 0;
    for fix in fixes {
        let fits = |edit: &Edit| text.get(edit.start..edit.end).is_some();
        let free = |edit: &Edit| !taken.iter().any(|it| overlaps(it, edit));
        if fix.edits.iter().all(|edit| taken.contains(edit)) {
            made += 1;
        } else if fix.edits.iter().all(|edit| fits(edit) && free(edit)) {
            taken.extend(fix.edits.iter().cloned());
            made += 1;
        }
    }
    taken.sort();
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for edit in &taken {
        result.push_str(&text[at..edit.start]);
        result.push_str(&edit.text);
        at = edit.end;
    }
    result.push_str(&text[at..]);
    (result, made)
}

/// Two insertions at one place overlap: which comes first would be chance.
fn overlaps(a: &Edit, b: &Edit) -> bool {
    a.start < b.end && b.start < a.end || a.start == b.start || a.end == b.end && a.start == a.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_made_in_the_order_of_the_text() {
        let fixes = [
            Fix::replace("b", &(6..7), "BB").and(&(0..1), "A"),
            Fix::insert("c", 3, "<c>"),
        ];
        let (text, made) = apply_fixes("a234é67", &fixes);
        assert_eq!((text.as_str(), made), ("A23<c>4éBB7", 2));
    }

    #[test]
    fn what_overlaps_waits_for_the_next_run() {
        let fixes = [
            Fix::replace("a", &(0..4), "A"),
            Fix::replace("b", &(3..5), "B"),
            Fix::replace("c", &(90..91), "C"),
        ];
        let (text, made) = apply_fixes("abcdef", &fixes);
        assert_eq!((text.as_str(), made), ("Aef", 1));
    }

    #[test]
    fn the_same_edit_for_two_findings_is_made_once() {
        let fix = Fix::insert("a", 1, "x");
        let (text, made) = apply_fixes("ab", [&fix, &fix]);
        assert_eq!((text.as_str(), made), ("axb", 2));
    }
}
