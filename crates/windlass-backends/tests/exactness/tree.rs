//! Contexts: files, folders and links, written with equal times so that only what counts differs.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;

use crate::random::Random;

/// A context, by path.
pub(crate) type Tree = BTreeMap<String, Node>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    File { text: String, executable: bool },
    Folder,
    Link(&'static str),
}

/// Paths that files may have.
pub(crate) const FILES: &[&str] = &[
    "README.md",
    "Makefile",
    ".env",
    "a b.txt",
    "ü.txt",
    "src/main.c",
    "src/util.c",
    "src/run.sh",
    "src/lib/u.c",
    "src/lib/v.h",
    "src/lib/deep/w.c",
    "conf/app.yml",
    "conf/db.json",
    "conf/x.yml.bak",
    "data/1.bin",
    "data/2.bin",
    "data/sub/3.bin",
    "other/keep/x",
    "other/y.md",
];

/// Paths that links may have, with what they lead to.
pub(crate) const LINKS: &[(&str, &str)] = &[
    ("link", "src"),
    ("src/conf", "../conf/app.yml"),
    ("abs", "/data"),
    ("dangling", "nowhere"),
    ("data/current", "1.bin"),
    ("chain", "link/lib"),
    ("conf/out", "../../../data"),
];

/// Paths that empty folders may have.
pub(crate) const FOLDERS: &[&str] = &["empty", "src/void", "other/none/below"];

/// Makes a context.
pub(crate) fn random_tree(random: &mut Random) -> Tree {
    let mut tree = Tree::new();
    for path in FILES {
        if random.chance(70) {
            tree.insert((*path).to_owned(), random_file(path, random));
        }
    }
    for (path, target) in LINKS {
        if random.chance(45) {
            tree.insert((*path).to_owned(), Node::Link(target));
        }
    }
    for path in FOLDERS {
        if random.chance(30) {
            tree.insert((*path).to_owned(), Node::Folder);
        }
    }
    tree
}

pub(crate) fn random_file(path: &str, random: &mut Random) -> Node {
    Node::File {
        text: format!("{path} {}\n", random.below(1000)),
        executable: path.contains("run") || random.chance(10),
    }
}

/// Writes a context into a folder that is made anew.
pub(crate) fn write(tree: &Tree, folder: &Path) {
    drop(fs::remove_dir_all(folder));
    fs::create_dir_all(folder).expect("a folder");
    for (path, node) in tree {
        let full = folder.join(path);
        fs::create_dir_all(full.parent().expect("it lies in a folder")).expect("a folder");
        match node {
            Node::File { text, executable } => {
                fs::write(&full, text).expect("a file");
                let mode = if *executable { 0o755 } else { 0o644 };
                fs::set_permissions(&full, fs::Permissions::from_mode(mode)).expect("a mode");
            }
            Node::Folder => fs::create_dir_all(&full).expect("a folder"),
            Node::Link(target) => symlink(target, &full).expect("a link"),
        }
    }
}

/// Gives everything below a folder the same time: `docker build` puts the times of files into layers, windlass does not.
pub(crate) fn level_times(folder: &Path) {
    let status = Command::new("find")
        .arg(folder)
        .args([
            "-exec",
            "touch",
            "--no-dereference",
            "--date=@1000000000",
            "{}",
            "+",
        ])
        .status()
        .expect("find can be started");
    assert!(status.success(), "times cannot be set");
}
