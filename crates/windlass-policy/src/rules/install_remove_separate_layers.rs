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
                .help(rewritten(&install.call, &names)),
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

/// The block that does it in one layer.
fn rewritten(install: &PackageCall<'_>, names: &[&str]) -> String {
    let names = names.join(" ");
    match install.manager {
        Manager::Apk => format!(
            "install, use and remove in one step:\nRUN apk add --no-cache --virtual .build {names} \\\n    && <what needs them> \\\n    && apk del .build"
        ),
        it if it.is_apt() => format!(
            "install, use and remove in one step:\nRUN apt-get update \\\n    && apt-get install -y --no-install-recommends {names} \\\n    && <what needs them> \\\n    && apt-get purge -y --auto-remove {names} \\\n    && rm -rf /var/lib/apt/lists/*"
        ),
        _ => format!("install, use and remove {names} in one step, joined by &&"),
    }
}
