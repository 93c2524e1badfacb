//! The documentation, held against the code: manifests are read, links lead somewhere, commands and exit codes exist.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use windlass_core::diag::{Diagnostic, Source, has_errors, text::render_plain};
use windlass_core::manifest::model::{Recipe, Registry, Workspace};
use windlass_core::manifest::{
    GitFact, GitFacts, ResolveInputs, TextFiles, load_with, schema, shape,
};
use windlass_core::{lock, pattern};

/// Its examples are checked code by code in `corpus_diagnostics.rs`.
const DIAGNOSTICS: &str = "docs/diagnostics.md";
/// Their cases are checked by the tests of `windlass-policy`.
const RULES: &str = "docs/rules/";

/// A fenced block of a page.
struct Block {
    /// Page and line, for people.
    place: String,
    /// The words behind the fence, such as `kdl must-fail`.
    words: Vec<String>,
    text: String,
}

/// Every `kdl` block is a manifest, or a part of one that lacks only its workspace and registry. `kdl must-fail CODE N` is wrong in N
/// places, all of that code; `kdl lock` is a lock.
#[test]
fn manifests_in_the_documentation_say_what_they_claim() {
    let mut wrong = String::new();
    let mut count = 0;
    for (page, text) in pages() {
        if page == DIAGNOSTICS || page.starts_with(RULES) {
            continue;
        }
        for block in blocks(&page, &text) {
            let words: Vec<&str> = block.words.iter().map(String::as_str).collect();
            if let Some((&"kdl", marks)) = words.split_first() {
                count += 1;
                if let Err(why) = check_block(&block.text, marks) {
                    let _ = writeln!(wrong, "{}: {why}", block.place);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
    assert!(count > 12, "only {count} blocks were found");
}

fn check_block(text: &str, marks: &[&str]) -> Result<(), String> {
    match marks {
        [] => check_good(text),
        ["lock"] => match lock::parse(&Source::new("windlass.lock", text)) {
            (Some(_), _) => Ok(()),
            (None, diagnostics) => Err(render_plain(&diagnostics)),
        },
        ["must-fail", code] => check_wrong(text, code, 1),
        ["must-fail", code, number] => {
            let number = number
                .parse()
                .map_err(|_| format!("`{number}` is no number"))?;
            check_wrong(text, code, number)
        }
        other => Err(format!("`kdl {}` has no meaning", other.join(" "))),
    }
}

fn check_good(text: &str) -> Result<(), String> {
    let (workspace, mut diagnostics) = read(text);
    if let Some(workspace) = &workspace {
        diagnostics.extend(render_patterns(workspace));
    }
    if workspace.is_none() || has_errors(&diagnostics) {
        return Err(render_plain(&diagnostics));
    }
    Ok(())
}

fn check_wrong(text: &str, code: &str, number: usize) -> Result<(), String> {
    let (_, diagnostics) = read(text);
    let right = diagnostics.iter().all(|it| it.code.as_str() == code);
    if right && diagnostics.len() == number {
        return Ok(());
    }
    Err(format!(
        "wanted {number} of {code}, found {}:\n{}",
        diagnostics.len(),
        render_plain(&diagnostics)
    ))
}

/// Reads and resolves a block; what it leaves out comes behind it, so that places stay.
fn read(text: &str) -> (Option<Workspace>, Vec<Diagnostic>) {
    let mut whole = format!("{text}\n");
    let has = |node: &str| text.lines().any(|line| line.starts_with(node));
    if !has("workspace ") {
        whole.push_str("workspace \"shop\"\n");
    }
    if !has("registry ") {
        whole.push_str("registry \"dev\" { account \"111122223333\"; region \"eu-west-1\" }\n");
    }
    let known = |value: &str| GitFact::Known(value.to_owned());
    let host = |registry: &Registry| format!("{}.example", registry.account);
    let inputs = ResolveInputs {
        git: GitFacts {
            sha: known("0123456789abcdef0123456789abcdef01234567"),
            branch: known("main"),
            describe: known("v1.2.3-4-g0123456"),
            commit_time: known("2026-11-23T09:15:00Z"),
            dirty: GitFact::Known(false),
            ..GitFacts::default()
        },
        ..ResolveInputs::new(&host)
    };
    let mut files = TextFiles::new([(TEMPLATE.0.to_owned(), TEMPLATE.1.to_owned())]);
    load_with(&Source::new("windlass.kdl", whole), &mut files, &inputs)
}

/// The template that the page of patterns shows, as the example of an organisation has it.
const TEMPLATE: (&str, &str) = (
    "patterns/worker.Dockerfile",
    include_str!("../../examples/monorepo/patterns/worker.Dockerfile"),
);

fn render_patterns(workspace: &Workspace) -> Vec<Diagnostic> {
    let mut all = Vec::new();
    for image in &workspace.images {
        let Recipe::Pattern {
            pattern: reference,
            location,
            with,
        } = &image.recipe
        else {
            continue;
        };
        let context = pattern::RenderContext {
            args: &image.args,
            stamp_args: &image.stamp.args,
            has_file: &|_| false,
        };
        all.extend(pattern::render_reference(reference, location, with, &context).1);
    }
    all
}

#[test]
fn links_lead_somewhere() {
    let pages: BTreeMap<String, String> = pages().into_iter().collect();
    let mut wrong = Vec::new();
    for (page, text) in &pages {
        for (number, target) in links(text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((&target, ""));
            let full = if path.is_empty() {
                page.clone()
            } else {
                join(page, path)
            };
            if !root().join(&full).exists() {
                wrong.push(format!("{page}:{number}: there is no {full}"));
            } else if let Some(other) = pages.get(&full).filter(|_| !heading.is_empty())
                && !headings(other).contains(heading)
            {
                wrong.push(format!("{page}:{number}: {full} has no heading #{heading}"));
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
}

/// The end of `docs/manifest.md` is what `windlass schema --format markdown` prints. `INSTA_UPDATE=always` writes it.
#[test]
fn the_reference_of_the_manifest_is_what_the_decoders_ask_for() {
    const START: &str = "## Every field\n";
    let page = read_file("docs/manifest.md");
    let (before, after) = page.split_once(START).expect("the page has the heading");
    let introduction = after.split("### ").next().unwrap_or_default();
    let wanted = format!(
        "{before}{START}{introduction}{}",
        schema::to_markdown(&shape()).trim_end()
    ) + "\n";
    if wanted != page && std::env::var("INSTA_UPDATE").is_ok_and(|it| it == "always") {
        std::fs::write(root().join("docs/manifest.md"), wanted).expect("the page can be written");
        return;
    }
    assert!(
        wanted == page,
        "docs/manifest.md is not what the decoders ask for; run this test with INSTA_UPDATE=always"
    );
}

/// Flags and commands in blocks that are not manifests.
#[test]
fn commands_in_the_documentation_exist() {
    let source = read_file("crates/windlass/src/cli.rs");
    let flags = flags(&source);
    let commands = commands(&source);
    assert!(flags.contains("detailed-exitcode") && commands.contains("apply"));
    let mut wrong = Vec::new();
    let mut count = 0;
    for (page, text) in pages() {
        for block in blocks(&page, &text).filter(|it| it.words.first().is_none_or(|it| it != "kdl"))
        {
            for call in calls(&block.text) {
                count += 1;
                for flag in call.iter().filter_map(|word| word.strip_prefix("--")) {
                    let name = flag.split('=').next().unwrap_or(flag);
                    if !flags.contains(name) {
                        wrong.push(format!("{}: there is no flag --{name}", block.place));
                    }
                }
                if !call.iter().any(|word| commands.contains(word.as_str())) {
                    wrong.push(format!(
                        "{}: no command in `{}`",
                        block.place,
                        call.join(" ")
                    ));
                }
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    assert!(count > 5, "only {count} calls were found");
}

/// The table of `docs/exit-codes.md` has the numbers of the binary, and marks those as reserved that it does not give yet.
#[test]
fn exit_codes_are_those_of_the_binary() {
    let source = read_file("crates/windlass/src/failure.rs");
    let body = source
        .split_once("enum Exit {")
        .and_then(|(_, rest)| rest.split_once('}'))
        .expect("failure.rs has the enum Exit")
        .0;
    let given: BTreeSet<u8> = body
        .lines()
        .filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "))
        .map(|(_, number)| number.parse().expect("an exit code is a number"))
        .collect();
    let mut documented = BTreeSet::new();
    let mut reserved = BTreeSet::new();
    for line in read_file("docs/exit-codes.md").lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let [_, code, meaning, ..] = cells[..]
            && let Ok(code) = code.parse::<u8>()
        {
            let set = if meaning.starts_with("reserved") {
                &mut reserved
            } else {
                &mut documented
            };
            assert!(set.insert(code), "{code} is there twice");
        }
    }
    assert_eq!(documented, given);
    assert_eq!(reserved, BTreeSet::new(), "no number is reserved");
}

/// `docs/real-ecr.md` names each API action that the adapter calls.
#[test]
fn iam_actions_are_those_that_are_called() {
    let mut called = BTreeSet::new();
    let folder = root().join("crates/windlass-backends/src/ecr");
    for entry in std::fs::read_dir(folder).expect("the adapter is a folder") {
        let source = std::fs::read_to_string(entry.expect("an entry can be read").path())
            .expect("a file of Rust can be read");
        // A name in quotes of its own is a call; tests may name others.
        let code = source.split("#[cfg(test)]").next().unwrap_or_default();
        for word in code.split('"').filter(|it| is_action(it)) {
            called.insert(word.to_owned());
        }
    }
    assert!(called.len() > 10, "only {called:?} were found");
    let page = read_file("docs/real-ecr.md");
    let missing: Vec<&String> = called
        .iter()
        .filter(|action| {
            !page.contains(&format!("`{action}`")) && !page.contains(&format!("\"{action}\""))
        })
        .collect();
    assert!(missing.is_empty(), "docs/real-ecr.md lacks {missing:?}");
}

fn is_action(word: &str) -> bool {
    let services = ["ecr:", "sts:", "tag:"];
    let name = services.iter().find_map(|it| word.strip_prefix(it));
    // Types of resources, such as `ecr:repository`, begin with a small letter.
    name.is_some_and(|it| {
        it.len() > 3
            && it.starts_with(|c: char| c.is_ascii_uppercase())
            && it.chars().all(|c| c.is_ascii_alphabetic())
    })
}

/// `docs/troubleshooting.md` says of every area of codes what it is about, and names no code that is not there.
#[test]
fn every_area_of_codes_has_a_line_among_the_troubles() {
    let page = read_file("docs/troubleshooting.md");
    let diagnostics = read_file(DIAGNOSTICS);
    let codes: BTreeSet<&str> = diagnostics
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .filter(|code| code.contains('/'))
        .collect();
    let areas: BTreeSet<&str> = codes
        .iter()
        .filter_map(|code| code.split('/').next())
        .collect();
    for area in &areas {
        assert!(
            page.contains(&format!("`{area}/`")),
            "nothing about {area}/"
        );
    }
    let named = page.split('`').skip(1).step_by(2);
    for code in named.filter(|it| !it.contains(' ')) {
        let in_an_area = code
            .split_once('/')
            .is_some_and(|(area, name)| areas.contains(area) && !name.is_empty());
        assert!(
            !in_an_area || codes.contains(code),
            "there is no code {code}"
        );
    }
}

#[test]
fn blocks_links_and_headings_are_found() {
    let page = "# One two\n[a](b.md#c) `[x](y)`\n```kdl must-fail a/b\n[q](r)\n```\n";
    let found: Vec<Block> = blocks("p", page).collect();
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].words, ["kdl", "must-fail", "a/b"]);
    assert_eq!(found[0].text, "[q](r)\n");
    assert_eq!(links(page), [(2, "b.md#c".to_owned())]);
    assert!(headings(page).contains("one-two"));
    assert_eq!(join("docs/a.md", "../README.md"), "README.md");
    assert_eq!(
        calls("$ windlass --local plan | less\nrun: windlass show x\n").len(),
        2
    );
}

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests
        .parent()
        .expect("the package of tests lies in the workspace")
        .to_owned()
}

fn read_file(path: &str) -> String {
    std::fs::read_to_string(root().join(path))
        .unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

/// Returns README and all pages below `docs`, by path, sorted.
fn pages() -> Vec<(String, String)> {
    let root = root();
    let mut paths = vec!["README.md".to_owned()];
    let mut left = vec!["docs".to_owned()];
    while let Some(folder) = left.pop() {
        let entries = std::fs::read_dir(root.join(&folder)).expect("docs is a folder");
        for entry in entries.map(|entry| entry.expect("an entry can be read")) {
            let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                left.push(path);
            } else if entry.path().extension().is_some_and(|it| it == "md") {
                paths.push(path);
            }
        }
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = read_file(&path);
            (path, text)
        })
        .collect()
}

fn blocks<'a>(page: &'a str, text: &'a str) -> impl Iterator<Item = Block> + 'a {
    let mut lines = (1..).zip(text.lines());
    std::iter::from_fn(move || {
        let (number, words) =
            lines.find_map(|(number, line)| Some((number, line.strip_prefix("```")?)))?;
        let inside: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| !line.starts_with("```"))
            .collect();
        Some(Block {
            place: format!("{page}:{number}"),
            words: words.split_whitespace().map(str::to_owned).collect(),
            text: inside.iter().flat_map(|line| [*line, "\n"]).collect(),
        })
    })
}

/// Returns the lines of a page that are neither in a fenced block nor the fences themselves.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let fence = line.starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Returns the targets of links and pictures, with their lines; what is code is left out.
fn links(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        let spoken: String = line.split('`').step_by(2).collect();
        for rest in spoken.split("](").skip(1) {
            let target = rest.split([')', ' ']).next().unwrap_or_default();
            found.push((number, target.to_owned()));
        }
    }
    found
}

/// Returns the anchors of a page's headings.
fn headings(text: &str) -> BTreeSet<String> {
    prose(text)
        .filter(|(_, line)| line.starts_with('#'))
        .map(|(_, line)| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter_map(|c| match c {
                    ' ' => Some('-'),
                    '-' | '_' => Some(c),
                    _ => c.is_alphanumeric().then_some(c),
                })
                .collect()
        })
        .collect()
}

fn join(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()),
            _ => parts.push(part),
        }
    }
    parts.join("/")
}

