//! `install-remove-separate-layers`: packages are removed in a later layer than they were installed in.

use windlass_core::shell::{Action, Manager, PackageCall};

use crate::facts::PackagesAt;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "install-remove-separate-layers",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/install-remove-separate-layers.md"),
)
.starred()
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let calls: Vec<PackagesAt<'_>> = facts
        .packages()
        .filter(|it| facts.is_final(it.at.stage) && it.call.manager.is_system())
        .collect();
    for removal in calls.iter().filter(|it| it.call.action == Action::Remove) {
        let names: Vec<&str> = removal.call.packages.iter().map(|it| it.text.as_str()).collect();
        let install = calls.iter().find(|it| {
            let earlier = it.at.instruction < removal.at.instruction && it.call.action == Action::Install;
            earlier && installs(&it.call, &names)
        });
        let Some(install) = install else { continue };
        let again = calls.iter().any(|it| {
            it.at.instruction == removal.at.instruction && it.call.action == Action::Install && installs(&it.call, &names)
        });
        if again {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&removal.call.verb.span), "a later layer hides files of an earlier one and frees nothing")
                .label(subject.at(&install.call.verb.span), "installed in this layer")
                .help(rewritten(subject, install, removal, &names)),
        );
    }
}

fn installs(call: &PackageCall<'_>, names: &[&str]) -> bool {
    let group = call.call.flag_value(&["-t", "--virtual"]);
    call.packages.iter().any(|it| {
        let name = it.text.split(['=', '~', '<', '>']).next().unwrap_or_default();
        names.contains(&name)
    }) || group.is_some_and(|it| names.contains(&it))
}

/// The block that does it in one layer: what was installed, what used it, and the removal.
fn rewritten(
    subject: &ImageSubject,
    install: &PackagesAt<'_>,
    removal: &PackagesAt<'_>,
    names: &[&str],
) -> String {
    let used = used_between(subject, install, removal);
    let packages = install.call.packages.iter().map(|it| it.text.as_str());
    let packages = packages.collect::<Vec<_>>().join(" ");
    let names = names.join(" ");
    let (before, after) = match install.call.manager {
        Manager::Apk => {
            let group = install.call.call.flag_value(&["-t", "--virtual"]);
            let group = group.map_or(String::new(), |it| format!("--virtual {it} "));
            (
                vec![format!("apk add --no-cache {group}{packages}")],
                vec![format!("apk del {names}")],
            )
        }
        it if it.is_apt() => (
            vec![
                "apt-get update".to_owned(),
                format!("apt-get install -y --no-install-recommends {packages}"),
            ],
            vec![
                format!("apt-get purge -y --auto-remove {names}"),
                "rm -rf /var/lib/apt/lists/*".to_owned(),
            ],
        ),
        _ => return format!("install, use and remove {names} in one step, joined by &&"),
    };
    let lines = [before, used, after].concat();
    format!(
        "install, use and remove in one step:\nRUN {}",
        lines.join(" \\\n    && ")
    )
}

/// Returns what is done between the two, in one line each: the rest of the step that installs, and the steps behind it.
fn used_between(
    subject: &ImageSubject,
    install: &PackagesAt<'_>,
    removal: &PackagesAt<'_>,
) -> Vec<String> {
    let mut used = Vec::new();
    if install.at.script.pipes.is_empty() {
        let commands = install.at.script.commands.iter();
        let later = commands.filter(|it| {
            it.span.start >= install.simple.span.end && it.within.is_empty()
        });
        let own = later.filter(|it| it.call().is_some_and(|it| it.name != "rm"));
        used.extend(own.map(|it| one_line(subject.at(&it.span).text())));
    }
    let dockerfile = &subject.dockerfile;
    for index in install.at.instruction + 1..removal.at.instruction {
        let instruction = &dockerfile.instructions[index];
        let is_step = instruction.keyword == "RUN" && instruction.heredocs.is_empty();
        let Some(command) = instruction.command().filter(|_| is_step) else {
            continue;
        };
        if command.exec().is_none() && dockerfile.stage_of(index) == Some(install.at.stage) {
            used.push(one_line(&command.text.text));
        }
    }
    used
}

fn one_line(text: &str) -> String {
    let joined = text.replace("\\\n", " ");
    joined.split_whitespace().collect::<Vec<_>>().join(" ")
}
