//! What rules need beyond the reads of every plan: which of it is wanted, and what became of it.

use std::collections::BTreeMap;

use windlass_core::name::{Digest, RepositoryKey};
use windlass_core::observed::{
    self, JudgedFacts, JudgedReads, ObservedLifecycle, RepositoryFacts, ScanReport,
};
use windlass_core::plan::{JudgedRecord, JudgedTag, JudgedValue, PolicyRecord, RepositoryAction};

use super::plan::fill;
use super::{Fact, Held, RepositorySubject};
use crate::evaluate::{Run, Subjects};
use crate::force::Policies;
use crate::rule::Read;
use crate::rules::RULES;

/// Why a fact is not known that a saved plan does not hold.
pub(super) const NOT_SAVED: &str = "the plan does not hold it; make one with this policy";

impl Subjects {
    /// Returns what the rules in force want to be read beyond what the plan read.
    pub fn reads(&self, policies: &Policies) -> JudgedReads {
        let mut wanted = JudgedReads::default();
        for repository in &self.repositories {
            // What is made or deleted has nothing to be read; what could not be read will not be now.
            let is_there = matches!(
                repository.action,
                Some(RepositoryAction::None | RepositoryAction::Update | RepositoryAction::Blocked)
            );
            let place = Run::place_of_repository(repository, policies);
            for rule in RULES.iter().filter(|it| !it.reads.is_empty()) {
                if policies.in_force(rule, &place).is_empty() {
                    continue;
                }
                for read in rule.reads {
                    repository.want(*read, is_there, &mut wanted);
                }
            }
        }
        wanted
    }

    /// Returns which reads rules in force may want of which repository, and whether a rule can do nothing without it.
    pub fn reads_in_force(&self, policies: &Policies) -> BTreeMap<(RepositoryKey, Read), bool> {
        let mut found: BTreeMap<(RepositoryKey, Read), bool> = BTreeMap::new();
        for repository in &self.repositories {
            let place = Run::place_of_repository(repository, policies);
            for rule in RULES.iter().filter(|it| !it.reads.is_empty()) {
                if policies.in_force(rule, &place).is_empty() {
                    continue;
                }
                for read in rule.reads {
                    // What scans by itself needs no registry that does.
                    if *read == Read::Scanning && repository.scan_on_push.known() == Some(&true) {
                        continue;
                    }
                    let decides = found.entry((repository.key.clone(), *read)).or_default();
                    *decides |= rule.reads_more;
                }
            }
        }
        found
    }

    /// Adds what was read. What was wanted and is not among it is not known.
    pub fn add_judged(&mut self, wanted: &JudgedReads, facts: &JudgedFacts) {
        for repository in &mut self.repositories {
            repository.add_judged(wanted, facts);
        }
    }

    /// Returns what was read, to be asked about again when the plan is applied.
    pub fn judged(&self) -> BTreeMap<String, JudgedRecord> {
        let records = self.repositories.iter();
        let records = records.map(|it| (it.address.clone(), it.record()));
        records
            .filter(|(_, it)| *it != JudgedRecord::default())
            .collect()
    }
}

impl RepositorySubject {
    fn want(&self, read: Read, is_there: bool, wanted: &mut JudgedReads) {
        let open = |is_unmanaged: bool| is_there && is_unmanaged;
        let key = &self.key;
        match read {
            Read::Lifecycle if open(matches!(self.lifecycle, Fact::Unmanaged)) => {
                wanted.lifecycle.insert(key.clone());
            }
            Read::Access if open(matches!(self.access, Fact::Unmanaged)) => {
                wanted.access.insert(key.clone());
            }
            Read::ResourceTags if is_there => {
                wanted.resource_tags.insert(key.clone());
            }
            // A repository that scans by itself needs nobody else to.
            Read::Scanning if self.scan_on_push.known() == Some(&false) => {
                wanted.scanning.insert(key.registry.clone());
            }
            Read::Sizes => {
                for (held, before) in self.held() {
                    wanted.sizes.insert((held.key.clone(), held.digest.clone()));
                    wanted.sizes.extend(before.map(|it| (key.clone(), it)));
                }
            }
            Read::Scans => {
                let images = self.held();
                let images = images.map(|(held, _)| (held.key.clone(), held.digest.clone()));
                wanted.scans.extend(images);
            }
            Read::Lifecycle | Read::Access | Read::ResourceTags | Read::Scanning => {}
        }
    }

