//! Patterns of a workspace: their own templates and parameters, on top of a built-in pattern or not.

use std::collections::BTreeMap;

use minijinja::Value;
use regex_lite::Regex;

use crate::diag::{Checked, Code, Diagnostic, has_errors};
use crate::manifest::model::{self, Argument, OwnPattern, Sourced};
use crate::manifest::raw::{ParameterNode, ParameterType, PatternNode};
use crate::node::Scalar;

use super::parameter::{Given, Like, ParameterDefault, ParameterKind, Shape, Spec, Values, check};
use super::render::{Recipe, RenderContext, RenderedPattern, names, tidy};
use super::template::{Family, Template};
use super::{Pattern, find};

/// A pattern of the workspace with what it stands on.
struct Chain<'a> {
    /// From the built-in pattern's heir down to the one that is named.
    nodes: Vec<&'a PatternNode>,
    builtin: Option<&'static Pattern>,
}

/// Checks the definition of a pattern: what it extends, its parameters, and the form of its template.
pub fn check_definition(own: &OwnPattern) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    if let Some(chain) = Chain::of(own, &mut problems) {
        let (specs, _) = chain.parameters(&mut problems);
        drop(specs);
        chain.family().check(&mut problems);
    }
    problems
}

/// Renders a pattern of the workspace with the parameters under `with`.
pub(super) fn render(
    own: &OwnPattern,
    with: &BTreeMap<String, Argument>,
    context: &RenderContext<'_>,
) -> Checked<RenderedPattern> {
    let mut problems = Vec::new();
    let Some(chain) = Chain::of(own, &mut problems) else {
        return (None, problems);
    };
    let (specs, defaults) = chain.parameters(&mut problems);
    let (mut values, found) = check(&own.node.name.value, &specs, with);
    problems.extend(found);
    for (name, value) in defaults {
        values.entry(name).or_insert(value);
    }
    let recipe = Recipe {
        pattern: chain.builtin,
        specs,
        values,
        with,
        context,
    };
    recipe.check(&mut problems);
    let ldflags = recipe.ldflags(&mut problems);
    let family = chain.family();
    family.check(&mut problems);
    if has_errors(&problems) {
        return (None, problems);
    }
    let facts = facts(&recipe, &ldflags);
    match family.render(facts) {
        Ok(text) => {
            let mut rendered = recipe.rendered(tidy(&text));
            for node in &chain.nodes {
                rendered.own_ignore.extend(node.ignore.iter().cloned());
                let expects = node.expects.iter().map(|it| it.value.clone());
                rendered.expects.extend(expects);
            }
            (Some(rendered), problems)
        }
        Err(problem) => {
            problems.push(problem);
            (None, problems)
        }
    }
}

/// What a template knows: `param`, `args`, `stamp_args`, and what the built-in pattern's own template needs.
fn facts(recipe: &Recipe<'_>, ldflags: &str) -> Value {
    let parameters = recipe.specs.iter().map(|spec| {
        let value = match recipe.values.get(spec.name) {
            Some(given) => given_value(given),
            None => default_value(recipe, spec),
        };
        (spec.name, value)
    });
    let parameters = Value::from_pairs(parameters);
    let args = names(recipe.context.args);
    let stamp_args = names(recipe.context.stamp_args);
    let own = minijinja::context! { param => parameters, args, stamp_args };
    match recipe.pattern {
        Some(_) => minijinja::context! { ..own, ..recipe.facts(ldflags) },
        None => own,
    }
}

fn given_value(given: &Given) -> Value {
    match given {
        Given::Text(text) => Value::from(text.as_str()),
        Given::Integer(number) => Value::from(*number),
        Given::Flag(flag) => Value::from(*flag),
        Given::List(texts) => Value::from(texts.clone()),
        Given::Map(map) => Value::from_pairs(
            map.iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        ),
    }
}

/// What a parameter is where nobody gives it: its default, something empty, or nothing.
fn default_value(recipe: &Recipe<'_>, spec: &Spec<'_>) -> Value {
    match (spec.default, spec.kind) {
        (ParameterDefault::Text(text), _) => Value::from(text),
        (ParameterDefault::Integer(number), _) => Value::from(number),
        (ParameterDefault::Flag(flag), _) => Value::from(flag),
        (ParameterDefault::List(texts), _) => Value::from(texts.to_vec()),
        (ParameterDefault::Derived(_), _) => recipe.derived(spec.name),
        (ParameterDefault::Absent, ParameterKind::Flag) => Value::from(false),
        (ParameterDefault::Absent, ParameterKind::List | ParameterKind::Command) => {
            Value::from(Vec::<String>::new())
        }
        (ParameterDefault::Absent, ParameterKind::Map) => {
            Value::from_pairs(Vec::<(&str, Value)>::new())
        }
        (ParameterDefault::Absent, _) => Value::from(()),
    }
}

