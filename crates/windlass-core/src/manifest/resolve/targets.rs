//! Targets: which registries a node means, narrowed by the environment.

use crate::diag::{Code, Diagnostic};
use crate::manifest::raw::Text;
use crate::name::RegistryName;
use crate::node::suggest;

use super::Resolver;

/// Who asks for targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    /// An image: without a target in the environment it cannot be anywhere, which is an error.
    Image,
    /// A `repository` node: one whose targets are elsewhere is none of the environment's.
    Repository,
}

impl Owner {
    fn word(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Repository => "repository",
        }
    }
}

impl Resolver<'_> {
    /// Returns the registries that `target` values name, as far as the environment reaches, sorted. Where nothing is named: those of
    /// the environment, else the only registry.
    pub(super) fn resolve_targets(
        &mut self,
        targets: &[Text],
        name: &Text,
        owner: Owner,
    ) -> Vec<RegistryName> {
        let reached = self.environment.filter(|it| !it.targets.is_empty());
        let reached = reached.map(|it| self.registries_of(it));
        if targets.is_empty() {
            return reached.unwrap_or_else(|| self.default_target(name, owner.word()));
        }
        let mut found: Vec<RegistryName> = Vec::new();
        for target in targets {
            match self.targets.get(&target.value) {
                Some(registries) => found.extend(registries.iter().cloned()),
                None => self.unknown_target(target),
            }
        }
        found.sort();
        found.dedup();
        let Some(reached) = reached else { return found };
        let left: Vec<RegistryName> = found
            .iter()
            .filter(|it| reached.contains(it))
            .cloned()
            .collect();
        if left.is_empty() && !found.is_empty() && owner == Owner::Image {
            self.none_left(targets, name);
        }
        left
    }

    fn none_left(&mut self, targets: &[Text], name: &Text) {
        let Some(environment) = self.environment else {
            return;
        };
        let list = |texts: &[Text]| {
            let names: Vec<&str> = texts.iter().map(|it| it.value.as_str()).collect();
            suggest::list(&names)
        };
        let message = format!(
            "image `{}` has no target in environment `{}`",
            name.value, environment.name.value
        );
        let diagnostic = Diagnostic::error(Code::NoTarget, message)
            .at(&targets[0].location, format!("`{}` goes to {}", name.value, list(targets)))
            .at(&environment.targets[0].location, format!("the environment reaches {}", list(&environment.targets)))
            .help(format!(
                "remove the image's `target`, which leaves it to the environment, or add `target \"{}\"`",
                environment.targets[0].value
            ));
        self.report(diagnostic);
    }

    fn default_target(&mut self, owner: &Text, what: &str) -> Vec<RegistryName> {
        let nodes = &self.manifest.registries;
        if let Some(first) = nodes.first()
            && nodes.iter().all(|it| it.name.value == first.name.value)
        {
            let name = &first.name.value;
            return self.targets.get(name).cloned().unwrap_or_default();
        }
        // Without the environment that has to be chosen nothing can be said about targets.
        let no_environment = self.environment.is_none() && !self.manifest.environments.is_empty();
        if !self.manifest.incomplete && !no_environment {
            let help = if nodes.is_empty() {
                "define one: `registry \"dev\" { account \"123456789012\"; region \"eu-west-1\" }`"
                    .to_owned()
            } else {
                let names: Vec<&str> = nodes.iter().map(|it| it.name.value.as_str()).collect();
                format!("add `target` with one of {}", suggest::list(&names))
            };
            let diagnostic = Diagnostic::error(
                Code::NoTarget,
                format!("{what} `{}` has no target", owner.value),
            )
            .at(&owner.location, "nothing says which registry holds it")
            .help(help);
            self.report(diagnostic);
        }
        Vec::new()
    }

    pub(super) fn unknown_target(&mut self, target: &Text) {
        if self.manifest.incomplete || target.value.contains("{{") {
            return;
        }
        let names: Vec<&str> = self.targets.keys().map(String::as_str).collect();
        let mut diagnostic = Diagnostic::error(
            Code::UnknownRegistry,
            format!("registry `{}` is not defined", target.value),
        )
        .at(&target.location, "unknown target");
        if let Some(close) = suggest::closest(&target.value, &names) {
            let node = self
                .manifest
                .registries
                .iter()
                .find(|it| it.name.value == close);
            if let Some(node) = node {
                diagnostic = diagnostic.at(&node.name.location, "this one?");
            }
        }
        let hint = suggest::hint(&target.value, &names);
        diagnostic.help = hint.or_else(|| {
            Some(format!(
                "define it: `registry \"{}\" {{ .. }}`",
                target.value
            ))
        });
        self.report(diagnostic);
    }
}
