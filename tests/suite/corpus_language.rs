//! The language: one test a case of `corpus/language`, all that windlass says about it in one snapshot.
//!
//! A case is a `windlass.kdl` with the files that it includes; `inputs.json` beside it holds what comes from outside: `vars`, `environment`, `var_files`,
//! `selected`.

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use windlass_core::diag::{Code, Diagnostic, Source, Sourced, has_errors, json, sort, text};
use windlass_core::manifest::model::{Recipe, Registry, Workspace};
use windlass_core::manifest::{
    FolderEntry, GitFact, GitFacts, ManifestFiles, ResolveInputs, load_with,
};
use windlass_core::node::source_from_bytes;
use windlass_core::pattern;

datatest_stable::harness! {
    { test = case_is_as_recorded, root = "corpus/language", pattern = r"windlass\.kdl$" },
}

fn case_is_as_recorded(path: &Path) -> datatest_stable::Result<()> {
    let folder = path
        .parent()
        .ok_or("a case lies in a folder")?
        .canonicalize()?;
    let (workspace, diagnostics) = match source_from_bytes("windlass.kdl", std::fs::read(path)?) {
        Ok(source) => load_with(&source, &mut Folder(folder.clone()), &inputs(&folder)?),
        Err(diagnostic) => (None, vec![diagnostic]),
    };
    let (workspace, diagnostics) = with_patterns(workspace, diagnostics);
    if workspace.is_some() == has_errors(&diagnostics) {
        return Err("a workspace must be there exactly where there is no error".into());
    }
    check_json(&diagnostics)?;
    let shown = shown(workspace.as_ref(), &diagnostics)?;
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(&folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("diagnostics", shown));
    Ok(())
}

/// Adds what is said of patterns, which lie behind the manifest.
fn with_patterns(
    workspace: Option<Workspace>,
    mut diagnostics: Vec<Diagnostic>,
) -> (Option<Workspace>, Vec<Diagnostic>) {
    if let Some(workspace) = &workspace {
        diagnostics.extend(pattern::check_workspace(workspace));
        for image in &workspace.images {
            let Recipe::Pattern {
                pattern: reference,
                location,
                with,
            } = &image.recipe
            else {
                continue;
            };
            let context = pattern::RenderContext {
                args: &image.args,
                stamp_args: &image.stamp.args,
                has_file: &|_| false,
            };
            diagnostics.extend(pattern::render_reference(reference, location, with, &context).1);
        }
    }
    sort(&mut diagnostics);
    (workspace.filter(|_| !has_errors(&diagnostics)), diagnostics)
}

fn inputs(folder: &Path) -> Result<ResolveInputs<'static>, Box<dyn Error>> {
    let given: Value = match std::fs::read_to_string(folder.join("inputs.json")) {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => Value::Null,
    };
    let text = |it: &Value| it.as_str().unwrap_or_default().to_owned();
    let pairs = |key: &str| {
        let object = given[key].as_object().into_iter().flatten();
        object.map(|(name, value)| (name.clone(), text(value)))
    };
    let vars = given["vars"].as_array().into_iter().flatten();
    Ok(ResolveInputs {
        cli_vars: vars.map(|it| (text(&it[0]), text(&it[1]))).collect(),
        var_files: pairs("var_files")
            .map(|(name, text)| Source::new(name, text))
            .collect::<Vec<Arc<Source>>>(),
        environment_variables: pairs("environment").collect(),
        environment: given["selected"].as_str().map(str::to_owned),
        git: GitFacts {
            sha: GitFact::Known("0123456789abcdef0123456789abcdef01234567".to_owned()),
            branch: GitFact::Known("main".to_owned()),
            tag: GitFact::Absent("no tag points at the commit".to_owned()),
            describe: GitFact::Unavailable("the clone is shallow: fetch with depth 0".to_owned()),
            ..GitFacts::default()
        },
        ..ResolveInputs::new(&host)
    })
}

/// The files of a case.
struct Folder(PathBuf);

impl ManifestFiles for Folder {
    fn read(&mut self, path: &str) -> Result<Arc<Source>, Diagnostic> {
        let bytes = std::fs::read(self.0.join(path)).map_err(|error| {
            Diagnostic::error(Code::IncludeUnreadable, error.kind().to_string())
        })?;
        source_from_bytes(path, bytes)
    }

    fn list(&mut self, folder: &str) -> Vec<FolderEntry> {
        let entries = std::fs::read_dir(self.0.join(folder))
            .into_iter()
            .flatten()
            .flatten();
        let entry = |entry: std::fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            // What is beside a case is no part of it.
            let is_snapshot = Path::new(&name).extension() == Some("snap".as_ref());
            let is_case = !is_snapshot && name != "inputs.json";
            is_case.then(|| FolderEntry {
                name,
                is_folder: entry.path().is_dir(),
            })
        };
        entries.filter_map(entry).collect()
    }
}

fn host(registry: &Registry) -> String {
    format!(
        "{}.dkr.ecr.{}.amazonaws.com",
        registry.account, registry.region
    )
}

/// Every place in the JSON form lies inside its file.
fn check_json(diagnostics: &[Diagnostic]) -> Result<(), Box<dyn Error>> {
    let json = json::to_json(diagnostics);
    let all = json.as_array().ok_or("diagnostics are a list")?;
    for (object, diagnostic) in all.iter().zip(diagnostics) {
        let Some(label) = diagnostic.labels.first() else {
            continue;
        };
        let lines = label.location.source.text.lines().count() as u64 + 1;
        let good = (1..=lines).contains(&object["line"].as_u64().unwrap_or(0));
        if !good || label.location.span.end > label.location.source.text.len() {
            return Err(format!("{object} points outside of its file").into());
        }
    }
    Ok(())
}

