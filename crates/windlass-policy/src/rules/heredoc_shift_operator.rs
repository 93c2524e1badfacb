//! `heredoc-shift-operator`: `<<` that BuildKit takes for a heredoc without an end.

use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "heredoc-shift-operator",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/heredoc-shift-operator.md"),
)
.needs(&[Need::Dockerfile, Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        for heredoc in instruction.heredocs.iter().filter(|it| it.end.is_none()) {
            let place = subject.at(&heredoc.opener);
            let shift = heredoc.name.contains(')') || heredoc.name.chars().all(|c| c.is_ascii_digit());
            let message = format!("BuildKit looks for a line `{}` that ends a heredoc, and finds none", heredoc.name);
            let mut hit = Hit::at(place.clone(), message);
            if shift {
                hit = hit.help("write the shift without blanks: $((1<<3))");
                let text = place.text();
                if text.starts_with("<< ") {
                    let blank = heredoc.opener.start + 2;
                    let before = subject.dockerfile.source.text[..heredoc.opener.start].ends_with(' ');
                    let length = text[2..].len() - text[2..].trim_start().len();
                    let mut fix = Fix::replace("write it without blanks", &(blank..blank + length), "");
                    if before {
                        fix = fix.and(&(heredoc.opener.start - 1..heredoc.opener.start), "");
                    }
                    hit = hit.fix(fix);
                }
            } else {
                hit = hit.help(format!("end the heredoc with a line that is `{}` and nothing else", heredoc.name));
            }
            hits.push(hit);
        }
    }
}
