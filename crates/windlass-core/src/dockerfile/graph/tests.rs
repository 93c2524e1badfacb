//! Tests of the stage graph.

use super::super::parse;
use super::*;
use crate::diag::Source;

#[derive(Default)]
struct Asked<'a> {
    args: &'a [(&'a str, &'a str)],
    stage: Option<&'a str>,
    base: Option<BaseConfig>,
}

impl Asked<'_> {
    fn graph(&self, text: &str) -> (Dockerfile, Graph) {
        let (dockerfile, problems) = parse(&Source::new("Dockerfile", text));
        assert_eq!(problems, []);
        let args = self.args.iter();
        let args = args.map(|&(name, value)| (name.to_owned(), value.to_owned()));
        let graph = resolve(
            &dockerfile,
            &GraphQuery {
                args: &args.collect(),
                stage: self.stage,
                platform: &Platform::default(),
                bases: &|_| self.base.clone().unwrap_or_default(),
            },
        );
        (dockerfile, graph)
    }

    fn end(&self, text: &str) -> State {
        let (_, graph) = self.graph(text);
        graph.stages[graph.target.expect("a stage")].end.clone()
    }
}

fn text(setting: &Setting<Value>) -> Option<&str> {
    setting.value().map(|it| it.text.as_str())
}

#[test]
fn settings_come_through_the_stages() {
    let end = Asked::default().end(
        "FROM a AS one\nUSER 1\nWORKDIR /x\nWORKDIR y\nCMD [\"a\"]\nFROM one AS two\nUSER $WHO\nFROM two\nWORKDIR ../z\nENTRYPOINT b c\n",
    );
    assert_eq!(text(&end.user), Some(""));
    assert_eq!(end.user.value().expect("set").missing, ["WHO"]);
    assert_eq!(text(&end.workdir), Some("/x/y/../z"));
    assert_eq!(end.cmd, Setting::Unset);
    assert_eq!(
        end.entrypoint.value(),
        Some(&Process::Shell("b c".to_owned()))
    );
    assert_eq!(end.shell, Setting::Unknown);
}

#[test]
fn what_the_base_says_is_known_only_when_it_is_handed_in() {
    let text_of = "FROM a\nWORKDIR y\nRUN echo $P\n";
    let unknown = Asked::default().end(text_of);
    assert_eq!(unknown.user, Setting::Unknown);
    assert_eq!(text(&unknown.workdir), Some("y"));
    let base = BaseConfig {
        user: Some("app".to_owned()),
        workdir: Some("/srv".to_owned()),
        environment: Some(BTreeMap::from([("P".to_owned(), "1".to_owned())])),
        cmd: Some(vec!["x".to_owned()]),
        ..BaseConfig::default()
    };
    let known = Asked {
        base: Some(base),
        ..Asked::default()
    };
    let known = known.end(text_of);
    assert_eq!(known.user, Setting::Base(Value::fixed("app")));
    assert_eq!(text(&known.workdir), Some("/srv/y"));
    assert_eq!(known.expand("$P", '\\').text, "1");
    let scratch = Asked::default().end("FROM scratch\nWORKDIR y\n");
    assert_eq!(scratch.user, Setting::Unset);
    assert_eq!(text(&scratch.workdir), Some("/y"));
}

#[test]
fn variables_are_those_of_buildkit() {
    let state = |args, text: &str| {
        Asked {
            args,
            ..Asked::default()
        }
        .end(text)
    };
    let shared = "ARG V=1\nFROM scratch AS a\nARG V\nARG W=w$V\nENV A=1 B=$A\nENV A=2 C=$A\nFROM a\nENV D=$V$W\n";
    let end = state(&[], shared);
    assert_eq!(
        end.expand("$A-$B-$C-$D-$TARGETARCH", '\\').text,
        "2--1-1w1-"
    );
    let given = state(&[("V", "9"), ("W", "8")], shared);
    assert_eq!(given.expand("$D", '\\').text, "98");
    let over = state(&[], "FROM scratch\nENV X=1\nARG X=2\n");
    assert_eq!(over.expand("$X", '\\').text, "2");
    assert_eq!(over.environment["X"].text, "1");
    let lacking = state(&[], "FROM scratch\nARG X\nENV Y=a$X\nENV Z=$Y\n");
    assert_eq!(lacking.expand("${Z:-d}", '\\').missing, ["X"]);
}

