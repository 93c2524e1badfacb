//! An image as it is shown.

use std::collections::BTreeMap;

use crate::diag::Sourced;
use crate::manifest::layers::{Entries, Layer, Layered, List, MergedImage, MergedRecipe};
use crate::manifest::model::{Argument, Image, Recipe};
use crate::manifest::raw::{BuilderNode, Pair, Text};
use crate::manifest::resolve::images::Placed;
use crate::manifest::resolve::instances::Instance;

use super::line::{Lines, Origin, bytes, duration, flag, key, quoted, scalar, value};

pub(super) fn show(
    placed: &Placed<'_>,
    image: &Image,
    builder: Option<(&BuilderNode, Origin)>,
) -> String {
    let instance = &placed.image;
    let body = &*instance.body;
    let mut lines = Lines::default();
    header(&mut lines, placed, image);
    let origin = Origin::at(Layer::Own, &instance.node.location);
    let (head, origin) = match body.recipe {
        Some(MergedRecipe::Pattern(pattern)) => {
            let head = format!(
                "image {} pattern={}",
                quoted(image.name.as_str()),
                quoted(&pattern.value)
            );
            let from = Origin::of(&pattern, &pattern.location);
            (
                head,
                match (pattern.layer, from) {
                    (Layer::Own, _) | (_, Origin::BuiltIn) => origin,
                    (_, Origin::Said(from)) => origin.with(&format!("pattern: {from}")),
                },
            )
        }
        _ => (format!("image {}", quoted(image.name.as_str())), origin),
    };
    lines.block(&head, &origin, |lines| {
        fields(lines, instance, body, image, placed);
        how_built(lines, body, image, builder);
    });
    lines.into_text()
}

/// Says what the node itself does not: where the image is held, and its combination.
fn header(lines: &mut Lines, placed: &Placed<'_>, image: &Image) {
    let keys: Vec<String> = placed.keys.iter().map(ToString::to_string).collect();
    lines.remark(&format!(
        "image.{}, held by {}",
        image.name,
        keys.join(", ")
    ));
    if let Some(matrix) = &placed.image.matrix {
        let values: Vec<String> = matrix
            .values
            .iter()
            .map(|(key, value)| format!("{key}={}", scalar(value)))
            .collect();
        let (line, _) = matrix.location.source.position(matrix.location.span.start);
        let file = &matrix.location.source.name;
        lines.remark(&format!(
            "of a matrix: {} ({file}:{line})",
            values.join(" ")
        ));
    }
}

fn fields(
    lines: &mut Lines,
    instance: &Instance<'_>,
    body: &MergedImage<'_>,
    image: &Image,
    placed: &Placed<'_>,
) {
    one(lines, "doc", body.doc.as_ref(), image.doc.as_deref());
    one(lines, "owner", body.owner.as_ref(), image.owner.as_deref());
    list(lines, "group", &body.groups);
    match &body.context {
        Some(_) => one(
            lines,
            "context",
            body.context.as_ref(),
            Some(&image.context),
        ),
        None => lines.line(
            &format!("context {}", quoted(&image.context)),
            &Origin::BuiltIn,
        ),
    }
    recipe(lines, body, image);
    one(lines, "stage", body.stage.as_ref(), image.stage.as_deref());
    list(lines, "ignore", &body.ignore);
    with(lines, body, image);
    list(lines, "platform", &body.platforms);
    for platform in image.platforms.iter().filter(|_| body.platforms.is_empty()) {
        let node = format!("platform {}", quoted(platform.as_str()));
        lines.line(&node, &Origin::BuiltIn);
    }
    map(lines, "arg", &body.maps.args, &image.args);
    map(lines, "label", &body.maps.labels, &image.labels);
    map(
        lines,
        "annotation",
        &body.maps.annotations,
        &image.annotations,
    );
    stamp(lines, body, image);
    needs(lines, instance, body);
    tags(lines, body, image);
    targets(lines, body, placed);
    repository(lines, instance, body);
    one(
        lines,
        "network",
        body.network.as_ref(),
        image.network.as_deref(),
    );
    let origin = body.epoch.map(|it| Origin::of(&it, &it.location));
    lines.line(
        &format!("epoch {}", image.epoch),
        &origin.unwrap_or(Origin::BuiltIn),
    );
}

/// What it is built with, and what its RUN steps may use.
fn how_built(
    lines: &mut Lines,
    body: &MergedImage<'_>,
    image: &Image,
    builder: Option<(&BuilderNode, Origin)>,
) {
    for secret in &image.secrets {
        let mut node = format!("secret {}", quoted(&secret.name));
        if secret.id != secret.name {
            node.extend([" id=", &quoted(&secret.id)]);
        }
        let origin = Origin::of(&body.secrets, &secret.location);
        lines.line(&node, &origin.with(&secret.source.to_string()));
    }
    list(lines, "ssh", &body.ssh);
    for context in body.named_contexts.given {
        let name = &context.name.value;
        if let Some(from) = image.named_contexts.get(name) {
            let node = format!("named-context {} from={}", quoted(name), quoted(from));
            let origin = Origin::of(&body.named_contexts, &context.name.location);
            lines.line(&node, &origin);
        }
    }
    if let Some((node, origin)) = &builder {
        lines.line(&format!("builder {}", quoted(&node.name.value)), origin);
    }
    if let Some(seconds) = image.timeout_seconds {
        let node = format!("timeout {}", quoted(&duration(seconds)));
        let own = body.timeout.map(|it| Origin::of(&it, &it.location));
        let builder = builder.map(|it| Origin::at(Layer::Own, &it.0.location));
        let origin = own.or(builder.map(|it| it.with("the builder's")));
        lines.line(&node, &origin.unwrap_or(Origin::BuiltIn));
    }
    for (name, given) in [("provenance", body.provenance), ("sbom", body.sbom)] {
        if let Some(given) = given {
            lines.line(
                &flag(name, given.value),
                &Origin::of(&given, &given.location),
            );
        }
    }
    if let Some(size) = body.max_size {
        let node = format!("max-size {}", quoted(&bytes(size.value)));
        lines.line(&node, &Origin::of(&size, &size.location));
    }
}

