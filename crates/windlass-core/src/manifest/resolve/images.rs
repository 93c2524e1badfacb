//! Images: where each one goes, and everything else that a node and its defaults say.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Location, Sourced};
use crate::manifest::layers::{Layered, MergedImage, MergedRecipe};
use crate::manifest::model::{Image, ImageTarget, PatternReference, Recipe, Repository};
use crate::manifest::path;
use crate::manifest::raw::{ImageNode, NamedContextNode, Text};
use crate::manifest::template::{Place, Values as _};
use crate::name::{ImageName, Platform, RegistryName, RepositoryKey, RepositoryName};

use super::Resolver;
use super::inputs::{ImageScope, RegistryScope, Scope};
use super::instances::Instance;
use super::needs::image_needs;
use super::targets::Owner;

/// An image with the places that must hold it.
pub(super) struct Placed<'a> {
    pub(super) image: Instance<'a>,
    /// Sorted by key.
    pub(super) keys: Vec<RepositoryKey>,
}

impl<'a> Resolver<'a> {
    /// Resolves all images, sorted by name, and the repositories of nodes and images.
    pub(super) fn resolve_images(&mut self) -> (Vec<Image>, Vec<Repository>) {
        let prefix = self.repository_prefix();
        let placed: Vec<Placed<'a>> = self
            .instances()
            .into_iter()
            .map(|image| Placed {
                keys: self.place(&image, prefix.as_deref()),
                image,
            })
            .collect();
        let mut images: Vec<Image> = placed
            .iter()
            .filter_map(|it| self.resolve_image(it))
            .collect();
        let repositories = self.resolve_repositories(&placed, prefix.as_deref());
        self.check_needs(&placed);
        self.check_tags(&images, &repositories);
        self.check_lifecycles(&images, &repositories);
        images.sort_by(|a, b| a.name.cmp(&b.name));
        self.placed = placed;
        self.prefix = prefix;
        (images, repositories)
    }

    pub(super) fn repository_prefix(&mut self) -> Option<String> {
        let scope = self.scope();
        match &self.manifest.workspace.repository_prefix {
            Some(prefix) => Some(self.text(prefix, Place::Global, &scope)?.value),
            None => Some(String::new()),
        }
    }

