//! Golden tests of the patterns: the bytes of a major never change.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diag::{Diagnostic, Location, Source};
use crate::manifest::model::{Argument, Sourced, Value};

mod installing;

use super::{Pattern, RenderContext, RenderedPattern, all, find, render};

fn here() -> Location {
    let source: Arc<Source> = Source::new("windlass.kdl", "with");
    Location { source, span: 0..4 }
}

fn sourced<T>(value: T) -> Sourced<T> {
    Sourced {
        value,
        location: here(),
    }
}

/// What stands under `with`, as tests write it.
#[derive(Default)]
struct With(BTreeMap<String, Argument>);

impl With {
    fn argument(&mut self, name: &str) -> &mut Argument {
        self.0.entry(name.to_owned()).or_insert_with(|| Argument {
            values: Vec::new(),
            properties: BTreeMap::new(),
            location: here(),
        })
    }

    fn text(mut self, name: &str, texts: &[&str]) -> Self {
        let values = texts.iter().map(|&it| sourced(Value::Text(it.to_owned())));
        self.argument(name).values.extend(values);
        self
    }

    fn integer(mut self, name: &str, number: i64) -> Self {
        let value = sourced(Value::Integer(number));
        self.argument(name).values.push(value);
        self
    }

    fn flag(mut self, name: &str) -> Self {
        self.argument(name);
        self
    }

    fn property(mut self, name: &str, key: &str, value: &str) -> Self {
        let value = sourced(Value::Text(value.to_owned()));
        self.argument(name).properties.insert(key.to_owned(), value);
        self
    }
}

fn args(names: &[&str]) -> BTreeMap<String, Sourced<String>> {
    names
        .iter()
        .map(|&name| (name.to_owned(), sourced("1".to_owned())))
        .collect()
}

fn pattern(name: &str) -> &'static Pattern {
    find(name, 1).expect("a built-in pattern")
}

fn render_with(
    name: &str,
    with: &With,
    stamps: &[&str],
) -> (Option<RenderedPattern>, Vec<Diagnostic>) {
    let context = RenderContext {
        args: &BTreeMap::new(),
        stamp_args: &args(stamps),
        has_file: &|_| false,
    };
    render(pattern(name), &with.0, &context)
}

fn good(name: &str, with: &With) -> RenderedPattern {
    let (rendered, problems) = render_with(name, with, &[]);
    assert_eq!(problems, []);
    rendered.expect("no problems, so a value")
}

fn dockerfile(name: &str, with: &With) -> String {
    good(name, with).dockerfile
}

fn messages(name: &str, with: &With, stamps: &[&str]) -> String {
    let (rendered, problems) = render_with(name, with, stamps);
    assert_eq!(rendered, None);
    let lines: Vec<String> = problems
        .iter()
        .map(|it| {
            let help = it.help.as_deref().unwrap_or_default();
            format!("{}: {} / {help}", it.code, it.message)
        })
        .collect();
    lines.join("\n")
}

#[test]
fn defaults_are_the_seed_mended() {
    for name in ["python", "go-distroless", "node"] {
        insta::assert_snapshot!(format!("{name}@1"), dockerfile(name, &With::default()));
    }
}

#[test]
fn the_other_variant_of_each_pattern() {
    let other = |variant| With::default().text("variant", &[variant]);
    insta::assert_snapshot!("python@1-alpine", dockerfile("python", &other("alpine")));
    insta::assert_snapshot!(
        "go-distroless@1-debian",
        dockerfile("go-distroless", &other("debian"))
    );
    insta::assert_snapshot!("node@1-debian", dockerfile("node", &other("debian")));
}

