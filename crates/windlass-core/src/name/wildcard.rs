//! The wildcard of ECR: `*` in exceptions of tags, lifecycle rules and scanning filters, and in guards and tags of a manifest.

/// Matches a pattern in which `*` stands for any run of characters, the empty one and `/` too.
pub fn wildcard_matches(pattern: &str, text: &str) -> bool {
    let parts: Vec<&str> = pattern.split('*').collect();
    let [first, middle @ .., last] = parts.as_slice() else {
        return pattern == text;
    };
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_run_of_characters() {
        for (pattern, text, wanted) in [
            ("", "", true),
            ("*", "", true),
            ("*", "a/b", true),
            ("main", "main", true),
            ("main", "maine", false),
            ("release/*", "release/7", true),
            ("release/*", "release", false),
            ("*-rc", "v1-rc", true),
            ("*-rc", "v1-rc2", false),
            ("v*.*", "v1.2", true),
            ("v*.*", "v12", false),
            ("a*b*c", "a-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
            ("a*", "a", true),
            ("*a", "ba", true),
            ("a*b", "ab-", false),
            ("a*b", "abc", false),
            ("v*", "1v", false),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(wildcard_matches(pattern, text), wanted, "{pattern} {text}");
        }
    }
}
