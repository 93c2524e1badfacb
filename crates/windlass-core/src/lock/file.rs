//! The file form of the lock: a first line with the number of the format, then one line a base image.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::diag::{Checked, Code, Diagnostic, Source, has_errors};
use crate::name::{Digest, Platform};
use crate::node::{Dec, Given, Reading};

use super::{Lock, LockedBase};

/// The number of the format that is written, and the highest one that is read.
const FORMAT_VERSION: i64 = 1;

const HEADER: &str = "// Digests of base images. Written by `windlass lock`; do not edit.\n";

/// Writes a lock: sorted by reference, the same bytes for the same lock.
pub fn render(lock: &Lock) -> String {
    let mut text = format!("{HEADER}lock format-version={FORMAT_VERSION}\n");
    for (reference, base) in &lock.bases {
        let LockedBase {
            digest,
            platforms,
            user,
            entrypoint,
            onbuild,
            resolved_from,
            resolved,
        } = base;
        let _ = write!(
            text,
            "base {} digest={} from={} resolved={}",
            quoted(reference),
            quoted(digest.as_str()),
            quoted(resolved_from),
            quoted(resolved)
        );
        let mut block = Vec::new();
        if !platforms.is_empty() {
            block.push(statement(
                "platform",
                platforms.iter().map(Platform::as_str),
            ));
        }
        if let Some(user) = user {
            block.push(statement("user", [user.as_str()]));
        }
        if !entrypoint.is_empty() {
            block.push(statement(
                "entrypoint",
                entrypoint.iter().map(String::as_str),
            ));
        }
        if *onbuild == Some(true) {
            block.push("onbuild #true".to_owned());
        }
        if !block.is_empty() {
            let _ = write!(text, " {{ {} }}", block.join("; "));
        }
        text.push('\n');
    }
    text
}

fn statement<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> String {
    values.into_iter().fold(name.to_owned(), |mut text, value| {
        text.push(' ');
        text.push_str(&quoted(value));
        text
    })
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            _ if needs_escape(c) => {
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(c));
            }
            _ => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Characters that KDL refuses in a text, and those that nobody can see.
fn needs_escape(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{2069}'
                | '\u{3164}'
                | '\u{feff}'
        )
}

/// Reads a lock. The value is there only where the file has no error; an empty file is an empty lock.
pub fn parse(source: &Arc<Source>) -> Checked<Lock> {
    if let Some(conflict) = conflict(source) {
        return (None, vec![conflict]);
    }
    let reading = Reading::new(source);
    let mut top = reading.top();
    let is_known = top.block("lock", "the number of the format", read_header);
    let mut lock = Lock::default();
    if is_known == Some(false) {
        return (None, reading.into_diagnostics());
    }
    for mut node in top.children("base", "a base image with its digest") {
        let place = node.head_location();
        if let Some((reference, base)) = read_base(&mut node)
            && lock.bases.insert(reference.clone(), base).is_some()
        {
            node.report(
                invalid(&format!("base `{reference}` is locked twice")).at(&place, "again here"),
            );
        }
        node.finish();
    }
    if is_known.is_none() && !lock.bases.is_empty() {
        let place = top.head_location();
        top.report(
            invalid("the lock does not say its format")
                .at(&place, "`lock format-version=1` is missing"),
        );
    }
    top.finish();
    let diagnostics = reading.into_diagnostics();
    let good = !has_errors(&diagnostics);
    (good.then_some(lock), diagnostics)
}

fn invalid(message: &str) -> Diagnostic {
    Diagnostic::error(Code::LockInvalid, message)
        .help("take the file of the main branch and run `windlass lock`")
}

fn conflict(source: &Arc<Source>) -> Option<Diagnostic> {
    let mut at = 0;
    for line in source.text.split_inclusive('\n') {
        if line.starts_with("<<<<<<<") || line.starts_with(">>>>>>>") {
            let place = crate::diag::Location::new(source, at..at + 7);
            return Some(invalid("the lock has a merge conflict").at(&place, "left by git"));
        }
        at += line.len();
    }
    None
}

/// Returns whether this version reads the format.
fn read_header(node: &mut Dec<'_>) -> bool {
    let version = node
        .property("format-version", "the number of the format")
        .and_then(|it| it.integer(1..=i64::MAX));
    let Some(version) = version.filter(|it| it.value > FORMAT_VERSION) else {
        return true;
    };
    node.report(
        Diagnostic::error(
            Code::LockInvalid,
            format!("a lock of format {} needs a newer windlass", version.value),
        )
        .at(
            &version.location,
            format!("this version reads format {FORMAT_VERSION}"),
        )
        .help("install a newer windlass"),
    );
    false
}

