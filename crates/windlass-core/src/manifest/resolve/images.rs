//! Images: where each one goes, and everything else that a node and its defaults say.

use crate::diag::{Code, Diagnostic, Location, Sourced};
use crate::manifest::model::{Image, ImageTarget, Recipe, Repository};
use crate::manifest::raw::{ImageBody, ImageNode, Text};
use crate::manifest::template::Place;
use crate::name::{ImageName, Platform, RegistryName, RepositoryKey, RepositoryName};

use super::inputs::{ImageScope, RegistryScope, Scope};
use super::targets::Owner;
use super::{Resolver, path};

/// An image node with the places that must hold it.
pub(super) struct Placed<'a> {
    pub(super) node: &'a ImageNode,
    /// Sorted by key.
    pub(super) keys: Vec<RepositoryKey>,
}

/// Takes what the node says, or else what the defaults say.
pub(super) fn pick<'a, T>(own: &'a [T], default: &'a [T]) -> &'a [T] {
    if own.is_empty() { default } else { own }
}

impl<'a> Resolver<'a> {
    /// Resolves all images, sorted by name, and the repositories of nodes and images.
    pub(super) fn resolve_images(&mut self) -> (Vec<Image>, Vec<Repository>) {
        let prefix = self.repository_prefix();
        let manifest = self.manifest;
        let placed: Vec<Placed<'a>> = manifest
            .images
            .iter()
            .map(|node| Placed {
                node,
                keys: self.place(node, prefix.as_deref()),
            })
            .collect();
        let mut images: Vec<Image> = placed
            .iter()
            .filter_map(|it| self.resolve_image(it))
            .collect();
        let repositories = self.resolve_repositories(&placed, prefix.as_deref());
        self.check_needs();
        self.check_tags(&images, &repositories);
        images.sort_by(|a, b| a.name.cmp(&b.name));
        (images, repositories)
    }

    pub(super) fn repository_prefix(&mut self) -> Option<String> {
        let scope = self.scope();
        match &self.manifest.workspace.repository_prefix {
            Some(prefix) => Some(self.text(prefix, Place::Global, &scope)?.value),
            None => Some(String::new()),
        }
    }

    fn place(&mut self, node: &ImageNode, prefix: Option<&str>) -> Vec<RepositoryKey> {
        let manifest = self.manifest;
        let targets = pick(&node.body.targets, &manifest.default_image.targets);
        let registries = self.resolve_targets(targets, &node.name, Owner::Image);
        let own = node
            .body
            .repository
            .as_ref()
            .and_then(|it| it.name.as_ref());
        let default = manifest
            .default_image
            .repository
            .as_ref()
            .and_then(|it| it.name.as_ref());
        let name = own.or(default);
        let mut keys: Vec<RepositoryKey> = registries
            .into_iter()
            .filter_map(|registry| {
                let scope = self.target_scope(&node.name.value, &registry, Err(String::new()));
                let base = match name {
                    Some(name) => self.text(name, Place::Target, &scope)?,
                    None => node.name.clone(),
                };
                let repository = self.repository_name(prefix?, &base)?;
                Some(RepositoryKey {
                    registry,
                    repository,
                })
            })
            .collect();
        keys.sort();
        keys
    }

    /// Joins prefix and name; reports a name that ECR would refuse.
    pub(super) fn repository_name(&mut self, prefix: &str, base: &Text) -> Option<RepositoryName> {
        let full = format!("{prefix}{}", base.value);
        match RepositoryName::new(full) {
            Ok(name) => Some(name),
            Err(error) => {
                let diagnostic = Diagnostic::error(Code::BadRepositoryName, error.to_string())
                    .at(&base.location, "the repository is named after this")
                    .help("change the name, or `repository-prefix`");
                self.report(diagnostic);
                None
            }
        }
    }

