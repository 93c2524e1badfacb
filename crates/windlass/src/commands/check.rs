//! `windlass check`: everything that can be said without a registry: manifest, Dockerfiles, contexts, policies.

use windlass_backends::files::WorkspaceFiles;
use windlass_core::diag::{has_errors, sort};
use windlass_core::manifest::model::{Image, Workspace};
use windlass_core::plan::Declared;
use windlass_policy::evaluate::{Found, evaluate};

use crate::cli::{CheckArgs, FindingFormat};
use crate::commands::Context;
use crate::commands::gather::gather;
use crate::commands::lint::{exit, render};
use crate::commands::reviews::{of_diagnostics, tell_failure, to_the_tree};
use crate::failure::{Exit, Failure};
use crate::load;
use crate::policies;
use crate::session::default_host;

pub(crate) fn run(context: &Context<'_>, arguments: &CheckArgs) -> Result<Exit, Failure> {
    check(context, arguments)
        .inspect_err(|failure| tell_failure(context, failure, arguments.format))
}

fn check(context: &Context<'_>, arguments: &CheckArgs) -> Result<Exit, Failure> {
    let place = load::find(context.global)?;
    let loaded = load::load(&place, context.global, &default_host)?;
    let lock = load::read_lock(&place)?;
    let mut policies = policies::of_workspace(context.global, &loaded.workspace, &place.root)?;
    policies.is_whole = true;
    let gathered = gather(
        &loaded.workspace,
        &WorkspaceFiles::new(place.root.clone()),
        &lock,
    );
    let mut problems = loaded.diagnostics;
    problems.extend(gathered.problems);
    sort(&mut problems);
    let mut found = evaluate(&gathered.subjects, &policies);
    let exit = exit(&found);
    let next = next(&found);
    if arguments.format.is_for_reviews() {
        for it in &mut found {
            place_in_the_tree(it, &loaded.workspace);
        }
        found.extend(of_diagnostics(&problems));
    }
    context.terminal.show(&problems);
    context
        .terminal
        .print(&render(context, &found, arguments.format))?;
    if matches!(arguments.format, FindingFormat::Text) && !has_errors(&problems) {
        context.terminal.say(next);
    }
    match exit {
        Exit::Done if has_errors(&problems) => Err(Failure::silent(Exit::Error)),
        Exit::Done => Ok(Exit::Done),
        other => Err(Failure::silent(other)),
    }
}

/// Says what to type next.
fn next(found: &[Found]) -> &'static str {
    if exit(found) == Exit::Done {
        "Next: windlass plan, or without an AWS account: windlass --local plan\n"
    } else {
        "Next: put right what is denied, or waive it; windlass explain RULE says why it is asked for, and how to waive it\n"
    }
}

/// Moves a finding about a line that a pattern wrote to the image's node; what points into that text goes.
fn place_in_the_tree(found: &mut Found, workspace: &Workspace) {
    let address = found.finding.address.as_deref();
    let is_it = |image: &&Image| address == Some(format!("image.{}", image.name).as_str());
    let Some(image) = workspace.images.iter().find(is_it) else {
        return;
    };
    if to_the_tree(&mut found.finding, &Declared::of(&image.location)) {
        found.labels.clear();
        found.fix = None;
    }
}
