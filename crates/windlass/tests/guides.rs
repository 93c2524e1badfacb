//! Pages are run: what README and the guides type is typed as it stands, and what comes out is compared with what the page shows.
//!
//! Blocks ` ```console ` are typed line by line where `$ ` begins one, in the order of the page and in one folder. `...` on a line of its own
//! stands for any lines. Times, digests, sizes, dates and ports differ from run to run and are not compared. A block that shows no output only
//! has to succeed. A block ` ```file PATH ` is written to that path first. Comments on the lines above a block say more:
//!
//! | comment | says |
//! | --- | --- |
//! | `<!-- in examples/NAME -->` | it is typed in a copy of an example, as are the blocks after it |
//! | `<!-- in a new folder -->` | it is typed in an empty folder, as are the blocks after it |
//! | `<!-- file PATH -->` | the block is written to that path |
//! | `<!-- without PATH -->` | that file is taken away first |
//! | `<!-- answered yes -->` | it is typed on a terminal, and what asks is told yes |
//! | `<!-- not run: WHY -->` | it is not typed; its commands and flags exist all the same (`tests/suite/docs.rs`) |
//!
//! With `UPDATE_GUIDES=1` a test writes what came out into blocks that have no `...`, to be read and committed.

#[path = "common/mod.rs"]
mod common;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use common::{Workspace, has_engine};

/// A fenced block: its words, the lines between the fences, where those stand, and what the comments above say.
struct Block {
    words: Vec<String>,
    marks: Vec<String>,
    first: usize,
    lines: Vec<String>,
}

impl Block {
    fn is_typed(&self) -> bool {
        matches!(
            self.words.first().map(String::as_str),
            Some("console" | "sh")
        )
    }

    /// Returns what stands behind `word` in a comment.
    fn says(&self, word: &str) -> Option<&str> {
        let mut marks = self.marks.iter();
        marks.find_map(|mark| mark.strip_prefix(word).map(str::trim))
    }

    /// Says whether anything that came out is shown.
    fn shows(&self) -> bool {
        self.lines.iter().any(|line| !line.starts_with("$ "))
    }
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let mut marks = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(words)) => {
                open = Some(Block {
                    words: words.split_whitespace().map(str::to_owned).collect(),
                    marks: std::mem::take(&mut marks),
                    first: number + 1,
                    lines: Vec::new(),
                });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.lines.push(line.to_owned()),
            (None, None) => {
                let said = line
                    .strip_prefix("<!-- ")
                    .and_then(|it| it.strip_suffix(" -->"));
                match said {
                    Some(said) => marks.push(said.to_owned()),
                    None => marks.clear(),
                }
            }
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

/// Types a command in the workspace; returns what both streams say, as a terminal of 100 columns shows it, and whether it succeeded.
fn type_it(workspace: &Workspace, typed: &str, answered: bool) -> (Vec<String>, bool) {
    let mut command = workspace.command(&[]);
    let binary = PathBuf::from(command.get_program());
    let folder = binary.parent().expect("a folder").display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let variables: Vec<_> = command
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    let typed = if answered {
        // `script` gives it a terminal.
        format!("script -qefc '{typed}' /dev/null <<< yes")
    } else {
        typed.to_owned()
    };
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
    let lines = text
        .trim_end()
        .lines()
        .map(|line| line.trim_end().to_owned());
    (lines.collect(), output.status.success())
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs a page from its first block to its last.
fn run_page(page: &str) {
    let path = root().join(page);
    let text = std::fs::read_to_string(&path).expect("a page");
    let mut workspace = Workspace::new(&[]);
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut wrong = Vec::new();
    let mut typed = 0;
    for block in &blocks(&text) {
        if let Some(name) = block.says("in examples/") {
            workspace = Workspace::example(name);
        } else if block.says("in a new folder").is_some() {
            workspace = Workspace::new(&[]);
        }
        if let Some(path) = block.says("without ") {
            std::fs::remove_file(workspace.path(path)).expect("removed");
        }
        let named = match block.words.as_slice() {
            [word, path] if word == "file" => Some(path.as_str()),
            _ => block.says("file "),
        };
        if let Some(path) = named {
            workspace.write(path, &(block.lines.join("\n") + "\n"));
        } else if block.is_typed() && block.says("not run:").is_none() {
            for call in calls(block) {
                typed += 1;
                let answered = block.says("answered yes").is_some();
                let (came, fine) = type_it(&workspace, &call.typed, answered);
                let right = if block.shows() {
                    fits(&call.shown, &came)
                } else {
                    fine
                };
                if !right {
                    wrong.push((block.first, call, came));
                }
            }
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
                "{page}:{line}: $ {}\n--- shown\n{shown}\n--- came out\n{came}\n",
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

/// Pages whose blocks are typed.
const PAGES: [&str; 7] = [
    "README.md",
    "docs/getting-started.md",
    "docs/policies.md",
    "docs/real-ecr.md",
    "docs/troubleshooting.md",
    "docs/writing-a-pattern.md",
    "docs/writing-a-policy.md",
];

fn run(page: &str) {
    assert!(PAGES.contains(&page));
    if has_engine() {
        run_page(page);
    }
}

#[test]
fn engine_the_readme_is_what_happens() {
    run("README.md");
}

#[test]
fn engine_getting_started_is_what_happens() {
    run("docs/getting-started.md");
}

#[test]
fn engine_the_page_of_policies_is_what_happens() {
    run("docs/policies.md");
}

#[test]
fn engine_the_page_of_real_ecr_is_what_happens() {
    run("docs/real-ecr.md");
}

#[test]
fn engine_the_page_of_troubles_is_what_happens() {
    run("docs/troubleshooting.md");
}

#[test]
fn engine_writing_a_pattern_is_what_happens() {
    run("docs/writing-a-pattern.md");
}

#[test]
fn engine_writing_a_policy_is_what_happens() {
    run("docs/writing-a-policy.md");
}

/// Every block of README and `docs` that shows something typed is on a page above, or says why it is not run.
#[test]
fn every_command_of_the_documentation_is_run_or_says_why_not() {
    let mut pages = vec!["README.md".to_owned()];
    for folder in ["docs", "docs/formats"] {
        for entry in std::fs::read_dir(root().join(folder)).expect("a folder") {
            let name = entry.expect("an entry").file_name();
            let name = name.to_string_lossy().into_owned();
            let is_page = Path::new(&name).extension().is_some_and(|it| it == "md");
            pages.extend(is_page.then(|| format!("{folder}/{name}")));
        }
    }
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        let text = std::fs::read_to_string(root().join(&page)).expect("a page");
        for block in blocks(&text).iter().filter(|block| block.is_typed()) {
            let why = block.says("not run:");
            assert!(
                why.is_some_and(|it| it.len() > 10)
                    || why.is_none() && PAGES.contains(&page.as_str()),
                "{page}:{}: neither run nor told why not",
                block.first
            );
        }
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
    let block = &blocks("<!-- not run: no account -->\n```console\n$ a\n```\n")[0];
    assert_eq!(block.says("not run:"), Some("no account"));
    assert!(block.is_typed() && !block.shows());
}
