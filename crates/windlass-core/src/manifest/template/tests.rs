use super::*;
use crate::diag::{Source, text::render_plain};

struct Fixed;

impl Values for Fixed {
    fn lookup(&self, name: &Name) -> Lookup {
        match (name.namespace, name.key.as_str()) {
            (Namespace::Var, "version") => Lookup::Value(Value::from("v1.2.3")),
            (Namespace::Var, "port") => Lookup::Value(Value::from(8000)),
            (Namespace::Var, "list") => Lookup::Value(Value::from(vec!["a", "b"])),
            (Namespace::Git, "tag") => Lookup::Absent("no tag points at the commit".to_owned()),
            (Namespace::Git, "describe") => Lookup::Unavailable("the clone is shallow".to_owned()),
            _ => Lookup::Value(Value::from("x")),
        }
    }
}

fn run(text: &str) -> (Option<Scalar>, String) {
    let variables = ["version", "port", "list"].map(str::to_owned).to_vec();
    let mut templates = Templates::new(variables, false);
    let token = format!("\"{text}\"");
    let source = Source::new("m.kdl", format!("tag {token}\n"));
    let text = Text::new(text.to_owned(), Location::new(&source, 4..4 + token.len()));
    let result = templates.scalar(&text, Place::Build, &Fixed);
    (result, render_plain(&templates.diagnostics))
}

fn good(text: &str) -> Scalar {
    let (result, problems) = run(text);
    assert_eq!(problems, "", "{text}");
    result.expect("a result")
}

fn bad(text: &str, code: Code, column: usize) {
    let (result, problems) = run(text);
    assert_eq!(result, None, "{text}");
    let start = format!("m.kdl:1:{column}: {code}: ");
    assert!(
        problems.starts_with(&start) && problems.lines().count() == 1,
        "{text}: {problems}"
    );
}

#[test]
fn an_expression_alone_keeps_its_type() {
    assert_eq!(good("{{ var.port }}"), Scalar::Integer(8000));
    assert_eq!(good("p{{ var.port }}"), Scalar::Text("p8000".to_owned()));
    assert_eq!(good("{{ var.port == 8000 }}"), Scalar::Flag(true));
}

#[test]
fn filters_and_operators_work() {
    assert_eq!(
        good("{{ var.version | minor }}"),
        Scalar::Text("v1.2".to_owned())
    );
    assert_eq!(
        good("{{ 'a' ~ var.version | upper }}-{{ var.list | join('+') }}"),
        Scalar::Text("aV1.2.3-a+b".to_owned())
    );
    assert_eq!(
        good("{{ git.tag | default('none') }}"),
        Scalar::Text("none".to_owned())
    );
    assert_eq!(
        good("{{ git.tag if git.tag else 'no' }}"),
        Scalar::Text("no".to_owned())
    );
    assert_eq!(good("{{ git['sha'] }}"), Scalar::Text("x".to_owned()));
    assert_eq!(good("{{ '}}' }}"), Scalar::Text("}}".to_owned()));
}

#[test]
fn every_bad_name_is_found_before_evaluation_at_its_place() {
    bad("ab{{ git.shaa }}", Code::UnknownTemplateName, 11);
    bad("{{ git['shaa'] }}", Code::UnknownTemplateName, 9);
    bad(
        "{{ var.nope | default('x') }}",
        Code::UnknownTemplateName,
        9,
    );
    bad(
        "{{ 'a' if true else var.nope }}",
        Code::UnknownTemplateName,
        26,
    );
    bad("{{ version }}", Code::UnknownTemplateName, 9);
    bad("{{ env.HOME }}", Code::UnknownTemplateName, 9);
    bad("{{ git.sha.x }}", Code::UnknownTemplateName, 12);
    bad("{{ git }}", Code::TemplateNotScalar, 9);
    bad("{{ secret.npm }}", Code::SecretInterpolated, 9);
    bad("{{ matrix.x }}", Code::TemplateNotHere, 9);
    bad("{{ registry.host }}", Code::TemplateNotHere, 9);
    bad("{{ git.sha | shorten }}", Code::UnknownFilter, 19);
    bad("{{ var.my-var }}", Code::TemplateSubtraction, 9);
    bad("{{ range(3) }}", Code::TemplateSyntax, 9);
    bad("{{ var.version is defined }}", Code::TemplateSyntax, 24);
}

#[test]
fn forms_that_cannot_be_evaluated_are_refused() {
    bad("{{ git.sha", Code::UnclosedTemplate, 6);
    bad("{% if x %}", Code::TemplateStatement, 6);
    bad("{{ }}", Code::TemplateSyntax, 6);
    bad("{{ var.list }}", Code::TemplateNotScalar, 8);
    bad("{{ git.tag }}", Code::TemplateNoValue, 9);
    bad(
        "{{ git.describe | default('x') }}",
        Code::TemplateNoValue,
        9,
    );
    bad("{{ 'x' * 100000000000 }}", Code::TemplateTooExpensive, 8);
    bad("{{ 'main' | major }}", Code::TemplateFailed, 8);
    assert!(run("{{ 1 + }}").1.contains("template/invalid"));
    assert!(
        run(&format!("{{{{ {}1 }}}}", "(".repeat(5000)))
            .1
            .contains("template/invalid")
    );
}

#[test]
fn a_shell_variable_is_a_warning() {
    let (result, problems) = run("${TAG}");
    assert_eq!(result, Some(Scalar::Text("${TAG}".to_owned())));
    assert!(
        problems.contains("warning: template/shell-variable"),
        "{problems}"
    );
}
