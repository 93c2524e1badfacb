//! `yum-yes`: yum, dnf or zypper asks a question that nobody answers.

use windlass_core::shell::{Action, Join, Manager};
use windlass_core::finding::Level;

use crate::hit::{Fix, Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "yum-yes",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/yum-yes.md"),
)
.starred()
.aliases(&["DL3030", "DL3034", "DL3038"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().packages() {
        let call = &found.call;
        let asks = matches!(
            call.action,
            Action::Install | Action::Upgrade | Action::DistUpgrade | Action::Remove
        );
        let zypper = call.manager == Manager::Zypper;
        if !(call.manager.is_yum() || zypper) || !asks || found.simple.join == Join::Pipe {
            continue;
        }
        let answers = ["-y", "--assumeyes", "-n", "--non-interactive", "--no-confirm"];
        let variable = call.arguments.iter().any(|it| it.text.starts_with('$'));
        if call.has_flag(&answers) || variable {
            continue;
        }
        hits.push(
            Hit::at(subject.at(&call.verb.span), format!("{} asks whether to go on, and nobody answers", call.call.name))
                .help("add -y")
                .fix(Fix::insert("add -y", call.verb.span.end, " -y")),
        );
    }
}
