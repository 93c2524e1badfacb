//! What the binary is made of, as `CycloneDX` 1.5: every crate that is compiled into it, and, marked `excluded`, what only builds it.
//!
//! cargo says which crates those are (`cargo tree` for this package and target, so features of tests do not count), `cargo metadata`
//! their licences, `Cargo.lock` their checksums. There is neither a time nor a random number in it: the same commit gives the same text.

use crate::failure::{Failure, Outcome};
use crate::shell::read_output;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

/// A crate: name and version.
type Key = (String, String);

/// Writes the bill for the binary with this digest.
pub(super) fn write(top: &Path, target: &str, digest: &str) -> Outcome<String> {
    let inside = tree(top, target, "normal,no-proc-macro")?;
    let all = tree(top, target, "normal,build")?;
    let metadata = metadata(top, target)?;
    let checksums = checksums(&fs::read_to_string(top.join("Cargo.lock"))?);
    let packages = packages(&metadata);
    let own = |key: &&Key| key.0 == "windlass";
    let root = all
        .iter()
        .find(own)
        .ok_or_else(|| Failure::new("cargo tree does not name windlass"))?;
    let mut components = Vec::new();
    for key in all.iter().filter(|key| *key != root) {
        let package = packages
            .get(key)
            .ok_or_else(|| Failure::new(format!("cargo metadata lacks {} {}", key.0, key.1)))?;
        let scope = if inside.contains(key) {
            "required"
        } else {
            "excluded"
        };
        components.push(component(key, package, checksums.get(key), scope));
    }
    let mut main = component(root, packages[root], None, "required");
    main["type"] = json!("application");
    main["hashes"] = json!([{ "alg": "SHA-256", "content": digest }]);
    main.as_object_mut().expect("an object").remove("scope");
    let bill = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": main,
            "properties": [{ "name": "windlass:target", "value": target }],
        },
        "components": components,
        "dependencies": dependencies(&metadata, &all),
    });
    Ok(serde_json::to_string_pretty(&bill)? + "\n")
}

fn component(key: &Key, package: &Value, checksum: Option<&String>, scope: &str) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(key),
        "name": key.0,
        "version": key.1,
        "scope": scope,
        "purl": purl(key),
    });
    let object = component.as_object_mut().expect("an object");
    if let Some(licence) = package["license"].as_str() {
        // Old crates write `MIT/Apache-2.0`.
        let expression = licence.replace('/', " OR ");
        object.insert("licenses".to_owned(), json!([{ "expression": expression }]));
    }
    if let Some(checksum) = checksum {
        let hashes = json!([{ "alg": "SHA-256", "content": checksum }]);
        object.insert("hashes".to_owned(), hashes);
    }
    if let Some(address) = package["repository"].as_str() {
        let references = json!([{ "type": "vcs", "url": address }]);
        object.insert("externalReferences".to_owned(), references);
    }
    component
}

fn purl((name, version): &Key) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

/// Returns the crates that cargo builds for the binary, over edges of these kinds.
fn tree(top: &Path, target: &str, edges: &str) -> Outcome<BTreeSet<Key>> {
    let mut command = Command::new("cargo");
    command
        .args(["tree", "--quiet", "--locked", "--package", "windlass"])
        .args(["--target", target, "--edges", edges])
        .args(["--prefix", "none", "--format", "{p}"])
        .current_dir(top);
    let said = read_output(&mut command)?;
    Ok(said.lines().filter_map(key).collect())
}

/// Reads a line such as `serde v1.0.0 (proc-macro) (*)`.
fn key(line: &str) -> Option<Key> {
    let mut words = line.split(' ');
    let (name, version) = (words.next()?, words.next()?);
    Some((name.to_owned(), version.strip_prefix('v')?.to_owned()))
}

fn metadata(top: &Path, target: &str) -> Outcome<Value> {
    let mut command = Command::new("cargo");
    command
        .args(["metadata", "--quiet", "--locked", "--format-version", "1"])
        .args(["--filter-platform", target])
        .current_dir(top);
    Ok(serde_json::from_str(&read_output(&mut command)?)?)
}

fn packages(metadata: &Value) -> BTreeMap<Key, &Value> {
    let packages = metadata["packages"].as_array();
    let key = |it: &Value| {
        let text = |name| it[name].as_str().unwrap_or_default().to_owned();
        (text("name"), text("version"))
    };
    packages
        .into_iter()
        .flatten()
        .map(|package| (key(package), package))
        .collect()
}

