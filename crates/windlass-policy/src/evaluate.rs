//! Asking the rules: which are asked about what, at which level, and what is left of their findings.

use std::collections::BTreeMap;

use windlass_core::diag::{Label, Location};
use windlass_core::finding::{Finding, Level, finding_id};
use windlass_core::name::Day;

use crate::force::{InForce, Policies};
use crate::hit::{Fix, Hit, Hits};
use crate::pack::Place;
use crate::rendered::point_at_pattern;
use crate::rule::{Check, Rule};
use crate::rules::RULES;
use crate::subject::{ImageSubject, RepositorySubject};
use crate::waive::Waivers;

/// A finding with what only people and fixes need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The finding as it is written.
    pub finding: Finding,
    /// The place in its text.
    pub place: Option<Location>,
    /// Further places.
    pub labels: Vec<Label>,
    /// The edit that puts it right.
    pub fix: Option<Fix>,
    /// Whether a mandatory pack asked.
    pub is_mandatory: bool,
    /// The last day of the waiver that lets it pass.
    pub waived_until: Option<Day>,
}

/// Everything that is asked about.
#[derive(Debug, Clone, Default)]
pub struct Subjects {
    /// Dockerfiles.
    pub images: Vec<ImageSubject>,
    /// Repositories.
    pub repositories: Vec<RepositorySubject>,
    /// The document of the plan, where there is one.
    pub plan: Option<serde_json::Value>,
}

/// Asks all rules in force about all subjects. The findings are sorted, each with its id; waived ones are among them.
pub fn evaluate(subjects: &Subjects, policies: &Policies) -> Vec<Found> {
    let mut run = Run {
        policies,
        waivers: Waivers::new(subjects, policies),
        found: Vec::new(),
    };
    for image in &subjects.images {
        run.ask_image(image);
    }
    for repository in &subjects.repositories {
        run.ask_repository(repository);
    }
    crate::custom::ask(&mut run, subjects, policies);
    let Run {
        waivers, mut found, ..
    } = run;
    found.extend(waivers.finish(policies));
    finish(found)
}

/// A finding under the subject that it is counted under.
pub(crate) type Counted = (String, Found);

/// One evaluation.
pub(crate) struct Run<'a> {
    policies: &'a Policies,
    waivers: Waivers,
    found: Vec<Counted>,
}

impl<'a> Run<'a> {
    fn ask_image(&mut self, image: &ImageSubject) {
        let place = Self::place_of_image(image, self.policies);
        for rule in RULES {
            let Check::Image(check) = rule.check else {
                continue;
            };
            for force in self.policies.in_force(rule, &place) {
                let mut hits = Hits::new(&force.parameters).on(self.policies.today);
                check(image, &mut hits);
                let found = hits.into_found();
                self.waivers.asked(rule.id, &place);
                for hit in found.into_iter().filter(|it| is_said(it, &force)) {
                    let stage = hit.place.as_ref().and_then(|it| stage_at(image, it));
                    let place = Place {
                        stage: stage.as_deref(),
                        ..place.clone()
                    };
                    let address = image.address.as_deref();
                    let mut found = made(rule.id, rule, &force, address, hit);
                    if let Some(pattern) = &image.pattern {
                        point_at_pattern(&mut found, image, pattern);
                    }
                    self.take(found, &force, &place, image.subject());
                }
            }
        }
    }

    fn ask_repository(&mut self, repository: &RepositorySubject) {
        let place = Self::place_of_repository(repository, self.policies);
        for rule in RULES {
            let Check::Repository(check) = rule.check else {
                continue;
            };
            for force in self.policies.in_force(rule, &place) {
                let mut hits = Hits::new(&force.parameters).on(self.policies.today);
                check(repository, &mut hits);
                let found = hits.into_found();
                self.waivers.asked(rule.id, &place);
                for hit in found.into_iter().filter(|it| is_said(it, &force)) {
                    let address = Some(repository.address.as_str());
                    let found = made(rule.id, rule, &force, address, hit);
                    self.take(found, &force, &place, &repository.address);
                }
            }
        }
    }

    /// Returns what scopes are compared with for an image.
    pub(crate) fn place_of_image<'b>(image: &'b ImageSubject, policies: &'b Policies) -> Place<'b> {
        let repositories = image.targets.iter();
        Place {
            image: image.name.as_deref(),
            repositories: repositories.map(|it| it.key.repository.as_str()).collect(),
            environment: policies.environment.as_deref(),
            path: Some(&image.dockerfile.source.name),
            stage: None,
        }
    }

