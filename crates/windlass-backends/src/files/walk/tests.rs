use std::os::unix::ffi::OsStrExt as _;
use std::sync::atomic::{AtomicU64, Ordering};

use windlass_core::context::IgnoreLine;
use windlass_core::name::Digest;

use super::*;
use crate::files::HashProgress;
use crate::files::cache::HashCache;

fn context(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

fn list(folder: &Path, ignore: &str) -> Result<ContextListing, FilesError> {
    let (ignore, _) = Ignore::new(IgnoreLine::split(".dockerignore", ignore), Vec::new());
    walk(folder, ".", &ignore, &ContextSources::default())
}

fn paths(listing: &ContextListing) -> Vec<&str> {
    listing
        .entries
        .iter()
        .map(|entry| entry.path.as_str())
        .collect()
}

#[test]
fn lists_files_folders_and_links_sorted_with_normalised_modes() {
    let folder = context(&[("b/run.sh", "x"), ("a.txt", "hello")]);
    std::fs::create_dir(folder.path().join("empty")).expect("a folder");
    std::os::unix::fs::symlink("a.txt", folder.path().join("link")).expect("a link");
    std::fs::set_permissions(
        folder.path().join("b/run.sh"),
        std::os::unix::fs::PermissionsExt::from_mode(0o711),
    )
    .expect("mode");
    let listing = list(folder.path(), "").expect("a listing");
    assert_eq!(paths(&listing), ["a.txt", "b", "b/run.sh", "empty", "link"]);
    assert_eq!(
        listing.entries[0].kind,
        EntryKind::File {
            executable: false,
            bytes: 5,
            digest: Digest::of(b"hello")
        }
    );
    assert!(matches!(
        listing.entries[2].kind,
        EntryKind::File {
            executable: true,
            ..
        }
    ));
    assert_eq!(
        listing.entries[4].kind,
        EntryKind::Link {
            target: "a.txt".to_owned()
        }
    );
}

#[test]
fn an_outline_says_the_same_without_reading_a_file() {
    let folder = context(&[("b/run.sh", "x"), ("a.txt", "hello"), ("c.md", "")]);
    std::os::unix::fs::symlink("a.txt", folder.path().join("link")).expect("a link");
    let (ignore, _) = Ignore::new(IgnoreLine::split(".dockerignore", "*.md"), Vec::new());
    let listing = walk(folder.path(), ".", &ignore, &ContextSources::default());
    let listing = listing.expect("a listing");
    let outline = outline(folder.path(), ".", &ignore).expect("an outline");
    let same: Vec<OutlineEntry> = listing.entries.iter().map(OutlineEntry::from).collect();
    assert_eq!(outline.entries, same);
    assert_eq!(outline.ignored, listing.ignored);
}

#[test]
fn an_ignored_folder_is_kept_only_for_what_is_brought_back() {
    let folder = context(&[
        ("a/b/keep", ""),
        ("a/b/drop", ""),
        ("a/c/drop", ""),
        ("d/x", ""),
    ]);
    let listing = list(folder.path(), "a\n!a/b/keep\nd").expect("a listing");
    assert_eq!(paths(&listing), ["a", "a/b", "a/b/keep"]);
    let ignored: Vec<&str> = listing
        .ignored
        .iter()
        .map(|entry| entry.path.as_str())
        .collect();
    assert_eq!(ignored, ["a/b/drop", "a/c/", "d/"]);
}

#[test]
fn everything_that_cannot_be_sent_is_named() {
    let folder = context(&[("ok", ""), ("suid", "")]);
    std::fs::set_permissions(
        folder.path().join("suid"),
        std::os::unix::fs::PermissionsExt::from_mode(0o4755),
    )
    .expect("mode");
    let _socket =
        std::os::unix::net::UnixListener::bind(folder.path().join("sock")).expect("a socket");
    std::fs::write(
        folder.path().join(std::ffi::OsStr::from_bytes(b"bad\xff")),
        "",
    )
    .expect("a file");
    let Err(FilesError::Unusable(problems)) = list(folder.path(), "") else {
        panic!("three files cannot be sent");
    };
    assert_eq!(problems.len(), 3, "{problems:?}");
    assert!(
        list(folder.path(), "*\n!ok").is_err(),
        "a name that is not UTF-8 cannot be matched"
    );
}

#[test]
fn only_what_the_sources_reach_is_read_and_can_be_unusable() {
    let folder = context(&[("src/a", "x"), ("other/b", "y"), ("top", "z")]);
    let _socket =
        std::os::unix::net::UnixListener::bind(folder.path().join("sock")).expect("a socket");
    std::os::unix::fs::symlink("src", folder.path().join("link")).expect("a link");
    let list = |sources: &[&str]| {
        let sources = sources.iter().map(|&it| it.to_owned()).collect();
        let sources = ContextSources::Paths(sources);
        walk(folder.path(), ".", &Ignore::default(), &sources)
    };
    let listing = list(&["link/*"]).expect("a listing");
    assert_eq!(paths(&listing), ["link", "src", "src/a"]);
    assert_eq!(listing.unread, ["other", "other/b", "sock", "top"]);
    assert!(matches!(list(&["s*"]), Err(FilesError::Unusable(_))));
}

#[test]
fn the_context_must_be_a_folder_of_the_workspace() {
    let folder = context(&[("file", "")]);
    let ignore = Ignore::default();
    assert_eq!(
        walk(
            folder.path(),
            "missing",
            &ignore,
            &ContextSources::default()
        ),
        Err(FilesError::MissingFolder("missing".to_owned()))
    );
    assert_eq!(
        walk(folder.path(), "file", &ignore, &ContextSources::default()),
        Err(FilesError::NotAFolder("file".to_owned()))
    );
    std::os::unix::fs::symlink("/etc", folder.path().join("out")).expect("a link");
    assert_eq!(
        walk(folder.path(), "out", &ignore, &ContextSources::default()),
        Err(FilesError::Outside("out".to_owned()))
    );
}

#[test]
fn many_files_are_hashed_as_one_would_be() {
    let files: Vec<(String, String)> = (0..500)
        .map(|at| (format!("f{at:03}"), format!("content {at}")))
        .collect();
    let borrowed: Vec<(&str, &str)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .collect();
    let folder = context(&borrowed);
    let listing = list(folder.path(), "").expect("a listing");
    for (entry, (path, text)) in listing.entries.iter().zip(&files) {
        assert_eq!(&entry.path, path);
        assert!(
            matches!(&entry.kind, EntryKind::File { digest, .. } if *digest == Digest::of(text.as_bytes()))
        );
    }
}

#[test]
fn what_is_remembered_is_not_read_again_and_what_changed_is() {
    let folder = context(&[("a", "one"), ("b/c", "two")]);
    let remembered = tempfile::tempdir().expect("a folder");
    // As if an hour had gone by since the files were written.
    let cache = HashCache::open(remembered.path(), true).an_hour_ahead();
    let list = |told: &AtomicU64| {
        let progress = |it: HashProgress| told.store(it.done, Ordering::Relaxed);
        let aids = Aids {
            cache: Some(&cache),
            progress: Some(&progress),
        };
        let (ignore, all) = (Ignore::default(), ContextSources::default());
        walk_with(folder.path(), ".", &ignore, &all, aids).expect("a listing")
    };
    let (first, second, third) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    assert_eq!(list(&first), list(&second));
    assert_eq!(first.into_inner(), 6);
    assert_eq!(second.into_inner(), 0, "nothing was hashed again");
    // Of the same size and with the time it had: when its inode changed tells.
    let path = folder.path().join("a");
    let before = std::fs::metadata(&path).and_then(|it| it.modified());
    std::fs::write(&path, "eno").expect("a file");
    let file = std::fs::File::options().append(true).open(&path);
    let file = file.expect("a file");
    file.set_modified(before.expect("a time")).expect("a time");
    let changed = list(&third);
    assert_eq!(third.into_inner(), 3);
    let EntryKind::File { digest, .. } = &changed.entries[0].kind else {
        panic!("{changed:?}");
    };
    assert_eq!(*digest, Digest::of(b"eno"));
}

#[test]
fn pointers_of_git_lfs_and_empty_submodules_are_warned_of() {
    let pointer = format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n",
        "ab".repeat(32)
    );
    let folder = context(&[
        ("model.bin", &pointer),
        (
            ".gitmodules",
            "[submodule \"x\"]\n\tpath = third/x\n\turl = u\n",
        ),
    ]);
    std::fs::create_dir_all(folder.path().join("third/x")).expect("a folder");
    assert_eq!(
        list(folder.path(), "").expect("a listing").warnings,
        [
            ContextWarning::LfsPointer("model.bin".to_owned()),
            ContextWarning::EmptySubmodule("third/x".to_owned()),
        ]
    );
}
