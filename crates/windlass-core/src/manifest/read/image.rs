//! `image` and the body it shares with `defaults { image }`.

use crate::diag::{Code, Diagnostic};
use crate::manifest::raw::{ImageBody, ImageNode, ImageRepository, Maps, NeedNode, Text, WithNode};
use crate::node::shape::Kind;
use crate::node::{Dec, Given, Mark};

use super::builder::{read_named_contexts, read_size};
use super::matrix::read_matrix;
use super::repository::read_settings;
use super::secret::read_uses;
use super::{
    check_word, checked_name, no_template, pair, pairs, place, plain, read_inheritance, refers,
};

pub(super) fn read_image(node: &mut Dec<'_>) -> Option<ImageNode> {
    let name = image_name(node);
    let pattern = node
        .property(
            "pattern",
            "the pattern that makes the Dockerfile, such as `\"python@1\"`",
        )
        .and_then(|it| it.text());
    refers(node, pattern.as_slice(), "pattern");
    let (extends, is_abstract) = read_inheritance(node, "image");
    let body = read_body(node);
    if let (Some(pattern), Some(dockerfile)) = (&pattern, &body.dockerfile) {
        node.report(
            Diagnostic::error(
                Code::PatternAndDockerfile,
                "an image has either a pattern or a Dockerfile",
            )
            .at(&dockerfile.location, "the Dockerfile")
            .at(&pattern.location, "the pattern")
            .help("remove one of them"),
        );
    }
    Some(ImageNode {
        location: node.head_location(),
        name: name?,
        pattern,
        extends,
        is_abstract,
        body,
    })
}

/// Reads the name of an image; with a matrix it is a template, and what comes out is checked later.
fn image_name(node: &mut Dec<'_>) -> Option<Text> {
    let name = node.required_value("the name, in quotes")?.text()?;
    node.reading().mark(&name.location, Mark::Kind(Kind::Name));
    node.reading().mark(&name.location, Mark::Evaluated);
    if name.value.contains("{{") {
        return Some(name);
    }
    checked_name(node, name)
}

/// Reads `defaults { image }`.
pub(super) fn read_defaults(node: &mut Dec<'_>) -> ImageBody {
    let body = read_body(node);
    if let Some(matrix) = &body.matrix {
        node.report(
            Diagnostic::error(Code::WrongPlace, "`matrix` goes into an image")
                .at(&matrix.location, "not into the defaults of all images")
                .help("the name of an image must use every axis of its matrix"),
        );
    }
    ImageBody {
        matrix: None,
        ..body
    }
}

/// Reads the children of `image`.
pub(super) fn read_body(node: &mut Dec<'_>) -> ImageBody {
    let mut body = ImageBody {
        doc: node.text("doc", "what the image is for"),
        owner: node.text("owner", "who answers for it"),
        groups: node.texts("group", "groups it belongs to"),
        context: node.text("context", "the folder that the build can read"),
        dockerfile: node.text("dockerfile", "the Dockerfile, a path in the workspace"),
        stage: node.text("stage", "the stage of the Dockerfile to build"),
        ignore: node.texts("ignore", "lines added to the ignore file"),
        platforms: node.texts("platform", "what it runs on, such as `\"linux/amd64\"`"),
        maps: read_maps(node),
        tags: node.texts("tag", "the tags that must hold it"),
        targets: node.texts("target", "the registries that must hold it"),
        network: node.text("network", "the network of RUN steps: default, none or host"),
        ..ImageBody::default()
    };
    plain(node, body.doc.as_ref());
    refers(node, &body.targets, "registry");
    read_with(node, &mut body);
    body.stamp = node
        .block(
            "stamp",
            "values that reach a build and never cause one",
            read_maps,
        )
        .unwrap_or_default();
    body.secrets = read_uses(node);
    body.needs = read_needs(node);
    body.matrix = node.block(
        "matrix",
        "several images of one node: axes that multiply, or rows",
        read_matrix,
    );
    body.repository = read_image_repository(node);
    body.timeout = node
        .block(
            "timeout",
            "after how long a build is given up, such as `\"30m\"`",
            |it| it.required_value("a span of time")?.duration(),
        )
        .flatten();
    body.epoch = node.integer(
        "epoch",
        "a number to raise when a rebuild is wanted",
        0..=i64::MAX,
    );
    read_building(node, &mut body);
    refuse(node, &body);
    body
}

