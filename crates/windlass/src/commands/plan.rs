//! `windlass plan`: compares, prints, saves; writes nothing else anywhere.

use std::collections::BTreeMap;
use std::path::Path;

use windlass_backends::files::write_whole;
use windlass_backends::git;
use windlass_core::desired::{Desired, DesiredInputs, select};
use windlass_core::diag::{Diagnostic, has_errors};
use windlass_core::lock::Lock;
use windlass_core::manifest::model::Workspace;
use windlass_core::name::Address;
use windlass_core::observed::{
    Fact, JudgedFacts, JudgedReads, Observed, ObservedRepository, Unread,
};
use windlass_core::oci::COMMIT_TIME_ANNOTATION;
use windlass_core::plan::file::{self, Header, PlanFileError, SavedPlan};
use windlass_core::plan::{Plan, RepositoryAction, plan, warnings};
use windlass_core::report::differences;
use windlass_core::report::wire::Report;
use windlass_engine::desire::{Desire, DesireOptions, Update, desire};
use windlass_engine::judged::observe_judged;
use windlass_engine::observe::observe;
use windlass_engine::ports::{Registry as _, RegistryError};

use crate::cli::{Format, PlanArgs};
use crate::clock;
use crate::commands::Context;
use crate::commands::judge::{Judged, judge};
use crate::commands::orphans;
use crate::commands::reviews::tell_failure;
use crate::commands::show::render;
use crate::commands::version::VERSION;
use crate::failure::{Exit, Failure, io};
use crate::load::{self, Loaded, Place};
use crate::policies;
use crate::secrets;
use crate::session::{Local, Session};

/// A plan with everything that was needed to make it.
pub(crate) struct Made {
    pub(crate) place: Place,
    pub(crate) plan: Plan,
    pub(crate) header: Header,
    pub(crate) diagnostics: Vec<Diagnostic>,
    pub(crate) session: Session,
    pub(crate) local: Option<Local>,
    /// The lock as it stands, and with what was resolved for this plan.
    pub(crate) locks: (Lock, Lock),
    pub(crate) unresolved: Vec<RegistryError>,
    /// Whether every read of the world that failed can succeed later by itself.
    pub(crate) passing: bool,
    pub(crate) parallel: Option<usize>,
}

pub(crate) fn run(context: &Context<'_>, arguments: &PlanArgs) -> Result<Exit, Failure> {
    let made = make_of(context, &arguments.only, arguments.offline).inspect_err(|failure| {
        if let Some(format) = arguments.format.of_findings() {
            tell_failure(context, failure, format);
        }
    })?;
    let report = Report::new(&made.plan, &made.header, &made.diagnostics);
    if let Some(path) = &arguments.out {
        let saved = SavedPlan::new(made.header.clone(), made.plan.clone(), &made.diagnostics);
        write_whole(path, &file::render(&saved))
            .map_err(|error| Failure::error(error.to_string()))?;
    }
    context
        .terminal
        .print(&render(context, &report, arguments.format))?;
    if let Some(path) = &arguments.out {
        context.terminal.say(&format!(
            "Saved to {0}; apply it with: windlass {1}apply {0}\n",
            path.display(),
            local_flag(context),
        ));
    } else if arguments.format == Format::Text
        && made.plan.is_applicable()
        && made.plan.has_changes()
    {
        context.terminal.say(&format!(
            "Next: windlass {}{}apply, which plans again and asks; --out FILE saves it\n",
            local_flag(context),
            report.environment_flag(),
        ));
    }
    if arguments.offline && made.plan.waits_for_reads() {
        return Ok(Exit::Done);
    }
    if !made.plan.is_applicable() {
        return Err(Failure::silent(exit_of_unusable(&made)));
    }
    if let Some(path) = &arguments.expect {
        compare_with_reviewed(path, &report)?;
    }
    Ok(if arguments.detailed_exitcode && made.plan.has_changes() {
        Exit::Changes
    } else {
        Exit::Done
    })
}

