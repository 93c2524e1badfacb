//! The field list of the language for programs (JSON) and for people (Markdown), from what the decoders ask for.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::node::shape::{FieldShape, Form, Kind, Shape, ValueShape};

/// From this many fields on, a block that another node has as well is not listed again.
const SHARED: usize = 4;

/// Returns the field list: one object a field, in the order of the decoders; `path` says where it is.
pub fn to_json(shape: &Shape) -> Value {
    let mut fields = Vec::new();
    push_json(&mut fields, "", shape);
    json!({ "format_version": "1.0", "fields": fields })
}

fn push_json(fields: &mut Vec<Value>, path: &str, shape: &Shape) {
    for field in &shape.properties {
        let mut object = field_json(path, field);
        insert(&mut object, "place", "property");
        if let Some(value) = field.value() {
            value_json(&mut object, value);
        }
        fields.push(Value::Object(object));
    }
    for field in &shape.children {
        let mut object = field_json(path, field);
        insert(&mut object, "place", "child");
        node_json(&mut object, &field.shape);
        fields.push(Value::Object(object));
        push_json(fields, &joined(path, &field.name), &field.shape);
    }
    if let Some(any) = &shape.any_child {
        let mut object = Map::new();
        insert(&mut object, "path", path);
        insert(&mut object, "name", "*");
        insert(&mut object, "cardinality", "*");
        insert(&mut object, "place", "child");
        node_json(&mut object, any);
        fields.push(Value::Object(object));
        push_json(fields, &joined(path, "*"), any);
    }
}

fn field_json(path: &str, field: &FieldShape) -> Map<String, Value> {
    let mut object = Map::new();
    insert(&mut object, "path", path);
    insert(&mut object, "name", field.name.as_str());
    insert(&mut object, "cardinality", field.cardinality().to_string());
    insert(&mut object, "supported", field.supported);
    insert(&mut object, "doc", field.doc.as_str());
    object
}

fn node_json(object: &mut Map<String, Value>, shape: &Shape) {
    insert(object, "form", shape.form().as_str());
    let values: Vec<Value> = shape.values.iter().map(value_object).collect();
    insert(object, "values", values);
    if let Some(any) = &shape.any_property {
        insert(object, "any_property", value_object(any));
    }
}

fn value_object(value: &ValueShape) -> Value {
    let mut object = Map::new();
    let cardinality = match (value.required, value.many) {
        (true, false) => "!",
        (false, false) => "?",
        (true, true) => "+",
        (false, true) => "*",
    };
    insert(&mut object, "cardinality", cardinality);
    insert(&mut object, "doc", value.doc.as_str());
    value_json(&mut object, value);
    Value::Object(object)
}

fn value_json(object: &mut Map<String, Value>, value: &ValueShape) {
    let kind = value.kind.map_or("any", Kind::as_str);
    insert(object, "kind", kind);
    insert(object, "template", value.template);
    if let Some(Kind::Integer(low, high)) = value.kind {
        insert(object, "minimum", low);
        insert(object, "maximum", high);
    }
    if !value.words.is_empty() {
        insert(object, "words", value.words.clone());
    }
    if let Some(refers) = value.refers {
        insert(object, "refers", refers);
    }
}

fn insert(object: &mut Map<String, Value>, key: &str, value: impl Into<Value>) {
    object.insert(key.to_owned(), value.into());
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path} {name}")
    }
}

/// Returns the field list as Markdown: a table for each node of the top level.
pub fn to_markdown(shape: &Shape) -> String {
    let mut text = String::new();
    for node in &shape.children {
        let Ok(()) = write_node(&mut text, shape, node) else {
            continue;
        };
    }
    text
}

fn write_node(text: &mut String, top: &Shape, node: &FieldShape) -> std::fmt::Result {
    writeln!(text, "### Fields of `{}`\n", node.name)?;
    let often = match node.cardinality() {
        '!' => "Exactly once",
        '?' => "At most once",
        '+' => "Once or more",
        _ => "Any number",
    };
    writeln!(text, "{}. {often}.\n", upper_first(&node.doc))?;
    if !node.supported {
        return writeln!(text, "Not supported yet.\n");
    }
    writeln!(text, "| field | | takes | `{{{{ }}}}` | what it is |")?;
    writeln!(text, "| --- | --- | --- | --- | --- |")?;
    write_rows(text, top, &node.name, "", &node.shape)?;
    writeln!(text)
}

