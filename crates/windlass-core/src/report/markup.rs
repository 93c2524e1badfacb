//! Writing HTML and SVG: markup is text of this program, everything else is escaped. There is no way to add one as the other.

use crate::diag::visible::{visible, visible_line};

/// Markup that grows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Markup {
    text: String,
}

impl Markup {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds markup. It is written in this program: a text from outside has no such lifetime.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.text.push_str(markup);
        self
    }

    /// Adds a text on one line, escaped, with hidden characters made visible.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        escape_into(&visible(text), &mut self.text);
        self
    }

    /// Adds a line of a file, escaped; tabs stay.
    pub(super) fn line(&mut self, line: &str) -> &mut Self {
        escape_into(&visible_line(line), &mut self.text);
        self
    }

    /// Adds a sentence: what stands between backticks is code.
    pub(super) fn prose(&mut self, text: &str) -> &mut Self {
        let parts: Vec<&str> = text.split('`').collect();
        let whole = parts.len() % 2 == 1;
        if !whole {
            return self.text(text);
        }
        for (place, part) in parts.iter().enumerate() {
            if place % 2 == 1 {
                self.raw("<code>").text(part).raw("</code>");
            } else {
                self.text(part);
            }
        }
        self
    }

    /// Adds a number.
    pub(super) fn number(&mut self, number: impl Into<i64>) -> &mut Self {
        self.text.push_str(&number.into().to_string());
        self
    }

    /// Adds a count.
    pub(super) fn count(&mut self, count: usize) -> &mut Self {
        self.text.push_str(&count.to_string());
        self
    }

    /// Adds ` name="value"`.
    pub(super) fn attribute(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.raw(" ").raw(name).raw("=\"").text(value).raw("\"")
    }

    /// Adds a text between two pieces of markup.
    pub(super) fn wrapped(
        &mut self,
        before: &'static str,
        text: &str,
        after: &'static str,
    ) -> &mut Self {
        self.raw(before).text(text).raw(after)
    }

    /// Adds other markup.
    pub(super) fn append(&mut self, other: &Self) -> &mut Self {
        self.text.push_str(&other.text);
        self
    }

    /// Returns the markup.
    pub(super) fn finish(self) -> String {
        self.text
    }
}

fn escape_into(text: &str, into: &mut String) {
    for c in text.chars() {
        match c {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            c => into.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup_or_leave_an_attribute() {
        let mut markup = Markup::new();
        markup
            .raw("<p")
            .attribute("title", "\" onclick='x'>")
            .raw(">")
            .text("<script>\u{202e}&\n")
            .raw("</p>");
        assert_eq!(
            markup.finish(),
            "<p title=\"&quot; onclick=&#39;x&#39;&gt;\">&lt;script&gt;\\u{202e}&amp;\\n</p>"
        );
    }

    #[test]
    fn what_stands_between_backticks_is_code() {
        for (text, wanted) in [
            ("run `a <b>` now", "run <code>a &lt;b&gt;</code> now"),
            ("one ` alone <i>", "one ` alone &lt;i&gt;"),
        ] {
            let mut markup = Markup::new();
            markup.prose(text);
            assert_eq!(markup.finish(), wanted);
        }
    }
}
