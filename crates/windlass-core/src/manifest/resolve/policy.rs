//! Policies, waivers, and what moved or went away.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Location, Sourced};
use crate::manifest::model::{Moved, Policy, Removed, Repository, Waiver};
use crate::manifest::path;
use crate::manifest::raw::Text;
use crate::name::{Day, RepositoryName};
use crate::node::suggest;

use super::Resolver;

impl Resolver<'_> {
    /// Refuses plans of this workspace for something that this version cannot carry out.
    pub(super) fn not_carried_out(&mut self, what: &str, place: &Location) {
        self.refusals.push(
            Diagnostic::error(
                Code::NotCarriedOut,
                format!("{what} is not carried out yet"),
            )
            .at(place, "read and checked, but nothing acts on it")
            .help("remove it to plan; `windlass validate` goes on checking it while it is there"),
        );
    }

    /// Resolves the workspace's own policies, sorted by name: globs become relative to the workspace.
    pub(super) fn resolve_policies(&mut self) -> Vec<Policy> {
        let manifest = self.manifest;
        let mut all: Vec<Policy> = Vec::new();
        for node in &manifest.policies {
            let mut globs = |texts: &[Text]| {
                texts
                    .iter()
                    .filter_map(|it| self.glob(it))
                    .collect::<Vec<_>>()
            };
            all.push(Policy {
                name: node.name.clone(),
                rego: globs(&node.rego),
                kdl: globs(&node.kdl),
                data: globs(&node.data),
                level: node.level.clone(),
                location: node.location.clone(),
            });
        }
        all.sort_by(|a, b| a.name.value.cmp(&b.name.value));
        all
    }

    fn glob(&mut self, text: &Text) -> Option<Sourced<String>> {
        match path::normalize_from(&text.location.source.name, &text.value) {
            Ok(glob) => Some(Sourced::new(glob, text.location.clone())),
            Err(reason) => {
                self.report(path::outside(text, &text.value, reason));
                None
            }
        }
    }

    /// Checks the waivers: their environments exist, and their days are not over.
    pub(super) fn resolve_waivers(&mut self) -> Vec<Waiver> {
        let manifest = self.manifest;
        for waiver in &manifest.waivers {
            if let Some(environment) = &waiver.environment
                && !manifest
                    .environments
                    .iter()
                    .any(|it| it.name.value == environment.value)
                && !manifest.incomplete
            {
                let diagnostic = self.unknown_environment(&environment.value);
                self.report(diagnostic.at(&environment.location, "unknown environment"));
            }
            if let Ok(today) = Day::parse(&self.inputs.today) {
                self.diagnostics.extend(expired(waiver, today));
            }
        }
        manifest.waivers.clone()
    }

    /// Resolves `moved` and `removed` against the repositories that the manifest names.
    pub(super) fn resolve_moves(
        &mut self,
        repositories: &[Repository],
    ) -> (Vec<Moved>, Vec<Removed>) {
        let prefix = self.repository_prefix();
        let manifest = self.manifest;
        let mut known: BTreeMap<RepositoryName, Location> = repositories
            .iter()
            .map(|it| (it.key.repository.clone(), it.location.clone()))
            .collect();
        for node in &manifest.repositories {
            // One whose registries the environment does not reach is defined all the same.
            let full = format!(
                "{}{}",
                prefix.as_deref().unwrap_or_default(),
                node.name.value
            );
            if let Ok(name) = RepositoryName::new(full) {
                known.entry(name).or_insert_with(|| node.location.clone());
            }
        }
        let Some(prefix) = prefix else {
            return (Vec::new(), Vec::new());
        };
        let mut moved = Vec::new();
        for node in &manifest.moved {
            let from = self.full_name(&prefix, &node.from);
            let to = self.full_name(&prefix, &node.to);
            let (Some(from), Some(to)) = (from, to) else {
                continue;
            };
            self.check_gone(&from, &known, "was moved away");
            self.check_known(&to, &known);
            moved.push(Moved {
                from,
                to,
                location: node.location.clone(),
            });
        }
        let mut removed = Vec::new();
        for node in &manifest.removed {
            let Some(repository) = self.full_name(&prefix, &node.name) else {
                continue;
            };
            self.check_gone(&repository, &known, "is removed");
            removed.push(Removed {
                repository,
                delete_images: node.delete_images,
                location: node.location.clone(),
            });
        }
        (moved, removed)
    }

    fn full_name(&mut self, prefix: &str, name: &Text) -> Option<Sourced<RepositoryName>> {
        let full = self.repository_name(prefix, name)?;
        Some(Sourced::new(full, name.location.clone()))
    }

    fn check_gone(
        &mut self,
        name: &Sourced<RepositoryName>,
        known: &BTreeMap<RepositoryName, Location>,
        what: &str,
    ) {
        if let Some(place) = known.get(&name.value) {
            let message = format!("repository `{}` {what}, and is still defined", name.value);
            let diagnostic = Diagnostic::error(Code::StillDefined, message)
                .at(&name.location, "given up here")
                .at(place, "still named here")
                .help("remove one of them");
            self.report(diagnostic);
        }
    }

    fn check_known(
        &mut self,
        name: &Sourced<RepositoryName>,
        known: &BTreeMap<RepositoryName, Location>,
    ) {
        if known.contains_key(&name.value) || self.manifest.incomplete {
            return;
        }
        let names: Vec<&str> = known.keys().map(RepositoryName::as_str).collect();
        let message = format!("no image and no `repository` names `{}`", name.value);
        let mut diagnostic = Diagnostic::error(Code::UnknownRepository, message)
            .at(&name.location, "unknown repository");
        diagnostic.help = suggest::hint(name.value.as_str(), &names);
        self.report(diagnostic);
    }
}

fn expired(waiver: &Waiver, today: Day) -> Option<Diagnostic> {
    let days = today.number() - waiver.expires.value.number();
    if days <= 0 {
        return None;
    }
    let since = if days == 1 {
        "yesterday".to_owned()
    } else {
        format!("{days} days ago")
    };
    Some(
        Diagnostic::warning(
            Code::WaiverExpired,
            format!("the waiver for `{}` expired {since}", waiver.rule.value),
        )
        .at(&waiver.expires.location, "its last day")
        .help("mend what the rule finds and remove the waiver, or agree on a later day"),
    )
}
