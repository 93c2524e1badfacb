//! Repositories: those of nodes, and those that images imply, with their settings.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Location, Sourced};
use crate::manifest::layers::{Entries, Layer, Layered, MergedSettings, merge_settings};
use crate::manifest::model::{AccessPolicy, AccessRule, Repository, Settings, TagMutability};
use crate::manifest::raw::{AccessNode, Pair, SettingsBody, Text};
use crate::manifest::template::{Place, scalar_text};
use crate::name::{RegistryName, RepositoryKey, RepositoryName};
use crate::node::Scalar;

use super::Resolver;
use super::extends::{Families, Heir};
use super::images::Placed;
use super::instances::Instance;
use super::targets::Owner;

/// The most tags of a resource that the manifest may set; windlass writes one of the fifty itself.
const MAX_RESOURCE_TAGS: usize = 49;

/// Settings from the strongest layer to the weakest.
pub(super) type Layers<'a> = Vec<Layered<'a, SettingsBody>>;

/// Where the settings of a repository come from.
struct Origin<'p, 'a> {
    layers: Layers<'a>,
    /// The place of the settings of its own, if it has some.
    own: Option<&'a Location>,
    doc: Option<&'a Text>,
    location: &'a Location,
    /// The images in it.
    images: Vec<&'p Instance<'a>>,
}

type Origins<'p, 'a> = BTreeMap<RepositoryKey, Origin<'p, 'a>>;

impl<'a> Resolver<'a> {
    /// Resolves all repositories, sorted by key.
    pub(super) fn resolve_repositories(
        &mut self,
        placed: &[Placed<'a>],
        prefix: Option<&str>,
    ) -> Vec<Repository> {
        let families = self.repository_families();
        let mut origins = self.node_origins(&families, placed, prefix);
        for image in placed {
            self.check_not_abstract(&image.image);
            for key in &image.keys {
                self.add_image(&image.image, key, &families, &mut origins);
            }
        }
        let mut all = Vec::new();
        for (key, origin) in origins {
            all.push(self.repository(key.clone(), &origin));
            self.layers.insert(key, origin.layers);
        }
        all
    }

    /// `repository "x"` names a repository; the settings of an abstract node are taken over with `extends=`.
    fn check_not_abstract(&mut self, image: &Instance<'a>) {
        let Some(name) = image.body.repository_name() else {
            return;
        };
        let mut nodes = self.manifest.repositories.iter();
        let Some(node) = nodes.find(|it| it.is_abstract && it.name.value == name.value) else {
            return;
        };
        let value = &name.value;
        let message = format!("repository `{value}` is abstract");
        self.report(
            Diagnostic::error(Code::AbstractNode, message)
                .at(&name.location, "cannot hold an image")
                .at(&node.location, "only there to be extended")
                .help(format!(
                    "take over its settings: `repository extends=\"{value}\"`"
                )),
        );
    }

    fn repository_families(&mut self) -> Families<'a> {
        let manifest = self.manifest;
        let heirs = manifest.repositories.iter().map(|it| Heir {
            name: &it.name,
            extends: it.extends.as_ref(),
        });
        Families::new(
            "repository",
            heirs.collect(),
            manifest.incomplete,
            &mut self.diagnostics,
        )
    }