    /// The values for one target of an image.
    pub(super) fn target_scope(
        &self,
        image: &str,
        registry: &RegistryName,
        repository: Result<String, String>,
    ) -> Scope<'a> {
        let found = self.registries.iter().find(|it| it.name == *registry);
        Scope {
            image: Some(ImageScope {
                name: image.to_owned(),
                repository,
            }),
            registry: found.map(|it| RegistryScope {
                name: it.name.to_string(),
                account: it.account.clone(),
                region: it.region.clone(),
                host: (self.inputs.registry_host)(it),
            }),
            ..self.scope()
        }
    }

    /// Returns the URI under which a repository is pulled from.
    pub(super) fn uri(&self, key: &RepositoryKey) -> Result<String, String> {
        let registry = self.registries.iter().find(|it| it.name == key.registry);
        let host = registry
            .map(|it| (self.inputs.registry_host)(it))
            .ok_or_else(String::new)?;
        Ok(format!("{host}/{}", key.repository))
    }

    fn resolve_image(&mut self, placed: &Placed<'_>) -> Option<Image> {
        let manifest = self.manifest;
        let node = placed.node;
        let (body, default) = (&node.body, &manifest.default_image);
        let first = placed
            .keys
            .first()
            .map_or(Err(String::new()), |it| self.uri(it));
        let stamp_scope = self.image_scope(node, first.clone());
        let build_scope = match placed.keys.len() {
            0 | 1 => stamp_scope.clone(),
            _ => self.image_scope(
                node,
                Err("its targets hold it under different names".to_owned()),
            ),
        };
        let context = self.context(body, default, &build_scope);
        let recipe = self.recipe(node, default, context.as_deref(), &build_scope);
        let (args, labels, annotations) = self.maps(&body.maps, &default.maps, &build_scope);
        let stamp = self.stamp(body, default, &stamp_scope);
        self.check_stamped(body, default);
        self.check_inputs(body, default);
        let targets = self.image_targets(placed);
        let platforms = self.platforms(pick(&body.platforms, &default.platforms));
        let mut groups: Vec<String> = pick(&body.groups, &default.groups)
            .iter()
            .map(|it| it.value.clone())
            .collect();
        groups.sort();
        groups.dedup();
        let value = |own: &Option<Text>, default: &Option<Text>| {
            own.as_ref().or(default.as_ref()).map(|it| it.value.clone())
        };
        Some(Image {
            name: ImageName::new(node.name.value.clone()).ok()?,
            location: node.location.clone(),
            doc: value(&body.doc, &default.doc),
            owner: value(&body.owner, &default.owner),
            groups,
            context: context?,
            recipe: recipe?,
            stage: value(&body.stage, &default.stage),
            ignore: pick(&body.ignore, &default.ignore).to_vec(),
            platforms,
            args,
            labels,
            annotations,
            stamp,
            needs: self.image_needs(node),
            targets,
            network: value(&body.network, &default.network),
            timeout_seconds: body
                .timeout
                .as_ref()
                .or(default.timeout.as_ref())
                .map(|it| it.value),
            epoch: body
                .epoch
                .as_ref()
                .or(default.epoch.as_ref())
                .map_or(0, |it| it.value.unsigned_abs()),
        })
    }

    fn image_scope(&self, node: &ImageNode, repository: Result<String, String>) -> Scope<'a> {
        Scope {
            image: Some(ImageScope {
                name: node.name.value.clone(),
                repository,
            }),
            ..self.scope()
        }
    }

    fn image_targets(&mut self, placed: &Placed<'_>) -> Vec<ImageTarget> {
        let manifest = self.manifest;
        let node = placed.node;
        let texts = pick(&node.body.tags, &manifest.default_image.tags);
        placed
            .keys
            .iter()
            .map(|key| {
                let scope = self.target_scope(&node.name.value, &key.registry, self.uri(key));
                let mut tags: Vec<_> = texts.iter().filter_map(|it| self.tag(it, &scope)).collect();
                tags.sort_by(|a, b| a.value.cmp(&b.value));
                tags.dedup_by(|a, b| a.value == b.value);
                ImageTarget {
                    key: key.clone(),
                    tags,
                }
            })
            .collect()
    }

    fn context(
        &mut self,
        body: &ImageBody,
        default: &ImageBody,
        scope: &Scope<'_>,
    ) -> Option<String> {
        match body.context.as_ref().or(default.context.as_ref()) {
            Some(context) => self.path(context, scope),
            None => Some(".".to_owned()),
        }
    }

    fn path(&mut self, text: &Text, scope: &Scope<'_>) -> Option<String> {
        let value = self.text(text, Place::Image, scope)?.value;
        match path::normalize_from(&text.location.source.name, &value) {
            Ok(path) => Some(path),
            Err(reason) => {
                self.report(path::outside(text, &value, reason));
                None
            }
        }
    }

    fn recipe(
        &mut self,
        node: &ImageNode,
        default: &ImageBody,
        context: Option<&str>,
        scope: &Scope<'_>,
    ) -> Option<Recipe> {
        if let Some(pattern) = &node.pattern {
            let with = self.with(&node.body, default, scope);
            let (name, major) = self.pattern_name(pattern)?;
            return Some(Recipe::Pattern {
                name,
                major,
                location: pattern.location.clone(),
                with,
            });
        }
        if let Some(with) = &node.body.with_location {
            let diagnostic = Diagnostic::error(
                Code::WithoutPattern,
                "`with` gives parameters to a pattern, and there is none",
            )
            .at(with, "no pattern takes these")
            .at(&node.location, "this image")
            .help(format!(
                "add the pattern: `image \"{}\" pattern=\"python@1\"`",
                node.name.value
            ));
            self.report(diagnostic);
        }
        let Some(dockerfile) = node
            .body
            .dockerfile
            .as_ref()
            .or(default.dockerfile.as_ref())
        else {
            let value = path::join(context?, "Dockerfile");
            return Some(Recipe::Dockerfile(Sourced::new(
                value,
                node.location.clone(),
            )));
        };
        let value = self.path(dockerfile, scope)?;
        Some(Recipe::Dockerfile(Sourced::new(
            value,
            dockerfile.location.clone(),
        )))
    }

    fn pattern_name(&mut self, pattern: &Text) -> Option<(String, u32)> {
        let parts = pattern.value.split_once('@');
        let major = parts.and_then(|(name, major)| Some((name, major.parse::<u32>().ok()?)));
        if let Some((name, major)) = major.filter(|(name, _)| ImageName::new(*name).is_ok()) {
            return Some((name.to_owned(), major));
        }
        let name = parts.map_or(pattern.value.as_str(), |it| it.0);
        let diagnostic = Diagnostic::error(
            Code::UnknownPattern,
            format!("`{}` is no pattern", pattern.value),
        )
        .at(
            &pattern.location,
            "a pattern has a name and a major version",
        )
        .help(format!("write the major version: `pattern=\"{name}@1\"`"));
        self.report(diagnostic);
        None
    }

    fn platforms(&mut self, texts: &[Text]) -> Vec<Platform> {
        let mut all: Vec<Platform> = texts.iter().filter_map(|it| self.platform(it)).collect();
        all.sort();
        all.dedup();
        if all.is_empty() {
            all.push(Platform::default());
        }
        all
    }

    fn platform(&mut self, text: &Text) -> Option<Platform> {
        if text.value.contains("{{") {
            return None;
        }
        if is_platform(&text.value) {
            return Platform::new(text.value.clone()).ok();
        }
        let help = match platform_meant(&text.value) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => "write it as in `\"linux/amd64\"` or `\"linux/arm64\"`".to_owned(),
        };
        let diagnostic = Diagnostic::error(
            Code::UnknownPlatform,
            format!("there is no platform `{}`", text.value),
        )
        .at(&text.location, "unknown platform")
        .help(help);
        self.report(diagnostic);
        None
    }

    /// Reports a warning once for a place.
    pub(super) fn warn(
        &mut self,
        code: Code,
        message: String,
        place: &Location,
        label: &str,
        help: &str,
    ) {
        self.report(
            Diagnostic::warning(code, message)
                .at(place, label)
                .help(help),
        );
    }
}

