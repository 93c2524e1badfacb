//! Layers: what a node says, what the nodes it extends say, and what `defaults` says, merged into one body.
//!
//! Nothing is copied: a merged body points into the manifest, and every field keeps the layer that gave it, so that `show` can
//! name it. Strongest first: the node, its `extends` chain from the nearest parent on, `defaults`; what no layer says is built in.
//! Single values and lists are taken from the strongest layer that says something; maps are joined key by key.

use std::collections::BTreeSet;
use std::ops::Deref;

use crate::diag::Sourced;

use super::model::{Encryption, LifecycleRule};
use super::raw::{
    AccessNode, ImageBody, ImageNode, ImageRepository, Maps, MatrixNode, NamedContextNode,
    NeedNode, Pair, SecretUse, SettingsBody, TagsNode, Text, WithNode,
};

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer<'a> {
    /// The node itself.
    Own,
    /// The `repository` of this image.
    Image(&'a str),
    /// A node that it extends, by its name.
    Parent(&'a str),
    /// `defaults`.
    Defaults,
}

/// A part of the manifest with the layer it comes from.
#[derive(Debug)]
pub(super) struct Layered<'a, T: ?Sized> {
    pub(super) given: &'a T,
    pub(super) layer: Layer<'a>,
}

impl<'a, T: ?Sized> Layered<'a, T> {
    pub(super) fn new(given: &'a T, layer: Layer<'a>) -> Self {
        Self { given, layer }
    }
}

impl<T: ?Sized> Clone for Layered<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Layered<'_, T> {}

impl<T: ?Sized> Deref for Layered<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.given
    }
}

/// A list: empty where no layer gives it.
pub(super) type List<'a, T> = Layered<'a, [T]>;

/// Entries of a map, the strongest layer's first, each key once.
pub(super) type Entries<'a, T> = Vec<Layered<'a, T>>;

/// `arg`, `label` and `annotation`, merged.
#[derive(Debug)]
pub(super) struct MergedMaps<'a> {
    pub(super) args: Entries<'a, Pair>,
    pub(super) labels: Entries<'a, Pair>,
    pub(super) annotations: Entries<'a, Pair>,
}

/// The body of an image, merged.
#[derive(Debug)]
pub(super) struct MergedImage<'a> {
    pub(super) recipe: Option<MergedRecipe<'a>>,
    pub(super) doc: Option<Layered<'a, Text>>,
    pub(super) owner: Option<Layered<'a, Text>>,
    pub(super) groups: List<'a, Text>,
    pub(super) context: Option<Layered<'a, Text>>,
    pub(super) stage: Option<Layered<'a, Text>>,
    pub(super) ignore: List<'a, Text>,
    pub(super) with: Entries<'a, WithNode>,
    pub(super) platforms: List<'a, Text>,
    pub(super) maps: MergedMaps<'a>,
    pub(super) stamp: MergedMaps<'a>,
    pub(super) needs: List<'a, NeedNode>,
    pub(super) matrix: Option<Layered<'a, MatrixNode>>,
    pub(super) tags: List<'a, Text>,
    pub(super) targets: List<'a, Text>,
    /// Every layer's `repository`, the strongest first.
    pub(super) repositories: Vec<Layered<'a, ImageRepository>>,
    pub(super) secrets: List<'a, SecretUse>,
    pub(super) ssh: List<'a, Text>,
    pub(super) named_contexts: List<'a, NamedContextNode>,
    pub(super) builder: Option<Layered<'a, Text>>,
    pub(super) max_size: Option<Layered<'a, Sourced<u64>>>,
    pub(super) provenance: Option<Layered<'a, Sourced<bool>>>,
    pub(super) sbom: Option<Layered<'a, Sourced<bool>>>,
    pub(super) network: Option<Layered<'a, Text>>,
    pub(super) timeout: Option<Layered<'a, Sourced<u64>>>,
    pub(super) epoch: Option<Layered<'a, Sourced<i64>>>,
}

