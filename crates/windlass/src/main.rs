//! The binary: flags, wiring, exit codes. Everything that decides is in the other crates.

mod cli;
mod clock;
mod commands;
mod failure;
mod git_facts;
mod hashing;
mod load;
mod logging;
mod lsp;
mod manifest_files;
mod policies;
mod progress;
mod secrets;
mod session;
mod terminal;

use std::process::ExitCode;

use clap::Parser as _;
use clap::error::ErrorKind;
use tokio::runtime::Runtime;
use windlass_core::diag::visible::visible_lines;

use crate::cli::{Cli, Command};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::session::Hashing;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    use_small_pages();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    logging::start(cli.global.log);
    let terminal = Terminal::new(cli.global.color, cli.global.input);
    match run(&cli, terminal) {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            tell(terminal, &failure);
            ExitCode::from(failure.exit as u8)
        }
    }
}

/// The allocator that comes with Rego asks for huge pages; zeroing them took a third of a plan that finds nothing to do.
fn use_small_pages() {
    // Where the system refuses, it is only slower.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

/// Help and version are data; a mistake in the words is an error in input, exit 1.
fn usage(error: &clap::Error) -> ExitCode {
    // A closed pipe is nobody's mistake.
    drop(error.print());
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(Exit::Error as u8),
    }
}

fn run(cli: &Cli, terminal: Terminal) -> Result<Exit, Failure> {
    let installed = rustls::crypto::ring::default_provider().install_default();
    installed.map_err(|_| Failure::error("the TLS provider was installed twice"))?;
    if let Some(folder) = &cli.global.chdir {
        std::env::set_current_dir(folder).map_err(|error| {
            Failure::error(format!("cannot work in {}: {error}", folder.display()))
        })?;
    }
    let runtime =
        Runtime::new().map_err(|error| Failure::error(format!("cannot start threads: {error}")))?;
    let context = Context {
        global: &cli.global,
        terminal,
        runtime: &runtime,
        hashing: Hashing::new(!cli.command.distrusts_cache()),
    };
    match &cli.command {
        Command::Init(arguments) => commands::init::run(&context, arguments),
        Command::Validate(arguments) => commands::validate::run(&context, arguments),
        Command::Fmt(arguments) => commands::fmt::run(&context, arguments),
        Command::Render(arguments) => commands::render::run(&context, arguments),
        Command::Policy(arguments) => commands::policy::run(&context, arguments),
        Command::Check(arguments) => commands::check::run(&context, arguments),
        Command::Clean(arguments) => commands::clean::run(&context, arguments),
        Command::Lint(arguments) => commands::lint::run(&context, arguments),
        Command::Context(arguments) => commands::context::run(&context, arguments),
        Command::Lock(arguments) => commands::lock::run(&context, arguments),
        Command::Plan(arguments) => commands::plan::run(&context, arguments),
        Command::Show(arguments) => commands::show::run(&context, arguments),
        Command::Apply(arguments) => commands::apply::run(&context, arguments),
        Command::Matrix(arguments) => commands::matrix::run(&context, arguments),
        Command::Iam(arguments) => commands::iam::run(&context, arguments),
        Command::Graph(arguments) => commands::graph::run(&context, arguments),
        Command::Completions(arguments) => commands::shell::completions(&context, arguments),
        Command::Man(arguments) => commands::shell::man(&context, arguments),
        Command::Local(arguments) => commands::local::run(&context, arguments),
        Command::Explain(arguments) => commands::explain::run(&context, arguments),
        Command::Lsp => commands::lsp::run(&context),
        Command::Schema(arguments) => commands::schema::run(&context, arguments),
        Command::Version(arguments) => commands::version::run(&context, arguments),
    }
}

fn tell(terminal: Terminal, failure: &Failure) {
    terminal.show(&failure.diagnostics);
    if let Some(message) = &failure.message {
        terminal.say(&format!("error: {}\n", visible_lines(message)));
    }
    if let Some(help) = &failure.help {
        terminal.say(&format!("help: {}\n", visible_lines(help)));
    }
}

/// Ends the process at once: the second interrupt of an apply.
#[expect(
    clippy::exit,
    reason = "the person asked twice; what was written stays and the next run finishes"
)]
fn end_now(exit: Exit) -> ! {
    std::process::exit(exit as i32)
}
