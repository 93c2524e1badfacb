//! What is in force: which packs speak of a rule, and what they come to for one subject.

use std::collections::BTreeSet;
use std::sync::Arc;

use windlass_core::finding::Level;
use windlass_core::name::{Day, Digest};

use crate::hit::Parameters;
use crate::pack::{Pack, PackRule, Place};
use crate::rego::RegoPack;
use crate::rule::{Profile, Rule};
use crate::waiver::Waiver;

/// Everything that decides about rules.
#[derive(Debug, Clone)]
pub struct Policies {
    /// The built-in rules that are asked where no pack says otherwise.
    pub profile: Profile,
    /// The packs, those of the workspace in the order of the manifest, mandatory ones in the order of the command line.
    pub packs: Vec<LoadedPack>,
    /// Waivers of the manifest.
    pub waivers: Vec<Waiver>,
    /// Rules that `--approve-policy` names.
    pub approved: BTreeSet<String>,
    /// The day of the evaluation, UTC.
    pub today: Day,
    /// The selected environment.
    pub environment: Option<String>,
    /// Whether all that the manifest holds is asked about, so that a waiver without a finding is not needed.
    pub is_whole: bool,
}

/// A pack, and how it came here.
#[derive(Debug, Clone)]
pub struct LoadedPack {
    /// What it says.
    pub pack: Pack,
    /// Whether it comes from outside and has the last word.
    pub is_mandatory: bool,
    /// How it was named.
    pub reference: String,
    /// SHA-256 of all its files.
    pub digest: Digest,
    /// Its rules in Rego.
    pub rego: Option<Arc<RegoPack>>,
}

impl LoadedPack {
    /// Returns the ids of the rules that it brings itself.
    pub(crate) fn own_rules(&self) -> Vec<String> {
        let name = &self.pack.name.value;
        let rego = self.rego.iter();
        rego.flat_map(|it| it.slugs().map(|slug| format!("{name}/{slug}")))
            .collect()
    }
}

impl Policies {
    /// The rules of a profile, and nothing else.
    pub fn new(profile: Profile, today: Day) -> Self {
        Self {
            profile,
            packs: Vec::new(),
            waivers: Vec::new(),
            approved: BTreeSet::new(),
            today,
            environment: None,
            is_whole: false,
        }
    }

    /// Returns what is in force of a built-in rule for a subject: what the workspace comes to, or, where mandatory packs speak of
    /// the rule, one for each of these. Empty where the rule is off.
    pub fn in_force(&self, rule: &Rule, place: &Place<'_>) -> Vec<InForce<'_>> {
        let catalogue = switched_on(rule.level);
        let mandatory: Vec<InForce<'_>> = self
            .packs
            .iter()
            .filter(|it| it.is_mandatory)
            .filter_map(|loaded| self.fold(rule.id, catalogue, Some(loaded), place))
            .collect();
        let mut all = if mandatory.is_empty() {
            let start = InForce::workspace(rule.level_in(self.profile));
            vec![self.fold_workspace(rule.id, catalogue, start, place)]
        } else {
            mandatory
        };
        all.retain(|it| it.level != Level::Off);
        all
    }

    /// Returns what is in force of a rule that a pack brings itself, such as `org/non-root`.
    pub fn in_force_custom(
        &self,
        pack: &str,
        id: &str,
        level: Level,
        place: &Place<'_>,
    ) -> Option<InForce<'_>> {
        let loaded = self.packs.iter().find(|it| it.pack.name.value == pack)?;
        let start = || InForce {
            level,
            pack: Some(&loaded.pack),
            is_mandatory: loaded.is_mandatory,
            is_waivable: !loaded.is_mandatory,
            ..InForce::workspace(level)
        };
        let found = self
            .fold(id, level, Some(loaded), place)
            .unwrap_or_else(start);
        (found.level != Level::Off).then_some(found)
    }

