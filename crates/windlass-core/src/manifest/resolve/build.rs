//! What reaches a build: args, labels, annotations, stamps and the parameters of a pattern.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Sourced};
use crate::manifest::model::{Argument, Stamp, Value};
use crate::manifest::raw::{ImageBody, Maps, Pair, Text, WithNode};
use crate::manifest::template::{Name, Namespace, Place, scalar_text};
use crate::node::{Scalar, secret};

use super::Resolver;
use super::images::pick;
use super::inputs::Scope;

type TextMap = BTreeMap<String, Sourced<String>>;

/// What a map of an image is, for messages and checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Arg,
    Label,
    Annotation,
}

/// Joins both layers by key; the node's own win.
fn merged<'p>(own: &'p [Pair], default: &'p [Pair]) -> Vec<&'p Pair> {
    let inherited = default
        .iter()
        .filter(|it| own.iter().all(|own| own.key.value != it.key.value));
    own.iter().chain(inherited).collect()
}

impl Resolver<'_> {
    /// Evaluates args, labels and annotations.
    pub(super) fn maps(
        &mut self,
        own: &Maps,
        default: &Maps,
        scope: &Scope<'_>,
    ) -> (TextMap, TextMap, TextMap) {
        (
            self.text_map(Kind::Arg, &merged(&own.args, &default.args), scope),
            self.text_map(Kind::Label, &merged(&own.labels, &default.labels), scope),
            self.text_map(
                Kind::Annotation,
                &merged(&own.annotations, &default.annotations),
                scope,
            ),
        )
    }

    /// Evaluates what stands under `stamp`.
    pub(super) fn stamp(
        &mut self,
        body: &ImageBody,
        default: &ImageBody,
        scope: &Scope<'_>,
    ) -> Stamp {
        let (args, labels, annotations) = self.maps(&body.stamp, &default.stamp, scope);
        Stamp {
            args,
            labels,
            annotations,
        }
    }

    fn text_map(&mut self, kind: Kind, pairs: &[&Pair], scope: &Scope<'_>) -> TextMap {
        let mut map = TextMap::new();
        for pair in pairs {
            if self.check_key(kind, &pair.key)
                && let Some(value) = self.input_text(kind, pair, scope)
            {
                let value = Sourced::new(value, pair.value.location.clone());
                map.insert(pair.key.value.clone(), value);
            }
        }
        map
    }

    fn input_text(&mut self, kind: Kind, pair: &Pair, scope: &Scope<'_>) -> Option<String> {
        match &pair.value.value {
            Scalar::Text(text) => {
                let text = Text::new(text.clone(), pair.value.location.clone());
                self.templates.text(&text, Place::Build, scope)
            }
            Scalar::Integer(number) if is_plain(pair.value.location.text(), *number) => {
                Some(number.to_string())
            }
            Scalar::Integer(_) | Scalar::Flag(_) => {
                let written = pair.value.location.text();
                let word = match kind {
                    Kind::Arg => "a build arg",
                    Kind::Label => "a label",
                    Kind::Annotation => "an annotation",
                };
                let diagnostic = Diagnostic::error(
                    Code::BadInput,
                    format!("{word} takes text or a plain whole number"),
                )
                .at(
                    &pair.value.location,
                    "would not be passed on as it is written",
                )
                .help(format!(
                    "quote it: `{}=\"{}\"`",
                    pair.key.value,
                    written.trim_start_matches('#')
                ));
                self.report(diagnostic);
                None
            }
        }
    }

    fn check_key(&mut self, kind: Kind, key: &Text) -> bool {
        let name = key.value.as_str();
        let diagnostic = match kind {
            Kind::Arg if secret::is_secret_name(name) => {
                Diagnostic::error(Code::SecretArgument, format!("`{name}` is named like a secret"))
                    .at(&key.location, "build args stay in the image's history")
                    .help("a secret reaches a build as `secret`, mounted into the RUN that needs it (not supported yet); rename the arg if it is none")
            }
            Kind::Arg if !is_arg_name(name) => {
                Diagnostic::error(Code::BadInput, format!("`{name}` is no name for a build arg"))
                    .at(&key.location, "has other characters")
                    .help("letters, digits and `_`, not starting with a digit")
            }
            Kind::Label | Kind::Annotation if name.starts_with("dev.windlass.") => {
                Diagnostic::error(Code::ReservedLabel, format!("`{name}` is windlass's own"))
                    .at(&key.location, "reserved")
                    .help("use another prefix than `dev.windlass.`")
            }
            Kind::Label | Kind::Annotation if name.is_empty() || name.contains(char::is_whitespace) => {
                Diagnostic::error(Code::BadInput, format!("`{name}` is no key"))
                    .at(&key.location, "empty, or with spaces")
                    .help("write it as in `org.opencontainers.image.title`")
            }
            _ => return true,
        };
        self.report(diagnostic);
        false
    }

    /// Reports keys that are given both under `stamp` and beside it.
    pub(super) fn check_stamped(&mut self, body: &ImageBody, default: &ImageBody) {
        let maps = |it: fn(&Maps) -> &Vec<Pair>| {
            let fixed = merged(it(&body.maps), it(&default.maps));
            let stamped = merged(it(&body.stamp), it(&default.stamp));
            (fixed, stamped)
        };
        let all = [
            ("arg", maps(|it| &it.args)),
            ("label", maps(|it| &it.labels)),
            ("annotation", maps(|it| &it.annotations)),
        ];
        for (kind, (fixed, stamped)) in all {
            for pair in &fixed {
                let Some(other) = stamped.iter().find(|it| it.key.value == pair.key.value) else {
                    continue;
                };
                let message = format!(
                    "{kind} `{}` is given twice: under `stamp` and beside it",
                    pair.key.value
                );
                let diagnostic = Diagnostic::error(Code::StampedAndFixed, message)
                    .at(&pair.key.location, "causes builds")
                    .at(&other.key.location, "never causes one")
                    .help("keep one of them");
                self.diagnostics.push(diagnostic);
            }
        }
    }

    /// Evaluates the parameters of a pattern; each parameter of the node replaces that of the defaults.
    pub(super) fn with(
        &mut self,
        body: &ImageBody,
        default: &ImageBody,
        scope: &Scope<'_>,
    ) -> BTreeMap<String, Argument> {
        let is_own = |name: &str| body.with.iter().any(|it| it.name.value == name);
        let inherited = default.with.iter().filter(|it| !is_own(&it.name.value));
        let mut map: BTreeMap<String, Argument> = BTreeMap::new();
        for node in body.with.iter().chain(inherited) {
            let argument = map
                .entry(node.name.value.clone())
                .or_insert_with(|| Argument {
                    values: Vec::new(),
                    properties: BTreeMap::new(),
                    location: node.name.location.clone(),
                });
            for value in &node.values {
                argument.values.extend(self.argument_value(value, scope));
            }
            for pair in &node.properties {
                if let Some(value) = self.argument_value(&pair.value, scope) {
                    argument.properties.insert(pair.key.value.clone(), value);
                }
            }
        }
        map
    }

    fn argument_value(
        &mut self,
        value: &Sourced<Scalar>,
        scope: &Scope<'_>,
    ) -> Option<Sourced<Value>> {
        let scalar = match &value.value {
            Scalar::Text(text) => {
                let text = Text::new(text.clone(), value.location.clone());
                self.templates.scalar(&text, Place::Build, scope)?
            }
            other => other.clone(),
        };
        let typed = match scalar {
            Scalar::Text(text) => Value::Text(text),
            Scalar::Integer(number) => Value::Integer(number),
            Scalar::Flag(flag) => Value::Flag(flag),
        };
        Some(Sourced::new(typed, value.location.clone()))
    }

    /// Warns about inputs that change more often than the image should be built.
    pub(super) fn check_inputs(&mut self, body: &ImageBody, default: &ImageBody) {
        let in_tags = self.names_in_tags(body, default);
        for text in input_texts(body, default) {
            for name in self.templates.check(&text, Place::Build) {
                if name.namespace == Namespace::Git {
                    self.warn(
                        Code::GitInInputs,
                        format!("`{name}` here rebuilds the image at every commit"),
                        &text.location,
                        "part of the inputs",
                        "move it under `stamp { .. }`",
                    );
                } else if in_tags.contains(&name) {
                    self.warn(
                        Code::VariableInTagAndInputs,
                        format!(
                            "`{name}` is in a tag too, so that every release rebuilds the image"
                        ),
                        &text.location,
                        "part of the inputs",
                        "move it under `stamp { .. }`: a new tag alone needs no build",
                    );
                }
            }
        }
    }

    fn names_in_tags(&mut self, body: &ImageBody, default: &ImageBody) -> Vec<Name> {
        let mut all = Vec::new();
        for text in pick(&body.tags, &default.tags) {
            all.extend(self.templates.check(text, Place::Target));
        }
        all.retain(|it| it.namespace == Namespace::Var);
        all
    }
}

/// Every text of an image that is part of its fingerprint and may hold a template.
fn input_texts(body: &ImageBody, default: &ImageBody) -> Vec<Text> {
    let maps = [
        merged(&body.maps.args, &default.maps.args),
        merged(&body.maps.labels, &default.maps.labels),
        merged(&body.maps.annotations, &default.maps.annotations),
    ];
    let mut scalars: Vec<&Sourced<Scalar>> = maps.iter().flatten().map(|it| &it.value).collect();
    let with: Vec<&WithNode> = body.with.iter().chain(&default.with).collect();
    for node in with {
        scalars.extend(&node.values);
        scalars.extend(node.properties.iter().map(|it| &it.value));
    }
    scalars
        .into_iter()
        .filter(|it| matches!(&it.value, Scalar::Text(text) if text.contains("{{")))
        .map(|it| Text::new(scalar_text(&it.value), it.location.clone()))
        .collect()
}

fn is_arg_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Says whether a number was written the way it is printed; where it was hidden nothing is said.
fn is_plain(written: &str, number: i64) -> bool {
    written == number.to_string() || written.starts_with('*')
}
