//! What came of each case, and the figures of all.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write as _;

/// What came of one edit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The kind of edit.
    pub(crate) kind: String,
    /// Whether the fingerprint is another one.
    pub(crate) is_new: bool,
    /// Whether the image is.
    pub(crate) changed: bool,
}

/// What came of one case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The Engine could not build it.
    Unbuildable,
    /// windlass refused it.
    Refused,
    /// Its edits.
    Tried(Vec<Verdict>),
}

/// Counts of one kind of edit.
#[derive(Debug, Default)]
struct Counts {
    edits: usize,
    changed: usize,
    needless: usize,
    missed: usize,
}

/// The outcomes of all cases, by seed, in memory and in a file where it is asked for: a line a case.
#[derive(Debug)]
pub(crate) struct Tally {
    outcomes: BTreeMap<usize, Outcome>,
    /// Cases that are being tried, with their number of edits.
    begun: BTreeMap<usize, usize>,
    next: usize,
    file: Option<File>,
    misses: Vec<String>,
}

impl Tally {
    /// Opens the file `WINDLASS_PROVE_ROUNDS`; cases that it tells of are not tried again.
    pub(crate) fn open(first: usize) -> Self {
        let path = std::env::var_os("WINDLASS_PROVE_ROUNDS");
        let text = path.as_ref().map(std::fs::read_to_string);
        let text = text.and_then(Result::ok).unwrap_or_default();
        let file = path.map(|path| {
            let mut options = OpenOptions::new();
            let opened = options.create(true).append(true).open(path);
            opened.expect("the file of the cases can be written")
        });
        let mut tally = Self {
            outcomes: BTreeMap::new(),
            begun: BTreeMap::new(),
            next: first,
            file,
            misses: Vec::new(),
        };
        for (seed, outcome) in text.lines().filter_map(parse) {
            tally.keep(seed, outcome);
        }
        tally
    }

    /// Returns the seed of the next case, and remembers that it is being tried.
    pub(crate) fn begin(&mut self, edits: usize) -> usize {
        while self.outcomes.contains_key(&self.next) {
            self.next += 1;
        }
        let seed = self.next;
        self.next += 1;
        self.begun.insert(seed, edits);
        seed
    }

    /// Notes what came of a case.
    pub(crate) fn note(&mut self, seed: usize, outcome: Outcome) {
        if let Some(file) = &mut self.file {
            writeln!(file, "{seed}\t{}", line(&outcome)).expect("the case is noted");
        }
        self.begun.remove(&seed);
        self.keep(seed, outcome);
        self.write_report();
    }

    fn keep(&mut self, seed: usize, outcome: Outcome) {
        if let Outcome::Tried(verdicts) = &outcome {
            let missed = verdicts.iter().filter(|it| it.changed && !it.is_new);
            self.misses
                .extend(missed.map(|it| format!("seed {seed}, {}", it.kind)));
        }
        self.outcomes.insert(seed, outcome);
    }

    /// Returns how many edits were tried, or are being tried.
    pub(crate) fn edits_begun(&self) -> usize {
        self.verdicts().count() + self.begun.values().sum::<usize>()
    }

    pub(crate) fn changed_images(&self) -> usize {
        self.verdicts().filter(|verdict| verdict.changed).count()
    }

    /// Returns the edits that changed the image and not the fingerprint.
    pub(crate) fn misses(&self) -> Vec<&str> {
        self.misses.iter().map(String::as_str).collect()
    }

    pub(crate) fn unbuildable(&self) -> usize {
        self.count(&Outcome::Unbuildable)
    }

    fn count(&self, wanted: &Outcome) -> usize {
        self.outcomes.values().filter(|it| *it == wanted).count()
    }

    fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.outcomes.values().flat_map(|outcome| match outcome {
            Outcome::Tried(verdicts) => verdicts.as_slice(),
            Outcome::Unbuildable | Outcome::Refused => &[],
        })
    }

    /// Writes the figures where they are asked for, so that a long run can be looked at.
    fn write_report(&self) {
        if let Some(path) = std::env::var_os("WINDLASS_PROVE_REPORT") {
            std::fs::write(path, self.to_string()).expect("the report can be written");
        }
    }
}

fn line(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Unbuildable => "unbuildable".to_owned(),
        Outcome::Refused => "refused".to_owned(),
        Outcome::Tried(verdicts) => {
            let words = verdicts.iter().map(|verdict| {
                let word = |is: bool, yes: &'static str| if is { yes } else { "same" };
                format!(
                    "{}:{}:{}",
                    verdict.kind,
                    word(verdict.is_new, "new"),
                    word(verdict.changed, "changed")
                )
            });
            words.collect::<Vec<_>>().join("\t")
        }
    }
}

fn parse(line: &str) -> Option<(usize, Outcome)> {
    let (seed, outcome) = line.split_once('\t')?;
    let outcome = match outcome {
        "unbuildable" => Outcome::Unbuildable,
        "refused" => Outcome::Refused,
        tried => Outcome::Tried(tried.split('\t').map(verdict).collect::<Option<_>>()?),
    };
    Some((seed.parse().ok()?, outcome))
}

fn verdict(word: &str) -> Option<Verdict> {
    let [kind, is_new, changed] = word.split(':').collect::<Vec<_>>().try_into().ok()?;
    Some(Verdict {
        kind: kind.to_owned(),
        is_new: is_new == "new",
        changed: changed == "changed",
    })
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: BTreeMap<&str, Counts> = BTreeMap::new();
        let mut all = Counts::default();
        for verdict in self.verdicts() {
            add(kinds.entry(&verdict.kind).or_default(), verdict);
            add(&mut all, verdict);
        }
        writeln!(
            f,
            "| edit | edits | image changed | missed | needless rebuild |"
        )?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: |")?;
        for (kind, counts) in &kinds {
            row(f, kind, counts)?;
        }
        row(f, "all", &all)?;
        writeln!(
            f,
            "\n{} cases could not be built and {} were refused; neither is counted.",
            self.unbuildable(),
            self.count(&Outcome::Refused)
        )?;
        for miss in &self.misses {
            writeln!(f, "MISSED {miss}")?;
        }
        Ok(())
    }
}

fn add(counts: &mut Counts, verdict: &Verdict) {
    let (is_new, changed) = (verdict.is_new, verdict.changed);
    counts.edits += 1;
    counts.changed += usize::from(changed);
    counts.needless += usize::from(is_new && !changed);
    counts.missed += usize::from(!is_new && changed);
}

fn row(f: &mut fmt::Formatter<'_>, kind: &str, counts: &Counts) -> fmt::Result {
    let Counts {
        edits,
        changed,
        needless,
        missed,
    } = counts;
    writeln!(
        f,
        "| {kind} | {edits} | {changed} | {missed} | {needless} |"
    )
}
