//! Repositories: those of nodes, and those that images imply, with their settings.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Location, Sourced};
use crate::manifest::model::{Repository, Settings, TagMutability};
use crate::manifest::raw::{Pair, RepositoryNode, SettingsBody, Text};
use crate::manifest::template::{Place, scalar_text};
use crate::name::{RegistryName, RepositoryKey};
use crate::node::Scalar;

use super::Resolver;
use super::images::Placed;
use super::inputs::Scope;
use super::targets::Owner;

/// The most tags of a resource that the manifest may set; windlass writes one of the fifty itself.
const MAX_RESOURCE_TAGS: usize = 49;

/// Settings from the strongest layer to the weakest.
type Layers<'a> = Vec<&'a SettingsBody>;

/// Where the settings of a repository come from.
struct Origin<'a> {
    layers: Layers<'a>,
    /// The place of the settings of its own, if it has some.
    own: Option<Location>,
    doc: Option<String>,
    location: Location,
    /// The first image in it.
    image: Option<&'a str>,
}

impl<'a> Resolver<'a> {
    /// Resolves all repositories, sorted by key.
    pub(super) fn resolve_repositories(
        &mut self,
        placed: &[Placed<'a>],
        prefix: Option<&str>,
    ) -> Vec<Repository> {
        let mut origins: BTreeMap<RepositoryKey, Origin<'a>> = BTreeMap::new();
        let manifest = self.manifest;
        for node in &manifest.repositories {
            for key in prefix.map_or_else(Vec::new, |it| self.node_keys(node, placed, it)) {
                let origin = node_origin(node, &manifest.default_settings);
                if let Some(earlier) = origins.insert(key.clone(), origin) {
                    self.report(settings_twice(&key, &node.location, &earlier.location));
                }
            }
        }
        for image in placed {
            for key in &image.keys {
                self.add_image(image, key, &mut origins);
            }
        }
        origins
            .into_iter()
            .map(|(key, origin)| self.repository(key, &origin))
            .collect()
    }

    fn node_keys(
        &mut self,
        node: &RepositoryNode,
        placed: &[Placed<'_>],
        prefix: &str,
    ) -> Vec<RepositoryKey> {
        let Some(repository) = self.repository_name(prefix, &node.name) else {
            return Vec::new();
        };
        let used = placed
            .iter()
            .flat_map(|it| &it.keys)
            .filter(|it| it.repository == repository);
        let mut registries: Vec<RegistryName> = used.map(|it| it.registry.clone()).collect();
        if !node.settings.targets.is_empty() || registries.is_empty() {
            let targets = self.manifest.default_settings.targets.as_slice();
            let targets = super::images::pick(&node.settings.targets, targets);
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

    fn add_image(
        &mut self,
        image: &Placed<'a>,
        key: &RepositoryKey,
        origins: &mut BTreeMap<RepositoryKey, Origin<'a>>,
    ) {
        let manifest = self.manifest;
        let node = image.node;
        let own_body = node.body.repository.as_ref().map(|it| &it.settings);
        let own = own_body.and_then(SettingsBody::first_location).cloned();
        if let Some(known) = origins.get_mut(key) {
            known.image.get_or_insert(&node.name.value);
            let Some(place) = own else { return };
            if let Some(earlier) = &known.own {
                let diagnostic = settings_twice(key, &place, earlier);
                self.diagnostics.push(diagnostic);
            } else {
                known.layers.splice(0..0, own_body);
                known.own = Some(place);
            }
            return;
        }
        let shared = manifest
            .default_image
            .repository
            .as_ref()
            .map(|it| &it.settings);
        let layers = own_body
            .into_iter()
            .chain(shared)
            .chain([&manifest.default_settings]);
        let location = node
            .body
            .repository
            .as_ref()
            .map_or(&node.location, |it| &it.location);
        origins.insert(
            key.clone(),
            Origin {
                layers: layers.collect(),
                own,
                doc: None,
                location: location.clone(),
                image: Some(&node.name.value),
            },
        );
    }

    fn repository(&mut self, key: RepositoryKey, origin: &Origin<'_>) -> Repository {
        let scope = match origin.image {
            Some(image) => self.target_scope(image, &key.registry, self.uri(&key)),
            None => Scope {
                image: None,
                ..self.target_scope("", &key.registry, Err(String::new()))
            },
        };
        Repository {
            settings: self.settings(&origin.layers, &scope),
            key,
            doc: origin.doc.clone(),
            location: origin.location.clone(),
        }
    }

    fn settings(&mut self, layers: &[&SettingsBody], scope: &Scope<'_>) -> Settings {
        let tags = layers.iter().find_map(|it| it.tags.as_ref()).map(|tags| {
            let mut except: Vec<String> = tags
                .value
                .except
                .iter()
                .map(|it| it.value.clone())
                .collect();
            except.sort();
            except.dedup();
            let mutability = TagMutability {
                mutable: tags.value.mutable,
                except,
            };
            Sourced::new(mutability, tags.location.clone())
        });
        Settings {
            create: layers
                .iter()
                .find_map(|it| it.create.as_ref())
                .is_none_or(|it| it.value),
            tags,
            scan_on_push: layers.iter().find_map(|it| it.scan_on_push.clone()),
            encryption: layers.iter().find_map(|it| it.encryption.clone()),
            lifecycle: layers.iter().find_map(|it| it.lifecycle.clone()),
            resource_tags: self.resource_tags(layers, scope),
        }
    }

    fn resource_tags(
        &mut self,
        layers: &[&SettingsBody],
        scope: &Scope<'_>,
    ) -> BTreeMap<String, String> {
        let mut map = BTreeMap::new();
        for pair in layers.iter().flat_map(|it| &it.resource_tags) {
            if map.contains_key(&pair.key.value) || !self.check_resource_tag(pair) {
                continue;
            }
            let value = match &pair.value.value {
                Scalar::Text(text) => {
                    let text = Text::new(text.clone(), pair.value.location.clone());
                    self.templates.text(&text, Place::Target, scope)
                }
                other => Some(scalar_text(other)),
            };
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
            map.extend(value.map(|it| (pair.key.value.clone(), it)));
        }
        map
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

fn node_origin<'a>(node: &'a RepositoryNode, defaults: &'a SettingsBody) -> Origin<'a> {
    Origin {
        layers: vec![&node.settings, defaults],
        own: node.settings.first_location().cloned(),
        doc: node.doc.as_ref().map(|it| it.value.clone()),
        location: node.location.clone(),
        image: None,
    }
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
