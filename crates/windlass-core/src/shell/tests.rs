//! Tests of the shell reader.

use super::*;
use crate::diag::Source;
use crate::dockerfile::parse;

fn script(text: &str) -> Script {
    read(&Text::at(text, 0), &[])
}

/// One line a command: what it stands in, what joins it, its words; variables in braces behind it.
fn shown(text: &str) -> String {
    let script = script(text);
    let lines: Vec<String> = script.commands.iter().map(show).collect();
    let end = if script.complete {
        ""
    } else {
        "\n(incomplete)"
    };
    format!("{}{end}", lines.join("\n"))
}

fn show(simple: &Simple) -> String {
    let within: Vec<String> = simple.within.iter().map(|it| format!("{it:?}>")).collect();
    let within = within.concat();
    let mut parts = vec![format!("{within}{:?}", simple.join)];
    parts.extend(
        simple
            .assignments
            .iter()
            .map(|it| format!("{}:={:?}", it.name, it.value.text)),
    );
    parts.extend(simple.words.iter().map(|it| format!("{:?}", it.text)));
    for redirect in &simple.redirects {
        parts.push(format!("{}{}", redirect.operator, redirect.target.text));
        parts.extend(redirect.body.iter().map(|it| format!("{:?}", it.as_str())));
    }
    let names = simple.words.iter().flat_map(|it| &it.variables);
    let names: Vec<&str> = names.map(|it| it.name.as_str()).collect();
    if !names.is_empty() {
        parts.push(format!("{{{}}}", names.join(" ")));
    }
    parts.join(" ")
}

