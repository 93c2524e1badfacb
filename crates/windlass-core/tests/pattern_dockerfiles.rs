//! What patterns render is read by the Dockerfile reader without a word, and pulls what it should.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::diag::{Location, Severity, Source};
use windlass_core::dockerfile::{BaseQuery, bases, check_stamps, parse, pin};
use windlass_core::manifest::model::{Argument, Sourced, Value};
use windlass_core::name::Platform;
use windlass_core::pattern::{RenderContext, find, render};

fn here() -> Location {
    Location {
        source: Source::new("windlass.kdl", ""),
        span: 0..0,
    }
}

fn render_text(name: &str, with: &[(&str, &str)], stamps: &[&str]) -> String {
    let with: BTreeMap<String, Argument> = with
        .iter()
        .map(|&(parameter, value)| {
            let value = Sourced {
                value: Value::Text(value.to_owned()),
                location: here(),
            };
            let argument = Argument {
                values: vec![value],
                properties: BTreeMap::new(),
                location: here(),
            };
            (parameter.to_owned(), argument)
        })
        .collect();
    let stamp_args: BTreeMap<String, Sourced<String>> = stamps
        .iter()
        .map(|&stamp| {
            let value = Sourced {
                value: "1".to_owned(),
                location: here(),
            };
            (stamp.to_owned(), value)
        })
        .collect();
    let context = RenderContext {
        args: &BTreeMap::new(),
        stamp_args: &stamp_args,
        has_file: &|_| false,
    };
    let pattern = find(name, 1).expect("a pattern");
    let (rendered, problems) = render(pattern, &with, &context);
    assert_eq!(problems, []);
    rendered.expect("no problems, so a value").dockerfile
}

fn pulled(text: &str, needs: &[&str]) -> Vec<String> {
    let (dockerfile, problems) = parse(&Source::new("Dockerfile", text));
    assert_eq!(problems, []);
    let (found, problems) = bases(
        &dockerfile,
        &BaseQuery {
            args: &BTreeMap::new(),
            stage: None,
            platform: &Platform::default(),
            needs: &needs.iter().map(|&it| it.to_owned()).collect(),
        },
    );
    assert_eq!(problems, []);
    let found = found.expect("no problems, so a value");
    assert_eq!(pin(&dockerfile, &[]), text);
    let pulled = found.pulled.iter().map(|it| it.image.to_string());
    let needed = found.needs.iter().map(|it| it.name.clone());
    pulled.chain(needed).collect()
}

#[test]
fn each_variant_pulls_its_own_images() {
    let of = |name, variant| pulled(&render_text(name, &[("variant", variant)], &[]), &[]);
    let python = |tag: &str| vec![format!("docker.io/library/python:{tag}")];
    assert_eq!(of("python", "debian"), python("3.12-slim-bookworm"));
    assert_eq!(of("python", "alpine"), python("3.12-alpine"));
    let go = |tag: &str| {
        let runtime = "gcr.io/distroless/static-debian12:nonroot".to_owned();
        vec![format!("docker.io/library/golang:{tag}"), runtime]
    };
    assert_eq!(of("go-distroless", "alpine"), go("1.22-alpine"));
    assert_eq!(of("go-distroless", "debian"), go("1.22-bookworm"));
    let node = |tag: &str| vec![format!("docker.io/library/node:{tag}"); 2];
    assert_eq!(of("node", "alpine"), node("20-alpine"));
    assert_eq!(of("node", "debian"), node("20-bookworm-slim"));
}

#[test]
fn a_workspace_image_is_taken_as_base() {
    for name in ["python", "go-distroless", "node"] {
        let text = render_text(name, &[("base", "our-base")], &[]);
        assert!(
            pulled(&text, &["our-base"]).contains(&"our-base".to_owned()),
            "{name}"
        );
    }
}

#[test]
fn stamps_decide_nothing_in_a_pattern() {
    for (name, flags, notes) in [
        ("python", None, 0),
        ("node", None, 0),
        (
            "go-distroless",
            Some(("ldflags", "-X main.version=$VERSION")),
            1,
        ),
    ] {
        let with: Vec<(&str, &str)> = flags.into_iter().collect();
        let text = render_text(name, &with, &["VERSION"]);
        let (dockerfile, _) = parse(&Source::new("Dockerfile", text));
        let stamps = BTreeSet::from(["VERSION".to_owned()]);
        let found = check_stamps(&dockerfile, &stamps, &BTreeSet::new());
        assert!(found.iter().all(|it| it.severity == Severity::Info));
        assert_eq!(found.len(), notes, "{name}");
    }
}
