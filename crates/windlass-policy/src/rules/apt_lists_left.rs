//! `apt-lists-left`: the lists of apt stay in the layer.

use windlass_core::shell::{Action, PackageCall, Simple, package_call};

use crate::facts::{ScriptAt, end_of_run, is_cached};
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "apt-lists-left",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/apt-lists-left.md"),
)
.starred()
.aliases(&["DL3009", "DKL-DI-0005"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for at in facts.runs().filter(|it| facts.is_final(it.stage)) {
        let calls: Vec<PackageCall<'_>> = at
            .script
            .commands
            .iter()
            .filter_map(package_call)
            .filter(|it| it.manager.is_apt())
            .collect();
        let Some(update) = calls.iter().find(|it| it.action == Action::Update) else {
            continue;
        };
        // An update alone is `apt-update-alone`: later steps need its lists.
        if calls.iter().all(|it| matches!(it.action, Action::Update | Action::Clean)) {
            continue;
        }
        let instruction = &subject.dockerfile.instructions[at.instruction];
        let removed = at.script.commands.iter().any(removes_lists);
        // A later step cannot help, and what a script does is not known.
        if removed || is_cached(&subject.dockerfile, instruction, "/var/lib/apt/lists") {
            continue;
        }
        let mut hit = Hit::at(subject.at(&update.verb.span), "the lists of packages stay in the layer")
            .help("end the step with: && rm -rf /var/lib/apt/lists/*");
        let needed = facts.runs().any(|it| it.instruction > at.instruction && uses_lists(it));
        if let Some(end) = end_of_run(&subject.dockerfile, at).filter(|_| !needed) {
            let add = " && rm -rf /var/lib/apt/lists/*";
            hit = hit.fix(Fix::insert("remove the lists at the end of the step", end, add));
        }
        hits.push(hit);
    }
}

/// Whether a step installs from lists that an earlier one fetched.
fn uses_lists(at: &ScriptAt) -> bool {
    let calls = at.script.commands.iter().filter_map(package_call);
    let first = calls.filter(|it| it.manager.is_apt()).find(|it| {
        matches!(it.action, Action::Update | Action::Install | Action::Upgrade | Action::DistUpgrade)
    });
    first.is_some_and(|it| it.action != Action::Update)
}

fn removes_lists(simple: &Simple) -> bool {
    let names = |it: &str| it.contains("/var/lib/apt") || it == "/var/lib/" || it.starts_with("/var/lib/*");
    let removes = simple
        .call()
        .is_some_and(|it| matches!(it.name, "rm" | "find" | "rmdir" | "apt-dist-clean"));
    let distclean = package_call(simple).is_some_and(|it| it.verb.text == "distclean");
    distclean
        || removes
            && simple
                .words
                .iter()
                .any(|it| names(&it.text) || it.text.contains("/var/lib/{apt") || it.text.contains("/lists"))
}
