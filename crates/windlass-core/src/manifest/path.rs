//! Paths of a workspace: relative, inside it, `/` between parts.

use crate::diag::{Code, Diagnostic};
use crate::manifest::raw::Text;

/// Brings a path into its plain form, `.` for the workspace itself.
///
/// # Errors
/// A fragment that says why the path cannot be used.
pub(super) fn normalize(path: &str) -> Result<String, &'static str> {
    if path.is_empty() {
        return Err("is empty");
    }
    if is_absolute(path) {
        return Err("is absolute");
    }
    if path.contains('\\') {
        return Err("has a backslash; write `/`");
    }
    if path.chars().any(char::is_control) {
        return Err("has a control character");
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.pop().is_none() {
                    return Err("leads out of the workspace");
                }
            }
            _ => parts.push(part),
        }
    }
    if parts.is_empty() {
        return Ok(".".to_owned());
    }
    Ok(parts.join("/"))
}

fn is_absolute(path: &str) -> bool {
    path.starts_with(['/', '~']) || path.as_bytes().get(1) == Some(&b':')
}

/// Returns the folder of a file in plain form, `.` for the workspace itself.
pub(super) fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or(".", |it| it.0)
}

/// Brings a path that a manifest file says, relative to that file, into its plain form.
///
/// # Errors
/// A fragment that says why the path cannot be used.
pub(super) fn normalize_from(file: &str, path: &str) -> Result<String, &'static str> {
    match file.rsplit_once('/') {
        Some((folder, _)) if !path.is_empty() && !is_absolute(path) => {
            normalize(&format!("{folder}/{path}"))
        }
        _ => normalize(path),
    }
}

/// Says that a path cannot be used.
pub(super) fn outside(text: &Text, path: &str, reason: &str) -> Diagnostic {
    Diagnostic::error(Code::PathOutside, format!("`{path}` cannot be used"))
        .at(&text.location, format!("the path {reason}"))
        .help("write a path below the folder of `windlass.kdl`, with `/` between parts")
}

/// Joins a folder in plain form and a name in it.
pub(super) fn join(folder: &str, name: &str) -> String {
    match folder {
        "." => name.to_owned(),
        _ => format!("{folder}/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_brought_into_one_form_and_kept_inside() {
        assert_eq!(normalize("./a//b/../c/"), Ok("a/c".to_owned()));
        assert_eq!(normalize("a/.."), Ok(".".to_owned()));
        for bad in ["", "/a", "~/a", "C:/a", "a\\b", "..", "a/../../b", "a\nb"] {
            assert!(normalize(bad).is_err(), "{bad}");
        }
    }
}
