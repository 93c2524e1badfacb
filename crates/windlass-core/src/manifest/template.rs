//! `{{ expression }}` in texts: split, checked without evaluating, then evaluated.
//!
//! Names come from a closed set of namespaces and every one is checked, also under `default` and in a branch not taken. Nothing
//! reaches a clock, a file or the environment from here. The syntax of expressions is minijinja's.

mod filter;
mod names;
mod split;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};

use crate::diag::{Code, Diagnostic, Location};
use crate::node::{Scalar, inner_location};

use super::raw::{MatrixNode, Text};

use self::names::{Known, NameCheck};
pub(super) use self::names::{Name, Namespace, fixed_names};
use self::split::{Piece, split};

/// How much one expression may compute.
const FUEL: u64 = 1000;

/// Where a text stands, which decides what it may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    /// Outside images: `var`, `git`, `workspace`, `environment`.
    Global,
    /// What says where an image is and where it goes: also `image.name`.
    Image,
    /// What reaches a build: also `image.repository`.
    Build,
    /// What is evaluated for each target: also `registry`.
    Target,
    /// The name of an image, or of one that it needs: `matrix` and nothing else, so that no address depends on the outside.
    Name,
}

/// The keys of `matrix` where a text stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Axes {
    /// There is no matrix.
    #[default]
    None,
    /// There may be one: what is checked is used by images with and without.
    Any,
    /// Those of one matrix.
    Keys {
        /// Tells this matrix from others.
        id: usize,
        /// Its keys.
        keys: Vec<String>,
    },
}

impl Axes {
    /// Returns the keys of a matrix.
    pub(super) fn of(matrix: &MatrixNode) -> Self {
        let axes = matrix.axes.iter().map(|it| it.name.value.clone());
        let row = matrix
            .rows
            .iter()
            .filter(|_| matrix.axes.is_empty())
            .take(1);
        let row = row.flat_map(|it| &it.pairs).map(|it| it.key.value.clone());
        Self::Keys {
            id: std::ptr::from_ref(matrix) as usize,
            keys: axes.chain(row).collect(),
        }
    }

    fn id(&self) -> usize {
        match self {
            Self::None => 0,
            Self::Any => 1,
            Self::Keys { id, .. } => *id,
        }
    }
}

/// What a name stands for.
pub(super) enum Lookup {
    /// A value.
    Value(Value),
    /// No value here, for this reason; `default` helps.
    Absent(String),
    /// It cannot be known, for this reason; nothing helps.
    Unavailable(String),
    /// It has none because of an error that has been reported.
    Broken,
}

/// Gives the values of names.
pub(super) trait Values {
    /// Returns what `name` stands for.
    fn lookup(&self, name: &Name) -> Lookup;

    /// Returns the keys of `matrix`.
    fn axes(&self) -> &Axes {
        &Axes::None
    }
}

/// One text, split and checked.
#[derive(Debug)]
struct Template {
    pieces: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Text(String),
    Expression(Expression),
}

#[derive(Debug)]
struct Expression {
    source: String,
    /// Where it stands in the decoded text.
    range: Range<usize>,
    /// The names in it, with their places in the decoded text.
    uses: Vec<Use>,
    /// The expression is one name and nothing else.
    alone: bool,
}

/// One name in an expression.
#[derive(Debug)]
struct Use {
    name: Name,
    range: Range<usize>,
    /// A missing value is taken care of: under `default`, or in an `if`.
    guarded: bool,
}

