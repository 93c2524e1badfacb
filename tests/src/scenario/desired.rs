//! The wanted side of a scenario.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Deserialize;
use windlass_core::context::{Entry, EntryKind};
use windlass_core::desired::{
    BaseState, BuildSpec, Desired, DesiredImage, DesiredInputs, NeededImage,
};
use windlass_core::diag::{Code, Diagnostic, Location, Source};
use windlass_core::dockerfile::ContextSources;
use windlass_core::fingerprint::{self, fingerprint};
use windlass_core::manifest::model::{
    AccessPolicy, AccessRule, Encryption, Endpoint, ImageTarget, LifecycleCount, LifecycleRule,
    LifecycleSelection, Moved, Principal, Registry, Removed, Repository, Settings, Sourced,
    TagMutability, Variable,
};
use windlass_core::name::{Fingerprint, ImageName, Platform, RepositoryName, Tag};

/// The time of planning in every case: 2026-11-23T09:15:00Z.
pub(super) const NOW: i64 = 1_795_425_300;

use super::{FileText, Inputs, Result, digest, key};

/// `desired.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Document {
    /// What the case shows.
    pub(super) shows: String,
    #[serde(default)]
    environment: Option<String>,
    #[serde(default)]
    git_sha: Option<String>,
    /// When the commit at HEAD was made.
    commit_time: Option<String>,
    /// Old to new repository.
    #[serde(default)]
    moved: BTreeMap<String, String>,
    /// Repositories that are deleted with their images.
    #[serde(default)]
    removed: Vec<String>,
    /// Name to value and origin.
    #[serde(default)]
    variables: BTreeMap<String, (String, String)>,
    #[serde(default)]
    notes: Vec<String>,
    /// The endpoint that plays ECR.
    #[serde(default)]
    endpoint: Option<String>,
    /// Codes of warnings to message and help.
    #[serde(default)]
    warnings: BTreeMap<String, (String, String)>,
    /// References of base images that are not locked.
    #[serde(default)]
    not_locked: Vec<String>,
    #[serde(default)]
    pub(super) images: BTreeMap<String, Image>,
    #[serde(default)]
    repositories: BTreeMap<String, SettingsText>,
}

/// A wanted image.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Image {
    #[serde(default = "workspace_folder")]
    context: String,
    #[serde(default)]
    inputs: Inputs,
    /// Name in the Dockerfile to workspace image.
    #[serde(default)]
    needs: BTreeMap<String, String>,
    /// Repository to wanted tags.
    pub(super) targets: BTreeMap<String, Vec<String>>,
    /// Why the inputs are not known.
    #[serde(default)]
    unknown: Option<String>,
    /// Why the inputs cannot be used.
    #[serde(default)]
    unusable: Option<String>,
}

fn workspace_folder() -> String {
    ".".to_owned()
}

/// Settings as words: `immutable except latest`, `kms ARN`, `keep count=10 tagged=v*`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
struct SettingsText {
    create: Option<bool>,
    tags: Option<String>,
    scan_on_push: Option<bool>,
    encryption: Option<String>,
    lifecycle: Option<Vec<String>>,
    access: Option<Vec<String>>,
    resource_tags: BTreeMap<String, String>,
}

impl Document {
    fn moved(&self, place: &Place) -> Result<Vec<Moved>> {
        let moved = self.moved.iter().map(|(from, to)| {
            Ok(Moved {
                from: place.at(RepositoryName::new(from.as_str())?),
                to: place.at(RepositoryName::new(to.as_str())?),
                location: place.0.clone(),
            })
        });
        moved.collect()
    }

    fn removed(&self, place: &Place) -> Result<Vec<Removed>> {
        let removed = self.removed.iter().map(|name| {
            Ok(Removed {
                repository: place.at(RepositoryName::new(name.as_str())?),
                delete_images: true,
                location: place.0.clone(),
            })
        });
        removed.collect()
    }