/// Reads how it is built, and what the build adds.
fn read_building(node: &mut Dec<'_>, body: &mut ImageBody) {
    body.named_contexts = read_named_contexts(node);
    body.ssh = node.texts(
        "ssh",
        "SSH agents that RUN steps may mount, such as `\"default\"`",
    );
    body.builder = node.text(
        "builder",
        "the builder to use, where it is not the environment's",
    );
    body.max_size = read_size(
        node,
        "max-size",
        "how large the image may be, such as `\"200MiB\"`",
    );
    body.provenance = node.flag("provenance", "whether an attestation says how it was built");
    body.sbom = node.flag("sbom", "whether an attestation lists what is in it");
}

fn refuse(node: &mut Dec<'_>, body: &ImageBody) {
    if let Some(builder) = &body.builder {
        no_template(node, "builder", builder);
        refers(node, std::slice::from_ref(builder), "builder");
    }
    if let Some(network) = &body.network {
        check_word(node, "network", network, &["default", "none", "host"]);
    }
    let texts = [("owner", &body.owner), ("stage", &body.stage)];
    for (what, text) in texts
        .iter()
        .filter_map(|(what, it)| Some((what, it.as_ref()?)))
    {
        no_template(node, what, text);
    }
    for (what, list) in [
        ("group", &body.groups),
        ("ssh", &body.ssh),
        ("ignore", &body.ignore),
        ("platform", &body.platforms),
        ("target", &body.targets),
    ] {
        for text in list {
            no_template(node, what, text);
        }
    }
}

fn read_maps(node: &mut Dec<'_>) -> Maps {
    Maps {
        args: pairs(node, "arg", "build args: `arg NAME=\"value\"`"),
        labels: pairs(node, "label", "labels: `label key=\"value\"`"),
        annotations: pairs(
            node,
            "annotation",
            "annotations of the image's manifest: `annotation key=\"value\"`",
        ),
    }
}

fn read_with(node: &mut Dec<'_>, body: &mut ImageBody) {
    let with = node.block("with", "the parameters of the pattern", |it| {
        let mut all = Vec::new();
        for mut parameter in it.all_children() {
            all.push(WithNode {
                name: Text::new(parameter.name().to_owned(), parameter.name_location()),
                properties: parameter.all_properties().iter().filter_map(pair).collect(),
                values: parameter
                    .values()
                    .iter()
                    .filter_map(Given::scalar)
                    .collect(),
            });
            parameter.finish();
        }
        (all, place(it))
    });
    if let Some((with, location)) = with {
        body.with = with;
        body.with_location = Some(location);
    }
}

fn read_needs(node: &mut Dec<'_>) -> Vec<NeedNode> {
    let mut all = Vec::new();
    for mut child in node.children("needs", "images of this workspace that must be built first") {
        let images: Vec<Text> = child
            .required_values("the name of an image")
            .iter()
            .filter_map(Given::text)
            .collect();
        let as_name = child.property("as", "the name that stands for it in the Dockerfile");
        if let (Some(given), true) = (&as_name, images.len() > 1) {
            child.report(
                Diagnostic::error(Code::BadNeed, "`as=` names one image, and here are several")
                    .at(&given.key_location(), "which one?")
                    .help("write one `needs` for each image"),
            );
        }
        let as_name = as_name.and_then(|it| it.text());
        plain(&child, as_name.as_ref());
        for image in images {
            refers(&child, std::slice::from_ref(&image), "image");
            child.reading().mark(&image.location, Mark::Evaluated);
            all.push(NeedNode {
                image,
                as_name: as_name.clone(),
            });
        }
        child.finish();
    }
    all
}

fn read_image_repository(node: &mut Dec<'_>) -> Option<ImageRepository> {
    node.block(
        "repository",
        "the repository that holds it, with its settings",
        |it| {
            let extends = it
                .property(
                    "extends",
                    "the `repository` node whose settings it takes over",
                )
                .and_then(|it| it.text());
            plain(it, extends.as_ref());
            refers(it, extends.as_slice(), "repository");
            let name = it.value().and_then(|it| it.text());
            let settings = read_settings(it);
            if let Some(target) = settings.targets.first() {
                it.report(
                    Diagnostic::error(Code::WrongPlace, "`target` goes into the image")
                        .at(&target.location, "not into its repository")
                        .help("the image's own `target` says where its repository is"),
                );
            }
            ImageRepository {
                name,
                extends,
                settings,
                location: it.head_location(),
            }
        },
    )
}
