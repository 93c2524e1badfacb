//! The environment: which one is selected, and what it narrows, sets and demands.

use crate::diag::{Code, Diagnostic};
use crate::manifest::model::Promotion;
use crate::manifest::raw::{EnvironmentNode, Requirement};
use crate::name::RegistryName;
use crate::node::suggest;

use super::Resolver;

impl<'a> Resolver<'a> {
    /// Finds the selected environment: from outside, else the workspace's default.
    pub(super) fn resolve_environment(&mut self) {
        let manifest = self.manifest;
        let selected = self
            .inputs
            .environment
            .as_deref()
            .filter(|it| !it.is_empty());
        let default = manifest.workspace.default_environment.as_ref();
        if let Some(default) = default
            && self.find_environment(&default.value).is_none()
        {
            let diagnostic = self.unknown_environment(&default.value);
            self.report_unless_incomplete(diagnostic.at(&default.location, "unknown environment"));
        }
        self.environment = match (selected, default) {
            (Some(name), _) => {
                let found = self.find_environment(name);
                if found.is_none() {
                    let diagnostic = self.unknown_environment(name);
                    self.report_unless_incomplete(diagnostic);
                }
                found
            }
            (None, Some(default)) => self.find_environment(&default.value),
            (None, None) => {
                self.none_selected();
                None
            }
        };
    }

    fn find_environment(&self, name: &str) -> Option<&'a EnvironmentNode> {
        self.manifest
            .environments
            .iter()
            .find(|it| it.name.value == name)
    }

    fn report_unless_incomplete(&mut self, diagnostic: Diagnostic) {
        if !self.manifest.incomplete {
            self.report(diagnostic);
        }
    }

    pub(super) fn unknown_environment(&self, name: &str) -> Diagnostic {
        let names: Vec<&str> = self
            .manifest
            .environments
            .iter()
            .map(|it| it.name.value.as_str())
            .collect();
        let mut diagnostic = Diagnostic::error(
            Code::UnknownEnvironment,
            format!("environment `{name}` is not defined"),
        );
        diagnostic.help = suggest::hint(name, &names).or_else(|| {
            Some(format!(
                "define it: `environment \"{name}\" {{ target \"..\" }}`"
            ))
        });
        diagnostic
    }

    fn none_selected(&mut self) {
        let manifest = self.manifest;
        let Some(first) = manifest.environments.first() else {
            return;
        };
        let names: Vec<&str> = manifest
            .environments
            .iter()
            .map(|it| it.name.value.as_str())
            .collect();
        let example = &first.name.value;
        let diagnostic = Diagnostic::error(
            Code::NoEnvironment,
            format!("no environment is selected; there are {}", suggest::list(&names)),
        )
        .at(&first.name.location, "one of these must be chosen")
        .help(format!(
            "give `--env {example}` or set WINDLASS_ENV, or write `default-environment \"{example}\"` into the workspace"
        ));
        self.report_unless_incomplete(diagnostic);
    }

    /// Checks every environment, selected or not: targets, variables, where images come from.
    pub(super) fn check_environments(&mut self) {
        let manifest = self.manifest;
        for node in &manifest.environments {
            for target in &node.targets {
                if !self.targets.contains_key(&target.value) {
                    self.unknown_target(target);
                }
            }
            if let Some(from) = &node.promote_from {
                let problem = if from.value == node.name.value {
                    Some(
                        Diagnostic::error(
                            Code::UnknownEnvironment,
                            "an environment cannot be promoted from itself",
                        )
                        .help("name the environment whose images are proven"),
                    )
                } else if self.find_environment(&from.value).is_none() {
                    Some(self.unknown_environment(&from.value))
                } else {
                    None
                };
                if let Some(diagnostic) = problem {
                    self.report_unless_incomplete(
                        diagnostic.at(&from.location, "promoted from here"),
                    );
                }
            }
        }
    }

    /// Returns the registries that a node's targets name, sorted.
    pub(super) fn registries_of(&self, node: &EnvironmentNode) -> Vec<RegistryName> {
        let mut all: Vec<RegistryName> = node
            .targets
            .iter()
            .filter_map(|it| self.targets.get(&it.value))
            .flatten()
            .cloned()
            .collect();
        all.sort();
        all.dedup();
        all
    }

    /// Settles where images are promoted from; a plan of that is refused for now.
    pub(super) fn promotion(&mut self) -> Option<Promotion> {
        let from = self.environment?.promote_from.as_ref()?;
        let source = self.find_environment(&from.value)?;
        self.not_carried_out("`promote-from`", &from.location);
        Some(Promotion {
            environment: from.value.clone(),
            registries: self.registries_of(source),
            location: from.location.clone(),
        })
    }

    /// Checks the guards of the selected environment; one that does not hold refuses the plan.
    pub(super) fn check_guards(&mut self) {
        let Some(node) = self.environment else { return };
        for guard in &node.require {
            if let Some(unmet) = guard.value.unmet(&self.inputs.git) {
                let message = format!("environment `{}`: {}", node.name.value, unmet.why);
                self.refusals.push(
                    Diagnostic::error(Code::GuardFails, message)
                        .at(&guard.location, "required here")
                        .help(unmet.help),
                );
            }
        }
    }

    /// The guards of the selected environment that ask git, which hold when a plan is made and when it is applied.
    pub(super) fn git_guards(&self) -> Vec<String> {
        let guards = self.environment.into_iter().flat_map(|it| &it.require);
        let guards = guards.filter(|it| it.value.asks_git());
        guards.map(|it| it.value.text()).collect()
    }

    /// Says whether the selected environment demands locked base images.
    pub(super) fn requires_locked_bases(&self) -> bool {
        let guards = self
            .environment
            .map(|it| it.require.as_slice())
            .unwrap_or_default();
        guards.iter().any(|it| it.value == Requirement::LockedBases)
    }
}
