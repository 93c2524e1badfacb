//! `scan-findings-gate`: a tag that ends at an image with known vulnerabilities.

use windlass_core::finding::Level;
use windlass_core::name::Day;
use windlass_core::observed::{ScanReport, Severity, Vulnerability};

use crate::glob;
use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Parameter, Read, Rule};
use crate::subject::{Fact, Held, RepositorySubject, TagFacts};

use super::settings::UNKNOWN_HELP;

pub(super) const RULE: Rule = Rule::new(
    "scan-findings-gate",
    Level::Deny,
    Check::Repository(check),
    include_str!("../../../../docs/rules/scan-findings-gate.md"),
)
.starred()
.needs(&[Need::Settings, Need::Plan])
.reads(&[Read::Scans])
.parameters(&[
    Parameter::texts(
        "severity",
        "the least severity that counts: `critical`, `high`, `medium`, `low` or `informational`; `high` where none is set",
    ),
    Parameter::number(
        "grace-days",
        "days that a vulnerability may be known before it counts; 0 where none is set",
    ),
    Parameter::texts("ignore", "a glob of names that do not count, such as `CVE-2026-1234`"),
]);

/// Vulnerabilities that are named in a message.
const NAMED: usize = 5;

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    for (image, tag) in &subject.wanted_tags {
        if let Some(held) = &tag.held {
            judge(image, tag, held, hits);
        }
    }
}

fn judge(image: &str, tag: &TagFacts, held: &Held, hits: &mut Hits<'_>) {
    let name = &tag.tag;
    let why = match &held.scan {
        Fact::Unmanaged => return,
        Fact::Known(Some(report), _) => {
            let counted = counted(report, hits);
            if !counted.is_empty() {
                let message = message(image, name, &counted);
                let advice = "build on patched bases (`windlass lock --update`), or have the owners of the policy `set ignore=` what does not apply";
                hits.push(Hit::maybe_at(tag.place.as_ref(), message).help(advice));
            }
            match &report.incomplete {
                Some(why) => why.as_str(),
                None => return,
            }
        }
        Fact::Known(None, ..) => "ECR has no scan of it",
        Fact::Unknown(why) => why.as_str(),
    };
    let message = format!(
        "what scans find in the image of {image} under `{name}` ({}) is not known: {why}",
        short(held)
    );
    hits.push(Hit::maybe_at(tag.place.as_ref(), message).help(UNKNOWN_HELP).unknown());
}

fn short(held: &Held) -> String {
    held.digest.as_str().chars().take(19).collect()
}

/// The vulnerabilities that are bad enough, old enough and not ignored. One whose age is not told is old.
fn counted<'a>(report: &'a ScanReport, hits: &Hits<'_>) -> Vec<&'a Vulnerability> {
    let parameters = hits.parameters();
    let least = parameters.texts("severity").last().copied();
    let least = least.map_or(Severity::High, Severity::of);
    let grace = parameters.number("grace-days").unwrap_or(0);
    let grace = i64::try_from(grace).unwrap_or(i64::MAX);
    let ignored = parameters.texts("ignore");
    let is_young = |it: &Vulnerability| match (it.seen, hits.today().map(Day::number)) {
        (Some(seen), Some(today)) => today.saturating_sub(seen) < grace,
        _ => false,
    };
    let all = report.vulnerabilities.iter();
    all.filter(|it| it.severity >= least && !is_young(it))
        .filter(|it| !ignored.iter().any(|glob| glob::matches(glob, &it.name)))
        .collect()
}

fn message(image: &str, tag: &str, counted: &[&Vulnerability]) -> String {
    let named = counted.iter().take(NAMED).map(|it| {
        let package = it.package.as_ref().map_or(String::new(), |it| format!(" in {it}"));
        format!("{}{package} ({})", it.name, it.severity.as_str())
    });
    let list = named.collect::<Vec<_>>().join(", ");
    let more = match counted.len() {
        0..=NAMED => String::new(),
        count => format!(" and {} more", count - NAMED),
    };
    let plural = if counted.len() == 1 { "vulnerability" } else { "vulnerabilities" };
    format!("the image of {image} under `{tag}` has {} {plural}: {list}{more}", counted.len())
}
