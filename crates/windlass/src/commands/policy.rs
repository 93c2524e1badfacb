//! `windlass policy`: the rules in force, and the cases of packs.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;
use windlass_core::diag::{Source, has_errors, text::render_plain};
use windlass_core::lock::Lock;
use windlass_core::manifest::{self, ResolveInputs};
use windlass_core::plan::file;
use windlass_policy::evaluate::{Found, Subjects, evaluate};
use windlass_policy::force::{LoadedPack, Policies};
use windlass_policy::pack::{PackCase, Place};
use windlass_policy::rego::{Rego, RegoPack};
use windlass_policy::rule::Profile;
use windlass_policy::rules::RULES;
use windlass_policy::shipped;
use windlass_policy::subject::{ImageSubject, RepositorySubject};

use crate::cli::{PolicyArgs, PolicyCommand, PolicyListArgs, PolicyTestArgs};
use crate::commands::Context;
use crate::commands::judge::document;
use crate::commands::lint::profile;
use crate::failure::{Exit, Failure};
use crate::load;
use crate::policies;
use crate::session::default_host;

pub(crate) fn run(context: &Context<'_>, arguments: &PolicyArgs) -> Result<Exit, Failure> {
    match &arguments.command {
        PolicyCommand::List(arguments) => list(context, arguments),
        PolicyCommand::Test(arguments) => test(context, arguments),
    }
}

fn list(context: &Context<'_>, arguments: &PolicyListArgs) -> Result<Exit, Failure> {
    let mut policies = match load::find(context.global) {
        // A workspace has its own packs and waivers; what it decides is shown with what is demanded.
        Ok(place) => {
            let loaded = load::load(&place, context.global, &default_host)?;
            policies::of_workspace(context.global, &loaded.workspace, &place.root)?
        }
        Err(_) => policies::load(context.global, Profile::Baseline, None)?,
    };
    policies.profile = profile(arguments.profile);
    context.done(&if arguments.json {
        format!("{:#}\n", list_json(&policies))
    } else {
        list_text(&policies)
    })
}

fn list_json(policies: &Policies) -> serde_json::Value {
    let packs: Vec<_> = policies
        .packs
        .iter()
        .map(|it| {
            json!({
                "name": it.pack.name.value,
                "version": it.pack.version,
                "reference": it.reference,
                "digest": it.digest.as_str(),
                "mandatory": it.is_mandatory,
            })
        })
        .collect();
    let mut rules = Vec::new();
    for rule in RULES {
        for force in policies.in_force(rule, &Place::default()) {
            rules.push(json!({
                "rule": rule.id,
                "level": force.level.as_str(),
                "pack": force.pack.map(|it| it.name.value.clone()),
                "mandatory": force.is_mandatory,
                "waivable": force.is_waivable,
                "aliases": rule.aliases,
                "summary": rule.summary(),
            }));
        }
    }
    rules.extend(custom_rules(policies).map(|(id, pack)| {
        json!({
            "rule": id,
            "pack": pack.pack.name.value,
            "mandatory": pack.is_mandatory,
            "source": "rego",
        })
    }));
    json!({ "format_version": "1.0", "profile": policies.profile.as_str(), "packs": packs, "rules": rules })
}

fn list_text(policies: &Policies) -> String {
    let mut text = format!("profile {}\n", policies.profile.as_str());
    for it in &policies.packs {
        let kind = if it.is_mandatory {
            "mandatory pack"
        } else {
            "pack"
        };
        let name = &it.pack.name.value;
        let _ = writeln!(
            text,
            "{kind} {name} version {} from {}@{}",
            it.pack.version, it.reference, it.digest
        );
    }
    text.push('\n');
    let mut count = 0;
    for rule in RULES {
        for force in policies.in_force(rule, &Place::default()) {
            count += 1;
            let from = match force.pack {
                Some(pack) if force.is_mandatory => format!("  [{}, mandatory]", pack.name.value),
                Some(pack) => format!("  [{}]", pack.name.value),
                None => String::new(),
            };
            let _ = writeln!(
                text,
                "{:<16} {:<28} {}{from}",
                force.level.as_str(),
                rule.id,
                rule.summary()
            );
        }
    }
    for (id, pack) in custom_rules(policies) {
        let mandatory = if pack.is_mandatory { ", mandatory" } else { "" };
        let _ = writeln!(
            text,
            "{:<16} {id:<28} a rule in Rego decides about its level.  [{}{mandatory}]",
            "rego", pack.pack.name.value
        );
    }
    let _ = writeln!(
        text,
        "\n{count} rules in force of {}; `windlass explain RULE` prints a rule's page.",
        RULES.len()
    );
    text
}

