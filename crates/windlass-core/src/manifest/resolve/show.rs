//! `show`: one resolved node as KDL, with the origin of each line behind it.

mod image;
mod line;
mod registry;
mod repository;

use crate::diag::{Checked, has_errors, sort};
use crate::manifest::layers::Layer;
use crate::manifest::model::Workspace;
use crate::manifest::raw::{BuilderNode, Manifest};
use crate::node::suggest;

use self::line::Origin;
use super::instances::Instance;
use super::{ResolveInputs, Resolver};

/// What there is to show of an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// The node.
    Kdl(String),
    /// The workspace has no such address; what may have been meant.
    Unknown(Option<String>),
}

/// Says whether a text is written like an address and not like a path.
pub fn is_address(text: &str) -> bool {
    ["image.", "repository.", "registry."]
        .iter()
        .any(|it| text.starts_with(it))
}

/// Resolves a manifest and shows the node at `address`: `image.web`, `repository.shop/web@prod`, `registry.prod`.
///
/// Nothing is shown of a manifest with errors.
pub fn show(manifest: &Manifest, inputs: &ResolveInputs<'_>, address: &str) -> Checked<Shown> {
    let mut resolver = Resolver::new(manifest, inputs);
    let workspace = resolver.run();
    let mut diagnostics = std::mem::take(&mut resolver.diagnostics);
    diagnostics.append(&mut resolver.templates.diagnostics);
    sort(&mut diagnostics);
    if has_errors(&diagnostics) || manifest.incomplete {
        return (None, diagnostics);
    }
    let shown = resolver.shown(&workspace, address).unwrap_or_else(|| {
        let all = addresses(&workspace);
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        Shown::Unknown(suggest::hint(address, &all))
    });
    (Some(shown), diagnostics)
}

fn addresses(workspace: &Workspace) -> Vec<String> {
    let images = workspace
        .images
        .iter()
        .map(|it| format!("image.{}", it.name));
    let repositories = workspace.repositories.iter().map(|it| it.key.to_string());
    let registries = workspace
        .registries
        .iter()
        .map(|it| format!("registry.{}", it.name));
    images.chain(repositories).chain(registries).collect()
}

impl Resolver<'_> {
    fn shown(&self, workspace: &Workspace, address: &str) -> Option<Shown> {
        let text = match address.split_once('.')? {
            ("image", name) => {
                let image = workspace
                    .images
                    .iter()
                    .find(|it| it.name.as_str() == name)?;
                let mut placed = self.placed.iter();
                let placed = placed.find(|it| it.image.name.value == name)?;
                image::show(placed, image, self.shown_builder(&placed.image))
            }
            ("repository", _) => {
                let mut all = workspace.repositories.iter();
                let repository = all.find(|it| it.key.to_string() == address)?;
                let prefix = self.prefix.as_deref().unwrap_or("");
                repository::show(self.layers.get(&repository.key)?, repository, prefix)
            }
            ("registry", name) => registry::show(self.manifest, &workspace.registries, name)?,
            _ => return None,
        };
        Some(Shown::Kdl(text))
    }
}

impl<'a> Resolver<'a> {
    /// Returns the builder of an image, with what names it; `None` where the manifest defines none for it.
    fn shown_builder(&self, image: &Instance<'a>) -> Option<(&'a BuilderNode, Origin)> {
        let own = image.body.builder;
        let node = self.builder(own.map(|it| it.given))?;
        let environment = self.environment.and_then(|it| it.builder.as_ref());
        let origin = match (own, environment) {
            (Some(own), _) => Origin::of(&own, &own.location),
            (None, Some(named)) => {
                Origin::at(Layer::Own, &named.location).with("the environment's")
            }
            (None, None) => Origin::at(Layer::Own, &node.location).with("the default"),
        };
        Some((node, origin))
    }
}

#[cfg(test)]
mod tests;
