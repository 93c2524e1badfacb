//! `[` and `]`, which KDL does not have.

use crate::diag::Code;

use super::Scanner;

impl Scanner<'_> {
    /// Reports brackets once a statement and reads on as if they were not there.
    pub(super) fn bracket(&mut self, c: char) {
        if self.statement.start.is_none() && c == '[' {
            return self.section();
        }
        self.begin();
        let at = self.at;
        self.at += 1;
        self.patch(at..at + 1, b' ');
        if c == '[' && at >= self.brackets_until {
            self.brackets_until = self.closing_bracket(at).unwrap_or(0);
        }
        if self.statement.brackets {
            return;
        }
        self.statement.brackets = true;
        self.report(
            Code::Brackets,
            at..at + 1,
            "values do not stand in brackets",
            "not needed here",
            "write the values one after the other, with spaces between them",
        );
    }

    /// `[section]` of TOML: the line is given up.
    fn section(&mut self) {
        let start = self.at;
        let end = self.line_end(start);
        self.report(
            Code::Brackets,
            start..self.text[..end].trim_end().len(),
            "there are no `[sections]`",
            "as in TOML",
            "write `name { .. }` around the settings",
        );
        self.patch(start..end, b' ');
        self.at = end;
        self.incomplete = true;
    }

    fn closing_bracket(&self, open: usize) -> Option<usize> {
        let mut depth = 0_usize;
        let mut quoted = false;
        for (offset, b) in self.text[open..].bytes().enumerate() {
            match b {
                b'"' => quoted = !quoted,
                b'[' if !quoted => depth += 1,
                b']' if !quoted => depth -= 1,
                b'{' | b'}' if !quoted => return None,
                _ => {}
            }
            if depth == 0 {
                return Some(open + offset);
            }
        }
        None
    }
}
