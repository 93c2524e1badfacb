//! Variables: who gives the value, and whether it is allowed.

use std::collections::BTreeMap;
use std::rc::Rc;

use minijinja::Value;
use regex_lite::Regex;

use crate::diag::{Code, Diagnostic, Location, Sourced};
use crate::manifest::model::Variable;
use crate::manifest::raw::{Text, VariableKind, VariableNode};
use crate::manifest::template::scalar_text;
use crate::node::{Given, Reading, Scalar, inner_location, suggest};
use crate::secret;

use super::Resolver;

/// A value with where it came from.
struct Found {
    values: Vec<Scalar>,
    origin: String,
    /// Where it stands, if in a file.
    location: Option<Location>,
    form: Form,
}

/// How a value was given, which decides how it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Written in a file, typed.
    Written,
    /// A property of `set`: typed, with room for one text; commas separate a list.
    Property,
    /// Text from outside, to be read as the declared type.
    Outside,
}

/// The values of `--var-file`s: by name, with the place and the file.
type FileValues = BTreeMap<String, (Vec<Scalar>, Location)>;

const PREFIX: &str = "WINDLASS_VAR_";

impl Resolver<'_> {
    /// Finds the value of every declared variable, sorted by name.
    pub(super) fn resolve_variables(&mut self) -> Vec<Variable> {
        let files = self.read_var_files();
        self.check_outside_names(&files);
        self.check_sets();
        let mut all = Vec::new();
        let mut values = BTreeMap::new();
        for node in &self.manifest.variables {
            let Some(found) = self.find(node, &files) else {
                if !node.is_broken {
                    self.no_value(node);
                }
                continue;
            };
            if let Some(value) = self.check_value(node, &found) {
                all.push(Variable {
                    name: node.name.value.clone(),
                    value: shown(&value),
                    origin: found.origin.clone(),
                });
                values.insert(node.name.value.clone(), value);
            }
        }
        self.variables = Rc::new(values);
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn read_var_files(&mut self) -> FileValues {
        let mut all = FileValues::new();
        for source in &self.inputs.var_files {
            let reading = Reading::new(source);
            let mut top = reading.top();
            for mut node in top.all_children() {
                let location = node.name_location();
                let values: Vec<Scalar> = node
                    .required_values("the value")
                    .iter()
                    .filter_map(Given::scalar)
                    .map(|it| it.value)
                    .collect();
                let name = node.name().to_owned();
                node.finish();
                all.insert(name, (values, location));
            }
            self.diagnostics.extend(reading.into_diagnostics());
        }
        all
    }

    fn check_outside_names(&mut self, files: &FileValues) {
        if self.manifest.incomplete {
            return;
        }
        let manifest = self.manifest;
        let names: Vec<&str> = manifest
            .variables
            .iter()
            .map(|it| it.name.value.as_str())
            .collect();
        for (name, _) in &self.inputs.cli_vars {
            if !names.contains(&name.as_str()) {
                self.diagnostics
                    .push(unknown(&format!("`--var {name}=..`"), name, &names));
            }
        }
        for (name, (_, location)) in files {
            if !names.contains(&name.as_str()) {
                let diagnostic = unknown(&format!("`{name}` in a variable file"), name, &names);
                self.diagnostics
                    .push(diagnostic.at(location, "no such variable"));
            }
        }
        for name in self.inputs.environment_variables.keys() {
            let Some(variable) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if !names.contains(&variable) {
                let message = format!("`{name}` is set, and variable `{variable}` is not declared");
                let mut diagnostic = Diagnostic::warning(Code::UnknownEnvironmentVariable, message);
                diagnostic.help = suggest::hint(variable, &names);
                self.diagnostics.push(diagnostic);
            }
        }
    }

    fn find(&self, node: &VariableNode, files: &FileValues) -> Option<Found> {
        let name = node.name.value.as_str();
        let outside = |text: &str, origin: String| Found {
            values: vec![Scalar::Text(text.to_owned())],
            origin,
            location: None,
            form: Form::Outside,
        };
        let inputs = self.inputs;
        if let Some((_, text)) = inputs.cli_vars.iter().rev().find(|it| it.0 == name) {
            return Some(outside(text, "--var".to_owned()));
        }
        let variable = format!("{PREFIX}{name}");
        if let Some(text) = inputs.environment_variables.get(&variable) {
            return Some(outside(text, variable));
        }
        if let Some((values, location)) = files.get(name) {
            return Some(Found {
                values: values.clone(),
                origin: format!("--var-file {}", location.source.name),
                location: Some(location.clone()),
                form: Form::Written,
            });
        }
        if let Some(found) = self.set_by_environment(name) {
            return Some(found);
        }
        for source in &node.from_env {
            let text = inputs.environment_variables.get(&source.value);
            if let Some(text) = text.filter(|it| !it.is_empty()) {
                return Some(outside(text, format!("env {}", source.value)));
            }
        }
        let default = node.default.as_ref()?;
        Some(Found {
            values: default.iter().map(|it| it.value.clone()).collect(),
            origin: "default".to_owned(),
            location: default.first().map(|it| it.location.clone()),
            form: Form::Written,
        })
    }

    /// What the selected environment sets.
    fn set_by_environment(&self, name: &str) -> Option<Found> {
        let environment = self.environment?;
        let pair = environment.set.iter().find(|it| it.key.value == name)?;
        Some(Found {
            values: vec![pair.value.value.clone()],
            origin: format!("environment {}", environment.name.value),
            location: Some(pair.value.location.clone()),
            form: Form::Property,
        })
    }

    /// Reports what environments set and nobody declares, and values that no `var` takes: also of those not selected.
    fn check_sets(&mut self) {
        let manifest = self.manifest;
        for environment in &manifest.environments {
            for pair in &environment.set {
                let name = pair.key.value.as_str();
                let Some(node) = manifest.variables.iter().find(|it| it.name.value == name) else {
                    if !manifest.incomplete {
                        let names: Vec<&str> = manifest
                            .variables
                            .iter()
                            .map(|it| it.name.value.as_str())
                            .collect();
                        let diagnostic = unknown(&format!("`set {name}=..`"), name, &names);
                        self.report(diagnostic.at(&pair.key.location, "no such variable"));
                    }
                    continue;
                };
                let found = Found {
                    values: vec![pair.value.value.clone()],
                    origin: format!("environment {}", environment.name.value),
                    location: Some(pair.value.location.clone()),
                    form: Form::Property,
                };
                self.check_value(node, &found);
            }
        }
    }

    fn no_value(&mut self, node: &VariableNode) {
        let name = &node.name.value;
        let mut tried = vec![
            format!("`--var {name}=..`"),
            format!("`{PREFIX}{name}`"),
            "`--var-file`".to_owned(),
        ];
        if let Some(environment) = self.environment {
            tried.push(format!("`set` of environment `{}`", environment.name.value));
        }
        tried.extend(node.from_env.iter().map(|it| format!("`{}`", it.value)));
        let diagnostic = Diagnostic::error(
            Code::VariableNoValue,
            format!("variable `{name}` has no value"),
        )
        .at(&node.name.location, "nothing gives it one")
        .help(format!(
            "tried, in order: {}; it has no `default`",
            tried.join(", ")
        ));
        self.report(diagnostic);
    }

    fn check_value(&mut self, node: &VariableNode, found: &Found) -> Option<Value> {
        let pattern = self.pattern(node);
        let place = found
            .location
            .as_ref()
            .unwrap_or(&node.name.location)
            .clone();
        let texts: Vec<String> = found.values.iter().map(scalar_text).collect();
        let name = &node.name.value;
        if texts
            .iter()
            .any(|it| !secret::find_credentials(it).is_empty())
        {
            let message = format!("the value of variable `{name}` looks like a credential");
            let diagnostic = Diagnostic::error(Code::CredentialValue, message)
                .at(&place, format!("from {}; the value is not shown", found.origin))
                .help("variables are public: plans, logs and images show them; give secrets to a build as `secret`");
            self.report(diagnostic);
            return None;
        }
        let value = match typed(node.kind, found, &texts) {
            Ok(value) => value,
            Err(wanted) => {
                self.bad_value(node, found, &place, &wanted);
                return None;
            }
        };
        let problem = not_one_of(node, &texts)
            .or_else(|| out_of_range(node, &value))
            .or_else(|| not_matching(node, pattern.as_ref(), &texts));
        if let Some(problem) = problem {
            self.bad_value(node, found, &place, &problem);
            return None;
        }
        Some(value)
    }

    fn bad_value(&mut self, node: &VariableNode, found: &Found, place: &Location, wanted: &str) {
        let texts: Vec<String> = found.values.iter().map(scalar_text).collect();
        let message = format!(
            "variable `{}` cannot be `{}`",
            node.name.value,
            texts.join(" ")
        );
        let diagnostic = Diagnostic::error(Code::VariableBadValue, message)
            .at(
                place,
                format!("{wanted}; the value is from {}", found.origin),
            )
            .help(format!("change it where it comes from: {}", found.origin));
        self.report(diagnostic);
    }

    fn pattern(&mut self, node: &VariableNode) -> Option<Regex> {
        let (pattern, _) = node.matches.as_ref()?;
        match Regex::new(&format!("^(?:{})$", pattern.value)) {
            Ok(regex) => Some(regex),
            Err(error) => {
                self.report(bad_pattern(pattern, &error.to_string()));
                None
            }
        }
    }
}

