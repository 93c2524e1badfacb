//! Redirections and the bodies of heredocs.

use super::read::Reader;
use super::{Join, Redirect, Simple, Text};

impl Reader<'_> {
    pub(super) fn trailing_redirects(&mut self) {
        let mut unused = self.empty(0, Join::First);
        loop {
            self.spaces();
            if !self.redirect(&mut unused, usize::MAX) {
                return;
            }
        }
    }

    /// Reads one redirection of the command that will stand at `slot`.
    pub(super) fn redirect(&mut self, simple: &mut Simple, slot: usize) -> bool {
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let Some(operator) = operator(&rest[digits..]) else {
            return false;
        };
        if rest[digits..].starts_with("<(") || rest[digits..].starts_with(">(") {
            return false;
        }
        self.at += digits + operator.len();
        self.spaces();
        let Some(target) = self.word() else {
            self.incomplete();
            return true;
        };
        if operator == "<<" || operator == "<<-" {
            let heredoc = (
                slot,
                simple.redirects.len(),
                target.text.clone(),
                operator == "<<-",
            );
            self.open.push(heredoc);
        }
        simple.redirects.push(Redirect {
            operator: operator.to_owned(),
            target,
            body: None,
        });
        true
    }

    /// Takes the bodies of the heredocs that the line before opened.
    pub(super) fn take_bodies(&mut self) {
        for (slot, index, name, tabs) in std::mem::take(&mut self.open) {
            let start = self.at;
            let mut end = None;
            let mut at = start;
            for line in self.rest().split_inclusive('\n') {
                let text = line.trim_end_matches(['\n', '\r']);
                let text = if tabs {
                    text.trim_start_matches('\t')
                } else {
                    text
                };
                if text == name {
                    end = Some(at);
                    at += line.len();
                    break;
                }
                at += line.len();
            }
            let Some(end) = end else {
                self.incomplete();
                continue;
            };
            self.at = at;
            let body = &self.text()[start..end];
            let body = Text::at(body, self.offset_of(start));
            self.give_body(slot, index, body);
        }
    }

    fn give_body(&mut self, slot: usize, index: usize, body: Text) {
        let redirect = self
            .commands
            .get_mut(slot)
            .and_then(|it| it.redirects.get_mut(index));
        if let Some(redirect) = redirect {
            redirect.body = Some(body);
        }
    }

    /// Heredocs of a RUN have their bodies outside the text.
    pub(super) fn finish_heredocs(&mut self) {
        for (slot, index, name, _) in std::mem::take(&mut self.open) {
            let found = self.bodies.iter().find(|(it, _)| *it == name);
            match found {
                Some((_, body)) => self.give_body(slot, index, body.clone()),
                None => self.incomplete(),
            }
        }
    }
}

const OPERATORS: &[&str] = &[
    "<<<", "<<-", "<<", "<&", "<>", "<", ">>", ">&", ">|", ">", "&>>", "&>",
];

fn operator(text: &str) -> Option<&'static str> {
    OPERATORS.iter().copied().find(|it| text.starts_with(it))
}
