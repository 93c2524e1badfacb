//! Values of secrets, from the environment and from files; and what a plan says about them.

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

use windlass_backends::files;
use windlass_core::manifest::model::SecretSource;
use windlass_core::plan::{ImageAction, Plan};
use windlass_engine::secrets::{SecretReader, SecretValue};

/// The largest secret that `BuildKit` takes, in bytes.
const LARGEST: u64 = 500 * 1024;

/// Reads secrets for the workspace in `root`.
pub(crate) fn reader(root: PathBuf) -> SecretReader {
    SecretReader::new(move |source| read(&root, source))
}

fn read(root: &Path, source: &SecretSource) -> Result<SecretValue, String> {
    match source {
        SecretSource::Env { name } => match std::env::var_os(name) {
            Some(value) if !value.is_empty() => Ok(SecretValue::new(value.into_vec())),
            Some(_) => Err("is empty".to_owned()),
            None => Err("is not set".to_owned()),
        },
        SecretSource::File { path } => match files::read_small(root, path, LARGEST) {
            Ok(Some(bytes)) => Ok(SecretValue::new(bytes)),
            Ok(None) => Err("is not there".to_owned()),
            Err(error) => Err(format!("cannot be used: {error}")),
        },
    }
}

/// Says of every secret that a build of the plan mounts whether it is there: `secret npm (env NPM_TOKEN, set)`.
pub(crate) fn notes(plan: &Plan, root: &Path) -> Vec<String> {
    let mut users: BTreeMap<(&String, &SecretSource), Vec<String>> = BTreeMap::new();
    let builds = plan
        .images
        .iter()
        .filter(|image| image.action == ImageAction::Build);
    for image in builds {
        for secret in image.spec.iter().flat_map(|spec| &spec.secrets) {
            users
                .entry(secret)
                .or_default()
                .push(format!("image.{}", image.name));
        }
    }
    users
        .into_iter()
        .map(|((id, source), images)| match read(root, source) {
            Ok(_) => format!("secret {id} ({source}, set)"),
            Err(why) => format!(
                "secret {id} ({source}, {}): {} needs it; apply stops before its first write",
                why.trim_start_matches("is "),
                images.join(", ")
            ),
        })
        .collect()
}
