//! What is found, in every format. SARIF is held against the parts of its schema that code scanning reads.

mod common;

use serde_json::Value;
use windlass_core::diag::Source;
use windlass_policy::evaluate::{Found, Subjects, evaluate};
use windlass_policy::output;
use windlass_policy::subject::ImageSubject;

const DOCKERFILE: &str = "# windlass: allow base-latest expires=2027-01-31 owner=\"web\" reason=\"until 3.13 is out\"\nFROM python:latest\nARG DB_PASSWORD\nADD a&b.py /é/\n";

fn found() -> Vec<Found> {
    let subjects = Subjects {
        images: vec![ImageSubject::of_text(&Source::new(
            "a b/Dockerfile",
            DOCKERFILE,
        ))],
        ..Subjects::default()
    };
    let mut found = evaluate(&subjects, &common::page::policies());
    let kept = ["base-latest", "secret-in-arg-env", "add-not-copy"];
    found.retain(|it| kept.contains(&it.finding.rule.as_str()));
    found
}

#[test]
fn annotations_of_github() {
    insta::assert_snapshot!(output::github::render(&found()));
}

#[test]
fn code_quality_of_gitlab() {
    insta::assert_snapshot!(output::gitlab::render(&found()));
}

#[test]
fn junit() {
    insta::assert_snapshot!(output::junit::render(&found()));
    insta::assert_snapshot!("junit_empty", output::junit::render(&[]));
}

#[test]
fn json() {
    insta::assert_snapshot!(output::json::render(&found()));
}

#[test]
fn text() {
    insta::assert_snapshot!(output::text::render(&found(), false, 100));
}

#[test]
fn sarif_has_what_the_schema_asks_for() {
    let document: Value =
        serde_json::from_str(&output::sarif::render(&found(), "1.2.3")).expect("JSON");
    assert_eq!(document["version"], "2.1.0");
    let run = &document["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let driver = &run["tool"]["driver"];
    assert_eq!(
        (&driver["name"], &driver["version"]),
        (&"windlass".into(), &"1.2.3".into())
    );
    let rules = driver["rules"].as_array().expect("rules");
    let results = run["results"].as_array().expect("results");
    assert_eq!((rules.len(), results.len()), (3, 3));
    for result in results {
        let index =
            usize::try_from(result["ruleIndex"].as_u64().expect("an index")).expect("small");
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().expect("a level")));
        assert!(
            result["message"]["text"]
                .as_str()
                .is_some_and(|it| !it.is_empty())
        );
        assert_eq!(
            result["partialFingerprints"]["windlassFindingId/v1"]
                .as_str()
                .map(str::len),
            Some(16)
        );
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/Dockerfile");
        for number in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(
                place["region"][number].as_u64().is_some_and(|it| it > 0),
                "{number}"
            );
        }
    }
    let of = |id: &str| {
        results
            .iter()
            .find(|it| it["ruleId"] == id)
            .expect("a result")
    };
    let suppression = &of("base-latest")["suppressions"][0];
    assert_eq!(
        (&suppression["kind"], &suppression["status"]),
        (&"inSource".into(), &"accepted".into())
    );
    assert!(
        suppression["justification"]
            .as_str()
            .is_some_and(|it| it.contains("until 3.13 is out"))
    );
    let fix = &of("add-not-copy")["fixes"][0];
    assert_eq!(
        fix["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"],
        "COPY"
    );
    assert!(of("secret-in-arg-env").get("suppressions").is_none());
}
