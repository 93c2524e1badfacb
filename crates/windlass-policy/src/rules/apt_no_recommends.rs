//! `apt-no-recommends`: apt installs recommended packages as well.

use windlass_core::shell::Action;
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "apt-no-recommends",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/apt-no-recommends.md"),
)
.starred()
.aliases(&["DL3015", "DS-0029"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    // Whoever sets it in the configuration has decided.
    if subject.dockerfile.source.text.contains("Install-Recommends") {
        return;
    }
    let facts = subject.facts();
    for found in facts.packages() {
        let call = &found.call;
        let install = call.manager.is_apt() && call.action == Action::Install && call.verb.text == "install";
        let decided = call.arguments.iter().any(|it| it.text.starts_with("--no-install-rec") || it.text == "--install-recommends");
        if !install || decided || !facts.is_final(found.at.stage) {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&call.verb.span), "recommended packages are installed as well")
                .help("add --no-install-recommends")
                .fix(Fix::insert(
                    "add --no-install-recommends",
                    call.verb.span.end,
                    " --no-install-recommends",
                )),
        );
    }
}
