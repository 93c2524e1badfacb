//! The figures of a run.

use std::collections::BTreeMap;
use std::fmt;

/// What came of one edit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Verdict {
    /// Whether the fingerprint is another one.
    pub(crate) is_new: bool,
    /// Whether the image is.
    pub(crate) changed: bool,
}

/// Counts of one kind of edit.
#[derive(Debug, Default)]
struct Counts {
    edits: usize,
    changed: usize,
    needless: usize,
    missed: usize,
}

/// Counts of all edits.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    kinds: BTreeMap<&'static str, Counts>,
    /// Cases that the Engine could not build.
    pub(crate) unbuildable: usize,
    /// Cases that windlass refused.
    pub(crate) refused: usize,
    /// The edits that changed the image and not the fingerprint.
    pub(crate) misses: Vec<String>,
}

impl Tally {
    pub(crate) fn count(&mut self, kind: &'static str, verdict: Verdict) {
        let counts = self.kinds.entry(kind).or_default();
        counts.edits += 1;
        counts.changed += usize::from(verdict.changed);
        counts.needless += usize::from(verdict.is_new && !verdict.changed);
        counts.missed += usize::from(!verdict.is_new && verdict.changed);
    }

    pub(crate) fn edits(&self) -> usize {
        self.kinds.values().map(|counts| counts.edits).sum()
    }

    pub(crate) fn changed_images(&self) -> usize {
        self.kinds.values().map(|counts| counts.changed).sum()
    }

    /// Writes the figures where they are asked for, so that a long run can be looked at.
    pub(crate) fn write_report(&self) {
        if let Some(path) = std::env::var_os("WINDLASS_PROVE_REPORT") {
            std::fs::write(path, self.to_string()).expect("the report can be written");
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| edit | edits | image changed | missed | needless rebuild |"
        )?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: |")?;
        let mut all = Counts::default();
        for (kind, counts) in &self.kinds {
            row(f, kind, counts)?;
            all.edits += counts.edits;
            all.changed += counts.changed;
            all.needless += counts.needless;
            all.missed += counts.missed;
        }
        row(f, "all", &all)?;
        writeln!(
            f,
            "\n{} cases could not be built and {} were refused; neither is counted.",
            self.unbuildable, self.refused
        )?;
        for miss in &self.misses {
            writeln!(f, "\nMISSED {miss}")?;
        }
        Ok(())
    }
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