fn every_parameter(name: &str, variant: &str) -> With {
    let with = With::default()
        .text("variant", &[variant])
        .text("base", &["base-image"])
        .integer("port", 9000)
        .text("packages", &["libpq5", "curl=7.88.1"])
        .text("init", &["tini"])
        .integer("uid", 10_001)
        .property("env", "QUEUE", "mail \"x\" $HOME")
        .property("env", "MODE", "fast")
        .text("healthcheck", &["/probe", "it's"])
        .text("ca_bundle", &["certs/corp.pem"]);
    match name {
        "python" => with
            .text("command", &["python", "-m", "worker"])
            .text(
                "requirements",
                &[
                    "requirements/base.txt",
                    "requirements/prod.txt",
                    "extra.txt",
                ],
            )
            .text("build_packages", &["gcc", "libpq-dev"])
            .text("user", &["shop"])
            .text("group", &["shops"])
            .integer("gid", 500),
        "go-distroless" => with
            .text("main", &["./cmd/gateway"])
            .text("runtime", &["scratch"])
            .text("ldflags", &["-X 'main.version=$VERSION'"])
            .text("tags", &["netgo", "osusergo"])
            .flag("tzdata")
            .text("arguments", &["serve", "--fast"]),
        _ => with
            .text("command", &["node", "dist/main.js"])
            .text("package_files", &["package*.json", "prisma/schema.prisma"])
            .text("build", &["npm", "run", "build", "--", "a b"])
            .text("output", &["dist", "public"])
            .text("build_packages", &["python3", "make", "g++"])
            .text("user", &["shop"]),
    }
}

#[test]
fn every_parameter_at_once() {
    for name in ["python", "go-distroless", "node"] {
        for variant in ["alpine", "debian"] {
            let context = RenderContext {
                args: &args(&["REGION"]),
                stamp_args: &args(&["BUILD_DATE", "VERSION"]),
                has_file: &|_| false,
            };
            let (rendered, problems) =
                render(pattern(name), &every_parameter(name, variant).0, &context);
            assert_eq!(problems, []);
            let text = rendered.expect("a value").dockerfile;
            insta::assert_snapshot!(format!("{name}@1-everything-{variant}"), text);
        }
    }
}

#[test]
fn smaller_combinations() {
    let pip = With::default()
        .text("build_packages", &["gcc"])
        .integer("uid", 400);
    insta::assert_snapshot!("python@1-compiler", dockerfile("python", &pip));
    let cgo = With::default().flag("cgo").text("variant", &["debian"]);
    insta::assert_snapshot!("go-distroless@1-cgo", dockerfile("go-distroless", &cgo));
    let built = With::default()
        .text("build", &["npm", "run", "build"])
        .text("init", &["none"]);
    insta::assert_snapshot!("node@1-build", dockerfile("node", &built));
}

#[test]
fn an_application_without_dependencies_gets_an_empty_folder_of_them() {
    let mut without = With::default();
    let no = sourced(Value::Flag(false));
    without.argument("dependencies").values.push(no);
    let old = dockerfile("node", &With::default());
    let new = dockerfile("node", &without);
    let expected = old.replace(
        "RUN npm ci --omit=dev\n",
        "RUN npm ci --omit=dev && \\\n    mkdir -p node_modules\n",
    );
    assert_ne!(old, new);
    assert_eq!(new, expected);
    let built = dockerfile("node", &without.text("build", &["npm", "run", "build"]));
    assert!(
        built.contains("    npm prune --omit=dev && \\\n    mkdir -p node_modules\n"),
        "{built}"
    );
}

#[test]
fn a_worker_exposes_no_port() {
    let worker = With::default().text("command", &["python", "-m", "worker"]);
    assert!(!dockerfile("python", &worker).contains("EXPOSE"));
    let both = worker.integer("port", 81);
    assert!(dockerfile("python", &both).contains("\nEXPOSE 81\n"));
}

#[test]
fn vendored_go_dependencies_are_kept_and_not_downloaded() {
    let context = RenderContext {
        args: &BTreeMap::new(),
        stamp_args: &BTreeMap::new(),
        has_file: &|path| path == "vendor/modules.txt",
    };
    let (vendored, _) = render(pattern("go-distroless"), &BTreeMap::new(), &context);
    let vendored = vendored.expect("a value");
    assert!(!vendored.ignore.contains(&"vendor".to_owned()));
    assert!(!vendored.dockerfile.contains("go mod download"));
    assert!(
        good("go-distroless", &With::default())
            .ignore
            .contains(&"vendor".to_owned())
    );
}

