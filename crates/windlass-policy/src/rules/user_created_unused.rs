//! `user-created-unused`: a user is created and never switched to.

use windlass_core::dockerfile::graph::Setting;
use windlass_core::shell::{Call, ShellWord};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "user-created-unused",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/user-created-unused.md"),
)
.aliases(&["user-created-but-never-used"])
.needs(&[Need::Stages, Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let Some(target) = facts.graph.target else { return };
    for found in facts.calls() {
        if !facts.is_final(found.at.stage) || !matches!(found.call.name, "useradd" | "adduser") {
            continue;
        }
        let Some(user) = created(&found.call) else { continue };
        let name = user.text.as_str();
        if user.is_fixed() && !name.is_empty() && !is_used(subject, target, name, found.at.instruction) {
            hits.push(
                Hit::at(subject.at(&user.span), format!("`{name}` is created, and nothing runs as it"))
                    .help(format!("switch to it after the steps that need root: USER {name}")),
            );
        }
    }
}

fn created<'a>(call: &Call<'a>) -> Option<&'a ShellWord> {
    const VALUED: [&str; 24] = [
        "-u", "--uid", "-g", "--gid", "-G", "--groups", "-d", "--home", "--home-dir", "-s", "--shell", "-c",
        "--comment", "--gecos", "-k", "--skel", "-K", "--key", "-b", "--base-dir", "-h", "--ingroup", "-e", "-p",
    ];
    let operands = call.operands(&VALUED);
    // `adduser NAME GROUP` only adds to a group.
    match (call.name, operands.as_slice()) {
        ("useradd", [.., name]) | ("adduser", [name]) => {
            let name: &ShellWord = name;
            call.arguments.iter().find(|it| it.span == name.span)
        }
        _ => None,
    }
}

/// Whether anything of the final image names the user: USER, a flag, a later command, what it starts.
fn is_used(subject: &ImageSubject, target: usize, name: &str, created: usize) -> bool {
    let dockerfile = &subject.dockerfile;
    let facts = subject.facts();
    let user = facts.end().is_some_and(|end| match &end.user {
        Setting::Unset | Setting::Base(_) => false,
        Setting::Unknown => !end.base_known && end.user.placed().is_some(),
        Setting::Set(placed) => !is_root(&placed.value.text),
    });
    let history = facts.history(dockerfile, target);
    let named = history.iter().any(|&index| {
        let instruction = &dockerfile.instructions[index];
        let text = match index {
            it if it == created => return false,
            _ => instruction.arguments.as_str(),
        };
        let flags = instruction.flags.iter().any(|it| it.value.text.contains(name));
        flags || matches!(instruction.keyword.as_str(), "USER" | "CMD" | "ENTRYPOINT") && text.contains(name)
    });
    let dropped = facts.calls().any(|it| {
        let runs_as = it.call.wrappers.iter().any(|it| matches!(it.name, "sudo" | "su-exec" | "gosu"));
        (runs_as || it.call.name == "su") && it.simple.words.iter().any(|it| it.text.contains(name))
    });
    let entered = facts.packages().any(|it| it.call.packages.iter().any(|it| matches!(it.text.as_str(), "gosu" | "su-exec")));
    user || named || dropped || entered
}

fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    matches!(name, "" | "0" | "root")
}
