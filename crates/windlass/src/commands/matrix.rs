//! `windlass matrix`: the images that must be built, for a pipeline that builds them in jobs of their own.

use windlass_core::report::Report;
use windlass_core::report::matrix::{render_github, render_gitlab};

use crate::cli::{MatrixArgs, MatrixFormat};
use crate::commands::Context;
use crate::commands::plan::{exit_of_unusable, make};
use crate::commands::show::read_plan;
use crate::failure::{Exit, Failure};

pub(crate) fn run(context: &Context<'_>, arguments: &MatrixArgs) -> Result<Exit, Failure> {
    let (report, exit) = if let Some(file) = &arguments.file {
        (Report::from(&read_plan(file)?), Exit::Error)
    } else {
        let made = make(context, &[])?;
        let report = Report::new(&made.plan, &made.header, &made.diagnostics);
        (report, exit_of_unusable(&made))
    };
    if !report.applicable {
        let failure = Failure::error("the plan cannot be applied: there is nothing to build by it");
        return Err(failure
            .exit(exit)
            .help("`windlass plan` says what is blocked or unknown"));
    }
    context.done(&match arguments.format {
        MatrixFormat::Github => render_github(&report),
        MatrixFormat::Gitlab => render_gitlab(&report),
    })
}
