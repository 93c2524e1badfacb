//! `windlass version`.

use serde_json::json;

use crate::cli::VersionArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure};

/// The version of this program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(crate) fn run(context: &Context<'_>, arguments: &VersionArgs) -> Result<Exit, Failure> {
    if arguments.json {
        let document = json!({
            "format_version": "1.0",
            "windlass_version": VERSION,
            "manifest_edition": 1,
            "plan_format": windlass_core::report::wire::FORMAT_VERSION,
        });
        return context.done(&format!("{document:#}\n"));
    }
    context.done(&format!("windlass {VERSION}\n"))
}
