//! One pattern of an ignore file, matched as moby/patternmatcher matches it.
//!
//! `*` and `?` stay within a path part, `**` crosses them (`**/` also matches nothing), `[..]` is a class, `\` escapes.

/// A pattern, compiled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// The path itself.
    Exact(String),
    /// Everything that begins so: `a/**`.
    Prefix(String),
    /// Everything that ends so: `**/a`, `**.pyc`.
    Suffix(String),
    /// One part, at any depth: `**/*.pyc`.
    LastPart(Vec<Token>),
    /// Anything else.
    Tokens(Vec<Token>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    Literal(char),
    /// `?`: one character but `/`.
    One,
    /// `*`: characters but `/`.
    Star,
    /// `**` inside: nothing, or anything up to and with a `/`.
    Parts,
    /// `**` at the end: anything.
    Rest,
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Pattern {
    /// Compiles a cleaned pattern without `!`; says what is wrong with it.
    pub(super) fn compile(text: &str) -> Result<Self, &'static str> {
        let tokens = tokens(text)?;
        let special = |token: &Token| !matches!(token, Token::Literal(_));
        let literal = |tokens: &[Token]| {
            tokens
                .iter()
                .filter_map(|token| {
                    if let Token::Literal(c) = token {
                        Some(*c)
                    } else {
                        None
                    }
                })
                .collect::<String>()
        };
        let plain = !text.contains('\\');
        Ok(match tokens.as_slice() {
            all if plain && !all.iter().any(special) => Self::Exact(literal(all)),
            [head @ .., Token::Rest] if plain && !head.is_empty() && !head.iter().any(special) => {
                Self::Prefix(literal(head))
            }
            [Token::Rest] => Self::Suffix(String::new()),
            // As in the original, a leading `**` without other specials compares the end of the path as text.
            [Token::Parts, tail @ ..] if plain && !tail.iter().any(special) => {
                Self::Suffix(text[2..].to_owned())
            }
            [Token::Parts, tail @ ..]
                if text.starts_with("**/")
                    && !tail.iter().any(|token| {
                        matches!(
                            token,
                            Token::Parts | Token::Rest | Token::Class { .. } | Token::Literal('/')
                        )
                    }) =>
            {
                Self::LastPart(tail.to_vec())
            }
            _ => Self::Tokens(tokens),
        })
    }

    pub(super) fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(text) => path == text,
            Self::Prefix(text) => path.starts_with(text.as_str()),
            Self::Suffix(text) => {
                path.ends_with(text.as_str())
                    || text.strip_prefix('/').is_some_and(|rest| path == rest)
            }
            Self::LastPart(tokens) => tokens_match(tokens, path.rsplit('/').next().unwrap_or(path)),
            Self::Tokens(tokens) => tokens_match(tokens, path),
        }
    }

    /// Returns the text of a pattern without any special, a trailing `/*` or `/**` left out; `None` for others.
    pub(super) fn literal_folder(text: &str) -> Option<&str> {
        let text = text
            .strip_suffix("/**")
            .or_else(|| text.strip_suffix("/*"))
            .unwrap_or(text);
        (!text.contains(['*', '?', '[', ']', '\\'])).then_some(text)
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, &'static str> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '*' if chars.peek() == Some(&'*') => {
                chars.next();
                if chars.peek() == Some(&'/') {
                    chars.next();
                }
                tokens.push(if chars.peek().is_none() {
                    Token::Rest
                } else {
                    Token::Parts
                });
            }
            '*' => tokens.push(Token::Star),
            '?' => tokens.push(Token::One),
            '[' => tokens.push(class(&mut chars)?),
            '\\' => tokens.push(Token::Literal(
                chars.next().ok_or("a `\\` at the end escapes nothing")?,
            )),
            c => tokens.push(Token::Literal(c)),
        }
    }
    Ok(tokens)
}

/// Reads a class after its `[`, with the grammar of Go's `filepath.Match`.
fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Token, &'static str> {
    const OPEN: &str = "a `[` is never closed";
    let negated = chars.next_if_eq(&'^').is_some();
    let mut ranges = Vec::new();
    loop {
        let low = match chars.next().ok_or(OPEN)? {
            ']' if ranges.is_empty() => {
                return Err("a class needs at least one character between `[` and `]`");
            }
            ']' => return Ok(Token::Class { negated, ranges }),
            '\\' => chars.next().ok_or(OPEN)?,
            '-' => return Err("a range in `[..]` lacks its first character"),
            c => c,
        };
        let high = if chars.next_if_eq(&'-').is_some() {
            match chars.next().ok_or(OPEN)? {
                '\\' => chars.next().ok_or(OPEN)?,
                ']' | '-' => return Err("a range in `[..]` lacks its last character"),
                c => c,
            }
        } else {
            low
        };
        ranges.push((low, high));
    }
}

