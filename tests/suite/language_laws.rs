//! Laws of the language: what holds for every manifest, tried on ones made by chance and on broken copies of ours.
//!
//! Chance is fixed by seeds, so a failure comes again. `WINDLASS_LAWS` raises the number of tries (1 is the suite's).

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kdl::KdlDocument;
use windlass_core::diag::{Diagnostic, Source, has_errors, text};
use windlass_core::format::format;
use windlass_core::manifest::model::{Registry, Workspace};
use windlass_core::manifest::{GitFact, GitFacts, ResolveInputs, load, shape};
use windlass_tests::chance::Chance;
use windlass_tests::manifests::manifest;

/// No text of ours takes longer to read, resolve and show, in a debug build on a busy machine.
const LONGEST: Duration = Duration::from_secs(20);

fn tries(number: u64) -> u64 {
    let factor = std::env::var("WINDLASS_LAWS").ok();
    number * factor.and_then(|it| it.parse().ok()).unwrap_or(1)
}

fn loaded(source: &Arc<Source>) -> (Option<Workspace>, Vec<Diagnostic>) {
    let host = |registry: &Registry| registry.account.clone();
    let inputs = ResolveInputs {
        git: GitFacts {
            sha: GitFact::Known("0123456789abcdef0123456789abcdef01234567".to_owned()),
            ..GitFacts::default()
        },
        ..ResolveInputs::new(&host)
    };
    load(source, &inputs)
}

/// What is said about a text and what it came to, without places.
fn meaning(source: &Arc<Source>) -> (Vec<String>, Vec<String>) {
    let (workspace, diagnostics) = loaded(source);
    let said = diagnostics
        .iter()
        .map(|it| format!("{}: {}", it.code, it.message));
    let mut said: Vec<String> = said.collect();
    said.sort();
    let mut held = Vec::new();
    if let Some(workspace) = &workspace {
        for image in &workspace.images {
            let tags: Vec<&str> = image
                .targets
                .iter()
                .flat_map(|it| it.tags.iter().map(|it| it.value.as_str()))
                .collect();
            let args: Vec<_> = image
                .args
                .iter()
                .map(|(name, it)| (name, &it.value))
                .collect();
            held.push(format!(
                "{} {} {args:?} {tags:?}",
                image.name, image.context
            ));
        }
        held.extend(workspace.repositories.iter().map(|it| it.key.to_string()));
    }
    (said, held)
}

/// Checks that what was formatted means the same and that formatting it again changes nothing.
fn check_formatting(source: &Arc<Source>) -> Result<(), String> {
    let once = match format(source) {
        Ok(once) => Source::new(source.name.clone(), once),
        Err(problems) if problems.is_empty() => return Err("refused without a word".to_owned()),
        Err(problems)
            if problems
                .iter()
                .any(|it| it.code.as_str() == "format/refused") =>
        {
            return Err("formatting would change the meaning".to_owned());
        }
        Err(_) => return Ok(()),
    };
    let twice = format(&once).map_err(|it| text::render_plain(&it))?;
    if twice != once.text {
        return Err(format!("not stable:\n{}\n---\n{twice}", once.text));
    }
    let (before, after) = (meaning(source), meaning(&once));
    if before != after {
        return Err(format!("{before:?}\n---\n{after:?}\n---\n{}", once.text));
    }
    Ok(())
}

/// Checks that a text, however broken, gives a workspace or an error with a place, in time.
fn check_reading(source: &Arc<Source>) -> Result<(), String> {
    let start = Instant::now();
    let (workspace, diagnostics) = loaded(source);
    drop(text::render_text(&diagnostics, false, 100));
    if start.elapsed() > LONGEST {
        return Err(format!("took {:?}", start.elapsed()));
    }
    if workspace.is_some() == has_errors(&diagnostics) {
        return Err("a workspace must be there exactly where there is no error".to_owned());
    }
    if workspace.is_none() && diagnostics.iter().all(|it| it.labels.is_empty()) {
        return Err(format!("no place:\n{}", text::render_plain(&diagnostics)));
    }
    for label in diagnostics.iter().flat_map(|it| &it.labels) {
        let place = &label.location;
        if place.source.text.get(place.span.clone()).is_none() {
            return Err(format!("{:?} is no place in the text", place.span));
        }
    }
    Ok(())
}

#[test]
fn manifests_made_by_chance_are_formatted_once_and_keep_their_meaning() {
    let shape = shape();
    let mut refused = Vec::new();
    for seed in 0..tries(100) {
        let made = manifest(&mut Chance::new(seed), &shape);
        let source = Source::new("windlass.kdl", made.as_str());
        if let Err(problems) = format(&source) {
            refused.push(format!("seed {seed}: {}", text::render_plain(&problems)));
        }
        let result = check_formatting(&source).and_then(|()| check_reading(&source));
        if let Err(why) = result {
            panic!("seed {seed}: {why}\n---\n{made}");
        }
    }
    assert_eq!(refused, Vec::<String>::new(), "all of them are well-formed");
}

#[test]
fn random_edits_of_our_manifests_never_end_without_a_word() {
    let texts = ours();
    assert!(
        texts.len() > 80,
        "only {} manifests were found",
        texts.len()
    );
    for seed in 0..tries(250) {
        let mut chance = Chance::new(seed);
        let (name, text) = chance.pick(&texts);
        let mut text = text.clone();
        for _ in 0..=chance.below(3) {
            text = edited(&text, &mut chance);
        }
        let source = Source::new("windlass.kdl", text.as_str());
        let result = check_reading(&source).and_then(|()| check_formatting(&source));
        if let Err(why) = result {
            panic!("seed {seed}, {name}: {why}\n---\n{text}");
        }
    }
}

