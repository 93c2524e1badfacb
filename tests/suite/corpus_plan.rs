//! Every case under `corpus/plan`: its views against their snapshots, and the laws of planning.

use std::error::Error;
use std::path::Path;

use windlass_core::diag::Diagnostic;
use windlass_core::plan::file::{self, Header, SavedDiagnostic, SavedPlan};
use windlass_core::plan::{self, Plan, RepositoryAction};
use windlass_core::report::{Report, TextOptions, render_json, render_markdown, render_text};
use windlass_tests::scenario::{self, Scenario};
use windlass_tests::schema;

datatest_stable::harness! {
    { test = case, root = "corpus/plan", pattern = r"desired\.json$" },
}

/// The files of a case.
const FILES: [&str; 5] = [
    "desired.json",
    "observed.json",
    "plan.txt.snap",
    "plan.md.snap",
    "plan.json.snap",
];

type Outcome = Result<(), Box<dyn Error>>;

fn case(path: &Path) -> Outcome {
    let folder = path.parent().ok_or("a case is a folder")?;
    let mut scenario = scenario::read(folder)?;
    let plan = plan::plan(&scenario.desired, &scenario.observed);
    let warnings = plan::warnings(&scenario.desired, &scenario.observed, &plan);
    scenario.diagnostics.extend(warnings);
    let report = report(&plan, &scenario.diagnostics);
    planning_keeps_its_laws(&scenario, &plan)?;
    views_agree(&report)?;
    saved_plan_is_whole(&plan, &scenario.diagnostics, &report)?;
    snapshots(folder, &report);
    nothing_is_left_over(folder)
}

/// Looks for files of a case that nothing reads or writes, and for folders beside it that are no case.
fn nothing_is_left_over(folder: &Path) -> Outcome {
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let known = FILES.iter().any(|known| name == **known);
        expect(known, || format!("nothing uses {}", name.display()))?;
    }
    for entry in std::fs::read_dir(folder.parent().ok_or("cases lie in a folder")?)? {
        let case = entry?.path().join("desired.json");
        expect(case.is_file(), || format!("{} is missing", case.display()))?;
    }
    Ok(())
}

fn header(plan: &Plan) -> Header {
    Header {
        windlass_version: "0.0.0-test".to_owned(),
        created_at: "2026-11-23T09:15:00Z".to_owned(),
        environment_variables: plan
            .environment
            .iter()
            .map(|_| "WINDLASS_ENV".to_owned())
            .collect(),
    }
}

fn report(plan: &Plan, diagnostics: &[Diagnostic]) -> Report {
    Report::new(plan, &header(plan), diagnostics)
}

/// Looks at what must hold for every plan, whatever it says.
fn planning_keeps_its_laws(scenario: &Scenario, plan: &Plan) -> Outcome {
    let Scenario {
        desired,
        observed,
        diagnostics: _,
    } = scenario;
    expect(plan::check(plan).is_empty(), || {
        format!("plan::check: {:?}", plan::check(plan))
    })?;
    expect(plan::plan(desired, observed) == *plan, || {
        "planning twice gives two plans".to_owned()
    })?;
    let mut shuffled = desired.clone();
    shuffled.images.reverse();
    shuffled.repositories.reverse();
    shuffled.registries.reverse();
    shuffled.variables.reverse();
    let other = report(&plan::plan(&shuffled, observed), &[]);
    expect(other == report(plan, &[]), || {
        "the order of the inputs shows in the report".to_owned()
    })?;
    if plan.is_applicable() {
        let then = plan::plan(desired, &plan::after(observed, plan));
        expect(!then.has_changes(), || {
            format!("steps are left after apply: {then:#?}")
        })?;
    }
    Ok(())
}

/// Looks at what the views must say together.
fn views_agree(report: &Report) -> Outcome {
    let text = render_text(report, &text_options());
    let markdown = render_markdown(report);
    let json = render_json(report);
    let read: Report = serde_json::from_str(&json)?;
    let schema = serde_json::from_str(include_str!("../../docs/formats/plan.schema.json"))?;
    let problems = schema::problems(&schema, &serde_json::from_str(&json)?);
    expect(problems.is_empty(), || {
        format!("the JSON is not as its schema says: {problems:#?}")
    })?;
    expect(read == *report, || {
        "the JSON reads back as something else".to_owned()
    })?;
    for image in &report.images {
        expect(text.contains(&image.address), || {
            format!("the text does not name {}", image.address)
        })?;
        expect(markdown.contains(&image.address), || {
            format!("the Markdown does not name {}", image.address)
        })?;
    }
    for repository in &report.repositories {
        let named = [&text, &markdown].map(|view| view.contains(&repository.address));
        expect(
            named == [true, true] || repository.action == RepositoryAction::None,
            || format!("a view does not name {}", repository.address),
        )?;
    }
    for view in [&text, &markdown] {
        expect(
            report.applicable != view.contains("cannot be applied"),
            || "a view does not say whether the plan can be applied".to_owned(),
        )?;
    }
    expect(markdown.chars().count() <= 65_000, || {
        "the Markdown is too long for a comment".to_owned()
    })?;
    let painted = TextOptions {
        color: true,
        ..text_options()
    };
    expect(
        without_codes(&render_text(report, &painted)) == text,
        || "colour changes more than colour".to_owned(),
    )
}

fn text_options() -> TextOptions {
    TextOptions {
        color: false,
        width: 100,
    }
}

/// Removes ANSI colour codes.
fn without_codes(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| {
        plain + part.split_once('m').map_or(part, |(_, rest)| rest)
    })
}

/// Saves the plan and reads it again.
fn saved_plan_is_whole(plan: &Plan, diagnostics: &[Diagnostic], report: &Report) -> Outcome {
    let saved = SavedPlan {
        header: header(plan),
        plan: plan.clone(),
        diagnostics: diagnostics.iter().map(SavedDiagnostic::from).collect(),
    };
    let read = file::parse(&file::render(&saved))?;
    expect(read == saved, || {
        "the saved plan reads back as something else".to_owned()
    })?;
    expect(Report::from(&read) == *report, || {
        "the saved plan shows something else".to_owned()
    })
}

fn snapshots(folder: &Path, report: &Report) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        insta::assert_snapshot!("plan.txt", render_text(report, &text_options()));
        insta::assert_snapshot!("plan.md", render_markdown(report));
        insta::assert_snapshot!("plan.json", render_json(report));
    });
}

fn expect(holds: bool, otherwise: impl FnOnce() -> String) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(otherwise().into())
    }
}
