//! The rounds of a proof: played side by side, and each counted once, over several runs where a file remembers them.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::harbour::{Chance, number, report};

/// One of the players that share the rounds of a proof.
pub(crate) trait Player {
    /// Sets up what its rounds stand on; `player` tells it from the others.
    fn start(player: usize) -> Self;

    /// Plays a round; returns what came of it, in words that are counted. Fails where the proof does.
    fn play(&mut self, round: usize, chance: &mut Chance) -> Vec<&'static str>;
}

/// Plays so many rounds, as many at a time as `WINDLASS_PROVE_JOBS` says, and reports how often each of `words` came of one.
///
/// Rounds that the file `WINDLASS_PROVE_ROUNDS` tells of are not played again.
pub(crate) fn prove<P: Player>(what: &str, rounds: usize, words: &[&'static str]) {
    let record = Record::open(words);
    let played = record.lock().outcomes.clone();
    let left = (0..rounds).filter(|round| !played.contains_key(round));
    let left = Mutex::new(left.collect::<VecDeque<usize>>());
    let jobs = number("WINDLASS_PROVE_JOBS").unwrap_or(1);
    std::thread::scope(|scope| {
        let players: Vec<_> = (0..jobs.max(1))
            .map(|player| {
                let (record, left) = (&record, &left);
                scope.spawn(move || play_all::<P>(player, left, record))
            })
            .collect();
        for player in players {
            if let Err(panic) = player.join() {
                std::panic::resume_unwind(panic);
            }
        }
    });
    let mut figures = vec![(what, rounds.to_string())];
    let outcomes = &record.lock().outcomes;
    for word in words {
        let count = outcomes.values().flatten().filter(|it| *it == word).count();
        figures.push((word, count.to_string()));
    }
    report(&figures);
}

fn play_all<P: Player>(player: usize, left: &Mutex<VecDeque<usize>>, record: &Record) {
    // A round that fails ends the proof: the others play no further ones.
    let _end = EndOnPanic(left);
    let mut own = P::start(player);
    loop {
        let Some(round) = lock(left).pop_front() else {
            return;
        };
        let outcome = own.play(round, &mut Chance::of_round(round));
        record.lock().note(round, outcome);
    }
}

struct EndOnPanic<'a>(&'a Mutex<VecDeque<usize>>);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            lock(self.0).clear();
        }
    }
}

/// What came of each round, in memory and, where it is asked for, in a file: a line a round, words apart by tabulators.
struct Record(Mutex<Outcomes>);

struct Outcomes {
    outcomes: BTreeMap<usize, Vec<&'static str>>,
    file: Option<File>,
}

impl Record {
    fn open(words: &[&'static str]) -> Self {
        let path = std::env::var_os("WINDLASS_PROVE_ROUNDS");
        let text = path.as_ref().map(std::fs::read_to_string);
        let text = text.and_then(Result::ok).unwrap_or_default();
        let file = path.map(|path| {
            let mut options = OpenOptions::new();
            let opened = options.create(true).append(true).open(path);
            opened.expect("the file of the rounds can be written")
        });
        let outcomes = text.lines().filter_map(|line| parse(line, words)).collect();
        Self(Mutex::new(Outcomes { outcomes, file }))
    }

    fn lock(&self) -> MutexGuard<'_, Outcomes> {
        lock(&self.0)
    }
}

impl Outcomes {
    fn note(&mut self, round: usize, outcome: Vec<&'static str>) {
        if let Some(file) = &mut self.file {
            writeln!(file, "{round}\t{}", outcome.join("\t")).expect("the round is noted");
        }
        self.outcomes.insert(round, outcome);
    }
}

/// A line that is cut, or of another version of the proof, is no round.
fn parse(line: &str, words: &[&'static str]) -> Option<(usize, Vec<&'static str>)> {
    let (round, outcome) = line.split_once('\t')?;
    let known = |word| words.iter().find(|known| **known == word).copied();
    let outcome: Option<Vec<_>> = outcome.split('\t').map(known).collect();
    Some((round.parse().ok()?, outcome?))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
