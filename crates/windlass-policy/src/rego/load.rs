//! Loading files of Rego: everything that can be wrong before an input is there.

use std::collections::BTreeSet;

use serde_json::Value;

use super::level_of;
use super::run::{engine, first_line};
use crate::pack::is_slug;

/// Files of Rego and data that belong together.
#[derive(Debug, Clone, PartialEq)]
pub struct RegoPack {
    /// Path and text of each file.
    pub modules: Vec<(String, String)>,
    /// Path and content of each data file; an object each.
    pub data: Vec<(String, Value)>,
    /// The packages with rules.
    pub(super) packages: Vec<Package>,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// `data.windlass.non_root`
    pub(super) path: String,
    /// What its findings are called behind the name of the pack.
    pub(super) slug: String,
    /// Whether it is `package main`, as conftest wants it.
    pub(super) is_conftest: bool,
    /// Names of its `test_` rules.
    pub(super) tests: Vec<String>,
    /// Whether it has a `deny`, `violation` or `warn`.
    pub(super) has_rules: bool,
}

impl RegoPack {
    /// Says whether findings can have this name behind that of the pack: of a package, or of a rule with a suffix (`deny_name`).
    pub fn has_rule(&self, slug: &str) -> bool {
        let suffix = |text: &str| {
            heads(text).any(|name| {
                let found = level_of(name).and_then(|it| it.1);
                found.is_some_and(|it| it.replace('_', "-").eq_ignore_ascii_case(slug))
            })
        };
        self.slugs().any(|it| it == slug) || self.modules.iter().any(|(_, text)| suffix(text))
    }

    /// Returns the slugs of all packages.
    pub fn slugs(&self) -> impl Iterator<Item = &str> {
        self.packages.iter().map(|it| it.slug.as_str())
    }
}

/// Loads files of Rego and data.
///
/// # Errors
/// All texts that cannot be used: syntax, a package whose name gives no rule id, an import of data that nothing defines (it would
/// silently be undefined), and files without any `deny`, `violation` or `warn`.
pub fn load(
    modules: Vec<(String, String)>,
    data: Vec<(String, Value)>,
) -> Result<RegoPack, Vec<String>> {
    let mut problems = Vec::new();
    let mut packages: Vec<Package> = Vec::new();
    let mut engine = engine().map_err(|error| vec![error])?;
    let mut paths = BTreeSet::new();
    for (file, text) in &modules {
        let path = match engine.add_policy(file.clone(), text.clone()) {
            Ok(path) => path,
            Err(error) => {
                problems.push(first_line(&error));
                continue;
            }
        };
        paths.insert(path.clone());
        add_package(&mut packages, file, text, path, &mut problems);
    }
    for (file, content) in &data {
        match content.as_object() {
            Some(object) => paths.extend(object.keys().map(|key| format!("data.{key}"))),
            None => problems.push(format!("{file}: the data is no object")),
        }
    }
    for (file, text) in &modules {
        for import in imports(text) {
            let defined = paths.iter().any(|path| {
                let starts = |a: &str, b: &str| a == b || a.starts_with(&format!("{b}."));
                starts(&import, path) || starts(path, &import)
            });
            if !defined {
                problems.push(format!(
                    "{file}: `import {import}` names nothing that the pack loads"
                ));
            }
        }
    }
    packages.retain(|it| it.has_rules || !it.tests.is_empty());
    if problems.is_empty() && !packages.iter().any(|it| it.has_rules) {
        problems.push("no file has a rule `deny`, `violation` or `warn`".to_owned());
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(RegoPack {
        modules,
        data,
        packages,
    })
}

fn add_package(
    packages: &mut Vec<Package>,
    file: &str,
    text: &str,
    path: String,
    problems: &mut Vec<String>,
) {
    let has_rules = heads(text).any(|name| level_of(name).is_some());
    let tests: Vec<String> = heads(text)
        .filter(|name| name.starts_with("test_"))
        .map(str::to_owned)
        .collect();
    if let Some(known) = packages.iter_mut().find(|it| it.path == path) {
        known.has_rules |= has_rules;
        known.tests.extend(tests);
        return;
    }
    let is_conftest = path == "data.main";
    let name = path.rsplit('.').next().unwrap_or(&path);
    let slug = name.replace('_', "-").to_ascii_lowercase();
    if has_rules && !is_slug(&slug) {
        problems.push(format!(
            "{file}: `{name}` gives no rule id: use lower-case letters, digits and `_`"
        ));
    }
    packages.push(Package {
        path,
        slug,
        is_conftest,
        tests,
        has_rules,
    });
}

/// Returns the names that begin a line: heads of rules.
fn heads(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let end = line
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(line.len());
        let name = &line[..end];
        (!name.is_empty()).then_some(name)
    })
}

fn imports(text: &str) -> impl Iterator<Item = String> {
    text.lines().filter_map(|line| {
        let rest = line.trim().strip_prefix("import ")?.trim_start();
        let path = rest.split_whitespace().next()?;
        path.starts_with("data.").then(|| path.to_owned())
    })
}
