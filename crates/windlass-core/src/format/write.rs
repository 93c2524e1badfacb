//! Writing: four spaces a level, one setting a line, short blocks on one line where they were.

use unicode_width::UnicodeWidthStr as _;

use super::tree::{Block, Item, Part};

/// A block that was written on one line stays there up to this width.
const WIDTH: usize = 80;
const INDENT: &str = "    ";

/// Writes a whole text.
pub(super) fn write(items: &[Item<'_>]) -> String {
    let mut writer = Writer {
        text: String::new(),
    };
    writer.items(items, 0);
    writer.text
}

struct Writer {
    text: String,
}

impl Writer {
    fn items(&mut self, items: &[Item<'_>], level: usize) {
        let blanks = blanks(items, level);
        for (item, blank) in items.iter().zip(blanks) {
            if blank {
                self.text.push('\n');
            }
            self.indent(level);
            self.item(item, level);
            self.newline();
        }
    }

    fn indent(&mut self, level: usize) {
        for _ in 0..level {
            self.text.push_str(INDENT);
        }
    }

    /// Ends the line, without blanks in front of its end.
    fn newline(&mut self) {
        let kept = self.text.trim_end_matches(' ').len();
        self.text.truncate(kept);
        self.text.push('\n');
    }

    fn item(&mut self, item: &Item<'_>, level: usize) {
        if let Some(line) = flat(item).filter(|it| level * INDENT.len() + it.width() <= WIDTH) {
            self.text.push_str(&line);
        } else {
            self.parts(&item.parts, level);
        }
        if let Some(comment) = item.trailing {
            self.text.push(' ');
            self.text.push_str(comment.trim_end());
        }
    }

    fn parts(&mut self, parts: &[Part<'_>], level: usize) {
        let mut glued = true;
        for part in parts {
            if !glued {
                self.text.push(' ');
            }
            glued = false;
            match part {
                Part::Word(word) => self.text.push_str(word),
                Part::Multiline(key, text) => self.multiline(key, text, level + 1),
                Part::Comment(comment) => self.comment(comment),
                Part::LineComment(comment) => {
                    self.text
                        .push_str(if self.text.ends_with("/-") { " " } else { "" });
                    self.text.push_str(comment.trim_end());
                    self.newline();
                    self.indent(level);
                    glued = true;
                }
                Part::Continuation(comment) => {
                    self.text.push('\\');
                    if let Some(comment) = comment {
                        self.text.push(' ');
                        self.text.push_str(comment.trim_end());
                    }
                    self.newline();
                    self.indent(level + 1);
                    glued = true;
                }
                Part::SlashDash => {
                    self.text.push_str("/-");
                    glued = true;
                }
                Part::Block(block) => self.block(block, level),
            }
        }
    }

    fn comment(&mut self, comment: &str) {
        let lines: Vec<&str> = lines(comment).into_iter().map(str::trim_end).collect();
        self.text.push_str(&lines.join("\n"));
    }

    fn block(&mut self, block: &Block<'_>, level: usize) {
        self.text.push('{');
        if block.items.is_empty() && block.opening.is_empty() {
            self.text.push('}');
            return;
        }
        for comment in &block.opening {
            self.text.push(' ');
            self.comment(comment);
        }
        self.newline();
        self.items(&block.items, level + 1);
        self.indent(level);
        self.text.push('}');
    }

    /// Writes a text over several lines with another indentation, as a whole.
    fn multiline(&mut self, key: &str, text: &str, level: usize) {
        let lines = lines(text);
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
            return;
        };
        let close = last.trim_start();
        let old = &last[..last.len() - close.len()];
        self.text.push_str(key);
        self.text.push_str(first);
        self.text.push('\n');
        for line in &lines[1..lines.len() - 1] {
            let rest = line.strip_prefix(old).unwrap_or(line.trim_start());
            if !line.trim().is_empty() {
                self.indent(level);
                self.text.push_str(rest);
            }
            self.text.push('\n');
        }
        self.indent(level);
        self.text.push_str(close);
    }
}

/// Cuts a text at every line end of KDL.
fn lines(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(crate::node::is_newline) {
        all.push(&rest[..at]);
        let width = if rest[at..].starts_with("\r\n") {
            2
        } else {
            rest[at..].chars().next().map_or(1, char::len_utf8)
        };
        rest = &rest[at + width..];
    }
    all.push(rest);
    all
}

/// Says in front of which items a blank line stands: where one was, and at the top around nodes of several lines.
fn blanks(items: &[Item<'_>], level: usize) -> Vec<bool> {
    let mut blanks: Vec<bool> = items.iter().map(|it| it.blank).collect();
    if level == 0 {
        for at in 0..items.len() {
            if !has_lines(&items[at]) {
                continue;
            }
            if let Some(next) = blanks.get_mut(at + 1) {
                *next = true;
            }
            // Comments directly above a node belong to it.
            let mut first = at;
            while first > 0 && !blanks[first] && items[first - 1].is_comment() {
                first -= 1;
            }
            blanks[first] = true;
        }
    }
    if let Some(first) = blanks.first_mut() {
        *first = false;
    }
    blanks
}

/// Says whether an item of the top level is a node that is written on several lines.
fn has_lines(item: &Item<'_>) -> bool {
    !item.is_comment() && flat(item).is_none_or(|it| it.width() > WIDTH) && {
        let blocks = item.parts.iter().filter_map(|it| match it {
            Part::Block(block) => Some(block),
            _ => None,
        });
        let filled = |it: &Block<'_>| !it.items.is_empty() || !it.opening.is_empty();
        blocks.into_iter().any(filled)
            || item.parts.iter().any(|it| match it {
                Part::Multiline(..) | Part::Continuation(_) => true,
                Part::Word(word) => word.contains('\n'),
                _ => false,
            })
    }
}

/// Writes an item on one line, if it can be there: no comments inside blocks, no line ends.
fn flat(item: &Item<'_>) -> Option<String> {
    let mut line = String::new();
    let mut glued = true;
    for part in &item.parts {
        if !glued {
            line.push(' ');
        }
        glued = false;
        match part {
            Part::Word(word) if !word.contains('\n') => line.push_str(word),
            Part::Comment(comment) if !comment.contains(crate::node::is_newline) => {
                line.push_str(comment.trim_end());
            }
            Part::SlashDash => {
                line.push_str("/-");
                glued = true;
            }
            Part::Block(block) => line.push_str(&flat_block(block)?),
            _ => return None,
        }
    }
    Some(line)
}

fn flat_block(block: &Block<'_>) -> Option<String> {
    if block.items.is_empty() && block.opening.is_empty() {
        return Some("{}".to_owned());
    }
    if !block.one_line || !block.opening.is_empty() {
        return None;
    }
    let has_comment = |it: &Item<'_>| it.parts.iter().any(|it| matches!(it, Part::Comment(_)));
    if block.items.iter().any(has_comment) {
        return None;
    }
    let items: Option<Vec<String>> = block.items.iter().map(flat).collect();
    Some(format!("{{ {} }}", items?.join("; ")))
}