fn write_rows(
    text: &mut String,
    top: &Shape,
    owner: &str,
    path: &str,
    shape: &Shape,
) -> std::fmt::Result {
    if path.is_empty() {
        for value in &shape.values {
            let cardinality = if value.required { '!' } else { '?' };
            let row = [
                "(first line)".to_owned(),
                format!("`{cardinality}`"),
                takes_value(value),
                yes(value.template),
                value.doc.clone(),
            ];
            write_row(text, &row)?;
        }
    }
    for field in &shape.properties {
        let value = field.value();
        let row = [
            format!("`{}=`", joined(path, &field.name)),
            format!("`{}`", field.cardinality()),
            value
                .filter(|_| field.supported)
                .map_or_else(String::new, takes_value),
            yes(field.supported && value.is_some_and(|it| it.template)),
            doc(field),
        ];
        write_row(text, &row)?;
    }
    if let Some(any) = shape
        .any_property
        .as_ref()
        .filter(|_| shape.form() != Form::Map)
    {
        let row = [
            format!("`{}=`", joined(path, "KEY")),
            "`*`".to_owned(),
            takes_value(any),
            yes(any.template),
            any.doc.clone(),
        ];
        write_row(text, &row)?;
    }
    for field in &shape.children {
        write_child(text, top, owner, path, field)?;
    }
    if let Some(any) = &shape.any_child {
        let row = [
            format!("`{}`", joined(path, "NAME")),
            "`*`".to_owned(),
            takes(any),
            yes(has_template(any)),
            "names are free".to_owned(),
        ];
        write_row(text, &row)?;
    }
    Ok(())
}

fn write_child(
    text: &mut String,
    top: &Shape,
    owner: &str,
    path: &str,
    field: &FieldShape,
) -> std::fmt::Result {
    let path = joined(path, &field.name);
    let shared = shared_with(top, owner, &field.shape);
    let takes = match shared {
        Some(other) => format!("what `{other}` takes in its block"),
        None if !field.supported => String::new(),
        None => takes(&field.shape),
    };
    let row = [
        format!("`{path}`"),
        format!("`{}`", field.cardinality()),
        takes,
        yes(has_template(&field.shape)),
        doc(field),
    ];
    write_row(text, &row)?;
    if shared.is_none() {
        write_rows(text, top, owner, &path, &field.shape)?;
    }
    Ok(())
}

/// Returns the node of the top level that has all these fields.
fn shared_with<'a>(top: &'a Shape, owner: &str, shape: &Shape) -> Option<&'a str> {
    let found = top.children.iter().find(|it| {
        let children = &it.shape.children;
        it.name != owner && shape.children.iter().all(|it| children.contains(it))
    });
    found
        .filter(|_| shape.children.len() >= SHARED)
        .map(|it| it.name.as_str())
}

fn write_row(text: &mut String, cells: &[String; 5]) -> std::fmt::Result {
    let cells = cells.each_ref().map(|it| it.replace('|', "\\|"));
    writeln!(text, "| {} |", cells.join(" | "))
}

fn doc(field: &FieldShape) -> String {
    if field.supported {
        field.doc.clone()
    } else {
        "not supported yet".to_owned()
    }
}

fn yes(template: bool) -> String {
    if template { "yes" } else { "" }.to_owned()
}

fn has_template(shape: &Shape) -> bool {
    let own = shape.values.iter().any(|it| it.template);
    own || shape.any_property.as_ref().is_some_and(|it| it.template)
}

/// Returns what a node takes, for people.
pub(crate) fn takes(shape: &Shape) -> String {
    let values: Vec<String> = shape.values.iter().map(takes_value).collect();
    let first = values.join(", ");
    match shape.form() {
        Form::Flag => "flag".to_owned(),
        Form::Map => format!(
            "`KEY=` {}",
            shape
                .any_property
                .as_deref()
                .map_or_else(String::new, takes_value)
        ),
        Form::Block if first.is_empty() => "block".to_owned(),
        Form::Block => format!("{first}; block"),
        Form::Bare => "nothing".to_owned(),
        Form::Value | Form::List => first,
    }
}

fn takes_value(value: &ValueShape) -> String {
    let kind = match value.kind {
        _ if !value.words.is_empty() => value
            .words
            .iter()
            .map(|it| format!("`{it}`"))
            .collect::<Vec<_>>()
            .join(", "),
        Some(Kind::Integer(low, high)) => integer(low, high),
        Some(Kind::Text) if value.refers.is_some() => {
            format!("name of `{}`", value.refers.unwrap_or_default())
        }
        Some(Kind::Text) => "text".to_owned(),
        Some(Kind::Flag) => "`#true`, `#false`".to_owned(),
        Some(Kind::Scalar) => "text, integer or flag".to_owned(),
        Some(Kind::Duration) => "time, such as `\"30m\"`".to_owned(),
        Some(Kind::Size) => "size, such as `\"2GiB\"`".to_owned(),
        Some(Kind::Date) => "day, such as `\"2027-03-31\"`".to_owned(),
        Some(Kind::Name | Kind::Path) | None => {
            value.kind.map_or("anything", Kind::as_str).to_owned()
        }
    };
    if value.many {
        format!("{kind}; one or more")
    } else {
        kind
    }
}

fn integer(low: i64, high: i64) -> String {
    match (low, high) {
        (i64::MIN, i64::MAX) => "integer".to_owned(),
        (low, high) if high >= i64::from(u32::MAX) => format!("integer from {low}"),
        (low, high) => format!("integer from {low} to {high}"),
    }
}

fn upper_first(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
