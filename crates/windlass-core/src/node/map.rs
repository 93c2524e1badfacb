//! From an offset inside a decoded text back to the place in the file where it was written.

use std::ops::Range;

use crate::diag::Location;

/// Returns where a byte range of the decoded text of a quoted value stands in the file.
///
/// `value` is the place of the whole value with its quotes. Where the way back cannot be found, that place is returned.
pub fn inner_location(value: &Location, range: Range<usize>) -> Location {
    let offsets = decoded_offsets(value.text());
    let (Some(start), Some(end)) = (offsets.get(range.start), offsets.get(range.end)) else {
        return value.clone();
    };
    let base = value.span.start;
    Location::new(&value.source, base + start..base + (*end).max(*start))
}

/// For each byte of the decoded text, and its end, the byte of `token` that it comes from.
fn decoded_offsets(token: &str) -> Vec<usize> {
    let hashes = token.len() - token.trim_start_matches('#').len();
    let quoted = &token[hashes..];
    if quoted.starts_with("\"\"\"") {
        return multiline_offsets(token, hashes);
    }
    if !quoted.starts_with('"') {
        return (0..=token.len()).collect();
    }
    let body = hashes + 1..token.len().saturating_sub(1 + hashes);
    if hashes > 0 {
        return (body.start..=body.end).collect();
    }
    let mut offsets = Vec::new();
    push_unescaped(token, body.clone(), &mut offsets);
    offsets.push(body.end);
    offsets
}

/// Adds the origin of every decoded byte of `range`, undoing escapes.
fn push_unescaped(token: &str, range: Range<usize>, offsets: &mut Vec<usize>) {
    let Some(text) = token.get(range.clone()) else {
        return;
    };
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let origin = range.start + at;
        if c != '\\' {
            offsets.extend((0..c.len_utf8()).map(|it| origin + it));
            continue;
        }
        match chars.next().map(|it| it.1) {
            Some('u') => {
                let code: String = chars
                    .by_ref()
                    .map(|it| it.1)
                    .take_while(|it| *it != '}')
                    .filter(|it| *it != '{')
                    .collect();
                let width = u32::from_str_radix(&code, 16)
                    .ok()
                    .and_then(char::from_u32)
                    .map_or(1, char::len_utf8);
                offsets.extend(std::iter::repeat_n(origin, width));
            }
            Some(space) if space.is_whitespace() => {
                while chars.next_if(|it| it.1.is_whitespace()).is_some() {}
            }
            _ => offsets.push(origin),
        }
    }
}

fn multiline_offsets(token: &str, hashes: usize) -> Vec<usize> {
    let close = token.len().saturating_sub(3 + hashes);
    let Some(first) = token[..close].find('\n').map(|it| it + 1) else {
        return Vec::new();
    };
    let Some(last) = token[..close].rfind('\n') else {
        return Vec::new();
    };
    let prefix = close - (last + 1);
    let mut offsets = Vec::new();
    let mut at = first;
    while at <= last {
        let end = token[at..].find('\n').map_or(last, |it| at + it).min(last);
        let text_end = if token[..end].ends_with('\r') {
            end - 1
        } else {
            end
        };
        let start = (at + prefix).min(text_end);
        if hashes > 0 {
            offsets.extend(start..text_end);
        } else {
            push_unescaped(token, start..text_end, &mut offsets);
        }
        // The line end; KDL normalises it to one byte.
        offsets.push(text_end);
        at = end + 1;
    }
    offsets
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;

    fn found(token: &str, range: Range<usize>) -> String {
        let source = Source::new("a.kdl", format!("tag {token}\n"));
        let location = Location::new(&source, 4..4 + token.len());
        inner_location(&location, range).text().to_owned()
    }

    #[test]
    fn plain_raw_and_bare_texts_map_byte_for_byte() {
        assert_eq!(found("\"abc\"", 1..2), "b");
        assert_eq!(found("#\"a\\c\"#", 1..3), "\\c");
        assert_eq!(found("abc", 0..3), "abc");
    }

    #[test]
    fn escapes_take_the_room_they_were_written_in() {
        assert_eq!(found("\"\\n{{x}}\"", 1..6), "{{x}}");
        assert_eq!(found("\"\\u{e4}{{x}}\"", 2..7), "{{x}}");
    }

    #[test]
    fn lines_lose_their_indentation() {
        assert_eq!(found("\"\"\"\n    a\n    {{x}}\n    \"\"\"", 2..7), "{{x}}");
    }

    #[test]
    fn a_range_that_does_not_fit_gives_the_whole_value() {
        assert_eq!(found("\"abc\"", 2..90), "\"abc\"");
    }
}
