//! `windlass completions` and `windlass man`: the command line, written down for shells and for `man`.

use std::path::Path;

use clap::CommandFactory as _;
use windlass_backends::files::write_whole;

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::commands::Context;
use crate::failure::{Exit, Failure, io};

/// Prints the completions of a shell.
pub(crate) fn completions(
    context: &Context<'_>,
    arguments: &CompletionsArgs,
) -> Result<Exit, Failure> {
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut Cli::command(), "windlass", &mut text);
    context.done(&String::from_utf8_lossy(&text))
}

/// Prints the manual page of windlass, or writes one for it and one for each command.
pub(crate) fn man(context: &Context<'_>, arguments: &ManArgs) -> Result<Exit, Failure> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = &arguments.out else {
        return context.done(&page(&command, "windlass")?);
    };
    std::fs::create_dir_all(folder)
        .map_err(|error| io(&format!("cannot create {}", folder.display()), &error))?;
    write(context, folder, "windlass", &page(&command, "windlass")?)?;
    for sub in command.get_subcommands() {
        let name = format!("windlass-{}", sub.get_name());
        write(context, folder, &name, &page(sub, &name)?)?;
    }
    Ok(Exit::Done)
}

fn page(command: &clap::Command, name: &str) -> Result<String, Failure> {
    let mut text = Vec::new();
    clap_mangen::Man::new(command.clone())
        .title(name)
        .render(&mut text)
        .map_err(|error| io("cannot write a manual page", &error))?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn write(context: &Context<'_>, folder: &Path, name: &str, text: &str) -> Result<(), Failure> {
    let path = folder.join(format!("{name}.1"));
    write_whole(&path, text.as_bytes()).map_err(|error| Failure::error(error.to_string()))?;
    context.terminal.print(&format!("{}\n", path.display()))
}