/// Returns the flag that applying a saved plan needs as well: the plan says the rest.
pub(crate) fn local_flag(context: &Context<'_>) -> &'static str {
    if context.global.local { "--local " } else { "" }
}

/// Says how a plan that cannot be applied ends: denied where a policy is in the way, transient where nothing but failed reads is.
pub(crate) fn exit_of_unusable(made: &Made) -> Exit {
    let Made {
        plan,
        unresolved,
        passing,
        ..
    } = made;
    if plan.policy.denies() {
        return Exit::Denied;
    }
    let transient = *passing && unresolved.iter().all(RegistryError::is_transient);
    if transient && plan.waits_for_reads() {
        Exit::Transient
    } else {
        Exit::Error
    }
}

/// Makes a plan: reads the manifest, settles its inputs, observes and compares.
pub(crate) fn make(context: &Context<'_>, only: &[String]) -> Result<Made, Failure> {
    make_of(context, only, false)
}

/// The same, asking no registry where it is to be made offline.
fn make_of(context: &Context<'_>, only: &[String], offline: bool) -> Result<Made, Failure> {
    let place = load::find(context.global)?;
    context.hashing.read_ahead(&place.root);
    let (mut loaded, local) = context.load_at(&place)?;
    narrow(&mut loaded.workspace, only)?;
    let is_whole = only.is_empty();
    // What cannot be loaded denies, before anything is asked of a registry.
    let mut policies = policies::of_workspace(context.global, &loaded.workspace, &place.root)?;
    let lock = load::read_lock(&place)?;
    let session = context.session(&place, &loaded.workspace, local.as_ref())?;
    if !offline {
        session.expect_questions(context.runtime);
    }
    let created_at = clock::now();
    let options = options(context, &loaded.workspace, &created_at, offline);
    let (desired, settled) = settle(context, &place, &loaded, &session, &lock, &options)?;
    let Desire {
        prepared,
        problems,
        lock: resolved,
        unresolved,
        ..
    } = settled;
    let Compared {
        mut plan,
        observed,
        warnings,
        passing,
    } = if offline {
        compare_with_nothing(&desired)
    } else {
        compare(context, &desired, &session, is_whole)
    };
    context.terminal.show(&warnings);
    plan.notes.append(&mut loaded.notes);
    plan.notes.extend(secrets::notes(&plan, &place.root));
    take_along(&mut plan, &loaded.workspace);
    let refusals = &loaded.workspace.refusals;
    context.terminal.show(refusals);
    policies.is_whole = is_whole;
    let header = header(created_at);
    let read = reader(context, &session, offline);
    let judged = Judged {
        plan: &plan,
        observed: &observed,
        header: &header,
        prepared,
        read: &read,
    };
    plan.policy = judge(
        &loaded.workspace,
        &session.files,
        &resolved,
        judged,
        &policies,
    )?;
    drop(read);
    let mut diagnostics = loaded.diagnostics;
    diagnostics.extend(refusals.iter().cloned());
    diagnostics.extend(problems);
    diagnostics.extend(warnings);
    let parallel = loaded.workspace.parallel;
    let unresolved = unresolved.into_values().collect();
    Ok(Made {
        place,
        plan,
        header,
        diagnostics,
        session,
        local,
        locks: (lock, resolved),
        unresolved,
        passing,
        parallel,
    })
}

fn header(created_at: String) -> Header {
    Header {
        windlass_version: VERSION.to_owned(),
        created_at,
        environment_variables: effective_variables(),
    }
}

fn options(
    context: &Context<'_>,
    workspace: &Workspace,
    created_at: &str,
    offline: bool,
) -> DesireOptions {
    DesireOptions {
        locked: context.global.locked || workspace.requires_locked_bases,
        update: Update::Nothing,
        today: clock::day(created_at).to_owned(),
        now: clock::seconds(),
        offline,
    }
}

/// Writes into a plan what `apply` asks of it without the manifest.
fn take_along(plan: &mut Plan, workspace: &Workspace) {
    let refusals = workspace.refusals.iter();
    plan.refusals = refusals.map(|it| it.message.clone()).collect();
    plan.guards.clone_from(&workspace.guards);
    plan.engine.clone_from(&workspace.engine);
}

/// Settles the inputs of all images: what is wanted, and what there is to say about it.
fn settle(
    context: &Context<'_>,
    place: &Place,
    loaded: &Loaded,
    session: &Session,
    lock: &Lock,
    options: &DesireOptions,
) -> Result<(Desired, Desire), Failure> {
    let root = place.root.clone();
    // Git is asked beside the walk of the contexts.
    let commit_time = context
        .runtime
        .spawn_blocking(move || git::commit_time(&root));
    let mut settled = context.runtime.block_on(desire(
        &loaded.workspace,
        lock,
        &session.files,
        &session.upstream,
        options,
    ));
    let wanted = settled
        .desired
        .take()
        .filter(|_| !has_errors(&settled.problems));
    let Some(mut desired) = wanted else {
        return Err(Failure::diagnostics(settled.problems));
    };
    context.terminal.show(&settled.problems);
    desired.git_sha.clone_from(&loaded.git_sha);
    desired.commit_time = context.runtime.block_on(commit_time).unwrap_or_default();
    note_commit_time(&mut desired);
    Ok((desired, settled))
}

/// Leaves of a workspace what `--only` names; all of it where it names nothing.
fn narrow(workspace: &mut Workspace, only: &[String]) -> Result<(), Failure> {
    if only.is_empty() {
        return Ok(());
    }
    let addresses = only
        .iter()
        .map(|text| Address::parse(text))
        .collect::<Result<Vec<_>, _>>();
    let addresses = addresses.map_err(|error| Failure::error(format!("--only: {error}")))?;
    select(workspace, &addresses).map_err(|unknown| {
        Failure::error(format!(
            "--only: the manifest has no {}",
            unknown.join(", ")
        ))
    })
}

/// Returns what reads facts that only policies need. What is not asked is not known, and a rule that needs it says so.
fn reader<'a>(
    context: &'a Context<'_>,
    session: &'a Session,
    offline: bool,
) -> impl Fn(&JudgedReads) -> JudgedFacts + 'a {
    move |wanted| {
        if offline {
            return JudgedFacts::default();
        }
        let facts = observe_judged(wanted, &session.registries);
        context.runtime.block_on(facts)
    }
}