fn unknown(what: &str, name: &str, names: &[&str]) -> Diagnostic {
    let mut diagnostic = Diagnostic::error(
        Code::UnknownVariable,
        format!("{what} names no declared variable"),
    );
    diagnostic.help = suggest::hint(name, names)
        .or_else(|| Some(format!("declare it: `var \"{name}\" {{ default \"..\" }}`")));
    diagnostic
}

pub(in crate::manifest) fn bad_pattern(pattern: &Text, reason: &str) -> Diagnostic {
    let (reason, range) = match regex_syntax::Parser::new().parse(&pattern.value) {
        Err(regex_syntax::Error::Parse(error)) => (
            error.kind().to_string(),
            error.span().start.offset..error.span().end.offset,
        ),
        Err(regex_syntax::Error::Translate(error)) => (
            error.kind().to_string(),
            error.span().start.offset..error.span().end.offset,
        ),
        _ => (reason.to_owned(), 0..pattern.value.len()),
    };
    let place = if range.is_empty() {
        pattern.location.clone()
    } else {
        inner_location(&pattern.location, range)
    };
    Diagnostic::error(
        Code::VariableBadPattern,
        format!("`matches` is no regular expression: {reason}"),
    )
    .at(&place, "here")
    .help("write it as in `#\"^v\\d+$\"#`; the whole value must match")
}

