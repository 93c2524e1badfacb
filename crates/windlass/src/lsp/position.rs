//! Positions of the language protocol: a line, and UTF-16 units in it, both from zero.

use std::ops::Range;

use serde_json::{Value, json};

/// Returns the position of a byte offset.
pub(super) fn position_at(text: &str, offset: usize) -> Value {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let starts = starts(text);
    let line = starts.partition_point(|it| *it <= end) - 1;
    let units: usize = text[starts[line]..end].chars().map(char::len_utf16).sum();
    json!({ "line": line, "character": units })
}

/// Returns the range of the protocol for one of bytes.
pub(super) fn range_of(text: &str, range: &Range<usize>) -> Value {
    json!({ "start": position_at(text, range.start), "end": position_at(text, range.end) })
}

/// Returns the byte offset of a position; what is behind the end of a line is its end.
pub(super) fn offset_at(text: &str, position: &Value) -> usize {
    let number = |key: &str| usize::try_from(position[key].as_u64().unwrap_or(0)).unwrap_or(0);
    let starts = starts(text);
    let Some(start) = starts.get(number("line")) else {
        return text.len();
    };
    let mut left = number("character");
    let mut at = *start;
    for c in text[at..].chars() {
        if left < c.len_utf16() || matches!(c, '\n' | '\r') {
            break;
        }
        left -= c.len_utf16();
        at += c.len_utf8();
    }
    at
}

/// Returns where each line starts; lines end as the protocol says: `\n`, `\r\n` or `\r`.
fn starts(text: &str) -> Vec<usize> {
    let mut starts = vec![0];
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        let ends = match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        if ends {
            starts.push(at + 1);
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_utf_16_are_counted() {
        let text = "a\u{e4}\u{1f980}b\r\nc\rd\n";
        let at = |line: u64, character: u64| {
            offset_at(text, &json!({ "line": line, "character": character }))
        };
        // One unit for the umlaut (two bytes), two for the crab (four bytes).
        assert_eq!(position_at(text, 7), json!({ "line": 0, "character": 4 }));
        assert_eq!(at(0, 4), 7);
        assert_eq!(at(0, 3), 3, "the middle of a character is its start");
        assert_eq!(at(0, 99), 8, "behind the end of a line is its end");
        assert_eq!((at(1, 0), at(2, 0), at(3, 0), at(9, 0)), (10, 12, 14, 14));
        for offset in (0..=text.len()).filter(|it| text.is_char_boundary(*it)) {
            let position = position_at(text, offset);
            let back = offset_at(text, &position);
            assert!(
                back == offset || text[back..].starts_with("\r\n"),
                "{offset}"
            );
        }
    }
}
