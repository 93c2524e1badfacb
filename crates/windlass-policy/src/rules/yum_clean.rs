//! `yum-clean`: the cache of yum, dnf or zypper stays in the layer.

use windlass_core::shell::{Action, Manager, PackageCall, package_call};

use crate::facts::{end_of_run, is_cached};
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "yum-clean",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/yum-clean.md"),
)
.aliases(&["DL3032", "DL3036", "DL3040", "DS-0015", "DS-0019", "DS-0020"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for at in facts.runs().filter(|it| facts.is_final(it.stage)) {
        let calls: Vec<PackageCall<'_>> = at
            .script
            .commands
            .iter()
            .filter_map(package_call)
            .filter(|it| it.manager.is_yum() || it.manager == Manager::Zypper)
            .collect();
        let filling = calls.iter().find(|it| {
            matches!(it.action, Action::Install | Action::Upgrade | Action::DistUpgrade)
        });
        let Some(filling) = filling else { continue };
        let instruction = &subject.dockerfile.instructions[at.instruction];
        let cached = ["/var/cache/yum", "/var/cache/dnf", "/var/cache/libdnf5", "/var/cache/zypp"];
        let cleaned = calls.iter().any(|it| it.action == Action::Clean)
            || at.script.commands.iter().any(|it| {
                it.call().is_some_and(|it| it.name == "rm")
                    && it.words.iter().any(|it| it.text.contains("/var/cache"))
            });
        if cleaned || cached.iter().any(|it| is_cached(&subject.dockerfile, instruction, it)) {
            continue;
        }
        let name = filling.call.name;
        let clean = if name == "zypper" { "zypper clean --all" } else { "clean all" };
        let clean = if name == "zypper" { clean.to_owned() } else { format!("{name} {clean}") };
        let mut hit = Hit::at(subject.at(&filling.verb.span), format!("the cache of {name} stays in the layer"))
            .help(format!("end the step with: && {clean}"));
        if let Some(end) = end_of_run(&subject.dockerfile, at) {
            hit = hit.fix(Fix::insert("empty the cache at the end of the step", end, format!(" && {clean}")));
        }
        hits.push(hit);
    }
}
