use super::*;
use crate::diag::text::render_plain;

fn problems(text: &str) -> String {
    let reading = Reading::new(&Source::new("m.kdl", text));
    render_plain(&reading.into_diagnostics())
}

fn only(text: &str, code: Code) {
    let reading = Reading::new(&Source::new("m.kdl", text));
    let codes: Vec<Code> = reading
        .into_diagnostics()
        .iter()
        .map(|it| it.code)
        .collect();
    assert_eq!(codes, [code], "{text}\n{}", problems(text));
}

#[test]
fn good_kdl_has_no_problems() {
    let text = "/* c /* n */ */\na \"b\\n\" 'x'=1 #true -1.5e3 0x1F {\n  c #\"\\d\"#; d \"\"\"\n    x\n      y\n\n    \"\"\"\n}\n/- e 1\nf \\\n  2 // end\n";
    assert_eq!(problems(&text.replace("'x'", "x")), "");
}

#[test]
fn each_habit_gets_its_own_code() {
    only("port 80a\n", Code::BadNumber);
    only("provenance #ture\n", Code::UnknownKeyword);
    only("image \"api\n", Code::UnclosedString);
    only("a {\n}\n}\n", Code::UnmatchedBrace);
    only("a {\n", Code::UnclosedBlock);
    only("a \"\"\"x\"\"\"\n", Code::MultilineString);
    only("a \"\"\"\n  x\n    \"\"\"\n", Code::MultilineIndent);
    only("a \"x\u{202e}y\"\n", Code::ForbiddenCharacter);
    only("address http://x:1\n", Code::ValueIsComment);
    only("port = 8000\n", Code::EqualsSign);
    only("tag [\"a\" \"b\"]\n", Code::Brackets);
    only("tag [\n  \"a\",\n  \"b\",\n]\n", Code::Brackets);
    only("tag \"a\", \"b\"\n", Code::Comma);
    only("image: \"x\"\n", Code::Colon);
    only("provenance true\n", Code::BareKeyword);
    only("region 'eu-west-1'\n", Code::SingleQuotes);
    only("con\u{200b}text \"x\"\n", Code::InvisibleCharacter);
    only("context services/api\n", Code::UnquotedValue);
    only("tag {{ var.x }}\n", Code::UnquotedValue);
    only("tag ${TAG}\n", Code::UnquotedValue);
    only("/- kdl-version 1\na 1\n", Code::KdlVersion);
    only("a r\"x\"\n", Code::KdlVersion);
    only("# comment\na 1\n", Code::HashComment);
    only("a \"x\"\n{\n b 1\n}\n", Code::BraceOnOwnLine);
    only("tag \"{{ x | default(\"y\") }}\"\n", Code::QuotesInTemplate);
    only("a /* x\n", Code::UnclosedComment);
    only("a \"C:\\path\"\n", Code::BadEscape);
    only("a (u16)3\n", Code::TypeAnnotation);
    only("a #null\n", Code::NullValue);
    only("a 1e400\n", Code::BadNumber);
    only("a x=1 x=2\n", Code::DuplicateName);
    only("a { b 1 } c 2\n", Code::InvalidSyntax);
    only("a \"x\"y\n", Code::InvalidSyntax);
}

#[test]
fn a_syntax_error_in_one_node_does_not_hide_those_in_others() {
    let text = "a )\nb )\nc 1\n";
    assert_eq!(problems(text).lines().count(), 2, "{}", problems(text));
}

/// One diagnosis of a whole file, and no end of the process.
fn foreign(text: &str) -> String {
    assert!(text.len() > 40_000, "{} bytes", text.len());
    let reading = Reading::new(&Source::new("m.kdl", text));
    let diagnostics = reading.into_diagnostics();
    assert_eq!(diagnostics.len(), 1, "{}", render_plain(&diagnostics));
    assert_eq!(diagnostics[0].code, Code::OtherLanguage);
    let help = diagnostics[0].help.clone().unwrap_or_default();
    format!("{}help: {help}", render_plain(&diagnostics))
}

