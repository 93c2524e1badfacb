//! Asking the rules in Rego of all packs, once the built-in ones have spoken.

use serde_json::Value;
use windlass_core::diag::Location;
use windlass_core::finding::{Finding, Level};

use crate::evaluate::{Found, Run, Subjects, stage_at};
use crate::force::{InForce, LoadedPack, Policies};
use crate::pack::Place;
use crate::rego::{Facts, Rego, RegoHit, image_input, plan_input, repository_input};
use crate::subject::ImageSubject;

/// The packages of one pack.
struct Asked<'a> {
    loaded: &'a LoadedPack,
    rego: Rego,
}

/// What a hit is about.
struct About<'a> {
    address: Option<&'a str>,
    subject: &'a str,
    image: Option<&'a ImageSubject>,
    place: Option<&'a Location>,
}

/// Asks all packs that bring Rego.
pub(crate) fn ask(run: &mut Run<'_>, subjects: &Subjects, policies: &Policies) {
    let mut asked = prepare(run, policies);
    if asked.is_empty() {
        return;
    }
    let today = policies.today.to_string();
    let facts = Facts {
        environment: policies.environment.as_deref(),
        today: &today,
        repositories: &subjects.repositories,
        plan: subjects.plan.as_ref(),
    };
    for image in &subjects.images {
        let found: Vec<&Found> = run.found_about(image.subject());
        let (input, dockerfile) = image_input(image, &found, facts);
        let place = Run::place_of_image(image, policies);
        let about = About {
            address: image.address.as_deref(),
            subject: image.subject(),
            image: Some(image),
            place: None,
        };
        put(run, &mut asked, (&input, Some(&dockerfile)), &about, &place);
    }
    for repository in &subjects.repositories {
        let input = repository_input(repository, facts);
        let place = Run::place_of_repository(repository, policies);
        let about = About {
            address: Some(&repository.address),
            subject: &repository.address,
            image: None,
            place: repository.place.as_ref(),
        };
        put(run, &mut asked, (&input, None), &about, &place);
    }
    if let Some(plan) = &subjects.plan {
        let input = plan_input(plan, &subjects.images, facts);
        let place = Place {
            environment: policies.environment.as_deref(),
            ..Place::default()
        };
        let about = About {
            address: None,
            subject: "plan",
            image: None,
            place: None,
        };
        put(run, &mut asked, (&input, None), &about, &place);
    }
}

/// A pack that cannot be prepared denies.
fn prepare<'a>(run: &mut Run<'_>, policies: &'a Policies) -> Vec<Asked<'a>> {
    let mut asked = Vec::new();
    for loaded in &policies.packs {
        let Some(pack) = &loaded.rego else {
            continue;
        };
        match Rego::new(pack) {
            Ok(rego) => asked.push(Asked { loaded, rego }),
            Err(why) => {
                let name = &loaded.pack.name.value;
                let message = format!("the policies of pack `{name}` cannot be evaluated: {why}");
                let finding = Finding::new(format!("{name}/load"), Level::Deny, message);
                run.add(name, found(finding, None, loaded.is_mandatory));
            }
        }
    }
    asked
}

fn put(
    run: &mut Run<'_>,
    asked: &mut [Asked<'_>],
    (input, dockerfile): (&Value, Option<&Value>),
    about: &About<'_>,
    place: &Place<'_>,
) {
    for asked in asked {
        for hit in asked.rego.ask(input, dockerfile) {
            take(run, asked.loaded, hit, about, place);
        }
    }
}

fn take(
    run: &mut Run<'_>,
    loaded: &LoadedPack,
    hit: RegoHit,
    about: &About<'_>,
    place: &Place<'_>,
) {
    let pack = &loaded.pack.name.value;
    let id = format!("{pack}/{}", hit.slug);
    let force = if hit.is_failure {
        Some(InForce::failure(&loaded.pack, loaded.is_mandatory))
    } else {
        run.policies().in_force_custom(pack, &id, hit.level, place)
    };
    let Some(force) = force else {
        return;
    };
    let location = match (about.image, hit.loc) {
        (Some(image), Some(loc)) => Some(image.at(&fitting(image, loc.start, loc.end))),
        _ => about.place.cloned(),
    };
    let stage = about
        .image
        .zip(location.as_ref())
        .and_then(|(image, place)| stage_at(image, place));
    let mut finding = Finding::new(id.as_str(), force.level, hit.message);
    finding.address = about.address.map(str::to_owned);
    finding.help = hit.help;
    if let Some(place) = &location {
        finding = finding.at(place);
    } else if let Some(image) = about.image {
        finding.file = Some(image.dockerfile.source.name.clone());
        finding.line = Some(1);
        finding.column = Some(1);
        finding.end_line = Some(1);
        finding.end_column = Some(1);
    }
    let place = Place {
        stage: stage.as_deref(),
        ..place.clone()
    };
    run.asked(&id, &place);
    run.take(
        found(finding, location, loaded.is_mandatory),
        &force,
        &place,
        about.subject,
    );
}

/// A policy may give any numbers: they are brought into the text.
fn fitting(image: &ImageSubject, start: usize, end: usize) -> std::ops::Range<usize> {
    let text = &image.dockerfile.source.text;
    let fit = |at: usize| {
        let mut at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = fit(start);
    start..fit(end).max(start)
}

fn found(finding: Finding, place: Option<Location>, is_mandatory: bool) -> Found {
    Found {
        finding,
        place,
        labels: Vec::new(),
        fix: None,
        is_mandatory,
        waived_until: None,
    }
}
