use super::*;

const TEXT: &str = r#"workspace "w"
var "release" { default "dev"; doc "What to publish." }
registry "prod" { account "111122223333"; region "eu-west-1" "us-east-1" }
image "base-{{ matrix.lang }}" { dockerfile "Dockerfile" }
"#;

/// Puts the cursor where `|` stands in `line`, behind a workspace that defines some names.
fn at<T>(line: &str, ask: impl FnOnce(&Editor<'_>, usize) -> T) -> T {
    let text = format!("{TEXT}{line}");
    let offset = text.find('|').expect("a cursor");
    let text = text.replacen('|', "", 1);
    let shape = crate::manifest::shape();
    let definitions = definitions("windlass.kdl", &text, &shape);
    let editor = Editor {
        text: &text,
        shape: &shape,
        definitions: &definitions,
    };
    ask(&editor, offset)
}

fn labels(line: &str) -> Vec<String> {
    at(line, |editor, offset| {
        editor
            .complete(offset)
            .into_iter()
            .map(|it| it.label)
            .collect()
    })
}

#[track_caller]
fn offers(line: &str, wanted: &[&str]) {
    let found = labels(line);
    for label in wanted {
        assert!(found.iter().any(|it| it == label), "{line}: {found:?}");
    }
}

#[test]
fn names_of_nodes_are_offered_where_a_node_starts() {
    offers("|", &["workspace", "image", "registry"]);
    offers("im|", &["image"]);
    offers("image \"a\" {\n    |\n}", &["context", "tag", "stamp"]);
    offers("image \"a\" { stamp { |", &["arg", "label"]);
    offers("image \"a\" { tag \"x\"; |", &["context"]);
    assert!(!labels("image \"a\" {\n    |\n}").contains(&"registry".to_owned()));
    offers("image \"a\" {\n    tag \"x\"\n}\n|", &["registry"]);
    assert_eq!(labels("image \"a\" {} |"), Vec::<String>::new());
    assert_eq!(labels("// im|"), Vec::<String>::new());
}

#[test]
fn parameters_of_the_pattern_are_offered_in_with() {
    offers(
        "image \"a\" pattern=\"python@1\" {\n    with { | }\n}",
        &["app", "port"],
    );
    assert_eq!(
        labels("image \"a\" {\n    with { | }\n}"),
        Vec::<String>::new()
    );
}

#[test]
fn nodes_about_the_account_access_builders_and_waivers_are_offered() {
    offers(
        "registry \"a\" { | }",
        &["fips", "dual-stack", "replication", "access"],
    );
    offers("registry \"a\" { distribute | }", &["push", "replicate"]);
    offers("repository \"a\" { access { | } }", &["allow", "document"]);
    offers("builder \"a\" { | }", &["address", "tls"]);
    offers("builder \"a\" { tls | }", &["ca=", "cert=", "key="]);
    offers(
        "waiver \"final-user\" { | }",
        &["reason", "owner", "expires"],
    );
    offers("policy \"a\" { | }", &["rego", "kdl", "level"]);
    let hover = at("registry \"a\" { fi|ps }", |editor, offset| {
        editor.hover(offset).map(|it| it.1)
    });
    let hover = hover.expect("a text");
    assert!(hover.contains("FIPS endpoints"), "{hover}");
}

#[test]
fn words_references_and_properties_are_offered_where_a_value_stands() {
    offers("repository \"a\" { tags | }", &["mutable", "immutable"]);
    offers("repository \"a\" { tags \"im|\" }", &["immutable"]);
    offers("image \"a\" { target | }", &["prod"]);
    offers("image \"a\" pattern=| {", &["python@1", "node@1"]);
    offers("image \"a\" pattern=\"py|\" {", &["python@1"]);
    offers("image \"a\" |", &["pattern="]);
    offers("image \"a\" pa|", &["pattern="]);
    offers("repository \"a\" { scan-on-push | }", &["#true", "#false"]);
    offers("mirror \"docker.io\" |", &["to="]);
}

#[test]
fn names_in_expressions_are_offered_between_braces() {
    offers(
        "image \"a\" { tag \"{{ | }}\" }",
        &["var.release", "git.sha"],
    );
    offers("image \"a\" { tag \"v{{ var.|", &["var.release"]);
    assert!(!labels("image \"a\" { tag \"{{ x }} |\" }").contains(&"git.sha".to_owned()));
}

#[test]
fn a_completion_replaces_the_word_that_was_begun() {
    at("image \"a\" { tag \"{{ var.re| }}\" }", |editor, offset| {
        let found = editor.complete(offset);
        let release = found
            .iter()
            .find(|it| it.label == "var.release")
            .expect("offered");
        assert_eq!(&editor.text[release.replace.clone()], "var.re");
    });
    at("image \"a\" { target \"pr|\" }", |editor, offset| {
        let found = editor.complete(offset);
        let prod = found.iter().find(|it| it.label == "prod").expect("offered");
        assert_eq!(prod.insert, "\"prod\"");
        assert_eq!(&editor.text[prod.replace.clone()], "\"pr\"");
    });
}

#[test]
fn a_word_says_what_it_is() {
    let hover = |line: &str| at(line, |editor, offset| editor.hover(offset).map(|it| it.1));
    let text = hover("image \"a\" { con|text \"x\" }").expect("a field");
    assert!(
        text.starts_with("`context`: the folder that the build can read"),
        "{text}"
    );
    let text = hover("image \"a\" { tag \"{{ var.rel|ease }}\" }").expect("a variable");
    assert_eq!(
        text,
        "`var \"release\"`, defined in `windlass.kdl`\n\nWhat to publish."
    );
    let text = hover("image \"a\" pattern=\"python@1\" { with { por|t 1 } }").expect("a parameter");
    assert!(text.starts_with("`port` (int)"), "{text}");
    assert_eq!(hover("nonsen|se 1"), None);
}

#[test]
fn a_reference_leads_to_what_it_names() {
    let found = |line: &str| {
        at(line, |editor, offset| {
            editor
                .definition(offset)
                .map(|it| editor.text[it.range.clone()].to_owned())
        })
    };
    assert_eq!(
        found("image \"a\" { target \"pro|d\" }").as_deref(),
        Some("\"prod\"")
    );
    assert_eq!(
        found("image \"a\" { target \"prod/us-ea|st-1\" }").as_deref(),
        Some("\"prod\"")
    );
    assert_eq!(
        found("image \"a\" { needs \"base-pyth|on\" }").as_deref(),
        Some("\"base-{{ matrix.lang }}\"")
    );
    assert_eq!(
        found("image \"a\" { tag \"{{ var.re|lease }}\" }").as_deref(),
        Some("\"release\"")
    );
    assert_eq!(found("image \"a\" { target \"no|pe\" }"), None);
}

#[test]
fn no_text_and_no_place_in_it_is_too_broken() {
    let text = "image \"a\" pattern= { tag \"{{ x \n } } \" /* { \\ = = \u{1f980}";
    let shape = crate::manifest::shape();
    for end in (0..=text.len()).filter(|it| text.is_char_boundary(*it)) {
        let text = &text[..end];
        let editor = Editor {
            text,
            shape: &shape,
            definitions: &definitions("m.kdl", text, &shape),
        };
        for offset in (0..=end).filter(|it| text.is_char_boundary(*it)) {
            for completion in editor.complete(offset) {
                assert!(completion.replace.end <= end, "{text}");
            }
            editor.hover(offset);
            editor.definition(offset);
        }
    }
}