fn shown(
    workspace: Option<&Workspace>,
    diagnostics: &[Diagnostic],
) -> Result<String, Box<dyn Error>> {
    let mut shown = text::render_plain(diagnostics);
    if !diagnostics.is_empty() {
        write!(shown, "\n{}", text::render_text(diagnostics, false, 120))?;
    }
    if let Some(workspace) = workspace {
        write_workspace(&mut shown, workspace)?;
    }
    Ok(shown)
}

/// A digest of the workspace: enough to see what was understood.
fn write_workspace(shown: &mut String, workspace: &Workspace) -> std::fmt::Result {
    writeln!(
        shown,
        "workspace {} uses_git={}",
        workspace.name, workspace.uses_git
    )?;
    if let Some(environment) = &workspace.environment {
        writeln!(
            shown,
            "environment {environment} locked={} from={:?}",
            workspace.requires_locked_bases,
            workspace.promotion.as_ref().map(|it| &it.environment)
        )?;
    }
    write!(shown, "{}", text::render_plain(&workspace.refusals))?;
    for variable in &workspace.variables {
        writeln!(
            shown,
            "var.{} = {:?} from {}",
            variable.name, variable.value, variable.origin
        )?;
    }
    for registry in &workspace.registries {
        writeln!(
            shown,
            "registry.{} {} {}{}{}",
            registry.name,
            registry.account,
            registry.region,
            if registry.endpoint.fips { " fips" } else { "" },
            if registry.endpoint.dual_stack {
                " dual-stack"
            } else {
                ""
            },
        )?;
    }
    if let Some(engine) = &workspace.engine {
        writeln!(
            shown,
            "engine of {}: {} {:?}",
            engine.builder, engine.address, engine.tls
        )?;
    }
    if let Some(parallel) = workspace.parallel {
        writeln!(shown, "parallel {parallel}")?;
    }
    for mirror in &workspace.mirrors {
        writeln!(shown, "mirror {} -> {}", mirror.upstream, mirror.to)?;
    }
    for image in &workspace.images {
        writeln!(
            shown,
            "image.{} context={} epoch={} needs={}",
            image.name,
            image.context,
            image.epoch,
            image.needs.len()
        )?;
        for (name, value) in image.args.iter().chain(&image.labels) {
            writeln!(shown, "  {name}={:?}", value.value)?;
        }
        for (name, value) in image.stamp.args.iter().chain(&image.stamp.labels) {
            writeln!(shown, "  stamp {name}={:?}", value.value)?;
        }
        let built = (image.timeout_seconds, image.provenance, image.sbom);
        if built != (None, false, false) || !image.named_contexts.is_empty() {
            let contexts = &image.named_contexts;
            writeln!(shown, "  built {built:?} ssh={:?} {contexts:?}", image.ssh)?;
        }
        if let Some(bytes) = image.max_bytes {
            writeln!(shown, "  at most {bytes} bytes")?;
        }
        for secret in &image.secrets {
            writeln!(
                shown,
                "  secret {} = {} ({})",
                secret.id, secret.name, secret.source
            )?;
        }
        for target in &image.targets {
            let tags: Vec<&str> = target.tags.iter().map(|it| it.value.as_str()).collect();
            writeln!(shown, "  {} {}", target.key, tags.join(" "))?;
        }
    }
    for repository in &workspace.repositories {
        let settings = &repository.settings;
        let tags = settings.tags.as_ref().map(|it| &it.value);
        writeln!(
            shown,
            "{} create={} tags={tags:?} {:?}",
            repository.key, settings.create, settings.resource_tags
        )?;
        for rule in settings.lifecycle.iter().flat_map(|it| &it.value) {
            writeln!(shown, "  {rule:?}")?;
        }
    }
    if workspace.files.len() > 1 {
        writeln!(shown, "files {}", workspace.files.join(" "))?;
    }
    write_rules(shown, workspace)
}

fn write_rules(shown: &mut String, workspace: &Workspace) -> std::fmt::Result {
    let texts = |all: &[Sourced<String>]| {
        let all: Vec<&str> = all.iter().map(|it| it.value.as_str()).collect();
        all.join(" ")
    };
    for policy in &workspace.policies {
        writeln!(
            shown,
            "policy {} rego={} kdl={} data={} {:?}",
            policy.name.value,
            texts(&policy.rego),
            texts(&policy.kdl),
            texts(&policy.data),
            policy.level.as_ref().map(|it| it.value.as_str())
        )?;
    }
    for waiver in &workspace.waivers {
        let scopes = [
            &waiver.image,
            &waiver.repository,
            &waiver.environment,
            &waiver.path,
            &waiver.stage,
        ];
        let scopes = scopes.map(|it| it.as_ref().map_or("-", |it| it.value.as_str()));
        writeln!(
            shown,
            "waiver {} [{}] until {} by {} approved by {}",
            waiver.rule.value,
            scopes.join(" "),
            waiver.expires.value,
            waiver.owner.value,
            texts(&waiver.approved_by)
        )?;
    }
    for moved in &workspace.moved {
        writeln!(shown, "moved {} -> {}", moved.from.value, moved.to.value)?;
    }
    for removed in &workspace.removed {
        let (name, delete) = (&removed.repository.value, removed.delete_images);
        writeln!(shown, "removed {name} delete={delete}")?;
    }
    Ok(())
}
