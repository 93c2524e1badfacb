//! Where dependencies are named: requirements files, or what uv and Poetry keep. What they name, what of the tree they need.

use super::project;
use crate::init::tree::{Tree, folder_of, join};

/// Packages that are compiled against libraries of the system, with the Debian packages for running and building.
pub(super) const NATIVE: [(&str, &[&str], &[&str]); 2] = [
    ("psycopg2", &["libpq5"], &["gcc", "libc6-dev", "libpq-dev"]),
    (
        "mysqlclient",
        &["libmariadb3"],
        &["gcc", "libc6-dev", "libmariadb-dev", "pkg-config"],
    ),
];

/// Where requirements are looked for, the best first.
const FILES: [&str; 5] = [
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements/base.txt",
    "requirements/main.txt",
];

/// The dependencies of an application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Requirements {
    /// Requirements files below the folder; those that the first one includes come after it.
    pub(super) files: Vec<String>,
    /// The file that names them, where no requirements files do.
    pub(super) from: Option<&'static str>,
    /// Names of the packages, lower case, with `-`.
    pub(super) names: Vec<String>,
    /// A line or a place that is installed from the tree.
    pub(super) local: Option<String>,
}

pub(super) fn find(tree: &Tree, folder: &str) -> Option<Requirements> {
    let mut requirements = Requirements::default();
    if let Some(first) = tree.first(folder, &FILES) {
        read(tree, folder, first, &mut requirements);
        return Some(requirements);
    }
    let from = project::file(tree, folder)?;
    Some(Requirements {
        from: Some(from),
        names: project::names(tree, folder, from),
        local: project::local(tree, folder, from),
        ..requirements
    })
}

fn read(tree: &Tree, folder: &str, path: &str, into: &mut Requirements) {
    if into.files.iter().any(|known| known == path) {
        return;
    }
    into.files.push(path.to_owned());
    for line in tree.text(folder, path).unwrap_or_default().lines() {
        let line = line.split(" #").next().unwrap_or_default().trim();
        let included = ["-r", "-c", "--requirement", "--constraint"]
            .into_iter()
            .find_map(|flag| line.strip_prefix(flag)?.strip_prefix([' ', '=']));
        if let Some(included) = included {
            let other = join(folder_of(path), included.trim().trim_start_matches("./"));
            read(tree, folder, &other, into);
        } else if line.starts_with("-e") || line.starts_with("--editable") || line.starts_with('.')
        {
            into.local.get_or_insert_with(|| line.to_owned());
        } else {
            into.names.extend(package(line));
        }
    }
}

pub(super) fn package(line: &str) -> Option<String> {
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || "._-".contains(c)));
    let name = &line[..end.unwrap_or(line.len())];
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    starts_well.then(|| name.to_ascii_lowercase().replace(['_', '.'], "-"))
}
