//! Text of a manifest, a file name or a service as it may be shown: nothing in it can steer a terminal or hide.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns `text` on one line, with control, direction and invisible characters written as `\u{..}`.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
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
pub(super) fn visible_line(line: &str) -> String {
    line.split('\t').map(visible).collect::<Vec<_>>().join("\t")
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
    }
}
