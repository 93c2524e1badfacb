//! The sentence that says what a plan comes to.

use std::collections::BTreeSet;

use crate::plan::{ImageAction, RepositoryAction};
use crate::report::wire::{Image, Report, Repository, Summary};

/// Returns `1 to build, 0 to push, 2 to retag, 1 repository to create. 3 unchanged.`, or that nothing changes.
pub(super) fn sentence(report: &Report) -> String {
    let summary = &report.summary;
    let unchanged = images(summary, ImageAction::None);
    if !has_changes(report) {
        return match unchanged {
            0 => "No changes.".to_owned(),
            1 => "No changes. 1 image up to date.".to_owned(),
            count => format!("No changes. {count} images up to date."),
        };
    }
    let mut parts = Vec::new();
    for (action, word, always) in [
        (ImageAction::Build, "to build", true),
        (ImageAction::Push, "to push", true),
        (ImageAction::Retag, "to retag", true),
        (ImageAction::Copy, "to copy", false),
        (ImageAction::Restore, "to restore", false),
        (ImageAction::Blocked, "blocked", false),
        (ImageAction::Unknown, "unknown", false),
    ] {
        let count = images(summary, action);
        if always || count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    for (action, word) in [
        (RepositoryAction::Create, "to create"),
        (RepositoryAction::Update, "to update"),
        (RepositoryAction::Delete, "to delete"),
        (RepositoryAction::Blocked, "blocked"),
        (RepositoryAction::Unknown, "unknown"),
    ] {
        let count = summary.repositories.get(&action).copied().unwrap_or(0);
        let noun = if count == 1 {
            "repository"
        } else {
            "repositories"
        };
        if count > 0 {
            parts.push(format!("{count} {noun} {word}"));
        }
    }
    let unchanged = match unchanged {
        0 => String::new(),
        count => format!(" {count} unchanged."),
    };
    format!("Plan: {}.{unchanged}", parts.join(", "))
}

fn images(summary: &Summary, action: ImageAction) -> usize {
    summary.images.get(&action).copied().unwrap_or(0)
}

/// Says whether the plan changes anything or cannot say.
pub(super) fn has_changes(report: &Report) -> bool {
    report
        .images
        .iter()
        .any(|image| image.action != ImageAction::None)
        || report
            .repositories
            .iter()
            .any(|repository| repository.action != RepositoryAction::None)
}

/// Why a plan cannot be applied, and what can.
pub(super) struct Stop {
    /// What stops it: `image.api is blocked, image.web is unknown`.
    pub(super) what: String,
    /// The command that applies the rest, where there is a rest.
    pub(super) rest: Option<String>,
}

/// Returns what stops the plan, `None` where it can be applied.
pub(super) fn stop(report: &Report) -> Option<Stop> {
    if report.applicable {
        return None;
    }
    let repositories = report
        .repositories
        .iter()
        .filter(|repository| is_stopped_repository(repository))
        .map(|repository| format!("{} is {}", repository.address, repository.action.as_str()));
    let refusals = report.refusals.iter().cloned();
    let stopped: Vec<String> = refusals
        .chain(repositories)
        .chain(
            report
                .images
                .iter()
                .filter(|image| is_stopped(image))
                .map(|image| format!("{} is {}", image.address, image.action.as_str())),
        )
        .chain(denials(report))
        .collect();
    let rest: Vec<&str> = report
        .images
        .iter()
        .filter(|image| {
            image.action != ImageAction::None
                && report.refusals.is_empty()
                && can_go_alone(image, report)
        })
        .map(|image| image.address.as_str())
        .collect();
    let flags = format!("{}{}", report.global_flags, report.environment_flag());
    let rest = match rest.as_slice() {
        [] => None,
        few @ ([_] | [_, _] | [_, _, _]) => Some(format!(
            "windlass {flags}apply --only {}",
            few.join(" --only ")
        )),
        [first, others @ ..] => Some(format!(
            "windlass {flags}apply --only {first} (or one of {} more)",
            others.len()
        )),
    };
    Some(Stop {
        what: capped(&stopped, 5, ", "),
        rest,
    })
}

/// Says what policies deny, each rule of an address once.
fn denials(report: &Report) -> BTreeSet<String> {
    let denying = report.policies.iter().filter(|it| it.stops());
    denying
        .map(|finding| {
            let what = finding.address.as_deref().unwrap_or("the plan");
            format!("{what} is denied by {}", finding.rule)
        })
        .collect()
}

/// Says whether a policy denies the image, a repository that holds it, or the plan as a whole.
fn is_denied(image: &Image, report: &Report) -> bool {
    let denying = report.policies.iter().filter(|it| it.stops());
    denying.map(|it| it.address.as_deref()).any(|address| {
        address.is_none_or(|address| {
            let mut targets = image.targets.iter();
            address == image.address || targets.any(|target| target.repository == address)
        })
    })
}

/// Says whether `--only` this image can be applied: it, the images it needs and their repositories are not stopped.
fn can_go_alone(image: &Image, report: &Report) -> bool {
    let mut waiting = vec![image];
    let mut seen = BTreeSet::new();
    while let Some(image) = waiting.pop() {
        let in_stopped_repository = report
            .repositories
            .iter()
            .filter(|repository| is_stopped_repository(repository))
            .any(|repository| {
                image
                    .targets
                    .iter()
                    .any(|target| target.repository == repository.address)
            });
        if is_stopped(image) || in_stopped_repository || is_denied(image, report) {
            return false;
        }
        let needed = image.needs.iter().filter(|need| seen.insert(need.as_str()));
        waiting.extend(
            needed.filter_map(|need| report.images.iter().find(|image| image.address == *need)),
        );
    }
    true
}

/// Says whether a repository stops the plan.
pub(super) fn is_stopped_repository(repository: &Repository) -> bool {
    matches!(
        repository.action,
        RepositoryAction::Blocked | RepositoryAction::Unknown
    )
}

/// Says whether an image stops the plan.
pub(super) fn is_stopped(image: &Image) -> bool {
    matches!(image.action, ImageAction::Blocked | ImageAction::Unknown)
}

/// Joins the first `most` items and counts the others.
pub(super) fn capped(items: &[String], most: usize, separator: &str) -> String {
    // One item more costs less room than saying that there is one more.
    if items.len() <= most + 1 {
        return items.join(separator);
    }
    format!(
        "{} and {} more",
        items[..most].join(separator),
        items.len() - most
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Finding, Level};
    use crate::plan::{Plan, PolicyRecord};
    use crate::report::wire::{Dockerfile, Header, Target};

    fn finding(rule: &str, level: Level, address: Option<&str>) -> Finding {
        let mut finding = Finding::new(rule, level, "it objects");
        finding.address = address.map(str::to_owned);
        finding
    }

    fn image(name: &str) -> Image {
        Image {
            address: format!("image.{name}"),
            action: ImageAction::Build,
            reasons: Vec::new(),
            fingerprint: None,
            platforms: Vec::new(),
            context: None,
            dockerfile: Dockerfile {
                before: None,
                after: None,
            },
            needs: Vec::new(),
            bases: Vec::new(),
            built_at: None,
            local_image: None,
            declared: None,
            targets: vec![Target {
                target: "registry.prod".to_owned(),
                repository: format!("repository.{name}@prod"),
                repository_uri: None,
                copy_from: None,
                replicated_from: None,
                action: ImageAction::Build,
                tags: Vec::new(),
            }],
        }
    }

    fn report(images: Vec<Image>, findings: Vec<Finding>) -> Report {
        let plan = Plan {
            workspace: "shop".to_owned(),
            environment: None,
            git_sha: None,
            builder: None,
            registries: Vec::new(),
            variables: Vec::new(),
            bases: Vec::new(),
            images: Vec::new(),
            repositories: Vec::new(),
            notes: Vec::new(),
            refusals: Vec::new(),
            guards: Vec::new(),
            engine: None,
            policy: PolicyRecord {
                findings,
                ..PolicyRecord::default()
            },
        };
        let header = Header {
            windlass_version: "0.1.0".to_owned(),
            created_at: "2026-11-25T09:15:00Z".to_owned(),
            environment_variables: Vec::new(),
        };
        let mut report = Report::new(&plan, &header, &[]);
        report.images = images;
        report
    }

    fn said(report: &Report) -> Option<(String, Option<String>)> {
        stop(report).map(|it| (it.what, it.rest))
    }

    #[test]
    fn a_denial_names_the_rule_once_and_offers_what_is_not_denied() {
        let denied = |rule: &str| finding(rule, Level::Deny, Some("image.api"));
        let found = vec![denied("org/root"), denied("org/root"), denied("org/base")];
        let report = report(vec![image("api"), image("web")], found);
        let (what, rest) = said(&report).expect("it is stopped");
        assert_eq!(
            what,
            "image.api is denied by org/base, image.api is denied by org/root"
        );
        assert_eq!(rest.as_deref(), Some("windlass apply --only image.web"));
        let report = Report {
            global_flags: "--local ".to_owned(),
            environment: Some("prod".to_owned()),
            ..report
        };
        let (_, rest) = said(&report).expect("it is stopped");
        assert_eq!(
            rest.as_deref(),
            Some("windlass --local --env prod apply --only image.web")
        );
    }

    #[test]
    fn an_image_in_a_denied_repository_is_denied_as_well() {
        let found = vec![finding(
            "ecr-immutable",
            Level::RequireApproval,
            Some("repository.api@prod"),
        )];
        let report = report(vec![image("api")], found);
        let expected = "repository.api@prod is denied by ecr-immutable".to_owned();
        assert_eq!(said(&report), Some((expected, None)));
    }

    #[test]
    fn a_denial_of_the_plan_leaves_nothing_to_apply() {
        let found = vec![finding("org/freeze", Level::Deny, None)];
        let report = report(vec![image("api")], found);
        let expected = "the plan is denied by org/freeze".to_owned();
        assert_eq!(said(&report), Some((expected, None)));
    }

    #[test]
    fn warnings_and_waived_denials_stop_nothing() {
        let mut waived = finding("org/root", Level::Deny, Some("image.api"));
        waived.waived_by = Some("windlass.kdl:3:1".to_owned());
        let warning = finding("org/base", Level::Warn, Some("image.api"));
        assert_eq!(
            said(&report(vec![image("api")], vec![waived, warning])),
            None
        );
    }
}
