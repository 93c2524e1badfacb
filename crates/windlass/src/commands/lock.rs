//! `windlass lock`: digests of base images, resolved or checked.

use std::collections::{BTreeMap, BTreeSet};

use windlass_backends::files::write_whole;
use windlass_core::diag::has_errors;
use windlass_core::lock::{Lock, render};
use windlass_core::name::ImageName;
use windlass_engine::desire::{Desire, DesireOptions, Update, desire};

use crate::cli::LockArgs;
use crate::clock;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::load::{self, LOCK, Loaded, Place};

pub(crate) fn run(context: &Context<'_>, arguments: &LockArgs) -> Result<Exit, Failure> {
    let (place, loaded, local) = context.load()?;
    let lock = load::read_lock(&place)?;
    let session = context.session(&place, &loaded.workspace, local.as_ref())?;
    let options = DesireOptions {
        locked: arguments.check,
        update: update(&loaded, arguments)?,
        today: clock::day(&clock::now()).to_owned(),
        now: clock::seconds(),
        offline: false,
    };
    let made = context.runtime.block_on(desire(
        &loaded.workspace,
        &lock,
        &session.files,
        &session.upstream,
        &options,
    ));
    if has_errors(&made.problems) {
        return Err(Failure::diagnostics(made.problems));
    }
    context.terminal.show(&made.problems);
    if arguments.check {
        check(context, &lock, &made)
    } else {
        write(context, &place, &lock, made)
    }
}

fn update(loaded: &Loaded, arguments: &LockArgs) -> Result<Update, Failure> {
    let Some(names) = &arguments.update else {
        return Ok(Update::Nothing);
    };
    if names.is_empty() {
        return Ok(Update::All);
    }
    let find = |name: &String| {
        let bare = name.strip_prefix("image.").unwrap_or(name);
        let image = loaded
            .workspace
            .images
            .iter()
            .find(|image| image.name.as_str() == bare);
        image.map(|image| image.name.clone()).ok_or_else(|| {
            let known = loaded.workspace.images.iter();
            let known: Vec<&str> = known.map(|image| image.name.as_str()).collect();
            Failure::error(format!("there is no image `{bare}`")).help(format!(
                "name images whose base images shall move: {}; or none, for all base images",
                known.join(", ")
            ))
        })
    };
    names
        .iter()
        .map(find)
        .collect::<Result<BTreeSet<ImageName>, _>>()
        .map(Update::Images)
}

fn check(context: &Context<'_>, lock: &Lock, made: &Desire) -> Result<Exit, Failure> {
    let unused: Vec<&String> = lock
        .bases
        .keys()
        .filter(|name| !made.used.contains(*name))
        .collect();
    if unused.is_empty() {
        return context.done(&format!("{LOCK} is complete: {}.\n", counted(lock)));
    }
    let names: Vec<String> = unused.iter().map(|name| format!("  {name}")).collect();
    Err(Failure::error(format!(
        "{LOCK} holds base images that no image uses:\n{}",
        names.join("\n")
    ))
    .help("run `windlass lock`"))
}

fn write(
    context: &Context<'_>,
    place: &Place,
    before: &Lock,
    made: Desire,
) -> Result<Exit, Failure> {
    if !made.unresolved.is_empty() {
        let exit = if made
            .unresolved
            .values()
            .all(windlass_engine::ports::RegistryError::is_transient)
        {
            Exit::Transient
        } else {
            Exit::Error
        };
        let failed = made.unresolved.iter();
        let failed: Vec<String> = failed
            .map(|(name, error)| format!("base image {name}: {error}"))
            .collect();
        return Err(Failure::error(failed.join("\n"))
            .exit(exit)
            .help(format!("{LOCK} is as it was")));
    }
    let mut lock = made.lock;
    lock.bases.retain(|name, _| made.used.contains(name));
    let lines = changes(before, &lock, &made.users);
    if lines.is_empty() {
        return context.done(&format!("{LOCK} is up to date: {}.\n", counted(&lock)));
    }
    write_whole(&place.root.join(LOCK), render(&lock).as_bytes())
        .map_err(|error| Failure::error(error.to_string()))?;
    context.done(&format!(
        "{}\n{LOCK} written: {}.\n",
        lines.join("\n"),
        counted(&lock)
    ))
}

fn counted(lock: &Lock) -> String {
    match lock.bases.len() {
        1 => "1 base image".to_owned(),
        count => format!("{count} base images"),
    }
}

/// Says what differs between two locks, and which images a digest that moved rebuilds.
fn changes(
    before: &Lock,
    after: &Lock,
    users: &BTreeMap<String, BTreeSet<ImageName>>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, base) in &after.bases {
        match before.bases.get(name) {
            None => lines.push(format!(
                "+ {name} {} from {}",
                base.digest, base.resolved_from
            )),
            Some(old) if old.digest != base.digest => {
                lines.push(format!("~ {name} {} -> {}", old.digest, base.digest));
                let images = users.get(name).into_iter().flatten();
                let images: Vec<String> = images.map(|image| format!("image.{image}")).collect();
                lines.push(format!("    rebuilds {}", images.join(", ")));
            }
            Some(_) => {}
        }
    }
    lines.extend(
        before
            .bases
            .keys()
            .filter(|name| !after.bases.contains_key(*name))
            .map(|name| format!("- {name}")),
    );
    lines
}
