//! `pip-unpinned`: pip installs a package without a version.

use windlass_core::shell::{Action, Manager, ShellWord};
use windlass_core::finding::Level;

use crate::facts::ends_in;
use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "pip-unpinned",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/pip-unpinned.md"),
)
.aliases(&["DL3013"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().packages() {
        let call = &found.call;
        let constrained = ["-c", "--constraint", "-r", "--requirement", "--require-hashes", "--no-index"];
        if call.manager != Manager::Pip || call.action != Action::Install || call.has_flag(&constrained) {
            continue;
        }
        let open: Vec<&ShellWord> = call.packages.iter().copied().filter(|it| is_open(it)).collect();
        let Some(first) = open.first() else { continue };
        let names: Vec<&str> = open.iter().map(|it| it.text.as_str()).collect();
        hits.push(
            Hit::at(
                subject.at(&first.span),
                format!("no version says which {} is installed", names.join(", ")),
            )
            .help(format!("write {}==<version>, or install from a requirements file", first.text)),
        );
    }
}

fn is_open(word: &ShellWord) -> bool {
    let text = word.text.as_str();
    let pinned = ["==", "~=", " @ ", "@http", "@git"].iter().any(|it| text.contains(it));
    let path = text.starts_with(['.', '/', '$', '*', '~']) || text.contains("://") || text.contains('/');
    let file = ends_in(text, &[".whl", ".tar.gz", ".zip"]);
    // The installer itself, and what it installs with.
    let tool = matches!(text.split(['<', '>', '[']).next(), Some("pip" | "setuptools" | "wheel" | "uv"));
    word.is_fixed() && !pinned && !path && !file && !tool
}
