//! Resolving: from the manifest as written to a workspace without templates, with every reference checked.
//!
//! Everything from outside comes in as data ([`ResolveInputs`]); the same inputs give the same workspace.

mod build;
mod builders;
mod environment;
mod extends;
mod images;
mod inputs;
mod instances;
mod lifecycle;
mod matrix;
mod needs;
mod patterns;
mod policy;
mod registries;
mod repositories;
mod secrets;
mod show;
mod tags;
mod targets;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::diag::{Checked, Code, Diagnostic, Location, Sourced, has_errors, sort};
use crate::name::{RegistryName, RepositoryKey};
use crate::node::Scalar;

use super::layers::{MergedImage, merge_defaults};
use super::model::{Promotion, Registry, Workspace};
use super::raw::{EnvironmentNode, Manifest, SettingsBody, Text};
use super::template::{Axes, Namespace, Place, Templates, Values};

use self::images::Placed;
use self::inputs::Scope;
pub use self::inputs::{GitFact, GitFacts, ResolveInputs};
use self::patterns::Patterns;
use self::repositories::Layers;
pub use self::show::{Shown, is_address, show};
pub(super) use self::variables::bad_pattern;

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
    variables: Rc<BTreeMap<String, minijinja::Value>>,
    registries: Vec<Registry>,
    /// The registries behind each name that `target` may use: `prod`, `prod/eu-west-1`.
    targets: BTreeMap<String, Vec<RegistryName>>,
    /// The selected environment.
    environment: Option<&'a EnvironmentNode>,
    /// The builders that images are built with.
    used_builders: BTreeSet<&'a str>,
    /// An image that is built on the Engine that the environment of windlass names.
    built_on_default: Option<Location>,
    /// Why a plan is refused.
    refusals: Vec<Diagnostic>,
    patterns: Patterns,
    /// What the resolved images and repositories were made of, for `show`.
    placed: Vec<Placed<'a>>,
    layers: BTreeMap<RepositoryKey, Layers<'a>>,
    prefix: Option<String>,
    /// Images may be missing because of an error that has been reported.
    images_unknown: bool,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Resolver<'a> {
    fn new(manifest: &'a Manifest, inputs: &'a ResolveInputs<'a>) -> Self {
        let names = manifest.variables.iter().map(|it| it.name.value.clone());
        Self {
            manifest,
            inputs,
            templates: Templates::new(names.collect(), manifest.incomplete),
            variables: Rc::default(),
            registries: Vec::new(),
            targets: BTreeMap::new(),
            environment: None,
            used_builders: BTreeSet::new(),
            built_on_default: None,
            refusals: Vec::new(),
            patterns: Patterns::new(),
            placed: Vec::new(),
            layers: BTreeMap::new(),
            prefix: None,
            images_unknown: false,
            diagnostics: Vec::new(),
        }
    }

    fn run(&mut self) -> Workspace {
        self.resolve_environment();
        let variables = self.resolve_variables();
        self.resolve_registries();
        self.check_environments();
        let mirrors = self.resolve_mirrors();
        let patterns = self.resolve_patterns();
        let (images, repositories) = self.resolve_images();
        let (moved, removed) = self.resolve_moves(&repositories);
        let policies = self.resolve_policies();
        let waivers = self.resolve_waivers();
        let promotion = self.promotion();
        self.check_guards();
        self.check_builders();
        self.refuse_builders();
        let engine = self.engine();
        self.refuse_account_settings();
        let secret_files = self.secret_files();
        self.check_defaults();
        self.check_unused();
        let refusals = self.take_refusals();
        let used = &self.templates.used;
        let uses_git = used.iter().any(|it| it.namespace == Namespace::Git);
        Workspace {
            name: self.manifest.workspace.name.value.clone(),
            environment: self.environment.map(|it| it.name.value.clone()),
            requires_locked_bases: self.requires_locked_bases(),
            registries: self.reached_registries(promotion.as_ref()),
            promotion,
            refusals,
            engine,
            mirrors,
            patterns,
            images,
            repositories,
            variables,
            policies,
            waivers,
            moved,
            removed,
            uses_git: uses_git || !self.git_guards().is_empty(),
            guards: self.git_guards(),
            parallel: self
                .builder(None)
                .and_then(|it| it.parallel)
                .or(self.manifest.workspace.parallel),
            files: self
                .manifest
                .files
                .iter()
                .map(|it| it.name.clone())
                .chain(secret_files)
                .collect(),
        }
    }

    /// The refusals, each once and in the order of their places.
    fn take_refusals(&mut self) -> Vec<Diagnostic> {
        let mut refusals = std::mem::take(&mut self.refusals);
        sort(&mut refusals);
        refusals
    }

    /// The registries that a plan may contact: those of the environment and of where it is promoted from, or all.
    fn reached_registries(&self, promotion: Option<&Promotion>) -> Vec<Registry> {
        let Some(node) = self.environment.filter(|it| !it.targets.is_empty()) else {
            return self.registries.clone();
        };
        let mut reached = self.registries_of(node);
        reached.extend(promotion.into_iter().flat_map(|it| it.registries.clone()));
        let all = self.registries.iter();
        all.filter(|it| reached.contains(&it.name))
            .cloned()
            .collect()
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// The values for texts that belong to no image.
    fn scope(&self) -> Scope<'a> {
        Scope {
            variables: Rc::clone(&self.variables),
            git: &self.inputs.git,
            workspace: &self.manifest.workspace.name.value,
            environment: self.environment.map(|it| it.name.value.as_str()),
            image: None,
            registry: None,
            matrix: None,
        }
    }

    /// Evaluates a text.
    fn text(&mut self, text: &Text, place: Place, scope: &dyn Values) -> Option<Sourced<String>> {
        let value = self.templates.text(text, place, scope)?;
        Some(Sourced::new(value, text.location.clone()))
    }

    /// Checks the templates of `defaults` also where no node uses them.
    fn check_defaults(&mut self) {
        let manifest = self.manifest;
        self.check_abstract(&merge_defaults(&manifest.default_image));
        self.check_settings(&manifest.default_settings);
    }

    /// Checks the templates of a body that belongs to no image.
    fn check_abstract(&mut self, body: &MergedImage<'_>) {
        let paths = [body.context, body.dockerfile()].into_iter().flatten();
        for text in paths {
            self.templates.check(&text, Place::Image, &Axes::Any);
        }
        for maps in [&body.maps, &body.stamp] {
            let pairs = [&maps.args, &maps.labels, &maps.annotations];
            for pair in pairs.into_iter().flatten() {
                self.check_scalar(&pair.given.value, Place::Build);
            }
        }
        for node in &body.with {
            let properties = node.properties.iter().map(|it| &it.value);
            for value in node.values.iter().chain(properties) {
                self.check_scalar(value, Place::Build);
            }
        }
        let names = body
            .repositories
            .iter()
            .filter_map(|it| it.given.name.as_ref());
        for text in body.tags.given.iter().chain(names) {
            self.templates.check(text, Place::Target, &Axes::Any);
        }
        for need in body.needs.iter() {
            self.templates.check(&need.image, Place::Name, &Axes::Any);
        }
        for repository in &body.repositories {
            self.check_settings(&repository.given.settings);
        }
    }

    /// Checks the templates of settings that may belong to no repository.
    fn check_settings(&mut self, settings: &SettingsBody) {
        for pair in &settings.resource_tags {
            self.check_scalar(&pair.value, Place::Target);
        }
    }

    fn check_scalar(&mut self, value: &Sourced<Scalar>, place: Place) {
        if let Scalar::Text(text) = &value.value {
            let text = Text::new(text.clone(), value.location.clone());
            self.templates.check(&text, place, &Axes::Any);
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
}
