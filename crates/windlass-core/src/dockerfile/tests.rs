//! Tests of the reader, of bases, pins, stamps and sources.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::model::Need;
use crate::name::{ImageName, Platform};

use super::*;

fn read(text: &str) -> Dockerfile {
    let (dockerfile, problems) = parse(&Source::new("Dockerfile", text));
    assert_eq!(problems, []);
    dockerfile
}

fn lines(problems: &[Diagnostic]) -> String {
    let lines: Vec<String> = problems
        .iter()
        .map(|it| {
            let place = it.labels.first().map(|label| label.location.to_string());
            let help = it.help.as_deref().unwrap_or_default();
            format!(
                "{} {}: {} / {help}",
                place.unwrap_or_default(),
                it.code,
                it.message
            )
        })
        .collect();
    lines.join("\n")
}

fn problems_of(text: &str) -> String {
    lines(&parse(&Source::new("Dockerfile", text)).1)
}

#[derive(Default)]
struct Question<'a> {
    args: &'a [(&'a str, &'a str)],
    stage: Option<&'a str>,
    needs: &'a [&'a str],
}

impl Question<'_> {
    fn ask<T>(&self, answer: impl FnOnce(&BaseQuery<'_>) -> T) -> T {
        answer(&BaseQuery {
            args: &self
                .args
                .iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect::<BTreeMap<_, _>>(),
            stage: self.stage,
            platform: &Platform::default(),
            needs: &self.needs.iter().map(|&it| it.to_owned()).collect(),
        })
    }

    fn bases(&self, text: &str) -> Bases {
        let dockerfile = read(text);
        let (bases, problems) = self.ask(|query| bases(&dockerfile, query));
        assert_eq!(problems, []);
        let bases = bases.expect("no problems, so a value");
        for base in &bases.pulled {
            assert!(text.is_char_boundary(base.span.start) && text.is_char_boundary(base.span.end));
        }
        bases
    }

    fn pulled(&self, text: &str) -> Vec<String> {
        let pulled = self.bases(text).pulled;
        pulled.iter().map(|it| it.image.to_string()).collect()
    }

    fn refused(&self, text: &str) -> String {
        let dockerfile = read(text);
        let (bases, problems) = self.ask(|query| bases(&dockerfile, query));
        assert_eq!(bases, None);
        lines(&problems)
    }
}

#[test]
fn continuations_comments_and_case_are_read_as_buildkit_does() {
    let text = "\u{feff}# a comment\r\n\r\nfrom debian:bookworm AS Build\r\nRUN a && \\\r\n  # comment\r\n\r\n  b\\\\\nCOPY --from=x --chown=\"a b\":c d \\\n e\n";
    let dockerfile = read(text);
    let shown: Vec<(&str, &str)> = dockerfile
        .instructions
        .iter()
        .map(|it| (it.keyword.as_str(), it.arguments.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("FROM", "debian:bookworm AS Build"),
            ("RUN", "a &&   b\\\\"),
            ("COPY", "d  e")
        ]
    );
    assert_eq!(
        dockerfile.stages[0]
            .name
            .as_ref()
            .map(|it| it.text.as_str()),
        Some("build")
    );
    let copy = &dockerfile.instructions[2];
    assert_eq!(
        copy.flag("chown").map(|it| it.value.text.as_str()),
        Some("a b:c")
    );
    for instruction in &dockerfile.instructions {
        for word in instruction.words() {
            assert_eq!(text[word.span.clone()], word.text);
        }
    }
}

#[test]
fn the_escape_directive_changes_continuations() {
    let dockerfile = read("# escape=`\nFROM a\nRUN b `\n c\\\nRUN d\n");
    assert_eq!(dockerfile.instructions.len(), 3);
    let late = read("# comment\n# escape=`\nFROM a\n");
    assert_eq!(late.escape, '\\');
}

#[test]
fn heredocs_are_not_read_as_instructions() {
    let text = "FROM a\nRUN <<EOF\nFROM nowhere\nEOF\nCOPY <<-\"X\" <<Y /d/\n\tX\nUSER $a\nY\nRUN echo $((1 << 3)) <<<x\nUSER 1\n";
    let dockerfile = read(text);
    let keywords: Vec<&str> = dockerfile
        .instructions
        .iter()
        .map(|it| it.keyword.as_str())
        .collect();
    assert_eq!(keywords, ["FROM", "RUN", "COPY", "RUN", "USER"]);
    let bodies: Vec<&str> = dockerfile
        .instructions
        .iter()
        .flat_map(|it| &it.heredocs)
        .map(|it| &text[it.span.clone()])
        .collect();
    // The last one is the shift of an arithmetic expression, never closed and without a body.
    assert_eq!(bodies, ["FROM nowhere\n", "", "USER $a\n", ""]);
}