    /// Builds what the planner is given.
    pub(super) fn build(&self) -> Result<Desired> {
        let place = Place::new();
        let mut images = Vec::new();
        let mut bases = BTreeMap::new();
        let mut repositories = BTreeMap::new();
        for (name, image) in &self.images {
            let built = self.image(name, image, &place)?;
            if let DesiredInputs::Settled(spec) = &built.inputs {
                bases.extend(spec.inputs.bases.iter().map(|(reference, digest)| {
                    let digest = digest.clone();
                    let locked = !self.not_locked.contains(reference);
                    (reference.clone(), BaseState { digest, locked })
                }));
            }
            for target in &built.targets {
                repositories.insert(target.key.clone(), SettingsText::default());
            }
            images.push(built);
        }
        for (name, settings) in &self.repositories {
            repositories.insert(key(name)?, settings.copy());
        }
        Ok(Desired {
            workspace: "shop".to_owned(),
            environment: self.environment.clone(),
            registries: self.registries(&place)?,
            images,
            repositories: repositories
                .into_iter()
                .map(|(key, settings)| {
                    Ok(Repository {
                        key,
                        doc: None,
                        settings: settings.build(&place)?,
                        location: place.0.clone(),
                    })
                })
                .collect::<Result<_>>()?,
            bases,
            variables: self
                .variables
                .iter()
                .map(|(name, (value, origin))| Variable {
                    name: name.clone(),
                    value: value.clone(),
                    origin: origin.clone(),
                })
                .collect(),
            git_sha: self.git_sha.clone(),
            moved: self.moved(&place)?,
            removed: self.removed(&place)?,
            commit_time: self.commit_time.clone(),
            now: NOW,
            notes: self.notes.clone(),
        })
    }

    /// Returns the registries that targets and repositories name.
    fn registries(&self, place: &Place) -> Result<Vec<Registry>> {
        let targets = self.images.values().flat_map(|image| image.targets.keys());
        let names = targets
            .chain(self.repositories.keys())
            .map(|name| Ok(key(name)?.registry))
            .collect::<Result<BTreeSet<_>>>()?;
        let registries = names.into_iter().map(|name| Registry {
            name,
            account: "111122223333".to_owned(),
            region: "eu-central-1".to_owned(),
            role: None,
            profile: None,
            endpoint: Endpoint {
                ecr: self.endpoint.clone(),
                ..Endpoint::default()
            },
            replicated_from: None,
            location: place.0.clone(),
        });
        Ok(registries.collect())
    }

    /// Builds the warnings.
    pub(super) fn diagnostics(&self) -> Result<Vec<Diagnostic>> {
        let place = Place::new();
        let warnings = self.warnings.iter().map(|(code, (message, help))| {
            let code = Code::ALL.iter().find(|it| it.as_str() == code);
            let code = *code.ok_or("a warning has a code of windlass")?;
            Ok(Diagnostic::warning(code, message).mark(&place.0).help(help))
        });
        warnings.collect()
    }

    fn image(&self, name: &str, image: &Image, place: &Place) -> Result<DesiredImage> {
        let inputs = match (&image.unknown, &image.unusable) {
            (Some(why), _) => DesiredInputs::Unknown(why.clone()),
            (None, Some(why)) => DesiredInputs::Unusable(why.clone()),
            (None, None) => DesiredInputs::Settled(Box::new(self.spec(image, &Inputs::default())?)),
        };
        Ok(DesiredImage {
            name: ImageName::new(name)?,
            location: place.0.clone(),
            targets: image
                .targets
                .iter()
                .map(|(repository, tags)| {
                    let mut tags = tags
                        .iter()
                        .map(|tag| Ok(place.at(Tag::new(tag)?)))
                        .collect::<Result<Vec<_>>>()?;
                    tags.sort_by(|a, b| a.value.cmp(&b.value));
                    Ok(ImageTarget {
                        key: key(repository)?,
                        tags,
                    })
                })
                .collect::<Result<_>>()?,
            inputs,
        })
    }

    /// Returns what a build of a wanted image needs, its inputs changed by `with`.
    fn spec(&self, image: &Image, with: &Inputs) -> Result<BuildSpec> {
        let inputs = self.inputs(image, with)?;
        let needs = image.needs.iter().map(|(as_name, need)| {
            Ok(NeededImage {
                as_name: as_name.clone(),
                image: ImageName::new(need)?,
                fingerprint: inputs.needs[as_name].clone(),
            })
        });
        Ok(BuildSpec {
            fingerprint: fingerprint(&inputs),
            context: image.context.clone(),
            sources: ContextSources::default(),
            recipe: None,
            needs: needs.collect::<Result<_>>()?,
            inputs,
            stamp_args: BTreeMap::new(),
            stamp_labels: BTreeMap::new(),
            stamp_annotations: BTreeMap::new(),
            pins: Vec::new(),
            secrets: BTreeMap::new(),
            timeout_seconds: None,
            max_bytes: None,
            dockerfile: None,
        })
    }

