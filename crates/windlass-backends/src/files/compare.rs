//! Whether the files of a context are still those that a plan was made of.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use windlass_core::context::{Entry, EntryKind};

use crate::files::cache::Stamp;
use crate::files::hash::{Aids, Job, hash_all};
use crate::files::inside;

/// Returns what of `entries` is not as it was, each as `web/main.py changed`, in their order. What was added since is no difference: only
/// the entries are sent.
pub(super) fn compare(root: &Path, folder: &str, entries: &[Entry], aids: Aids<'_>) -> Vec<String> {
    let shown = |path: &str| match folder {
        "." => path.to_owned(),
        folder => format!("{folder}/{path}"),
    };
    let base = match inside(root, folder) {
        Ok(base) => base,
        Err(error) => return vec![error.to_string()],
    };
    let mut moved = Vec::new();
    let mut files = Vec::new();
    for entry in entries {
        match look(&base.join(&entry.path), entry) {
            Look::Same => {}
            Look::Moved(what) => moved.push((entry, what)),
            Look::File(job) => files.push((entry, job)),
        }
    }
    let (entries, jobs): (Vec<&Entry>, Vec<Job>) = files.into_iter().unzip();
    for (entry, hashed) in entries.into_iter().zip(hash_all(&jobs, aids)) {
        let EntryKind::File {
            digest: planned, ..
        } = &entry.kind
        else {
            continue;
        };
        match hashed {
            Ok(hashed) if hashed.content.digest() == *planned => {}
            Ok(_) => moved.push((entry, "changed".to_owned())),
            Err(error) => moved.push((entry, unreadable(&error))),
        }
    }
    moved.sort_by(|a, b| a.0.path.cmp(&b.0.path));
    let said = moved.into_iter();
    said.map(|(entry, what)| format!("{} {what}", shown(&entry.path)))
        .collect()
}

/// What a first look at an entry tells.
enum Look {
    Same,
    Moved(String),
    /// A file of the right kind, size and mode, whose content counts.
    File(Job),
}

fn look(path: &Path, entry: &Entry) -> Look {
    let metadata = match std::fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) => return Look::Moved(unreadable(&error)),
    };
    let found = metadata.file_type();
    match &entry.kind {
        EntryKind::Directory if found.is_dir() => Look::Same,
        EntryKind::Link { target } if found.is_symlink() => match std::fs::read_link(path) {
            Ok(now) if now.to_str() == Some(target) => Look::Same,
            _ => Look::Moved("leads elsewhere".to_owned()),
        },
        EntryKind::File {
            executable, bytes, ..
        } if found.is_file() => {
            if metadata.len() != *bytes {
                Look::Moved("changed".to_owned())
            } else if (metadata.mode() & 0o100 != 0) != *executable {
                Look::Moved("has another mode".to_owned())
            } else {
                Look::File(Job {
                    path: path.to_owned(),
                    stamp: Stamp::of(&metadata),
                })
            }
        }
        EntryKind::Directory | EntryKind::Link { .. } | EntryKind::File { .. } => {
            Look::Moved("is something else now".to_owned())
        }
    }
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "is gone".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use windlass_core::context::Ignore;
    use windlass_core::dockerfile::ContextSources;

    use super::*;
    use crate::files::walk;

    fn changed(edit: impl FnOnce(&Path)) -> Vec<String> {
        let folder = tempfile::tempdir().expect("a folder");
        let context = folder.path().join("web");
        fs::create_dir_all(context.join("src")).expect("a folder");
        fs::write(context.join("src/a"), "one").expect("a file");
        fs::write(context.join("b"), "two").expect("a file");
        symlink("b", context.join("link")).expect("a link");
        let all = ContextSources::default();
        let listing = walk(folder.path(), "web", &Ignore::default(), &all).expect("a listing");
        edit(&context);
        compare(folder.path(), "web", &listing.entries, Aids::default())
    }

    #[test]
    fn every_difference_is_named_and_what_is_new_is_none() {
        assert_eq!(changed(|_| {}), Vec::<String>::new());
        let added = changed(|context| fs::write(context.join("new"), "x").expect("a file"));
        assert_eq!(added, Vec::<String>::new());
        let edited = changed(|context| {
            fs::write(context.join("src/a"), "eno").expect("a file");
            fs::remove_file(context.join("b")).expect("removed");
            fs::remove_file(context.join("link")).expect("removed");
            symlink("src", context.join("link")).expect("a link");
        });
        assert_eq!(
            edited,
            [
                "web/b is gone",
                "web/link leads elsewhere",
                "web/src/a changed"
            ]
        );
        let mode = changed(|context| {
            let mode = fs::Permissions::from_mode(0o755);
            fs::set_permissions(context.join("b"), mode).expect("a mode");
            fs::remove_dir_all(context.join("src")).expect("removed");
            fs::write(context.join("src"), "x").expect("a file");
        });
        assert_eq!(
            mode,
            [
                "web/b has another mode",
                "web/src is something else now",
                "web/src/a is gone"
            ]
        );
    }
}