/// A node with one text.
fn one(lines: &mut Lines, name: &str, given: Option<&Layered<'_, Text>>, value: Option<&str>) {
    if let (Some(given), Some(value)) = (given, value) {
        let node = format!("{name} {}", quoted(value));
        lines.line(&node, &Origin::of(given, &given.location));
    }
}

/// A list without templates, one value a line.
fn list(lines: &mut Lines, name: &str, list: &List<'_, Text>) {
    for text in list.given {
        let node = format!("{name} {}", quoted(&text.value));
        lines.line(&node, &Origin::of(list, &text.location));
    }
}

fn recipe(lines: &mut Lines, body: &MergedImage<'_>, image: &Image) {
    let Recipe::Dockerfile(path) = &image.recipe else {
        return;
    };
    let given = body.dockerfile();
    let origin = given.map_or(Origin::BuiltIn, |it| Origin::of(&it, &it.location));
    lines.line(&format!("dockerfile {}", quoted(&path.value)), &origin);
}

fn with(lines: &mut Lines, body: &MergedImage<'_>, image: &Image) {
    let Recipe::Pattern { with, .. } = &image.recipe else {
        return;
    };
    let Some(first) = body.with.first() else {
        return;
    };
    lines.block("with", &Origin::of(first, &first.name.location), |lines| {
        for (name, argument) in with {
            let mut given = body.with.iter();
            let Some(given) = given.find(|it| it.name.value == *name) else {
                continue;
            };
            let origin = Origin::of(given, &argument.location);
            lines.line(&parameter(name, argument), &origin);
        }
    });
}

fn parameter(name: &str, argument: &Argument) -> String {
    let mut node = key(name);
    for given in &argument.values {
        node.push(' ');
        node.push_str(&value(&given.value));
    }
    for (name, given) in &argument.properties {
        node.extend([" ", &key(name), "=", &value(&given.value)]);
    }
    node
}

type TextMap = BTreeMap<String, Sourced<String>>;

/// A map, one key a line, sorted.
fn map(lines: &mut Lines, name: &str, entries: &Entries<'_, Pair>, values: &TextMap) {
    let by_key: BTreeMap<&str, &Layered<'_, Pair>> = entries
        .iter()
        .map(|it| (it.key.value.as_str(), it))
        .collect();
    for (at, entry) in by_key {
        if let Some(value) = values.get(at) {
            let node = format!("{name} {}={}", key(at), quoted(&value.value));
            lines.line(&node, &Origin::of(entry, &entry.key.location));
        }
    }
}

fn stamp(lines: &mut Lines, body: &MergedImage<'_>, image: &Image) {
    let maps = &body.stamp;
    let all = [&maps.args, &maps.labels, &maps.annotations];
    let Some(first) = all.into_iter().flatten().next() else {
        return;
    };
    lines.block("stamp", &Origin::of(first, &first.key.location), |lines| {
        map(lines, "arg", &maps.args, &image.stamp.args);
        map(lines, "label", &maps.labels, &image.stamp.labels);
        map(
            lines,
            "annotation",
            &maps.annotations,
            &image.stamp.annotations,
        );
    });
}

fn needs(lines: &mut Lines, instance: &Instance<'_>, body: &MergedImage<'_>) {
    for need in &instance.needs {
        let mut node = format!("needs {}", quoted(&need.image.value));
        if let Some(name) = &need.as_name {
            node.extend([" as=", &quoted(&name.value)]);
        }
        lines.line(&node, &Origin::of(&body.needs, &need.image.location));
    }
}

/// Tags, once for all targets; with the target where it makes a difference.
fn tags(lines: &mut Lines, body: &MergedImage<'_>, image: &Image) {
    let mut seen: Vec<(&str, Vec<String>, &crate::diag::Location)> = Vec::new();
    for target in &image.targets {
        for tag in &target.tags {
            let registry = target.key.registry.to_string();
            match seen.iter_mut().find(|it| it.0 == tag.value.as_str()) {
                Some(known) => known.1.push(registry),
                None => seen.push((tag.value.as_str(), vec![registry], &tag.location)),
            }
        }
    }
    for (tag, registries, place) in seen {
        let origin = Origin::of(&body.tags, place);
        let origin = if registries.len() == image.targets.len() {
            origin
        } else {
            origin.with(&format!("in {}", registries.join(" and ")))
        };
        lines.line(&format!("tag {}", quoted(tag)), &origin);
    }
}

fn targets(lines: &mut Lines, body: &MergedImage<'_>, placed: &Placed<'_>) {
    if body.targets.is_empty() {
        for key in &placed.keys {
            let node = format!("target {}", quoted(key.registry.as_ref()));
            lines.line(&node, &Origin::BuiltIn);
        }
    } else {
        list(lines, "target", &body.targets);
    }
}

/// The repository by its name; its settings have an address of their own.
fn repository(lines: &mut Lines, instance: &Instance<'_>, body: &MergedImage<'_>) {
    let named = body
        .repositories
        .iter()
        .find_map(|it| Some((it.layer, it.given.name.as_ref()?)));
    match named {
        Some((layer, name)) => lines.line(
            &format!("repository {}", quoted(&name.value)),
            &Origin::at(layer, &name.location),
        ),
        None => lines.line(
            &format!("repository {}", quoted(&instance.name.value)),
            &Origin::BuiltIn,
        ),
    }
}
