//! Whether a saved plan belongs here: made by this windlass, of this workspace, at this commit.

use std::path::Path;

use windlass_backends::files::read_text;
use windlass_backends::git;
use windlass_core::diag::Source;
use windlass_core::manifest::{Requirement, TextFiles, read};
use windlass_core::plan::Plan;
use windlass_core::plan::file::SavedPlan;

use crate::commands::version::VERSION;
use crate::failure::{Exit, Failure};
use crate::git_facts;
use crate::load::Place;

/// Refuses a saved plan of another version, workspace or commit. Where no manifest is found, the workspace is not compared.
pub(crate) fn check(root: &Path, place: Option<&Place>, saved: &SavedPlan) -> Result<(), Failure> {
    check_version(saved)?;
    if let Some(place) = place {
        check_workspace(place, &saved.plan)?;
    }
    check_head(root, &saved.plan)?;
    check_guards(root, &saved.plan)
}

/// Another version may read the same steps otherwise.
fn check_version(saved: &SavedPlan) -> Result<(), Failure> {
    let made_by = &saved.header.windlass_version;
    if made_by == VERSION {
        return Ok(());
    }
    Err(Failure::error(format!(
        "the plan was made by windlass {made_by}, this is {VERSION}"
    ))
    .help("plan again with the windlass that applies it"))
}

/// Contexts of the plan are folders below this one.
fn check_workspace(place: &Place, plan: &Plan) -> Result<(), Failure> {
    let Ok(Some(text)) = read_text(&place.root, &place.manifest) else {
        return Ok(());
    };
    let (manifest, _) = read(
        &Source::new(&place.manifest, text),
        &mut TextFiles::default(),
    );
    let name = manifest.map(|manifest| manifest.workspace.name.value);
    match name {
        Some(here) if !here.is_empty() && here != plan.workspace => Err(Failure::error(format!(
            "the plan is of workspace `{}`, {} is of workspace `{here}`",
            plan.workspace, place.manifest
        ))
        .help("apply it where it was made, or name the folder with `--chdir`")),
        _ => Ok(()),
    }
}

/// A plan that used `git.*` holds for one commit only.
fn check_head(root: &Path, plan: &Plan) -> Result<(), Failure> {
    let Some(planned) = &plan.git_sha else {
        return Ok(());
    };
    let now = git::head(root);
    if now.as_ref() == Some(planned) {
        return Ok(());
    }
    let now = now.unwrap_or_else(|| "no commit".to_owned());
    Err(Failure::error(format!(
        "the plan is stale: it was made at commit {planned}, HEAD is at {now}"
    ))
    .exit(Exit::Stale)
    .help("check out that commit, or make a new plan"))
}

/// The guards of the environment that ask git hold here as well: a plan may have been made in another checkout.
fn check_guards(root: &Path, plan: &Plan) -> Result<(), Failure> {
    if plan.guards.is_empty() {
        return Ok(());
    }
    let git = git_facts::ask(root, &format!("git {}", plan.guards.join(" ")));
    for text in &plan.guards {
        let Some(guard) = Requirement::parse(text) else {
            let message =
                format!("the plan has a guard that this windlass does not know: `{text}`");
            return Err(Failure::error(message).help("apply it with the windlass that made it"));
        };
        if let Some(unmet) = guard.unmet(&git) {
            let environment = plan.environment.as_deref().unwrap_or_default();
            let message = format!(
                "environment `{environment}` requires `{text}`: {}",
                unmet.why
            );
            return Err(Failure::error(message).help(unmet.help));
        }
    }
    Ok(())
}