#[test]
fn forty_kilobytes_of_another_language_are_told_once() {
    insta::assert_snapshot!(foreign(&"port = 8000\n".repeat(4000)), @r"
    m.kdl:1:6: syntax/other-language: this looks like TOML, and a manifest is KDL
    help: write `port 8000`, without `=`
    ");
    let toml = "# shop\n[registry.dev]\nregion = \"eu-west-1\"\naccount = \"111122223333\"\n\n[[image]]\nname = \"api\"\ntags = [\"a\", \"b\"]\n";
    insta::assert_snapshot!(foreign(&toml.repeat(400)), @r#"
    m.kdl:3:8: syntax/other-language: this looks like TOML, and a manifest is KDL
    help: write `region "eu-west-1"`, without `=`; instead of a section, `name "label" { .. }`
    "#);
    let hcl = "resource \"aws_ecr_repository\" \"api\" {\n  name = \"api\"\n  force_delete = true\n  image_scanning_configuration {\n    scan_on_push = true\n  }\n  tags = {\n    team = \"shop\"\n  }\n}\n";
    insta::assert_snapshot!(foreign(&hcl.repeat(250)), @r#"
    m.kdl:2:8: syntax/other-language: this looks like HCL, and a manifest is KDL
    help: write `name "api"`, without `=`
    "#);
    let yaml = "services:\n  api:\n    image: shop/api:1\n    ports:\n      - \"8000:8000\"\n    environment:\n      MODE: fast\n";
    insta::assert_snapshot!(foreign(&yaml.repeat(500)), @r"
    m.kdl:1:1: syntax/other-language: this looks like YAML, and a manifest is KDL
    help: write `services { .. }` with the settings inside, one a line, without `:`
    ");
    let json = "{\n  \"name\": \"shop\",\n  \"images\": [\n".to_owned()
        + &"    { \"name\": \"api\", \"tags\": [\"a\", \"b\"] },\n".repeat(1000)
        + "  ]\n}\n";
    insta::assert_snapshot!(foreign(&json), @r#"
    m.kdl:1:1: syntax/other-language: this looks like JSON, and a manifest is KDL
    help: write `name "value"` instead of `"name": "value"`, and `name "label" { .. }` instead of an object; docs/manifest.md has every node
    "#);
}

#[test]
fn secrets_in_another_language_are_hidden() {
    for text in [
        "{\n  \"NPM_TOKEN\": \"hunter2hunter2\"\n}\n".to_owned(),
        "a: b\nNPM_TOKEN: hunter2hunter2\nc: d\ne: f\ng: h\n".to_owned(),
        "NPM_TOKEN = 'hunter2hunter2'\nc = d\ne = f\ng = h\ni = j\n".to_owned(),
    ] {
        let reading = Reading::new(&Source::new("m.kdl", text.as_str()));
        let diagnostics = reading.into_diagnostics();
        assert_eq!(diagnostics[0].code, Code::OtherLanguage, "{text}");
        let shown = crate::diag::text::render_text(&diagnostics, false, 100);
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn a_few_slips_are_told_one_by_one() {
    let text = "workspace \"w\"\nregistry \"dev\" {\n    account = \"111122223333\"\n    region: \"eu-west-1\"\n}\n";
    assert_eq!(problems(text).lines().count(), 2, "{}", problems(text));
}

#[test]
fn errors_the_pre_scan_does_not_know_do_not_end_the_process_either() {
    let text = "a )\n".repeat(20_000);
    assert!(!problems(&text).is_empty());
}

#[test]
fn of_very_many_problems_the_first_are_listed() {
    let text = "a #null\n".repeat(300);
    let reading = Reading::new(&Source::new("m.kdl", text));
    let diagnostics = reading.into_diagnostics();
    assert_eq!(diagnostics.len(), MAX_PROBLEMS + 1);
    let last = diagnostics.last().expect("a count");
    assert_eq!(last.code, Code::TooManyProblems);
    assert_eq!(last.message, "`m.kdl` has 100 more problems");
}

#[test]
fn depth_and_size_are_bounded() {
    only(&"a {\n".repeat(300), Code::TooDeep);
    only(&"/*".repeat(6000), Code::TooDeep);
    let large = Source::new("m.kdl", "a 1\n".repeat(400_000));
    let said = Reading::new(&large).into_diagnostics();
    assert_eq!(
        crate::diag::text::render_plain(&said),
        "limits/file-too-large: `m.kdl` is 1600000 bytes; the limit is 1 MiB\n"
    );
}

#[test]
fn a_secret_is_hidden_in_every_form() {
    for text in [
        "arg NPM_TOKEN=\"hunter2hunter2\"\n",
        "NPM_TOKEN = \"hunter2hunter2\"\n",
        "arg NPM_TOKEN=\"hunter2hunter2\n",
        "arg NPM_TOKEN=hunter2hunter2/x\n",
    ] {
        let reading = Reading::new(&Source::new("m.kdl", text));
        let top = format!("{:?}", reading.source());
        let diagnostics = reading.into_diagnostics();
        let shown = crate::diag::text::render_text(&diagnostics, false, 100);
        assert!(
            !top.contains("hunter2") && !shown.contains("hunter2"),
            "{text}{shown}"
        );
    }
}

#[test]
fn a_file_that_is_not_utf8_says_where() {
    let error = source_from_bytes("m.kdl", vec![b'a', 0xff]).expect_err("not UTF-8");
    assert_eq!(error.message, "`m.kdl` is not UTF-8 at byte 1");
}

#[test]
fn spans_hold_exactly_the_value() {
    let source = Source::new(
        "m.kdl",
        "a \"\u{e4}\" (t)\"b\" k=\"c\" l=12 {\n  d \"\"\"\n    x\n    \"\"\"\n}\n",
    );
    let reading = Reading::new(&source);
    let mut top = reading.top();
    let mut node = top.child("a", "x").expect("a");
    let texts: Vec<String> = node
        .values()
        .iter()
        .map(|it| it.location().text().to_owned())
        .collect();
    assert_eq!(texts, ["\"\u{e4}\"", "\"b\""]);
    let properties: Vec<String> = node
        .all_properties()
        .iter()
        .map(|it| it.location().text().to_owned())
        .collect();
    assert_eq!(properties, ["\"c\"", "12"]);
    let child = node
        .child("d", "x")
        .expect("d")
        .value()
        .expect("value")
        .location()
        .text()
        .to_owned();
    assert_eq!(child, "\"\"\"\n    x\n    \"\"\"");
}