    /// The images that are under wanted tags after the plan, with what was there before where that is another one.
    fn held(&self) -> impl Iterator<Item = (&Held, Option<Digest>)> {
        self.wanted_tags.iter().filter_map(|(_, tag)| {
            let held = tag.held.as_ref()?;
            let before = tag.from_digest.clone().filter(|it| *it != held.digest);
            Some((held, before))
        })
    }

    /// Takes over settings that were read.
    pub(super) fn add_facts(&mut self, facts: &RepositoryFacts) {
        match &facts.lifecycle {
            Some(observed::Fact::Known(ObservedLifecycle::Rules(rules))) => {
                fill(&mut self.lifecycle, Some(rules.clone()));
            }
            Some(observed::Fact::Known(ObservedLifecycle::Foreign(_))) => {
                self.foreign_lifecycle = matches!(self.lifecycle, Fact::Unmanaged);
            }
            Some(observed::Fact::Unknown(why)) => {
                let unmanaged = matches!(self.lifecycle, Fact::Unmanaged);
                if unmanaged {
                    self.lifecycle = Fact::Unknown(why.to_string());
                }
            }
            Some(observed::Fact::Absent) | None => {}
        }
        match &facts.access {
            Some(observed::Fact::Known(policy)) => fill(&mut self.access, Some(policy.clone())),
            Some(observed::Fact::Unknown(why)) => self.access_unread(why.to_string()),
            Some(observed::Fact::Absent) | None => {}
        }
    }

    fn access_unread(&mut self, why: String) {
        if matches!(self.access, Fact::Unmanaged) {
            self.access = Fact::Unknown(why);
        }
    }

    fn add_judged(&mut self, wanted: &JudgedReads, facts: &JudgedFacts) {
        let read = facts.repositories.get(&self.key);
        if wanted.resource_tags.contains(&self.key) {
            self.all_resource_tags = match read {
                Some(observed::Fact::Known(it)) => {
                    taken(it.resource_tags.as_ref(), BTreeMap::clone)
                }
                other => taken(other, |_| BTreeMap::new()),
            };
            if let Fact::Known(tags, _) = &mut self.all_resource_tags {
                tags.extend(self.resource_tags.clone());
            }
        }
        if wanted.lifecycle.contains(&self.key) {
            match read {
                Some(observed::Fact::Known(it)) => self.add_facts(it),
                other => self.lifecycle = taken(other, |_| Vec::new()),
            }
        }
        if wanted.access.contains(&self.key) {
            match read {
                Some(observed::Fact::Known(it)) => self.add_facts(it),
                Some(observed::Fact::Unknown(why)) => self.access_unread(why.to_string()),
                Some(observed::Fact::Absent) | None => {}
            }
            // What was asked for and is not among the answers is not known.
            self.access_unread("it was not read".to_owned());
        }
        if wanted.scanning.contains(&self.key.registry) {
            let found = facts.scanning.get(&self.key.registry);
            let name = self.key.repository.as_str();
            self.registry_scans = taken(found, |it| it.selects(name));
        }
        for (_, tag) in &mut self.wanted_tags {
            let before = tag.from_digest.clone();
            if let Some(held) = &mut tag.held {
                let before = before.filter(|it| *it != held.digest);
                held.add_judged(before.map(|it| (self.key.clone(), it)), wanted, facts);
            }
        }
    }

