//! From an image of the manifest to its Dockerfile and ignore lines: rendered by a pattern, or read from the workspace.

use std::sync::Arc;

use windlass_core::context::{Ignore, IgnoreLine};
use windlass_core::diag::{Code, Diagnostic, Location, Source, has_errors};
use windlass_core::fingerprint::RecipeRecord;
use windlass_core::manifest::model::{Argument, Image, PatternReference, Recipe, Sourced, Value};
use windlass_core::pattern::{RenderContext, render_reference};

use crate::ports::Files;

/// Dockerfile and ignore rules of one image.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The Dockerfile as `windlass render` shows it.
    pub dockerfile: Arc<Source>,
    /// Ignore lines in the order in which they count.
    pub ignore: Vec<IgnoreLine>,
    /// Files that must be in the context, with the place that asks for them.
    pub expects: Vec<(String, Location)>,
    /// The pattern with the parameters that it was given; `None` for a file.
    pub recipe: Option<RecipeRecord>,
}

/// Prepares an image: everything that can be said without looking at its context or at a registry.
///
/// Returns `None` where an error leaves nothing to go on with; all problems are in the second value.
pub fn prepare<F: Files>(image: &Image, files: &F) -> (Option<Prepared>, Vec<Diagnostic>) {
    let (prepared, mut problems) = match &image.recipe {
        Recipe::Pattern { .. } => prepare_pattern(image, files),
        Recipe::Dockerfile(path) => prepare_file(image, &path.value, &path.location, files),
    };
    let Some(mut prepared) = prepared.filter(|_| !has_errors(&problems)) else {
        return (None, problems);
    };
    prepared
        .ignore
        .extend(image.ignore.iter().map(written_line));
    let (_, broken) = Ignore::new(prepared.ignore.clone(), Vec::new());
    problems.extend(broken);
    (Some(prepared), problems)
}

/// Reports the files that a pattern expects and that are not there. Whether an ignore line leaves one out shows in a plan only.
pub fn absent_files<F: Files>(image: &Image, prepared: &Prepared, files: &F) -> Vec<Diagnostic> {
    let absent = prepared
        .expects
        .iter()
        .filter(|(path, _)| !files.has(&join(&image.context, path)));
    absent
        .map(|(path, location)| {
            let path = join(&image.context, path);
            let help = format!("create `{path}`, or set `context` to the folder that has it");
            missing_file(image, &path, location, help)
        })
        .collect()
}

/// Says that a file that a pattern expects is not in the build context of an image.
pub(crate) fn missing_file(
    image: &Image,
    path: &str,
    location: &Location,
    help: String,
) -> Diagnostic {
    let message = format!(
        "image `{}` needs `{path}`, which is not in its build context",
        image.name
    );
    Diagnostic::error(Code::ContextFileMissing, message)
        .at(location, "expects this file")
        .help(help)
}

/// An ignore line that stands in a manifest.
fn written_line(line: &Sourced<String>) -> IgnoreLine {
    let (number, _) = line.location.source.position(line.location.span.start);
    IgnoreLine {
        text: line.value.clone(),
        origin: line.location.source.name.clone(),
        line: number,
        location: Some(line.location.clone()),
    }
}

fn prepare_pattern<F: Files>(image: &Image, files: &F) -> (Option<Prepared>, Vec<Diagnostic>) {
    let Recipe::Pattern {
        pattern,
        location,
        with,
    } = &image.recipe
    else {
        return (None, Vec::new());
    };
    let has_file = |path: &str| files.has(&join(&image.context, path));
    let context = RenderContext {
        args: &image.args,
        stamp_args: &image.stamp.args,
        has_file: &has_file,
    };
    let (rendered, mut problems) = render_reference(pattern, location, with, &context);
    let Some(rendered) = rendered else {
        return (None, problems);
    };
    let origin = match pattern {
        PatternReference::BuiltIn { .. } => pattern.to_string(),
        PatternReference::Own(own) => match own.chain().1 {
            Some((name, major, _)) => format!("{name}@{major}"),
            None => String::new(),
        },
    };
    let mut ignore: Vec<IgnoreLine> = rendered
        .ignore
        .iter()
        .enumerate()
        .map(|(at, text)| IgnoreLine {
            text: text.clone(),
            origin: origin.clone(),
            line: at + 1,
            location: None,
        })
        .collect();
    ignore.extend(rendered.own_ignore.iter().map(written_line));
    ignore.extend(ignore_file(
        &[join(&image.context, ".dockerignore")],
        location,
        files,
        &mut problems,
    ));
    let prepared = Prepared {
        dockerfile: Source::new(
            format!("image.{}/Dockerfile", image.name),
            rendered.dockerfile,
        ),
        ignore,
        expects: rendered
            .expects
            .iter()
            .map(|path| (path.clone(), location.clone()))
            .collect(),
        recipe: Some(RecipeRecord {
            pattern: pattern.to_string(),
            parameters: with
                .iter()
                .map(|(name, argument)| (name.clone(), parameter_text(argument)))
                .collect(),
        }),
    };
    (Some(prepared), problems)
}

/// Returns a parameter as one text: its values, then its properties.
fn parameter_text(argument: &Argument) -> String {
    let text = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Flag(flag) => format!("#{flag}"),
    };
    let values = argument.values.iter().map(|it| text(&it.value));
    let properties = argument.properties.iter();
    let properties = properties.map(|(key, it)| format!("{key}={}", text(&it.value)));
    values.chain(properties).collect::<Vec<_>>().join(" ")
}

fn prepare_file<F: Files>(
    image: &Image,
    path: &str,
    location: &Location,
    files: &F,
) -> (Option<Prepared>, Vec<Diagnostic>) {
    let text = match files.text(path) {
        Ok(Some(text)) => text,
        Ok(None) => {
            let problem = Diagnostic::error(Code::DockerfileMissing, format!("image `{}` has no Dockerfile at `{path}`", image.name))
                .at(location, "this file does not exist")
                .help("write `pattern=\"python@1\"` behind the image's name, or `dockerfile \"path/to/Dockerfile\"` in its braces");
            return (None, vec![problem]);
        }
        Err(why) => {
            return (
                None,
                vec![Diagnostic::error(Code::DockerfileMissing, why).at(location, "named here")],
            );
        }
    };
    let mut problems = Vec::new();
    let ignore = ignore_file(
        &[
            format!("{path}.dockerignore"),
            join(&image.context, ".dockerignore"),
        ],
        location,
        files,
        &mut problems,
    );
    (
        Some(Prepared {
            dockerfile: Source::new(path, text),
            ignore,
            expects: Vec::new(),
            recipe: None,
        }),
        problems,
    )
}

/// Reads the first ignore file that is there.
fn ignore_file<F: Files>(
    paths: &[String],
    location: &Location,
    files: &F,
    problems: &mut Vec<Diagnostic>,
) -> Vec<IgnoreLine> {
    for path in paths {
        match files.text(path) {
            Ok(Some(text)) => return IgnoreLine::split(path, &text),
            Ok(None) => {}
            Err(why) => problems.push(
                Diagnostic::error(Code::IgnorePattern, why).at(location, "read for this image"),
            ),
        }
    }
    Vec::new()
}

/// Joins a folder of the workspace and a path below it.
pub(crate) fn join(folder: &str, path: &str) -> String {
    if folder == "." {
        path.to_owned()
    } else {
        format!("{folder}/{path}")
    }
}
