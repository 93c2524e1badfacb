//! Patterns of a workspace, from the manifest to the Dockerfile.

use std::collections::BTreeMap;

use crate::diag::{Source, text::render_plain};
use crate::manifest::model::{Image, Recipe, Registry};
use crate::manifest::{ResolveInputs, TextFiles, load_with};

use super::{RenderContext, RenderedPattern, check_workspace, find, render, render_reference};

const HEAD: &str =
    "workspace \"shop\"\nregistry \"dev\" { account \"111122223333\"; region \"eu-west-1\" }\n";

/// Renders the image `api` of a manifest, or says what is wrong.
fn rendered(manifest: &str, files: &[(&str, &str)]) -> Result<RenderedPattern, String> {
    let texts = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let host = |registry: &Registry| registry.account.clone();
    let source = Source::new("windlass.kdl", format!("{HEAD}{manifest}"));
    let (workspace, diagnostics) = load_with(
        &source,
        &mut TextFiles::new(texts),
        &ResolveInputs::new(&host),
    );
    let workspace = workspace.ok_or_else(|| render_plain(&diagnostics))?;
    let problems = check_workspace(&workspace);
    if !problems.is_empty() {
        return Err(render_plain(&problems));
    }
    let api = workspace.images.iter().find(|it| it.name.as_str() == "api");
    render_image(api.expect("an image `api`"))
}

fn render_image(image: &Image) -> Result<RenderedPattern, String> {
    let Recipe::Pattern {
        pattern,
        location,
        with,
    } = &image.recipe
    else {
        return Err("no pattern".to_owned());
    };
    let context = RenderContext {
        args: &image.args,
        stamp_args: &image.stamp.args,
        has_file: &|_| false,
    };
    let (rendered, problems) = render_reference(pattern, location, with, &context);
    rendered.ok_or_else(|| render_plain(&problems))
}

fn dockerfile(manifest: &str, files: &[(&str, &str)]) -> String {
    match rendered(manifest, files) {
        Ok(rendered) => rendered.dockerfile,
        Err(problems) => panic!("{problems}"),
    }
}

/// What `python@1` gives by itself.
fn python() -> String {
    let context = RenderContext {
        args: &BTreeMap::new(),
        stamp_args: &BTreeMap::new(),
        has_file: &|_| false,
    };
    let pattern = find("python", 1).expect("a built-in pattern");
    let (rendered, _) = render(pattern, &BTreeMap::new(), &context);
    rendered.expect("a Dockerfile").dockerfile
}

#[test]
fn a_pattern_that_changes_nothing_gives_the_bytes_of_the_one_it_extends() {
    let manifest = "pattern \"house\" extends=\"python@1\"\nimage \"api\" pattern=\"house\"\n";
    assert_eq!(dockerfile(manifest, &[]), python());
    let with_file = "pattern \"house\" extends=\"python@1\" { template \"empty.j2\" }\nimage \"api\" pattern=\"house\"\n";
    assert_eq!(
        dockerfile(with_file, &[("empty.j2", "{# nothing yet #}\n")]),
        python()
    );
}

#[test]
fn blocks_replace_and_add_and_the_rest_stays() {
    let manifest = "pattern \"house\" extends=\"python@1\" { template \"house.j2\" }\nimage \"api\" pattern=\"house\"\n";
    let template = "{% block system %}\n{{ super() }}\nRUN pip config set global.index-url https://pypi.example\n{% endblock %}\n{% block command %}\nCMD [\"./run\"]\n{% endblock %}\n";
    let text = dockerfile(manifest, &[("house.j2", template)]);
    let (before, rest) = python()
        .split_once("# Create non-root user")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .expect("python@1 makes a user");
    assert!(text.starts_with(before.trim_end()), "{text}");
    assert!(
        text.contains("RUN pip config set global.index-url https://pypi.example\n"),
        "{text}"
    );
    assert!(
        text.ends_with("CMD [\"./run\"]\n") && !text.contains("uvicorn"),
        "{text}"
    );
    assert!(
        text.contains(rest.split("CMD").next().expect("a part").trim_end()),
        "{text}"
    );
}

