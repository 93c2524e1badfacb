//! The functions that policies have beyond those of Rego, and the one of Rego that they do not have.

use serde_json::{Value, json};
use windlass_core::dockerfile::reference::ImageReference;
use windlass_core::name::Day;
use windlass_core::shell::{Text, read};

use super::input::command;
use crate::glob;

/// A function of texts; `None` is undefined.
type Function = fn(&[&str]) -> Option<Value>;

/// Name, number of arguments, and what it does.
const FUNCTIONS: &[(&str, u8, Function)] = &[
    ("image.parse", 1, parse_image),
    ("path.glob", 2, match_glob),
    ("shell.commands", 1, shell_commands),
    ("date.days", 2, days_between),
];

/// What ends an evaluation.
#[derive(Debug)]
struct Refused(String);

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Adds the functions to an engine.
pub(super) fn add(engine: &mut regorus::Engine) -> Result<(), String> {
    for (name, arguments, function) in FUNCTIONS {
        let call = move |given: Vec<regorus::Value>| {
            let texts = given.iter().map(|it| it.as_string().map(AsRef::as_ref));
            let Ok(texts) = texts.collect::<Result<Vec<&str>, _>>() else {
                return Err(Refused(format!("`{name}` takes texts")).into());
            };
            Ok(function(&texts).map_or(regorus::Value::Undefined, regorus::Value::from))
        };
        engine
            .add_extension((*name).to_owned(), *arguments, Box::new(call))
            .map_err(|error| error.to_string())?;
    }
    // Functions that are added are found before those of Rego: the same input always gives the same findings.
    let chance =
        |_: Vec<regorus::Value>| Err(Refused("policies have no random numbers".to_owned()).into());
    engine
        .add_extension("rand.intn".to_owned(), 2, Box::new(chance))
        .map_err(|error| error.to_string())
}

/// `image.parse("python:3.12")`: host, path, tag and digest; undefined where it is no reference.
fn parse_image(given: &[&str]) -> Option<Value> {
    let image = ImageReference::parse(given[0]).ok()?;
    Some(json!({
        "host": image.host,
        "path": image.path,
        "tag": image.tag.as_ref().map(ToString::to_string),
        "digest": image.digest.as_ref().map(ToString::to_string),
    }))
}

/// `path.glob("src/**", "src/a/b")`
fn match_glob(given: &[&str]) -> Option<Value> {
    let (pattern, path) = (given.first()?, given.get(1)?);
    Some(json!(glob::matches(pattern, path)))
}

/// `shell.commands("curl -s x | sh")`: the commands of a shell text, those inside of others among them.
fn shell_commands(given: &[&str]) -> Option<Value> {
    let script = read(&Text::at(given.first()?, 0), &[]);
    Some(script.commands.iter().filter_map(command).collect())
}

/// `date.days("2026-01-31", "2026-02-02")` is 2; undefined where one is no date.
fn days_between(given: &[&str]) -> Option<Value> {
    let day = |text: &str| Day::parse(text.get(..10).unwrap_or(text)).ok();
    Some(json!(day(given[1])?.number() - day(given[0])?.number()))
}
