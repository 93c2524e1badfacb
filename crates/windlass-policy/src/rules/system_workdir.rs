//! `system-workdir`: WORKDIR or VOLUME is a folder of the system.

use windlass_core::dockerfile::{Body, Word};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "system-workdir",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/system-workdir.md"),
)
.aliases(&["DKL-DI-0002", "DS-0030"])
.needs(&[Need::Dockerfile]);

/// Folders that belong to the system.
const SYSTEM: [&str; 12] = [
    "/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr", "/var",
];

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        let words: Vec<&Word> = match &instruction.body {
            Body::Text(word) if instruction.keyword == "WORKDIR" => vec![word],
            Body::Words(words) if instruction.keyword == "VOLUME" => words.iter().collect(),
            _ => continue,
        };
        for word in words {
            let path = word.text.trim_matches(['"', '\'']).trim_end_matches('/');
            let root = path.is_empty() && instruction.keyword == "VOLUME";
            if SYSTEM.contains(&path) || root {
                hits.push(
                    Hit::at(subject.at(&word.span), format!("`{}` belongs to the system", word.text))
                        .help("choose a folder of the program: /app, /srv, /data, /var/lib/<name>"),
                );
            }
        }
    }
}