/// The rules in Rego that packs bring, each with its pack.
fn custom_rules(policies: &Policies) -> impl Iterator<Item = (String, &LoadedPack)> {
    policies.packs.iter().flat_map(|pack| {
        let rego = pack.rego.iter();
        let ids = rego.flat_map(|it| it.slugs());
        ids.map(move |slug| (format!("{}/{slug}", pack.pack.name.value), pack))
    })
}

/// A pack and the folder that its paths are relative to.
struct Tested {
    loaded: LoadedPack,
    folder: Option<PathBuf>,
}

fn test(context: &Context<'_>, arguments: &PolicyTestArgs) -> Result<Exit, Failure> {
    let named = if arguments.packs.is_empty() {
        &context.global.policies
    } else {
        &arguments.packs
    };
    if named.is_empty() {
        return Err(Failure::error("no pack is named").help(
            "name one: windlass policy test policies/org.kdl, or windlass:baseline for one that is shipped",
        ));
    }
    let mut packs = Vec::new();
    for name in named {
        packs.extend(tested(name)?);
    }
    let mut text = String::new();
    let mut failed = 0;
    for pack in &packs {
        failed += test_pack(pack, arguments.coverage, &mut text);
    }
    context.terminal.print(&text)?;
    if failed > 0 {
        return Err(Failure::error(format!("{failed} cases fail")));
    }
    Ok(Exit::Done)
}

fn tested(name: &str) -> Result<Vec<Tested>, Failure> {
    if name.starts_with("windlass:") {
        let loaded = policies::load_reference(name, None)?;
        return Ok(loaded
            .into_iter()
            .map(|loaded| Tested {
                loaded,
                folder: None,
            })
            .collect());
    }
    let path = Path::new(name);
    let files = if path.is_dir() {
        policies::packs_in(path, name)?
    } else {
        vec![path.to_owned()]
    };
    files
        .iter()
        .map(|file| {
            let shown = file.display().to_string();
            Ok(Tested {
                loaded: policies::load_file(file, &shown, false)?,
                folder: Some(file.parent().unwrap_or(Path::new(".")).to_owned()),
            })
        })
        .collect()
}

/// Runs the cases of a pack and returns how many fail; a pack without cases proves nothing, which is said.
fn test_pack(pack: &Tested, coverage: bool, text: &mut String) -> usize {
    let name = &pack.loaded.pack.name.value;
    let cases = &pack.loaded.pack.cases;
    let mut failed = 0;
    let mut expected = BTreeSet::new();
    for case in cases {
        expected.extend(case.expect.iter().map(|it| it.rule.value.clone()));
        let title = &case.name.value;
        match run_case(pack, case) {
            Ok(wrong) if wrong.is_empty() => {
                let _ = writeln!(text, "ok    {name}: {title}");
            }
            Ok(wrong) => {
                failed += 1;
                let _ = writeln!(text, "FAIL  {name}: {title}");
                for line in wrong {
                    let _ = writeln!(text, "      {line}");
                }
            }
            Err(why) => {
                failed += 1;
                let _ = writeln!(text, "FAIL  {name}: {title}: {why}");
            }
        }
    }
    let tests = pack
        .loaded
        .rego
        .as_ref()
        .map(|rego| test_rego(name, rego, coverage, text));
    let (number, wrong) = tests.unwrap_or_default();
    failed += wrong;
    if cases.is_empty() && number == 0 {
        let _ = writeln!(text, "none  {name}: the pack has no case");
    }
    if coverage {
        let rules: BTreeSet<&str> = pack
            .loaded
            .pack
            .rules
            .iter()
            .map(|it| it.id.value.as_str())
            .collect();
        let without: Vec<&str> = rules
            .iter()
            .copied()
            .filter(|id| !expected.contains(*id))
            .collect();
        let covered = rules.len() - without.len();
        let _ = writeln!(
            text,
            "cover {name}: {covered} of {} rules are expected by a case",
            rules.len()
        );
        if !without.is_empty() {
            let _ = writeln!(text, "      none expects {}", without.join(", "));
        }
    }
    failed
}

