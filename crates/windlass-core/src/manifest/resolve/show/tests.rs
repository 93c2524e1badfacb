use super::*;
use crate::diag::{Source, text::render_plain};
use crate::manifest::model::Registry;
use crate::manifest::{TextFiles, read};

const MANIFEST: &str = r#"workspace "shop" { repository-prefix "acme/" }
var "version" { default "1.2" }
registry "dev" {
    account "111122223333"
    region "eu-west-1"
    endpoint ecr="http://127.0.0.1:4566"
    scanning "enhanced" { rule "continuous" match="acme/*"; rule "scan-on-push" match="a-name-that-is-long-enough/to-need-its-own-line/*" }
    fips #false
}
secret "npm" { from-env "NPM_TOKEN" }
builder "default" { parallel 2; timeout "2h" }
registry "prod" {
    account "444455556666"
    region "eu-west-1" "us-east-1"
    role "arn:aws:iam::444455556666:role/windlass" external-id="ci"
}
defaults {
    image {
        target "dev" "prod"
        tag "{{ var.version }}" "{{ registry.region }}"
        stamp { label revision="abc" }
        repository extends="release"
    }
    repository { scan-on-push }
}
image "service" abstract=#true pattern="python@1" {
    with { port 8000; env MODE="fast" LEVEL=3 }
    label team="core"
    timeout "90m"
}
image "api" extends="service" {
    doc "The \"public\" API."
    context "services/api"
    with { port 9000; packages "libpq5" "curl" }
    repository { scan-on-push #false }
}
image "worker-{{ matrix.name }}" {
    matrix {
        row name="import" level=1
        row name="export" level=2
    }
    target "dev"
    arg LEVEL="{{ matrix.level }}"
    secret "npm" id="token"
    ssh "default"
    named-context "shared" from="libs"
    provenance
    max-size "200MiB"
    needs "api" as="base"
}
repository "base" abstract=#true {
    encryption "kms" key="alias/ecr"
    resource-tag team="core"
}
repository "release" extends="base" abstract=#true {
    tags "immutable" { except "latest" "dev*" }
    lifecycle {
        keep count=50 tagged="v*"
        expire untagged=#true pushed-days=7
    }
    access {
        allow "pull" "ecr:ListImages" org="o-a1b2c3d4e5"
        allow "lambda-pull"
    }
}
repository "logs" extends="release" {
    doc "Kept by hand."
    target "dev"
    lifecycle "none"
    access "none"
}
"#;

fn shown(address: &str) -> Shown {
    let (manifest, diagnostics) = read(
        &Source::new("windlass.kdl", MANIFEST),
        &mut TextFiles::default(),
    );
    assert_eq!(render_plain(&diagnostics), "");
    let host = |registry: &Registry| registry.account.clone();
    let inputs = ResolveInputs::new(&host);
    let manifest = manifest.expect("a manifest");
    let (shown, diagnostics) = show(&manifest, &inputs, address);
    shown.unwrap_or_else(|| panic!("{}", render_plain(&diagnostics)))
}

fn kdl(address: &str) -> String {
    match shown(address) {
        Shown::Kdl(text) => text,
        Shown::Unknown(hint) => panic!("{address}: {hint:?}"),
    }
}

#[test]
fn every_line_of_a_node_says_where_it_comes_from() {
    let addresses = [
        "image.api",
        "image.worker-export",
        "repository.acme/api@prod/eu-west-1",
        "repository.acme/logs@dev",
        "registry.dev",
        "registry.prod",
        "registry.prod/us-east-1",
    ];
    let all: Vec<String> = addresses.iter().map(|it| kdl(it)).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn what_is_shown_is_kdl_with_one_origin_a_line() {
    for address in [
        "image.api",
        "image.worker-export",
        "repository.acme/api@dev",
    ] {
        let text = kdl(address);
        kdl::KdlDocument::parse_v2(&text).expect("KDL");
        for line in text.lines().filter(|it| it.trim() != "}") {
            assert!(line.contains("// "), "{line}");
        }
    }
}

#[test]
fn an_address_that_is_not_there_gets_advice() {
    assert_eq!(
        shown("image.apo"),
        Shown::Unknown(Some("did you mean `image.api`?".to_owned()))
    );
    assert!(matches!(shown("image.service"), Shown::Unknown(_)));
    assert!(matches!(shown("registry.nowhere"), Shown::Unknown(_)));
}

#[test]
fn only_the_three_kinds_are_addresses() {
    assert!(is_address("image.api") && is_address("registry.prod"));
    assert!(!is_address("./image.api") && !is_address("plan.windlass"));
}
