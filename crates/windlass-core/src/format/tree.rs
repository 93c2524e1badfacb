//! The tree of a text with everything in it that is worth keeping: comments, blank lines, continuations, what is slashed out.

use super::token::{Kind, Token, is_word, tokens};

/// What stands in a block, or at the top level.
#[derive(Debug, Default)]
pub(super) struct Item<'a> {
    /// Whether a blank line is in front of it.
    pub(super) blank: bool,
    /// A comment on lines of its own has its text here and nothing else.
    pub(super) parts: Vec<Part<'a>>,
    /// The comment at the end of its last line.
    pub(super) trailing: Option<&'a str>,
}

/// One part of a node or of a line of comments.
#[derive(Debug)]
pub(super) enum Part<'a> {
    /// A name, a value or a property as it is to be written.
    Word(String),
    /// A key with its `=` or nothing, and a text over several lines.
    Multiline(String, &'a str),
    /// A comment between `/*` and `*/`.
    Comment(&'a str),
    /// A comment up to the end of its line, with more of the node on the next one.
    LineComment(&'a str),
    /// A backslash at the end of a line, with its comment.
    Continuation(Option<&'a str>),
    /// `/-`, which takes out the part that follows.
    SlashDash,
    /// Children.
    Block(Block<'a>),
}

/// Children between braces.
#[derive(Debug)]
pub(super) struct Block<'a> {
    /// Whether it was written on one line.
    pub(super) one_line: bool,
    /// Comments behind `{` on its line.
    pub(super) opening: Vec<&'a str>,
    /// The children.
    pub(super) items: Vec<Item<'a>>,
}

impl Item<'_> {
    /// Says whether it is comments only.
    pub(super) fn is_comment(&self) -> bool {
        self.parts
            .iter()
            .all(|it| matches!(it, Part::Comment(_) | Part::LineComment(_)))
    }
}

/// Makes the tree of a text that is known to be well-formed.
pub(super) fn parse(text: &str) -> Vec<Item<'_>> {
    let mut parser = Parser {
        tokens: tokens(text),
        at: 0,
    };
    let (mut items, opening) = parser.items();
    // At the top nothing is opened: these are comments like others.
    let first = opening.into_iter().map(|it| Item {
        parts: vec![Part::Comment(it)],
        ..Item::default()
    });
    let mut all: Vec<Item<'_>> = first.collect();
    all.append(&mut items);
    all
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.at).copied()
    }

    fn kind(&self) -> Option<Kind> {
        self.peek().map(|it| it.kind)
    }

    /// Returns the kind of the first token from `at` on that is no space.
    fn kind_after_space(&self, mut at: usize) -> Option<Kind> {
        while self.tokens.get(at).is_some_and(|it| it.kind == Kind::Space) {
            at += 1;
        }
        self.tokens.get(at).map(|it| it.kind)
    }

    /// Reads up to the end of a block or of the text, and the comments that stand on the line of `{`.
    fn items(&mut self) -> (Vec<Item<'a>>, Vec<&'a str>) {
        let mut items: Vec<Item<'a>> = Vec::new();
        let mut opening = Vec::new();
        let mut newlines = 0_usize;
        while let Some(token) = self.peek() {
            match token.kind {
                Kind::Close => break,
                Kind::Space | Kind::Semicolon => self.at += 1,
                Kind::Newline => {
                    newlines += 1;
                    self.at += 1;
                }
                Kind::LineComment | Kind::BlockComment if self.ends_line(token.kind) => {
                    self.at += 1;
                    match items.last_mut() {
                        None if newlines == 0 => opening.push(token.text),
                        Some(last) if newlines == 0 && last.trailing.is_none() => {
                            last.add_trailing(token);
                        }
                        _ => items.push(Item {
                            blank: newlines > 1,
                            parts: vec![Part::Comment(token.text)],
                            trailing: None,
                        }),
                    }
                    newlines = 0;
                }
                _ => {
                    let mut item = self.node();
                    item.blank = newlines > 1;
                    newlines = 0;
                    items.push(item);
                }
            }
        }
        (items, opening)
    }

    /// Says whether a comment here is followed by nothing on its line but other comments.
    fn ends_line(&self, kind: Kind) -> bool {
        if kind == Kind::LineComment {
            return true;
        }
        let mut at = self.at + 1;
        while matches!(
            self.tokens.get(at).map(|it| it.kind),
            Some(Kind::Space | Kind::BlockComment)
        ) {
            at += 1;
        }
        matches!(
            self.tokens.get(at).map(|it| it.kind),
            None | Some(Kind::Newline | Kind::LineComment | Kind::Close | Kind::Semicolon)
        )
    }

    fn node(&mut self) -> Item<'a> {
        let mut item = Item::default();
        let mut named = false;
        while let Some(token) = self.peek() {
            match token.kind {
                Kind::Newline | Kind::Semicolon | Kind::Close => break,
                Kind::LineComment => {
                    self.at += 1;
                    item.trailing = Some(token.text);
                    break;
                }
                Kind::Space => self.at += 1,
                Kind::BlockComment => {
                    self.at += 1;
                    item.parts.push(Part::Comment(token.text));
                }
                Kind::Continuation => {
                    self.at += 1;
                    let comment = token.text.find("//").map(|at| &token.text[at..]);
                    item.parts.push(Part::Continuation(comment));
                }
                Kind::SlashDash => {
                    self.at += 1;
                    item.parts.push(Part::SlashDash);
                    self.slashed_lines(&mut item.parts);
                }
                Kind::Open => item.parts.push(self.block()),
                _ => {
                    item.parts.push(self.entry(named));
                    named = true;
                }
            }
        }
        item
    }

    /// What takes a part out may stand lines above it.
    fn slashed_lines(&mut self, parts: &mut Vec<Part<'a>>) {
        while let Some(token) = self.peek() {
            match token.kind {
                Kind::Space | Kind::Newline => {}
                Kind::LineComment => parts.push(Part::LineComment(token.text)),
                Kind::BlockComment => parts.push(Part::Comment(token.text)),
                _ => return,
            }
            self.at += 1;
        }
    }

    fn block(&mut self) -> Part<'a> {
        let start = self.at;
        self.at += 1;
        let (items, opening) = self.items();
        if self.kind() == Some(Kind::Close) {
            self.at += 1;
        }
        let inside = &self.tokens[start..self.at];
        let one_line = !inside
            .iter()
            .any(|it| it.text.contains(crate::node::is_newline));
        Part::Block(Block {
            one_line,
            opening,
            items,
        })
    }

    /// Reads a name (`named` is false), a value or a property.
    fn entry(&mut self, named: bool) -> Part<'a> {
        let start = self.at;
        let mut plain = true;
        let mut annotation = self.annotation(&mut plain);
        let mut value = self.take();
        let mut key = String::new();
        if named && self.finds_equals() {
            self.skip(&mut plain);
            self.at += 1;
            self.skip(&mut plain);
            key = format!("{annotation}{}=", bare(value));
            annotation = self.annotation(&mut plain);
            value = self.take();
        }
        if !plain {
            // Comments or line ends inside of a property: left as it is.
            let text = self.tokens[start..self.at].iter().map(|it| it.text);
            return Part::Word(text.collect::<String>().replace("\r\n", "\n"));
        }
        if !named {
            return Part::Word(format!("{annotation}{}", bare(value)));
        }
        match value.kind {
            Kind::Multiline => Part::Multiline(format!("{key}{annotation}"), value.text),
            _ => Part::Word(format!("{key}{annotation}{}", quoted(value))),
        }
    }

    fn take(&mut self) -> Token<'a> {
        let token = self.peek().unwrap_or(Token {
            kind: Kind::Word,
            text: "",
        });
        self.at += 1;
        self.at = self.at.min(self.tokens.len());
        token
    }

    fn annotation(&mut self, plain: &mut bool) -> String {
        let mut text = String::new();
        if self.kind() != Some(Kind::OpenParen) {
            return text;
        }
        while let Some(token) = self.peek() {
            self.at += 1;
            match token.kind {
                Kind::Space => {}
                Kind::BlockComment | Kind::Continuation | Kind::Newline => *plain = false,
                _ => text.push_str(token.text),
            }
            if token.kind == Kind::CloseParen {
                break;
            }
        }
        self.skip(plain);
        text
    }

    /// Says whether an equals sign comes next, with space, comments or line ends in front of it.
    fn finds_equals(&self) -> bool {
        let mut at = self.at;
        while matches!(
            self.kind_after_space(at),
            Some(Kind::BlockComment | Kind::Continuation)
        ) {
            while self.tokens[at].kind == Kind::Space {
                at += 1;
            }
            at += 1;
        }
        self.kind_after_space(at) == Some(Kind::Equals)
    }

    fn skip(&mut self, plain: &mut bool) {
        while let Some(token) = self.peek() {
            match token.kind {
                Kind::Space => {}
                Kind::BlockComment | Kind::Continuation => *plain = false,
                _ => return,
            }
            self.at += 1;
        }
    }
}

