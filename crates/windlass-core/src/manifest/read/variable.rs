//! `var`.

use crate::diag::{Code, Diagnostic, Sourced};
use crate::manifest::raw::{Text, VariableKind, VariableNode};
use crate::node::shape::Kind;
use crate::node::{Dec, Given, Mark, Scalar};

use super::{no_template, plain};

const KINDS: &[(&str, VariableKind)] = &[
    ("string", VariableKind::Text),
    ("int", VariableKind::Integer),
    ("bool", VariableKind::Flag),
    ("list", VariableKind::List),
];

pub(super) fn read_variable(node: &mut Dec<'_>) -> Option<VariableNode> {
    let name = name(node);
    let doc = node.text("doc", "what the variable is for");
    plain(node, doc.as_ref());
    let declared = node.block("type", "string, int, bool or list", |it| {
        it.required_value("a type")?.word(KINDS)
    });
    let default = scalars(node, "default", "the value where nothing else gives one");
    let from_env = node.block("from-env", "environment variables, in order", |it| {
        let names = it.required_values("the name of an environment variable");
        let names: Vec<Text> = names.iter().filter_map(Given::text).collect();
        for name in &names {
            no_template(it, "from-env", name);
        }
        names
    });
    let one_of = scalars(node, "one-of", "the values allowed").unwrap_or_default();
    let matches = node.block(
        "matches",
        "a regular expression that the value must match",
        |it| {
            let pattern = it.required_value("a regular expression")?.text()?;
            let message = it
                .property("message", "what to say otherwise")
                .and_then(|it| it.text());
            plain(it, Some(&pattern));
            plain(it, message.as_ref());
            Some((pattern, message))
        },
    );
    let range = node.block(
        "range",
        "the smallest and the largest value allowed",
        |it| {
            let place = it.name_location();
            let low = it
                .required_value("the smallest value")?
                .integer(i64::MIN..=i64::MAX);
            let high = it
                .required_value("the largest value")?
                .integer(i64::MIN..=i64::MAX);
            Some((low?.value, high?.value, place))
        },
    );
    let said = |name: &str| node.was_given(name) || node.has_slip_of(name);
    let is_broken = default.as_deref().is_none_or(<[_]>::is_empty)
        && (node.has_slip_of("from-env") || said("default"));
    let kind = declared
        .flatten()
        .map_or_else(|| kind_of(default.as_deref()), |it| it.value);
    Some(VariableNode {
        name: name?,
        kind,
        default,
        from_env: from_env.unwrap_or_default(),
        one_of,
        matches: matches.flatten(),
        range: range.flatten(),
        is_broken,
    })
}

fn kind_of(default: Option<&[Sourced<Scalar>]>) -> VariableKind {
    match default {
        Some([one]) => match one.value {
            Scalar::Text(_) => VariableKind::Text,
            Scalar::Integer(_) => VariableKind::Integer,
            Scalar::Flag(_) => VariableKind::Flag,
        },
        Some([_, _, ..]) => VariableKind::List,
        _ => VariableKind::Text,
    }
}

fn scalars(
    node: &mut Dec<'_>,
    name: &'static str,
    doc: &'static str,
) -> Option<Vec<Sourced<Scalar>>> {
    node.block(name, doc, |it| {
        let values = it.required_values(doc);
        let values: Vec<Sourced<Scalar>> = values.iter().filter_map(Given::scalar).collect();
        for value in &values {
            if let Scalar::Text(text) = &value.value {
                let text = Sourced::new(text.clone(), value.location.clone());
                no_template(it, name, &text);
            }
        }
        values
    })
}

pub(super) fn name(node: &mut Dec<'_>) -> Option<Text> {
    let name = node.required_value("the name, in quotes")?.text()?;
    node.reading().mark(&name.location, Mark::Kind(Kind::Name));
    let Some((code, label, snake)) = snake_case(&name.value) else {
        return Some(name);
    };
    node.report(
        Diagnostic::error(
            code,
            format!("`{}` is not a name for a variable", name.value),
        )
        .at(&name.location, label)
        .help(format!(
            "use lower-case letters, digits and `_`; try `{snake}`"
        )),
    );
    None
}

/// Checks a name that expressions use: nothing where it is good, else code, label and a name to use instead.
pub(in crate::manifest) fn snake_case(name: &str) -> Option<(Code, &'static str, String)> {
    let starts = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if starts && name.chars().all(good) {
        return None;
    }
    let snake = name.chars().map(|c| match c {
        'a'..='z' | '0'..='9' => c,
        'A'..='Z' => c.to_ascii_lowercase(),
        _ => '_',
    });
    let (code, label) = if name.contains('-') {
        (Code::TemplateSubtraction, "`-` subtracts in an expression")
    } else {
        (Code::BadName, "has other characters")
    };
    Some((code, label, snake.collect()))
}
