//! What a build asks for of its context, against what was chosen for it.

use windlass_backends::docker::{BuildRequest, ContextEntry, DockerError, EntryKind};
use windlass_core::dockerfile::ContextSources;

use crate::bench::Bench;
use crate::{debian, fail, file, output};

fn chosen(paths: &[&str]) -> ContextSources {
    let mut paths: Vec<String> = paths.iter().map(|&path| path.to_owned()).collect();
    paths.sort();
    ContextSources::Paths(paths)
}

fn request(bench: &Bench, dockerfile: &str, sources: ContextSources) -> BuildRequest {
    let link = ContextEntry {
        path: "link".to_owned(),
        kind: EntryKind::Symlink {
            target: "src".to_owned(),
        },
    };
    let context = vec![
        file("src/main.c", "one"),
        file("src/ü b.txt", "two"),
        file("conf/a.yml", "three"),
        link,
    ];
    BuildRequest {
        sources,
        ..bench.request(dockerfile, context)
    }
}

#[tokio::test]
async fn a_build_asks_for_what_its_dockerfile_names() {
    let Some(bench) = Bench::open("sources").await else {
        return;
    };
    let dockerfile = format!(
        "FROM {} AS first\nARG DIR=conf\nCOPY ./$DIR/*.yml /x/\nCOPY [\"src/ü b.txt\", \"/x/\"]\nCOPY link/main.c /x/\nRUN --mount=type=bind,source=/src/,target=/mnt cp /mnt/main.c /x/copy\nFROM first\nADD https://127.0.0.1:9/never /never\nFROM first\nRUN cd /x && find . -type f | LC_ALL=C sort\n",
        debian()
    );
    let sources = chosen(&["conf/*.yml", "src/ü b.txt", "link/main.c", "src"]);
    let lines = output(&bench, request(&bench, &dockerfile, sources)).await;
    assert_eq!(lines, ["./a.yml", "./copy", "./main.c", "./ü b.txt"]);
    bench.clean().await;
}

#[tokio::test]
async fn a_build_that_asks_for_more_than_was_foreseen_fails_and_names_it() {
    let Some(bench) = Bench::open("unforeseen").await else {
        return;
    };
    for (dockerfile, wanted) in [
        ("FROM scratch\nCOPY src conf /x/\n", "`conf`"),
        ("FROM scratch\nCOPY . /x/\n", "all"),
    ] {
        let error = fail(&bench, request(&bench, dockerfile, chosen(&["src"]))).await;
        let DockerError::Unforeseen { path } = error else {
            panic!("{dockerfile}: {error}");
        };
        assert_eq!(path, wanted);
    }
    bench.clean().await;
}