    fn record(&self) -> JudgedRecord {
        let tags = self.wanted_tags.iter().filter_map(|(_, tag)| {
            let held = tag.held.as_ref()?;
            let record = JudgedTag {
                bytes: saved(&held.bytes),
                bytes_before: saved(&held.bytes_before),
                scan: saved(&held.scan),
            };
            (record != JudgedTag::default()).then(|| (tag.tag.clone(), record))
        });
        JudgedRecord {
            foreign_lifecycle: self.foreign_lifecycle,
            registry_scans: saved(&self.registry_scans),
            resource_tags: saved(&self.all_resource_tags),
            tags: tags.collect(),
        }
    }

    /// Takes over what a saved plan holds of it. What it does not hold was not asked when it was made, and is not known now.
    pub(super) fn with_judged(mut self, policy: &PolicyRecord) -> Self {
        let record = policy.judged.get(&self.address).cloned();
        let record = record.unwrap_or_default();
        self.foreign_lifecycle = record.foreign_lifecycle;
        if self.action == Some(RepositoryAction::Create) {
            self.all_resource_tags = Fact::Known(self.resource_tags.clone(), None);
        }
        restore(&mut self.registry_scans, record.registry_scans);
        restore(&mut self.all_resource_tags, record.resource_tags);
        for (_, tag) in &mut self.wanted_tags {
            let Some(held) = &mut tag.held else {
                continue;
            };
            let saved = record.tags.get(&tag.tag).cloned().unwrap_or_default();
            held.bytes = Fact::Unknown(NOT_SAVED.to_owned());
            held.scan = Fact::Unknown(NOT_SAVED.to_owned());
            restore(&mut held.bytes, saved.bytes);
            restore(&mut held.bytes_before, saved.bytes_before);
            restore(&mut held.scan, saved.scan);
        }
        self
    }
}

impl Held {
    fn add_judged(
        &mut self,
        before: Option<(RepositoryKey, Digest)>,
        wanted: &JudgedReads,
        facts: &JudgedFacts,
    ) {
        let image = (self.key.clone(), self.digest.clone());
        if wanted.sizes.contains(&image) {
            self.bytes = size(facts, &image);
            if let Some(before) = before {
                self.bytes_before = size(facts, &before);
            }
        }
        if wanted.scans.contains(&image) {
            let found = facts.scans.get(&image);
            self.scan = taken(found, |it: &ScanReport| Some(it.clone()));
        }
    }
}

/// An image that is not there any more has no size that could be judged.
fn size(facts: &JudgedFacts, image: &(RepositoryKey, Digest)) -> Fact<u64> {
    match facts.sizes.get(image) {
        Some(observed::Fact::Absent) => Fact::Unknown("the image is not there".to_owned()),
        found => taken(found, |it| *it),
    }
}

/// What was found under something that was wanted; what is not there is the empty value.
fn taken<T, U: Default>(found: Option<&observed::Fact<T>>, of: impl FnOnce(&T) -> U) -> Fact<U> {
    match found {
        Some(observed::Fact::Known(value)) => Fact::Known(of(value), None),
        Some(observed::Fact::Absent) => Fact::Known(U::default(), None),
        Some(observed::Fact::Unknown(why)) => Fact::Unknown(why.to_string()),
        None => Fact::Unknown("it was not read".to_owned()),
    }
}

fn saved<T: Clone>(fact: &Fact<T>) -> Option<JudgedValue<T>> {
    match fact {
        Fact::Known(value, _) => Some(JudgedValue::Known(value.clone())),
        Fact::Unknown(why) => Some(JudgedValue::Unread(why.clone())),
        Fact::Unmanaged => None,
    }
}

fn restore<T>(fact: &mut Fact<T>, saved: Option<JudgedValue<T>>) {
    match saved {
        Some(JudgedValue::Known(value)) => *fact = Fact::Known(value, None),
        Some(JudgedValue::Unread(why)) => *fact = Fact::Unknown(why),
        None => {}
    }
}
