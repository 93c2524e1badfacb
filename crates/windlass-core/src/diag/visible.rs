//! Text of a manifest, a file name or a service as it may be shown: nothing in it can steer a terminal or hide.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns `text` on one line, with control, direction and invisible characters written as `\u{..}`.
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_hidden) {
        return Cow::Borrowed(text);
    }
    let shown = text.chars().fold(String::new(), |mut shown, c| {
        if c == '\n' {
            shown.push_str("\\n");
        } else if c == '\t' {
            shown.push_str("\\t");
        } else if is_hidden(c) {
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(c));
        } else {
            shown.push(c);
        }
        shown
    });
    Cow::Owned(shown)
}

/// Returns one line of a file as it may be shown: tabs stay.
pub fn visible_line(line: &str) -> String {
    line.split('\t').map(visible).collect::<Vec<_>>().join("\t")
}

/// Returns words for people as they may be shown: line ends stay.
pub fn visible_lines(text: &str) -> Cow<'_, str> {
    if !text.chars().any(|c| c != '\n' && is_hidden(c)) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.split('\n').map(visible).collect::<Vec<_>>().join("\n"))
}

/// Returns a file as its lines may be shown, with as many bytes in the same places, so that places in it stay true; `None` where it is
/// that already. Line ends and tabs stay.
pub(super) fn visible_in_place(text: &str) -> Option<String> {
    let is_line_end = |at: usize| text[at..].starts_with("\r\n");
    let is_kept = |at: usize, c: char| matches!(c, '\n' | '\t') || c == '\r' && is_line_end(at);
    if !text
        .char_indices()
        .any(|(at, c)| is_hidden(c) && !is_kept(at, c))
    {
        return None;
    }
    let shown = text
        .char_indices()
        .fold(String::new(), |mut shown, (at, c)| {
            match c.len_utf8() {
                _ if is_kept(at, c) || !is_hidden(c) => shown.push(c),
                // As many bytes as there were.
                3 => shown.push('\u{fffd}'),
                4 => shown.push_str("\u{fffd}?"),
                length => shown.push_str(&"?"[..].repeat(length)),
            }
            shown
        });
    Some(shown)
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{00ad}'
                | '\u{061c}'
                | '\u{180e}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_can_steer_a_terminal_or_hide() {
        assert_eq!(visible("plain é 日本"), "plain é 日本");
        assert_eq!(
            visible("\u{1b}[2Ja\u{202e}b\nc\td\u{200b}"),
            "\\u{1b}[2Ja\\u{202e}b\\nc\\td\\u{200b}"
        );
        assert_eq!(visible_line("RUN\ta\u{7}"), "RUN\ta\\u{7}");
        assert_eq!(visible_lines("one\ntwo\u{1b}"), "one\ntwo\\u{1b}");
    }

    #[test]
    fn places_stay_where_they_are() {
        assert_eq!(visible_in_place("plain\té\r\n日本\n"), None);
        let text = "a\u{1b}b\u{ad}c\u{202e}d\u{e0001}e\rf\r\n";
        let shown = visible_in_place(text).expect("something is hidden");
        assert_eq!(shown, "a?b??c\u{fffd}d\u{fffd}?e?f\r\n");
        assert_eq!(shown.len(), text.len());
    }
}
