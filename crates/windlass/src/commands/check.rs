//! `windlass check`: everything that can be said without a registry: manifest, Dockerfiles, contexts, policies.

use windlass_core::diag::{has_errors, sort};
use windlass_policy::evaluate::evaluate;

use crate::cli::CheckArgs;
use crate::commands::Context;
use crate::commands::gather::gather;
use crate::commands::lint::{exit, render};
use crate::failure::{Exit, Failure};
use crate::load;
use crate::policies;
use crate::session::default_host;

pub(crate) fn run(context: &Context<'_>, arguments: &CheckArgs) -> Result<Exit, Failure> {
    let place = load::find(context.global)?;
    let loaded = load::load(&place, context.global, &default_host)?;
    let lock = load::read_lock(&place)?;
    let mut policies = policies::of_workspace(context.global, &loaded.workspace, &place.root)?;
    policies.is_whole = true;
    let gathered = gather(&loaded.workspace, &place.root, &lock);
    let mut problems = loaded.diagnostics;
    problems.extend(gathered.problems);
    sort(&mut problems);
    let found = evaluate(&gathered.subjects, &policies);
    context.terminal.show(&problems);
    context
        .terminal
        .print(&render(context, &found, arguments.format))?;
    match exit(&found) {
        Exit::Done if has_errors(&problems) => Err(Failure::silent(Exit::Error)),
        Exit::Done => Ok(Exit::Done),
        other => Err(Failure::silent(other)),
    }
}
