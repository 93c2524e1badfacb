//! Compound commands: `if`, loops, `case`, functions, `[[ ]]`.

use super::read::{End, Reader};
use super::{Join, Within};

impl Reader<'_> {
    pub(super) fn skip_arithmetic(&mut self) {
        let rest = self.rest();
        self.at += rest.find("))").map_or(rest.len(), |at| at + 2);
    }

    pub(super) fn conditional(&mut self) {
        self.at += "if".len();
        loop {
            self.inside(Within::Condition, End::Words(&["then", "fi"]));
            if !self.take_word("then") {
                break;
            }
            self.inside(Within::Branch, End::Words(&["elif", "else", "fi"]));
            if self.at_word("elif") {
                self.at += "elif".len();
                continue;
            }
            if self.at_word("else") {
                self.at += "else".len();
                self.inside(Within::Branch, End::Words(&["fi"]));
            }
            break;
        }
        self.take_word("fi");
    }

    pub(super) fn loop_body(&mut self) {
        if self.take_word("do") {
            self.inside(Within::Loop, End::Words(&["done"]));
            self.take_word("done");
        }
    }

    pub(super) fn counted_loop(&mut self) {
        self.word();
        self.spaces();
        if self.rest().starts_with("((") {
            self.skip_arithmetic();
        } else {
            self.word();
            self.blanks(true);
            if self.at_word("in") {
                self.at += "in".len();
                loop {
                    self.spaces();
                    if self.word().is_none() {
                        break;
                    }
                }
            }
        }
        self.spaces();
        if self.rest().starts_with(';') {
            self.next();
        }
        self.blanks(true);
        self.loop_body();
    }

    pub(super) fn case(&mut self) {
        self.at += "case".len();
        self.spaces();
        self.word();
        self.blanks(true);
        self.take_word("in");
        loop {
            self.blanks(true);
            if self.rest().is_empty() || self.at_word("esac") {
                break;
            }
            let before = self.at;
            self.case_pattern();
            self.inside(Within::Branch, End::Case);
            if self.rest().starts_with(";;&") {
                self.at += 3;
            } else if self.rest().starts_with(";;") || self.rest().starts_with(";&") {
                self.at += 2;
            } else if self.at == before {
                self.incomplete();
                break;
            }
        }
        self.take_word("esac");
    }

    /// Takes `a | b)`.
    fn case_pattern(&mut self) {
        if self.rest().starts_with('(') {
            self.next();
        }
        loop {
            self.spaces();
            self.word();
            self.spaces();
            match self.peek() {
                Some('|') => {
                    self.next();
                }
                Some(')') => {
                    self.next();
                    return;
                }
                _ => {
                    self.incomplete();
                    return;
                }
            }
        }
    }

    pub(super) fn function(&mut self, name: String) {
        self.functions.push(name);
        self.blanks(true);
        if self.enter() {
            self.within.push(Within::Function);
            self.lists += 1;
            self.command(self.lists, Join::First);
            self.within.pop();
            self.leave();
        }
    }

    /// `[[ ]]`, in which operators are words.
    pub(super) fn test(&mut self, list: usize, join: Join) {
        let start = self.at;
        let mut words = Vec::new();
        loop {
            self.spaces();
            let found = self
                .word_until(&|c: char| c.is_whitespace())
                .filter(|it| !it.text.is_empty());
            let Some(word) = found else {
                self.incomplete();
                break;
            };
            let closes = word.text == "]]";
            words.push(word);
            if closes {
                break;
            }
        }
        let mut simple = self.empty(list, join);
        simple.words = words;
        self.finish(simple, start);
    }
}
