//! Waivers at work: which let findings pass, and what is to be said about them afterwards.

use std::collections::BTreeSet;

use windlass_core::diag::Location;
use windlass_core::finding::Finding;
use windlass_core::name::Day;
use windlass_core::node::suggest;

use crate::evaluate::{Counted, Found, Subjects};
use crate::force::{InForce, LoadedPack, Policies};
use crate::pack::Place;
use crate::pragma::{Tool, read_pragmas};
use crate::rules::{RULES, find};
use crate::waiver::{Refusal, SOON, Waiver};

/// All waivers of an evaluation, with what became of each.
pub(crate) struct Waivers {
    all: Vec<Tracked>,
    malformed: Vec<(Location, String)>,
    /// Rules that were asked about something that the waiver's scope holds.
    asked: BTreeSet<usize>,
}

struct Tracked {
    waiver: Waiver,
    used: bool,
    refused: Option<Refusal>,
}

impl Waivers {
    pub(crate) fn new(subjects: &Subjects, policies: &Policies) -> Self {
        let mut all = policies.waivers.clone();
        let mut malformed = Vec::new();
        // Images that share a Dockerfile share its comments.
        let mut seen = BTreeSet::new();
        for image in &subjects.images {
            if !seen.insert(image.dockerfile.source.name.as_str()) {
                continue;
            }
            let (pragmas, broken) = read_pragmas(&image.dockerfile);
            for pragma in &pragmas {
                all.extend(Waiver::of_pragma(pragma, &image.at(&pragma.span)));
            }
            malformed.extend(broken.into_iter().map(|it| (image.at(&it.span), it.why)));
        }
        let tracked = |waiver| Tracked {
            waiver,
            used: false,
            refused: None,
        };
        Self {
            all: all.into_iter().map(tracked).collect(),
            malformed,
            asked: BTreeSet::new(),
        }
    }

    /// Notes that a rule was asked about a place.
    pub(crate) fn asked(&mut self, rule: &str, place: &Place<'_>) {
        for (at, tracked) in self.all.iter().enumerate() {
            let waiver = &tracked.waiver;
            let scope = crate::pack::Scope {
                stage: None,
                ..waiver.scope.clone()
            };
            let file = waiver.bytes.as_ref().map(|it| it.0.as_str());
            let here = file.is_none_or(|file| place.path == Some(file));
            if waiver.rule == rule && here && scope.holds(place) {
                self.asked.insert(at);
            }
        }
    }

    /// Returns what lets a finding pass.
    pub(crate) fn waive(
        &mut self,
        found: &Found,
        force: &InForce<'_>,
        place: &Place<'_>,
        today: Day,
    ) -> Option<(String, Option<Day>)> {
        let mut by = None;
        for tracked in &mut self.all {
            let rule = &found.finding.rule;
            if !tracked.waiver.covers(rule, place, found.place.as_ref()) {
                continue;
            }
            match tracked.waiver.check(force, today) {
                Ok(()) => {
                    tracked.used = true;
                    by.get_or_insert_with(|| (tracked.waiver.shown(), tracked.waiver.expires));
                }
                Err(refusal) => tracked.refused = Some(refusal),
            }
        }
        by
    }

    /// Says what is to be said about the waivers themselves.
    pub(crate) fn finish(self, policies: &Policies) -> Vec<Counted> {
        let mut speaker = Speaker {
            policies,
            found: Vec::new(),
        };
        for (place, why) in &self.malformed {
            speaker.say(
                "waiver-malformed",
                Some(place),
                format!("the comment waives nothing: {why}"),
                "write: # windlass: allow RULE expires=2027-01-31 owner=\"team\" reason=\"why\"",
            );
        }
        for (at, tracked) in self.all.iter().enumerate() {
            speaker.tracked(tracked, self.asked.contains(&at));
        }
        speaker.found
    }
}

struct Speaker<'a> {
    policies: &'a Policies,
    found: Vec<Counted>,
}

