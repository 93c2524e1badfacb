//! `windlass fmt`: the one layout of manifests, policy packs and files of variables.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass_backends::files::write_whole;
use windlass_core::diag::{Diagnostic, Source};
use windlass_core::fingerprint::unified_diff;
use windlass_core::format::format;
use windlass_core::node::source_from_bytes;

use crate::cli::FmtArgs;
use crate::commands::Context;
use crate::failure::{Exit, Failure, io};
use crate::load::{self, MANIFEST};

/// The name under which standard input is spoken of.
const STDIN: &str = "stdin";

pub(crate) fn run(context: &Context<'_>, arguments: &FmtArgs) -> Result<Exit, Failure> {
    if arguments.stdin {
        return standard_input(context, arguments.check);
    }
    let files = files(context, &arguments.files)?;
    let mut problems: Vec<Diagnostic> = Vec::new();
    let mut changed = String::new();
    for file in &files {
        let name = file.display().to_string();
        let bytes =
            std::fs::read(file).map_err(|error| io(&format!("cannot read {name}"), &error))?;
        let source = match source_from_bytes(&name, bytes) {
            Ok(source) => source,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        match format(&source) {
            Ok(formatted) if formatted == source.text => {}
            Ok(formatted) if arguments.check => changed.push_str(&diff(&source, &formatted)),
            Ok(formatted) => {
                replace(file, &formatted)?;
                context.terminal.say(&format!("formatted {name}\n"));
            }
            Err(more) => problems.extend(more),
        }
    }
    context.terminal.print(&changed)?;
    if !problems.is_empty() {
        return Err(Failure::diagnostics(problems));
    }
    Ok(if changed.is_empty() {
        Exit::Done
    } else {
        Exit::Error
    })
}

fn standard_input(context: &Context<'_>, check: bool) -> Result<Exit, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .read_to_end(&mut bytes)
        .map_err(|error| io("cannot read standard input", &error))?;
    let source = source_from_bytes(STDIN, bytes).map_err(|it| Failure::diagnostics(vec![it]))?;
    let formatted = format(&source).map_err(Failure::diagnostics)?;
    if !check {
        return context.done(&formatted);
    }
    if formatted == source.text {
        return Ok(Exit::Done);
    }
    context.terminal.print(&diff(&source, &formatted))?;
    Ok(Exit::Error)
}

/// Returns the files named, those ending in `.kdl` of folders that are named, or all of the workspace.
fn files(context: &Context<'_>, named: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut found = Vec::new();
    if named.is_empty() {
        let root = load::find(context.global)?.root;
        let here = std::env::current_dir().unwrap_or_default();
        collect(&root, &mut found)?;
        for file in &mut found {
            if let Ok(relative) = file.strip_prefix(&here) {
                *file = relative.to_owned();
            }
        }
    }
    for path in named {
        if path.is_dir() {
            collect(path, &mut found)?;
        } else {
            found.push(path.clone());
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Adds the files ending in `.kdl` below a folder: no hidden folders, no links, and not into workspaces of their own.
pub(crate) fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| io(&format!("cannot list {}", folder.display()), error);
    for entry in std::fs::read_dir(folder).map_err(|error| failed(&error))? {
        let entry = entry.map_err(|error| failed(&error))?;
        let kind = entry.file_type().map_err(|error| failed(&error))?;
        let path = entry.path();
        let name = entry.file_name();
        let hidden = name.to_string_lossy().starts_with('.') || name == "node_modules";
        if kind.is_dir() && !hidden && !is_workspace(&path) {
            collect(&path, found)?;
        } else if kind.is_file() && path.extension().is_some_and(|it| it == "kdl") {
            found.push(path);
        }
    }
    Ok(())
}

/// Says whether a folder is a workspace of its own; a file of that name which another one includes has no `workspace` node.
pub(crate) fn is_workspace(folder: &Path) -> bool {
    std::fs::read_to_string(folder.join(MANIFEST)).is_ok_and(|text| {
        text.lines()
            .any(|line| line.trim_start().starts_with("workspace "))
    })
}

fn diff(source: &Arc<Source>, formatted: &str) -> String {
    let name = &source.name;
    let lines = unified_diff(&source.text, formatted);
    format!("--- {name}\n+++ {name} (formatted)\n{lines}")
}

/// Writes a file whole or not at all; who may read it stays as it is.
fn replace(file: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| io(&format!("cannot write {}", file.display()), error);
    let target = std::fs::canonicalize(file).map_err(|error| failed(&error))?;
    let mode = std::fs::metadata(&target).map_err(|error| failed(&error))?;
    write_whole(&target, text.as_bytes()).map_err(|error| Failure::error(error.to_string()))?;
    std::fs::set_permissions(&target, mode.permissions()).map_err(|error| failed(&error))
}
