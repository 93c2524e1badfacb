//! Reading: from the text of a manifest to the typed tree.

mod access;
mod account;
mod builder;
mod distinct;
mod environment;
mod image;
mod include;
mod matrix;
mod pattern;
mod policy;
mod registry;
mod repository;
mod secret;
mod variable;

pub(super) use self::variable::snake_case;

use std::collections::BTreeMap;
use std::sync::Arc;

use semver::{Version, VersionReq};

use crate::diag::{Checked, Code, Diagnostic, Location, Source, Sourced, has_errors};
use crate::name::ImageName;
use crate::node::shape::{Kind, Shape};
use crate::node::{self, Dec, Given, Mark, Reading, suggest};

use super::files::ManifestFiles;
use super::raw::{ImageBody, Manifest, Pair, SettingsBody, Text, WorkspaceNode};

/// The newest edition of the language that this version reads.
const EDITION: i64 = 1;

/// The kinds of nodes of the top level.
const KINDS: &[&str] = &[
    "builder",
    "defaults",
    "environment",
    "image",
    "include",
    "mirror",
    "moved",
    "pattern",
    "policy",
    "registry",
    "removed",
    "repository",
    "secret",
    "var",
    "waiver",
    "workspace",
];

/// What a file may define.
enum Kinds<'l> {
    /// Everything, the workspace too.
    Root,
    /// What all of these allow, and no workspace.
    Included(&'l [include::Limit]),
}

/// Decodes a manifest and what it includes.
///
/// The tree is there whenever it makes sense to go on, with whatever could be read; it is complete only without errors.
pub fn read(root: &Arc<Source>, files: &mut dyn ManifestFiles) -> Checked<Manifest> {
    let mut collector = include::Collector::new(files);
    let manifest = collector.read_root(root);
    let mut diagnostics = std::mem::take(&mut collector.diagnostics);
    let manifest = manifest.map(|mut it| {
        pattern::read_templates(&mut it.patterns, files, &mut diagnostics);
        access::read_documents(&mut it, files, &mut diagnostics);
        distinct::check(&it, &mut diagnostics);
        Manifest {
            has_errors: has_errors(&diagnostics),
            ..it
        }
    });
    (manifest, diagnostics)
}

/// Returns the fields of a manifest, as its decoders ask for them.
pub fn shape() -> Shape {
    node::record(|top| drop(read_top(top.reading(), &Kinds::Root)))
}

fn read_top(reading: &Reading, kinds: &Kinds<'_>) -> Option<Manifest> {
    let mut top = reading.top();
    let workspace = match kinds {
        Kinds::Root => read_workspace(&mut top)?,
        Kinds::Included(limits) => {
            include::check_kinds(&top, limits);
            refuse_workspace(&mut top)
        }
    };
    let mut manifest = Manifest {
        includes: Vec::new(),
        defaults_location: None,
        files: vec![Arc::clone(reading.source())],
        incomplete: false,
        has_errors: false,
        workspace,
        registries: Vec::new(),
        mirrors: Vec::new(),
        variables: Vec::new(),
        default_image: ImageBody::default(),
        default_settings: SettingsBody::default(),
        images: Vec::new(),
        patterns: Vec::new(),
        repositories: Vec::new(),
        environments: Vec::new(),
        builders: Vec::new(),
        secrets: Vec::new(),
        policies: Vec::new(),
        waivers: Vec::new(),
        moved: Vec::new(),
        removed: Vec::new(),
    };
    read_sources(&mut top, &mut manifest);
    read_images(&mut top, &mut manifest);
    read_surroundings(&mut top, &mut manifest);
    read_rules(&mut top, &mut manifest);
    top.finish();
    Some(manifest)
}

/// Further files, and what images refer to.
fn read_sources(top: &mut Dec<'_>, manifest: &mut Manifest) {
    manifest.includes = definitions(
        top,
        "include",
        "more files of the manifest",
        include::read_include,
    );
    manifest.registries = definitions(
        top,
        "registry",
        "an AWS account and region that holds images",
        registry::read_registry,
    );
    manifest.mirrors = definitions(
        top,
        "mirror",
        "where base images are fetched from instead",
        registry::read_mirror,
    );
    manifest.variables = definitions(
        top,
        "var",
        "a value that comes from outside",
        variable::read_variable,
    );
}

