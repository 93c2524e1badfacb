//! `apk-no-cache`: the cache of apk stays in the layer.

use windlass_core::shell::{Action, Manager};

use crate::facts::is_cached;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "apk-no-cache",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/apk-no-cache.md"),
)
.starred()
.aliases(&["DL3019", "DS-0025", "DKL-DI-0004"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for found in facts.packages() {
        let call = &found.call;
        if call.manager != Manager::Apk
            || call.action != Action::Install
            || !facts.is_final(found.at.stage)
            || call.arguments.iter().any(|it| it.text.starts_with("--no-cache"))
        {
            continue;
        }
        let instruction = &subject.dockerfile.instructions[found.at.instruction];
        let removed = found.at.script.commands.iter().any(|it| {
            it.call().is_some_and(|it| it.name == "rm")
                && it.words.iter().any(|it| it.text.contains("/var/cache"))
        });
        let cached = ["/var/cache/apk", "/etc/apk/cache"];
        if removed || cached.iter().any(|it| is_cached(&subject.dockerfile, instruction, it)) {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&call.verb.span), "the index of packages stays in the layer")
                .help("add --no-cache")
                .fix(Fix::insert("add --no-cache", call.verb.span.end, " --no-cache")),
        );
    }
}