fn read_base(node: &mut Dec<'_>) -> Option<(String, LockedBase)> {
    let reference = node.required_value("the reference of the base image");
    let digest = required(node, "digest", "the digest that the reference named");
    let resolved_from = required(node, "from", "the host it was resolved at");
    let resolved = required(node, "resolved", "the day it was resolved");
    let platforms = node.texts("platform", "the platforms it holds");
    let user = node.text("user", "the user of its config");
    let entrypoint = node.texts("entrypoint", "the entrypoint of its config");
    let onbuild = node.flag(
        "onbuild",
        "whether its config has triggers that read the context",
    );
    let digest = digest?.text()?;
    let value = match Digest::new(digest.value) {
        Ok(value) => value,
        Err(error) => {
            node.report(invalid(&error.to_string()).at(&digest.location, "not a digest"));
            return None;
        }
    };
    let mut known = Vec::new();
    for platform in platforms {
        match Platform::new(platform.value) {
            Ok(value) => known.push(value),
            Err(error) => node.report(invalid(&error.to_string()).at(&platform.location, "here")),
        }
    }
    known.sort();
    known.dedup();
    let base = LockedBase {
        digest: value,
        // The user is written wherever the config was read.
        onbuild: onbuild
            .map(|it| it.value)
            .or_else(|| user.as_ref().map(|_| false)),
        platforms: known,
        user: user.map(|it| it.value),
        entrypoint: entrypoint.into_iter().map(|it| it.value).collect(),
        resolved_from: resolved_from?.text()?.value,
        resolved: resolved?.text()?.value,
    };
    Some((reference?.text()?.value, base))
}

fn required<'a>(node: &mut Dec<'a>, name: &'static str, doc: &'static str) -> Option<Given<'a>> {
    let given = node.property(name, doc);
    if given.is_none() {
        node.missing_property(name);
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::text::render_plain;

    fn base(user: Option<&str>, entrypoint: &[&str]) -> LockedBase {
        LockedBase {
            digest: Digest::of(b"x"),
            platforms: vec![Platform::default()],
            onbuild: user.map(|user| !user.is_empty()),
            user: user.map(str::to_owned),
            entrypoint: entrypoint.iter().map(|it| (*it).to_owned()).collect(),
            resolved_from: "docker.io".to_owned(),
            resolved: "2026-11-23".to_owned(),
        }
    }

    fn example() -> Lock {
        let mut lock = Lock::default();
        let python = "docker.io/library/python:3.12-slim-bookworm";
        lock.bases.insert(python.to_owned(), base(Some(""), &[]));
        let odd = base(Some("a\"b\\c\u{200b}\n"), &["/bin/sh", "-c"]);
        lock.bases
            .insert("docker.io/library/node:22".to_owned(), odd);
        let mut bare = base(None, &[]);
        bare.platforms.clear();
        lock.bases.insert("gcr.io/x:1".to_owned(), bare);
        lock
    }

    fn problems(text: &str) -> String {
        render_plain(&parse(&Source::new("windlass.lock", text)).1)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let text = render(&example());
        let (lock, diagnostics) = parse(&Source::new("windlass.lock", text.clone()));
        assert_eq!(render_plain(&diagnostics), "", "{text}");
        assert_eq!(lock, Some(example()));
        assert_eq!(text.lines().count(), 5);
    }

    #[test]
    fn an_empty_lock_and_an_empty_file_are_the_same() {
        let (lock, diagnostics) = parse(&Source::new("windlass.lock", ""));
        assert_eq!((lock, diagnostics.len()), (Some(Lock::default()), 0));
        assert_eq!(problems(&render(&Lock::default())), "");
    }

    #[test]
    fn damage_is_reported_with_its_place() {
        let text = render(&example());
        assert!(
            problems(&text.replace("sha256:", "sha1:"))
                .contains("windlass.lock:3:41: lock/invalid")
        );
        assert!(
            problems(&text.replace("format-version=1", "format-version=2"))
                .contains("a lock of format 2 needs a newer windlass")
        );
        assert!(problems(&format!("<<<<<<< HEAD\n{text}")).contains("merge conflict"));
        let twice = format!("{text}{}", text.lines().last().expect("a line"));
        assert!(problems(&twice).contains("locked twice"));
        assert!(problems(&text.replace(" from=", " form=")).contains("structure/unknown-name"));
    }
}