#[test]
fn a_default_of_the_pattern_counts_like_a_value_of_the_image() {
    let manifest = "pattern \"house\" extends=\"python@1\" {\n    param \"base\" { default \"acme/python:3.12\" }\n    param \"port\" { default 9000 }\n}\nimage \"api\" pattern=\"house\" { with { port 9100 } }\n";
    let text = dockerfile(manifest, &[]);
    assert!(text.contains("FROM acme/python:3.12 AS base\n"), "{text}");
    assert!(text.contains("EXPOSE 9100\n"), "{text}");
}

#[test]
fn a_template_of_its_own_gets_typed_parameters_args_and_filters() {
    let manifest = r#"
pattern "static" {
    template "static.j2"
    ignore "*.psd"
    expects "index.html"
    param "root" type="path" { default "public" }
    param "ports" type="list" { default "80" "443" }
    param "headers" type="map"
    param "count" type="int" { default 2 }
    param "debug" type="bool"
    param "start" type="command" { default "nginx" "-g" "daemon off;" }
    param "note"
}
image "api" pattern="static" {
    arg MIRROR="x"
    stamp { arg VERSION="1" }
    with { headers GREETING="say \"$HOME\""; root "html" }
}
"#;
    let template = "FROM nginx:1.27\n{% for name in args %}\nARG {{ name }}\n{% endfor %}\nLABEL count={{ param.count + 1 }} debug={{ param.debug }} ports={{ param.ports | join('-') }}\n{% for name, value in param.headers | items %}\nENV {{ name }}={{ value | env_value }}\n{% endfor %}\n{% if param.note is none %}\n# no note\n{% endif %}\nCOPY {{ param.root }} /srv\nARG {{ stamp_args[0] }}\nRUN {{ param.start | shell }}\nCMD {{ param.start | exec }}\n";
    let found = rendered(manifest, &[("static.j2", template)]).expect("a Dockerfile");
    insta::assert_snapshot!(found.dockerfile);
    assert_eq!(found.expects, ["index.html"]);
    let ignore: Vec<&str> = found
        .own_ignore
        .iter()
        .map(|it| it.value.as_str())
        .collect();
    assert_eq!(ignore, ["*.psd"]);
}

#[test]
fn patterns_of_the_workspace_stand_on_each_other() {
    let manifest = r#"
pattern "one" extends="python@1" { template "one.j2"; param "tier" { default "web" } }
pattern "two" extends="one" { param "tier" { default "worker" } }
pattern "three" extends="two" { template "three.j2" }
image "api" pattern="three"
"#;
    let files = [
        (
            "one.j2",
            "{% block command %}\nLABEL tier={{ param.tier }}\n{% block extra %}\n{% endblock %}\n{{ super() }}\n{% endblock %}\n",
        ),
        (
            "three.j2",
            "{% block extra %}\nLABEL three=\"yes\"\n{% endblock %}\n",
        ),
    ];
    let text = dockerfile(manifest, &files);
    assert!(
        text.contains("LABEL tier=worker\nLABEL three=\"yes\"\n"),
        "{text}"
    );
}

#[test]
fn errors_stand_in_the_file_of_the_template() {
    let manifest = "pattern \"house\" extends=\"python@1\" { template \"deep/house.j2\" }\nimage \"api\" pattern=\"house\"\n";
    let place = |template: &str| {
        let problems = rendered(manifest, &[("deep/house.j2", template)]).expect_err("wrong");
        problems.lines().next().unwrap_or_default().to_owned()
    };
    assert_eq!(
        place("{% block command %}\nCMD {{ param.nope }}\n{% endblock %}\n"),
        "deep/house.j2:2:8: pattern/template: the template uses a value that is not there"
    );
    assert_eq!(
        place("{% block comand %}{% endblock %}\n"),
        "deep/house.j2:1:4: pattern/template: python@1 has no block `comand`"
    );
    assert_eq!(
        place("# see below\n{% block command %}CMD{% endblock %}\n"),
        "deep/house.j2:1:1: pattern/template: the pattern extends python@1, and this is in no block"
    );
}