/// Returns what each crate of the bill needs of the others.
fn dependencies(metadata: &Value, all: &BTreeSet<Key>) -> Vec<Value> {
    let by_id: BTreeMap<&str, Key> = packages(metadata)
        .into_iter()
        .filter(|(key, _)| all.contains(key))
        .filter_map(|(key, package)| Some((package["id"].as_str()?, key)))
        .collect();
    let nodes = metadata["resolve"]["nodes"].as_array();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for node in nodes.into_iter().flatten() {
        let Some(key) = node["id"].as_str().and_then(|id| by_id.get(id)) else {
            continue;
        };
        let needs = node["deps"].as_array().into_iter().flatten();
        // A kind of `dev` belongs to tests.
        let counts = |need: &&Value| {
            let kinds = need["dep_kinds"].as_array().into_iter().flatten();
            kinds.into_iter().any(|it| it["kind"] != "dev")
        };
        let mut needs: Vec<String> = needs
            .filter(counts)
            .filter_map(|need| Some(purl(by_id.get(need["pkg"].as_str()?)?)))
            .collect();
        needs.sort();
        needs.dedup();
        found.insert(purl(key), needs);
    }
    found
        .into_iter()
        .map(|(reference, needs)| json!({ "ref": reference, "dependsOn": needs }))
        .collect()
}

/// Returns the checksums of a lock file.
fn checksums(lock: &str) -> BTreeMap<Key, String> {
    lock.split("[[package]]")
        .filter_map(|package| {
            let value = |name: &str| {
                let line = package
                    .lines()
                    .find_map(|line| line.strip_prefix(name)?.strip_prefix(" = \""));
                Some(line?.trim_end_matches('"').to_owned())
            };
            Some(((value("name")?, value("version")?), value("checksum")?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::root;

    #[test]
    fn the_bill_names_what_is_in_the_binary_and_nothing_of_the_tests() {
        let target = super::super::host().unwrap();
        let text = write(&root(), &target, "00").unwrap();
        assert_eq!(text, write(&root(), &target, "00").unwrap());
        let bill: Value = serde_json::from_str(&text).unwrap();
        let components = bill["components"].as_array().unwrap();
        let scope = |name: &str| {
            let found = components.iter().find(|it| it["name"] == name);
            found.and_then(|it| it["scope"].as_str())
        };
        assert_eq!(scope("tokio"), Some("required"));
        assert_eq!(scope("windlass-core"), Some("required"));
        assert_eq!(scope("serde_derive"), Some("excluded"));
        assert_eq!(scope("insta"), None);
        let names: BTreeSet<&str> = components
            .iter()
            .filter_map(|it| it["bom-ref"].as_str())
            .collect();
        for component in components {
            let name = component["name"].as_str().unwrap();
            let ours = name.starts_with("windlass");
            assert!(
                ours || component["hashes"].is_array(),
                "{name} has no checksum"
            );
            assert!(component["licenses"].is_array(), "{name} has no licence");
        }
        for dependency in bill["dependencies"].as_array().unwrap() {
            for need in dependency["dependsOn"].as_array().unwrap() {
                assert!(names.contains(need.as_str().unwrap()), "{need}");
            }
        }
    }

    #[test]
    fn the_bill_is_as_the_published_schema_says() {
        let services = std::env::var("WINDLASS_TEST_SERVICES").unwrap_or_default();
        if services.is_empty() {
            return;
        }
        let variable = |name: &str| {
            std::env::var(name).unwrap_or_else(|_| panic!("`cargo xtask test` sets {name}"))
        };
        let digest = "a".repeat(64);
        let text = write(&root(), &super::super::host().unwrap(), &digest).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let judge = |text: &str| {
            let file = folder.path().join("bill.json");
            fs::write(&file, text).unwrap();
            let output = Command::new(variable("WINDLASS_TEST_SCHEMAS"))
                .arg("--schemafile")
                .arg(variable("WINDLASS_TEST_CYCLONEDX"))
                .arg(file)
                .output()
                .unwrap();
            (
                output.status.success(),
                String::from_utf8_lossy(&output.stdout).into_owned(),
            )
        };
        let (fits, said) = judge(&text);
        assert!(fits, "{said}");
        // The judge does judge.
        assert!(!judge(&text.replace(&digest, "none")).0);
    }

    #[test]
    fn lines_of_cargo_are_read() {
        let of = |line| key(line).map(|(name, version)| format!("{name} {version}"));
        assert_eq!(
            of("serde v1.0.2 (proc-macro) (*)").as_deref(),
            Some("serde 1.0.2")
        );
        assert_eq!(of(""), None);
        assert_eq!(
            purl(&("a".into(), "1.0.0+z".into())),
            "pkg:cargo/a@1.0.0%2Bz"
        );
    }
}
