//! What reaches a build: args, labels, annotations, stamps and the parameters of a pattern.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Sourced};
use crate::manifest::layers::{Entries, MergedImage, MergedMaps};
use crate::manifest::model::{Argument, Stamp, Value};
use crate::manifest::raw::{Pair, Text};
use crate::manifest::template::{Axes, Name, Namespace, Place, scalar_text};
use crate::node::Scalar;
use crate::secret;

use super::Resolver;
use super::inputs::Scope;

type TextMap = BTreeMap<String, Sourced<String>>;

/// What a map of an image is, for messages and checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Arg,
    Label,
    Annotation,
}

impl Resolver<'_> {
    /// Evaluates args, labels and annotations.
    pub(super) fn maps(
        &mut self,
        maps: &MergedMaps<'_>,
        scope: &Scope<'_>,
    ) -> (TextMap, TextMap, TextMap) {
        (
            self.text_map(Kind::Arg, &maps.args, scope),
            self.text_map(Kind::Label, &maps.labels, scope),
            self.text_map(Kind::Annotation, &maps.annotations, scope),
        )
    }

    /// Evaluates what stands under `stamp`.
    pub(super) fn stamp(&mut self, body: &MergedImage<'_>, scope: &Scope<'_>) -> Stamp {
        let (args, labels, annotations) = self.maps(&body.stamp, scope);
        Stamp {
            args,
            labels,
            annotations,
        }
    }

    fn text_map(&mut self, kind: Kind, pairs: &Entries<'_, Pair>, scope: &Scope<'_>) -> TextMap {
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
            Kind::Arg if secret::is_surely_secret_name(name) => {
                Diagnostic::error(Code::SecretArgument, format!("`{name}` is named like a secret"))
                    .at(&key.location, "build args stay in the image's history")
                    .help("a secret reaches a build as `secret`, mounted into the RUN that needs it: `secret \"name\"`; rename the arg if it is none")
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
    pub(super) fn check_stamped(&mut self, body: &MergedImage<'_>) {
        let (fixed, stamped) = (&body.maps, &body.stamp);
        let all = [
            ("arg", &fixed.args, &stamped.args),
            ("label", &fixed.labels, &stamped.labels),
            ("annotation", &fixed.annotations, &stamped.annotations),
        ];
        for (kind, fixed, stamped) in all {
            let stamped: BTreeMap<&str, &Pair> = stamped
                .iter()
                .map(|it| (it.key.value.as_str(), it.given))
                .collect();
            for pair in fixed {
                let Some(other) = stamped.get(pair.key.value.as_str()) else {
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

    /// Evaluates the parameters of a pattern; each parameter of a layer replaces that of the weaker ones.
    pub(super) fn with(
        &mut self,
        body: &MergedImage<'_>,
        scope: &Scope<'_>,
    ) -> BTreeMap<String, Argument> {
        let mut map: BTreeMap<String, Argument> = BTreeMap::new();
        for node in &body.with {
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
    pub(super) fn check_inputs(&mut self, body: &MergedImage<'_>, axes: &Axes) {
        let in_tags = self.names_in_tags(body, axes);
        for text in input_texts(body) {
            for name in self.templates.check(&text, Place::Build, axes) {
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

    fn names_in_tags(&mut self, body: &MergedImage<'_>, axes: &Axes) -> Vec<Name> {
        let mut all = Vec::new();
        for text in body.tags.iter() {
            all.extend(self.templates.check(text, Place::Target, axes));
        }
        all.retain(|it| it.namespace == Namespace::Var);
        all
    }
}

/// Every text of an image that is part of its fingerprint and may hold a template.
fn input_texts(body: &MergedImage<'_>) -> Vec<Text> {
    let maps = [&body.maps.args, &body.maps.labels, &body.maps.annotations];
    let pairs = maps.into_iter().flatten();
    let mut scalars: Vec<&Sourced<Scalar>> = pairs.map(|it| &it.given.value).collect();
    for node in &body.with {
        scalars.extend(&node.given.values);
        scalars.extend(node.given.properties.iter().map(|it| &it.value));
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
