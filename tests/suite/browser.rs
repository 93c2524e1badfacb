//! The HTML view in a real browser: accessible in both themes, quick, small, without requests, and nothing in it runs that is not its own.
//!
//! The page of `examples/monorepo` as the binary writes it is looked at in `crates/windlass/tests/monorepo.rs`.

#[path = "../../crates/windlass/tests/common/browser.rs"]
mod chromium;

use std::path::Path;

use chromium::{Browser, LEAVE, has_browser, left, objections, with_script};
use serde_json::Value;
use windlass_core::plan::file::Header;
use windlass_core::plan::{self, ImageAction};
use windlass_core::report::wire::{Finding, Level};
use windlass_core::report::{Report, render_html};
use windlass_tests::scenario;

/// Returns the document of a corpus case.
fn case(name: &str) -> Report {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus/plan")
        .join(name);
    let scenario = scenario::read(&folder).expect("a case of the corpus");
    let plan = plan::plan(&scenario.desired, &scenario.observed);
    let header = Header {
        windlass_version: "0.0.0-test".to_owned(),
        created_at: "2026-11-23T09:15:00Z".to_owned(),
        environment_variables: Vec::new(),
    };
    Report::new(&plan, &header, &scenario.diagnostics)
}

/// Returns a plan with everything that the page can show, and findings at lines.
fn everything() -> Report {
    let mut report = case("every-kind-of-change");
    let image = report
        .images
        .iter()
        .find(|image| image.action != ImageAction::None && image.dockerfile.after.is_some())
        .expect("an image with a Dockerfile");
    let address = image.address.clone();
    let levels = Level::ALL.into_iter().zip([Some(1), Some(1), None, None]);
    report.policies = levels
        .map(|(level, line)| Finding {
            rule: format!("a-rule-{level:?}").to_lowercase(),
            level,
            address: Some(address.clone()),
            file: Some(
                if line.is_some() {
                    "Dockerfile"
                } else {
                    "windlass.kdl"
                }
                .to_owned(),
            ),
            line: line.or(Some(3)),
            column: Some(1),
            end_line: line.or(Some(3)),
            end_column: Some(5),
            message: "what is wrong".to_owned(),
            help: Some("what to do".to_owned()),
            aliases: Vec::new(),
            waived_by: (level == Level::Warn).then(|| "ops until 2027-01-31: moving".to_owned()),
            finding_id: "1".to_owned(),
        })
        .collect();
    report
}

/// Returns a plan of forty images with Dockerfiles as long as real ones.
fn forty() -> Report {
    let mut report = everything();
    let changed: Vec<_> = report
        .images
        .iter()
        .filter(|image| image.dockerfile.after.is_some())
        .cloned()
        .collect();
    let steps = "RUN apt-get update && apt-get install --yes curl && rm -rf /var/lib/apt/lists/*\n";
    report.images = (0..40)
        .map(|at| {
            let mut image = changed[at % changed.len()].clone();
            image.address = format!("image.service-{at}");
            image.needs = (at >= 20)
                .then(|| format!("image.service-{}", at - 20))
                .into_iter()
                .collect();
            image.dockerfile.after = Some(format!("FROM debian:bookworm\n{}", steps.repeat(60)));
            image
        })
        .collect();
    report.summary.images = ImageAction::ALL
        .map(|action| {
            let count = report
                .images
                .iter()
                .filter(|it| it.action == action)
                .count();
            (action, count)
        })
        .into();
    report
}

#[test]
fn browser_axe_finds_nothing_serious_in_either_theme() {
    if !has_browser() {
        return;
    }
    let browser = Browser::new();
    for (name, report) in [
        ("everything", everything()),
        ("hostile", case("hostile-names")),
        ("none", case("up-to-date")),
    ] {
        for theme in ["light", "dark"] {
            let found = objections(&browser, name, &render_html(&report), theme);
            assert_eq!(found, serde_json::json!([]), "{name} in {theme}");
        }
    }
}

#[test]
fn browser_nothing_runs_but_the_script_of_the_page() {
    if !has_browser() {
        return;
    }
    let report = case("hostile-names");
    let document = Browser::new().load("hostile", &render_html(&report), &[]);
    assert!(
        document.contains("class=\"js\""),
        "the page's own script runs under its policy"
    );
    // One that slipped through would still be stopped.
    let page = render_html(&report).replace("</main>", "<script>document.title = 'owned'</script><img src=\"x\" onerror=\"document.title = 'owned'\"></main>");
    let document = Browser::new().load("slipped", &page, &[]);
    assert!(
        document.contains("<title>windlass plan"),
        "a foreign script ran"
    );
}

