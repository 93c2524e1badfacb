//! The workspace behind open texts: which manifest they belong to, what is wrong with it, what it defines.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use windlass_core::diag::{Diagnostic, Location, Severity, Source};
use windlass_core::editor::{Definition, definitions as defined};
use windlass_core::node::Reading;
use windlass_core::node::shape::Shape;

use crate::cli::Global;
use crate::commands::fmt::{collect, is_workspace};
use crate::commands::validate;
use crate::load::{self, MANIFEST, Place};

use super::Document;
use super::position::range_of;

type Documents = BTreeMap<String, Document>;

/// Diagnostics of the protocol, by absolute path, or by URI where a text is no file.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) by_file: BTreeMap<String, Vec<Value>>,
}

/// Checks the workspaces of all open texts, with these texts instead of the files.
pub(super) fn check(documents: &Documents, global: &Global, findings: &mut Findings) {
    let mut places: BTreeMap<PathBuf, Place> = BTreeMap::new();
    for document in documents.values() {
        if let Some(place) = document
            .path
            .as_ref()
            .and_then(|it| place_of(it, documents, global))
        {
            places.insert(place.root.clone(), place);
        }
    }
    for place in places.values() {
        let diagnostics = match validate::check_place(place, global) {
            Ok((diagnostics, _)) => diagnostics,
            // Not about the manifest, such as a file of variables that is not there: the editor cannot show where.
            Err(failure) => failure.diagnostics,
        };
        for diagnostic in &diagnostics {
            let label = diagnostic.labels.first();
            let name = label.map_or(&place.manifest, |it| &it.location.source.name);
            add(findings, place, name, diagnostic);
        }
    }
    for (uri, document) in documents {
        // What no manifest includes is at least well-formed or not.
        let file = document.path.as_ref().map_or(uri.clone(), |it| shown(it));
        if findings.by_file.contains_key(&file) {
            continue;
        }
        let place = document
            .path
            .as_ref()
            .and_then(|it| place_of(it, documents, global));
        let is_root = place.is_some_and(|it| Some(it.root.join(&it.manifest)) == document.path);
        let mut found = Vec::new();
        if !is_root {
            let source = Source::new(file.as_str(), document.text.as_str());
            let problems = Reading::new(&source).into_diagnostics();
            found.extend(
                problems
                    .iter()
                    .map(|it| diagnostic_json(it, &|name| name.to_owned())),
            );
        }
        findings.by_file.insert(file, found);
    }
}

fn add(findings: &mut Findings, place: &Place, name: &str, diagnostic: &Diagnostic) {
    let file = |name: &str| shown(&place.root.join(name));
    let found = diagnostic_json(diagnostic, &|name| uri_of(&place.root.join(name)));
    findings.by_file.entry(file(name)).or_default().push(found);
}

fn diagnostic_json(diagnostic: &Diagnostic, uri: &dyn Fn(&str) -> String) -> Value {
    let mut message = diagnostic.message.clone();
    if let Some(text) = diagnostic.labels.first().and_then(|it| it.text.as_ref()) {
        message = format!("{message}: {text}");
    }
    if let Some(help) = &diagnostic.help {
        message = format!("{message}\nhelp: {help}");
    }
    let severity = match diagnostic.severity {
        Severity::Error => 1,
        Severity::Warning => 2,
        Severity::Info => 3,
    };
    let range = |it: &Location| range_of(&it.source.text, &it.span);
    let more: Vec<Value> = diagnostic
        .labels
        .iter()
        .skip(1)
        .map(|it| {
            json!({
                "location": { "uri": uri(&it.location.source.name), "range": range(&it.location) },
                "message": it.text.as_deref().unwrap_or_default(),
            })
        })
        .collect();
    let first = diagnostic.labels.first().map(|it| range(&it.location));
    json!({
        "range": first.unwrap_or_else(|| range_of("", &(0..0))),
        "severity": severity,
        "code": diagnostic.code.as_str(),
        "source": "windlass",
        "message": message,
        "relatedInformation": more,
    })
}

/// Returns everything that is defined in the workspace of a text; files are absolute paths.
pub(super) fn definitions(
    document: &Document,
    documents: &Documents,
    global: &Global,
    shape: &Shape,
) -> Vec<Definition> {
    let Some(path) = &document.path else {
        return defined("", &document.text, shape);
    };
    let mut all = defined(&shown(path), &document.text, shape);
    let mut others = BTreeSet::new();
    if let Some(place) = place_of(path, documents, global) {
        let mut found = Vec::new();
        // A folder that cannot be listed has no files to offer.
        drop(collect(&place.root, &mut found));
        others.extend(found);
    }
    others.extend(documents.values().filter_map(|it| it.path.clone()));
    others.remove(path);
    for other in others {
        if let Some(text) = text_of(&shown(&other), documents) {
            all.extend(defined(&shown(&other), &text, shape));
        }
    }
    all
}

/// Returns the text of a file: the one that is open, else the one on disk.
pub(super) fn text_of(file: &str, documents: &Documents) -> Option<String> {
    let path = Path::new(file);
    let open = open_text(path, documents).map(str::to_owned);
    open.or_else(|| std::fs::read_to_string(path).ok())
}

fn open_text<'a>(path: &Path, documents: &'a Documents) -> Option<&'a str> {
    let mut open = documents.values();
    let found = open.find(|it| it.path.as_deref() == Some(path));
    found.map(|it| it.text.as_str())
}

/// Returns the manifest that a file belongs to: the one named on the command line, or the nearest above it with a `workspace`.
fn place_of(path: &Path, documents: &Documents, global: &Global) -> Option<Place> {
    let mut place = find_place(path, documents, global)?;
    for document in documents.values() {
        let inside = document
            .path
            .as_ref()
            .and_then(|it| it.strip_prefix(&place.root).ok());
        if let Some(inside) = inside.and_then(Path::to_str) {
            place.open.insert(inside.to_owned(), document.text.clone());
        }
    }
    Some(place)
}

fn find_place(path: &Path, documents: &Documents, global: &Global) -> Option<Place> {
    if global.file.is_some() {
        return load::find(global).ok();
    }
    for folder in path.ancestors().skip(1) {
        let manifest = folder.join(MANIFEST);
        let open = open_text(&manifest, documents).is_some_and(has_workspace);
        if open || is_workspace(folder) {
            return Some(Place::new(folder.to_owned(), MANIFEST.to_owned()));
        }
    }
    None
}

fn has_workspace(text: &str) -> bool {
    text.lines()
        .any(|it| it.trim_start().starts_with("workspace "))
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// Returns the path of a `file:` URI.
pub(super) fn path_of(uri: &str) -> Option<PathBuf> {
    let path = uri.strip_prefix("file://")?;
    let path = &path[path.find('/')?..];
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            let digits = std::str::from_utf8(&digits).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    Some(PathBuf::from(String::from_utf8(bytes).ok()?))
}

/// Returns the `file:` URI of an absolute path.
pub(super) fn uri_of(path: &Path) -> String {
    let mut uri = String::from("file://");
    for byte in path.to_string_lossy().bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_uris_are_two_forms_of_one_thing() {
        let path = Path::new("/home/a b/\u{e4}%/windlass.kdl");
        let uri = uri_of(path);
        assert_eq!(uri, "file:///home/a%20b/%C3%A4%25/windlass.kdl");
        assert_eq!(path_of(&uri).as_deref(), Some(path));
        assert_eq!(
            path_of("file://localhost/x").as_deref(),
            Some(Path::new("/x"))
        );
        assert_eq!(path_of("untitled:1"), None);
        assert_eq!(path_of("file:///%f"), None);
    }
}
