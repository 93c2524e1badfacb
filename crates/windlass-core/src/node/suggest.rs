//! "Did you mean": the closest of the names that would have been right.

/// Returns the candidate closest to `word`, if one is close enough to be meant.
pub fn closest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let limit = match word.chars().count() {
        0..=2 => 1,
        3..=8 => 2,
        _ => 3,
    };
    candidates
        .iter()
        .map(|it| (distance(&word.to_lowercase(), it), *it))
        .filter(|(steps, it)| *steps <= limit && *steps < it.chars().count())
        .min_by_key(|(steps, _)| *steps)
        .map(|(_, it)| it)
}

/// Returns `did you mean `x`?`, or what is known here, or `None` where nothing is.
pub fn hint(word: &str, candidates: &[&str]) -> Option<String> {
    if let Some(found) = closest(word, candidates) {
        return Some(format!("did you mean `{found}`?"));
    }
    if candidates.is_empty() {
        return None;
    }
    Some(format!("known here: {}", list(candidates)))
}

/// Joins names for a message: `a`, `b`, `c`; at most 30 of them.
pub fn list(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(30).map(|it| format!("`{it}`")).collect();
    let more = if names.len() > 30 { ", .." } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// Counts the single-character insertions, deletions, replacements and swaps of neighbours between two words.
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replace = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replace.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_other_words_are_not() {
        let names = ["image", "registry", "repository", "mirror"];
        assert_eq!(closest("imge", &names), Some("image"));
        assert_eq!(closest("regsitry", &names), Some("registry"));
        assert_eq!(closest("Image", &names), Some("image"));
        assert_eq!(closest("stack", &names), None);
    }
}
