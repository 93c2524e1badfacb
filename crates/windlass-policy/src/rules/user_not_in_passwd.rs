//! `user-not-in-passwd`: USER names a user where no /etc/passwd is.

use windlass_core::dockerfile::graph::StageBase;

use crate::known::is_distroless;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "user-not-in-passwd",
    Level::Deny,
    Check::Image(check),
    include_str!("../../../../docs/rules/user-not-in-passwd.md"),
)
.starred()
.aliases(&["named-identity-in-passwdless-stage"])
.needs(&[Need::Stages, Need::Shell, Need::Outside]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    for (stage, node) in facts.graph.stages.iter().enumerate() {
        let Some(user) = node.end.user.placed() else { continue };
        let own = &subject.dockerfile.stages[stage].instructions;
        if !own.contains(&user.instruction) || !user.value.is_fixed() {
            continue;
        }
        let Some(base) = without_users(subject, stage) else { continue };
        let unknown = user.value.text.split(':').find(|it| !is_known(it, base));
        let Some(name) = unknown.filter(|_| !brings_passwd(subject, stage)) else {
            continue;
        };
        hits.push(
            Hit::at(subject.at(&user.span), format!("{} has no user or group `{name}`", base.name))
                .help(format!("write numbers: USER {}", base.number)),
        );
    }
}

/// An image without an /etc/passwd of its own.
#[derive(Clone, Copy)]
struct Bare {
    name: &'static str,
    number: &'static str,
    /// Who is in it.
    users: &'static [&'static str],
}

fn without_users(subject: &ImageSubject, stage: usize) -> Option<Bare> {
    let facts = subject.facts();
    match facts.graph.root(stage) {
        StageBase::Scratch => Some(Bare {
            name: "`scratch`",
            number: "10001:10001",
            users: &[],
        }),
        StageBase::Image(_) => facts.root_image(stage).filter(is_distroless).map(|_| Bare {
            name: "a distroless image",
            number: "65532:65532",
            users: &["root", "nobody", "nonroot"],
        }),
        _ => None,
    }
}

fn is_known(name: &str, base: Bare) -> bool {
    name.is_empty() || name.chars().all(|c| c.is_ascii_digit()) || base.users.contains(&name)
}

/// Whether the stage, or one it starts from, is given an /etc/passwd, or may be given one.
fn brings_passwd(subject: &ImageSubject, stage: usize) -> bool {
    let dockerfile = &subject.dockerfile;
    subject.facts().history(dockerfile, stage).into_iter().any(|index| {
        let instruction = &dockerfile.instructions[index];
        let words = instruction.transfer();
        let copies = words.is_some_and(|it| {
            let target = it.target.text.trim_end_matches('/');
            target == "/etc/passwd" || target == "/etc" || target.is_empty() || target.contains('$')
        });
        copies || instruction.keyword == "RUN"
    })
}