    fn place(&mut self, image: &Instance<'a>, prefix: Option<&str>) -> Vec<RepositoryKey> {
        let registries = self.resolve_targets(&image.body.targets, &image.name, Owner::Image);
        let name = image.body.repository_name();
        let mut keys: Vec<RepositoryKey> = registries
            .into_iter()
            .filter_map(|registry| {
                let scope = self.target_scope(Some(image), &registry, Err(String::new()));
                let base = match name {
                    Some(name) => self.text(name, Place::Target, &scope)?,
                    None => image.name.clone(),
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

    /// The values for one target, of an image where there is one.
    pub(super) fn target_scope(
        &self,
        image: Option<&Instance<'a>>,
        registry: &RegistryName,
        repository: Result<String, String>,
    ) -> Scope<'a> {
        let found = self.registries.iter().find(|it| it.name == *registry);
        let scope = match image {
            Some(image) => self.image_scope(image, repository),
            None => self.scope(),
        };
        Scope {
            registry: found.map(|it| RegistryScope {
                name: it.name.to_string(),
                account: it.account.clone(),
                region: it.region.clone(),
                host: (self.inputs.registry_host)(it),
            }),
            ..scope
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

    fn resolve_image(&mut self, placed: &Placed<'a>) -> Option<Image> {
        let Placed { image, keys } = placed;
        let body = &*image.body;
        let first = keys.first().map_or(Err(String::new()), |it| self.uri(it));
        let stamp_scope = self.image_scope(image, first.clone());
        let build_scope = match keys.len() {
            0 | 1 => stamp_scope.clone(),
            _ => self.image_scope(
                image,
                Err("its targets hold it under different names".to_owned()),
            ),
        };
        let context = self.context(image.node, body, &build_scope);
        let recipe = self.recipe(image, context.as_deref(), &build_scope);
        let (args, labels, annotations) = self.maps(&body.maps, &build_scope);
        let stamp = self.stamp(body, &stamp_scope);
        self.check_stamped(body);
        self.check_inputs(body, build_scope.axes());
        let targets = self.image_targets(placed);
        let platforms = self.image_platforms(&body.platforms, recipe.as_ref());
        let mut groups: Vec<String> = body.groups.iter().map(|it| it.value.clone()).collect();
        groups.sort();
        groups.dedup();
        let mut ssh: Vec<String> = body.ssh.iter().map(|it| it.value.clone()).collect();
        ssh.sort();
        ssh.dedup();
        let timeout = self.build_with(body, &image.node.location);
        let value = |text: &Option<Layered<'_, Text>>| text.map(|it| it.value.clone());
        Some(Image {
            name: ImageName::new(image.name.value.clone()).ok()?,
            location: image.node.location.clone(),
            doc: value(&body.doc),
            owner: value(&body.owner),
            groups,
            context: context?,
            context_location: body
                .context
                .as_ref()
                .map_or_else(|| image.node.location.clone(), |it| it.location.clone()),
            recipe: recipe?,
            stage: value(&body.stage),
            ignore: body.ignore.to_vec(),
            platforms,
            args,
            labels,
            annotations,
            stamp,
            needs: image_needs(image),
            targets,
            secrets: self.secrets(&body.secrets),
            ssh,
            named_contexts: self.named_contexts(body, &build_scope),
            provenance: body.provenance.is_some_and(|it| it.value),
            sbom: body.sbom.is_some_and(|it| it.value),
            network: value(&body.network),
            timeout_seconds: body.timeout.map(|it| it.value).or(timeout),
            max_bytes: body.max_size.map(|it| it.value),
            epoch: body.epoch.map_or(0, |it| it.value.unsigned_abs()),
        })
    }

    /// Notes which builder the image is built with; returns the builder's timeout.
    fn build_with(&mut self, body: &MergedImage<'a>, location: &Location) -> Option<u64> {
        if let Some(name) = &body.builder {
            self.check_builder(name);
        }
        let builder = self.builder(body.builder.map(|it| it.given));
        if builder.is_none_or(|it| it.address.is_none()) {
            self.built_on_default
                .get_or_insert_with(|| location.clone());
        }
        let builder = builder?;
        self.used_builders.insert(&builder.name.value);
        builder.timeout
    }

    fn named_contexts(
        &mut self,
        body: &MergedImage<'_>,
        scope: &Scope<'_>,
    ) -> BTreeMap<String, String> {
        let nodes = body.named_contexts.iter();
        let entry = |it: &NamedContextNode| {
            Some((
                it.name.value.clone(),
                self.text(&it.from, Place::Image, scope)?.value,
            ))
        };
        nodes.filter_map(entry).collect()
    }

    fn image_scope(&self, image: &Instance<'a>, repository: Result<String, String>) -> Scope<'a> {
        Scope {
            image: Some(ImageScope {
                name: image.name.value.clone(),
                repository,
            }),
            ..self.matrix_scope(image.matrix.as_ref())
        }
    }

    fn image_targets(&mut self, placed: &Placed<'a>) -> Vec<ImageTarget> {
        let Placed { image, keys } = placed;
        keys.iter()
            .map(|key| {
                let scope = self.target_scope(Some(image), &key.registry, self.uri(key));
                let texts = image.body.tags.iter();
                let mut tags: Vec<_> = texts.filter_map(|it| self.tag(it, &scope)).collect();
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
        node: &ImageNode,
        body: &MergedImage<'_>,
        scope: &Scope<'_>,
    ) -> Option<String> {
        match &body.context {
            Some(context) => self.path(context, scope),
            None => Some(path::folder_of(&node.location.source.name).to_owned()),
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
        image: &Instance<'a>,
        context: Option<&str>,
        scope: &Scope<'_>,
    ) -> Option<Recipe> {
        let body = &*image.body;
        match body.recipe {
            Some(MergedRecipe::Pattern(pattern)) => {
                let with = self.with(body, scope);
                Some(Recipe::Pattern {
                    pattern: self.pattern_reference(&pattern)?,
                    location: pattern.location.clone(),
                    with,
                })
            }
            Some(MergedRecipe::Dockerfile(dockerfile)) => {
                self.check_without_pattern(image);
                let value = self.path(&dockerfile, scope)?;
                let location = dockerfile.location.clone();
                Some(Recipe::Dockerfile(Sourced::new(value, location)))
            }
            None => {
                self.check_without_pattern(image);
                let value = path::join(context?, "Dockerfile");
                let location = image.node.location.clone();
                Some(Recipe::Dockerfile(Sourced::new(value, location)))
            }
        }
    }

    /// `with` that is inherited may be meant for others; that of the node itself is a mistake without a pattern.
    fn check_without_pattern(&mut self, image: &Instance<'a>) {
        let node = image.node;
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
    }

    /// Returns what an image runs on: what it says, else what its pattern says, else what is built in.
    fn image_platforms(&mut self, said: &[Text], recipe: Option<&Recipe>) -> Vec<Platform> {
        let Some(Recipe::Pattern {
            pattern: PatternReference::Own(own),
            ..
        }) = recipe.filter(|_| said.is_empty())
        else {
            return self.platforms(said);
        };
        let nodes = own.chain().0.into_iter();
        let mut texts = nodes.map(|it| &it.platforms[..]);
        self.platforms(texts.find(|it| !it.is_empty()).unwrap_or(said))
    }

    pub(super) fn platforms(&mut self, texts: &[Text]) -> Vec<Platform> {
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