impl<'a> Chain<'a> {
    fn of(own: &'a OwnPattern, problems: &mut Vec<Diagnostic>) -> Option<Self> {
        let (mut nodes, builtin) = own.chain();
        nodes.reverse();
        let Some((name, major, place)) = builtin else {
            return Some(Self {
                nodes,
                builtin: None,
            });
        };
        match find(name, major) {
            Ok(found) => Some(Self {
                nodes,
                builtin: Some(found),
            }),
            Err(error) => {
                problems.push(error.diagnostic(place));
                None
            }
        }
    }

    /// Returns the templates from the one at the bottom to the one that is rendered.
    fn family(&self) -> Family<'a> {
        let own = self.nodes.iter().filter_map(|node| {
            Some(Template::Own {
                source: node.source.as_deref().map(|_| node.source.as_ref())??,
                extends: node.extends.as_ref(),
            })
        });
        let builtin = self.builtin.map(Template::BuiltIn);
        Family::new(builtin.into_iter().chain(own).collect())
    }

    /// Returns the parameters, those of the built-in pattern first, and the values that the workspace's patterns give them.
    fn parameters(&self, problems: &mut Vec<Diagnostic>) -> (Vec<Spec<'a>>, Values) {
        let builtin = self.builtin.iter().flat_map(|it| it.parameters);
        let mut specs: Vec<Spec<'a>> = builtin.map(Spec::from).collect();
        let mut values = Values::new();
        for node in self.nodes.iter().flat_map(|it| &it.parameters) {
            let at = specs.iter().position(|it| it.name == node.name.value);
            let at = at.unwrap_or_else(|| {
                specs.push(new_spec(node));
                specs.len() - 1
            });
            refine(&mut specs[at], node, problems);
            if let Some(value) = default_of(&specs[at], node, problems) {
                values.insert(node.name.value.clone(), value);
            }
        }
        (specs, values)
    }
}

fn new_spec(node: &ParameterNode) -> Spec<'_> {
    let kind = node
        .kind
        .as_ref()
        .map_or(ParameterType::Text, |it| it.value);
    Spec {
        name: &node.name.value,
        kind: kind_of(kind),
        one_of: Vec::new(),
        matches: Like::Shape(match kind {
            ParameterType::Path => Shape::Path,
            _ => Shape::Any,
        }),
        range: None,
        default: ParameterDefault::Absent,
    }
}

fn kind_of(kind: ParameterType) -> ParameterKind {
    match kind {
        ParameterType::Text => ParameterKind::Text,
        ParameterType::Integer => ParameterKind::Integer,
        ParameterType::Flag => ParameterKind::Flag,
        ParameterType::List => ParameterKind::List,
        ParameterType::Map => ParameterKind::Map,
        ParameterType::Path => ParameterKind::Path,
        ParameterType::Command => ParameterKind::Command,
    }
}

/// Adds to a parameter what a node says of it; the type stays what it was.
fn refine<'a>(spec: &mut Spec<'a>, node: &'a ParameterNode, problems: &mut Vec<Diagnostic>) {
    if let Some(kind) = &node.kind
        && kind_of(kind.value) != spec.kind
    {
        problems.push(
            Diagnostic::error(
                Code::PatternDefinition,
                format!(
                    "parameter `{}` has another type where it comes from",
                    node.name.value
                ),
            )
            .at(
                &kind.location,
                format!("it is of type `{}` there", spec.kind.as_str()),
            )
            .help("leave `type=` out, or give the parameter another name"),
        );
    }
    if !node.one_of.is_empty() {
        spec.one_of = node.one_of.iter().map(|it| it.value.as_str()).collect();
    }
    // A pattern that cannot be read has been reported where it was read.
    let regex = node.matches.as_ref().and_then(|(pattern, message)| {
        let regex = Regex::new(&format!("^(?:{})$", pattern.value)).ok()?;
        Some(Like::Regex(
            regex,
            message.as_ref().map(|it| it.value.as_str()),
        ))
    });
    if let Some(regex) = regex {
        spec.matches = regex;
    }
    spec.range = node.range.or(spec.range);
}

/// Reads the default of a parameter like a value that an image gives.
fn default_of(
    spec: &Spec<'_>,
    node: &ParameterNode,
    problems: &mut Vec<Diagnostic>,
) -> Option<Given> {
    let (values, location) = node.default.as_ref()?;
    if values.is_empty() && matches!(spec.kind, ParameterKind::List | ParameterKind::Command) {
        return Some(Given::List(Vec::new()));
    }
    let values = values.iter().map(|it| {
        let value = match &it.value {
            Scalar::Text(text) => model::Value::Text(text.clone()),
            Scalar::Integer(number) => model::Value::Integer(*number),
            Scalar::Flag(flag) => model::Value::Flag(*flag),
        };
        Sourced::new(value, it.location.clone())
    });
    let argument = Argument {
        values: values.collect(),
        properties: BTreeMap::new(),
        location: location.clone(),
    };
    spec.read(&argument, problems)
}
