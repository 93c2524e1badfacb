//! Findings as SARIF and as a code quality report, held against their schemas: of every Dockerfile of the corpus and every case of a
//! rule's page, with fixes, suppressions and places that lie in no file.

mod common;

use std::path::Path;

use serde_json::{Value, json};
use windlass_core::diag::Source;
use windlass_policy::evaluate::{Found, Subjects, evaluate};
use windlass_policy::output;
use windlass_policy::rules::RULES;
use windlass_policy::subject::ImageSubject;

use common::json_schema::problems;
use common::page::{policies, read_page};

fn schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas");
    let text = std::fs::read_to_string(path.join(name)).expect("a schema");
    serde_json::from_str(&text).expect("JSON")
}

/// Everything that is found in the corpus, each file for itself.
fn corpus() -> Vec<(String, Vec<Found>)> {
    let folder = common::root().join("tests/corpus/dockerfiles");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|it| it.expect("an entry").path())
        .filter(|it| it.extension().is_some_and(|it| it == "Dockerfile"))
        .collect();
    files.sort();
    let found = files.into_iter().map(|path| {
        let text = std::fs::read_to_string(&path).expect("a text");
        let name = path.file_name().expect("a name").to_string_lossy();
        let source = Source::new(format!("a folder/{name}"), text);
        let subjects = Subjects {
            images: vec![ImageSubject::of_text(&source)],
            ..Subjects::default()
        };
        (name.into_owned(), evaluate(&subjects, &policies()))
    });
    found.collect()
}

fn assert_valid(schema: &Value, what: &str, text: &str) -> Value {
    let document: Value = serde_json::from_str(text).expect("JSON");
    let wrong = problems(schema, &document);
    assert!(wrong.is_empty(), "{what}: {}", wrong.join("\n"));
    document
}

#[test]
fn the_corpus_is_sarif_by_the_schema() {
    let schema = schema("sarif-2.1.0-rtm.5.json");
    let (mut results, mut fixes) = (0, 0);
    for (name, found) in corpus() {
        let document = assert_valid(&schema, &name, &output::sarif::render(&found, "1.2.3"));
        let all = document["runs"][0]["results"].as_array().expect("results");
        results += all.len();
        fixes += all.iter().filter(|it| it.get("fixes").is_some()).count();
    }
    assert!(
        results > 500 && fixes > 50,
        "{results} results, {fixes} fixes"
    );
}

#[test]
fn every_case_of_a_rule_is_sarif_by_the_schema() {
    let schema = schema("sarif-2.1.0-rtm.5.json");
    let mut suppressed = 0;
    for rule in RULES {
        for case in &read_page(rule).cases {
            let found = case.everything();
            let what = format!("{}:{}", rule.id, case.line);
            let text = output::sarif::render(&found, "1.2.3");
            let document = assert_valid(&schema, &what, &text);
            let all = document["runs"][0]["results"].as_array().expect("results");
            suppressed += all
                .iter()
                .filter(|it| it.get("suppressions").is_some())
                .count();
        }
    }
    assert!(suppressed > 3, "{suppressed} suppressed");
}

#[test]
fn fingerprints_stay_when_lines_move() {
    let ids = |text: &str| -> Vec<String> {
        let subjects = Subjects {
            images: vec![ImageSubject::of_text(&Source::new("Dockerfile", text))],
            ..Subjects::default()
        };
        let found = evaluate(&subjects, &policies());
        let text = output::sarif::render(&found, "1.2.3");
        let document: Value = serde_json::from_str(&text).expect("JSON");
        let results = document["runs"][0]["results"].as_array().expect("results");
        let mut ids: Vec<String> = results
            .iter()
            .map(|it| it["partialFingerprints"]["windlassFindingId/v1"].to_string())
            .collect();
        ids.sort();
        ids
    };
    let text = "FROM python:latest\nRUN pip install flask\nCMD python app.py\n";
    let moved = "# a comment\n\n\nFROM python:latest\n\nRUN  pip   install flask\n# another\nCMD python app.py\n";
    assert_eq!(ids(text), ids(moved));
    assert_ne!(ids(text), ids(&text.replace("flask", "django")));
}

#[test]
fn the_corpus_is_a_code_quality_report_of_gitlab() {
    let schema = schema("gitlab-code-quality.json");
    for (name, found) in corpus() {
        assert_valid(&schema, &name, &output::gitlab::render(&found));
    }
    for rule in RULES {
        for case in &read_page(rule).cases {
            let what = format!("{}:{}", rule.id, case.line);
            assert_valid(&schema, &what, &output::gitlab::render(&case.everything()));
        }
    }
}

/// The checker itself finds what is wrong, or it proves nothing.
#[test]
fn the_schema_finds_mistakes() {
    let schema = schema("sarif-2.1.0-rtm.5.json");
    let good: Value =
        serde_json::from_str(&output::sarif::render(&corpus()[0].1, "1.2.3")).expect("JSON");
    let wrong = |pointer: &str, value: Value| {
        let mut document = good.clone();
        *document.pointer_mut(pointer).expect("a member") = value;
        !problems(&schema, &document).is_empty()
    };
    assert!(problems(&schema, &good).is_empty());
    assert!(wrong("/version", json!("2.0.0")));
    assert!(wrong("/runs/0/columnKind", json!("bytes")));
    assert!(wrong("/runs/0/tool", json!({})));
    assert!(wrong("/runs/0/results/0/level", json!("deny")));
    assert!(wrong("/runs/0/results/0/message", json!({})));
    assert!(wrong("/runs/0/results/0/ruleIndex", json!(-2)));
    assert!(wrong("/runs/0", json!({ "unknown": 1 })));
    let place = "/runs/0/results/0/locations/0/physicalLocation";
    assert!(wrong(&format!("{place}/region/startLine"), json!(0)));
    assert!(wrong(
        &format!("{place}/artifactLocation/uri"),
        json!("a b")
    ));
}
