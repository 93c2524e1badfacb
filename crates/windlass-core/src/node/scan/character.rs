//! Characters: what separates, what is forbidden, what nobody can see.

use crate::diag::Code;

use super::Scanner;

/// Says whether KDL reads the character as space.
pub(crate) fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t' | ' ' | '\u{a0}' | '\u{1680}' | '\u{2000}'
            ..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}'
    )
}

/// Says whether KDL ends a line at the character.
pub(crate) fn is_newline(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Says whether KDL refuses the character anywhere.
fn is_forbidden(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{8}'
            | '\u{e}'..='\u{1f}'
            | '\u{7f}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
    )
}

/// Says whether a character takes no room and has no business in a name or setting.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{feff}' | '\u{3164}'
    )
}

impl Scanner<'_> {
    /// Reports forbidden characters in the whole text, comments included, and characters that nobody can see outside comments.
    pub(super) fn check_characters(&mut self) {
        for (at, c) in self.text.char_indices() {
            if c.is_ascii() && !is_forbidden(c) {
                continue;
            }
            let span = at..at + c.len_utf8();
            if is_forbidden(c) {
                let kind = if c.is_ascii() {
                    "control"
                } else {
                    "direction control"
                };
                self.report(
                    Code::ForbiddenCharacter,
                    span.clone(),
                    format!("{kind} character U+{:04X}", u32::from(c)),
                    "it makes the text read differently from what it is",
                    "remove it; in a quoted text it can be written as an escape such as `\\u{..}`",
                );
                self.poison(span);
            } else if is_invisible(c)
                && at > 0
                && !self.in_line_comment(at)
                && !joins_emoji(self.text, at, c)
            {
                self.report(
                    Code::InvisibleCharacter,
                    span.clone(),
                    format!("invisible character U+{:04X}", u32::from(c)),
                    "nobody can see it, but it counts",
                    "remove it; it often comes along when text is copied from a web page",
                );
                self.poison(span);
            }
        }
    }

    fn in_line_comment(&self, at: usize) -> bool {
        let before = &self.text[..at];
        let line = before.rsplit(is_newline).next().unwrap_or(before);
        line.trim_start().starts_with("//")
    }
}

/// Says whether a joiner stands between two characters beyond ASCII, as in emoji and some scripts.
fn joins_emoji(text: &str, at: usize, c: char) -> bool {
    let before = text[..at].chars().next_back();
    let after = text[at + c.len_utf8()..].chars().next();
    matches!(c, '\u{200c}' | '\u{200d}')
        && before.is_some_and(|it| !it.is_ascii())
        && after.is_some_and(|it| !it.is_ascii())
}
