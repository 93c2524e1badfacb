//! Parameters of patterns: their types, what values they allow, and the check of what stands under `with`.

use std::collections::BTreeMap;

use regex_lite::Regex;

use crate::diag::{Code, Diagnostic, Location};
use crate::manifest::model::{Argument, Sourced, Value};
use crate::secret::is_surely_secret_name;

use super::closest;

/// One parameter of a pattern.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name under `with`, such as `build_packages`.
    pub name: &'static str,
    /// The type of its value.
    pub kind: ParameterKind,
    /// What it does, in a sentence.
    pub doc: &'static str,
    /// What holds where it is not given.
    pub default: ParameterDefault,
    /// The words it allows; empty where it allows others.
    pub one_of: &'static [&'static str],
    /// What each of its texts must look like.
    pub matches: Shape,
    /// The smallest and the largest number it allows.
    pub range: Option<(i64, i64)>,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// One text; a whole number is taken as its digits.
    Text,
    /// One whole number.
    Integer,
    /// `#true` or `#false`; the bare name is true.
    Flag,
    /// One or more texts.
    List,
    /// Properties: `env KEY="value"`.
    Map,
    /// The words of a command, run without a shell.
    Command,
    /// A path below the context.
    Path,
}

impl ParameterKind {
    /// Returns the word for it in manifests and documentation.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Integer => "int",
            Self::Flag => "bool",
            Self::List => "list",
            Self::Map => "map",
            Self::Command => "command",
            Self::Path => "path",
        }
    }
}

/// What holds where a parameter is not given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterDefault {
    /// Nothing: what it would add is left out.
    Absent,
    /// A text.
    Text(&'static str),
    /// A number.
    Integer(i64),
    /// A flag.
    Flag(bool),
    /// Texts.
    List(&'static [&'static str]),
    /// Something that follows from other parameters, described for people.
    Derived(&'static str),
}

/// What a text must look like. No shape allows control characters, so that no value can end its line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Anything; it is quoted where it goes.
    Any,
    /// The version part of an image tag.
    Version,
    /// An image reference, or the name of a workspace image from `needs`.
    Image,
    /// The name of a user or group.
    User,
    /// A Python module with an object in it: `main:app`.
    Module,
    /// A path below the context.
    Path,
    /// A path below the context in which `*` and `?` are wildcards.
    Glob,
    /// A system package, possibly with a version.
    Package,
    /// A Go package: `.`, `./cmd/server` or an import path.
    GoPackage,
    /// A Go build tag.
    GoTag,
}

impl Shape {
    /// Returns what is allowed, for messages and documentation.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Any => "any text without control characters",
            Self::Version => "letters, digits, `.`, `_` and `-`, as in an image tag",
            Self::Image => {
                "an image reference such as `python:3.12-slim`, or the name of an image in `needs`"
            }
            Self::User => {
                "up to 32 lower-case letters, digits, `_` and `-`, starting with a letter or `_`, not `root`"
            }
            Self::Module => "a Python module and an object in it, such as `main:app`",
            Self::Path => "a relative path below the context, made of letters, digits and `._@+~-`",
            Self::Glob => {
                "a relative path below the context, made of letters, digits and `._@+~-`, with `*` and `?` as wildcards"
            }
            Self::Package => "a package name, with `=version` where wanted",
            Self::GoPackage => "a Go package such as `.` or `./cmd/server`",
            Self::GoTag => "letters, digits, `_` and `.`",
        }
    }

    fn allows(self, text: &str) -> bool {
        let word = |first: fn(char) -> bool, rest: &str| {
            text.starts_with(first)
                && text
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || rest.contains(c))
        };
        let alphanumeric = |c: char| c.is_ascii_alphanumeric();
        match self {
            Self::Any => true,
            Self::Version => word(alphanumeric, "._-"),
            Self::Image => word(alphanumeric, "._:/@-"),
            Self::User => {
                text.len() <= 32
                    && text != "root"
                    && text.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
                    && text
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c))
            }
            Self::Module => is_module(text),
            Self::Path => is_path(text, "._@+~-"),
            Self::Glob => is_path(text, "._@+~-*?"),
            Self::Package => word(alphanumeric, "+._:=~-"),
            Self::GoPackage => {
                word(|c| c.is_ascii_alphanumeric() || c == '.', "._~/-")
                    && !text.split('/').any(|part| part == "..")
            }
            Self::GoTag => word(|c| c.is_ascii_alphanumeric() || c == '_', "_."),
        }
    }
}

/// Checks `package.module:object`, where the object may be called (`main:create()`).
fn is_module(text: &str) -> bool {
    let dotted = |text: &str| {
        text.split('.').all(|part| {
            part.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        })
    };
    match text.split_once(':') {
        Some((module, object)) => {
            dotted(module) && dotted(object.strip_suffix("()").unwrap_or(object))
        }
        None => dotted(text),
    }
}

fn is_path(text: &str, extra: &str) -> bool {
    text.split('/').all(|part| {
        !matches!(part, "" | "." | "..")
            && !part.starts_with('-')
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || extra.contains(c))
    })
}