#[test]
fn ignore_lists_of_each_pattern() {
    for name in ["python", "go-distroless", "node"] {
        let lines = good(name, &With::default()).ignore.join("\n");
        insta::assert_snapshot!(format!("{name}@1-ignore"), lines);
    }
}

#[test]
fn files_that_parameters_name_are_expected_and_let_through() {
    let rendered = good("python", &every_parameter("python", "debian"));
    let files = [
        "requirements/base.txt",
        "requirements/prod.txt",
        "extra.txt",
        "certs/corp.pem",
    ];
    assert_eq!(rendered.expects, files);
    for file in files {
        assert!(rendered.ignore.contains(&format!("!{file}")), "{file}");
    }
    assert_eq!(
        good("node", &With::default()).expects,
        ["package.json", "package-lock.json"]
    );
    assert_eq!(good("go-distroless", &With::default()).expects, ["go.mod"]);
}

#[test]
fn all_problems_are_said_at_once() {
    let with = With::default()
        .text("prot", &["x"])
        .text("port", &["8000"])
        .text("variant", &["debain"])
        .integer("uid", 0)
        .text("base", &["python:3"])
        .text("version", &["3.12"])
        .text("app", &["main"])
        .text("command", &["python"])
        .text(
            "requirements",
            &["../requirements.txt", "/etc/passwd", "a b.txt", "$HOME"],
        )
        .text("user", &["root"])
        .text("group", &["one", "two"])
        .text("env", &["A"])
        .property("env", "A-B", "x")
        .text("packages", &["curl; rm -rf /"])
        .flag("init")
        .property("healthcheck", "interval", "5s");
    insta::assert_snapshot!(messages("python", &with, &[]));
    let go = With::default()
        .flag("cgo")
        .text("ldflags", &["-X main.v=$VERSOIN"])
        .text("tzdata", &["yes"])
        .text("main", &["../other"]);
    insta::assert_snapshot!(
        "all_problems_of_go",
        messages("go-distroless", &go, &["VERSION"])
    );
}

