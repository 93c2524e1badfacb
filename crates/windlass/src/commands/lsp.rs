//! `windlass lsp`: the language server for editors.

use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::lsp;

pub(crate) fn run(context: &Context<'_>) -> Result<Exit, Failure> {
    lsp::serve(context.global)
}