impl Speaker<'_> {
    fn say(&mut self, id: &str, place: Option<&Location>, message: String, help: &str) {
        let Some(rule) = find(id) else {
            return;
        };
        let scope = Place {
            path: place.map(|it| it.source.name.as_str()),
            environment: self.policies.environment.as_deref(),
            ..Place::default()
        };
        // What two mandatory packs say of one thing is said once, the stricter way.
        let force = self.policies.in_force(rule, &scope);
        let Some(level) = force.iter().map(|it| it.level).min() else {
            return;
        };
        let mut finding = Finding::new(id, level, message);
        finding.help = Some(help.to_owned());
        if let Some(place) = place {
            finding = finding.at(place);
        }
        let subject = place
            .map_or("waiver", |it| it.source.name.as_str())
            .to_owned();
        self.found.push((
            subject,
            Found {
                finding,
                place: place.cloned(),
                labels: Vec::new(),
                fix: None,
                is_mandatory: force.iter().any(|it| it.is_mandatory),
                waived_until: None,
            },
        ));
    }

    fn tracked(&mut self, tracked: &Tracked, asked: bool) {
        let Tracked {
            waiver,
            used,
            refused,
        } = tracked;
        let place = waiver.place.as_ref();
        let rule = &waiver.rule;
        if waiver.tool != Tool::Windlass {
            self.foreign(waiver);
            return;
        }
        if !self.is_known(rule) {
            let packs = self.policies.packs.iter();
            let own: Vec<String> = packs.flat_map(LoadedPack::own_rules).collect();
            let known = RULES.iter().map(|it| it.id);
            let ids: Vec<&str> = known.chain(own.iter().map(String::as_str)).collect();
            let help = suggest::hint(rule, &ids)
                .unwrap_or_else(|| "`windlass policy list` names the rules in force".to_owned());
            let message = format!("the waiver waives nothing: there is no rule `{rule}`");
            self.say("waiver-malformed", place, message, &help);
            return;
        }
        if let Some(refusal) = refused {
            self.refused(waiver, refusal);
            return;
        }
        let today = self.policies.today;
        let left = waiver.expires.map(|day| day.number() - today.number());
        match (used, left) {
            (_, Some(left)) if left < 0 => self.expired(waiver),
            (true, Some(left)) if left <= SOON => self.say(
                "waiver-expires-soon",
                place,
                format!(
                    "the waiver of `{rule}` ends in {left} days; then the finding counts again"
                ),
                "put right what it waives, or have it prolonged",
            ),
            (false, _) if asked && self.counts_unused(waiver) => self.say(
                "waiver-unused",
                place,
                format!("the waiver of `{rule}` waives nothing"),
                "remove it",
            ),
            _ => {}
        }
    }

    /// Where only a part is asked about, what is elsewhere may need the waiver.
    fn counts_unused(&self, waiver: &Waiver) -> bool {
        self.policies.is_whole || waiver.bytes.is_some()
    }

    fn expired(&mut self, waiver: &Waiver) {
        let day = waiver.expires.map_or(String::new(), |day| day.to_string());
        self.say(
            "waiver-expired",
            waiver.place.as_ref(),
            format!("the waiver of `{}` ended on {day}", waiver.rule),
            "put right what it waived, or have it prolonged",
        );
    }

    fn refused(&mut self, waiver: &Waiver, refusal: &Refusal) {
        let rule = &waiver.rule;
        let place = waiver.place.as_ref();
        match refusal {
            Refusal::Expired(_) => self.expired(waiver),
            Refusal::TooLong(days) => self.say(
                "waiver-refused",
                place,
                format!(
                    "the waiver of `{rule}` does not count: it ends more than {days} days from now"
                ),
                "let it end earlier, and prolong it then",
            ),
            Refusal::NotWaivable(pack) => self.say(
                "waiver-refused",
                place,
                format!(
                    "the waiver of `{rule}` does not count: pack `{pack}` does not let it be waived"
                ),
                "put right what it should waive, or ask the owners of the pack",
            ),
        }
    }

    fn foreign(&mut self, waiver: &Waiver) {
        let rule = &waiver.rule;
        self.say(
            "pragma-foreign",
            waiver.place.as_ref(),
            format!(
                "a comment for {} waives `{rule}` without an end",
                waiver.tool.as_str()
            ),
            &format!(
                "write: # windlass: allow {rule} expires=2027-01-31 owner=\"team\" reason=\"why\""
            ),
        );
    }

    /// A rule of a pack is known where the pack is loaded; a linter that loads none cannot tell.
    fn is_known(&self, rule: &str) -> bool {
        match rule.split_once('/') {
            None => find(rule).is_some(),
            Some((pack, slug)) => {
                let packs = &self.policies.packs;
                let has_rule =
                    |it: &LoadedPack| it.rego.as_ref().is_some_and(|it| it.has_rule(slug));
                let mut named = packs.iter().filter(|it| it.pack.name.value == pack);
                packs.is_empty() || named.any(has_rule)
            }
        }
    }
}
