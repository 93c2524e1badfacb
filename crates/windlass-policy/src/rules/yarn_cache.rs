//! `yarn-cache`: the cache of yarn stays in the layer.

use windlass_core::shell::{Action, Manager, package_call};

use crate::facts::mounted;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "yarn-cache",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/yarn-cache.md"),
)
.aliases(&["DL3060"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for found in facts.packages() {
        let call = &found.call;
        if call.manager != Manager::Yarn || call.action != Action::Install || !facts.is_final(found.at.stage) {
            continue;
        }
        let cleaned = found.at.script.commands.iter().any(|it| {
            let yarn = package_call(it).is_some_and(|it| it.manager == Manager::Yarn && it.action == Action::Clean);
            let removed = it.call().is_some_and(|it| it.name == "rm") && it.words.iter().any(|it| it.text.contains("cache"));
            yarn || removed
        });
        let instruction = &subject.dockerfile.instructions[found.at.instruction];
        let folders = mounted(&subject.dockerfile, instruction, &["cache", "tmpfs"]);
        if cleaned || !folders.is_empty() {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&call.verb.span), "the cache of yarn stays in the layer")
                .help("end the step with: && yarn cache clean"),
        );
    }
}