    /// Returns what scopes are compared with for a repository.
    pub(crate) fn place_of_repository<'b>(
        repository: &'b RepositorySubject,
        policies: &'b Policies,
    ) -> Place<'b> {
        Place {
            image: None,
            repositories: vec![repository.key.repository.as_str()],
            environment: policies.environment.as_deref(),
            path: repository.place.as_ref().map(|it| it.source.name.as_str()),
            stage: None,
        }
    }

    /// Returns what was found about a subject so far.
    pub(crate) fn found_about(&self, subject: &str) -> Vec<&Found> {
        let about = self.found.iter().filter(|(it, _)| it == subject);
        about.map(|(_, found)| found).collect()
    }

    pub(crate) fn policies(&self) -> &'a Policies {
        self.policies
    }

    /// Notes that a rule was asked about a place.
    pub(crate) fn asked(&mut self, rule: &str, place: &Place<'_>) {
        self.waivers.asked(rule, place);
    }

    /// Adds a finding that no waiver reaches.
    pub(crate) fn add(&mut self, subject: &str, found: Found) {
        self.found.push((subject.to_owned(), found));
    }

    /// Lets a waiver speak, and keeps the stricter of two findings of one thing.
    pub(crate) fn take(
        &mut self,
        mut found: Found,
        force: &InForce<'_>,
        place: &Place<'_>,
        subject: &str,
    ) {
        if self.policies.approved.contains(&found.finding.rule)
            && found.finding.level == Level::RequireApproval
        {
            found.finding.waived_by = Some(format!("--approve-policy {}", found.finding.rule));
        } else {
            let today = self.policies.today;
            if let Some((by, until)) = self.waivers.waive(&found, force, place, today) {
                found.finding.waived_by = Some(by);
                found.waived_until = until;
            }
        }
        let same = |(_, it): &&mut Counted| {
            it.finding.rule == found.finding.rule
                && it.place == found.place
                && it.finding.address == found.finding.address
                && it.finding.message == found.finding.message
        };
        match self.found.iter_mut().rev().find(same) {
            Some((_, earlier)) => {
                let weight = |it: &Finding| (!it.stops(), it.level);
                if weight(&found.finding) < weight(&earlier.finding) {
                    *earlier = found;
                }
            }
            None => self.found.push((subject.to_owned(), found)),
        }
    }
}

/// What is not known matters where it could have been worse than information.
fn is_said(hit: &Hit, force: &InForce<'_>) -> bool {
    !hit.is_unknown || force.level != Level::Info
}

/// Returns the name of the stage in which a place stands.
pub(crate) fn stage_at(image: &ImageSubject, place: &Location) -> Option<String> {
    if place.source.name != image.dockerfile.source.name {
        return None;
    }
    let dockerfile = &image.dockerfile;
    let stage = dockerfile.stages.iter().rev().find(|stage| {
        let from = dockerfile.instructions.get(stage.instructions.start);
        from.is_some_and(|from| from.span.start <= place.span.start)
    })?;
    stage.name.as_ref().map(|name| name.text.clone())
}

fn made(id: &str, rule: &Rule, force: &InForce<'_>, address: Option<&str>, hit: Hit) -> Found {
    let Hit {
        place,
        message,
        help,
        labels,
        fix,
        at_most,
        is_unknown,
    } = hit;
    let level = match at_most {
        _ if is_unknown && force.level == Level::Warn => Level::Info,
        Some(most) => force.level.max(most),
        None => force.level,
    };
    let mut finding = Finding::new(id, level, message);
    finding.address = address.map(str::to_owned);
    finding.help = help;
    if let Some(day) = force.denies_from {
        let help = finding
            .help
            .take()
            .map_or(String::new(), |it| format!("{it}; "));
        finding.help = Some(format!("{help}denies from {day}"));
    }
    finding.aliases = rule.aliases.iter().map(|it| (*it).to_owned()).collect();
    if let Some(place) = &place {
        finding = finding.at(place);
    }
    Found {
        finding,
        place,
        labels,
        fix,
        is_mandatory: force.is_mandatory,
        waived_until: None,
    }
}

/// Sorts, and gives each finding its id: equal ones are counted in the order of the text.
fn finish(mut found: Vec<Counted>) -> Vec<Found> {
    found.sort_by(|(_, a), (_, b)| a.finding.order().cmp(&b.finding.order()));
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    found
        .into_iter()
        .map(|(subject, mut found)| {
            let snippet = found
                .place
                .as_ref()
                .map_or(found.finding.message.as_str(), Location::text);
            let rule = &found.finding.rule;
            let first = finding_id(rule, &subject, snippet, 0);
            let earlier = seen.entry(first.clone()).or_default();
            found.finding.finding_id = if *earlier == 0 {
                first
            } else {
                finding_id(rule, &subject, snippet, *earlier)
            };
            *earlier += 1;
            found
        })
        .collect()
}