#[test]
fn linker_flags_expand_build_args_only() {
    let flags = |text| With::default().text("ldflags", &[text]);
    for bad in ["$(id)", "${X:-$(id)}", "$HOME", "$", "$VERSIONS"] {
        assert!(messages("go-distroless", &flags(bad), &["VERSION"]).contains("no build arg"));
    }
    let (rendered, _) = render_with("go-distroless", &flags("`id`\" && id"), &[]);
    let text = rendered.expect("quoted").dockerfile;
    assert!(
        text.contains(r#"-ldflags="-s -w \`id\`\" && id" -o /app ."#),
        "{text}"
    );
}

/// Values that try to leave their place, in every parameter of every pattern: refused, or the same instructions come out.
#[test]
fn no_value_can_break_out_of_its_place() {
    let nasty = [
        "x\nRUN id",
        "x\rRUN id",
        "a\" \"b",
        "a' 'b",
        "$(id)",
        "`id`",
        "${HOME}",
        "x && id",
        "x; id",
        "x\\",
        "# x",
        "<<EOF",
        "a b",
        "*",
        "]",
        "--from=x",
        "é",
        "\u{2028}",
        "\u{85}",
        "{{ 1 }}",
        "{% raw %}",
        "a,b",
        "x|y",
        "\\\"",
        "x\t",
    ];
    for pattern in all() {
        let plain = keywords(&dockerfile(pattern.name, &With::default()));
        for parameter in pattern.parameters {
            for value in nasty {
                let with = match parameter.kind {
                    super::ParameterKind::Map => {
                        With::default().property(parameter.name, "A", value)
                    }
                    _ => With::default().text(parameter.name, &[value]),
                };
                let keyed = With::default().property(parameter.name, value, "x");
                for with in [with, keyed] {
                    let (rendered, problems) = render_with(pattern.name, &with, &[]);
                    let Some(rendered) = rendered else {
                        assert!(!problems.is_empty());
                        continue;
                    };
                    let mut found = keywords(&rendered.dockerfile);
                    found.retain(|it| !plain.contains(it));
                    let allowed = ["ENV", "HEALTHCHECK", "CMD", "COPY", "RUN", "USER", "EXPOSE"];
                    assert!(
                        found.iter().all(|it| allowed.contains(&it.as_str())),
                        "{} {} {value:?}: {found:?}",
                        pattern.name,
                        parameter.name
                    );
                    assert!(!rendered.dockerfile.contains("\nRUN id"));
                }
            }
        }
    }
}

/// The first word of every logical line.
fn keywords(dockerfile: &str) -> Vec<String> {
    dockerfile
        .replace("\\\n", " ")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split(' ').next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn rendered_files_keep_the_seeds_rules() {
    for pattern in all() {
        for variant in ["alpine", "debian"] {
            for with in [
                With::default().text("variant", &[variant]),
                every_parameter(pattern.name, variant),
            ] {
                let (rendered, problems) = render_with(pattern.name, &with, &["VERSION"]);
                assert_eq!(problems, []);
                check_rules(&rendered.expect("a value").dockerfile, pattern);
            }
        }
    }
}

fn check_rules(text: &str, pattern: &Pattern) {
    let first = format!("# windlass {} - edit windlass.kdl", pattern.reference());
    assert_eq!(text.lines().next(), Some(first.as_str()));
    for wrong in [
        "# syntax",
        "--link",
        "GOARCH=amd64",
        "--only=production",
        "npm install",
        "\n\n\n",
        " \n",
        ":latest",
    ] {
        assert!(!text.contains(wrong), "{wrong:?} in\n{text}");
    }
    assert!(text.ends_with('\n') && !text.ends_with("\n\n"));
    for step in text.replace("\\\n", " ").lines() {
        if step.contains("apt-get install") {
            assert!(step.contains("apt-get update"), "{step}");
            assert!(step.contains("--no-install-recommends"), "{step}");
            assert!(step.ends_with("rm -rf /var/lib/apt/lists/*"), "{step}");
        }
        if step.contains("pip install") {
            assert!(step.contains("--no-cache-dir --no-compile"), "{step}");
        }
        if step.contains("apk add") {
            assert!(step.contains("--no-cache"), "{step}");
        }
    }
    let dependencies = ["pip install", "npm ci", "go mod download"];
    let install = dependencies.iter().filter_map(|it| text.find(it)).min();
    let copy = text.find(" . .\n").expect("the application is copied");
    assert!(install.expect("dependencies are installed") < copy);
    let user = text.rfind("\nUSER ").expect("a USER");
    assert!(!text[user..].starts_with("\nUSER root") && !text[user..].starts_with("\nUSER 0"));
}

#[test]
fn unknown_patterns_get_advice() {
    let advice = |name, major| {
        let error = find(name, major).expect_err("no such pattern");
        format!("{} / {}", error.message, error.help)
    };
    insta::assert_snapshot!(
        [advice("pyton", 1), advice("python", 9), advice("rust", 1)].join("\n"),
        @r#"
    there is no pattern `pyton@1` / did you mean "python@1"?
    there is no pattern `python@9`; known majors of `python`: 1 / write pattern="python@1"
    there is no pattern `rust@1` / patterns are python@1, go-distroless@1, node@1
    "#
    );
}

#[test]
fn arg_names_that_a_dockerfile_cannot_declare_are_errors() {
    let context = RenderContext {
        args: &args(&["A\nRUN id"]),
        stamp_args: &BTreeMap::new(),
        has_file: &|_| false,
    };
    let (rendered, problems) = render(pattern("python"), &BTreeMap::new(), &context);
    assert_eq!((rendered, problems.len()), (None, 1));
}

#[test]
fn a_secret_does_not_get_into_the_environment_of_an_image() {
    let env = |key| With::default().property("env", key, "canary-value");
    for pattern in all() {
        let found = messages(pattern.name, &env("NPM_TOKEN"), &[]);
        assert!(found.starts_with("secret/arg-name: "), "{found}");
        assert!(!found.contains("canary-value"));
        good(pattern.name, &env("TOKEN_FILE"));
    }
}
