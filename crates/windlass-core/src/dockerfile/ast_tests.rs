//! Tests of the tree: nothing of the text is lost, every word has its place, a bad line hides nothing.

use super::*;

fn read(text: &str) -> (Dockerfile, Vec<Diagnostic>) {
    parse(&Source::new("Dockerfile", text))
}

/// All of a text is in a node, or is white space or a continuation.
fn assert_lossless(text: &str) {
    let (dockerfile, _) = read(text);
    let mut covered = vec![false; text.len()];
    let mut cover = |span: &Range<usize>| covered[span.clone()].fill(true);
    for comment in &dockerfile.comments {
        cover(&comment.span);
    }
    for directive in &dockerfile.directives {
        let start = text[..directive.value.span.start].rfind('\n');
        cover(&(start.map_or(0, |it| it + 1)..directive.value.span.end));
    }
    for instruction in &dockerfile.instructions {
        cover(&instruction.span);
        for heredoc in &instruction.heredocs {
            cover(&heredoc.span);
            cover(&heredoc.end.clone().unwrap_or_default());
        }
    }
    let lost: String = text
        .char_indices()
        .filter(|(at, _)| !covered[*at])
        .map(|(_, c)| c)
        .filter(|c| !c.is_whitespace() && !matches!(c, '\u{feff}' | '\\' | '`'))
        .collect();
    assert_eq!(lost, "", "{text}");
}

const EVERYTHING: &str = "# syntax=docker/dockerfile:1\n# check=skip=all\n# escape=`\n# a comment\n\nARG A=1 B \"C\"=d\n# above\n  FROM --platform=linux/amd64 a:$A AS One\nenv A=1 B=\"two words\" `\n# inside\n\n  C='x'\nENV OLD the old form\nLABEL a.b=\"c\"\nRUN --mount=type=cache,target=/c <<A cat <<-\"B\" | x\na\nA\n\tb\n\tB\nRUN [\"a\", \"b\\u0041 c\"]\nCMD ['a']\nCMD [1]\nENTRYPOINT [ ]\nSHELL [\"/bin/bash\", \"-c\"]\nCOPY --chown=1 [\"a b\", \"c\"]\nADD a b /c/\nEXPOSE 80 90/udp\nVOLUME [\"/a\", \"/b\"]\nVOLUME /c /d\nHEALTHCHECK --interval=3s CMD [\"x\"]\nHEALTHCHECK NONE\nONBUILD run --network=none echo \"$X\"\nONBUILD COPY <<E /\ne\nE\nUSER 1000 # not a comment\nWORKDIR /a b\nSTOPSIGNAL SIGTERM\nMAINTAINER me <m@e>\n";

#[test]
fn nothing_is_lost() {
    assert_lossless(EVERYTHING);
    assert_lossless(&EVERYTHING.replace('\n', "\r\n"));
    assert_lossless(&format!("\u{feff}{EVERYTHING}"));
    assert_lossless("FROM a\nGARBAGE <<X\nRUN cat <<X\nnever closed\nUSER\n");
}

