//! `windlass context`: which files a build would see, which are left out, and by which line.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use windlass_backends::files::{WorkspaceFiles, walk};
use windlass_core::context::{ContextListing, Entry, EntryKind, Ignore, IgnoreLine};
use windlass_core::diag::has_errors;
use windlass_core::diag::visible::visible;
use windlass_core::dockerfile::ContextSources;
use windlass_core::manifest::model::Image;
use windlass_engine::recipe::prepare;

use crate::cli::{ContextArgs, ContextFormat};
use crate::commands::Context;
use crate::commands::gather::own_files;
use crate::failure::{Exit, Failure, io};
use crate::load;

/// A context, and the lines that decide what is in it.
struct Listed {
    listing: ContextListing,
    ignore: Ignore,
}

pub(crate) fn run(context: &Context<'_>, arguments: &ContextArgs) -> Result<Exit, Failure> {
    let listed = list(context, arguments.what.as_deref())?;
    for warning in &listed.listing.warnings {
        context.terminal.say(&format!("warning: {warning}\n"));
    }
    context.done(&match arguments.format {
        ContextFormat::Text => text(&listed),
        ContextFormat::Json => format!("{:#}\n", document(&listed)),
    })
}

/// An image of the manifest goes before a folder of the same name: `./api` is the folder.
fn list(context: &Context<'_>, what: Option<&str>) -> Result<Listed, Failure> {
    let is_path = what.is_some_and(|it| it == "." || it == ".." || it.contains('/'));
    if !is_path && load::find(context.global).is_ok() {
        let (place, loaded, _local) = context.load()?;
        let images = &loaded.workspace.images;
        let found = match what {
            Some(name) => {
                let bare = name.strip_prefix("image.").unwrap_or(name);
                images.iter().find(|image| image.name.as_str() == bare)
            }
            None if images.len() == 1 => images.first(),
            None => {
                return Err(Failure::error("name an image or a folder")
                    .help(format!("the manifest has: {}", names(images))));
            }
        };
        if let Some(image) = found {
            return of_image(image, &place, &loaded.workspace.files);
        }
        let name = what.unwrap_or_default();
        if !Path::new(name).is_dir() {
            return Err(
                Failure::error(format!("there is no image and no folder `{name}`"))
                    .help(format!("the manifest has: {}", names(images))),
            );
        }
    }
    of_folder(Path::new(what.unwrap_or(".")))
}

fn names(images: &[Image]) -> String {
    let names: Vec<&str> = images.iter().map(|image| image.name.as_str()).collect();
    names.join(", ")
}

fn of_image(image: &Image, place: &load::Place, own: &[String]) -> Result<Listed, Failure> {
    let files = WorkspaceFiles::new(place.root.clone());
    let (prepared, problems) = prepare(image, &files);
    let Some(prepared) = prepared.filter(|_| !has_errors(&problems)) else {
        return Err(Failure::diagnostics(problems));
    };
    let own = own_files(&image.context, own);
    let (ignore, _) = Ignore::new(prepared.ignore, own);
    let listing = walk(
        &place.root,
        &image.context,
        &ignore,
        &ContextSources::default(),
    )
    .map_err(|error| Failure::error(error.to_string()))?;
    Ok(Listed { listing, ignore })
}

/// A folder of which no manifest speaks: its own ignore file, as the builder takes it for `Dockerfile`.
fn of_folder(folder: &Path) -> Result<Listed, Failure> {
    let mut lines = Vec::new();
    for name in ["Dockerfile.dockerignore", ".dockerignore"] {
        let path: PathBuf = folder.join(name);
        match std::fs::read_to_string(&path) {
            Ok(text) => {
                lines = IgnoreLine::split(name, &text);
                break;
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(io(&format!("cannot read {}", path.display()), &error)),
        }
    }
    let (ignore, problems) = Ignore::new(lines, Vec::new());
    if has_errors(&problems) {
        return Err(Failure::diagnostics(problems));
    }
    let listing = walk(folder, ".", &ignore, &ContextSources::default())
        .map_err(|error| Failure::error(error.to_string()))?;
    Ok(Listed { listing, ignore })
}

/// A folder is in a context as the folder of what is in it; only an empty one is listed.
fn entries(listed: &Listed) -> impl Iterator<Item = &Entry> {
    let entries = &listed.listing.entries;
    let is_filled = |folder: &str| {
        let below = format!("{folder}/");
        let at = entries.partition_point(|it| it.path < below);
        entries
            .get(at)
            .is_some_and(|it| it.path.starts_with(&below))
    };
    entries
        .iter()
        .filter(move |it| it.kind != EntryKind::Directory || !is_filled(&it.path))
}

fn files(listed: &Listed) -> Vec<Value> {
    entries(listed)
        .map(|entry| match &entry.kind {
            EntryKind::File {
                executable,
                bytes,
                digest,
            } => json!({
                "path": entry.path,
                "bytes": bytes,
                "mode": if *executable { "0755" } else { "0644" },
                "sha256": digest.hex(),
            }),
            EntryKind::Directory => json!({
                "path": format!("{}/", entry.path),
                "bytes": 0,
                "mode": "0755",
            }),
            EntryKind::Link { target } => json!({
                "path": entry.path,
                "bytes": target.len(),
                "mode": "0777",
                "link": target,
            }),
        })
        .collect()
}

fn document(listed: &Listed) -> Value {
    let ignored: Vec<Value> = listed
        .listing
        .ignored
        .iter()
        .map(|entry| {
            let line = entry.line.and_then(|line| listed.ignore.line(line));
            match line {
                Some(line) => json!({
                    "path": entry.path,
                    "pattern": line.text.trim(),
                    "file": line.origin,
                    "line": line.line,
                }),
                None => json!({ "path": entry.path, "pattern": null, "file": null, "line": null }),
            }
        })
        .collect();
    json!({ "format_version": "1.0", "files": files(listed), "ignored": ignored })
}

fn text(listed: &Listed) -> String {
    let mut text = String::new();
    let mut bytes = 0;
    let mut count = 0;
    for entry in entries(listed) {
        match &entry.kind {
            EntryKind::File {
                executable,
                bytes: size,
                ..
            } => {
                let mode = if *executable { "0755" } else { "0644" };
                let _ = writeln!(text, "{mode} {size:>12}  {}", visible(&entry.path));
                bytes += size;
                count += 1;
            }
            EntryKind::Link { target } => {
                let path = visible(&entry.path);
                let _ = writeln!(text, "0777 {:>12}  {path} -> {}", "link", visible(target));
                count += 1;
            }
            EntryKind::Directory => {
                let _ = writeln!(text, "0755 {:>12}  {}/", "folder", visible(&entry.path));
            }
        }
    }
    let _ = writeln!(text, "{count} files, {bytes} bytes");
    if listed.listing.ignored.is_empty() {
        return text;
    }
    text.push_str("\nIgnored:\n");
    for entry in &listed.listing.ignored {
        let line = entry.line.and_then(|line| listed.ignore.line(line));
        let why = line.map_or("windlass's own".to_owned(), |line| {
            format!("{}:{} {}", line.origin, line.line, line.text.trim())
        });
        let _ = writeln!(text, "{}  ({})", visible(&entry.path), visible(&why));
    }
    text
}
