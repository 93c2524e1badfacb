//! `apt-not-apt-get`: apt in a script.

use windlass_core::shell::{Action, Manager};
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "apt-not-apt-get",
    Level::Info,
    Check::Image(check),
    include_str!("../../../../docs/rules/apt-not-apt-get.md"),
)
.aliases(&["DL3027", "CKV_DOCKER_9"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().packages() {
        if found.call.manager != Manager::Apt {
            continue;
        }
        let word = found.call.call.word;
        let mut hit = Hit::at(subject.at(&word.span), "`apt` is for people, and changes its behaviour")
            .help("use apt-get, or apt-cache");
        if word.text == "apt" && !word.quoted && found.call.action != Action::Other {
            hit = hit.fix(Fix::replace("use apt-get", &word.span, "apt-get"));
        }
        hits.push(hit);
    }
}