    /// Returns the inputs of a wanted image changed by `with`.
    pub(super) fn inputs(&self, image: &Image, with: &Inputs) -> Result<fingerprint::Inputs> {
        let own = &image.inputs;
        let executable = with.executable.as_ref().or(own.executable.as_ref());
        let mut files = BTreeMap::new();
        for layer in [own, with] {
            add_files(&mut files, &layer.files);
        }
        let platforms = with.platforms.as_ref().or(own.platforms.as_ref());
        let mut needs = BTreeMap::new();
        for (as_name, need) in &image.needs {
            let need = self
                .images
                .get(need)
                .ok_or_else(|| format!("no image {need}"))?;
            needs.insert(
                as_name.clone(),
                fingerprint(&self.inputs(need, &Inputs::default())?),
            );
        }
        for (as_name, word) in &with.needs {
            needs.insert(as_name.clone(), Fingerprint::new(digest(word).hex())?);
        }
        let lines = with.dockerfile.as_ref().or(own.dockerfile.as_ref());
        Ok(fingerprint::Inputs {
            dockerfile: lines.map_or("FROM scratch\n".to_owned(), |lines| lines.join("\n") + "\n"),
            context: files
                .iter()
                .map(|(path, text)| entry(path, text, executable))
                .collect(),
            args: merge(&own.args, &with.args),
            labels: merge(&own.labels, &with.labels),
            stage: with.stage.clone().or_else(|| own.stage.clone()),
            platforms: match platforms {
                None => vec![Platform::default()],
                Some(names) => names
                    .iter()
                    .map(|name| Ok(Platform::new(name)?))
                    .collect::<Result<_>>()?,
            },
            epoch: with.epoch.or(own.epoch).unwrap_or(0),
            bases: merge(&own.bases, &with.bases)
                .into_iter()
                .map(|(reference, word)| (reference, digest(&word)))
                .collect(),
            needs,
            ..fingerprint::Inputs::default()
        })
    }
}

fn merge(
    own: &BTreeMap<String, Option<String>>,
    with: &BTreeMap<String, Option<String>>,
) -> BTreeMap<String, String> {
    let mut merged = own.clone();
    merged.extend(with.clone());
    merged
        .into_iter()
        .filter_map(|(key, value)| value.map(|value| (key, value)))
        .collect()
}

/// Adds files to a context. The second time, numbers change the first so many files instead.
fn add_files(files: &mut BTreeMap<String, String>, texts: &BTreeMap<String, Option<FileText>>) {
    for (path, text) in texts {
        match text {
            None => {
                files.remove(path);
            }
            Some(FileText::Text(text)) => {
                files.insert(path.clone(), text.clone());
            }
            Some(FileText::Count(count)) => {
                for number in 1..=*count {
                    let path = path.replace('*', &format!("{number:03}"));
                    let before = files.get(&path).map(|text| format!("not {text}"));
                    files.insert(path, before.unwrap_or_else(|| "text".to_owned()));
                }
            }
        }
    }
}

fn entry(path: &str, text: &str, executable: Option<&Vec<String>>) -> Entry {
    let kind = match text.strip_prefix("-> ") {
        Some(target) => EntryKind::Link {
            target: target.to_owned(),
        },
        None => EntryKind::File {
            executable: executable.is_some_and(|paths| paths.iter().any(|it| it == path)),
            bytes: text.len() as u64,
            digest: digest(text),
        },
    };
    Entry {
        path: path.to_owned(),
        kind,
    }
}

impl SettingsText {
    fn copy(&self) -> Self {
        Self {
            create: self.create,
            tags: self.tags.clone(),
            scan_on_push: self.scan_on_push,
            encryption: self.encryption.clone(),
            lifecycle: self.lifecycle.clone(),
            access: self.access.clone(),
            resource_tags: self.resource_tags.clone(),
        }
    }

