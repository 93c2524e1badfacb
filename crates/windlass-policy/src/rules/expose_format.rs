//! `expose-format`: EXPOSE of something that is no port.

use windlass_core::dockerfile::Body;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "expose-format",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/expose-format.md"),
)
.aliases(&["ExposeInvalidFormat", "ExposeProtoCasing"])
.needs(&[Need::Dockerfile]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        let Body::Words(words) = &instruction.body else { continue };
        for word in words.iter().filter(|_| instruction.keyword == "EXPOSE") {
            let text = word.text.trim_matches('"');
            if text.contains('$') || is_port(text) {
                continue;
            }
            let help = if text.contains(':') {
                "the host's port belongs to `docker run -p`; write the container's port only"
            } else {
                "write a port, a range, and tcp or udp: 80, 8000-8010, 53/udp"
            };
            hits.push(Hit::at(subject.at(&word.span), format!("`{text}` is no port")).help(help));
        }
    }
}

fn is_port(text: &str) -> bool {
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let number = |it: &str| !it.is_empty() && it.chars().all(|c| c.is_ascii_digit());
    let good = match ports.split_once('-') {
        Some((first, last)) => number(first) && number(last),
        None => number(ports),
    };
    good && matches!(protocol, "tcp" | "udp" | "sctp")
}