/// Images, what they are made of, and what holds them.
fn read_images(top: &mut Dec<'_>, manifest: &mut Manifest) {
    let (location, (image, settings)) = read_defaults(top);
    manifest.defaults_location = location;
    manifest.default_image = image;
    manifest.default_settings = settings;
    manifest.images = definitions(
        top,
        "image",
        "an image to build and push",
        image::read_image,
    );
    manifest.patterns = definitions(
        top,
        "pattern",
        "a Dockerfile template of the workspace, with parameters",
        pattern::read_pattern,
    );
    manifest.repositories = definitions(
        top,
        "repository",
        "an ECR repository with its settings",
        repository::read_repository,
    );
}

/// Where and how images are built.
fn read_surroundings(top: &mut Dec<'_>, manifest: &mut Manifest) {
    manifest.environments = definitions(
        top,
        "environment",
        "where images go: registries, values of variables, guards",
        environment::read_environment,
    );
    manifest.builders = definitions(
        top,
        "builder",
        "what builds images, and how",
        builder::read_builder,
    );
    manifest.secrets = definitions(
        top,
        "secret",
        "a value that builds may mount, and that is shown nowhere",
        secret::read_secret,
    );
}

/// Policies, and what became of repositories.
fn read_rules(top: &mut Dec<'_>, manifest: &mut Manifest) {
    manifest.policies = definitions(
        top,
        "policy",
        "rules that the workspace brings itself",
        policy::read_policy,
    );
    manifest.waivers = definitions(
        top,
        "waiver",
        "a rule that may be broken, for a reason and a time",
        policy::read_waiver,
    );
    manifest.moved = definitions(
        top,
        "moved",
        "a repository that has another name now: `moved from=\"a\" to=\"b\"`",
        policy::read_moved,
    );
    manifest.removed = definitions(
        top,
        "removed",
        "a repository that the workspace gave up",
        policy::read_removed,
    );
}