impl<'a> Item<'a> {
    fn add_trailing(&mut self, token: Token<'a>) {
        if token.kind == Kind::LineComment {
            self.trailing = Some(token.text);
        } else {
            self.parts.push(Part::Comment(token.text));
        }
    }
}

/// Writes a name or a key without quotes where that is legal.
fn bare(token: Token<'_>) -> String {
    let inner = token
        .text
        .strip_prefix('"')
        .and_then(|it| it.strip_suffix('"'));
    match inner {
        Some(inner) if token.kind == Kind::Text && is_bare(inner) => inner.to_owned(),
        _ => token.text.replace("\r\n", "\n"),
    }
}

fn is_bare(word: &str) -> bool {
    let unsigned = word.strip_prefix(['+', '-']).unwrap_or(word);
    let unsigned = unsigned.strip_prefix('.').unwrap_or(unsigned);
    let keyword = matches!(word, "true" | "false" | "null" | "inf" | "-inf" | "nan");
    !word.is_empty()
        && word.chars().all(is_word)
        // KDL takes these into a word; a reader takes them for a mistake, and so does the manifest.
        && !word.contains([',', '\''])
        && !word.ends_with(':')
        && !unsigned.starts_with(|c: char| c.is_ascii_digit())
        && !keyword
}

/// Writes a value: text in quotes, anything else as it is.
fn quoted(token: Token<'_>) -> String {
    let text = token.text;
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let number = unsigned.starts_with(|c: char| c.is_ascii_digit());
    if token.kind == Kind::Word && !text.starts_with('#') && !number && !text.is_empty() {
        format!("\"{text}\"")
    } else {
        text.replace("\r\n", "\n")
    }
}