#[test]
fn browser_forty_images_are_small_and_open_at_once() {
    if !has_browser() {
        return;
    }
    let report = forty();
    let page = render_html(&report);
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    let script = format!(
        "{LEAVE} addEventListener('load', () => leave({{ milliseconds: Math.round(performance.now()), cards: document.querySelectorAll('.card[data-action], .same [data-action]').length, counts: [...document.querySelectorAll('[data-filter]')].map((it) => [it.dataset.filter, Number(it.querySelector('b').textContent)]) }}));"
    );
    let browser = Browser::new();
    let mut found = Value::Null;
    let mut milliseconds = u64::MAX;
    // The best of a few loads: what else the machine does is not the page's.
    for round in 0..5 {
        let name = format!("forty-{round}");
        found = left(&browser.load(&name, &with_script(&page, &script), &[]));
        assert_eq!(found["cards"], 40);
        milliseconds = milliseconds.min(found["milliseconds"].as_u64().expect("a number"));
        if milliseconds < 1_000 {
            break;
        }
    }
    drop(std::io::Write::write_all(
        &mut std::io::stderr(),
        format!(
            "forty images: {} bytes, loaded in {milliseconds} ms\n",
            page.len()
        )
        .as_bytes(),
    ));
    for pair in found["counts"].as_array().expect("a list") {
        let (action, count) = (pair[0].as_str().expect("an action"), &pair[1]);
        let json = serde_json::to_value(&report.summary.images).expect("JSON");
        assert_eq!(&json[action], count, "{action}");
    }
}

#[test]
fn browser_folded_cards_are_read_when_they_are_opened_found_or_linked_to() {
    if !has_browser() {
        return;
    }
    let page = render_html(&forty());
    let script = format!(
        "{LEAVE} addEventListener('load', () => {{\n\
         const lines = (id) => document.getElementById(id).querySelectorAll('.l').length;\n\
         const cards = [...document.querySelectorAll('.card[data-action]')].filter((it) => !it.querySelector(':scope > details').open).map((it) => it.id);\n\
         const before = cards.map(lines);\n\
         const elements = document.getElementsByTagName('*').length;\n\
         document.getElementById(cards[0]).querySelector('summary').click();\n\
         location.hash = '#' + cards[1];\n\
         setTimeout(() => {{\n\
           const opened = [lines(cards[0]), lines(cards[1])].map((it) => it > 50);\n\
           const find = document.getElementById('find');\n\
           find.value = 'apt-get'; find.dispatchEvent(new Event('input'));\n\
           leave({{ before: Math.max(...before), elements, opened, all: cards.every((it) => lines(it) > 50), shown: document.getElementById('shown').textContent }});\n\
         }}, 200);\n\
         }});"
    );
    let flags = ["--virtual-time-budget=5000"];
    let found = left(&Browser::new().load("folded", &with_script(&page, &script), &flags));
    assert_eq!(found["before"], 0, "{found}");
    assert!(
        found["elements"].as_u64().is_some_and(|it| it < 2_000),
        "{found}"
    );
    assert_eq!(found["opened"], serde_json::json!([true, true]), "{found}");
    assert_eq!(found["all"], true, "{found}");
    assert!(
        found["shown"]
            .as_str()
            .is_some_and(|it| it.ends_with("images shown")),
        "{found}"
    );
}

#[test]
fn browser_folded_cards_are_there_where_no_script_runs() {
    if !has_browser() {
        return;
    }
    // What a sandbox without scripts shows, as CI servers put reports in one.
    let page = render_html(&forty())
        .replace('&', "&amp;")
        .replace('"', "&quot;");
    let outer = format!(
        "<!doctype html><title>outer</title><body><iframe id=\"inner\" sandbox=\"allow-same-origin\" srcdoc=\"{page}\"></iframe><script>{LEAVE} addEventListener('load', () => {{\n\
         const inner = document.getElementById('inner').contentDocument;\n\
         const cards = [...inner.querySelectorAll('.card[data-action]')];\n\
         leave({{ script: inner.documentElement.classList.contains('js'), cards: cards.length, lines: Math.min(...cards.map((it) => it.querySelectorAll('.l').length)) }});\n\
         }});</script></body>"
    );
    let found = left(&Browser::new().load("sandboxed", &outer, &[]));
    assert_eq!(found["script"], false, "{found}");
    assert!(found["cards"].as_u64().is_some_and(|it| it > 12), "{found}");
    assert!(found["lines"].as_u64().is_some_and(|it| it > 50), "{found}");
}
