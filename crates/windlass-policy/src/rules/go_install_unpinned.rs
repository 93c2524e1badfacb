//! `go-install-unpinned`: go install without a version.

use windlass_core::shell::{Action, Manager};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "go-install-unpinned",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/go-install-unpinned.md"),
)
.aliases(&["DL3062"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().packages() {
        let call = &found.call;
        if call.manager != Manager::Go || call.action != Action::Install {
            continue;
        }
        for package in &call.packages {
            let (path, version) = package.text.split_once('@').unwrap_or((&package.text, ""));
            let remote = path.split('/').next().is_some_and(|it| it.contains('.') && !it.starts_with('.'));
            let floating = matches!(version, "latest" | "master" | "main" | "upgrade" | "patch");
            let missing = version.is_empty() && call.verb.text == "get";
            if !remote || !package.is_fixed() || !(floating || missing) {
                continue;
            }
            hits.push(
                Hit::at(subject.at(&package.span), format!("`{}` is another program tomorrow", package.text))
                    .help(format!("name a version: {path}@v1.2.3")),
            );
        }
    }
}
