use super::*;

fn location(source: &Arc<Source>, needle: &str) -> Location {
    let start = source.text.find(needle).expect("the needle is there");
    Location::new(source, start..start + needle.len())
}

#[test]
fn columns_count_characters_and_ends_are_exclusive() {
    let source = Source::new("windlass.kdl", "a\nüü \"x\"\n");
    let diagnostic =
        Diagnostic::error(Code::WrongType, "no").at(&location(&source, "\"x\""), "here");
    let json = json::to_json(std::slice::from_ref(&diagnostic));
    assert_eq!(json[0]["line"], 2);
    assert_eq!(json[0]["column"], 4);
    assert_eq!(json[0]["end_column"], 7);
    assert!(text::render_text(&[diagnostic], false, 100).contains("windlass.kdl:2:4"));
}

#[test]
fn the_plain_form_is_one_line_each() {
    let source = Source::new("windlass.kdl", "imge \"a\"\n");
    let diagnostics = [
        Diagnostic::error(Code::UnknownName, "there is no `imge`")
            .at(&location(&source, "imge"), "x"),
        Diagnostic::warning(Code::UnusedVariable, "nothing uses it"),
    ];
    assert_eq!(
        text::render_plain(&diagnostics),
        "windlass.kdl:1:1: structure/unknown-name: there is no `imge`\nwarning: variable/unused: nothing uses it\n"
    );
}

#[test]
fn labels_in_another_source_are_shown_with_that_source() {
    let first = Source::new("a.kdl", "image \"a\"\n");
    let second = Source::new("b.kdl", "image \"a\"\n");
    let diagnostic = Diagnostic::error(Code::DuplicateDefinition, "`a` twice")
        .at(&location(&first, "\"a\""), "again here")
        .at(&location(&second, "\"a\""), "first here");
    let text = text::render_text(&[diagnostic], false, 100);
    assert!(
        text.contains("a.kdl:1:7") && text.contains("b.kdl:1:7"),
        "{text}"
    );
}

#[test]
fn diagnostics_are_sorted_by_file_offset_and_code_without_repetitions() {
    let source = Source::new("a.kdl", "one two\n");
    let first = Diagnostic::error(Code::UnknownName, "one").at(&location(&source, "one"), "x");
    let second = Diagnostic::error(Code::MissingName, "two").at(&location(&source, "two"), "x");
    let nowhere = Diagnostic::error(Code::FileTooLarge, "large");
    let mut all = vec![
        nowhere.clone(),
        second.clone(),
        first.clone(),
        second.clone(),
    ];
    sort(&mut all);
    assert_eq!(all, [first, second, nowhere]);
}

#[test]
fn codes_are_distinct() {
    let mut seen = std::collections::BTreeSet::new();
    for code in Code::ALL {
        assert!(seen.insert(code.as_str()), "{code} twice");
        assert!(
            code.as_str().split_once('/').is_some(),
            "{code} has no area"
        );
    }
}
