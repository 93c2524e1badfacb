//! `windlass show FILE`: a saved plan again, in any format.

use std::path::Path;

use windlass_core::plan::file::{SavedPlan, parse};
use windlass_core::report::wire::Report;
use windlass_core::report::{TextOptions, html, json, markdown, text};

use crate::cli::{Format, ShowArgs};
use crate::commands::Context;
use crate::failure::{Exit, Failure, io};

pub(crate) fn run(context: &Context<'_>, arguments: &ShowArgs) -> Result<Exit, Failure> {
    let saved = read_plan(&arguments.file)?;
    context.done(&render(context, &Report::from(&saved), arguments.format))
}

/// Reads a saved plan.
pub(crate) fn read_plan(path: &Path) -> Result<SavedPlan, Failure> {
    let bytes = std::fs::read(path)
        .map_err(|error| io(&format!("cannot read the plan {}", path.display()), &error))?;
    parse(&bytes).map_err(|error| {
        Failure::error(format!("{}: {error}", path.display()))
            .help("make a plan with `windlass plan --out FILE`")
    })
}

/// Writes a report in a format, for standard output.
pub(crate) fn render(context: &Context<'_>, report: &Report, format: Format) -> String {
    match format {
        Format::Text => {
            let options = TextOptions {
                color: context.terminal.colors_stdout(),
                width: context.terminal.width(),
            };
            text::render_text(report, &options)
        }
        Format::Markdown => markdown::render_markdown(report),
        Format::Json => json::render_json(report),
        Format::Html => html::render_html(report),
    }
}
