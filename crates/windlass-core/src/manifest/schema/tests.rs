use super::*;
use crate::diag::{Code, Source};

/// Fields that are asked for, and of which no decoder says what they are read as.
fn unread(path: &str, shape: &Shape, found: &mut Vec<String>) {
    let values = shape.values.iter().chain(shape.any_property.as_deref());
    if values.into_iter().any(|it| it.kind.is_none()) {
        found.push(path.to_owned());
    }
    for field in shape.properties.iter().filter(|it| it.supported) {
        if field.value().is_none_or(|it| it.kind.is_none()) {
            found.push(format!("{}=", joined(path, &field.name)));
        }
    }
    for field in &shape.children {
        unread(&joined(path, &field.name), &field.shape, found);
    }
    if let Some(any) = &shape.any_child {
        unread(&joined(path, "*"), any, found);
    }
}

#[test]
fn every_field_is_read_as_something_and_documented() {
    let shape = crate::manifest::shape();
    let mut found = Vec::new();
    unread("", &shape, &mut found);
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn required_fields_are_those_that_the_decoder_misses() {
    let shape = crate::manifest::shape();
    let registry = &shape.child("registry").expect("registry").shape;
    let required: Vec<&str> = registry
        .children
        .iter()
        .filter(|it| it.required)
        .map(|it| it.name.as_str())
        .collect();
    assert_eq!(required, ["account", "region"]);
    assert_eq!(
        shape.child("workspace").expect("workspace").cardinality(),
        '!'
    );
}

#[test]
fn a_field_in_json_says_where_it_is_and_what_it_takes() {
    let json = to_json(&crate::manifest::shape());
    let fields = json["fields"].as_array().expect("a list");
    let find = |path: &str, name: &str| {
        let found = fields
            .iter()
            .find(|it| it["path"] == path && it["name"] == name);
        found.expect(name).clone()
    };
    assert_eq!(find("repository", "scan-on-push")["form"], "flag");
    assert_eq!(find("image", "tag")["form"], "list");
    assert_eq!(find("image", "tag")["values"][0]["template"], true);
    assert_eq!(find("image stamp", "arg")["form"], "map");
    assert_eq!(
        find("image", "network")["values"][0]["words"],
        json!(["default", "none", "host"])
    );
    assert_eq!(find("workspace", "parallel")["values"][0]["maximum"], 256);
}

/// One text that a node takes: the words in front of it, and whether the field list says that it is evaluated.
struct Slot {
    path: String,
    manifest: String,
    template: bool,
}

const PROBE: &str = "{{ nope.x }}";

/// Writes one manifest for each text of the language, with an expression in it that cannot be right.
fn slots(path: &str, shape: &Shape, around: &dyn Fn(String) -> String, found: &mut Vec<Slot>) {
    for field in shape.children.iter().filter(|it| it.supported) {
        let path = joined(path, &field.name);
        let inside = |head: &str, block: &str| {
            around(format!(
                "{} {head}{}",
                field.name,
                braces(&field.shape, block)
            ))
        };
        for (at, value) in field.shape.values.iter().enumerate() {
            let head = values(&field.name, &field.shape, Some(at), None);
            push(&path, value, inside(&head, ""), found);
        }
        for property in &field.shape.properties {
            let Some(value) = property.value().filter(|_| property.supported) else {
                continue;
            };
            let head = values(&field.name, &field.shape, None, Some(&property.name));
            push(
                &joined(&path, &property.name),
                value,
                inside(&head, ""),
                found,
            );
        }
        if let Some(any) = &field.shape.any_property {
            let head = format!(
                "{} KEY=\"{PROBE}\"",
                values(&field.name, &field.shape, None, None)
            );
            push(&joined(&path, "KEY"), any, inside(&head, ""), found);
        }
        let head = values(&field.name, &field.shape, None, None);
        let deeper = |inner: String| inside(&head, &inner);
        slots(&path, &field.shape, &deeper, found);
    }
}

fn push(path: &str, value: &ValueShape, manifest: String, found: &mut Vec<Slot>) {
    if matches!(value.kind, Some(Kind::Text | Kind::Scalar | Kind::Path)) && value.words.is_empty()
    {
        found.push(Slot {
            path: path.to_owned(),
            manifest,
            template: value.template,
        });
    }
}

/// Writes what must be on the first line, with the probe at the value or property named.
fn values(owner: &str, shape: &Shape, probe: Option<usize>, property: Option<&str>) -> String {
    let mut head = Vec::new();
    for (at, value) in shape.values.iter().enumerate() {
        if probe == Some(at) {
            head.push(format!("\"{PROBE}\""));
        } else if value.required {
            head.push(sample(owner, value));
        }
    }
    for field in &shape.properties {
        if property == Some(field.name.as_str()) {
            head.push(format!("{}=\"{PROBE}\"", field.name));
        } else if let Some(value) = field.value().filter(|_| field.required) {
            head.push(format!("{}={}", field.name, sample(&field.name, value)));
        }
    }
    head.join(" ")
}

fn braces(shape: &Shape, block: &str) -> String {
    let mut inner: Vec<String> = vec![block.to_owned()];
    for field in shape.children.iter().filter(|it| it.required) {
        if !block.starts_with(&format!("{} ", field.name)) {
            let head = values(&field.name, &field.shape, None, None);
            inner.push(format!("{} {head}{}", field.name, braces(&field.shape, "")));
        }
    }
    let inner = inner.join("\n");
    if inner.trim().is_empty() {
        String::new()
    } else {
        format!(" {{\n{inner}\n}}")
    }
}

fn sample(owner: &str, value: &ValueShape) -> String {
    // The last word of a set is the most particular one, such as `kms-dsse`, which has a key.
    if let Some(word) = value.words.last() {
        return format!("\"{word}\"");
    }
    let text = match value.kind {
        Some(Kind::Integer(low, _)) => return low.clamp(0, 9).to_string(),
        Some(Kind::Flag) => return "#true".to_owned(),
        Some(Kind::Duration) => "30m",
        Some(Kind::Size) => "2GiB",
        Some(Kind::Date) => "2999-01-01",
        _ => match owner {
            "account" => "111122223333",
            "region" => "eu-west-1",
            "role" => "arn:aws:iam::111122223333:role/windlass",
            "target" => "dev",
            "needs" => "other",
            _ => "shop",
        },
    };
    format!("\"{text}\"")
}

/// What a manifest has beside the node that is tried.
const BESIDE: &str = "registry \"dev\" { account \"111122223333\"; region \"eu-west-1\" }\nimage \"other\" { dockerfile \"x\" }\nrepository \"lonely\"\n";

/// The field list says which texts are evaluated; here the language itself is asked.
#[test]
fn texts_are_evaluated_exactly_where_the_field_list_says_so() {
    let mut found = Vec::new();
    slots("", &crate::manifest::shape(), &|it| it, &mut found);
    assert!(found.len() > 40, "only {} texts were found", found.len());
    let mut wrong = String::new();
    for slot in &found {
        let mut text = format!("{}\n", slot.manifest);
        if !text.starts_with("workspace") {
            text.push_str("workspace \"w\"\n");
        }
        text.push_str(BESIDE);
        let host = |_: &crate::manifest::model::Registry| "host".to_owned();
        let inputs = crate::manifest::ResolveInputs::new(&host);
        let (_, diagnostics) = crate::manifest::load(&Source::new("m.kdl", text), &inputs);
        let is_evaluated = diagnostics
            .iter()
            .any(|it| it.code == Code::UnknownTemplateName);
        if is_evaluated != slot.template {
            let said = crate::diag::text::render_plain(&diagnostics);
            let _ = writeln!(
                wrong,
                "{}: the field list says {}\n{}\n{said}",
                slot.path, slot.template, slot.manifest
            );
        }
    }
    assert!(
        wrong.is_empty(),
        "in the decoder, refuse or mark a text with `no_template` or `plain`, or evaluate it:\n{wrong}"
    );
}