/// Returns the words behind each call of windlass in a block of shell, YAML or a terminal.
fn calls(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let before = ["$", "-", "run:", "script:", "&&", "|", "!", "||"];
        for (at, word) in words.iter().enumerate() {
            if *word == "windlass" && words[..at].iter().all(|it| before.contains(it)) {
                let rest = words[at + 1..].iter();
                let own = rest
                    .take_while(|it| !matches!(**it, "|" | ">" | ">>" | "&&" | "||" | "#" | ";"));
                found.push(own.map(|it| it.trim_matches('"').to_owned()).collect());
            }
        }
    }
    found
}

/// Returns the long flags that the command line takes, from its source.
fn flags(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::from(["help".to_owned(), "version".to_owned()]);
    for piece in source.split("#[arg(").skip(1) {
        let (attribute, rest) = piece.split_once(")]").expect("an attribute ends");
        let Some((_, after)) = attribute.split_once("long") else {
            continue;
        };
        let named = after
            .strip_prefix(" = \"")
            .and_then(|it| it.split('"').next());
        let field = rest
            .split_once("pub(crate) ")
            .and_then(|(_, it)| it.split_once(':'))
            .map_or("", |it| it.0);
        found.insert(named.map_or_else(|| field.replace('_', "-"), str::to_owned));
    }
    found
}

/// Returns the commands, from the source of the command line.
fn commands(source: &str) -> BTreeSet<String> {
    let body = source
        .split_once("enum Command {")
        .and_then(|(_, rest)| rest.split_once("\n}"))
        .expect("cli.rs has the enum Command")
        .0;
    body.lines()
        .filter(|line| !line.trim().starts_with("//") && !line.trim().starts_with('#'))
        .filter_map(|line| line.trim().split(['(', ',', ' ']).next())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .chain(["--help", "--version"].map(str::to_owned))
        .collect()
}