#[test]
fn lists_and_pipelines() {
    insta::assert_snapshot!(shown("a b && c || d; e & f | g |& h\n! i"), @r#"
    First "a" "b"
    And "c"
    Or "d"
    Sequence "e"
    Background "f"
    Pipe "g"
    Pipe "h"
    Sequence "i"
    "#);
    let pipes = script("set -eo pipefail; (a; b) | c; x|y").pipes;
    let parts: Vec<&Vec<Vec<usize>>> = pipes.iter().map(|it| &it.parts).collect();
    assert_eq!(parts, [&vec![vec![1, 2], vec![3]], &vec![vec![4], vec![5]]]);
    assert!(pipes.iter().all(|it| it.pipefail));
    assert!(!script("set -o pipefail; set +o pipefail; a|b").pipes[0].pipefail);
}

#[test]
fn quotes_variables_and_assignments() {
    insta::assert_snapshot!(shown("A=1 B=\"x y\" cmd 'a b'\\ c \"$V\"${W:-$X}$((Y+$Z)) $'t\\n' ${#L} >/dev/null 2>&1; C=3"), @r#"
    First A:="1" B:="x y" "cmd" "a b c" "$V${W:-$X}$((Y+$Z))" "t\\n" "${#L}" >/dev/null >&1 {V W X Z L}
    Sequence C:="3"
    "#);
    let found = script("rm \"$A\" $B");
    let quoted: Vec<bool> = found.commands[0]
        .words
        .iter()
        .flat_map(|it| &it.variables)
        .map(|it| it.quoted)
        .collect();
    assert_eq!(quoted, [true, false]);
}

#[test]
fn compound_commands() {
    insta::assert_snapshot!(shown("if a; then b; elif c; then d; else e; fi\nfor x in 1 2; do f; done; while g; do h; done <i\ncase $j in k|l) m;; (*) n ;; esac; { o; }; (p); q() { r; }\nfunction s { t; }\n[[ u && v ]] && w\n((x++))"), @r#"
    Condition>First "a"
    Branch>First "b"
    Condition>First "c"
    Branch>First "d"
    Branch>First "e"
    Loop>First "f"
    Condition>First "g"
    Loop>First "h"
    Branch>First "m"
    Branch>First "n"
    Group>First "o"
    Subshell>First "p"
    Function>Group>First "r"
    Function>Group>First "t"
    Sequence "[[" "u" "&&" "v" "]]"
    And "w"
    "#);
    assert_eq!(script("a() { b; }; c () { d; }").functions, ["a", "c"]);
}

#[test]
fn substitutions_are_read() {
    insta::assert_snapshot!(shown("echo $(a | b \"$(c)\") `d e` <(f)"), @r#"
    First "echo" "$(a | b \"$(c)\")" "`d e`" "<(f)"
    Substitution>First "a"
    Substitution>Pipe "b" "$(c)"
    Substitution>Substitution>First "c"
    Substitution>First "d" "e"
    Substitution>First "f"
    "#);
    insta::assert_snapshot!(shown("x=$(case a in a) b;; esac)"), @r#"
    First x:="$(case a in a) b;; esac)"
    Substitution>Branch>First "b"
    "#);
}

#[test]
fn heredocs_are_no_commands() {
    insta::assert_snapshot!(shown("cat <<A | b\nnot $x\nA\ncat <<-'B' >c\n\tB\nd # comment\n#e"), @r#"
    First "cat" <<A "not $x\n"
    Pipe "b"
    Sequence "cat" <<-B "" >c
    Sequence "d"
    "#);
}

#[test]
fn broken_text_gives_what_can_be_found() {
    for text in [
        "a \"b",
        "a 'b",
        "a $(b",
        "a `b",
        "a ${b",
        "if a; then b",
        "for",
        "case x in",
        "a )",
        "(a",
        "a <<B\nc",
        "a >",
        "((",
        "[[ a",
        "a() ",
        "{ a",
        "while",
        "fi; a",
    ] {
        let found = script(text);
        assert!(found.commands.len() < 4, "{text}");
    }
    assert_eq!(script("a ) b; c").commands.len(), 3);
    let deep = "$(".repeat(500);
    assert!(!script(&format!("echo {deep}")).complete);
    script(&"(".repeat(5000));
    script(&"${a:-".repeat(5000));
    script(&"a $((".repeat(5000));
}

#[test]
fn words_stand_where_they_say() {
    let text = "FROM a\nRUN x \\\n # inside\n  'y z' && \\\n  sh -c \"pip install \\\"é\\\" ü\" \\\n  && cat <<A | sh -s\necho hi\nA\n";
    let (dockerfile, _) = parse(&Source::new("Dockerfile", text));
    let found = scripts(&dockerfile, &dockerfile.instructions[1], None);
    let spans: Vec<Vec<&str>> = found
        .iter()
        .flat_map(|it| &it.commands)
        .map(|it| it.words.iter().map(|it| &text[it.span.clone()]).collect())
        .collect();
    assert_eq!(
        spans,
        [
            vec!["x", "'y z'"],
            vec!["sh", "-c", "\"pip install \\\"é\\\" ü\""],
            vec!["cat"],
            vec!["sh", "-s"],
            vec!["pip", "install", "\"é\\\"", "ü"],
        ]
    );
}

#[test]
fn the_interpreter_decides_what_is_read() {
    let text = "FROM a\nRUN <<EOF\n#!/usr/bin/env -S python3 -u\nprint('a b')\nEOF\nRUN <<EOF\n#!/bin/bash -e\na | b\nEOF\nRUN <<X\nc\nX\nRUN [\"bash\", \"-o\", \"pipefail\", \"-c\", \"d | e\"]\nRUN sh -s <<Y\nf\nY\n";
    let (dockerfile, _) = parse(&Source::new("Dockerfile", text));
    let found: Vec<String> = dockerfile.instructions[1..]
        .iter()
        .flat_map(|it| scripts(&dockerfile, it, None))
        .map(|it| {
            let names = it.commands.iter().filter_map(Simple::call);
            let names: Vec<&str> = names.map(|it| it.name).collect();
            let pipefail = it.pipes.iter().any(|it| it.pipefail);
            format!("{} {names:?} {pipefail}", it.interpreter.name)
        })
        .collect();
    assert_eq!(
        found,
        [
            "python3 [] false",
            "bash [\"a\", \"b\"] false",
            "sh [\"c\"] false",
            " [\"bash\"] false",
            "bash [\"d\", \"e\"] true",
            "sh [\"sh\"] false",
            "sh [\"f\"] false"
        ]
    );
}

#[test]
fn wrappers_are_looked_through() {
    for (text, name, wrappers) in [
        ("sudo -E -u app apt-get install x", "apt-get", 1),
        (
            "env -i A=1 B=2 timeout -k 1 30s /usr/bin/pip3 install x",
            "pip3",
            2,
        ),
        ("exec gosu app:app node x", "node", 2),
        ("command -v pip", "command", 0),
        ("xargs -r -n 1 rm -rf", "rm", 1),
        ("sudo", "sudo", 0),
        ("A=1 B=2 make", "make", 0),
    ] {
        let found = script(text);
        let call = found.commands[0].call().expect("a call");
        assert_eq!((call.name, call.wrappers.len()), (name, wrappers), "{text}");
    }
    let found = script("env A=1 x");
    assert_eq!(
        found.commands[0].call().expect("a call").environment,
        [("A", "1")]
    );
}

#[test]
fn package_managers_are_known() {
    for (text, expected) in [
        (
            "apt-get -y -o Dpkg::Use-Pty=0 install --no-install-recommends a b=1",
            "AptGet Install a b=1",
        ),
        (
            "DEBIAN_FRONTEND=noninteractive apt-get update",
            "AptGet Update ",
        ),
        ("apk add --no-cache --virtual .deps gcc", "Apk Install gcc"),
        ("apk --no-cache add a", "Apk Install a"),
        ("yum -y install a", "Yum Install a"),
        ("microdnf clean all", "Microdnf Clean all"),
        ("zypper -n in a", "Zypper Install a"),
        ("python3 -m pip install -r r.txt -U a", "Pip Install a"),
        ("pip3.12 install --no-cache-dir -e .", "Pip Install "),
        ("uv pip install a", "Pip Install a"),
        ("npm ci --omit=dev", "Npm InstallLocked "),
        ("npm i -g a@1", "Npm Install a@1"),
        ("yarn", "Yarn Install "),
        ("yarn global add a", "Yarn Install a"),
        ("pnpm install --frozen-lockfile", "Pnpm Install "),
        ("go install a/b@v1", "Go Install a/b@v1"),
        ("go mod download", "Go Fetch "),
        ("gem install -v 1 a", "Gem Install a"),
        ("cargo install --locked --version 1 a", "Cargo Install a"),
        ("corepack pnpm i", "Pnpm Install "),
        ("python -m venv x", "none"),
        ("apt-cache policy x", "none"),
    ] {
        let found = script(text);
        let shown = package_call(&found.commands[0]).map_or("none".to_owned(), |it| {
            let packages: Vec<&str> = it.packages.iter().map(|it| it.text.as_str()).collect();
            format!("{:?} {:?} {}", it.manager, it.action, packages.join(" "))
        });
        assert_eq!(shown, expected, "{text}");
    }
}

/// Every prefix and suffix of an awkward text must be read without a panic.
#[test]
fn no_text_panics() {
    let noise = "a=(b c) é \"ü$(d `e`)\" ${f#'g'} <<H <<-\"I\" \\\n j() { k; } $((1<<2)) case l in m) ;; esac [[ n =~ o ]] >|p &>q 'r\n#s\nH\n\tI\n";
    for end in (0..=noise.len()).filter(|&end| noise.is_char_boundary(end)) {
        script(&noise[..end]);
        script(&noise[end..]);
    }
}