    fn build(&self, place: &Place) -> Result<Settings> {
        let lifecycle = self.lifecycle.as_ref().map(|rules| {
            rules
                .iter()
                .map(|rule| lifecycle_rule(rule))
                .collect::<Result<Vec<_>>>()
        });
        let access = self.access.as_ref().map(|rules| access_policy(rules));
        Ok(Settings {
            create: self.create.unwrap_or(true),
            tags: self.tags.as_ref().map(|text| place.at(mutability(text))),
            scan_on_push: self.scan_on_push.map(|scan| place.at(scan)),
            encryption: self
                .encryption
                .as_ref()
                .map(|text| place.at(encryption(text))),
            lifecycle: lifecycle.transpose()?.map(|rules| place.at(rules)),
            access: access.transpose()?.map(|policy| place.at(policy)),
            resource_tags: self.resource_tags.clone(),
        })
    }
}

/// Reads `immutable except a b`.
pub(super) fn mutability(text: &str) -> TagMutability {
    let (word, except) = text.split_once(" except ").unwrap_or((text, ""));
    TagMutability {
        mutable: word == "mutable",
        except: except.split_whitespace().map(str::to_owned).collect(),
    }
}

/// Reads `aes256`, `kms` or `kms ARN`.
pub(super) fn encryption(text: &str) -> Encryption {
    match text.split_once(' ').unwrap_or((text, "")) {
        ("kms", "") => Encryption::Kms(None),
        ("kms", arn) => Encryption::Kms(Some(arn.to_owned())),
        ("kms-dsse", "") => Encryption::KmsDsse(None),
        ("kms-dsse", arn) => Encryption::KmsDsse(Some(arn.to_owned())),
        _ => Encryption::Aes256,
    }
}

/// Reads `keep tagged=v* 10`, `expire untagged 7` (days since the push).
pub(super) fn lifecycle_rule(text: &str) -> Result<LifecycleRule> {
    let words: Vec<&str> = text.split(' ').collect();
    let [verb, select, number] = words.as_slice() else {
        return Err(format!("lifecycle rule `{text}`: write VERB SELECTION NUMBER").into());
    };
    let number = number.parse()?;
    Ok(LifecycleRule {
        select: match select.strip_prefix("tagged=") {
            Some(pattern) => LifecycleSelection::Tagged(pattern.to_owned()),
            None if *select == "untagged" => LifecycleSelection::Untagged,
            None => LifecycleSelection::Any,
        },
        when: if *verb == "keep" {
            LifecycleCount::MoreThan(number)
        } else {
            LifecycleCount::PushedDays(number)
        },
        archive: *verb == "archive",
    })
}

/// Reads `pull account 222222222222`, `pull-push org o-a1b2`, `lambda-pull`; no rules are no policy.
pub(super) fn access_policy(rules: &[String]) -> Result<AccessPolicy> {
    if rules.is_empty() {
        return Ok(AccessPolicy::none());
    }
    let rules: Result<Vec<AccessRule>> = rules.iter().map(|text| access_rule(text)).collect();
    Ok(AccessPolicy::from_rules(
        &rules?,
        "111122223333",
        "eu-central-1",
    ))
}

fn access_rule(text: &str) -> Result<AccessRule> {
    let words: Vec<&str> = text.split(' ').collect();
    let (actions, principal) = match words[..] {
        [actions] => (actions, None),
        [actions, "account", id] => (actions, Some(Principal::Account(id.to_owned()))),
        [actions, "org", id] => (actions, Some(Principal::Organisation(id.to_owned()))),
        [actions, "role", arn] => (actions, Some(Principal::Role(arn.to_owned()))),
        [actions, "service", name] => (actions, Some(Principal::Service(name.to_owned()))),
        _ => return Err(format!("access rule `{text}`: write ACTIONS KIND WHOM").into()),
    };
    Ok(AccessRule {
        actions: actions.split(',').map(str::to_owned).collect(),
        principal,
    })
}

/// The one place that everything in a scenario points at.
struct Place(Location);

impl Place {
    fn new() -> Self {
        let source: Arc<Source> = Source::new("windlass.kdl", "workspace \"shop\"\n");
        Self(Location::new(&source, 0..0))
    }

    fn at<T>(&self, value: T) -> Sourced<T> {
        Sourced::new(value, self.0.clone())
    }
}