/// Matches by following all possibilities at once, so that no pattern takes longer than its length times that of the path.
fn tokens_match(tokens: &[Token], text: &str) -> bool {
    if cannot_match(tokens, text) {
        return false;
    }
    let count = tokens.len();
    let mut reached = vec![false; count + 1];
    // Inside a `**/` that has begun: its end may follow after any `/`.
    let mut inside = vec![false; count];
    reached[0] = true;
    for c in text.chars() {
        if follow_empty(tokens, &mut reached, &mut inside) {
            return true;
        }
        let mut next = vec![false; count + 1];
        for (at, token) in tokens.iter().enumerate() {
            if inside[at] && c == '/' {
                next[at + 1] = true;
            }
            match token {
                _ if !reached[at] => {}
                Token::Star => next[at] |= c != '/',
                Token::One => next[at + 1] |= c != '/',
                Token::Literal(wanted) => next[at + 1] |= c == *wanted,
                Token::Class { negated, ranges } => {
                    let within = ranges.iter().any(|(low, high)| (*low..=*high).contains(&c));
                    next[at + 1] |= within != *negated;
                }
                Token::Parts | Token::Rest => {}
            }
        }
        reached = next;
    }
    follow_empty(tokens, &mut reached, &mut inside) || reached[count]
}

/// Steps over tokens that match nothing; says whether a `**` at the end was reached, which takes whatever follows.
fn follow_empty(tokens: &[Token], reached: &mut [bool], inside: &mut [bool]) -> bool {
    for (at, token) in tokens.iter().enumerate() {
        match token {
            _ if !reached[at] => {}
            Token::Rest => return true,
            Token::Star => reached[at + 1] = true,
            Token::Parts => {
                reached[at + 1] = true;
                inside[at] = true;
            }
            _ => {}
        }
    }
    false
}

/// Looks at both ends only: most paths differ from most patterns there.
fn cannot_match(tokens: &[Token], text: &str) -> bool {
    let differs = |token: Option<&Token>, c: Option<char>| matches!(token, Some(Token::Literal(wanted)) if c != Some(*wanted));
    differs(tokens.first(), text.chars().next()) || differs(tokens.last(), text.chars().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_moby_patternmatcher() {
        let table = [
            ("**", "file", true),
            ("**/", "file/", true),
            ("**", "dir/file", true),
            ("**/**", "dir/file", true),
            ("dir/**", "dir/file", true),
            ("dir/**", "dir", false),
            ("dir/**", "dir/dir2/file", true),
            ("**/dir", "dir/file", false),
            ("**/dir", "dir", true),
            ("**/dir", "dir/dir", true),
            ("**/dir2/*", "dir/dir2/file", true),
            ("**/dir2/*", "dir/dir2/dir2/file", true),
            ("**file", "file", true),
            ("**file", "dir/file", true),
            ("**/file", "dir/file", true),
            ("**file", "dir/dir/file", true),
            ("**/file*", "dir/dir/file.txt", true),
            ("**/file*txt", "dir/dir/file.txt", true),
            ("**/file*.txt*", "dir/dir/file.txt", true),
            ("**/**/*.txt", "dir/dir/file.txt", true),
            ("**/**/*.txt2", "dir/dir/file.txt", false),
            ("a**/*.txt", "a/file.txt", true),
            ("a**/*.txt", "a/dir/file.txt", true),
            ("a/*.txt", "a/dir/file.txt", false),
            ("a/*.txt", "a/file.txt", true),
            ("a[b-d]e", "ae", false),
            ("a[b-d]e", "ace", true),
            ("a[b-d]e", "aae", false),
            ("a[^b-d]e", "aze", true),
            (".*", ".foo", true),
            (".*", "foo", false),
            ("abc.def", "abcdef", false),
            ("abc.def", "abc.def", true),
            ("abc.def", "abcZdef", false),
            ("abc?def", "abcZdef", true),
            ("abc?def", "abcdef", false),
            ("**/foo/bar", "foo/bar", true),
            ("**/foo/bar", "dir/foo/bar", true),
            ("abc/**", "abc/def/ghi", true),
            ("**/.foo", ".foo", true),
            ("**/.foo", "bar.foo", false),
            ("a(b)c/def", "a(b)c/def", true),
            ("a.|)$(}+{bc", "a.|)$(}+{bc", true),
            ("*.pyc", "a/b.pyc", false),
            ("**/*.pyc", "a/b.pyc", true),
            ("\\*", "*", true),
            ("\\*", "a", false),
            ("ä*", "äö", true),
            ("?", "ö", true),
        ];
        for (pattern, path, wanted) in table {
            assert_eq!(
                Pattern::compile(pattern).expect("a pattern").matches(path),
                wanted,
                "{pattern} {path}"
            );
        }
    }

    #[test]
    fn broken_patterns_are_refused() {
        for bad in ["[", "[]", "[a", "[a-]", "[-a]", "a\\", "[^]"] {
            assert!(Pattern::compile(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn many_wildcards_take_no_longer_than_few() {
        let path = "a".repeat(2_000);
        for part in ["*a", "**/a*", "?*"] {
            let pattern = format!("{}b?", part.repeat(40));
            let pattern = Pattern::compile(&pattern).expect("a pattern");
            assert!(!pattern.matches(&path));
        }
    }
}
