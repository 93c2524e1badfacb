//! `http-download`: a download without encryption.

use std::ops::Range;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "http-download",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/http-download.md"),
)
.needs(&[Need::Dockerfile, Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        let transfer = instruction.transfer().filter(|_| instruction.keyword == "ADD");
        let verified = instruction.flag("checksum").is_some();
        for source in transfer.iter().flat_map(|it| &it.sources).filter(|_| !verified) {
            if is_open(&source.text) {
                hits.push(report(subject, &source.span));
            }
        }
    }
    for found in subject.facts().calls() {
        if !matches!(found.call.name, "curl" | "wget" | "git" | "pip" | "pip3") {
            continue;
        }
        for word in found.call.arguments.iter().filter(|it| is_open(&it.text)) {
            hits.push(report(subject, &word.span));
        }
    }
}

fn report(subject: &ImageSubject, span: &Range<usize>) -> Hit {
    Hit::at(subject.at(span), "anybody on the way can change what is fetched").help("write https://")
}

/// A host on the Internet; those of the machine or of a private network are left out.
fn is_open(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("http://") else {
        return false;
    };
    let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
    let private = [".local", ".internal", ".svc", ".lan", ".localhost", ".test", ".invalid"];
    host.contains('.')
        && !host.contains('$')
        && !host.starts_with("127.")
        && !host.starts_with("10.")
        && !host.starts_with("192.168.")
        && !private.iter().any(|it| host.ends_with(it))
}