#[test]
fn what_the_builder_refuses_is_said_at_its_place() {
    insta::assert_snapshot!(problems_of(
        "RUN early\nFORM a\nFROM\nFROM a b\nFROM a AS 1x\ngarbage here\nCOPY . .\n"
    ));
    insta::assert_snapshot!(problems_of("# escape=x\n# syntax=a\n# syntax=b\n\n"), @"
    Dockerfile:1:10 dockerfile/syntax: `x` is no escape character / write a backslash or a backtick
    Dockerfile:3:10 dockerfile/syntax: the directive `syntax` is given twice / keep one of them
    ");
    insta::assert_snapshot!(problems_of(""), @"Dockerfile:1:1 dockerfile/syntax: the Dockerfile has no FROM / begin with the base image, such as: FROM debian:bookworm-slim");
}

const MANY: &str = "# syntax=docker/dockerfile:1.7 and more
ARG TAG=3.12
ARG BASE=python:${TAG}-slim
FROM golang:1.22 AS Tools
FROM unused:1 AS unused
COPY --from=never:1 /a /a
FROM --platform=$BUILDPLATFORM ${BASE} AS build
RUN --mount=type=bind,from=alpine:3,target=/x --mount=type=cache,target=/c --mount=type=secret,id=a,from=no \\
    true
COPY --from=tools /a /a
COPY --from=busybox /b /b
FROM scratch
COPY --from=BUILD / /
COPY --from=0 / /
";

#[test]
fn only_what_the_wanted_stage_reaches_is_pulled() {
    let all = Question::default().bases(MANY);
    insta::assert_debug_snapshot!(
        all.pulled
            .iter()
            .map(|it| (
                it.kind,
                it.image.to_string(),
                it.platform.clone(),
                &MANY[it.span.clone()]
            ))
            .collect::<Vec<_>>()
    );
    let unused = Question {
        stage: Some("UNUSED"),
        ..Question::default()
    };
    assert_eq!(
        unused.pulled(MANY)[1..],
        ["docker.io/library/unused:1", "docker.io/library/never:1"]
    );
    let numbered = Question {
        stage: Some("0"),
        ..Question::default()
    };
    assert_eq!(
        numbered.pulled(MANY)[1..],
        ["docker.io/library/golang:1.22"]
    );
}

#[test]
fn build_args_override_defaults_before_the_first_from() {
    let asked = |args| Question {
        args,
        ..Question::default()
    };
    assert_eq!(
        asked(&[("TAG", "3.13")]).pulled(MANY)[2],
        "docker.io/library/python:3.13-slim"
    );
    assert_eq!(
        asked(&[("BASE", "pypy")]).pulled(MANY)[2],
        "docker.io/library/pypy:latest"
    );
    let text = "ARG A\nFROM ${A:-python}:${B-3}${A:+x}${TARGETARCH}\n";
    assert_eq!(asked(&[]).pulled(text), ["docker.io/library/python:3amd64"]);
    assert_eq!(
        asked(&[("A", "q")]).pulled(text),
        ["docker.io/library/q:3xamd64"]
    );
    assert_eq!(
        asked(&[]).pulled("FROM \"a\"b'c':1\n"),
        ["docker.io/library/abc:1"]
    );
}

#[test]
fn stages_hide_images_of_their_name_only_after_they_are_defined() {
    let text = "FROM python AS base\nFROM base AS python\nFROM python\n";
    assert_eq!(
        Question::default().pulled(text),
        ["docker.io/library/python:latest"]
    );
}

#[test]
fn workspace_images_are_not_pulled() {
    let asked = Question {
        needs: &["base-go", "tools"],
        ..Question::default()
    };
    let found = asked.bases(
        "FROM base-go AS b\nFROM scratch\nCOPY --from=tools /a /\nRUN --mount=from=b,target=/ x\n",
    );
    assert_eq!(found.pulled, []);
    let names: Vec<(&str, BaseKind)> = found
        .needs
        .iter()
        .map(|it| (it.name.as_str(), it.kind))
        .collect();
    assert_eq!(
        names,
        [("base-go", BaseKind::From), ("tools", BaseKind::CopyFrom)]
    );
}

#[test]
fn bases_that_cannot_be_known_are_errors() {
    let text = "FROM python:$TAG AS a\nARG TAG\nFROM ${X:?say} AS b\nFROM img-$BUILDARCH AS c\nFROM ${Y%z} AS d\nFROM UPPER AS e\nFROM x\nCOPY --from=$TAG a b\nCOPY --from=9 a b\nCOPY --from=a b c\nCOPY --from=b b c\nCOPY --from=c b c\nCOPY --from=d b c\nCOPY --from=e b c\nRUN --mount=from=${A},target=/a b\n";
    insta::assert_snapshot!(Question::default().refused(text));
    let stage = Question {
        stage: Some("nope"),
        ..Question::default()
    };
    insta::assert_snapshot!(stage.refused("FROM a AS b\nFROM c AS d\n"), @"Dockerfile:2:6 dockerfile/unknown-stage: the Dockerfile has no stage `nope` / the stages are b, d");
}

#[test]
fn pins_replace_the_words_and_nothing_else() {
    let found = Question::default().bases(MANY);
    let replacements: Vec<_> = found
        .pulled
        .iter()
        .map(|it| (it.span.clone(), format!("<{}>", it.reference)))
        .collect();
    insta::assert_snapshot!(pin(&read(MANY), &replacements));
    assert_eq!(pin(&read(MANY), &[]), MANY);
    let crlf = "from \\\r\n  py\\\r\nthon as x\r\nuser 1\r\n";
    let base = Question::default().bases(crlf).pulled.remove(0);
    assert_eq!(base.reference, "python");
    assert_eq!(
        pin(&read(crlf), &[(base.span, "P".to_owned())]),
        "from \\\r\n  P as x\r\nuser 1\r\n"
    );
}

#[test]
fn a_need_named_like_a_stage_is_an_error() {
    let manifest = Source::new("windlass.kdl", "needs \"go\" as=\"Builder\"");
    let need = Need {
        image: ImageName::new("go").expect("a name"),
        as_name: "Builder".to_owned(),
        location: Location {
            source: manifest,
            span: 0..5,
        },
    };
    let found = check_needs(&read("FROM a AS builder\n"), std::slice::from_ref(&need));
    insta::assert_snapshot!(lines(&found), @r#"windlass.kdl:1:1 dockerfile/stage-shadowed: `Builder` is the name of a stage as well / give the image another name here: needs "go" as="Builder-image""#);
    assert_eq!(check_needs(&read("FROM a AS b\n"), &[need]), []);
}

#[test]
fn stamped_args_may_not_decide_what_is_built() {
    let text = "ARG VERSION
ARG TAG=$VERSION
FROM --platform=$VERSION python:$TAG AS base
ARG VERSION
ENV V=v-$VERSION W=1
LABEL version=$V
RUN build $V \\
  ${VERSION}
RUN echo \\$VERSION $W
FROM base
ARG TAG
COPY --chown=$V a-${TAG} /
ADD --chown=1 $W /
RUN --mount=type=bind,source=$V,target=/a true
USER $V
ENV V=fixed
WORKDIR /$V
COPY <<A <<\"B\" /
$TAG
A
$TAG
B
RUN <<C
echo $TAG
C
";
    let names =
        |names: &[&str]| -> BTreeSet<String> { names.iter().map(|&it| it.to_owned()).collect() };
    let found = check_stamps(&read(text), &names(&["VERSION"]), &names(&[]));
    insta::assert_snapshot!(lines(&found));
    let given = check_stamps(&read(text), &names(&["OTHER"]), &names(&["VERSION"]));
    assert_eq!(given, []);
    let over = check_stamps(
        &read("ARG S\nARG T=$S\nFROM a:$T\n"),
        &names(&["S"]),
        &names(&["T"]),
    );
    assert_eq!(over, []);
}

/// Every prefix of some awkward texts, and some noise, must be read without a panic.
#[test]
fn no_text_panics() {
    let noise = "# escape=`\n# syntax=\nFROM --platform=\"$x é AS ü\\\nCOPY --from= --a=' \\\"\n<<É <<\nENV a\nENV =\nARG =$\nRUN --mount=from=,,=,type <<A\nA\nONBUILD\nFROM ${a:-${b:+${c:?}}}\nFROM ${${\nFROM $\n\\\n\\";
    for text in [noise, MANY] {
        for end in (0..=text.len()).filter(|&end| text.is_char_boundary(end)) {
            for part in [&text[..end], &text[end..]] {
                let (dockerfile, _) = parse(&Source::new("Dockerfile", part));
                Question::default().ask(|query| {
                    let (found, _) = bases(&dockerfile, query);
                    let spans = found
                        .unwrap_or_default()
                        .pulled
                        .into_iter()
                        .map(|it| (it.span, "x".to_owned()));
                    pin(&dockerfile, &spans.collect::<Vec<_>>());
                    context_sources(&dockerfile, query);
                    remote_sources(&dockerfile, query);
                    leaves_triggers(&dockerfile, query);
                });
                check_stamps(
                    &dockerfile,
                    &BTreeSet::from(["x".to_owned()]),
                    &BTreeSet::new(),
                );
            }
        }
    }
}
