//! What somebody should look at before a plan is applied, although nothing stops it.

use crate::desired::{Desired, DesiredImage};
use crate::diag::{Code, Diagnostic, Location};
use crate::name::{Day, RepositoryKey, Tag};
use crate::observed::{Fact, Observed};
use crate::plan::lifecycle::{self, DAY};
use crate::plan::limits;
use crate::plan::model::{Plan, TagAction};
use crate::plan::repository::rule_text;

/// Returns the warnings about a plan that was made of `desired` and `observed`.
pub fn warnings(desired: &Desired, observed: &Observed, plan: &Plan) -> Vec<Diagnostic> {
    let mut warnings = expiring(desired, observed, plan);
    warnings.extend(crowded(desired, observed, plan));
    warnings.extend(moving_back(desired, observed, plan));
    warnings
}

/// Wanted tags that a lifecycle rule is about to take.
fn expiring(desired: &Desired, observed: &Observed, plan: &Plan) -> Vec<Diagnostic> {
    let found = lifecycle::expiries(desired, observed, &plan.repositories, &plan.images);
    let expiries = found.into_values().flatten().flatten();
    expiries
        .filter(|expiry| !expiry.stops)
        .map(|expiry| {
            let rule = rule_text(expiry.rule);
            let verb = if expiry.rule.archive { "archives" } else { "deletes" };
            let when = if expiry.at <= desired.now {
                "now".to_owned()
            } else {
                format!("on {}", Day::of_number(expiry.at.div_euclid(DAY)))
            };
            let message = format!(
                "a lifecycle rule {verb} what `{}` holds in {} {when}: `{rule}`",
                expiry.tag, expiry.key
            );
            let warning = Diagnostic::warning(Code::ExpiresSoon, message)
                .at(expiry.place, "the rule is one of these")
                .help(format!(
                    "a retag does not renew the day of the push: build anew (`epoch`), or put a `keep` for `{}` above the rule",
                    expiry.tag
                ));
            match tag_location(desired, expiry.key, &expiry.tag) {
                Some(place) => warning.at(place, "the tag that would be lost"),
                None => warning,
            }
        })
        .collect()
}

/// Images that soon can have no other tag.
fn crowded(desired: &Desired, observed: &Observed, plan: &Plan) -> Vec<Diagnostic> {
    let crowded = limits::crowded(observed, &plan.images).into_iter();
    crowded
        .map(|found| {
            let message = format!(
                "image `{}` has {} tags in {}, and ECR lets an image have 1000",
                found.image.name, found.count, found.key
            );
            let warning = Diagnostic::warning(Code::ManyTags, message).help(format!(
                "remove tags of {} that nobody needs, or raise its `epoch` for a new image",
                found.digest
            ));
            let image = desired.images.iter().find(|it| it.name == found.image.name);
            match image {
                Some(DesiredImage { location, .. }) => warning.at(location, "this one"),
                None => warning,
            }
        })
        .collect()
}

/// Tags that would move from a newer commit's image to that of an older one, as a pipeline does that is run again.
fn moving_back(desired: &Desired, observed: &Observed, plan: &Plan) -> Vec<Diagnostic> {
    let Some(now) = &desired.commit_time else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    for image in &plan.images {
        for target in &image.targets {
            for step in target.tags.iter().filter(|it| it.action == TagAction::Move) {
                let found = observed.repositories.get(&target.key);
                let holds = found.and_then(|found| found.tags.get(&step.tag));
                let Some(Fact::Known(holds)) = holds else {
                    continue;
                };
                let Some(then) = holds.commit_time.as_ref().filter(|it| is_later(it, now)) else {
                    continue;
                };
                let message = format!(
                    "tag `{}` in {} would move back: it holds an image of a commit of {then}, HEAD is of {now}",
                    step.tag, target.key
                );
                let warning = Diagnostic::warning(Code::MovesBack, message)
                    .help("is an old pipeline run again? Apply the plan of the newer commit, or go on if you mean to go back");
                warnings.push(match tag_location(desired, &target.key, &step.tag) {
                    Some(place) => warning.at(place, "this tag"),
                    None => warning,
                });
            }
        }
    }
    warnings
}

/// Compares two times as windlass writes them, `YYYY-MM-DDTHH:MM:SSZ`; what has another form is not later.
fn is_later(one: &str, other: &str) -> bool {
    let well_formed = |text: &str| text.len() == 20 && text.ends_with('Z');
    well_formed(one) && well_formed(other) && one > other
}

fn tag_location<'a>(desired: &'a Desired, key: &RepositoryKey, tag: &Tag) -> Option<&'a Location> {
    let targets = desired.images.iter().flat_map(|image| &image.targets);
    let mut tags = targets
        .filter(|target| target.key == *key)
        .flat_map(|target| &target.tags);
    tags.find(|it| it.value == *tag).map(|it| &it.location)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_times_of_utc_are_compared() {
        assert!(is_later("2026-11-24T00:00:01Z", "2026-11-24T00:00:00Z"));
        assert!(!is_later("2026-11-24T00:00:00Z", "2026-11-24T00:00:00Z"));
        assert!(!is_later("tomorrow", "2026-11-24T00:00:00Z"));
    }
}
