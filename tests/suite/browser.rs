//! The HTML view in a real browser: accessible in both themes, quick, small, without requests, and nothing in it runs that is not its own.
//!
//! These run where `WINDLASS_TEST_SERVICES` names `browser`: Chromium is `WINDLASS_TEST_CHROMIUM`, axe-core's script `WINDLASS_TEST_AXE`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use windlass_core::plan::file::Header;
use windlass_core::plan::{self, ImageAction};
use windlass_core::report::wire::{Finding, Level};
use windlass_core::report::{Report, render_html};
use windlass_tests::scenario;

/// How long a browser may take for one page, its own start included.
const PATIENCE: Duration = Duration::from_mins(2);

/// Says whether a browser is to be used; a test of it ends early otherwise.
fn has_browser() -> bool {
    let services = std::env::var("WINDLASS_TEST_SERVICES").unwrap_or_default();
    services.split(',').any(|name| name == "browser")
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("`cargo xtask test` sets {name}"))
}

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

struct Browser {
    folder: tempfile::TempDir,
}

impl Browser {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Loads a page and returns its document as it then stands.
    fn load(&self, name: &str, page: &str, flags: &[&str]) -> String {
        let path = self.folder.path().join(format!("{name}.html"));
        std::fs::write(&path, page).expect("written");
        self.run(&path, name, flags)
    }

    fn run(&self, path: &Path, name: &str, flags: &[&str]) -> String {
        let out = self.folder.path().join(format!("{name}.out"));
        let file = std::fs::File::create(&out).expect("a file");
        let mut child = Command::new(variable("WINDLASS_TEST_CHROMIUM"))
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--dump-dom",
            ])
            .arg(format!(
                "--user-data-dir={}",
                self.folder.path().join(format!("{name}.profile")).display()
            ))
            .args(flags)
            .arg(format!("file://{}", path.display()))
            .stdout(file)
            .stderr(Stdio::null())
            .spawn()
            .expect("Chromium starts");
        let begun = Instant::now();
        while child.try_wait().expect("it can be waited for").is_none() {
            if begun.elapsed() > PATIENCE {
                child.kill().expect("it can be ended");
                panic!("Chromium did not end in {PATIENCE:?}");
            }
            std::thread::yield_now();
            std::thread::park_timeout(Duration::from_millis(20));
        }
        std::fs::read_to_string(&out).expect("the document")
    }
}

/// Adds a script to a page, and takes its policy away so that the script may run.
fn with_script(page: &str, script: &str) -> String {
    let start = page
        .find("<meta http-equiv=\"Content-Security-Policy\"")
        .expect("a policy");
    let end = start + page[start..].find('>').expect("its end") + 1;
    let page = format!("{}{}", &page[..start], &page[end..]);
    page.replace("</body>", &format!("<script>{script}</script></body>"))
}

/// Returns the JSON that a script left in the document.
fn left(document: &str) -> Value {
    let (_, rest) = document
        .split_once("<pre id=\"left\">")
        .expect("the script ran to its end");
    let (text, _) = rest.split_once("</pre>").expect("an end");
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&");
    serde_json::from_str(&text).expect("JSON")
}

const LEAVE: &str = "const leave = (value) => { const it = document.createElement('pre'); it.id = 'left'; it.textContent = JSON.stringify(value); document.body.append(it); };";

#[test]
fn browser_axe_finds_nothing_serious_in_either_theme() {
    if !has_browser() {
        return;
    }
    let axe = std::fs::read_to_string(variable("WINDLASS_TEST_AXE")).expect("axe-core");
    let browser = Browser::new();
    for (name, report) in [
        ("everything", everything()),
        ("hostile", case("hostile-names")),
        ("none", case("up-to-date")),
    ] {
        for theme in ["light", "dark"] {
            let script = format!(
                "document.documentElement.dataset.theme = '{theme}'; {LEAVE} {axe};\n\
                 axe.run(document, {{ resultTypes: ['violations'] }}).then((found) => leave(found.violations.map((it) => \
                 [it.impact, it.id, it.nodes.length, it.nodes[0].html, it.nodes[0].failureSummary])));"
            );
            let page = with_script(
                &render_html(&report),
                &script.replace("</script", "<\\/script"),
            );
            let document = browser.load(
                &format!("{name}-{theme}"),
                &page,
                &["--virtual-time-budget=30000"],
            );
            let found = left(&document);
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