    /// Puts together what one pack says; `None` where it says nothing about this subject.
    fn fold<'a>(
        &'a self,
        id: &str,
        catalogue: Level,
        loaded: Option<&'a LoadedPack>,
        place: &Place<'_>,
    ) -> Option<InForce<'a>> {
        let loaded = loaded?;
        let mut found: Option<InForce<'a>> = None;
        for said in matching(&loaded.pack, id, place) {
            let start = InForce {
                level: catalogue,
                pack: Some(&loaded.pack),
                is_mandatory: loaded.is_mandatory,
                is_waivable: !loaded.is_mandatory,
                ..InForce::workspace(catalogue)
            };
            found = Some(found.take().unwrap_or(start).with(said, catalogue));
        }
        found.map(|it| it.on(self.today))
    }

    fn fold_workspace<'a>(
        &'a self,
        id: &str,
        catalogue: Level,
        start: InForce<'a>,
        place: &Place<'_>,
    ) -> InForce<'a> {
        let mut found = start;
        for loaded in self.packs.iter().filter(|it| !it.is_mandatory) {
            for said in matching(&loaded.pack, id, place) {
                found = found.with(said, catalogue);
                found.pack = Some(&loaded.pack);
            }
        }
        found.on(self.today)
    }
}

/// A rule that a pack names is asked, also one that is off by default.
fn switched_on(level: Level) -> Level {
    if level == Level::Off {
        Level::Info
    } else {
        level
    }
}

fn matching<'a>(pack: &'a Pack, id: &str, place: &Place<'_>) -> impl Iterator<Item = &'a PackRule> {
    pack.rules
        .iter()
        .filter(move |rule| rule.id.value == id && rule.scope.holds(place))
}

/// What is in force of a rule for one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct InForce<'a> {
    /// The level.
    pub level: Level,
    /// What packs set.
    pub parameters: Parameters,
    /// The pack that had the last word.
    pub pack: Option<&'a Pack>,
    /// Whether that pack is mandatory.
    pub is_mandatory: bool,
    /// Whether waivers count.
    pub is_waivable: bool,
    /// How many days ahead a waiver may end.
    pub max_waiver_days: Option<u32>,
    /// The day from which it denies, where that is still to come.
    pub denies_from: Option<Day>,
}

/// How far ahead a waiver of a mandatory rule may end where the pack does not say.
const MANDATORY_WAIVER_DAYS: u32 = 365;

impl<'a> InForce<'a> {
    /// What cannot be evaluated denies, and nothing lets it pass.
    pub(crate) fn failure(pack: &'a Pack, is_mandatory: bool) -> Self {
        Self {
            pack: Some(pack),
            is_mandatory,
            is_waivable: false,
            ..Self::workspace(Level::Deny)
        }
    }

    fn workspace(level: Level) -> Self {
        Self {
            level,
            parameters: Parameters::default(),
            pack: None,
            is_mandatory: false,
            is_waivable: true,
            max_waiver_days: None,
            denies_from: None,
        }
    }

    /// Adds what a pack says: the later word wins, setting by setting.
    fn with(mut self, said: &'a PackRule, catalogue: Level) -> Self {
        self.level = match (said.level, self.level) {
            (None, Level::Off) => catalogue,
            (Some(level), _) | (None, level) => level,
        };
        for (name, values) in &said.parameters.0 {
            self.parameters.0.insert(name.clone(), values.clone());
        }
        self.is_waivable = said.waivable.unwrap_or(self.is_waivable);
        self.max_waiver_days = said.max_waiver_days.or(self.max_waiver_days);
        self.denies_from = said.effective_from.or(self.denies_from);
        self
    }

    fn on(mut self, today: Day) -> Self {
        self.denies_from = self.denies_from.filter(|day| *day > today);
        if self.denies_from.is_some() && self.level.denies() {
            self.level = Level::Warn;
        }
        if self.is_mandatory && self.max_waiver_days.is_none() {
            self.max_waiver_days = Some(MANDATORY_WAIVER_DAYS);
        }
        self
    }
}
