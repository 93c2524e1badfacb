//! `windlass schema`: the fields of the manifest language, as its decoders ask for them.

use windlass_core::manifest::{schema, shape};

use crate::cli::{SchemaArgs, SchemaFormat};
use crate::commands::Context;
use crate::failure::{Exit, Failure};

pub(crate) fn run(context: &Context<'_>, arguments: &SchemaArgs) -> Result<Exit, Failure> {
    let shape = shape();
    match arguments.format {
        SchemaFormat::Json => context.done(&format!("{:#}\n", schema::to_json(&shape))),
        SchemaFormat::Markdown => context.done(&schema::to_markdown(&shape)),
    }
}
