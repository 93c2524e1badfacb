use std::collections::BTreeMap;

use super::*;
use crate::diag::Source;
use crate::dockerfile::parse;
use crate::name::Platform;

fn ask<T>(
    text: &str,
    args: &[(&str, &str)],
    stage: Option<&str>,
    answer: impl FnOnce(&Dockerfile, &BaseQuery<'_>) -> T,
) -> T {
    let (dockerfile, _) = parse(&Source::new("Dockerfile", text));
    let args: BTreeMap<String, String> = args
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let query = BaseQuery {
        args: &args,
        stage,
        platform: &Platform::default(),
        needs: &BTreeSet::new(),
    };
    answer(&dockerfile, &query)
}

fn sources(text: &str, args: &[(&str, &str)]) -> Vec<String> {
    match ask(text, args, None, context_sources) {
        ContextSources::Paths(paths) => paths,
        ContextSources::Everything { why } => vec![format!("everything: {why:?}")],
    }
}

fn is_everything(text: &str) -> bool {
    matches!(
        ask(text, &[], None, context_sources),
        ContextSources::Everything { .. }
    )
}

#[test]
fn only_named_sources_of_reached_stages_are_read() {
    let text = "FROM a AS b\nCOPY package*.json ./\nADD https://x/y ./src/../lib/ /\nCOPY [\"a b\", \"/abs\", \".\"]\nRUN --mount=type=bind,source=gen,target=/g --mount=type=cache,target=/c --mount=from=b,src=no,target=/n x\nFROM c AS other\nCOPY other /\nFROM b\nCOPY --from=b / /\nCOPY --chown=1:1 v[0-9].txt ../up /\n";
    assert_eq!(
        sources(text, &[]),
        [
            "a b",
            "abs",
            "gen",
            "lib",
            "package*.json",
            "up",
            "v[0-9].txt"
        ]
    );
    assert_eq!(
        ask(text, &[], Some("other"), context_sources),
        ContextSources::Paths(vec!["other".to_owned()])
    );
    assert_eq!(sources("FROM a\nRUN x\n", &[]), Vec::<String>::new());
}

#[test]
fn the_whole_context_is_read_where_it_is_named_or_nothing_can_be_decided() {
    for whole in [
        "COPY . .",
        "COPY / /",
        "COPY a/.. /",
        "COPY $A /",
        "COPY ${A:-x} /",
        "COPY \"a\" /",
        "COPY a\\[b /",
        "COPY [^a]x /",
        "COPY [.-0]x /",
        "COPY [a /",
        "COPY --parents a/b /",
        "COPY --from= . /",
        "RUN --mount=target=/x y",
        "RUN --mount=type=BIND,target=/x y",
        "RUN --mount=type=bind,source=$A,target=/x y",
        "RUN --mount=type=$A,source=a,target=/x y",
    ] {
        assert!(is_everything(&format!("FROM a\n{whole}\n")), "{whole}");
    }
    assert!(is_everything(
        "# syntax=example.com/own:1\nFROM a\nCOPY b /\n"
    ));
    assert!(is_everything(
        "FROM a AS b\nONBUILD COPY x /\nFROM b\nCOPY y /\n"
    ));
    assert!(!is_everything(
        "# syntax=docker/dockerfile:1.7\nFROM a AS b\nONBUILD RUN x\nFROM b\nCOPY y /\n"
    ));
}

#[test]
fn variables_have_the_value_that_the_builder_gives_them() {
    let text = "ARG TOP=top\nFROM a\nARG TOP\nARG APP=web\nARG TARGETARCH\nCOPY $APP/$TARGETARCH ${TOP} /\nENV APP=env/$APP X=1 Y=$X\nCOPY $APP /\n";
    assert_eq!(sources(text, &[]), ["env/web", "top", "web/amd64"]);
    assert_eq!(
        sources(text, &[("APP", "api"), ("TOP", "t")]),
        ["api/amd64", "env/api", "t"]
    );
    // Within one ENV the old values hold.
    assert!(is_everything("FROM a\nENV X=1 Y=$X\nCOPY $Y /\n"));
    assert_eq!(sources("FROM a\nENV X old\nCOPY $X /\n", &[]), ["old"]);
}

#[test]
fn a_stage_sees_the_variables_of_the_stage_it_starts_from() {
    let text = "FROM a AS b\nENV E=e\nARG G=g\nFROM b\nCOPY $E /\n";
    assert_eq!(sources(text, &[]), ["e"]);
    assert_eq!(sources(&format!("{text}COPY $G /\n"), &[]), ["e", "g"]);
    assert_eq!(
        sources(&format!("{text}ARG G=h\nCOPY $G /\n"), &[]),
        ["e", "h"]
    );
    // A default is taken only where the base image does not set the name.
    for text in [
        "FROM a\nCOPY ${X:-x} /\n",
        "FROM a\nENV Y=${X:-x}\nCOPY $Y /\n",
        "FROM a AS b\nARG Y=${X:-x}\nFROM b\nENV Z=$Y\nCOPY $Z /\n",
    ] {
        assert!(is_everything(text), "{text}");
    }
    assert_eq!(
        sources("FROM scratch\nENV Y=${X:-x}\nCOPY $Y ${X:-z} /\n", &[]),
        ["x", "z"]
    );
    assert_eq!(
        sources("FROM a\nARG Y=${X:-x}\nCOPY $Y /\n", &[("Y", "given")]),
        ["given"]
    );
    // An ARG without a value leaves what the base image may have set.
    assert!(is_everything("FROM a\nARG X\nCOPY $X /\n"));
}

#[test]
fn what_add_fetches_is_named_with_whether_it_is_pinned() {
    let commit = "0123456789012345678901234567890123456789";
    let text = format!(
        "FROM a AS unused\nADD https://no/x /\nFROM a\nADD https://user:secret@h/x.tgz?y local /\nADD --checksum=sha256:00 https://h/y /\nADD git@h:z.git#main https://h/z.git#{commit}:sub /\nCOPY https://h/no /\n"
    );
    let found = ask(&text, &[], None, remote_sources);
    let shown: Vec<(&str, bool)> = found
        .iter()
        .map(|it| (it.address.as_str(), it.pinned))
        .collect();
    let pinned = format!("https://h/z.git#{commit}:sub");
    assert_eq!(
        shown,
        [
            ("https://h/x.tgz?y", false),
            ("https://h/y", true),
            ("git@h:z.git#main", false),
            (pinned.as_str(), true),
        ]
    );
}

#[test]
fn triggers_that_read_the_context_are_seen() {
    let leaves = |text: &str, stage| ask(text, &[], stage, leaves_triggers);
    let text = "FROM a AS base\nONBUILD add x /\nFROM base\nONBUILD RUN make\n";
    assert!(!leaves(text, None));
    assert!(leaves(text, Some("base")));
    assert!(leaves("FROM a\nONBUILD RUN --mount=target=/x y\n", None));
}
