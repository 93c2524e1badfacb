//! Running other programs, and the progress lines on stderr.

use crate::failure::{Doing as _, Failure, Outcome};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

/// How many lines of a log are shown when something fails.
const LAST_LINES: usize = 20;

/// Writes one progress line to stderr. A closed stderr is no reason to stop.
pub(crate) fn say(text: &str) {
    writeln!(std::io::stderr().lock(), "xtask: {text}").ok();
}

/// Writes one line of a task's result to stdout. A closed stdout is no reason to stop.
pub(crate) fn print(text: &str) {
    writeln!(std::io::stdout().lock(), "{text}").ok();
}

/// Runs `work` between two progress lines, the second one with the time it took.
pub(crate) fn timed<T>(what: &str, work: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
    say(&format!("{what} ..."));
    let start = Instant::now();
    let result = work()?;
    say(&format!(
        "{what}: done in {:.1} s",
        start.elapsed().as_secs_f64()
    ));
    Ok(result)
}

/// Finds a program in `PATH`, and in the system folders that an ordinary user's `PATH` may lack.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/bin", "/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
}

/// Runs a command with both outputs going to the file `log`, and shows its last lines if it fails.
pub(crate) fn run_logged(command: &mut Command, log: &Path) -> Outcome {
    let file = File::create(log).doing(log.display())?;
    let status = command
        .stdin(Stdio::null())
        .stderr(file.try_clone()?)
        .stdout(file)
        .status()
        .doing(program(command))?;
    if status.success() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "`{}` failed ({status}); the last lines of {}:\n{}",
        line(command),
        log.display(),
        last_lines(log)
    )))
}

/// Runs a command on our own terminal and returns how it ended.
pub(crate) fn run_shown(command: &mut Command) -> Outcome<ExitStatus> {
    command.status().doing(program(command))
}

/// Runs a command and returns its stdout without the final line break.
pub(crate) fn read_output(command: &mut Command) -> Outcome<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .doing(program(command))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned());
    }
    Err(Failure::new(format!(
        "`{}` failed ({}): {}",
        line(command),
        output.status,
        String::from_utf8_lossy(&output.stderr).trim_end()
    )))
}

/// Returns the end of a log file, indented.
pub(crate) fn last_lines(log: &Path) -> String {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let first = lines.len().saturating_sub(LAST_LINES);
    lines[first..]
        .iter()
        .fold(String::new(), |text, line| text + "    " + line + "\n")
}

/// Returns a command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let arguments = command
        .get_args()
        .map(|argument| quote(&argument.to_string_lossy()));
    std::iter::once(program(command))
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

fn program(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn quote(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_a_command_as_one_would_type_it() {
        let mut command = Command::new("docker");
        command.args(["tag", "it's here", "", "a:b"]);
        assert_eq!(line(&command), r"docker tag 'it'\''s here' '' a:b");
    }

    #[test]
    fn a_failing_command_shows_the_end_of_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "seq 1 50; exit 3"]);
        let failure = run_logged(&mut command, &folder.path().join("log"))
            .unwrap_err()
            .to_string();
        assert!(failure.contains("exit status: 3"), "{failure}");
        assert!(failure.ends_with("    49\n    50\n"), "{failure}");
        assert!(!failure.contains("    30\n"), "{failure}");
    }
}