/// Go's names of operating systems and architectures that container images are published for.
fn is_platform(text: &str) -> bool {
    let parts: Vec<&str> = text.split('/').collect();
    let [system, architecture, variant @ ..] = &parts[..] else {
        return false;
    };
    let variants: &[&str] = match *architecture {
        "amd64" => &["v1", "v2", "v3", "v4"],
        "arm64" => &["v8", "v9"],
        "arm" => &["v5", "v6", "v7"],
        "386" | "ppc64le" | "s390x" | "riscv64" | "mips64le" | "loong64" => &[],
        _ => return false,
    };
    let good_variant = match variant {
        [] => true,
        [one] => variants.contains(one),
        _ => false,
    };
    matches!(*system, "linux" | "windows") && good_variant
}

fn platform_meant(text: &str) -> Option<&'static str> {
    let architecture = text.rsplit('/').next().unwrap_or(text).to_lowercase();
    match architecture.as_str() {
        "x86_64" | "x86-64" | "x64" | "amd64" | "amd" | "intel" => Some("linux/amd64"),
        "aarch64" | "arm64" | "armv8" | "arm64v8" | "graviton" => Some("linux/arm64"),
        "armv7" | "armhf" | "armv7l" => Some("linux/arm/v7"),
        "i386" | "i686" | "x86" => Some("linux/386"),
        _ => None,
    }
}
