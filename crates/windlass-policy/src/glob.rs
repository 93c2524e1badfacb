//! Globs of scopes: `*` and `?` within a part, `**` across parts.

/// Says whether `text` is of the form `pattern`, as a whole. Takes time in proportion to both lengths, whatever is written.
pub fn matches(pattern: &str, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // `reached[j]`: the pattern read so far is the form of the first `j` characters.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let (length, next) = if rest.starts_with("**/") {
            (3, folders(&reached, &text))
        } else if rest.starts_with("**") {
            (2, run(&reached, &text, |_| true))
        } else if c == '*' {
            (1, run(&reached, &text, |c| c != '/'))
        } else {
            let fits = |it: char| it == c || c == '?' && it != '/';
            (c.len_utf8(), one(&reached, &text, fits))
        };
        reached = next;
        rest = &rest[length..];
    }
    reached[text.len()]
}

/// Nothing, or any folders with the `/` behind them.
fn folders(reached: &[bool], text: &[char]) -> Vec<bool> {
    let mut next = reached.to_vec();
    let mut before = false;
    for (j, c) in text.iter().enumerate() {
        before |= reached[j];
        next[j + 1] |= before && *c == '/';
    }
    next
}

/// Any number of characters that fit.
fn run(reached: &[bool], text: &[char], fits: impl Fn(char) -> bool) -> Vec<bool> {
    let mut next = reached.to_vec();
    for (j, c) in text.iter().enumerate() {
        next[j + 1] |= next[j] && fits(*c);
    }
    next
}

/// One character that fits.
fn one(reached: &[bool], text: &[char], fits: impl Fn(char) -> bool) -> Vec<bool> {
    let mut next = vec![false; reached.len()];
    for (j, c) in text.iter().enumerate() {
        next[j + 1] = reached[j] && fits(*c);
    }
    next
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn parts_are_kept_apart() {
        for (pattern, text) in [
            ("*", "api"),
            ("api-*", "api-a"),
            ("a?i", "api"),
            ("**", "a/b/c"),
            ("**/*.rego", "a.rego"),
            ("**/*.rego", "x/y/a.rego"),
            ("team/**", "team/a/b"),
            ("a*b*c", "a12b3c"),
            ("", ""),
        ] {
            assert!(matches(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("*", "a/b"),
            ("api", "api2"),
            ("a?b", "a/b"),
            ("**/*.rego", "x/a.kdl"),
            ("team/**", "teams/a"),
            ("", "a"),
            ("?", ""),
        ] {
            assert!(!matches(pattern, text), "{pattern} {text}");
        }
    }
}
