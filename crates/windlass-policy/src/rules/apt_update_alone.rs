//! `apt-update-alone`: apt-get update in a layer of its own, or an install without it.

use windlass_core::shell::{Action, PackageCall, Simple, package_call};

use crate::facts::{ScriptAt, ends_in, is_cached};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "apt-update-alone",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/apt-update-alone.md"),
)
.starred()
.aliases(&["DL3009", "CKV_DOCKER_5", "DS-0017", "CIS-DI-0007"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for at in facts.runs() {
        let calls: Vec<PackageCall<'_>> = at
            .script
            .commands
            .iter()
            .filter_map(package_call)
            .filter(|it| it.manager.is_apt())
            .collect();
        let update = calls.iter().find(|it| it.action == Action::Update);
        let instruction = &subject.dockerfile.instructions[at.instruction];
        if is_cached(&subject.dockerfile, instruction, "/var/lib/apt/lists") {
            continue;
        }
        if let Some(update) = update.filter(|_| does_nothing_else(at)) {
            hits.push(
                Hit::at(
                    subject.at(&(update.call.word.span.start..update.verb.span.end)),
                    "the lists of this layer are old when a later layer installs from them",
                )
                .help("update and install in one step: RUN apt-get update && apt-get install -y ... && rm -rf /var/lib/apt/lists/*"),
            );
        }
        let install = calls.iter().find(|it| {
            it.action == Action::Install && it.packages.iter().any(|it| !is_file(&it.text))
        });
        if let Some(install) = install.filter(|_| !was_updated(subject, at)) {
            hits.push(
                Hit::at(subject.at(&install.verb.span), "nothing fetched the lists of packages before")
                    .help("put `apt-get update &&` in front"),
            );
        }
    }
}

/// Whether a RUN fetches the lists and does nothing that could use them.
fn does_nothing_else(at: &ScriptAt) -> bool {
    at.script.complete
        && at.script.commands.iter().filter_map(Simple::call).all(|call| {
            let words = || call.arguments.iter().map(|it| it.text.as_str());
            match call.name {
                "apt-get" | "apt" | "aptitude" => words().any(|it| matches!(it, "update" | "clean")),
                "rm" | "echo" | "set" | "true" | "sed" | "export" => true,
                _ => false,
            }
        })
}

/// Whether the stage, or one it starts from, fetched the lists before the install, in this RUN or an earlier one.
fn was_updated(subject: &ImageSubject, at: &ScriptAt) -> bool {
    let facts = subject.facts();
    let history = facts.history(&subject.dockerfile, at.stage);
    let before = |it: usize| history.contains(&it) && it <= at.instruction;
    // A program that is not known may fetch them.
    facts.runs().filter(|it| before(it.instruction)).any(|it| {
        !it.script.complete
            || it.script.commands.iter().any(|it| {
                let update = |it: PackageCall<'_>| it.manager.is_apt() && it.action == Action::Update;
                package_call(it).is_some_and(update)
                    || it.words.iter().any(|it| {
                        it.text.contains("apt-get update") || ends_in(&it.text, &[".sh"]) || it.text.contains("setup_")
                    })
            })
    })
}

fn is_file(package: &str) -> bool {
    package.starts_with(['.', '/', '$']) || ends_in(package, &[".deb"])
}
