//! `add-not-copy`: ADD where COPY does the same.

use windlass_core::dockerfile::Instruction;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "add-not-copy",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/add-not-copy.md"),
)
.starred()
.aliases(&["DL3020", "CKV_DOCKER_4", "DS-0005", "CIS-DI-0009"]);

/// What ADD unpacks.
const ARCHIVES: [&str; 14] = [
    ".tar", ".tar.gz", ".tgz", ".taz", ".gz", ".tar.bz2", ".tbz2", ".tbz", ".bz2", ".tar.xz",
    ".txz", ".xz", ".tar.zst", ".tzst",
];

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for instruction in &subject.dockerfile.instructions {
        if instruction.keyword != "ADD" || !only_copies(instruction) {
            continue;
        }
        let span = instruction.span.start..instruction.span.start + "ADD".len();
        hits.push(
            Hit::at(
                subject.at(&span),
                "ADD unpacks archives and fetches URLs; here it only copies",
            )
            .help("write COPY")
            .fix(Fix::replace("write COPY", &span, "COPY")),
        );
    }
}

/// Says whether COPY would do the same; what is not certain counts as no.
fn only_copies(instruction: &Instruction) -> bool {
    let words = instruction.words();
    let Some((_, sources)) = words.split_last() else {
        return false;
    };
    let special = |flag: &str| instruction.flag(flag).is_some();
    if sources.is_empty() || special("checksum") || special("keep-git-dir") || special("unpack") {
        return false;
    }
    sources.iter().all(|source| {
        let text = source
            .text
            .trim_matches(|c| matches!(c, '[' | ',' | '"'))
            .to_ascii_lowercase();
        let remote = text.contains("://") || text.starts_with("git@") || text.rsplit('.').next() == Some("git");
        let open = text.contains(['$', '*', '?']);
        !remote && !open && !ARCHIVES.iter().any(|end| text.ends_with(end))
    })
}
