//! `pattern`.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex_lite::Regex;

use crate::diag::{Code, Diagnostic, Sourced};
use crate::manifest::files::ManifestFiles;
use crate::manifest::path;
use crate::manifest::raw::{ParameterNode, ParameterType, PatternNode, Text};
use crate::manifest::template::scalar_text;
use crate::node::{Dec, Given};

use super::{identifier, no_template, plain};

const TYPES: &[(&str, ParameterType)] = &[
    ("string", ParameterType::Text),
    ("int", ParameterType::Integer),
    ("bool", ParameterType::Flag),
    ("list", ParameterType::List),
    ("map", ParameterType::Map),
    ("path", ParameterType::Path),
    ("command", ParameterType::Command),
];

pub(super) fn read_pattern(node: &mut Dec<'_>) -> Option<Arc<PatternNode>> {
    let name = identifier(node);
    let extends = node
        .property(
            "extends",
            "the pattern whose template and parameters it builds on, such as `\"python@1\"`",
        )
        .and_then(|it| it.text());
    let doc = node.text("doc", "what the pattern is for");
    let template = node.text(
        "template",
        "the file of the template, relative to this file",
    );
    plain(node, doc.as_ref());
    for text in extends.iter().chain(&template) {
        no_template(node, "template", text);
    }
    let ignore = node.texts(
        "ignore",
        "ignore lines, behind those of the pattern it extends",
    );
    let expects = node.texts("expects", "files that must be in the build context");
    let platforms = node.texts(
        "platform",
        "what its images run on where they do not say it",
    );
    let lists = [
        ("ignore", &ignore),
        ("expects", &expects),
        ("platform", &platforms),
    ];
    for (what, list) in lists {
        for text in list {
            no_template(node, what, text);
        }
    }
    let parameters = read_parameters(node);
    let name = name?;
    if extends.is_none() && template.is_none() {
        node.report(
            Diagnostic::error(
                Code::PatternDefinition,
                format!("pattern `{}` gives no Dockerfile", name.value),
            )
            .at(&node.head_location(), "neither `template` nor `extends=`")
            .help("add `template \"patterns/x.Dockerfile\"`, or build on another: `extends=\"python@1\"`"),
        );
    }
    Some(Arc::new(PatternNode {
        name,
        extends,
        doc,
        template,
        source: None,
        ignore,
        expects,
        platforms,
        parameters,
        location: node.head_location(),
    }))
}

fn read_parameters(node: &mut Dec<'_>) -> Vec<ParameterNode> {
    let mut all: Vec<ParameterNode> = Vec::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for mut child in node.children("param", "a parameter, which images set under `with`") {
        if let Some(parameter) = read_parameter(&mut child) {
            let name = &parameter.name;
            if let Some(earlier) = places.insert(name.value.clone(), all.len()) {
                child.report(
                    Diagnostic::error(
                        Code::DuplicateDefinition,
                        format!("parameter `{}` is defined twice", name.value),
                    )
                    .at(&name.location, "again here")
                    .at(&all[earlier].name.location, "first defined here")
                    .help("keep one of them"),
                );
            }
            all.push(parameter);
        }
        child.finish();
    }
    all
}

fn read_parameter(node: &mut Dec<'_>) -> Option<ParameterNode> {
    let name = super::variable::name(node);
    let kind = node
        .property("type", "string, int, bool, list, map, path or command")
        .and_then(|it| it.word(TYPES));
    let doc = node.text("doc", "what it does");
    plain(node, doc.as_ref());
    let default = node.block("default", "the value where an image gives none", |it| {
        let values = it.values().iter().filter_map(Given::scalar).collect();
        (values, it.name_location())
    });
    let one_of = node
        .block("one-of", "the values allowed", |it| {
            let values = it.required_values("the values allowed");
            let scalars = values.iter().filter_map(Given::scalar);
            scalars
                .map(|it| Sourced::new(scalar_text(&it.value), it.location))
                .collect()
        })
        .unwrap_or_default();
    let matches = node
        .block(
            "matches",
            "a regular expression for each of its texts",
            |it| {
                let pattern = it.required_value("a regular expression")?.text()?;
                let message = it.property("message", "what to say otherwise");
                let message = message.and_then(|it| it.text());
                Some((pattern, message))
            },
        )
        .flatten();
    let range = node
        .block(
            "range",
            "the smallest and the largest number allowed",
            |it| {
                let all = i64::MIN..=i64::MAX;
                let low = it
                    .required_value("the smallest number")?
                    .integer(all.clone());
                let high = it.required_value("the largest number")?.integer(all);
                Some((low?.value, high?.value))
            },
        )
        .flatten();
    if let Some((pattern, message)) = &matches {
        plain(node, Some(pattern));
        plain(node, message.as_ref());
        check_regex(node, pattern);
    }
    for text in default.iter().flat_map(|it: &(Vec<_>, _)| &it.0) {
        let text: &Sourced<crate::node::Scalar> = text;
        no_template(
            node,
            "default",
            &Text::new(scalar_text(&text.value), text.location.clone()),
        );
    }
    for text in &one_of {
        no_template(node, "one-of", text);
    }
    Some(ParameterNode {
        name: name?,
        kind,
        doc,
        default,
        one_of,
        matches,
        range,
    })
}

fn check_regex(node: &Dec<'_>, pattern: &Text) {
    if let Err(error) = Regex::new(&format!("^(?:{})$", pattern.value)) {
        node.report(crate::manifest::resolve::bad_pattern(
            pattern,
            &error.to_string(),
        ));
    }
}

/// Reads the templates of patterns; reports those that cannot be read.
pub(super) fn read_templates(
    patterns: &mut [Arc<PatternNode>],
    files: &mut dyn ManifestFiles,
    diagnostics: &mut Vec<Diagnostic>,
) {
    for pattern in patterns {
        let Some(template) = pattern.template.clone() else {
            continue;
        };
        let found = path::normalize_from(&template.location.source.name, &template.value);
        let source = match found {
            Ok(path) => files.read(&path).map_err(|why| {
                let message = format!("template `{path}` cannot be read: {}", why.message);
                Diagnostic::error(Code::PatternTemplate, message)
                    .at(&template.location, "the template of this pattern")
                    .help("the path is relative to this file; templates lie in the workspace")
            }),
            Err(reason) => Err(path::outside(&template, &template.value, reason)),
        };
        match source {
            Ok(source) => {
                if let Some(node) = Arc::get_mut(pattern) {
                    node.source = Some(source);
                }
            }
            Err(diagnostic) => diagnostics.push(diagnostic),
        }
    }
}
