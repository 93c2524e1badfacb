//! `cache-mount-advice`: a package manager without a cache mount.

use windlass_core::shell::{Action, Manager};

use crate::facts::mounted;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "cache-mount-advice",
    Level::Off,
    Check::Image(check),
    include_str!("../../../../docs/rules/cache-mount-advice.md"),
)
.aliases(&["prefer-package-cache-mounts"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().packages() {
        let call = &found.call;
        let fills = matches!(call.action, Action::Install | Action::InstallLocked | Action::Fetch);
        let Some(folder) = folder(call.manager).filter(|_| fills) else { continue };
        let instruction = &subject.dockerfile.instructions[found.at.instruction];
        if !mounted(&subject.dockerfile, instruction, &["cache"]).is_empty() {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&call.verb.span), "what is fetched is fetched again by every build of this step")
                .help(format!("mount a cache: RUN --mount=type=cache,target={folder}")),
        );
    }
}

fn folder(manager: Manager) -> Option<&'static str> {
    Some(match manager {
        Manager::AptGet | Manager::Apt | Manager::Aptitude => "/var/cache/apt",
        Manager::Apk => "/var/cache/apk",
        Manager::Yum => "/var/cache/yum",
        Manager::Dnf | Manager::Microdnf => "/var/cache/dnf",
        Manager::Zypper => "/var/cache/zypp",
        Manager::Pip => "/root/.cache",
        Manager::Npm => "/root/.npm",
        Manager::Yarn => "/usr/local/share/.cache",
        Manager::Pnpm => "/root/.local/share/pnpm/store",
        Manager::Go => "/go/pkg/mod",
        Manager::Cargo => "/usr/local/cargo/registry",
        Manager::Gem | Manager::Bundle => return None,
    })
}
