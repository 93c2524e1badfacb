//! `npm-dev-deps-in-final`: development dependencies are in the final image.

use std::collections::BTreeSet;

use windlass_core::dockerfile::graph::LinkTarget;
use windlass_core::shell::{Action, Manager, PackageCall};

use crate::facts::{PackagesAt, ScriptAt};
use windlass_core::finding::Level;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::ImageSubject;

pub(super) const RULE: Rule = Rule::new(
    "npm-dev-deps-in-final",
    Level::Warn,
    Check::Image(check),
    include_str!("../../../../docs/rules/npm-dev-deps-in-final.md"),
)
.starred()
.needs(&[Need::Stages, Need::Shell]);

fn check(subject: &ImageSubject, hits: &mut Hits<'_>) {
    let facts = subject.facts();
    let shipped = shipped_stages(subject);
    for found in facts.packages() {
        if !shipped.contains(&found.at.stage) || !installs_all(&found.call) {
            continue;
        }
        if is_production(subject, &found) || is_pruned(subject, found.at, &shipped) {
            continue;
        }
        let flag = match found.call.manager {
            Manager::Npm => "--omit=dev",
            Manager::Pnpm => "--prod",
            _ => "--production",
        };
        hits.push(
            Hit::at(subject.at(&found.call.verb.span), "development dependencies come into the final image")
                .help(format!("add {flag}, or build in a stage of its own and install again for the final one")),
        );
    }
}

/// The stages whose `node_modules` the image holds: its own, and those from which it copies the folder.
fn shipped_stages(subject: &ImageSubject) -> BTreeSet<usize> {
    let facts = subject.facts();
    let mut shipped = facts.graph.final_stages();
    for stage in shipped.clone() {
        for link in &facts.graph.stages[stage].links {
            let instruction = &subject.dockerfile.instructions[link.instruction];
            let copies = instruction.transfer().is_some_and(|it| {
                it.sources.iter().any(|it| it.text.trim_end_matches('/').ends_with("node_modules"))
            });
            if let (LinkTarget::Stage(source), true) = (&link.target, copies) {
                shipped.extend(facts.graph.lineage(*source));
            }
        }
    }
    shipped
}

fn installs_all(call: &PackageCall<'_>) -> bool {
    let node = matches!(call.manager, Manager::Npm | Manager::Yarn | Manager::Pnpm);
    let all = matches!(call.action, Action::Install | Action::InstallLocked) && call.packages.is_empty();
    node && all && !call.has_flag(&["-g", "--global", "--package-lock-only"]) && call.verb.text != "focus" && call.verb.text != "deploy"
}

/// Whether it is `yarn workspaces focus --production`, which drops what is not for production.
fn is_focused(call: &PackageCall<'_>) -> bool {
    call.manager == Manager::Yarn && call.verb.text == "workspaces" && call.has_flag(&["--production"])
}

fn is_production(subject: &ImageSubject, found: &PackagesAt<'_>) -> bool {
    let words = || found.call.arguments.iter().map(|it| it.text.as_str());
    let flags = words().any(|it| {
        matches!(it, "--production" | "--prod" | "-P" | "--omit=dev" | "--only=production" | "--only=prod" | "--production=true" | "dev" | "production" | "prod")
            || it.starts_with('$')
            || it.starts_with("--omit=") && it.contains("dev")
    });
    let production = |name: &str, value: &str| {
        name == "NODE_ENV" && value == "production"
            || name.eq_ignore_ascii_case("npm_config_omit") && value == "dev"
            || name.eq_ignore_ascii_case("npm_config_production") && value == "true"
    };
    let dockerfile = &subject.dockerfile;
    let state = subject.facts().before(dockerfile, found.at.instruction);
    let set = state.is_some_and(|state| {
        state.variables.iter().any(|(name, variable)| {
            let value = variable.value.as_ref();
            // An argument without a value may be set to it.
            production(name, value.map_or("", |it| &it.text))
                || name == "NODE_ENV" && value.is_none_or(|it| !it.is_fixed())
        })
    });
    let here = found.call.call.environment.iter().any(|(name, value)| production(name, value));
    let exported = found.at.script.commands.iter().any(|it| {
        it.words.iter().any(|it| it.text == "NODE_ENV=production")
    });
    flags || set || here || exported
}

/// Whether they are dropped in the same step or a later one.
fn is_pruned(subject: &ImageSubject, at: &ScriptAt, shipped: &BTreeSet<usize>) -> bool {
    let facts = subject.facts();
    facts.packages().any(|it| {
        it.at.instruction >= at.instruction
            && shipped.contains(&it.at.stage)
            && (it.call.action == Action::Prune
                || is_focused(&it.call)
                || it.at.instruction > at.instruction && it.at.stage == at.stage && installs_all(&it.call) && is_production(subject, &it))
    }) || facts.calls().any(|it| {
        it.at.stage == at.stage
            && it.at.instruction >= at.instruction
            && it.call.name == "rm"
            && it.call.arguments.iter().any(|it| it.text.contains("node_modules"))
    })
}
