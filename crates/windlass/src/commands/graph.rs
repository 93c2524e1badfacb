//! `windlass graph`: images, the base images and images they are built from, and the repositories that hold them. Asks no registry.

use windlass_backends::files::WorkspaceFiles;
use windlass_core::diag::has_errors;
use windlass_core::report::graph::{Graph, render_dot, render_mermaid, render_svg};
use windlass_engine::desire::base_references;

use crate::cli::{GraphArgs, GraphFormat};
use crate::commands::Context;
use crate::failure::{Exit, Failure};

pub(crate) fn run(context: &Context<'_>, arguments: &GraphArgs) -> Result<Exit, Failure> {
    let (place, loaded, _local) = context.load()?;
    let files = WorkspaceFiles::new(place.root);
    let (bases, problems) = base_references(&loaded.workspace, &files);
    if has_errors(&problems) {
        return Err(Failure::diagnostics(problems));
    }
    context.terminal.show(&problems);
    let graph = Graph::of_workspace(&loaded.workspace, &bases);
    context.done(&match arguments.format {
        GraphFormat::Mermaid => render_mermaid(&graph),
        GraphFormat::Dot => render_dot(&graph),
        GraphFormat::Svg => render_svg(&graph),
    })
}
