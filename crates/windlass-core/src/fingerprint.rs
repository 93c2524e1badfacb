//! Fingerprints: one SHA-256 over everything that can change an image, and the record that later explains a difference.
//!
//! The encoding is documented in `docs/formats/fingerprint.md`, pinned by a golden test, and numbered: changing it rebuilds
//! every image and is a release note. Values under `stamp`, mtimes, owners and the path of the checkout are never part of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use similar::TextDiff;

use crate::context::{Entry, EntryKind};
use crate::name::{Digest, Fingerprint, Platform};

/// Number of the canonical encoding; the first thing that is hashed.
pub const ENCODING: u64 = 1;

/// Everything that can change an image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// The rendered Dockerfile, before digests are put in.
    pub dockerfile: String,
    /// What the build can read of its context, sorted by path.
    pub context: Vec<Entry>,
    /// Build args.
    pub args: BTreeMap<String, String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Manifest annotations.
    pub annotations: BTreeMap<String, String>,
    /// The stage; the last one where `None`.
    pub stage: Option<String>,
    /// The platforms, sorted.
    pub platforms: Vec<Platform>,
    /// The network of RUN steps.
    pub network: Option<String>,
    /// The number that forces a rebuild.
    pub epoch: u64,
    /// Whether a provenance attestation is made.
    pub provenance: bool,
    /// Whether an SBOM attestation is made.
    pub sbom: bool,
    /// Ids of secrets, sorted; never values.
    pub secrets: Vec<String>,
    /// Ids of SSH agents, sorted.
    pub ssh: Vec<String>,
    /// Digest of each image that the build can pull, by the reference it has in the Dockerfile.
    pub bases: BTreeMap<String, Digest>,
    /// Named contexts.
    pub named_contexts: BTreeMap<String, String>,
    /// Fingerprints of the workspace images it is built from, by the name that stands for them.
    pub needs: BTreeMap<String, Fingerprint>,
}

/// Returns the fingerprint of `inputs`: SHA-256 of their canonical encoding.
pub fn fingerprint(inputs: &Inputs) -> Fingerprint {
    let Inputs {
        dockerfile,
        context,
        args,
        labels,
        annotations,
        stage,
        platforms,
        network,
        epoch,
        provenance,
        sbom,
        secrets,
        ssh,
        bases,
        named_contexts,
        needs,
    } = inputs;
    let mut encoder = Encoder(Sha256::new());
    encoder.number(ENCODING);
    encoder.text(dockerfile);
    encoder.number(context.len() as u64);
    for entry in context {
        encoder.entry(entry);
    }
    encoder.map(args);
    encoder.map(labels);
    encoder.map(annotations);
    encoder.option(stage.as_deref());
    encoder.list(platforms.iter().map(Platform::as_str));
    encoder.option(network.as_deref());
    encoder.number(*epoch);
    encoder.number(u64::from(*provenance));
    encoder.number(u64::from(*sbom));
    encoder.list(secrets.iter().map(String::as_str));
    encoder.list(ssh.iter().map(String::as_str));
    encoder.pairs(
        bases
            .iter()
            .map(|(reference, digest)| (reference.as_str(), digest.as_str())),
    );
    encoder.map(named_contexts);
    encoder.pairs(
        needs
            .iter()
            .map(|(name, fingerprint)| (name.as_str(), fingerprint.as_str())),
    );
    Fingerprint::new(format!("{:x}", encoder.0.finalize())).expect("SHA-256 has 64 hex digits")
}

/// Writes the canonical encoding into a hash: numbers as 8 bytes little-endian, texts and lists with their length before them.
struct Encoder(Sha256);