/// A value of a parameter after the check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Given {
    Text(String),
    Integer(i64),
    Flag(bool),
    List(Vec<String>),
    Map(BTreeMap<String, String>),
}

/// The checked values by parameter; those not given are absent.
pub(super) type Values = BTreeMap<String, Given>;

/// A parameter as it is checked: one of a built-in pattern, or one that a workspace declares.
#[derive(Debug, Clone)]
pub(super) struct Spec<'a> {
    pub(super) name: &'a str,
    pub(super) kind: ParameterKind,
    pub(super) one_of: Vec<&'a str>,
    pub(super) matches: Like<'a>,
    pub(super) range: Option<(i64, i64)>,
    /// What a built-in pattern takes where nothing is given.
    pub(super) default: ParameterDefault,
}

/// What a text must look like.
#[derive(Debug, Clone)]
pub(super) enum Like<'a> {
    /// A shape that windlass knows.
    Shape(Shape),
    /// A regular expression for the whole text, and what to say otherwise.
    Regex(Regex, Option<&'a str>),
}

impl From<&Parameter> for Spec<'_> {
    fn from(parameter: &Parameter) -> Self {
        Self {
            name: parameter.name,
            kind: parameter.kind,
            one_of: parameter.one_of.to_vec(),
            matches: Like::Shape(parameter.matches),
            range: parameter.range,
            default: parameter.default,
        }
    }
}

impl Like<'_> {
    fn allows(&self, text: &str) -> bool {
        match self {
            Self::Shape(shape) => shape.allows(text),
            Self::Regex(regex, _) => regex.is_match(text),
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Shape(shape) => shape.describe().to_owned(),
            Self::Regex(_, Some(message)) => (*message).to_owned(),
            Self::Regex(regex, None) => format!("what matches `{}`", regex.as_str()),
        }
    }
}

