//! `password-set`: a password is set.

use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "password-set",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/password-set.md"),
)
.aliases(&["CKV2_DOCKER_17", "DKL-LI-0001"])
.needs(&[Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    for found in subject.facts().calls() {
        let call = &found.call;
        let sets = match call.name {
            "chpasswd" => true,
            "passwd" => !call.has_flag(&["-l", "--lock", "-d", "--delete", "-S"]),
            "usermod" | "useradd" => call
                .flag_value(&["-p", "--password"])
                .is_some_and(|it| !matches!(it, "*" | "!" | "!!")),
            _ => false,
        };
        if sets {
            let message = format!("`{}` sets a password, which everybody who has the image can attack", call.name);
            hits.push(
                Hit::at(subject.at(&call.word.span), message)
                    .help("users of a container need no password; passwd -l locks one"),
            );
        }
    }
}