/// Reads the value as the declared type; the error says what was wanted.
fn typed(kind: VariableKind, found: &Found, texts: &[String]) -> Result<Value, String> {
    if kind == VariableKind::List {
        let list: Vec<String> = if found.form == Form::Written {
            texts.to_vec()
        } else {
            let items = texts[0].split(',').map(str::trim);
            items
                .filter(|it| !it.is_empty())
                .map(str::to_owned)
                .collect()
        };
        return Ok(Value::from(list));
    }
    let [one] = &found.values[..] else {
        return Err("it takes one value".to_owned());
    };
    match (kind, one) {
        (VariableKind::Integer, Scalar::Integer(number)) => Ok(Value::from(*number)),
        (VariableKind::Flag, Scalar::Flag(flag)) => Ok(Value::from(*flag)),
        (VariableKind::Text, Scalar::Text(text)) => Ok(Value::from(text.as_str())),
        (VariableKind::Integer, Scalar::Text(text)) if found.form == Form::Outside => text
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| "it takes a whole number".to_owned()),
        (VariableKind::Flag, Scalar::Text(text)) if found.form == Form::Outside => text
            .parse::<bool>()
            .map(Value::from)
            .map_err(|_| "it takes `true` or `false`".to_owned()),
        (VariableKind::Integer, _) => Err("it takes a whole number".to_owned()),
        (VariableKind::Flag, _) => Err("it takes `#true` or `#false`".to_owned()),
        (VariableKind::Text | VariableKind::List, _) => Err("it takes text: quote it".to_owned()),
    }
}

fn not_one_of(node: &VariableNode, texts: &[String]) -> Option<String> {
    let allowed: Vec<String> = node
        .one_of
        .iter()
        .map(|it: &Sourced<Scalar>| scalar_text(&it.value))
        .collect();
    if allowed.is_empty() || texts.iter().all(|it| allowed.contains(it)) {
        return None;
    }
    let names: Vec<&str> = allowed.iter().map(String::as_str).collect();
    Some(format!("it is one of {}", suggest::list(&names)))
}

fn out_of_range(node: &VariableNode, value: &Value) -> Option<String> {
    let (low, high, _) = node.range.as_ref()?;
    let number = i64::try_from(value.clone()).ok();
    if number.is_some_and(|it| (*low..=*high).contains(&it)) {
        return None;
    }
    Some(format!("it is a number from {low} to {high}"))
}

fn not_matching(node: &VariableNode, pattern: Option<&Regex>, texts: &[String]) -> Option<String> {
    let pattern = pattern?;
    if texts.iter().all(|it| pattern.is_match(it)) {
        return None;
    }
    let (wanted, message) = node.matches.as_ref()?;
    Some(match message {
        Some(message) => format!("it must be {}", message.value),
        None => format!("it must match `{}`", wanted.value),
    })
}

fn shown(value: &Value) -> String {
    match value.try_iter() {
        Ok(items) if value.as_str().is_none() => {
            let items: Vec<String> = items.map(|it| it.to_string()).collect();
            items.join(",")
        }
        _ => value.to_string(),
    }
}