/// Checks what stands under `with` against the parameters of the pattern.
pub(super) fn check(
    reference: &str,
    specs: &[Spec<'_>],
    with: &BTreeMap<String, Argument>,
) -> (Values, Vec<Diagnostic>) {
    let mut values = Values::new();
    let mut problems = Vec::new();
    for (name, argument) in with {
        match specs.iter().find(|it| it.name == name) {
            Some(spec) => {
                if let Some(value) = spec.read(argument, &mut problems) {
                    values.insert(name.clone(), value);
                }
            }
            None => problems.push(unknown_parameter(
                reference,
                specs,
                name,
                &argument.location,
            )),
        }
    }
    (values, problems)
}

fn unknown_parameter(
    reference: &str,
    specs: &[Spec<'_>],
    name: &str,
    location: &Location,
) -> Diagnostic {
    let names: Vec<&str> = specs.iter().map(|it| it.name).collect();
    let help = match closest(name, &names) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "it has no parameters".to_owned(),
        None => format!("its parameters are {}", names.join(", ")),
    };
    Diagnostic::error(
        Code::UnknownParameter,
        format!("{reference} has no parameter `{name}`"),
    )
    .at(location, "not a parameter")
    .help(help)
}

impl Spec<'_> {
    /// Reads a value of this parameter; says what is wrong with it and returns `None` where something is.
    pub(super) fn read(
        &self,
        argument: &Argument,
        problems: &mut Vec<Diagnostic>,
    ) -> Option<Given> {
        let before = problems.len();
        let given = match self.kind {
            ParameterKind::Map => Some(self.read_map(argument, problems)),
            ParameterKind::Flag if argument.values.is_empty() => {
                self.refuse_properties(argument, problems);
                Some(Given::Flag(true))
            }
            _ => {
                self.refuse_properties(argument, problems);
                self.read_values(argument, problems)
            }
        };
        given.filter(|_| problems.len() == before)
    }

    fn read_values(&self, argument: &Argument, problems: &mut Vec<Diagnostic>) -> Option<Given> {
        let many = matches!(self.kind, ParameterKind::List | ParameterKind::Command);
        let Some(first) = argument.values.first() else {
            problems.push(self.wrong(&argument.location, "has no value", self.example()));
            return None;
        };
        if many {
            let texts = argument
                .values
                .iter()
                .filter_map(|value| self.read_text(value, problems))
                .collect();
            return Some(Given::List(texts));
        }
        if let Some(second) = argument.values.get(1) {
            problems.push(self.wrong(&second.location, "takes one value", self.example()));
        }
        match (self.kind, &first.value) {
            (ParameterKind::Integer, Value::Integer(number)) => {
                self.check_range(*number, &first.location, problems);
                self.check_one_of(*number, &first.location, problems);
                Some(Given::Integer(*number))
            }
            (ParameterKind::Flag, Value::Flag(flag)) => Some(Given::Flag(*flag)),
            (ParameterKind::Integer | ParameterKind::Flag, _) => {
                problems.push(self.wrong_type(&first.location));
                None
            }
            _ => self.read_text(first, problems).map(Given::Text),
        }
    }

    fn read_text(&self, value: &Sourced<Value>, problems: &mut Vec<Diagnostic>) -> Option<String> {
        let text = match &value.value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Flag(_) => {
                problems.push(self.wrong_type(&value.location));
                return None;
            }
        };
        self.check_text(&text, &value.location, problems);
        Some(text)
    }

    fn check_text(&self, text: &str, location: &Location, problems: &mut Vec<Diagnostic>) {
        if text.chars().any(char::is_control) {
            problems.push(self.wrong(
                location,
                "cannot hold line breaks or other control characters",
                "a Dockerfile has no way to write them; read such a value from a file of the context".to_owned(),
            ));
        } else if !self.one_of.is_empty() {
            if !self.one_of.contains(&text) {
                let help = match closest(text, &self.one_of) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("write one of \"{}\"", self.one_of.join("\", \"")),
                };
                problems.push(self.wrong(location, &format!("does not know `{text}`"), help));
            }
        } else if !self.matches.allows(text) {
            problems.push(self.wrong(
                location,
                &format!("cannot be `{text}`"),
                format!("it takes {}", self.matches.describe()),
            ));
        } else if text.is_empty() && self.kind == ParameterKind::Text {
            problems.push(self.wrong(location, "cannot be empty", "remove the line".to_owned()));
        }
    }

    fn check_range(&self, number: i64, location: &Location, problems: &mut Vec<Diagnostic>) {
        if let Some((low, high)) = self.range
            && !(low..=high).contains(&number)
        {
            problems.push(self.wrong(
                location,
                &format!("cannot be {number}"),
                format!("it is between {low} and {high}"),
            ));
        }
    }

    fn check_one_of(&self, number: i64, location: &Location, problems: &mut Vec<Diagnostic>) {
        let text = number.to_string();
        if !self.one_of.is_empty() && !self.one_of.contains(&text.as_str()) {
            problems.push(self.wrong(
                location,
                &format!("cannot be {text}"),
                format!("it is one of {}", self.one_of.join(", ")),
            ));
        }
    }

    fn read_map(&self, argument: &Argument, problems: &mut Vec<Diagnostic>) -> Given {
        if let Some(value) = argument.values.first() {
            problems.push(self.wrong(&value.location, "takes properties only", self.example()));
        }
        let mut map = BTreeMap::new();
        for (key, value) in &argument.properties {
            if !is_variable_name(key) {
                problems.push(self.wrong(
                    &value.location,
                    &format!("cannot hold `{key}`"),
                    "a variable's name has letters, digits and `_`, and does not start with a digit"
                        .to_owned(),
                ));
            }
            if is_surely_secret_name(key) {
                problems.push(secret_in_image(key, &value.location));
            }
            let text = match &value.value {
                Value::Text(text) => text.clone(),
                Value::Integer(number) => number.to_string(),
                Value::Flag(flag) => flag.to_string(),
            };
            self.check_text(&text, &value.location, problems);
            map.insert(key.clone(), text);
        }
        Given::Map(map)
    }

    fn refuse_properties(&self, argument: &Argument, problems: &mut Vec<Diagnostic>) {
        for (key, value) in &argument.properties {
            problems.push(self.wrong(
                &value.location,
                &format!("takes no `{key}=`"),
                self.example(),
            ));
        }
    }

    fn wrong(&self, location: &Location, what: &str, help: String) -> Diagnostic {
        Diagnostic::error(
            Code::ParameterValue,
            format!("parameter `{}` {what}", self.name),
        )
        .at(location, format!("wanted: {}", self.kind.as_str()))
        .help(help)
    }

    fn wrong_type(&self, location: &Location) -> Diagnostic {
        let what = match self.kind {
            ParameterKind::Integer => "is a whole number",
            ParameterKind::Flag => "is #true or #false",
            _ => "is text",
        };
        self.wrong(location, what, self.example())
    }

    /// Returns a line to paste.
    fn example(&self) -> String {
        let name = self.name;
        let text = self.one_of.first().copied().unwrap_or("...");
        match self.kind {
            ParameterKind::Text | ParameterKind::Path => format!("write: {name} \"{text}\""),
            ParameterKind::Integer => format!(
                "write: {name} {} (without quotes; a variable gets there as \"{{{{ var.x }}}}\" if it has type \"int\")",
                self.range.map_or(1, |(low, high)| high.min(8000).max(low))
            ),
            ParameterKind::Flag => format!("write: {name}, or {name} #false"),
            ParameterKind::List => format!("write: {name} \"one\" \"two\""),
            ParameterKind::Command => format!("write: {name} \"program\" \"argument\""),
            ParameterKind::Map => format!("write: {name} KEY=\"value\""),
        }
    }
}

fn secret_in_image(key: &str, location: &Location) -> Diagnostic {
    Diagnostic::error(
        Code::SecretArgument,
        format!("`{key}` is named like a secret"),
    )
    .at(location, "everyone who can pull the image can read it")
    .help("give it to the container when it is started; rename the variable if it is no secret")
}

/// Says whether a shell and a Dockerfile take `name` as the name of a variable.
pub(super) fn is_variable_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
