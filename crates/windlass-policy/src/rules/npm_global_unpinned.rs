//! `npm-global-unpinned`: npm installs a named package without a version.

use windlass_core::shell::{Action, Manager};
use windlass_core::finding::Level;

use crate::facts::ends_in;
use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "npm-global-unpinned",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/npm-global-unpinned.md"),
)
.aliases(&["DL3016"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().packages() {
        let call = &found.call;
        let node = matches!(call.manager, Manager::Npm | Manager::Yarn | Manager::Pnpm);
        if !node || call.action != Action::Install {
            continue;
        }
        for package in &call.packages {
            if is_open(&package.text) && package.is_fixed() {
                hits.push(
                    Hit::at(subject.at(&package.span), format!("no version says which `{}` is installed", package.text))
                        .help("write the version behind `@`"),
                );
            }
        }
    }
}

fn is_open(package: &str) -> bool {
    let path = package.starts_with(['.', '/', '$', '~']) || package.contains(':') || ends_in(package, &[".tgz"]);
    let scoped = package.starts_with('@');
    let name = package.trim_start_matches('@');
    let git = !scoped && name.contains('/');
    let version = name.split_once('@').map(|(_, version)| version);
    !path && !git && matches!(version, None | Some("latest" | "next"))
}
