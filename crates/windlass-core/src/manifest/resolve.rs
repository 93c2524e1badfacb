//! Resolving: from the manifest as written to a workspace without templates, with every reference checked.
//!
//! Everything from outside comes in as data ([`ResolveInputs`]); the same inputs give the same workspace.

mod build;
mod images;
mod inputs;
mod needs;
mod path;
mod registries;
mod repositories;
mod tags;
mod variables;

use std::collections::BTreeMap;

use crate::diag::{Checked, Code, Diagnostic, Sourced, has_errors, sort};
use crate::name::RegistryName;
use crate::node::suggest;

use super::model::{Registry, Workspace};
use super::raw::{Manifest, Text};
use super::template::{Namespace, Place, Templates, Values};

use self::inputs::Scope;
pub use self::inputs::{GitFact, GitFacts, ResolveInputs};

/// Evaluates a manifest against the outside. The workspace is there only where there is no error.
pub fn resolve(manifest: &Manifest, inputs: &ResolveInputs<'_>) -> Checked<Workspace> {
    let mut resolver = Resolver::new(manifest, inputs);
    let workspace = resolver.run();
    let mut diagnostics = resolver.diagnostics;
    diagnostics.append(&mut resolver.templates.diagnostics);
    sort(&mut diagnostics);
    let good = !has_errors(&diagnostics) && !manifest.incomplete;
    (good.then_some(workspace), diagnostics)
}

/// What is known while resolving.
struct Resolver<'a> {
    manifest: &'a Manifest,
    inputs: &'a ResolveInputs<'a>,
    templates: Templates,
    variables: BTreeMap<String, minijinja::Value>,
    registries: Vec<Registry>,
    /// The registries behind each name that `target` may use: `prod`, `prod/eu-west-1`.
    targets: BTreeMap<String, Vec<RegistryName>>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Resolver<'a> {
    fn new(manifest: &'a Manifest, inputs: &'a ResolveInputs<'a>) -> Self {
        let names = manifest.variables.iter().map(|it| it.name.value.clone());
        Self {
            manifest,
            inputs,
            templates: Templates::new(names.collect(), manifest.incomplete),
            variables: BTreeMap::new(),
            registries: Vec::new(),
            targets: BTreeMap::new(),
            diagnostics: Vec::new(),
        }
    }

    fn run(&mut self) -> Workspace {
        let variables = self.resolve_variables();
        self.check_environment();
        self.resolve_registries();
        let mirrors = self.resolve_mirrors();
        let (images, repositories) = self.resolve_images();
        self.check_defaults();
        self.check_unused();
        let used = &self.templates.used;
        Workspace {
            name: self.manifest.workspace.name.value.clone(),
            environment: self.inputs.environment.clone(),
            registries: self.registries.clone(),
            mirrors,
            images,
            repositories,
            variables,
            uses_git: used.iter().any(|it| it.namespace == Namespace::Git),
            parallel: self.manifest.workspace.parallel,
            files: self
                .manifest
                .files
                .iter()
                .map(|it| it.name.clone())
                .collect(),
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The values for texts that belong to no image.
    fn scope(&self) -> Scope<'a> {
        Scope {
            variables: self.variables.clone(),
            git: &self.inputs.git,
            workspace: &self.manifest.workspace.name.value,
            environment: self.inputs.environment.as_deref(),
            image: None,
            registry: None,
        }
    }

    /// Evaluates a text.
    fn text(&mut self, text: &Text, place: Place, scope: &dyn Values) -> Option<Sourced<String>> {
        let value = self.templates.text(text, place, scope)?;
        Some(Sourced::new(value, text.location.clone()))
    }

    fn check_environment(&mut self) {
        if let Some(environment) = &self.inputs.environment {
            let message = format!(
                "environment `{environment}` was selected, and environments are not supported yet"
            );
            self.report(
                Diagnostic::error(Code::NotSupportedYet, message)
                    .help("leave `--env` and `WINDLASS_ENV` out"),
            );
        }
    }

    /// Checks the templates of `defaults` also where no node uses them.
    fn check_defaults(&mut self) {
        let manifest = self.manifest;
        let body = &manifest.default_image;
        let global = [&body.context, &body.dockerfile].into_iter().flatten();
        for text in global {
            self.templates.check(text, Place::Image);
        }
        for text in &body.tags {
            self.templates.check(text, Place::Target);
        }
        for pair in &manifest.default_settings.resource_tags {
            if let crate::node::Scalar::Text(text) = &pair.value.value {
                let text = Text::new(text.clone(), pair.value.location.clone());
                self.templates.check(&text, Place::Target);
            }
        }
    }

    fn check_unused(&mut self) {
        // After an error the use may stand in what could not be read.
        let failed = has_errors(&self.diagnostics) || has_errors(&self.templates.diagnostics);
        if self.manifest.incomplete || self.manifest.has_errors || failed {
            return;
        }
        for variable in &self.manifest.variables {
            let name = &variable.name;
            let used = self.templates.used.iter();
            let is_used = used
                .filter(|it| it.namespace == Namespace::Var)
                .any(|it| it.key == name.value);
            if !is_used {
                let diagnostic = Diagnostic::warning(
                    Code::UnusedVariable,
                    format!("nothing uses `var.{}`", name.value),
                )
                .at(&name.location, "declared here")
                .help("remove it, or use it as `{{ var.name }}`");
                self.diagnostics.push(diagnostic);
            }
        }
    }

    /// Returns the registries that `target` values name, sorted; the only registry where nothing is named.
    fn resolve_targets(&mut self, targets: &[Text], owner: &Text, what: &str) -> Vec<RegistryName> {
        if targets.is_empty() {
            return self.default_target(owner, what);
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
        found
    }

    fn default_target(&mut self, owner: &Text, what: &str) -> Vec<RegistryName> {
        let nodes = &self.manifest.registries;
        if let Some(first) = nodes.first()
            && nodes.iter().all(|it| it.name.value == first.name.value)
        {
            let name = &first.name.value;
            return self.targets.get(name).cloned().unwrap_or_default();
        }
        if !self.manifest.incomplete {
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

    fn unknown_target(&mut self, target: &Text) {
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
