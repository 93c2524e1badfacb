//! `copy-before-deps`: everything is copied before dependencies are installed.

use windlass_core::shell::{Action, Manager};

use crate::facts::PackagesAt;
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "copy-before-deps",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/copy-before-deps.md"),
)
.starred()
.needs(&[Need::Dockerfile, Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let dockerfile = &subject.dockerfile;
    let facts = subject.facts();
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let (Some(transfer), Some(stage)) = (instruction.transfer(), dockerfile.stage_of(index)) else {
            continue;
        };
        let whole = transfer.sources.iter().find(|it| matches!(it.text.as_str(), "." | "./" | "/"));
        let Some(whole) = whole.filter(|_| instruction.flag("from").is_none()) else {
            continue;
        };
        let installs = || facts.packages().filter(|it| it.at.stage == stage).filter_map(|it| {
            let files = manifests(&it)?;
            Some((it, files))
        });
        // Somebody who installed before the copy has split it already.
        if installs().any(|(it, _)| it.at.instruction < index) {
            continue;
        }
        let Some((later, files)) = installs().find(|(it, _)| it.at.instruction > index) else {
            continue;
        };
        hits.push(
            Hit::at(subject.at(&whole.span), "every change of a file installs all dependencies again")
                .label(subject.at(&later.call.verb.span), "dependencies are installed here")
                .help(format!(
                    "copy what names the dependencies first:\nCOPY {files} ./\nRUN {}\nCOPY {} {}",
                    subject.at(&later.simple.span).text().replace('\n', " "),
                    whole.text,
                    transfer.target.text
                )),
        );
    }
}

/// Returns the files that say what an install of all dependencies installs, `None` for any other call.
fn manifests(found: &PackagesAt<'_>) -> Option<&'static str> {
    let call = &found.call;
    let all = call.packages.is_empty() && !call.has_flag(&["-g", "--global"]);
    match (call.manager, call.action) {
        (Manager::Pip, Action::Install | Action::Fetch) => {
            let file = call.has_flag(&["-r", "--requirement"]);
            let editable = call.has_flag(&["-e", "--editable"]);
            (all && file && !editable).then_some("requirements.txt")
        }
        (Manager::Npm, Action::Install | Action::InstallLocked) if all => Some("package*.json"),
        (Manager::Yarn, Action::Install) if all => Some("package.json yarn.lock"),
        (Manager::Pnpm, Action::Install | Action::Fetch) if all => Some("package.json pnpm-lock.yaml"),
        (Manager::Go, Action::Fetch) if found.simple.words.iter().any(|it| it.text == "download") => Some("go.mod go.sum"),
        (Manager::Bundle, Action::Install) if all => Some("Gemfile Gemfile.lock"),
        (Manager::Cargo, Action::Fetch) => Some("Cargo.toml Cargo.lock"),
        _ => None,
    }
}
