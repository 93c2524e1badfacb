//! `windlass clean`: takes the names of this workspace's images out of the Docker Engine. ECR is not touched, and no other image is.

use windlass_backends::docker::{DockerBuilder, DockerError};
use windlass_engine::apply::local_names;

use crate::cli::CleanArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::session::builder;

pub(crate) fn run(context: &Context<'_>, arguments: &CleanArgs) -> Result<Exit, Failure> {
    let (place, loaded, _) = context.load()?;
    let builder = builder(&place.root, loaded.workspace.engine.as_ref())?;
    let prefix = local_names(&loaded.workspace.name);
    let names = context
        .runtime
        .block_on(clean(&builder, &prefix, arguments.dry_run))
        .map_err(|error| Failure::error(error.to_string()))?;
    let lines: String = names
        .iter()
        .fold(String::new(), |text, name| text + name + "\n");
    let verb = if arguments.dry_run {
        "would be removed; nothing was"
    } else {
        "removed from the Docker Engine"
    };
    context
        .terminal
        .say(&format!("{} names {verb}.\n", names.len()));
    context.done(&lines)
}

/// Removes every name that begins with `prefix`, and returns them. An image that something else uses stays without that name.
async fn clean(
    builder: &DockerBuilder,
    prefix: &str,
    dry_run: bool,
) -> Result<Vec<String>, DockerError> {
    let engine = builder.engine().await?;
    let names: Vec<String> = engine.names_below(prefix).await?.into_iter().collect();
    if !dry_run {
        for name in &names {
            engine.untag(name).await?;
        }
    }
    Ok(names)
}