/// Where the Dockerfile comes from: `pattern` and `dockerfile` are two words for one setting, and the strongest layer decides.
#[derive(Debug, Clone, Copy)]
pub(super) enum MergedRecipe<'a> {
    Pattern(Layered<'a, Text>),
    Dockerfile(Layered<'a, Text>),
}

/// Settings of a repository, merged.
#[derive(Debug)]
pub(super) struct MergedSettings<'a> {
    pub(super) tags: Option<Layered<'a, Sourced<TagsNode>>>,
    pub(super) scan_on_push: Option<Layered<'a, Sourced<bool>>>,
    pub(super) encryption: Option<Layered<'a, Sourced<Encryption>>>,
    pub(super) create: Option<Layered<'a, Sourced<bool>>>,
    pub(super) resource_tags: Entries<'a, Pair>,
    pub(super) access: Option<Layered<'a, AccessNode>>,
    pub(super) lifecycle: Option<Layered<'a, Sourced<Vec<LifecycleRule>>>>,
}

/// One layer of an image: its first line and its body.
#[derive(Debug, Clone, Copy)]
struct ImageLayer<'a> {
    pattern: Option<&'a Text>,
    body: &'a ImageBody,
    layer: Layer<'a>,
}

/// Merges an image with the nodes it extends, the nearest first, and the defaults.
pub(super) fn merge_image<'a>(
    node: &'a ImageNode,
    parents: &[&'a ImageNode],
    defaults: &'a ImageBody,
) -> MergedImage<'a> {
    let own = ImageLayer {
        pattern: node.pattern.as_ref(),
        body: &node.body,
        layer: Layer::Own,
    };
    let parents = parents.iter().map(|it| ImageLayer {
        pattern: it.pattern.as_ref(),
        body: &it.body,
        layer: Layer::Parent(&it.name.value),
    });
    let last = ImageLayer {
        pattern: None,
        body: defaults,
        layer: Layer::Defaults,
    };
    let layers: Vec<ImageLayer<'a>> = [own].into_iter().chain(parents).chain([last]).collect();
    merge_layers(&layers)
}

/// Takes the defaults alone, as a body.
pub(super) fn merge_defaults(defaults: &ImageBody) -> MergedImage<'_> {
    merge_layers(&[ImageLayer {
        pattern: None,
        body: defaults,
        layer: Layer::Defaults,
    }])
}

impl<'a> MergedImage<'a> {
    /// Returns `dockerfile` where it decides.
    pub(super) fn dockerfile(&self) -> Option<Layered<'a, Text>> {
        match self.recipe {
            Some(MergedRecipe::Dockerfile(dockerfile)) => Some(dockerfile),
            _ => None,
        }
    }

    /// Returns the name that the strongest layer gives the repository.
    pub(super) fn repository_name(&self) -> Option<&'a Text> {
        self.repositories
            .iter()
            .find_map(|it| it.given.name.as_ref())
    }
}

fn merge_layers<'a>(layers: &[ImageLayer<'a>]) -> MergedImage<'a> {
    let all = Bodies(layers);
    MergedImage {
        recipe: layers.iter().find_map(ImageLayer::recipe),
        doc: all.first(|it| it.doc.as_ref()),
        owner: all.first(|it| it.owner.as_ref()),
        groups: all.list(|it| &it.groups),
        context: all.first(|it| it.context.as_ref()),
        stage: all.first(|it| it.stage.as_ref()),
        ignore: all.list(|it| &it.ignore),
        with: all.with(),
        platforms: all.list(|it| &it.platforms),
        maps: all.maps(|it| &it.maps),
        stamp: all.maps(|it| &it.stamp),
        needs: all.list(|it| &it.needs),
        matrix: all.first(|it| it.matrix.as_ref()),
        tags: all.list(|it| &it.tags),
        targets: all.list(|it| &it.targets),
        repositories: layers
            .iter()
            .filter_map(|it| Some(it.layer.of(it.body.repository.as_ref()?)))
            .collect(),
        secrets: all.list(|it| &it.secrets),
        ssh: all.list(|it| &it.ssh),
        named_contexts: all.list(|it| &it.named_contexts),
        builder: all.first(|it| it.builder.as_ref()),
        max_size: all.first(|it| it.max_size.as_ref()),
        provenance: all.first(|it| it.provenance.as_ref()),
        sbom: all.first(|it| it.sbom.as_ref()),
        network: all.first(|it| it.network.as_ref()),
        timeout: all.first(|it| it.timeout.as_ref()),
        epoch: all.first(|it| it.epoch.as_ref()),
    }
}