/// Checks and evaluates all templates of one manifest.
pub(super) struct Templates {
    environment: Environment<'static>,
    known: Known,
    compiled: BTreeMap<(usize, usize, Place, usize), Option<Rc<Template>>>,
    /// All names used anywhere.
    pub(super) used: BTreeSet<Name>,
    /// What there is to say.
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl Templates {
    /// `variables` are the declared ones, `None` where not all of them could be read.
    pub(super) fn new(variables: Vec<String>, incomplete: bool) -> Self {
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(20);
        filter::add_filters(&mut environment);
        Self {
            environment,
            known: Known {
                variables,
                incomplete,
            },
            compiled: BTreeMap::new(),
            used: BTreeSet::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Checks a text without evaluating it and returns the names in it.
    pub(super) fn check(&mut self, text: &Text, place: Place, axes: &Axes) -> Vec<Name> {
        if !may_be_template(&text.value) {
            return Vec::new();
        }
        let Some(template) = self.compile(text, place, axes) else {
            return Vec::new();
        };
        let names = template.pieces.iter().filter_map(|it| match it {
            Part::Expression(expression) => Some(expression.uses.iter().map(|it| it.name.clone())),
            Part::Text(_) => None,
        });
        names.flatten().collect()
    }

    /// Evaluates a text to a text.
    pub(super) fn text(
        &mut self,
        text: &Text,
        place: Place,
        values: &dyn Values,
    ) -> Option<String> {
        if !may_be_template(&text.value) {
            return Some(text.value.clone());
        }
        let template = self.compile(text, place, values.axes())?;
        let mut result = String::new();
        let mut good = true;
        for part in &template.pieces {
            match part {
                Part::Text(plain) => result.push_str(plain),
                Part::Expression(expression) => match self.evaluate(text, expression, values) {
                    Some(scalar) => result.push_str(&scalar_text(&scalar)),
                    None => good = false,
                },
            }
        }
        good.then_some(result)
    }

    /// Evaluates a text; one that is an expression and nothing else keeps the type of its result.
    pub(super) fn scalar(
        &mut self,
        text: &Text,
        place: Place,
        values: &dyn Values,
    ) -> Option<Scalar> {
        if may_be_template(&text.value) {
            let template = self.compile(text, place, values.axes())?;
            if let [Part::Expression(expression)] = &template.pieces[..] {
                return self.evaluate(text, expression, values);
            }
        }
        self.text(text, place, values).map(Scalar::Text)
    }

    fn compile(&mut self, text: &Text, place: Place, axes: &Axes) -> Option<Rc<Template>> {
        let source = Arc::as_ptr(&text.location.source) as usize;
        let key = (source, text.location.span.start, place, axes.id());
        if let Some(found) = self.compiled.get(&key) {
            return found.clone();
        }
        let compiled = self.compile_new(text, place, axes).map(Rc::new);
        self.compiled.insert(key, compiled.clone());
        compiled
    }

    fn compile_new(&mut self, text: &Text, place: Place, axes: &Axes) -> Option<Template> {
        let before = self.diagnostics.len();
        let mut pieces = Vec::new();
        for piece in split(text, &mut self.diagnostics) {
            match piece {
                Piece::Text(plain) => pieces.push(Part::Text(plain)),
                Piece::Expression(range) => {
                    let mut check = NameCheck::new(text, range, (place, axes), &self.known);
                    let expression = check.run();
                    self.diagnostics.append(&mut check.diagnostics);
                    pieces.extend(expression.map(Part::Expression));
                }
            }
        }
        for part in &pieces {
            if let Part::Expression(expression) = part {
                self.used
                    .extend(expression.uses.iter().map(|it| it.name.clone()));
            }
        }
        let errors = crate::diag::has_errors(&self.diagnostics[before..]);
        (!errors).then_some(Template { pieces })
    }

    fn evaluate(
        &mut self,
        text: &Text,
        expression: &Expression,
        values: &dyn Values,
    ) -> Option<Scalar> {
        let mut namespaces: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
        for used in &expression.uses {
            let namespace = namespaces.entry(used.name.namespace.word()).or_default();
            match values.lookup(&used.name) {
                Lookup::Value(value) => {
                    namespace.insert(&used.name.key, value);
                }
                Lookup::Absent(_) if used.guarded => {}
                Lookup::Absent(reason) => return self.no_value(text, used, &reason, true),
                Lookup::Unavailable(reason) => return self.no_value(text, used, &reason, false),
                Lookup::Broken => return None,
            }
        }
        let place = inner_location(&text.location, expression.range.clone());
        if expression.alone {
            let used = &expression.uses[0];
            let value = namespaces[used.name.namespace.word()][used.name.key.as_str()].clone();
            return self.scalar_of(&value, &place);
        }
        let context = Value::from_pairs(
            namespaces
                .into_iter()
                .map(|(name, values)| (name, Value::from_pairs(values))),
        );
        let result = self
            .environment
            .compile_expression(&expression.source)
            .and_then(|it| it.eval(context));
        match result {
            Ok(value) => self.scalar_of(&value, &place),
            Err(error) => {
                self.diagnostics.push(failure(&error, &place));
                None
            }
        }
    }

    fn no_value(
        &mut self,
        text: &Text,
        used: &Use,
        reason: &str,
        may_default: bool,
    ) -> Option<Scalar> {
        let name = &used.name;
        let place = inner_location(&text.location, used.range.clone());
        let mut diagnostic =
            Diagnostic::error(Code::TemplateNoValue, format!("`{name}` has no value here"))
                .at(&place, reason);
        if may_default {
            diagnostic = diagnostic.help(format!(
                "say what holds then: `{{{{ {name} | default('none') }}}}`"
            ));
        }
        self.diagnostics.push(diagnostic);
        None
    }

    fn scalar_of(&mut self, value: &Value, place: &Location) -> Option<Scalar> {
        let diagnostic = match value.kind() {
            ValueKind::String => return value.as_str().map(|it| Scalar::Text(it.to_owned())),
            ValueKind::Bool => return Some(Scalar::Flag(value.is_true())),
            ValueKind::Number => match i64::try_from(value.clone()) {
                Ok(number) => return Some(Scalar::Integer(number)),
                Err(_) => not_scalar(
                    place,
                    "the result has a fraction or is too large",
                    "turn it into text, or compute with whole numbers",
                ),
            },
            ValueKind::Undefined | ValueKind::None => {
                Diagnostic::error(Code::TemplateNoValue, "the expression has no value")
                    .at(place, "nothing comes out")
                    .help("add `| default('..')`")
            }
            ValueKind::Seq | ValueKind::Iterable => {
                not_scalar(place, "the result is a list", "join it: `| join('-')`")
            }
            _ => not_scalar(
                place,
                "the result is no text, number or flag",
                "name one of its values",
            ),
        };
        self.diagnostics.push(diagnostic);
        None
    }
}

fn may_be_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%") || text.contains("${")
}

fn not_scalar(place: &Location, label: &str, help: &str) -> Diagnostic {
    Diagnostic::error(
        Code::TemplateNotScalar,
        "an expression must give text, a number or a flag",
    )
    .at(place, label)
    .help(help)
}

fn failure(error: &minijinja::Error, place: &Location) -> Diagnostic {
    if error.kind() == ErrorKind::OutOfFuel {
        return Diagnostic::error(Code::TemplateTooExpensive, "the expression computes too much")
            .at(place, "stopped here")
            .help("expressions are for names and tags; compute elsewhere and pass the result as a variable");
    }
    let detail = error
        .detail()
        .map_or_else(|| error.kind().to_string(), str::to_owned);
    Diagnostic::error(
        Code::TemplateFailed,
        format!("the expression fails: {detail}"),
    )
    .at(place, "in here")
    .help("check the types: `{{ var.x }}` has the type that its `var` declares")
}

/// Writes a scalar as text.
pub(super) fn scalar_text(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Text(text) => text.clone(),
        Scalar::Integer(number) => number.to_string(),
        Scalar::Flag(flag) => flag.to_string(),
    }
}

#[cfg(test)]
mod tests;