/// Fails where the plan would do anything else than a reviewed one.
fn compare_with_reviewed(path: &Path, report: &Report) -> Result<(), Failure> {
    let bytes = std::fs::read(path).map_err(|error| {
        io(
            &format!("cannot read the reviewed plan {}", path.display()),
            &error,
        )
    })?;
    let reviewed = match file::parse(&bytes) {
        Ok(saved) => Report::from(&saved),
        Err(PlanFileError::NotAPlan) => serde_json::from_slice(&bytes).map_err(|error| {
            Failure::error(format!(
                "{} is neither a saved plan nor the JSON of a plan: {error}",
                path.display()
            ))
        })?,
        Err(error) => return Err(Failure::error(format!("{}: {error}", path.display()))),
    };
    let differences = differences(&reviewed, report);
    if differences.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = differences.iter().map(|it| format!("  {it}")).collect();
    Err(Failure::error(format!(
        "this plan is not the reviewed one ({}):\n{}",
        path.display(),
        lines.join("\n")
    ))
    .help("review this plan, or find out what moved"))
}

/// Makes a plan that asks nobody.
fn compare_with_nothing(desired: &Desired) -> Compared {
    let observed = nothing_asked(desired);
    Compared {
        plan: plan(desired, &observed),
        observed,
        warnings: Vec::new(),
        passing: false,
    }
}

/// The world of a plan that asks nobody: nothing of it is known.
fn nothing_asked(desired: &Desired) -> Observed {
    let unread = || Fact::not_read("`--offline` asks no registry");
    let repositories = desired.repositories.iter().map(|repository| {
        let found = ObservedRepository {
            facts: unread(),
            tags: BTreeMap::new(),
        };
        (repository.key.clone(), found)
    });
    Observed {
        repositories: repositories.collect(),
        builder: Fact::Absent,
        records: BTreeMap::new(),
        inventories: BTreeMap::new(),
        tag_counts: BTreeMap::new(),
        replication: BTreeMap::new(),
        pushed: BTreeMap::new(),
        sources: BTreeMap::new(),
    }
}

/// A plan, the world it was compared with, what is to be said about it, and whether every read that failed can succeed later by
/// itself.
struct Compared {
    plan: Plan,
    observed: Observed,
    warnings: Vec<Diagnostic>,
    passing: bool,
}

fn compare(
    context: &Context<'_>,
    desired: &Desired,
    session: &Session,
    is_whole: bool,
) -> Compared {
    context.runtime.block_on(async {
        let given_up = async {
            // A part of the manifest does not say what the whole names.
            if is_whole {
                orphans::notes(desired, session).await
            } else {
                Vec::new()
            }
        };
        let observed = observe(desired, &session.registries, Some(&session.builder));
        let (observed, given_up) = tokio::join!(observed, given_up);
        let mut plan = plan(desired, &observed);
        plan.notes.extend(given_up);
        plan.notes.extend(other_accounts(&plan, session).await);
        let warnings = warnings(desired, &observed, &plan);
        let passing = observed.unread().into_iter().all(Unread::is_passing);
        Compared {
            plan,
            observed,
            warnings,
            passing,
        }
    })
}

/// Lets every image that is pushed tell when the commit was made that it was built at: a later plan warns before a tag moves back.
fn note_commit_time(desired: &mut Desired) {
    let Some(time) = &desired.commit_time else {
        return;
    };
    for image in &mut desired.images {
        if let DesiredInputs::Settled(spec) = &mut image.inputs {
            let name = COMMIT_TIME_ANNOTATION.to_owned();
            spec.stamp_annotations.insert(name, time.clone());
        }
    }
}

/// Says where repositories would be created with credentials of another account: legal, and seldom meant.
async fn other_accounts(plan: &Plan, session: &Session) -> Vec<String> {
    let mut notes = Vec::new();
    for registry in &plan.registries {
        let creates = plan.repositories.iter().any(|repository| {
            repository.key.registry == registry.name
                && repository.action == RepositoryAction::Create
        });
        if !creates {
            continue;
        }
        if let Ok(account) = session.registries.caller_account(&registry.name).await
            && account != registry.account
        {
            let name = &registry.name;
            notes.push(format!(
                "registry {name} is account {}, the credentials are of account {account}: check AWS_PROFILE, or the `profile` and `role` of registry {name}",
                registry.account
            ));
        }
    }
    notes
}

/// Returns the `WINDLASS_*` variables that stand for a flag and are set.
fn effective_variables() -> Vec<String> {
    const FLAGS: [&str; 11] = [
        "WINDLASS_CHDIR",
        "WINDLASS_COLOR",
        "WINDLASS_ENV",
        "WINDLASS_FILE",
        "WINDLASS_INPUT",
        "WINDLASS_LOCAL",
        "WINDLASS_LOCKED",
        "WINDLASS_LOG",
        "WINDLASS_MIRROR",
        "WINDLASS_POLICY",
        "WINDLASS_VAR_FILE",
    ];
    FLAGS
        .iter()
        .filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
        .map(|name| (*name).to_owned())
        .collect()
}
