//! `windlass iam`: the least that IAM must allow for this workspace, with the reason of each action. Asks no registry.

use std::fmt::Write as _;

use serde_json::{Value, json};
use windlass_core::iam::{
    Grant, JudgedRead, LARGEST_POLICY, Needed, Purpose, RegistryPolicy, caller_document, document,
    policies as policies_of,
};
use windlass_core::manifest::model::Workspace;
use windlass_policy::evaluate::Subjects;
use windlass_policy::force::Policies;
use windlass_policy::rule::Read;
use windlass_policy::subject::RepositorySubject;

use crate::cli::{IamArgs, IamFormat, IamPurpose};
use crate::commands::Context;
use crate::failure::{Exit, Failure};
use crate::policies;

pub(crate) fn run(context: &Context<'_>, arguments: &IamArgs) -> Result<Exit, Failure> {
    let (place, loaded, _local) = context.load()?;
    let rules = policies::of_workspace(context.global, &loaded.workspace, &place.root)?;
    let judged = judged_reads(&loaded.workspace, &rules);
    let (purpose, word) = match arguments.purpose {
        IamPurpose::Plan => (Purpose::Plan, "plan"),
        IamPurpose::Apply => (Purpose::Apply, "apply"),
    };
    let mut policies = policies_of(&loaded.workspace, purpose, &judged);
    if let Some(name) = &arguments.registry {
        let bare = name.strip_prefix("registry.").unwrap_or(name);
        policies.retain(|policy| policy.registry == bare);
    }
    if policies.is_empty() {
        return Err(Failure::error(
            "no registry of the manifest, as selected, holds anything",
        ));
    }
    warn_of_size(context, &policies);
    match arguments.format {
        IamFormat::Text => context.done(&text(&policies, word)),
        IamFormat::Json => context.done(&format!("{:#}\n", to_json(&policies, word))),
        IamFormat::Policy => context.done(&format!("{:#}\n", one_policy(&policies)?)),
    }
}

/// Returns what rules in force read of repositories beyond what a plan reads itself.
fn judged_reads(workspace: &Workspace, rules: &Policies) -> Vec<JudgedRead> {
    let subjects = Subjects {
        repositories: RepositorySubject::of_workspace(workspace),
        ..Subjects::default()
    };
    let reads = subjects.reads_in_force(rules).into_iter();
    reads
        .map(|((key, read), decides)| {
            let (action, reason) = match read {
                Read::Lifecycle => (
                    "ecr:GetLifecyclePolicy",
                    "a rule of a policy judges lifecycle policies, managed or not",
                ),
                Read::Access => (
                    "ecr:GetRepositoryPolicy",
                    "a rule of a policy judges who may use a repository, managed or not",
                ),
                Read::ResourceTags => (
                    "ecr:ListTagsForResource",
                    "a rule of a policy judges resource tags, managed or not",
                ),
                Read::Scanning => (
                    "ecr:GetRegistryScanningConfiguration",
                    "whether the registry scans a repository that does not scan by itself",
                ),
                Read::Sizes => (
                    "ecr:DescribeImages",
                    "a rule of a policy judges sizes of images",
                ),
                Read::Scans => (
                    "ecr:DescribeImageScanFindings",
                    "a rule of a policy judges what scans found",
                ),
            };
            JudgedRead {
                key,
                action,
                reason,
                of_registry: read == Read::Scanning,
                decides,
            }
        })
        .collect()
}

fn warn_of_size(context: &Context<'_>, policies: &[RegistryPolicy]) {
    for policy in policies {
        let size = policy.document().to_string().chars().count();
        if size > LARGEST_POLICY {
            context.terminal.say(&format!(
                "The policy of registry {} has {size} characters; a managed policy of IAM takes {LARGEST_POLICY}. Use an inline policy, or name its repositories by a prefix and *.\n",
                policy.registry
            ));
        }
    }
}

fn text(policies: &[RegistryPolicy], command: &str) -> String {
    let mut text = String::new();
    for policy in policies {
        let whose = policy.role.as_deref().map_or_else(
            || "the identity that runs windlass".to_owned(),
            |role| format!("role {role}"),
        );
        let (name, account, region) = (&policy.registry, &policy.account, &policy.region);
        let _ = writeln!(
            text,
            "registry.{name}: {command} in account {account}, {region}, for {whose}\n"
        );
        let width = policy
            .grants
            .iter()
            .map(|it| it.action.len())
            .max()
            .unwrap_or(0);
        let mut said: Vec<(&str, &str)> = Vec::new();
        for Grant {
            action,
            reason,
            needed,
            ..
        } in &policy.grants
        {
            if said.contains(&(action, reason)) {
                continue;
            }
            said.push((action, reason));
            let word = word(*needed);
            let _ = writeln!(text, "  {action:width$}  {word:9}  {reason}");
        }
        text.push_str(&legend(policy));
        let _ = writeln!(text, "\n{:#}\n", policy.document());
    }
    if let Some(document) = caller_document(policies) {
        let _ = writeln!(
            text,
            "The identity that runs windlass: to assume the roles\n\n{document:#}\n"
        );
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn word(needed: Needed) -> &'static str {
    match needed {
        Needed::Always => "always",
        Needed::Sometimes => "sometimes",
        Needed::ToExplain => "explains",
    }
}

/// Says what the words mean that the actions of a policy have.
fn legend(policy: &RegistryPolicy) -> String {
    let has = |needed| policy.grants.iter().any(|it| it.needed == needed);
    let mut text = String::new();
    for (needed, meaning) in [
        (Needed::Sometimes, "needed only where that is so"),
        (
            Needed::ToExplain,
            "without it a plan says less, and decides the same",
        ),
    ] {
        if has(needed) {
            let gap = if text.is_empty() { "\n" } else { "" };
            let _ = writeln!(text, "{gap}  {}: {meaning}", word(needed));
        }
    }
    text
}

fn to_json(policies: &[RegistryPolicy], command: &str) -> Value {
    let one = |policy: &RegistryPolicy| {
        let actions: Vec<Value> = policy
            .grants
            .iter()
            .map(|grant| {
                json!({
                    "action": grant.action,
                    "reason": grant.reason,
                    "needed": grant.needed.as_str(),
                    "resources": grant.resources,
                })
            })
            .collect();
        json!({
            "registry": format!("registry.{}", policy.registry),
            "account": policy.account,
            "region": policy.region,
            "role": policy.role,
            "actions": actions,
            "policy": policy.document(),
        })
    };
    json!({
        "format_version": "1.0",
        "command": command,
        "registries": policies.iter().map(one).collect::<Vec<_>>(),
        "caller_policy": caller_document(policies),
    })
}

/// Returns one document for registries that are reached with one identity in one account.
fn one_policy(policies: &[RegistryPolicy]) -> Result<Value, Failure> {
    let identity = |policy: &RegistryPolicy| (policy.account.clone(), policy.role.clone());
    let several = policies
        .iter()
        .any(|it| identity(it) != identity(&policies[0]));
    if several {
        let names: Vec<&str> = policies.iter().map(|it| it.registry.as_str()).collect();
        return Err(Failure::error(
            "the registries are reached with several accounts or roles: they need a policy each",
        )
        .help(format!("name one with --registry: {}", names.join(", "))));
    }
    let grants: Vec<Grant> = policies.iter().flat_map(|it| it.grants.clone()).collect();
    Ok(document(&grants))
}