#[test]
fn every_form_of_expansion_is_known() {
    let end = Asked::default().end(
        "FROM scratch\nENV F=a/b.tar.gz E= U=\u{fc}\u{fc}x\nENV T='a $F' D=\"a \\\"$F\" L=\\$F\n",
    );
    for (word, expected) in [
        ("${F#*/}", "b.tar.gz"),
        ("${F##*.}", "gz"),
        ("${F%.*}", "a/b.tar"),
        ("${F%%.*}", "a/b"),
        ("${F/a/z}", "z/b.tar.gz"),
        ("${F//a/z}", "z/b.tzr.gz"),
        ("${E:-x}${E-x}${N-y}", "xy"),
        ("${E:+x}${E+y}${F:+z}", "yz"),
        ("$T $D $L", "a $F a \"a/b.tar.gz $F"),
        ("'$F'\"$F\"\\$F", "$Fa/b.tar.gz$F"),
        ("${U#?}$", "\u{fc}x$"),
        ("${N:-${F%.gz}}", "a/b.tar"),
    ] {
        let value = end.expand(word, '\\');
        assert_eq!(value.text, expected, "{word}: {value:?}");
        assert!(value.is_fixed(), "{word}: {value:?}");
    }
    for word in [
        "${}",
        "${F",
        "${F,,}",
        "${N:?why}",
        "'a",
        "${F:#a}",
        "${F#\\a}",
    ] {
        assert!(end.expand(word, '\\').problem.is_some(), "{word}");
    }
}

#[test]
fn a_value_that_doubles_itself_is_cut_short() {
    let mut text = "FROM scratch\nENV A=aaaaaaaaaaaaaaaa\n".to_owned();
    for _ in 0..64 {
        text.push_str("ENV A=$A$A\n");
    }
    let end = Asked::default().end(&text);
    assert!(end.environment["A"].text.len() < 1 << 18);
}

#[test]
fn links_and_reached_stages() {
    let (dockerfile, graph) = Asked::default().graph(
        "FROM a AS one\nFROM b AS two\nFROM c AS Three\nCOPY --from=ONE /a /\nCOPY --from=nginx /a /\nCOPY --from=$X /a /\nRUN --mount=type=bind,from=0,target=/x --mount=type=secret,id=a true\n",
    );
    let reached: Vec<bool> = graph.stages.iter().map(|it| it.reached).collect();
    assert_eq!(reached, [true, false, true]);
    let targets: Vec<&LinkTarget> = graph.stages[2].links.iter().map(|it| &it.target).collect();
    assert_eq!(
        targets,
        [
            &LinkTarget::Stage(0),
            &LinkTarget::Image("nginx".to_owned()),
            &LinkTarget::Unknown,
            &LinkTarget::Stage(0)
        ]
    );
    assert_eq!(dockerfile.stage_of(4), Some(2));
    let other = Asked {
        stage: Some("TWO"),
        ..Asked::default()
    };
    let (_, graph) = other.graph("FROM a AS one\nFROM b AS two\n");
    assert_eq!(graph.target, Some(1));
}

#[test]
fn an_image_that_depends_on_a_missing_arg_is_unknown() {
    let (_, graph) = Asked::default().graph("ARG T\nARG B=$T\nFROM a:$B\n");
    let StageBase::Unknown(value) = &graph.stages[0].base else {
        panic!("known: {:?}", graph.stages[0].base);
    };
    assert_eq!(value.missing, ["T"]);
}
