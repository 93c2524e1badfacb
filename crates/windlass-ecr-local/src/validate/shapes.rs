//! The shapes of the service model, with compiled patterns.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use regex_lite::Regex;
use serde::Deserialize;
use serde_json::Value;

/// The model, read once.
pub(super) static MODEL: LazyLock<Model> = LazyLock::new(|| {
    let raw: RawModel =
        serde_json::from_str(include_str!("service-model.json")).expect("the model is valid");
    Model::from(raw)
});

/// Operations and shapes; a shape is named by its place in the list.
#[derive(Debug)]
pub(super) struct Model {
    /// Operations by name.
    pub(super) operations: HashMap<String, Operation>,
    /// Shapes.
    pub(super) shapes: Vec<Shape>,
}

/// An operation.
#[derive(Debug)]
pub(super) struct Operation {
    /// Shape of the request.
    pub(super) input: usize,
    /// Shape of the answer.
    #[cfg_attr(
        not(debug_assertions),
        expect(dead_code, reason = "answers are checked in debug builds")
    )]
    pub(super) output: usize,
}

/// A shape with its constraints.
#[derive(Debug)]
pub(super) enum Shape {
    /// Members by name.
    Structure {
        members: HashMap<String, usize>,
        required: Vec<String>,
    },
    /// A list.
    List { member: usize, size: Range },
    /// A map.
    Map { key: usize, value: usize },
    /// A string; lengths in characters.
    Text {
        length: Range,
        pattern: Option<(String, Regex)>,
        values: Vec<String>,
    },
    /// Base64 of bytes; lengths in bytes.
    Blob { length: Range },
    /// A whole number.
    Integer { range: Range },
    /// Any number, timestamps included.
    Number,
    /// True or false.
    Boolean,
}

/// Why a value does not fit a scalar shape.
pub(super) enum Problem {
    /// It has another type; what was expected.
    Type(&'static str),
    /// It breaks a constraint; its text in ECR's wording.
    Constraint(String),
}

/// Least and greatest, both included.
#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    min: Option<i64>,
    max: Option<i64>,
}

impl Range {
    /// Checks a size; the error is a constraint in ECR's wording.
    pub(super) fn check(self, size: usize, what: &str) -> Result<(), String> {
        self.check_value(i64::try_from(size).unwrap_or(i64::MAX), what)
    }

    fn check_value(self, value: i64, what: &str) -> Result<(), String> {
        match (self.min, self.max) {
            (Some(min), _) if value < min => {
                Err(format!("must have {what} greater than or equal to {min}"))
            }
            (_, Some(max)) if value > max => {
                Err(format!("must have {what} less than or equal to {max}"))
            }
            _ => Ok(()),
        }
    }
}

impl Shape {
    /// Returns whether the shape holds no others.
    pub(super) fn is_scalar(&self) -> bool {
        !matches!(
            self,
            Self::Structure { .. } | Self::List { .. } | Self::Map { .. }
        )
    }

    /// Checks a value of a scalar shape.
    pub(super) fn check(&self, value: &Value) -> Result<(), Problem> {
        match self {
            Self::Text {
                length,
                pattern,
                values,
            } => {
                let text = value.as_str().ok_or(Problem::Type("a string"))?;
                check_text(text, *length, pattern.as_ref(), values).map_err(Problem::Constraint)
            }
            Self::Blob { length } => {
                let text = value.as_str().ok_or(Problem::Type("base64"))?;
                // Padding makes this up to two bytes too long, which the decoded part settles.
                length
                    .check(text.len() / 4 * 3, "length")
                    .or_else(|constraint| match length.max {
                        Some(max)
                            if i64::try_from(text.len() / 4 * 3)
                                .is_ok_and(|size| size <= max + 2) =>
                        {
                            Ok(())
                        }
                        _ => Err(Problem::Constraint(constraint)),
                    })
            }
            Self::Integer { range } => {
                let number = value.as_i64().ok_or(Problem::Type("a whole number"))?;
                range
                    .check_value(number, "value")
                    .map_err(Problem::Constraint)
            }
            Self::Number => value
                .is_number()
                .then_some(())
                .ok_or(Problem::Type("a number")),
            Self::Boolean => value
                .is_boolean()
                .then_some(())
                .ok_or(Problem::Type("true or false")),
            Self::Structure { .. } | Self::List { .. } | Self::Map { .. } => Ok(()),
        }
    }
}

fn check_text(
    text: &str,
    length: Range,
    pattern: Option<&(String, Regex)>,
    values: &[String],
) -> Result<(), String> {
    length.check(text.chars().count(), "length")?;
    if !values.is_empty() && !values.iter().any(|value| value == text) {
        return Err(format!(
            "must satisfy enum value set: [{}]",
            values.join(", ")
        ));
    }
    match pattern {
        Some((source, regex)) if !regex.is_match(text) => {
            Err(format!("must satisfy regular expression '{source}'"))
        }
        _ => Ok(()),
    }
}

#[derive(Deserialize)]
struct RawModel {
    operations: BTreeMap<String, RawOperation>,
    shapes: BTreeMap<String, RawShape>,
}

#[derive(Deserialize)]
struct RawOperation {
    input: String,
    output: String,
}

#[derive(Deserialize)]
struct RawShape {
    #[serde(rename = "type")]
    kind: String,
    min: Option<i64>,
    max: Option<i64>,
    pattern: Option<String>,
    #[serde(default, rename = "enum")]
    values: Vec<String>,
    #[serde(default)]
    required: Vec<String>,
    #[serde(default)]
    members: BTreeMap<String, String>,
    member: Option<String>,
    key: Option<String>,
    value: Option<String>,
}

impl From<RawModel> for Model {
    fn from(raw: RawModel) -> Self {
        let places: HashMap<String, usize> = raw.shapes.keys().cloned().zip(0..).collect();
        let place = |name: &str| {
            *places
                .get(name)
                .expect("the model names only shapes it holds")
        };
        let operations = raw.operations.iter().map(|(name, operation)| {
            (
                name.clone(),
                Operation {
                    input: place(&operation.input),
                    output: place(&operation.output),
                },
            )
        });
        Self {
            operations: operations.collect(),
            shapes: raw.shapes.values().map(|raw| shape(raw, &place)).collect(),
        }
    }
}

fn shape(raw: &RawShape, place: &dyn Fn(&str) -> usize) -> Shape {
    let range = Range {
        min: raw.min,
        max: raw.max,
    };
    let named =
        |name: &Option<String>| place(name.as_deref().expect("lists and maps name their members"));
    match raw.kind.as_str() {
        "structure" => Shape::Structure {
            members: raw
                .members
                .iter()
                .map(|(name, shape)| (name.clone(), place(shape)))
                .collect(),
            required: raw.required.clone(),
        },
        "list" => Shape::List {
            member: named(&raw.member),
            size: range,
        },
        "map" => Shape::Map {
            key: named(&raw.key),
            value: named(&raw.value),
        },
        "string" => Shape::Text {
            length: range,
            pattern: raw.pattern.clone().map(compiled),
            values: raw.values.clone(),
        },
        "blob" => Shape::Blob { length: range },
        "integer" | "long" => Shape::Integer { range },
        "boolean" => Shape::Boolean,
        _ => Shape::Number,
    }
}

/// Compiles a pattern, which must match the whole text.
fn compiled(source: String) -> (String, Regex) {
    let regex = Regex::new(&format!("^(?:{source})$"))
        .expect("the model's patterns are regular expressions");
    (source, regex)
}
