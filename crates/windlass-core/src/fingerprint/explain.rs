//! What differs between the inputs of two images, for people.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use similar::TextDiff;

use crate::context::{Entry, EntryKind};
use crate::dockerfile::mask::masked_text;
use crate::fingerprint::{Inputs, InputsRecord, RecipeRecord};
use crate::name::{Digest, Platform};

/// One difference between the inputs of two images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum InputChange {
    /// A context file, directory or link that was not there before.
    FileAdded {
        /// Its path below the context.
        path: String,
    },
    /// A context entry with other content or link target.
    FileChanged {
        /// Its path below the context.
        path: String,
    },
    /// A context entry that is gone.
    FileRemoved {
        /// Its path below the context.
        path: String,
    },
    /// A file that became or ceased to be executable.
    ModeChanged {
        /// Its path below the context.
        path: String,
        /// Mode before, such as `0644`.
        before: String,
        /// Mode now.
        after: String,
    },
    /// The Dockerfile differs.
    Dockerfile {
        /// The difference, unified, three lines of context, without file headers.
        diff: String,
    },
    /// A base image has another digest.
    BaseMoved {
        /// The reference.
        reference: String,
        /// Digest before, `None` where it was not used.
        before: Option<Digest>,
        /// Digest now, `None` where it is no longer used.
        after: Option<Digest>,
    },
    /// A workspace image it is built from has another fingerprint.
    NeedChanged {
        /// The name that stands for it.
        name: String,
    },
    /// A build arg, label, annotation, parameter of the pattern or another single value differs.
    ValueChanged {
        /// What it is: `arg PORT`, `label a.b`, `with port`, `pattern`, `stage`, `epoch`.
        name: String,
        /// Value before, `None` where it was not there.
        before: Option<String>,
        /// Value now, `None` where it is gone.
        after: Option<String>,
    },
}

/// Returns what differs between two records, files first, each group sorted; empty where nothing does.
pub fn explain(before: &InputsRecord, now: &InputsRecord) -> Vec<InputChange> {
    let (old, new) = (&before.inputs, &now.inputs);
    let mut changes = explain_files(&old.context, &new.context);
    if old.dockerfile != new.dockerfile {
        changes.push(InputChange::Dockerfile {
            diff: dockerfile_diff(&old.dockerfile, &new.dockerfile),
        });
    }
    for (reference, before, after) in differing(&old.bases, &new.bases) {
        changes.push(InputChange::BaseMoved {
            reference,
            before,
            after,
        });
    }
    for (name, _, _) in differing(&old.needs, &new.needs) {
        changes.push(InputChange::NeedChanged { name });
    }
    changes.extend(explain_recipe(before.recipe.as_ref(), now.recipe.as_ref()));
    for (word, old, new) in [
        ("arg", &old.args, &new.args),
        ("label", &old.labels, &new.labels),
        ("annotation", &old.annotations, &new.annotations),
        ("named-context", &old.named_contexts, &new.named_contexts),
    ] {
        for (key, before, after) in differing(old, new) {
            changes.push(InputChange::ValueChanged {
                name: format!("{word} {key}"),
                before,
                after,
            });
        }
    }
    changes.extend(explain_values(old, new));
    changes
}

/// Returns what differs between the patterns: their own difference is in the Dockerfile, this is where it comes from. A record that
/// does not tell of a pattern explains nothing.
fn explain_recipe(old: Option<&RecipeRecord>, new: Option<&RecipeRecord>) -> Vec<InputChange> {
    let (Some(old), Some(new)) = (old, new) else {
        return Vec::new();
    };
    let mut changes = Vec::new();
    if old.pattern != new.pattern {
        changes.push(InputChange::ValueChanged {
            name: "pattern".to_owned(),
            before: Some(old.pattern.clone()),
            after: Some(new.pattern.clone()),
        });
    }
    for (name, before, after) in differing(&old.parameters, &new.parameters) {
        changes.push(InputChange::ValueChanged {
            name: format!("with {name}"),
            before,
            after,
        });
    }
    changes
}

