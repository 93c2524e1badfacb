//! What reaches a build of its context, and how little the second time.

use std::path::Path;

use sha2::{Digest as _, Sha256};
use windlass_backends::docker::{ContextEntry, DockerError, EntryKind, Source};

use crate::bench::Bench;
use crate::{debian, fail, file, output};

fn entry(path: &str, kind: EntryKind) -> ContextEntry {
    ContextEntry {
        path: path.to_owned(),
        kind,
    }
}

fn link(path: &str, target: &str) -> ContextEntry {
    let target = target.to_owned();
    entry(path, EntryKind::Symlink { target })
}

/// Lists a file of this machine as it is now.
fn on_disk(folder: &Path, path: &str) -> ContextEntry {
    let source = folder.join(path);
    let content = std::fs::read(&source).expect("the test wrote it");
    entry(
        path,
        EntryKind::File {
            executable: false,
            size: content.len() as u64,
            sha256: Sha256::digest(&content).into(),
            source: Source::Path(source),
        },
    )
}

#[tokio::test]
async fn links_modes_names_and_empty_folders_arrive() {
    let Some(bench) = Bench::open("kinds").await else {
        return;
    };
    let dockerfile = format!(
        "FROM {}\nCOPY . /x/\nRUN cd /x && find . -mindepth 1 -printf '%P|%y|%m|%U:%G|%s|%l|%TY\\n' | LC_ALL=C sort\n",
        debian()
    );
    let context = vec![
        file("plain", "12345"),
        ContextEntry::from_bytes("run me.sh", true, "#!/bin/sh\n"),
        file("ünï/日本.txt", "x"),
        file("ünï-b", ""),
        file(".dockerignore", "*\n"),
        entry("empty/below", EntryKind::Directory),
        link("ünï/up", "../plain"),
        link("dangling", "/nowhere"),
    ];
    let lines = output(&bench, bench.request(&dockerfile, context)).await;
    let mut lines: Vec<_> = lines
        .iter()
        // Size and time of a folder are set by what is put into it.
        .map(|line| match line.split_once("|0:0|") {
            Some((start, _)) if start.contains("|d|") => start.to_owned(),
            _ => line.clone(),
        })
        .collect();
    lines.sort();
    assert_eq!(
        lines,
        [
            ".dockerignore|f|644|0:0|2||1980",
            "dangling|l|777|0:0|8|/nowhere|1980",
            "empty/below|d|755",
            "empty|d|755",
            "plain|f|644|0:0|5||1980",
            "run me.sh|f|755|0:0|10||1980",
            "ünï-b|f|644|0:0|0||1980",
            "ünï/up|l|777|0:0|8|../plain|1980",
            "ünï/日本.txt|f|644|0:0|1||1980",
            "ünï|d|755",
        ]
    );
    bench.clean().await;
}

#[tokio::test]
async fn an_unchanged_context_of_many_files_is_not_sent_again() {
    let Some(bench) = Bench::open("many-files").await else {
        return;
    };
    let dockerfile = "FROM scratch\nCOPY . /\n";
    let mut context: Vec<_> = (0..25_000)
        .map(|number| {
            file(
                &format!("d{}/e{}/f{number}", number % 50, number % 7),
                &format!("content {number}"),
            )
        })
        .collect();
    let first = bench
        .build(bench.request(dockerfile, context.clone()))
        .await;
    assert_eq!(first.sent_files, 25_002, "with Dockerfile and ignore file");
    let second = bench
        .build(bench.request(dockerfile, context.clone()))
        .await;
    assert_eq!((second.sent_files, &second.image), (0, &first.image));
    context[7] = file("d7/e0/f7", "CONTENT 7");
    let third = bench.build(bench.request(dockerfile, context)).await;
    assert_eq!(third.sent_files, 1);
    assert_ne!(third.image, first.image);
    bench.clean().await;
}

#[tokio::test]
async fn layers_do_not_depend_on_where_and_when_the_files_were_checked_out() {
    let Some(bench) = Bench::open("checkout").await else {
        return;
    };
    let mut images = Vec::new();
    for _ in 0..2 {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a"), &bench.key).unwrap();
        let mut request = bench.request(
            "FROM scratch\nCOPY . /\n",
            vec![on_disk(folder.path(), "a")],
        );
        // A key of its own: nothing is known of the other tree.
        request.shared_key = folder.path().display().to_string();
        request.no_cache = true;
        let built = bench.build(request).await;
        images.push(
            bench
                .engine
                .image(&built.image)
                .await
                .unwrap()
                .unwrap()
                .diff_ids,
        );
    }
    assert_eq!(images[0], images[1]);
    bench.clean().await;
}

#[tokio::test]
async fn a_file_that_changed_after_it_was_listed_fails_the_build() {
    let Some(bench) = Bench::open("stale").await else {
        return;
    };
    let sizes = [("small", 100), ("large", 3 << 20)];
    for (name, size) in sizes {
        for change in ["same size", "longer", "shorter", "gone", "link"] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(name);
            std::fs::write(&path, vec![b'a'; size]).unwrap();
            let context = vec![file("other", &bench.key), on_disk(folder.path(), name)];
            match change {
                "same size" => std::fs::write(&path, vec![b'b'; size]).unwrap(),
                "longer" => std::fs::write(&path, vec![b'a'; size + 1]).unwrap(),
                "shorter" => std::fs::write(&path, vec![b'a'; size - 1]).unwrap(),
                "gone" => std::fs::remove_file(&path).unwrap(),
                _ => {
                    let aside = folder.path().join("aside");
                    std::fs::rename(&path, &aside).unwrap();
                    std::os::unix::fs::symlink(&aside, &path).unwrap();
                }
            }
            let mut request = bench.request("FROM scratch\nCOPY . /\n", context);
            request.shared_key = format!("{}-{name}-{change}", bench.key);
            let error = fail(&bench, request).await;
            assert!(
                matches!(&error, DockerError::Stale { path } if path == name),
                "{name}, {change}: {error}"
            );
        }
    }
    bench.clean().await;
}

#[tokio::test]
async fn a_build_after_a_stale_one_gets_the_right_content() {
    let Some(bench) = Bench::open("after-stale").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let dockerfile = format!("FROM {}\nCOPY a /\nRUN head -c 4 /a; wc -c /a\n", debian());
    std::fs::write(&path, vec![b'a'; 2 << 20]).unwrap();
    let listed = on_disk(folder.path(), "a");
    std::fs::write(&path, vec![b'b'; 2 << 20]).unwrap();
    let error = fail(&bench, bench.request(&dockerfile, vec![listed.clone()])).await;
    assert!(matches!(error, DockerError::Stale { .. }), "{error}");
    std::fs::write(&path, vec![b'a'; 2 << 20]).unwrap();
    let lines = output(&bench, bench.request(&dockerfile, vec![listed])).await;
    assert_eq!(lines, ["aaaa2097152 /a"]);
    bench.clean().await;
}

#[tokio::test]
async fn large_files_arrive_whole() {
    let Some(bench) = Bench::open("large").await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..20_000_003_u32)
        .map(|index| (index % 251) as u8)
        .collect();
    std::fs::write(folder.path().join("large"), &content).unwrap();
    let dockerfile = format!("FROM {}\nCOPY large /\nRUN sha256sum /large\n", debian());
    let listed = vec![on_disk(folder.path(), "large")];
    let lines = output(&bench, bench.request(&dockerfile, listed)).await;
    let digest = Sha256::digest(&content);
    assert_eq!(lines, [format!("{digest:x}  /large")]);
    bench.clean().await;
}
