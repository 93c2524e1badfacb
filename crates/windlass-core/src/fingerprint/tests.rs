use super::*;

fn file(path: &str, content: &str, executable: bool) -> Entry {
    Entry {
        path: path.to_owned(),
        kind: EntryKind::File {
            executable,
            bytes: content.len() as u64,
            digest: Digest::of(content.as_bytes()),
        },
    }
}

fn sample() -> Inputs {
    Inputs {
        dockerfile: "FROM python:3.12\nCOPY . .\n".to_owned(),
        context: Arc::from([
            file("app/main.py", "print(1)", false),
            Entry {
                path: "empty".to_owned(),
                kind: EntryKind::Directory,
            },
            Entry {
                path: "link".to_owned(),
                kind: EntryKind::Link {
                    target: "app".to_owned(),
                },
            },
        ]),
        args: BTreeMap::from([("PORT".to_owned(), "8000".to_owned())]),
        platforms: vec![Platform::default()],
        bases: BTreeMap::from([("python:3.12".to_owned(), Digest::of(b"base"))]),
        ..Inputs::default()
    }
}

#[test]
fn canonical_encoding_is_pinned() {
    // A change of this value rebuilds every image of every user: raise `ENCODING` and write a release note.
    assert_eq!(
        fingerprint(&sample()).as_str(),
        "5fb90a361d13773ddd77a1ddc766b61c0f8438f89e001c392212e3f8a14fc2c8"
    );
}

/// Writes `docs/formats/fingerprint.md` down once more, without the code that it describes.
#[test]
fn encoding_is_what_its_page_says() {
    fn number(number: u64) -> Vec<u8> {
        number.to_le_bytes().to_vec()
    }
    fn text(text: &str) -> Vec<u8> {
        [number(text.len() as u64), text.as_bytes().to_vec()].concat()
    }
    fn list(texts: &[&str]) -> Vec<u8> {
        let texts: Vec<Vec<u8>> = texts.iter().map(|it| text(it)).collect();
        [number(texts.len() as u64), texts.concat()].concat()
    }
    fn map(pairs: &[(&str, &str)]) -> Vec<u8> {
        let pairs: Vec<Vec<u8>> = pairs
            .iter()
            .map(|(key, value)| [text(key), text(value)].concat())
            .collect();
        [number(pairs.len() as u64), pairs.concat()].concat()
    }
    let one = |key: &str, value: &str| BTreeMap::from([(key.to_owned(), value.to_owned())]);
    let need = "ab".repeat(32);
    let mut inputs = sample();
    inputs.labels = one("l", "1");
    inputs.annotations = one("a", "2");
    inputs.stage = Some("final".to_owned());
    inputs.epoch = 7;
    inputs.sbom = true;
    inputs.secrets = vec!["npm".to_owned()];
    inputs.ssh = vec!["default".to_owned(), "other".to_owned()];
    inputs.named_contexts = one("n", "m");
    inputs.needs = BTreeMap::from([(
        "base".to_owned(),
        Fingerprint::new(need.clone()).expect("hex"),
    )]);
    let bytes = [
        number(1),
        text("FROM python:3.12\nCOPY . .\n"),
        number(3),
        text("app/main.py"),
        text("file 0644"),
        text(Digest::of(b"print(1)").as_str()),
        text("empty"),
        text("directory 0755"),
        text("link"),
        text("link 0777"),
        text("app"),
        map(&[("PORT", "8000")]),
        map(&[("l", "1")]),
        map(&[("a", "2")]),
        number(1),
        text("final"),
        list(&["linux/amd64"]),
        number(0),
        number(7),
        number(0),
        number(1),
        list(&["npm"]),
        list(&["default", "other"]),
        map(&[("python:3.12", Digest::of(b"base").as_str())]),
        map(&[("n", "m")]),
        map(&[("base", &need)]),
    ]
    .concat();
    assert_eq!(fingerprint(&inputs).as_str(), Digest::of(&bytes).hex());
}

#[test]
fn every_field_changes_the_fingerprint() {
    let edits: Vec<fn(&mut Inputs)> = vec![
        |i| i.dockerfile.push('#'),
        |i| i.context = i.context[..2].into(),
        |i| Arc::make_mut(&mut i.context)[0] = file("app/main.py", "print(1)", true),
        |i| Arc::make_mut(&mut i.context)[0] = file("app/main.py", "print(2)", false),
        |i| Arc::make_mut(&mut i.context)[1].path = "other".to_owned(),
        |i| {
            Arc::make_mut(&mut i.context)[2].kind = EntryKind::Link {
                target: "b".to_owned(),
            }
        },
        |i| i.args.clear(),
        |i| i.labels = std::mem::take(&mut i.args),
        |i| i.annotations = std::mem::take(&mut i.args),
        |i| i.named_contexts = std::mem::take(&mut i.args),
        |i| i.stage = Some(String::new()),
        |i| i.network = Some(String::new()),
        |i| i.platforms.clear(),
        |i| i.epoch = 1,
        |i| i.provenance = true,
        |i| i.sbom = true,
        |i| i.secrets = vec!["npm".to_owned()],
        |i| i.ssh = vec!["npm".to_owned()],
        |i| i.bases.clear(),
        |i| {
            i.needs = BTreeMap::from([(
                "base".to_owned(),
                Fingerprint::new("ab".repeat(32)).expect("hex"),
            )]);
        },
    ];
    let mut seen = std::collections::BTreeSet::from([fingerprint(&sample())]);
    let count = edits.len();
    for edit in edits {
        let mut inputs = sample();
        edit(&mut inputs);
        seen.insert(fingerprint(&inputs));
    }
    assert_eq!(seen.len(), count + 1);
}

#[test]
fn explains_each_kind_of_change() {
    let (old, mut new) = (sample(), sample());
    new.context = Arc::from([
        file("app/main.py", "print(1)", true),
        file("new.py", "", false),
    ]);
    new.dockerfile = "FROM python:3.12\nCOPY app .\n".to_owned();
    new.args.insert("PORT".to_owned(), "9000".to_owned());
    new.bases
        .insert("python:3.12".to_owned(), Digest::of(b"moved"));
    new.stage = Some("final".to_owned());
    let recipe = |port: &str| {
        Some(RecipeRecord {
            pattern: "python@1".to_owned(),
            parameters: BTreeMap::from([("port".to_owned(), port.to_owned())]),
        })
    };
    let (old, new) = (
        InputsRecord::new(old, recipe("8000")),
        InputsRecord::new(new, recipe("9000")),
    );
    insta::assert_debug_snapshot!(explain(&old, &new));
}

#[test]
fn equal_inputs_have_nothing_to_explain() {
    let record = InputsRecord::new(sample(), None);
    assert_eq!(explain(&record, &record), []);
}

#[test]
fn record_reads_back_and_refuses_another_format() {
    let record = InputsRecord::new(sample(), None);
    assert_eq!(
        InputsRecord::parse(&record.render()).expect("a record"),
        record
    );
    let other = String::from_utf8(record.render())
        .expect("JSON")
        .replace("\"format_version\":1", "\"format_version\":2");
    assert!(InputsRecord::parse(other.as_bytes()).is_err());
}