/// Decodes all nodes of a kind; one whose name cannot be read makes the manifest incomplete.
fn definitions<T>(
    top: &mut Dec<'_>,
    kind: &'static str,
    doc: &'static str,
    read: fn(&mut Dec<'_>) -> Option<T>,
) -> Vec<T> {
    let mut all = Vec::new();
    for mut node in top.children(kind, doc) {
        match read(&mut node) {
            Some(it) => all.push(it),
            None => node.reading().set_incomplete(),
        }
        node.finish();
    }
    all
}

/// The workspace of an included file: there must be none.
fn refuse_workspace(top: &mut Dec<'_>) -> WorkspaceNode {
    for node in top.children("workspace", "the name of the workspace") {
        top.report(
            Diagnostic::error(
                Code::WorkspaceCount,
                "`workspace` belongs into the root file",
            )
            .at(&node.head_location(), "this file is included")
            .help("remove it: the root file names the workspace"),
        );
    }
    WorkspaceNode::unnamed(top.head_location())
}

/// Reads the `workspace` node. `None` where nothing else must be said: the manifest is for another windlass.
fn read_workspace(top: &mut Dec<'_>) -> Option<WorkspaceNode> {
    let nodes = top.children("workspace", "the name of the workspace; exactly one");
    top.counts_itself("workspace");
    let place = top.head_location();
    let mut nodes = nodes.into_iter();
    let Some(mut node) = nodes.next() else {
        if !top.reading().is_incomplete() && !top.has_slip_of("workspace") {
            top.report(
                Diagnostic::error(Code::WorkspaceCount, "there is no `workspace`")
                    .at(&place, "exactly one must be in this file")
                    .help("start the file with `workspace \"name\"`"),
            );
        }
        return Some(WorkspaceNode::unnamed(place));
    };
    for again in nodes {
        top.report(
            Diagnostic::error(Code::WorkspaceCount, "there are two `workspace` nodes")
                .at(&again.head_location(), "again here")
                .at(&node.head_location(), "first given here")
                .help("keep one of them"),
        );
    }
    let edition = node
        .property("edition", "the edition of the language")
        .and_then(|it| it.integer(1..=i64::MAX));
    if let Some(edition) = edition.filter(|it| it.value > EDITION) {
        top.report(
            Diagnostic::error(
                Code::UnknownEdition,
                format!("edition {} needs a newer windlass", edition.value),
            )
            .at(
                &edition.location,
                format!("this version reads edition {EDITION}"),
            )
            .help("install a newer windlass"),
        );
        return None;
    }
    let workspace = workspace_body(&mut node);
    node.finish();
    Some(workspace)
}

fn workspace_body(node: &mut Dec<'_>) -> WorkspaceNode {
    let name =
        identifier(node).unwrap_or_else(|| Sourced::new(String::new(), node.head_location()));
    let required = node.text(
        "require-version",
        "the versions of windlass that may read this",
    );
    plain(node, required.as_ref());
    if let Some(required) = required {
        check_required_version(node, &required);
    }
    let repository_prefix = node.text("repository-prefix", "put in front of every repository name");
    let parallel = node.integer("parallel", "how many builds may run at once", 1..=256);
    let default_environment = node.text(
        "default-environment",
        "the environment where none is selected",
    );
    if let Some(environment) = &default_environment {
        no_template(node, "default-environment", environment);
        refers(node, std::slice::from_ref(environment), "environment");
    }
    WorkspaceNode {
        name,
        default_environment,
        repository_prefix,
        parallel: parallel.and_then(|it| usize::try_from(it.value).ok()),
    }
}

fn check_required_version(node: &Dec<'_>, required: &Text) {
    let ours = env!("CARGO_PKG_VERSION");
    let version = Version::parse(ours).expect("the version of this crate is a version");
    let diagnostic = match VersionReq::parse(&required.value) {
        Err(error) => Diagnostic::error(
            Code::BadValue,
            format!("`require-version` cannot be read: {error}"),
        )
        .at(&required.location, "not a version requirement")
        .help("write it as in `\">=1.2, <2\"`"),
        Ok(wanted) if !wanted.matches(&version) => {
            Diagnostic::error(Code::RequiredVersion, format!("this is windlass {ours}"))
                .at(&required.location, "another one is required here")
                .help("install a windlass of a version that this allows")
        }
        Ok(_) => return,
    };
    node.report(diagnostic);
}

fn read_defaults(top: &mut Dec<'_>) -> (Option<Location>, (ImageBody, SettingsBody)) {
    let bodies = top.block(
        "defaults",
        "what holds where a node says nothing",
        |defaults| {
            let image = defaults.block("image", "for every image", image::read_defaults);
            let settings = defaults.block(
                "repository",
                "for every repository",
                repository::read_settings,
            );
            let bodies = (image.unwrap_or_default(), settings.unwrap_or_default());
            (Some(place(defaults)), bodies)
        },
    );
    bodies.unwrap_or_default()
}

/// Reads `extends=` and `abstract=` of an image or a repository.
fn read_inheritance(node: &mut Dec<'_>, kind: &'static str) -> (Option<Text>, bool) {
    let extends = node
        .property(
            "extends",
            "the node of the same kind whose settings it takes over",
        )
        .and_then(|it| it.text());
    let is_abstract = node
        .property(
            "abstract",
            "`#true` where the node is only there to be extended",
        )
        .and_then(|it| it.flag());
    plain(node, extends.as_ref());
    refers(node, extends.as_slice(), kind);
    (extends, is_abstract.is_some_and(|it| it.value))
}

/// Reads the name of a definition, `[a-z0-9]+([._-][a-z0-9]+)*`.
fn identifier(node: &mut Dec<'_>) -> Option<Text> {
    let name = node.required_value("the name, in quotes")?.text()?;
    node.reading().mark(&name.location, Mark::Kind(Kind::Name));
    if name.value.contains("{{") {
        no_template(node, "the name", &name);
        return None;
    }
    checked_name(node, name)
}

fn checked_name(node: &Dec<'_>, name: Text) -> Option<Text> {
    if ImageName::new(name.value.clone()).is_ok() {
        return Some(name);
    }
    node.report(bad_name(&name));
    None
}

fn bad_name(name: &Text) -> Diagnostic {
    let mut slug = String::new();
    for c in name.value.chars() {
        if c.is_alphanumeric() && c.is_ascii() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    let rule = "lower-case letters and digits, with single `.`, `_` or `-` between them";
    let help = if slug.is_empty() {
        format!("use {rule}")
    } else {
        format!("use {rule}; try `{slug}`")
    };
    Diagnostic::error(Code::BadName, format!("`{}` is not a name", name.value))
        .at(&name.location, "has other characters")
        .help(help)
}

/// Reads a map node that may repeat, such as `arg`: `key=value` properties.
fn pairs(node: &mut Dec<'_>, name: &'static str, doc: &'static str) -> Vec<Pair> {
    let mut all: Vec<Pair> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for mut child in node.children(name, doc) {
        let properties = child.all_properties();
        if properties.is_empty() && !child.has_value() {
            child.report(
                Diagnostic::error(Code::MissingValue, format!("`{name}` is empty"))
                    .at(&child.name_location(), "nothing follows")
                    .help(format!("write `{name} KEY=\"value\"`")),
            );
        }
        for pair in properties.iter().filter_map(pair) {
            if let Some(earlier) = places.get(&pair.key.value) {
                child.report(duplicate_key(name, &all[*earlier], &pair));
            } else {
                places.insert(pair.key.value.clone(), all.len());
                all.push(pair);
            }
        }
        child.finish();
    }
    all
}

fn pair(given: &Given<'_>) -> Option<Pair> {
    let key = Sourced::new(given.key()?.to_owned(), given.key_location());
    let value = given.scalar()?;
    Some(Pair { key, value })
}

fn duplicate_key(name: &str, earlier: &Pair, again: &Pair) -> Diagnostic {
    Diagnostic::error(
        Code::DuplicateName,
        format!("`{name}` gives `{}` twice", again.key.value),
    )
    .at(&again.key.location, "again here")
    .at(&earlier.key.location, "first given here")
    .help("keep one of them")
}

/// Reports a text that is none of a closed set of words.
fn check_word(node: &Dec<'_>, what: &str, text: &Text, words: &[&str]) {
    node.reading().mark(&text.location, Mark::Words(words));
    if words.contains(&text.value.as_str()) {
        return;
    }
    let mut diagnostic = Diagnostic::error(
        Code::BadValue,
        format!("`{what}` does not know `{}`", text.value),
    )
    .at(&text.location, "not one of its words");
    diagnostic.help = suggest::hint(&text.value, words);
    node.report(diagnostic);
}

/// Says for the field list that a text is for people: `{{ }}` in it is no expression.
fn plain(node: &Dec<'_>, text: Option<&Text>) {
    if let Some(text) = text {
        node.reading().mark(&text.location, Mark::Plain);
    }
}

/// Says for the field list that texts are names of nodes of this kind.
fn refers(node: &Dec<'_>, texts: &[Text], kind: &'static str) {
    for text in texts {
        node.reading().mark(&text.location, Mark::Refers(kind));
    }
}

/// Refuses `{{ }}` in a text that is not evaluated.
fn no_template(node: &Dec<'_>, what: &str, text: &Text) {
    node.reading().mark(&text.location, Mark::Plain);
    if text.value.contains("{{") {
        node.report(
            Diagnostic::error(Code::TemplateNotHere, format!("`{what}` is not evaluated"))
                .at(&text.location, "`{{ }}` has no meaning here")
                .help("write the value itself"),
        );
    }
}

/// The place of a node's setting, for values that are no single token.
fn place(node: &Dec<'_>) -> Location {
    node.head_location()
}
