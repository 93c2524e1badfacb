use super::*;

fn formatted(text: &str) -> String {
    let source = Source::new("m.kdl", text);
    let once = format(&source).unwrap_or_else(|problems| {
        panic!("{}", crate::diag::text::render_plain(&problems));
    });
    let twice = format(&Source::new("m.kdl", once.clone())).expect("what was written can be read");
    assert_eq!(once, twice, "formatting again changes nothing");
    once
}

#[track_caller]
fn kept(text: &str) {
    assert_eq!(formatted(text), text);
}

#[test]
fn blank_lines_and_indentation_become_regular() {
    insta::assert_snapshot!(formatted("\u{feff}\r\n\r\nworkspace   \"w\"\r\nregistry \"dev\" {\n\n\n  account \"111122223333\"   \n\n\n\tregion \"eu-west-1\"\n\n}\nimage \"a\" { tag \"x\" }\nimage \"b\" { tag \"x\" }\n// about c\nimage \"c\" {\n tag \"x\" ; }\n// end\n\n\n"), @r#"
    workspace "w"

    registry "dev" {
        account "111122223333"

        region "eu-west-1"
    }

    image "a" { tag "x" }
    image "b" { tag "x" }

    // about c
    image "c" {
        tag "x"
    }

    // end
    "#);
}

#[test]
fn values_are_quoted_and_names_are_not() {
    insta::assert_snapshot!(formatted("\"image\" api \"pattern\"=python \"a b\"=x (\"t\")y { port 8000; x 0x1F 1.50 -2 +3 #true; \"5\" #\"r\\d\"# \"true\"=1 }"), @r##"
    image "api" pattern="python" "a b"="x" ("t")"y" {
        port 8000
        x 0x1F 1.50 -2 +3 #true
        "5" #"r\d"# "true"=1
    }
    "##);
}

#[test]
fn short_blocks_stay_on_their_line_and_long_ones_do_not() {
    insta::assert_snapshot!(formatted("a { b 1; c { d 2 } }\na { b \"0123456789012345678901234567890123456789\"; c { d \"01234567890123456789\" } }\na { /* x */ b 1 }\na {}\na {\n}\n"), @r#"
    a { b 1; c { d 2 } }

    a {
        b "0123456789012345678901234567890123456789"
        c { d "01234567890123456789" }
    }

    a {
        /* x */ b 1
    }

    a {}
    a {}
    "#);
}

#[test]
fn comments_stay_where_they_are() {
    kept(
        "// first\n\n/* two\n   lines */\na 1 // behind\nb 2 /* inside */ 3\n\nc { // opening\n    // inside\n    d 1\n\n    // last\n} // behind the block\n",
    );
    assert_eq!(
        formatted("a 1;   // x  \nb {a; /* y */}"),
        "a 1 // x\n\nb {\n    a /* y */\n}\n"
    );
}

#[test]
fn continuations_are_indented_one_level() {
    insta::assert_snapshot!(formatted("a {\nfrom \"x\" \\  // why\n \"y\" \\\n\n\"z\"\n}"), @r#"
    a {
        from "x" \ // why
            "y" \

        z
    }
    "#);
}

#[test]
fn a_text_over_several_lines_moves_as_a_whole() {
    insta::assert_snapshot!(formatted("a {\n  doc \"\"\"\n one\n   two \n\n three \\\nfour\n \"\"\" k=#\"\"\"\nraw \\\n\"\"\"#\n}"), @r##"
    a {
        doc """
            one
              two 

            three \
            four
            """ k=#"""
            raw \
            """#
    }
    "##);
}

#[test]
fn what_is_slashed_out_is_kept_and_formatted() {
    insta::assert_snapshot!(formatted("/-  a   1 {  b 2 }\nc /- 1 /-k=x {\n/- d  3\n}\n/- // why\ne 1\n"), @r#"
    /-a 1 { b 2 }

    c /-1 /-k="x" {
        /-d 3
    }

    /- // why
    e 1
    "#);
}

#[test]
fn odd_places_for_comments_and_line_ends_are_left_alone() {
    kept("a k /* x */ = 1\n");
    kept("a k=\\\n  1\n");
    assert_eq!(formatted("a ( t ) 1 k = 2\n"), "a (t)1 k=2\n");
}

#[test]
fn an_empty_text_stays_empty() {
    assert_eq!(formatted("\n\n"), "");
}

#[test]
fn what_cannot_be_read_is_not_formatted() {
    let problems = format(&Source::new("m.kdl", "a {\n")).expect_err("not closed");
    assert_eq!(problems[0].code, Code::UnclosedBlock);
    let fine = format(&Source::new("m.kdl", "nonsense 1 2 3\n"));
    assert!(fine.is_ok(), "what nodes mean does not matter");
}

#[test]
fn a_change_of_meaning_is_seen() {
    use super::check::means_the_same;
    assert!(means_the_same("a 1 // x\n", "a   1 //  x"));
    for other in [
        "a 2 // x",
        "a 1",
        "a \"1\" // x",
        "a 1 {} // x",
        "b 1 // x",
        "a 1 // y",
    ] {
        assert!(!means_the_same("a 1 // x\n", other), "{other}");
    }
    assert!(!means_the_same("a /-1 2", "a /-3 2"));
}

#[test]
fn a_credential_hides_no_mistake_of_form_in_its_line() {
    let text = format!("npm_{}(\n", "x".repeat(36));
    let problems = format(&Source::new("m.kdl", text)).expect_err("an open bracket is no KDL");
    let codes: Vec<&str> = problems.iter().map(|it| it.code.as_str()).collect();
    assert_eq!(codes, ["syntax/invalid"]);
}

#[test]
fn names_that_are_a_mistake_without_quotes_keep_them() {
    for name in ["u,", "a:", "'a'"] {
        kept(&format!("\"{name}\" \"x\"\n"));
    }
}

#[test]
fn a_comment_ends_at_every_line_end_of_kdl() {
    let text = "// about\u{c}\u{200b}\n";
    let problems = format(&Source::new("m.kdl", text)).expect_err("nobody can see that node");
    assert_eq!(problems[0].code.as_str(), "syntax/invisible-character");
}
