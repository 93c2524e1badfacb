//! Folders that have a Dockerfile of their own.

use crate::init::tree::{Tree, join};
use crate::init::{FoundImage, LeftOut};

/// Returns the image of a folder's `Dockerfile`; `patterns` would fit the folder as well.
pub(super) fn look(tree: &Tree, folder: &str, patterns: &[&str]) -> Option<FoundImage> {
    if !tree.has(folder, "Dockerfile") {
        return None;
    }
    let what = match patterns {
        [] => "its own Dockerfile".to_owned(),
        [first, ..] => {
            format!("its own Dockerfile, used as it is; pattern=\"{first}\" would write one")
        }
    };
    Some(FoundImage::new(&what, folder, None))
}

/// Returns the Dockerfiles of a folder with other names: nobody can tell which context they are meant for.
pub(super) fn others(tree: &Tree, folder: &str) -> Vec<LeftOut> {
    let is_one = |name: &&str| {
        let named = name.starts_with("Dockerfile.") || name.ends_with(".Dockerfile");
        named && !name.ends_with(".dockerignore")
    };
    let left = |name: &str| {
        let path = join(folder, name);
        LeftOut {
            why: format!(
                "a Dockerfile whose context cannot be known; to build it: image \"NAME\" {{ context \"{folder}\"; dockerfile \"{path}\" }}"
            ),
            path,
        }
    };
    tree.names(folder).filter(is_one).map(left).collect()
}