    fn node_origins<'p>(
        &mut self,
        families: &Families<'a>,
        placed: &'p [Placed<'a>],
        prefix: Option<&str>,
    ) -> Origins<'p, 'a> {
        let manifest = self.manifest;
        let mut used: BTreeMap<&RepositoryName, Vec<&RegistryName>> = BTreeMap::new();
        for key in placed.iter().flat_map(|it| &it.keys) {
            used.entry(&key.repository).or_default().push(&key.registry);
        }
        let mut origins = Origins::new();
        for (at, node) in manifest.repositories.iter().enumerate() {
            let layers = self.node_layers(at, families);
            if node.is_abstract {
                self.check_settings(&node.settings);
                continue;
            }
            for key in prefix.map_or_else(Vec::new, |it| self.node_keys(at, families, &used, it)) {
                let origin = Origin {
                    layers: layers.clone(),
                    own: own_settings(&node.settings, node.extends.as_ref()),
                    doc: node.doc.as_ref(),
                    location: &node.location,
                    images: Vec::new(),
                };
                if let Some(earlier) = origins.insert(key.clone(), origin) {
                    self.report(settings_twice(&key, &node.location, earlier.location));
                }
            }
        }
        origins
    }

    /// The settings of a node, of those it extends, and the defaults.
    fn node_layers(&self, at: usize, families: &Families<'a>) -> Layers<'a> {
        let manifest = self.manifest;
        let mut layers = vec![Layered::new(
            &manifest.repositories[at].settings,
            Layer::Own,
        )];
        layers.extend(self.parent_layers(families.chain(at)));
        layers.push(Layered::new(&manifest.default_settings, Layer::Defaults));
        layers
    }

    fn parent_layers(&self, chain: Vec<usize>) -> impl Iterator<Item = Layered<'a, SettingsBody>> {
        let nodes = &self.manifest.repositories;
        chain.into_iter().map(move |at| {
            let node = &nodes[at];
            Layered::new(&node.settings, Layer::Parent(&node.name.value))
        })
    }

    fn node_keys(
        &mut self,
        at: usize,
        families: &Families<'a>,
        used: &BTreeMap<&RepositoryName, Vec<&RegistryName>>,
        prefix: &str,
    ) -> Vec<RepositoryKey> {
        let manifest = self.manifest;
        let node = &manifest.repositories[at];
        let Some(repository) = self.repository_name(prefix, &node.name) else {
            return Vec::new();
        };
        let mut registries: Vec<RegistryName> = used
            .get(&repository)
            .into_iter()
            .flatten()
            .map(|it| (*it).clone())
            .collect();
        let layers = self.node_layers(at, families);
        let (defaults, said) = layers.split_last().expect("the defaults are a layer");
        let said = said.iter().map(|it| &it.given.targets);
        let own = said.into_iter().find(|it| !it.is_empty());
        if own.is_some() || registries.is_empty() {
            let targets = own.unwrap_or(&defaults.given.targets);
            registries.extend(self.resolve_targets(targets, &node.name, Owner::Repository));
        }
        registries.sort();
        registries.dedup();
        registries
            .into_iter()
            .map(|registry| RepositoryKey {
                registry,
                repository: repository.clone(),
            })
            .collect()
    }

    fn add_image<'p>(
        &mut self,
        image: &'p Instance<'a>,
        key: &RepositoryKey,
        families: &Families<'a>,
        origins: &mut Origins<'p, 'a>,
    ) {
        let (said, own) = self.image_layers(image, families);
        if let Some(known) = origins.get_mut(key) {
            known.images.push(image);
            let Some(place) = own else { return };
            match known.own {
                // Images of one matrix, or of one parent, say the same.
                Some(earlier) if earlier == place => {}
                Some(earlier) => {
                    let diagnostic = settings_twice(key, place, earlier);
                    self.diagnostics.push(diagnostic);
                }
                None => {
                    let said = said.into_iter().filter(|it| it.layer != Layer::Defaults);
                    known.layers.splice(0..0, said.collect::<Vec<_>>());
                    known.own = Some(place);
                }
            }
            return;
        }
        let mut layers = said;
        let defaults = &self.manifest.default_settings;
        layers.push(Layered::new(defaults, Layer::Defaults));
        let node = &image.node;
        let location = node.body.repository.as_ref().map(|it| &it.location);
        origins.insert(
            key.clone(),
            Origin {
                layers,
                own,
                doc: None,
                location: location.unwrap_or(&node.location),
                images: vec![image],
            },
        );
    }

    /// What an image and its layers say about its repository, with the place of the first setting that is not a default.
    fn image_layers(
        &mut self,
        image: &Instance<'a>,
        families: &Families<'a>,
    ) -> (Layers<'a>, Option<&'a Location>) {
        let mut layers = Layers::new();
        let mut own = None;
        let mut extends = None;
        for repository in &image.body.repositories {
            let node = repository.given;
            let layer = match repository.layer {
                Layer::Own => Layer::Image(&image.node.name.value),
                other => other,
            };
            layers.push(Layered::new(&node.settings, layer));
            if layer != Layer::Defaults {
                own = own.or(own_settings(&node.settings, node.extends.as_ref()));
            }
            // Which node is extended is one setting: the strongest layer decides.
            if let (None, Some(parent)) = (extends, &node.extends) {
                extends = Some(parent);
                let incomplete = self.manifest.incomplete;
                let found = families.find(parent, incomplete, &mut self.diagnostics);
                let chain = found.map(|at| [vec![at], families.chain(at)].concat());
                let parents = self.parent_layers(chain.unwrap_or_default());
                layers.extend(parents);
            }
        }
        (layers, own)
    }

    fn repository(&mut self, key: RepositoryKey, origin: &Origin<'_, 'a>) -> Repository {
        let merged = merge_settings(&origin.layers);
        Repository {
            settings: self.settings(&merged, &key, &origin.images),
            doc: origin.doc.map(|it| it.value.clone()),
            location: origin.location.clone(),
            key,
        }
    }

    fn settings(
        &mut self,
        merged: &MergedSettings<'_>,
        key: &RepositoryKey,
        images: &[&Instance<'a>],
    ) -> Settings {
        let tags = merged.tags.map(|tags| {
            let except = tags.value.except.iter();
            let mut except: Vec<String> = except.map(|it| it.value.clone()).collect();
            except.sort();
            except.dedup();
            let mutability = TagMutability {
                mutable: tags.value.mutable,
                except,
            };
            Sourced::new(mutability, tags.location.clone())
        });
        Settings {
            create: merged.create.is_none_or(|it| it.value),
            tags,
            scan_on_push: merged.scan_on_push.map(|it| it.given.clone()),
            encryption: merged.encryption.map(|it| it.given.clone()),
            lifecycle: merged.lifecycle.map(|it| it.given.clone()),
            access: merged.access.map(|it| self.access(it.given, key)),
            resource_tags: self.resource_tags(&merged.resource_tags, key, images),
        }
    }

    /// The policy that `access` asks for, in the form that ECR takes.
    fn access(&self, access: &AccessNode, key: &RepositoryKey) -> Sourced<AccessPolicy> {
        let registry = self.registries.iter().find(|it| it.name == key.registry);
        let policy = match (&access.source, registry) {
            (Some(document), _) => AccessPolicy::from_document(&document.text),
            (None, Some(registry)) if !access.rules.is_empty() => {
                let rules: Vec<AccessRule> = access.rules.iter().map(|it| it.0.clone()).collect();
                AccessPolicy::from_rules(&rules, &registry.account, &registry.region)
            }
            (None, _) => AccessPolicy::none(),
        };
        Sourced::new(policy, access.location.clone())
    }

    fn resource_tags(
        &mut self,
        pairs: &Entries<'_, Pair>,
        key: &RepositoryKey,
        images: &[&Instance<'a>],
    ) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        for pair in pairs {
            if !self.check_resource_tag(pair) {
                continue;
            }
            if map.len() == MAX_RESOURCE_TAGS {
                let diagnostic = Diagnostic::error(
                    Code::BadSetting,
                    "a repository has at most 49 resource tags",
                )
                .at(&pair.key.location, "one too many")
                .help("AWS takes 50, and windlass writes one of them");
                self.report(diagnostic);
                break;
            }
            let value = self.resource_tag(pair, key, images);
            map.extend(value.map(|it| (pair.key.value.clone(), it)));
        }
        map
    }

    fn resource_tag(
        &mut self,
        pair: &Pair,
        key: &RepositoryKey,
        images: &[&Instance<'a>],
    ) -> Option<String> {
        let Scalar::Text(text) = &pair.value.value else {
            return Some(scalar_text(&pair.value.value));
        };
        let text = Text::new(text.clone(), pair.value.location.clone());
        let (first, others) = match images.split_first() {
            Some((first, others)) => (Some(*first), others),
            None => (None, &[][..]),
        };
        let scope = self.target_scope(first, &key.registry, self.uri(key));
        let value = self.templates.text(&text, Place::Target, &scope)?;
        if !text.value.contains("{{") {
            return Some(value);
        }
        for other in others {
            let scope = self.target_scope(Some(other), &key.registry, self.uri(key));
            let theirs = self.templates.text(&text, Place::Target, &scope)?;
            if theirs != value {
                let message = format!(
                    "images of repository `{}` want different values of resource tag `{}`",
                    key.repository, pair.key.value
                );
                self.report(
                    Diagnostic::error(Code::SettingsTwice, message)
                        .at(&text.location, format!("gives `{value}` and `{theirs}`"))
                        .help("a resource tag belongs to the repository: do not use what differs between its images"),
                );
                return None;
            }
        }
        Some(value)
    }

    fn check_resource_tag(&mut self, pair: &Pair) -> bool {
        let key = pair.key.value.as_str();
        let problem = if key.starts_with("aws:") || key.starts_with("windlass:") {
            "the prefix belongs to somebody else"
        } else if key.is_empty() || key.chars().count() > 128 {
            "a key has 1 to 128 characters"
        } else if scalar_text(&pair.value.value).chars().count() > 256 {
            "a value has at most 256 characters"
        } else {
            return true;
        };
        let diagnostic = Diagnostic::error(
            Code::BadSetting,
            format!("resource tag `{key}` cannot be set"),
        )
        .at(&pair.key.location, problem)
        .help("choose another key or value");
        self.report(diagnostic);
        false
    }
}

/// Returns where a node begins to say something about a repository.
fn own_settings<'a>(settings: &'a SettingsBody, extends: Option<&'a Text>) -> Option<&'a Location> {
    settings.first_location().or(extends.map(|it| &it.location))
}

fn settings_twice(key: &RepositoryKey, again: &Location, first: &Location) -> Diagnostic {
    let message = format!(
        "the settings of repository `{}` are in two places",
        key.repository
    );
    Diagnostic::error(Code::SettingsTwice, message)
        .at(again, "here")
        .at(first, "and here")
        .help("put them all into one `repository` node")
}