impl Encoder {
    fn number(&mut self, number: u64) {
        self.0.update(number.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn option(&mut self, text: Option<&str>) {
        self.number(u64::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn list<'a>(&mut self, texts: impl ExactSizeIterator<Item = &'a str>) {
        self.number(texts.len() as u64);
        for text in texts {
            self.text(text);
        }
    }

    fn pairs<'a>(&mut self, pairs: impl ExactSizeIterator<Item = (&'a str, &'a str)>) {
        self.number(pairs.len() as u64);
        for (key, value) in pairs {
            self.text(key);
            self.text(value);
        }
    }

    fn map(&mut self, map: &BTreeMap<String, String>) {
        self.pairs(
            map.iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        );
    }

    fn entry(&mut self, entry: &Entry) {
        self.text(&entry.path);
        match &entry.kind {
            EntryKind::File {
                executable,
                bytes: _,
                digest,
            } => {
                self.text(if *executable {
                    "file 0755"
                } else {
                    "file 0644"
                });
                self.text(digest.as_str());
            }
            EntryKind::Directory => self.text("directory 0755"),
            EntryKind::Link { target } => {
                self.text("link 0777");
                self.text(target);
            }
        }
    }
}

/// The inputs of an image as they travel with it: for explanations only, nothing is decided from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputsRecord {
    /// Version of this format: 1. Minor additions keep it.
    pub format_version: u32,
    /// The fingerprint of the inputs.
    pub fingerprint: Fingerprint,
    /// The inputs.
    pub inputs: Inputs,
}

impl From<&Inputs> for InputsRecord {
    fn from(inputs: &Inputs) -> Self {
        Self {
            format_version: 1,
            fingerprint: fingerprint(inputs),
            inputs: inputs.clone(),
        }
    }
}

impl InputsRecord {
    /// Writes the record as JSON.
    pub fn render(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a record of texts and numbers is JSON")
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Says why the bytes are not a record of this version.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let record: Self = serde_json::from_slice(bytes)
            .map_err(|error| format!("the inputs record cannot be read: {error}"))?;
        if record.format_version == 1 {
            Ok(record)
        } else {
            Err(format!(
                "the inputs record has format {}; this windlass reads 1",
                record.format_version
            ))
        }
    }
}

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
    /// A build arg, label, annotation or another single value differs.
    ValueChanged {
        /// What it is: `arg PORT`, `label a.b`, `stage`, `epoch`.
        name: String,
        /// Value before, `None` where it was not there.
        before: Option<String>,
        /// Value now, `None` where it is gone.
        after: Option<String>,
    },
}

/// Returns what differs between two records, files first, each group sorted; empty where nothing does.
pub fn explain(old: &Inputs, new: &Inputs) -> Vec<InputChange> {
    let mut changes = explain_files(&old.context, &new.context);
    if old.dockerfile != new.dockerfile {
        changes.push(InputChange::Dockerfile {
            diff: unified_diff(&old.dockerfile, &new.dockerfile),
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
            context: vec![
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
            ],
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

    #[test]
    fn every_field_changes_the_fingerprint() {
        let edits: Vec<fn(&mut Inputs)> = vec![
            |i| i.dockerfile.push('#'),
            |i| i.context.truncate(2),
            |i| i.context[0] = file("app/main.py", "print(1)", true),
            |i| i.context[0] = file("app/main.py", "print(2)", false),
            |i| i.context[1].path = "other".to_owned(),
            |i| {
                i.context[2].kind = EntryKind::Link {
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
        new.context = vec![
            file("app/main.py", "print(1)", true),
            file("new.py", "", false),
        ];
        new.dockerfile = "FROM python:3.12\nCOPY app .\n".to_owned();
        new.args.insert("PORT".to_owned(), "9000".to_owned());
        new.bases
            .insert("python:3.12".to_owned(), Digest::of(b"moved"));
        new.stage = Some("final".to_owned());
        insta::assert_debug_snapshot!(explain(&old, &new));
    }

    #[test]
    fn equal_inputs_have_nothing_to_explain() {
        assert_eq!(explain(&sample(), &sample()), []);
    }

    #[test]
    fn record_reads_back_and_refuses_another_format() {
        let record = InputsRecord::from(&sample());
        assert_eq!(
            InputsRecord::parse(&record.render()).expect("a record"),
            record
        );
        let other = String::from_utf8(record.render())
            .expect("JSON")
            .replace("\"format_version\":1", "\"format_version\":2");
        assert!(InputsRecord::parse(other.as_bytes()).is_err());
    }
}