#[test]
fn every_manifest_of_ours_is_formatted_without_a_change_of_meaning() {
    for (name, text) in ours() {
        if let Err(why) = check_formatting(&Source::new("windlass.kdl", text)) {
            panic!("{name}: {why}");
        }
    }
}

/// A value, a property or a child that a node does not know is said, or it means something; and so does a node with nothing but a value.
#[test]
fn nothing_that_stands_in_a_node_is_passed_over() {
    let mut tried = 0;
    let mut passed_over = Vec::new();
    for (name, text) in ours() {
        let is_good = !has_errors(&loaded(&Source::new("windlass.kdl", text.as_str())).1);
        let document = KdlDocument::parse_v2(&text).ok().filter(|_| is_good);
        // A stronger layer replaces whole lists there.
        let Some(document) = document.filter(|_| !name.ends_with("good-layers/windlass.kdl"))
        else {
            continue;
        };
        let mut edits = Vec::new();
        additions(&document, &text, &mut edits);
        tried += edits.len();
        for [before, after] in edits {
            if everything(&before) == everything(&after) {
                passed_over.push(format!("{name}:\n{after}"));
            }
        }
    }
    assert!(tried > 1300, "only {tried} texts");
    assert_eq!(passed_over, Vec::<String>::new());
}

/// Returns pairs of texts that must not come to the same: with and without something that stands in a node.
fn additions(document: &KdlDocument, text: &str, found: &mut Vec<[String; 2]>) {
    let with = |range: std::ops::Range<usize>, instead: &str| {
        let mut text = text.to_owned();
        text.replace_range(range, instead);
        text
    };
    for node in document.nodes() {
        let name = node.name().span();
        let behind = name.offset() + name.len();
        // Words for people, words of which only one counts, and what a name gets that may not be there.
        let is_free =
            ["from-env", "one-of", "doc", "repository-prefix"].contains(&node.name().value());
        if !is_free {
            found.push([text.to_owned(), with(behind..behind, " \"zz-extra\"")]);
        }
        found.push([text.to_owned(), with(behind..behind, " zz-extra=\"x\"")]);
        if let Some(last) = node
            .entries()
            .last()
            .filter(|_| !is_free && node.children().is_none())
        {
            let end = last.span().offset() + last.span().len();
            let start = name.offset();
            found.push([with(start..start, "/-"), with(behind..end, " \"zz-extra\"")]);
        }
        let Some(children) = node.children() else {
            continue;
        };
        if let Some(first) = children.nodes().first() {
            let at = first.name().span().offset();
            found.push([text.to_owned(), with(at..at, "zz-extra \"x\"; ")]);
        }
        additions(children, text, found);
    }
}

/// Returns what is said about a text and all that it came to, without the places.
fn everything(text: &str) -> (Vec<String>, String) {
    let source = Source::new("windlass.kdl", text);
    let (said, _) = meaning(&source);
    let held = format!("{:?}", loaded(&source).0).replace(&format!("{text:?}"), "");
    let mut without = String::new();
    let mut rest = held.as_str();
    while let Some(at) = ["span: ", "lines: "]
        .iter()
        .filter_map(|it| rest.find(it))
        .min()
    {
        without.push_str(&rest[..at]);
        let end = rest[at..]
            .find([',', ' ', '}', ']', ')'])
            .map_or(rest.len(), |it| at + it + 1);
        rest = rest[end..].trim_start_matches(|c: char| {
            c.is_ascii_digit() || "., [OnceLock(<uninit>)]".contains(c)
        });
    }
    without.push_str(rest);
    (said, without)
}

/// Deletes, doubles or swaps words or lines.
fn edited(text: &str, chance: &mut Chance) -> String {
    let mut parts: Vec<&str> = if chance.one_in(3) {
        text.split_inclusive('\n').collect()
    } else {
        words(text)
    };
    if parts.is_empty() {
        return text.to_owned();
    }
    let at = chance.below(parts.len());
    match chance.below(5) {
        0 => drop(parts.remove(at)),
        1 => parts.insert(at, parts[at]),
        2 => {
            let other = chance.below(parts.len());
            parts.swap(at, other);
        }
        3 => parts[at] = "",
        _ => {
            let odd = [
                "\"", "{", "}", "\"\"\"", "/*", "/-", "\\", "=", "#", "(", "{{", "}}", "'", "[",
                "\u{0}", "\u{202e}", "\r", "0x", "#\"", ";", "{% x %}", "\u{feff}", "//",
            ];
            let odd: &str = odd[chance.below(odd.len())];
            parts.insert(at, odd);
        }
    }
    parts.concat()
}

/// Cuts a text into words, spaces and single signs.
fn words(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        all.push(&rest[..length]);
        rest = &rest[length..];
    }
    all
}

/// Returns the manifests of the examples and of the corpus that are UTF-8, by name, sorted.
fn ours() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    let mut left = vec![root.join("examples"), root.join("tests/corpus/language")];
    while let Some(folder) = left.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                left.push(path);
            } else if path.extension().is_some_and(|it| it == "kdl")
                && let Ok(text) = std::fs::read_to_string(&path)
            {
                found.push((path.display().to_string(), text));
            }
        }
    }
    found.sort();
    found
}
