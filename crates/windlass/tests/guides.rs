//! Guides are run: every `console` block of a guide is typed as it stands, and what comes out is compared with what the page shows.
//!
//! A block ` ```file PATH ` of a guide is written to that path first, in the order of the page. `...` on a line of its own stands for any
//! lines. Times, digests, sizes, dates and ports differ from run to run and are not compared. With `UPDATE_GUIDES=1` a test writes what
//! came out into blocks that have no `...`, to be read and committed.

#[path = "common/mod.rs"]
mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{Workspace, has_engine};

/// A fenced block: its words, the lines between the fences, and where those stand.
struct Block {
    words: Vec<String>,
    first: usize,
    lines: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(words)) => {
                open = Some(Block {
                    words: words.split_whitespace().map(str::to_owned).collect(),
                    first: number + 1,
                    lines: Vec::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.lines.push(line.to_owned()),
            (None, None) => {}
        }
    }
    blocks
}

/// Something typed, and what the page says comes out.
struct Call {
    typed: String,
    shown: Vec<String>,
}

fn calls(block: &Block) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for line in &block.lines {
        if let Some(typed) = line.strip_prefix("$ ") {
            calls.push(Call {
                typed: typed.to_owned(),
                shown: Vec::new(),
            });
        } else if let Some(call) = calls.last_mut() {
            call.shown.push(line.clone());
        }
    }
    calls
}

/// Types a command in the workspace; returns what both streams say, as a terminal of 100 columns shows it.
fn type_it(workspace: &Workspace, typed: &str) -> Vec<String> {
    let mut command = workspace.command(&[]);
    let binary = PathBuf::from(command.get_program());
    let folder = binary.parent().expect("a folder").display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let variables: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    command = std::process::Command::new("bash");
    let output = command
        .args(["-c", &format!("{{ {typed}\n}} 2>&1")])
        .env_clear()
        .envs(variables)
        .env("PATH", format!("{folder}:{path}"))
        .env("COLUMNS", "100")
        .current_dir(workspace.path(""))
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim_end()
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect()
}

/// Replaces what differs from run to run.
fn steady(line: &str) -> String {
    let mut words = Vec::new();
    for word in line.split(' ') {
        let core = word.trim_matches(|c: char| "(),.;:".contains(c));
        let is_hex = core.len() >= 12 && core.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_number = core.bytes().any(|byte| byte.is_ascii_digit())
            && core
                .bytes()
                .all(|byte| byte.is_ascii_digit() || b".:-TZ".contains(&byte));
        if word.contains("sha256:") || is_hex {
            words.push("DIGEST".to_owned());
        } else if word.contains("127.0.0.1:") {
            let (before, after) = word.split_once("127.0.0.1:").expect("it is there");
            let after = after.trim_start_matches(|c: char| c.is_ascii_digit());
            words.push(format!("{before}HOST{after}"));
        } else if is_number && core.len() > 1 {
            words.push(word.replace(core, "N"));
        } else {
            words.push(word.to_owned());
        }
    }
    words.retain(|word| !word.is_empty());
    words.join(" ")
}

/// Says whether lines are as shown, `...` standing for any of them.
fn fits(shown: &[String], lines: &[String]) -> bool {
    match shown.split_first() {
        None => lines.is_empty(),
        Some((first, rest)) if first == "..." => {
            (0..=lines.len()).any(|skipped| fits(rest, &lines[skipped..]))
        }
        Some((first, rest)) => lines
            .split_first()
            .is_some_and(|(line, more)| steady(first) == steady(line) && fits(rest, more)),
    }
}

/// Runs a guide from its first block to its last, in one folder.
fn run_guide(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs")
        .join(page);
    let text = std::fs::read_to_string(&path).expect("a guide");
    let workspace = Workspace::new(&[]);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut wrong = Vec::new();
    let mut typed = 0;
    for block in &blocks(&text) {
        let words: Vec<&str> = block.words.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["file", path] => workspace.write(path, &(block.lines.join("\n") + "\n")),
            ["console"] => {
                for call in calls(block) {
                    typed += 1;
                    let came = type_it(&workspace, &call.typed);
                    if !fits(&call.shown, &came) {
                        wrong.push((block.first, call, came));
                    }
                }
            }
            _ => {}
        }
    }
    assert!(typed > 0, "{page} has nothing to type");
    if std::env::var_os("UPDATE_GUIDES").is_some() {
        for (first, call, came) in wrong.iter().rev() {
            update(&mut lines, *first, call, came);
        }
        std::fs::write(&path, lines.join("\n") + "\n").expect("written");
        return;
    }
    let said: Vec<String> = wrong
        .iter()
        .map(|(line, call, came)| {
            let (shown, came) = (call.shown.join("\n"), came.join("\n"));
            format!(
                "docs/{page}:{line}: $ {}\n--- shown\n{shown}\n--- came out\n{came}\n",
                call.typed
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{}", said.join("\n"));
}

/// Puts what came out below what was typed.
fn update(lines: &mut Vec<String>, first: usize, call: &Call, came: &[String]) {
    if call.shown.iter().any(|line| line == "...") {
        return;
    }
    let wanted = format!("$ {}", call.typed);
    let at = first
        + lines[first..]
            .iter()
            .position(|line| *line == wanted)
            .expect("it is there");
    lines.splice(at + 1..=at + call.shown.len(), came.iter().cloned());
}

#[test]
fn engine_getting_started_is_what_happens() {
    if has_engine() {
        run_guide("getting-started.md");
    }
}

#[test]
fn dots_stand_for_any_lines_and_numbers_for_others() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(fits(&lines("a\n...\nd 1.2 s"), &lines("a\nb\nc\nd 3.4 s")));
    assert!(!fits(&lines("a\n...\nd"), &lines("a\nb")));
    assert!(!fits(&lines("a"), &lines("a\nb")));
    assert_eq!(
        steady("http://127.0.0.1:4510/x sha256:ab, 12 files"),
        "http://HOST/x DIGEST N files"
    );
}
