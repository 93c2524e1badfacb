//! Arguments of the commands around the flow: the local ECR, cleaning up, the version.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(crate) struct CleanArgs {
    /// Print what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LocalArgs {
    /// Port of the first registry; any free one where not given
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
    /// Account of the first registry
    #[arg(long, value_name = "ID", default_value = "000000000000")]
    pub(crate) account: String,
    /// Region of the first registry
    #[arg(long, value_name = "REGION", default_value = "us-east-1")]
    pub(crate) region: String,
    /// Allow callers only what this IAM policy allows; without it everything is allowed
    #[arg(long, value_name = "FILE")]
    pub(crate) identity_policy: Option<PathBuf>,
    /// Data folder; `.windlass/local` of the workspace, or of this folder, where not given
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VersionArgs {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}
