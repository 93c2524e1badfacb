//! The page that the text view is written on: indentation, wrapping and painting.

use unicode_width::UnicodeWidthStr as _;

use crate::diag::visible::visible;
use crate::report::style::{Style, Tone};
use crate::report::text::TextOptions;

/// The least width that sentences are wrapped to.
const LEAST_WIDTH: usize = 40;

/// Lines of text, written from top to bottom.
pub(super) struct Page {
    text: String,
    style: Style,
    width: usize,
}

impl Page {
    pub(super) fn new(options: &TextOptions) -> Self {
        Self {
            text: String::new(),
            style: Style {
                color: options.color,
            },
            width: options.width.max(LEAST_WIDTH),
        }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    pub(super) fn blank(&mut self) {
        self.text.push('\n');
    }

    /// Writes a heading with an empty line above it.
    pub(super) fn heading(&mut self, text: &str) {
        self.blank();
        self.line(0, Tone::Strong, text);
    }

    /// Writes one line that is never wrapped.
    pub(super) fn line(&mut self, indent: usize, tone: Tone, text: &str) {
        self.spans(indent, &[(tone, text)]);
    }

    /// Writes one line of several pieces that is never wrapped; spaces at its end are left out.
    pub(super) fn spans(&mut self, indent: usize, spans: &[(Tone, &str)]) {
        let mut spans = spans.to_vec();
        while let Some((_, last)) = spans.last_mut() {
            *last = last.trim_end_matches(' ');
            if !last.is_empty() {
                break;
            }
            spans.pop();
        }
        if !spans.is_empty() {
            self.text.push_str(&" ".repeat(indent));
        }
        for (tone, text) in spans {
            self.text.push_str(&self.style.paint(tone, text));
        }
        self.text.push('\n');
    }

    /// Writes a name, padded to `column`, and its value, which is wrapped below itself.
    pub(super) fn fact(&mut self, indent: usize, column: usize, name: &str, value: &str) {
        let name = pad(name, column);
        self.wrapped(indent, indent + name.width(), &name, Tone::Quiet, value);
    }

    /// Writes a painted lead and a sentence behind it; further lines are indented by `hanging`.
    pub(super) fn wrapped(
        &mut self,
        indent: usize,
        hanging: usize,
        lead: &str,
        tone: Tone,
        text: &str,
    ) {
        let text = visible(text);
        let first = self.width.saturating_sub(indent + lead.width());
        let rest = self.width.saturating_sub(hanging);
        for (at, line) in wrap(&text, first, rest).iter().enumerate() {
            if at == 0 {
                self.spans(indent, &[(tone, lead), (Tone::Plain, line)]);
            } else {
                self.line(hanging, Tone::Plain, line);
            }
        }
    }

    /// Writes painted pieces and a sentence behind them, below them where it does not fit on their line.
    pub(super) fn headline(&mut self, spans: &[(Tone, &str)], text: &str) {
        let used: usize = spans.iter().map(|(_, text)| text.width()).sum();
        let text = visible(text);
        if used + 2 + text.width() <= self.width {
            let mut spans = spans.to_vec();
            spans.extend([(Tone::Plain, "  "), (Tone::Plain, &*text)]);
            self.spans(0, &spans);
        } else {
            self.spans(0, spans);
            self.wrapped(4, 4, "", Tone::Plain, &text);
        }
    }
}

/// Fills `text` up to `column` with spaces, at least one.
pub(super) fn pad(text: &str, column: usize) -> String {
    let spaces = column.saturating_sub(text.width()).max(1);
    format!("{text}{}", " ".repeat(spaces))
}

/// Breaks a sentence at spaces into lines of at most `first` and then `rest` columns; a longer word stays whole, and so does what
/// stands in backticks, so that it can be copied.
fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut width = 0;
    for word in words(text) {
        let room = if lines.len() == 1 { first } else { rest };
        let line = lines.last_mut().expect("there is always a line");
        if line.is_empty() {
            line.push_str(word);
            width = word.width();
        } else if width + 1 + word.width() <= room {
            line.push(' ');
            line.push_str(word);
            width += 1 + word.width();
        } else {
            lines.push(word.to_owned());
            width = word.width();
        }
    }
    lines
}

/// Splits at spaces that do not stand in backticks; at all spaces where backticks have no partner.
fn words(text: &str) -> Vec<&str> {
    if !text.matches('`').count().is_multiple_of(2) {
        return text.split(' ').collect();
    }
    let mut quoted = false;
    text.split(|c| {
        quoted ^= c == '`';
        c == ' ' && !quoted
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_broken_at_spaces_and_words_stay_whole() {
        assert_eq!(wrap("one two three", 7, 20), ["one two", "three"]);
        assert_eq!(
            wrap("one two three four", 3, 10),
            ["one", "two three", "four"]
        );
        assert_eq!(wrap("averylongword b", 3, 3), ["averylongword", "b"]);
        assert_eq!(wrap("日本 日本", 5, 5), ["日本", "日本"]);
        assert_eq!(wrap("a `b c` d", 4, 4), ["a", "`b c`", "d"]);
        assert_eq!(wrap("a `b c", 4, 4), ["a `b", "c"]);
    }

    #[test]
    fn colour_adds_codes_only() {
        let write = |color| {
            let mut page = Page::new(&TextOptions { color, width: 10 });
            page.headline(
                &[(Tone::Create, "+"), (Tone::Strong, " a")],
                &"long ".repeat(12),
            );
            page.finish()
        };
        let painted = write(true);
        let plain = ["\u{1b}[32m", "\u{1b}[1m", "\u{1b}[0m"]
            .iter()
            .fold(painted.clone(), |text, code| text.replace(code, ""));
        assert_ne!(painted, plain);
        assert_eq!(plain, write(false));
    }
}