impl<'a> Layer<'a> {
    fn of<T: ?Sized>(self, given: &'a T) -> Layered<'a, T> {
        Layered { given, layer: self }
    }
}

impl<'a> ImageLayer<'a> {
    fn recipe(&self) -> Option<MergedRecipe<'a>> {
        let pattern = self
            .pattern
            .map(|it| MergedRecipe::Pattern(self.layer.of(it)));
        let dockerfile = self.body.dockerfile.as_ref();
        pattern.or_else(|| dockerfile.map(|it| MergedRecipe::Dockerfile(self.layer.of(it))))
    }
}

/// The bodies of an image, the strongest first.
struct Bodies<'l, 'a>(&'l [ImageLayer<'a>]);

impl<'a> Bodies<'_, 'a> {
    fn first<T>(&self, field: impl Fn(&'a ImageBody) -> Option<&'a T>) -> Option<Layered<'a, T>> {
        let mut layers = self.0.iter();
        layers.find_map(|it| Some(it.layer.of(field(it.body)?)))
    }

    fn list<T>(&self, field: impl Fn(&'a ImageBody) -> &'a Vec<T>) -> List<'a, T> {
        let mut lists = self.0.iter().map(|it| (it.layer, field(it.body)));
        let found = lists.find(|it| !it.1.is_empty());
        found.map_or(Layer::Defaults.of(&[]), |(layer, list)| layer.of(list))
    }

    fn maps(&self, field: impl Fn(&'a ImageBody) -> &'a Maps) -> MergedMaps<'a> {
        let join = |map: fn(&'a Maps) -> &'a Vec<Pair>| {
            join_pairs(self.0.iter().map(|it| (it.layer, map(field(it.body)))))
        };
        MergedMaps {
            args: join(|it| &it.args),
            labels: join(|it| &it.labels),
            annotations: join(|it| &it.annotations),
        }
    }

    /// A parameter may stand on several lines of one layer; they belong together, and replace those of weaker layers.
    fn with(&self) -> Entries<'a, WithNode> {
        let mut seen: BTreeSet<&str> = BTreeSet::new();
        let mut all = Vec::new();
        for layer in self.0 {
            let fresh = layer.body.with.iter();
            let fresh = fresh.filter(|it| !seen.contains(it.name.value.as_str()));
            all.extend(fresh.map(|it| layer.layer.of(it)));
            seen.extend(layer.body.with.iter().map(|it| it.name.value.as_str()));
        }
        all
    }
}

/// Joins maps by key, the strongest layer first.
fn join_pairs<'a>(layers: impl Iterator<Item = (Layer<'a>, &'a Vec<Pair>)>) -> Entries<'a, Pair> {
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut all = Vec::new();
    for (layer, pairs) in layers {
        let fresh = pairs.iter().filter(|it| seen.insert(&it.key.value));
        all.extend(fresh.map(|it| layer.of(it)));
    }
    all
}

/// Merges settings of a repository, given from the strongest layer to the weakest.
pub(super) fn merge_settings<'a>(layers: &[Layered<'a, SettingsBody>]) -> MergedSettings<'a> {
    MergedSettings {
        tags: first_setting(layers, |it| it.tags.as_ref()),
        scan_on_push: first_setting(layers, |it| it.scan_on_push.as_ref()),
        encryption: first_setting(layers, |it| it.encryption.as_ref()),
        create: first_setting(layers, |it| it.create.as_ref()),
        resource_tags: join_pairs(layers.iter().map(|it| (it.layer, &it.given.resource_tags))),
        access: first_setting(layers, |it| it.access.as_ref()),
        lifecycle: first_setting(layers, |it| it.lifecycle.as_ref()),
    }
}

fn first_setting<'a, T>(
    layers: &[Layered<'a, SettingsBody>],
    field: impl Fn(&'a SettingsBody) -> Option<&'a T>,
) -> Option<Layered<'a, T>> {
    let mut layers = layers.iter();
    layers.find_map(|it| Some(it.layer.of(field(it.given)?)))
}
