//! `windlass show`: a node of the manifest as it is resolved, or a saved plan again in any format.

use std::path::Path;

use windlass_core::manifest::{Shown, is_address};
use windlass_core::plan::file::{SavedPlan, parse};
use windlass_core::report::wire::Report;
use windlass_core::report::{TextOptions, html, json, markdown, text};
use windlass_policy::output;

use crate::cli::{Format, ShowArgs};
use crate::commands::plan::local_flag;
use crate::commands::version::VERSION;
use crate::commands::{Context, reviews};
use crate::failure::{Exit, Failure, io};
use crate::load;
use crate::session::default_host;

pub(crate) fn run(context: &Context<'_>, arguments: &ShowArgs) -> Result<Exit, Failure> {
    let what = &arguments.what;
    if is_address(what) {
        return show_address(context, what, arguments.format);
    }
    let saved = read_plan(Path::new(what))?;
    context.done(&render(context, &Report::from(&saved), arguments.format))
}

fn show_address(context: &Context<'_>, address: &str, format: Format) -> Result<Exit, Failure> {
    if format != Format::Text {
        return Err(
            Failure::error("a node is printed as KDL only").help(format!(
                "leave `--format` out; write `./{address}` if a plan is meant"
            )),
        );
    }
    let place = load::find(context.global)?;
    let (shown, diagnostics) = load::show(&place, context.global, address, &default_host)?;
    context.terminal.show(&diagnostics);
    match shown {
        Shown::Kdl(text) => context.done(&text),
        Shown::Unknown(hint) => {
            let failure = Failure::error(format!("the workspace has no `{address}`"));
            Err(match hint {
                Some(hint) => failure.help(hint),
                None => failure,
            })
        }
    }
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
    let report = &Report {
        global_flags: local_flag(context).to_owned(),
        ..report.clone()
    };
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
        Format::Sarif => output::sarif::render(&reviews::findings(report), VERSION),
        Format::Gitlab => output::gitlab::render(&reviews::findings(report)),
        Format::GitlabWidget => reviews::gitlab_widget(report),
        Format::Junit => output::junit::render(&reviews::findings(report)),
        Format::Github => {
            reviews::step_summary(&markdown::render_markdown(report));
            output::github::render(&reviews::findings(report))
        }
    }
}