#[test]
fn every_instruction_is_read_in_its_form() {
    let (dockerfile, problems) = read(EVERYTHING);
    let messages: Vec<&str> = problems.iter().map(|it| it.message.as_str()).collect();
    assert_eq!(messages, ["the exec form takes strings only"]);
    let shown: Vec<String> = dockerfile.instructions.iter().map(show).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

fn show(instruction: &Instruction) -> String {
    let text = |word: &Word| format!("{:?}", word.text);
    let list = |words: &[Word]| words.iter().map(text).collect::<Vec<_>>().join(" ");
    let command = |command: &Command| match &command.form {
        Form::Exec(words) => format!("exec {}", list(words)),
        Form::Shell => format!("shell {}", text(&command.text)),
        Form::Broken => format!("broken {}", text(&command.text)),
    };
    let body = match &instruction.body {
        Body::From => "from".to_owned(),
        Body::Unknown => "unknown".to_owned(),
        Body::Assignments(found) => {
            let shown = found.iter().map(|it| {
                let value = it.value.as_ref().map_or("none".to_owned(), text);
                format!(
                    "{}={value}{}",
                    it.name.text,
                    if it.legacy { " old" } else { "" }
                )
            });
            shown.collect::<Vec<_>>().join(" ")
        }
        Body::Command(it) => command(it),
        Body::Healthcheck(it) => it.as_ref().map_or("none".to_owned(), command),
        Body::Transfer(it) => format!("{} -> {}", list(&it.sources), text(&it.target)),
        Body::Onbuild(inner) => format!("({})", show(inner)),
        Body::Words(words) => list(words),
        Body::Text(word) => text(word),
    };
    let flags: Vec<String> = instruction
        .flags
        .iter()
        .map(|it| format!(" --{}={}", it.name, it.value.text))
        .collect();
    format!("{}{} {body}", instruction.keyword, flags.concat())
}

#[test]
fn words_stand_where_they_say() {
    let text = "FROM a\nENV A=\"x y\" \\\n  B=c\nRUN [\"a\", \\\n # inside\n \"b c\"]\nCOPY [\"d e\", \"f\"]\nCOPY g h /i\nVOLUME [\"/j\"]\n";
    let (dockerfile, problems) = read(text);
    assert_eq!(problems, []);
    let mut words = Vec::new();
    for instruction in &dockerfile.instructions {
        assert!(text[instruction.keyword_span.clone()].eq_ignore_ascii_case(&instruction.keyword));
        match &instruction.body {
            Body::Assignments(found) => {
                words.extend(found.iter().map(|it| it.name.clone()));
                words.extend(found.iter().filter_map(|it| it.value.clone()));
            }
            Body::Command(command) => words.extend_from_slice(command.exec().unwrap_or_default()),
            Body::Transfer(it) => words.extend(it.sources.iter().chain([&it.target]).cloned()),
            Body::Words(found) => words.extend_from_slice(found),
            _ => {}
        }
    }
    assert_eq!(words.len(), 12);
    for word in words {
        assert_eq!(text[word.span.clone()], word.text);
    }
}

#[test]
fn arguments_that_the_builder_refuses_hide_nothing() {
    let (dockerfile, problems) = read(
        "FROM a\nENV\nENV A\nENV A=1 B\nLABEL\nARG\nCOPY a\nSHELL sh\nHEALTHCHECK x\nHEALTHCHECK CMD\nONBUILD FROM x\nONBUILD\nONBUILD nope x\nUSER\nVOLUME [\"a\"\nUSER 1\n",
    );
    let shown: Vec<String> = problems
        .iter()
        .map(|it| format!("{}: {}", it.labels[0].location, it.message))
        .collect();
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(dockerfile.instructions.len(), 16);
}

#[test]
fn comments_above_belong_to_an_instruction() {
    let text =
        "# syntax=x\n# one\n\n# two\nFROM a\nRUN a \\\n # three\n b\n# four\nUSER 1\n# five\n";
    let (dockerfile, _) = read(text);
    let above: Vec<Vec<&str>> = dockerfile
        .instructions
        .iter()
        .map(|it| {
            let comments = &dockerfile.comments[it.comments.clone()];
            comments.iter().map(|it| it.text.as_str()).collect()
        })
        .collect();
    assert_eq!(above, [vec!["one", "two"], vec![], vec!["four"]]);
    assert_eq!(dockerfile.comments.len(), 5);
}

#[test]
fn only_directives_before_anything_else_count() {
    let (late, _) = read("# other=1\n# escape=`\nFROM a\n");
    assert_eq!((late.escape, late.directives.len()), ('\\', 0));
    let (shebang, _) = read("#!/usr/bin/env x\n# syntax=a/b\n# escape=`\nFROM a\n");
    assert_eq!(shebang.escape, '\\');
    assert_eq!(shebang.syntax.map(|it| it.text).as_deref(), Some("a/b"));
    let (indented, _) = read("  # escape=`\n  # syntax=a/b\nFROM a\n");
    assert_eq!((indented.escape, indented.syntax), ('`', None));
}
