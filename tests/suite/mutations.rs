//! Mutated Dockerfiles of the corpus are read without a panic, and every place lies in the text.
//!
//! The mutations are the same in every run; `WINDLASS_MUTATIONS` is how many are tried.

use std::collections::BTreeMap;
use std::ops::Range;

use windlass_core::diag::Source;
use windlass_core::dockerfile::graph::{BaseConfig, GraphQuery, resolve};
use windlass_core::dockerfile::{Body, Instruction, Word, parse};
use windlass_core::name::Platform;
use windlass_core::shell::{Text, package_call, read, scripts};
use windlass_tests::differences::corpus_dockerfiles;

/// What makes trouble when it stands in the wrong place.
const PIECES: &[&str] = &[
    "\\\n",
    "\\",
    "\n",
    "\r\n",
    "<<EOF",
    "<<-'A'",
    "EOF\n",
    "\"",
    "'",
    "`",
    "$(",
    "${",
    "}",
    "${A:-",
    "${A##",
    "${A//",
    "$((",
    "))",
    "[\"",
    "\"]",
    "[",
    "]",
    "FROM ",
    "RUN ",
    "ONBUILD ",
    "COPY --from=",
    "HEALTHCHECK CMD ",
    "# escape=`\n",
    "# syntax=",
    "# x\n",
    "\u{feff}",
    "\u{e9}",
    "\u{1f680}",
    "\u{a0}",
    "case x in ",
    "esac",
    "if ",
    "fi",
    "do ",
    "done",
    "() {",
    "(",
    ")",
    "|",
    "&&",
    ";",
    ";;",
    "&",
    ">",
    "--mount=from=,type=",
    "=",
    "\t",
    " ",
];

#[test]
fn mutated_files_are_read_without_a_panic() {
    let wanted = std::env::var("WINDLASS_MUTATIONS").ok();
    let count: u64 = wanted.and_then(|it| it.parse().ok()).unwrap_or(3_000);
    let corpus = corpus_dockerfiles();
    let mut chance = Chance(0x9e37_79b9_7f4a_7c15);
    for _ in 0..count {
        let mut text = pick(&corpus, &mut chance).1.clone();
        for _ in 0..=chance.below(4) {
            mutate(&mut text, &corpus, &mut chance);
        }
        examine(&text);
    }
}

/// A generator of numbers that needs no seed from outside (xorshift).
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % (limit.max(1) as u64)).unwrap_or(0)
    }
}

fn pick<'a, T>(from: &'a [T], chance: &mut Chance) -> &'a T {
    &from[chance.below(from.len())]
}

fn place(text: &str, chance: &mut Chance) -> usize {
    let mut at = chance.below(text.len() + 1);
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn part(text: &str, chance: &mut Chance) -> Range<usize> {
    let (a, b) = (place(text, chance), place(text, chance));
    a.min(b)..a.max(b)
}

fn mutate(text: &mut String, corpus: &[(String, String)], chance: &mut Chance) {
    let at = place(text, chance);
    match chance.below(5) {
        0 => text.insert_str(at, PIECES[chance.below(PIECES.len())]),
        1 => {
            let range = part(text, chance);
            text.replace_range(range, "");
        }
        2 => {
            let copied = text[part(text, chance)].to_owned();
            text.insert_str(at, &copied);
        }
        3 => {
            let other = &pick(corpus, chance).1;
            let copied = &other[part(other, chance)];
            text.insert_str(at, copied);
        }
        _ => {
            let end = text[at..].chars().next().map_or(at, |c| at + c.len_utf8());
            text.replace_range(at..end, PIECES[chance.below(PIECES.len())]);
        }
    }
}

fn examine(text: &str) {
    let inside = |span: &Range<usize>| {
        assert!(text.get(span.clone()).is_some(), "{span:?} in {text:?}");
    };
    let (dockerfile, problems) = parse(&Source::new("Dockerfile", text));
    for label in problems.iter().flat_map(|it| &it.labels) {
        inside(&label.location.span);
    }
    for instruction in &dockerfile.instructions {
        for word in words(instruction) {
            inside(&word.span);
        }
        for heredoc in &instruction.heredocs {
            inside(&heredoc.opener);
            inside(&heredoc.span);
        }
    }
    let platform = Platform::default();
    let graph = resolve(
        &dockerfile,
        &GraphQuery {
            args: &BTreeMap::new(),
            stage: None,
            platform: &platform,
            bases: &|_| BaseConfig::default(),
        },
    );
    assert_eq!(graph.stages.len(), dockerfile.stages.len());
    for (index, instruction) in dockerfile.instructions.iter().enumerate() {
        let state = graph.before(&dockerfile, index);
        for script in scripts(&dockerfile, instruction, state) {
            for command in &script.commands {
                inside(&command.span);
                package_call(command);
                for word in &command.words {
                    inside(&word.span);
                }
            }
        }
    }
    read(&Text::at(text, 0), &[]);
}

fn words(instruction: &Instruction) -> Vec<Word> {
    match &instruction.body {
        Body::Assignments(found) => {
            let values = found.iter().filter_map(|it| it.value.clone());
            found
                .iter()
                .map(|it| it.name.clone())
                .chain(values)
                .collect()
        }
        Body::Command(it) | Body::Healthcheck(Some(it)) => it
            .exec()
            .map_or_else(|| vec![it.text.clone()], <[Word]>::to_vec),
        Body::Transfer(it) => it.sources.iter().chain([&it.target]).cloned().collect(),
        Body::Words(words) => words.clone(),
        Body::Text(word) => vec![word.clone()],
        Body::Onbuild(inner) => words(inner),
        Body::From | Body::Healthcheck(None) | Body::Unknown => Vec::new(),
    }
}
