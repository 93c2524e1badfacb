//! `windlass local`: the strict local ECR, until it is interrupted.

use std::path::PathBuf;

use windlass_ecr_local::{Config, IdentityPolicy, LocalEcr};

use crate::cli::LocalArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure, io};
use crate::load;

pub(crate) fn run(context: &Context<'_>, arguments: &LocalArgs) -> Result<Exit, Failure> {
    let data = data_folder(context, arguments)?;
    let config = Config {
        data: Some(data.clone()),
        account: arguments.account.clone(),
        region: arguments.region.clone(),
        port: arguments.port,
        identity_policy: identity_policy(arguments)?,
        ..Config::default()
    };
    let server = LocalEcr::start_blocking(&config)
        .map_err(|error| Failure::error(format!("the local ECR does not start: {error}")))?;
    let (account, region) = (&arguments.account, &arguments.region);
    let address = context
        .runtime
        .block_on(server.address(account, region))
        .map_err(|error| {
            Failure::error(format!(
                "the local ECR has no address for {account} in {region}: {error}"
            ))
        })?;
    context
        .terminal
        .print(&text(&address.to_string(), account, region, &data))?;
    context.terminal.say("Running; ctrl-c ends it.\n");
    context.runtime.block_on(interrupted());
    context.runtime.block_on(server.shutdown());
    Ok(Exit::Done)
}

fn identity_policy(arguments: &LocalArgs) -> Result<IdentityPolicy, Failure> {
    let policy = IdentityPolicy::default();
    if let Some(path) = &arguments.identity_policy {
        let shown = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| io(&format!("cannot read {shown}"), &error))?;
        policy
            .set(&text)
            .map_err(|why| Failure::error(format!("{shown} is no IAM policy: {why}")))?;
    }
    Ok(policy)
}

fn data_folder(context: &Context<'_>, arguments: &LocalArgs) -> Result<PathBuf, Failure> {
    if let Some(data) = &arguments.data {
        return Ok(data.clone());
    }
    let here = std::env::current_dir()
        .map_err(|error| Failure::error(format!("cannot tell the current folder: {error}")))?;
    let root = load::find(context.global).map_or(here, |place| place.root);
    Ok(root.join(".windlass").join("local"))
}

fn text(address: &str, account: &str, region: &str, data: &std::path::Path) -> String {
    format!(
        "Local ECR of account {account} in {region}, data in {}\n\
         \n\
         API and registry   http://{address}\n\
         AWS CLI            AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={region} aws --endpoint-url http://{address} ecr describe-repositories\n\
         docker login       AWS_ACCESS_KEY_ID={account} AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={region} aws --endpoint-url http://{address} ecr get-login-password | docker login --username AWS --password-stdin {address}\n\
         docker pull        docker pull {address}/REPOSITORY:TAG\n",
        data.display()
    )
}

/// Waits for ctrl-c or a request to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
