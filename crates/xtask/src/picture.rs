//! `cargo xtask picture`: a picture of what a command prints, as an SVG that is part of the documentation.
//!
//! The picture is made from real output: the command runs on a copy of `examples/shop`, in colour, at a fixed width.

mod ansi;
mod svg;

use crate::demo::{copy_shop, release_binary};
use crate::failure::{Doing as _, Failure, Outcome};
use crate::setup;
use crate::shell::{line, say};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const USAGE: &str = "cargo xtask picture --out FILE [--columns N] -- COMMAND [ARGUMENTS]";
const COLUMNS: usize = 100;

/// What to make a picture of.
#[derive(Debug, PartialEq, Eq)]
struct Request {
    out: PathBuf,
    columns: usize,
    command: Vec<String>,
}

/// Runs the command that `arguments` name and writes the picture of its stdout.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let request = parse_arguments(arguments)?;
    let shop = copy_shop()?;
    let output = output(&mut prepare(&request, shop.path())?)?;
    let title = shown(&request.command);
    let picture = svg::draw(&title, &ansi::parse(&output), request.columns);
    if let Some(folder) = request.out.parent() {
        std::fs::create_dir_all(folder).doing(folder.display())?;
    }
    std::fs::write(&request.out, picture).doing(request.out.display())?;
    say(&format!("{} shows `{title}`", request.out.display()));
    Ok(())
}

fn parse_arguments(arguments: &[String]) -> Outcome<Request> {
    let wrong = |what: &str| Failure::new(format!("{what}\nUsage: {USAGE}"));
    let mut out = None;
    let mut columns = COLUMNS;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--" => break,
            "--out" => out = Some(rest.next().ok_or_else(|| wrong("--out names no file"))?),
            "--columns" => {
                let number = rest.next().and_then(|number| number.parse().ok());
                columns = number
                    .filter(|number| (20..=400).contains(number))
                    .ok_or_else(|| wrong("--columns takes a number from 20 to 400"))?;
            }
            other => return Err(wrong(&format!("unknown argument: {other}"))),
        }
    }
    let command: Vec<String> = rest.cloned().collect();
    if command.is_empty() {
        return Err(wrong("no command given"));
    }
    let out = out.ok_or_else(|| wrong("no --out given"))?;
    Ok(Request {
        out: std::path::absolute(out)?,
        columns,
        command,
    })
}

/// Returns the command as it really runs: `windlass` is the release binary, in colour, and reads base images from the set-up's mirrors.
fn prepare(request: &Request, folder: &Path) -> Outcome<Command> {
    let (program, arguments) = request
        .command
        .split_first()
        .expect("checked when it was read");
    let mut command = if program == "windlass" {
        let testbed = setup::run()?;
        let mut command = Command::new(release_binary()?);
        command.args(["--color", "always"]);
        for mirror in &testbed.mirrors {
            command.args(["--mirror", mirror]);
        }
        command
    } else {
        Command::new(program)
    };
    for (name, _) in std::env::vars_os() {
        // What a variable changes would be in the picture, and nobody could see why.
        if name.to_string_lossy().starts_with("WINDLASS_") {
            command.env_remove(name);
        }
    }
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("NO_COLOR")
        .env("COLUMNS", request.columns.to_string())
        // The picture is of a first plan, also on a machine that has built the images before.
        .env("XDG_CACHE_HOME", folder.join(".windlass/cache"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    Ok(command)
}

/// Runs a command and returns its stdout; 2 is how `windlass plan --detailed-exitcode` says that there are changes.
fn output(command: &mut Command) -> Outcome<String> {
    let output = command.output().doing(line(command))?;
    if !matches!(output.status.code(), Some(0 | 2)) {
        let status = output.status;
        return Err(Failure::new(format!(
            "`{}` failed ({status})",
            line(command)
        )));
    }
    let text = String::from_utf8(output.stdout).doing("the output is not UTF-8")?;
    if text.trim().is_empty() {
        return Err(Failure::new(format!(
            "`{}` printed nothing on stdout",
            line(command)
        )));
    }
    Ok(text)
}

/// Returns a command as one types it.
fn shown(command: &[String]) -> String {
    let (program, arguments) = command.split_first().expect("checked when it was read");
    line(Command::new(program).args(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Outcome<Request> {
        let arguments: Vec<String> = arguments.iter().map(|&text| text.to_owned()).collect();
        parse_arguments(&arguments)
    }

    #[test]
    fn what_follows_the_dashes_is_the_command() {
        let request = read(&[
            "--out",
            "/tmp/plan.svg",
            "--",
            "windlass",
            "--local",
            "plan",
            "--out",
            "x",
        ])
        .unwrap();
        assert_eq!(request.out, PathBuf::from("/tmp/plan.svg"));
        assert_eq!(request.columns, 100);
        assert_eq!(shown(&request.command), "windlass --local plan --out x");
    }

    #[test]
    fn says_how_it_is_called() {
        for wrong in [
            &["--", "windlass"][..],
            &["--out", "x"],
            &["--out", "x", "--"],
            &["--out"],
            &["--out", "x", "--columns", "9", "--", "windlass"],
            &["windlass"],
        ] {
            let failure = read(wrong).unwrap_err().to_string();
            assert!(failure.ends_with(USAGE), "{failure}");
        }
    }

    #[test]
    fn a_command_runs_at_the_width_of_the_picture_and_must_print_something() {
        let folder = tempfile::tempdir().unwrap();
        let run = |script: &str| {
            let request =
                read(&["--out", "x", "--columns", "60", "--", "sh", "-c", script]).unwrap();
            output(&mut prepare(&request, folder.path()).unwrap())
        };
        assert_eq!(run("echo $COLUMNS; exit 2").unwrap(), "60\n");
        assert!(
            run("exit 0")
                .unwrap_err()
                .to_string()
                .contains("printed nothing")
        );
        assert!(
            run("echo x; exit 1")
                .unwrap_err()
                .to_string()
                .contains("exit status: 1")
        );
    }
}
