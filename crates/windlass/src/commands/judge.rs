//! What policies say about a plan: when it is made, and again when a saved one is applied.

use std::collections::BTreeMap;

use windlass_backends::files::WorkspaceFiles;
use windlass_core::diag::text::render_plain;
use windlass_core::finding::Finding;
use windlass_core::lock::Lock;
use windlass_core::manifest::model::Workspace;
use windlass_core::name::{Day, ImageName};
use windlass_core::observed::{JudgedFacts, JudgedReads, Observed};
use windlass_core::plan::{Plan, PolicyRecord, PolicySource};
use windlass_core::report::wire::{Header, Report};
use windlass_engine::recipe::Prepared;
use windlass_policy::evaluate::{Found, Subjects, evaluate};
use windlass_policy::force::Policies;
use windlass_policy::rule::Profile;
use windlass_policy::waiver::Waiver;

use crate::cli::Global;
use crate::commands::gather::gather_read;
use crate::commands::lint::today;
use crate::failure::{Exit, Failure};
use crate::policies;

/// A plan that is judged, with the world that it was made from.
pub(crate) struct Judged<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) observed: &'a Observed,
    pub(crate) header: &'a Header,
    /// The Dockerfiles and ignore lines that the plan was made of.
    pub(crate) prepared: BTreeMap<ImageName, Prepared>,
    /// Reads what rules need beyond that.
    pub(crate) read: &'a dyn Fn(&JudgedReads) -> JudgedFacts,
}

/// Asks the policies about a plan.
pub(crate) fn judge(
    workspace: &Workspace,
    files: &WorkspaceFiles,
    lock: &Lock,
    judged: Judged<'_>,
    policies: &Policies,
) -> Result<PolicyRecord, Failure> {
    let Judged {
        plan,
        observed,
        header,
        prepared,
        read,
    } = judged;
    let gathered = gather_read(workspace, prepared, files, lock);
    if gathered.subjects.images.len() != workspace.images.len() {
        return Err(policies::denied(format!(
            "policies cannot be asked about all images: {}",
            render_plain(&gathered.problems).trim()
        )));
    }
    let mut subjects = gathered.subjects;
    subjects.add_plan(plan, observed);
    let wanted = subjects.reads(policies);
    subjects.add_judged(&wanted, &read(&wanted));
    subjects.plan = document(plan, header, policies);
    Ok(record(&subjects, policies, &evaluate(&subjects, policies)))
}

/// Returns the document of the plan without any finding, where rules in Rego are asked about it: when a plan is made and when it is
/// applied they see the same.
pub(crate) fn document(
    plan: &Plan,
    header: &Header,
    policies: &Policies,
) -> Option<serde_json::Value> {
    policies.packs.iter().find(|it| it.rego.is_some())?;
    let mut plan = plan.clone();
    plan.policy = PolicyRecord::default();
    let report = Report::new(&plan, header, &[]);
    Some(serde_json::to_value(report).expect("a document of texts and numbers is JSON"))
}

fn record(subjects: &Subjects, policies: &Policies, found: &[Found]) -> PolicyRecord {
    let until = |it: &Found| {
        let day = it.waived_until?;
        Some((it.finding.finding_id.clone(), day.to_string()))
    };
    PolicyRecord {
        findings: found.iter().map(|it| it.finding.clone()).collect(),
        sources: policies
            .packs
            .iter()
            .map(|it| PolicySource {
                reference: it.reference.clone(),
                digest: it.digest.clone(),
                mandatory: it.is_mandatory,
            })
            .collect(),
        approved: policies.approved.iter().cloned().collect(),
        waivers: policies.waivers.iter().map(Waiver::record).collect(),
        settings: subjects.settings(),
        images: subjects.image_records(),
        bases: subjects.base_records(),
        judged: subjects.judged(),
        waived_until: found.iter().filter_map(until).collect(),
    }
}

/// Asks again before a saved plan is applied: the mandatory policies of now, on what the plan holds, with the date of today.
///
/// # Errors
/// Exit code 3 where something denies, or a waiver that the plan relied on has ended.
pub(crate) fn judge_saved(
    global: &Global,
    plan: &Plan,
    header: &Header,
) -> Result<Vec<Found>, Failure> {
    let today = today()?;
    let ended = ended(plan, today);
    if !ended.is_empty() {
        return Err(policies::denied(format!(
            "the plan relies on waivers that have ended:\n{}",
            ended.join("\n")
        ))
        .help("put right what they waived, or have them prolonged, and make a new plan"));
    }
    let mut policies = Policies::new(Profile::Baseline, today);
    policies.packs = policies::mandatory(global, None)?;
    if policies.packs.is_empty() {
        return Ok(Vec::new());
    }
    policies.environment.clone_from(&plan.environment);
    policies.approved = plan.policy.approved.iter().cloned().collect();
    policies.approved.extend(global.approved.iter().cloned());
    policies.waivers = plan
        .policy
        .waivers
        .iter()
        .filter_map(Waiver::of_record)
        .collect();
    let unknown: Vec<String> = plan
        .images
        .iter()
        .filter(|image| image.spec.is_none())
        .map(|image| format!("image.{}", image.name))
        .collect();
    if !unknown.is_empty() {
        return Err(policies::denied(format!(
            "policies cannot be asked about {}: the plan does not hold its inputs",
            unknown.join(", ")
        )));
    }
    let mut subjects = Subjects::of_plan(plan);
    subjects.plan = document(plan, header, &policies);
    let mut found = evaluate(&subjects, &policies);
    found.retain(|it| it.is_mandatory);
    Ok(found)
}

/// The last day belongs to a waiver.
fn ended(plan: &Plan, today: Day) -> Vec<String> {
    let over = |finding: &&Finding| {
        let until = plan.policy.waived_until.get(&finding.finding_id);
        finding.level.denies()
            && until.is_some_and(|day| Day::parse(day).map_or(true, |day| day < today))
    };
    let waived = plan.policy.findings.iter().filter(over);
    waived
        .map(|it| {
            let by = it.waived_by.as_deref().unwrap_or_default();
            format!("  {}: {} ({by})", it.rule, it.message)
        })
        .collect()
}

/// Ends a command whose findings deny.
pub(crate) fn refuse(found: &[Found]) -> Result<(), Failure> {
    if found.iter().any(|it| it.finding.stops()) {
        return Err(Failure::silent(Exit::Denied));
    }
    Ok(())
}