/// Runs the `test_` rules of a pack and returns how many there are and how many fail.
fn test_rego(name: &str, pack: &RegoPack, coverage: bool, text: &mut String) -> (usize, usize) {
    let mut rego = match Rego::new(pack) {
        Ok(rego) => rego,
        Err(why) => {
            let _ = writeln!(text, "FAIL  {name}: {why}");
            return (1, 1);
        }
    };
    if coverage {
        rego.count_coverage();
    }
    let (count, failed) = rego.test();
    for test in &failed {
        let _ = writeln!(text, "FAIL  {name}: {test}");
    }
    if count > failed.len() {
        let _ = writeln!(text, "ok    {name}: {} tests of Rego", count - failed.len());
    }
    if coverage {
        for (path, covered, missed) in rego.coverage() {
            let missed: Vec<String> = missed.iter().map(ToString::to_string).collect();
            let _ = writeln!(
                text,
                "cover {name}: {path}: {covered} lines reached, not reached: {}",
                if missed.is_empty() {
                    "none".to_owned()
                } else {
                    missed.join(" ")
                }
            );
        }
    }
    (count, failed.len())
}

/// Returns what differs from what the case expects.
fn run_case(pack: &Tested, case: &PackCase) -> Result<Vec<String>, String> {
    let file = &case.file.value;
    let held = match &pack.folder {
        Some(folder) => std::fs::read_to_string(folder.join(file))
            .map_err(|error| format!("cannot read {file}: {error}"))?,
        None => shipped::case_file(file)
            .ok_or_else(|| format!("windlass ships no {file}"))?
            .to_owned(),
    };
    let today =
        crate::commands::lint::today().map_err(|_| "the clock cannot be used".to_owned())?;
    let mut policies = Policies::new(Profile::Baseline, today);
    policies.packs = vec![pack.loaded.clone()];
    let extension = Path::new(file).extension().and_then(|it| it.to_str());
    let source = Source::new(file.clone(), held);
    let subjects = match extension {
        Some("kdl") => of_manifest(&source)?,
        Some("windlass") => of_plan(&source, &mut policies)?,
        _ => Subjects {
            images: vec![ImageSubject::of_text(&source)],
            ..Subjects::default()
        },
    };
    let found = evaluate(&subjects, &policies);
    Ok(differences(&pack.loaded, case, &found))
}

/// A saved plan is judged as `apply` judges it.
fn of_plan(source: &Source, policies: &mut Policies) -> Result<Subjects, String> {
    let saved = file::parse(source.text.as_bytes()).map_err(|error| error.to_string())?;
    policies.environment.clone_from(&saved.plan.environment);
    let mut subjects = Subjects::of_plan(&saved.plan);
    subjects.plan = document(&saved.plan, &saved.header, policies);
    Ok(subjects)
}

fn of_manifest(source: &std::sync::Arc<Source>) -> Result<Subjects, String> {
    let (workspace, diagnostics) = manifest::load(source, &ResolveInputs::new(&default_host));
    match workspace {
        Some(workspace) if !has_errors(&diagnostics) => {
            let images = workspace.images.iter().map(|image| {
                let empty = Source::new(format!("image.{}/Dockerfile", image.name), "");
                ImageSubject::of_image(image, &empty, &Lock::default())
            });
            Ok(Subjects {
                images: images.collect(),
                repositories: RepositorySubject::of_workspace(&workspace),
                plan: None,
            })
        }
        _ => Err(render_plain(&diagnostics)),
    }
}

/// Compares with what rules of the pack found; what others find does not count.
fn differences(loaded: &LoadedPack, case: &PackCase, found: &[Found]) -> Vec<String> {
    let spoken = |rule: &str| {
        let own = rule
            .split_once('/')
            .is_some_and(|it| it.0 == loaded.pack.name.value);
        own || loaded.pack.rules.iter().any(|it| it.id.value == rule)
    };
    let mut left: Vec<&Found> = found
        .iter()
        .filter(|it| spoken(&it.finding.rule) && it.finding.waived_by.is_none())
        .collect();
    let mut wrong = Vec::new();
    for expected in &case.expect {
        let fits = |it: &&Found| {
            let line = expected
                .line
                .is_none_or(|line| it.finding.line == Some(line));
            it.finding.rule == expected.rule.value && line
        };
        if let Some(at) = left.iter().position(fits) {
            left.remove(at);
        } else {
            let line = expected
                .line
                .map_or(String::new(), |line| format!(" in line {line}"));
            wrong.push(format!("expected {}{line}, not found", expected.rule.value));
        }
    }
    for it in left {
        let finding = &it.finding;
        let line = finding
            .line
            .map_or(String::new(), |line| format!(" in line {line}"));
        wrong.push(format!(
            "found {}{line}, not expected: {}",
            finding.rule, finding.message
        ));
    }
    wrong
}
