//! Builders: which one an image is built with, and what of it can be carried out.

use crate::diag::{Code, Diagnostic};
use crate::manifest::raw::{BuilderNode, Text};
use crate::manifest::template::{Axes, Place};
use crate::node::suggest;

use super::Resolver;

/// The builder of images and environments that name none, where it is defined.
const DEFAULT: &str = "default";

impl<'a> Resolver<'a> {
    /// Finds the builder of an image: its own, else the environment's, else the one named `default`.
    pub(super) fn builder(&self, own: Option<&Text>) -> Option<&'a BuilderNode> {
        let environment = self.environment.and_then(|it| it.builder.as_ref());
        let name = own.or(environment).map_or(DEFAULT, |it| it.value.as_str());
        self.manifest
            .builders
            .iter()
            .find(|it| it.name.value == name)
    }

    /// Reports the name of a builder that does not exist.
    pub(super) fn check_builder(&mut self, name: &Text) {
        let names: Vec<&str> = self
            .manifest
            .builders
            .iter()
            .map(|it| it.name.value.as_str())
            .collect();
        if names.contains(&name.value.as_str())
            || self.manifest.incomplete
            || name.value.contains("{{")
        {
            return;
        }
        let mut diagnostic = Diagnostic::error(
            Code::UnknownBuilder,
            format!("builder `{}` is not defined", name.value),
        )
        .at(&name.location, "unknown builder");
        diagnostic.help = suggest::hint(&name.value, &names).or_else(|| {
            Some(format!(
                "define it: `builder \"{}\" {{ engine \"docker\" }}`",
                name.value
            ))
        });
        self.report(diagnostic);
    }

    /// Checks all builders, used or not, and the names by which environments call them.
    pub(super) fn check_builders(&mut self) {
        let manifest = self.manifest;
        for node in &manifest.builders {
            for text in &node.templates {
                self.templates.check(text, Place::Global, &Axes::None);
            }
            self.platforms(&node.platforms);
        }
        for name in manifest
            .environments
            .iter()
            .filter_map(|it| it.builder.as_ref())
        {
            self.check_builder(name);
        }
    }

    /// Refuses plans of images whose builder asks for what only a buildkitd builder does.
    pub(super) fn refuse_builders(&mut self) {
        let manifest = self.manifest;
        let used = std::mem::take(&mut self.used_builders);
        for node in manifest
            .builders
            .iter()
            .filter(|it| used.contains(it.name.value.as_str()))
        {
            for what in &node.not_carried {
                self.not_carried_out(
                    &format!(
                        "builder `{}`: {} needs a buildkitd builder, which",
                        node.name.value, what.value
                    ),
                    &what.location,
                );
            }
        }
    }
}