fn explain_values(old: &Inputs, new: &Inputs) -> Vec<InputChange> {
    let join = |values: &[String]| (!values.is_empty()).then(|| values.join(" "));
    let platforms = |values: &[Platform]| {
        (!values.is_empty()).then(|| {
            values
                .iter()
                .map(Platform::as_str)
                .collect::<Vec<_>>()
                .join(" ")
        })
    };
    let flag = |value: bool| value.then(|| "#true".to_owned());
    let values = [
        ("stage", old.stage.clone(), new.stage.clone()),
        (
            "platform",
            platforms(&old.platforms),
            platforms(&new.platforms),
        ),
        ("network", old.network.clone(), new.network.clone()),
        (
            "epoch",
            Some(old.epoch.to_string()),
            Some(new.epoch.to_string()),
        ),
        ("provenance", flag(old.provenance), flag(new.provenance)),
        ("sbom", flag(old.sbom), flag(new.sbom)),
        ("secret", join(&old.secrets), join(&new.secrets)),
        ("ssh", join(&old.ssh), join(&new.ssh)),
    ];
    values
        .into_iter()
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| InputChange::ValueChanged {
            name: name.to_owned(),
            before,
            after,
        })
        .collect()
}

fn explain_files(old: &[Entry], new: &[Entry]) -> Vec<InputChange> {
    let index = |entries: &[Entry]| {
        entries
            .iter()
            .map(|entry| (entry.path.clone(), entry.kind.clone()))
            .collect::<BTreeMap<_, _>>()
    };
    differing(&index(old), &index(new))
        .into_iter()
        .filter_map(|(path, before, after)| match (before, after) {
            (None, _) => Some(InputChange::FileAdded { path }),
            (_, None) => Some(InputChange::FileRemoved { path }),
            (
                Some(EntryKind::File {
                    executable: before,
                    digest: old,
                    ..
                }),
                Some(EntryKind::File {
                    executable: after,
                    digest: new,
                    ..
                }),
            ) if old == new => {
                let mode = |executable: bool| if executable { "0755" } else { "0644" }.to_owned();
                (before != after).then(|| InputChange::ModeChanged {
                    path,
                    before: mode(before),
                    after: mode(after),
                })
            }
            (Some(_), Some(_)) => Some(InputChange::FileChanged { path }),
        })
        .collect()
}

/// Returns the keys whose values differ, with the value on each side.
fn differing<V: Clone + PartialEq>(
    old: &BTreeMap<String, V>,
    new: &BTreeMap<String, V>,
) -> Vec<(String, Option<V>, Option<V>)> {
    let mut keys: Vec<&String> = old
        .keys()
        .chain(new.keys().filter(|key| !old.contains_key(*key)))
        .collect();
    keys.sort();
    keys.into_iter()
        .map(|key| (key.clone(), old.get(key).cloned(), new.get(key).cloned()))
        .filter(|(_, before, after)| before != after)
        .collect()
}

/// A diff for people: secrets are starred. Where only such a value differs, it says so.
fn dockerfile_diff(old: &str, new: &str) -> String {
    let diff = unified_diff(&masked_text(old), &masked_text(new));
    if diff.is_empty() {
        return "a value that is not shown differs\n".to_owned();
    }
    diff
}

/// Returns a unified diff of two texts with three lines of context and no file headers.
pub fn unified_diff(old: &str, new: &str) -> String {
    TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(3)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_of_two_dockerfiles_shows_no_secret() {
        let diff = dockerfile_diff(
            "FROM a\nENV API_TOKEN=hunter2\n",
            "FROM b\nENV API_TOKEN=hunter3\n",
        );
        assert_eq!(
            diff,
            "@@ -1,2 +1,2 @@\n-FROM a\n+FROM b\n ENV API_TOKEN=*******\n"
        );
        let only = dockerfile_diff("ENV API_TOKEN=hunter2\n", "ENV API_TOKEN=hunter3\n");
        assert_eq!(only, "a value that is not shown differs\n");
    }
}
