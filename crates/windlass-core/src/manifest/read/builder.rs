//! `builder`, and what an image says about being built.

use crate::diag::{Code, Diagnostic, Location, Sourced};
use crate::manifest::path;
use crate::manifest::raw::{BuilderNode, NamedContextNode, Text, TlsNode};
use crate::name::ImageName;
use crate::node::shape::Kind;
use crate::node::{Dec, Mark};

use super::{check_word, identifier, no_template, plain};

pub(super) fn read_builder(node: &mut Dec<'_>) -> Option<BuilderNode> {
    let name = identifier(node);
    let mut not_carried = Vec::new();
    let engine = node.block("engine", "docker or buildkit", |it| {
        it.required_value("docker or buildkit")?
            .word(&[("docker", false), ("buildkit", true)])
    });
    let engine = engine.flatten().filter(|it| it.value);
    let address = node.text(
        "address",
        "where the builder answers, such as `\"tcp://buildkit.internal:1234\"`",
    );
    let tls = node.block("tls", "the certificates for a builder behind TLS", read_tls);
    let mut templates: Vec<Text> = address.iter().cloned().collect();
    if let Some(engine) = &engine {
        let parts = [
            ("`engine \"buildkit\"`", Some(&engine.location)),
            (
                "`address` of a builder",
                address.as_ref().map(|it| &it.location),
            ),
            ("`tls`", tls.as_ref().map(|it| &it.0)),
        ];
        not_carried.extend(
            parts
                .into_iter()
                .filter_map(|(words, place)| Some(Sourced::new(words.to_owned(), place?.clone()))),
        );
    }
    let platforms = node.texts("platform", "the platforms that it builds for");
    for text in &platforms {
        no_template(node, "platform", text);
    }
    let emulate = node.flag(
        "emulate",
        "whether it may build for platforms that it only emulates",
    );
    if let Some(emulate) = emulate.filter(|it| it.value) {
        not_carried.push(Sourced::new("`emulate`".to_owned(), emulate.location));
    }
    let parallel = node.integer("parallel", "how many builds may run at once", 1..=256);
    let timeout = node.block(
        "timeout",
        "after how long a build is given up, where the image does not say",
        |it| it.required_value("a span of time")?.duration(),
    );
    for word in ["cache-from", "cache-to"] {
        read_caches(node, word, &mut templates, &mut not_carried);
    }
    Some(BuilderNode {
        location: node.head_location(),
        name: name?,
        templates,
        address: address.filter(|_| engine.is_none()),
        has_tls: tls.is_some(),
        tls: tls.and_then(|it| it.1).filter(|_| engine.is_none()),
        platforms,
        parallel: parallel.and_then(|it| usize::try_from(it.value).ok()),
        timeout: timeout.flatten().map(|it| it.value),
        not_carried,
    })
}

/// Returns where it stands, and what it says where that can be used.
fn read_tls(node: &mut Dec<'_>) -> (Location, Option<TlsNode>) {
    let ca = node.property("ca", "the certificate of who signed the builder's");
    if ca.is_none() {
        node.missing_property("ca");
    }
    let cert = node.property("cert", "our certificate");
    let key = node.property("key", "its key");
    let [ca, cert, key] = [ca, cert, key].map(|it| {
        let text = it?.text()?;
        no_template(node, "tls", &text);
        if let Err(reason) = path::normalize_from(&text.location.source.name, &text.value) {
            node.report(path::outside(&text, &text.value, reason));
            return None;
        }
        Some(text)
    });
    let location = node.name_location();
    let alone = match (&cert, &key) {
        (Some(cert), None) => Some((cert, "key")),
        (None, Some(key)) => Some((key, "cert")),
        _ => None,
    };
    if let Some((text, other)) = alone.filter(|_| !node.was_given("cert") || !node.was_given("key"))
    {
        node.report(
            Diagnostic::error(
                Code::MissingName,
                "a certificate is of no use without its key",
            )
            .at(&text.location, format!("`{other}=` is missing"))
            .help(format!("add `{other}=\"..\"`, or remove this")),
        );
    }
    let tls = ca.map(|ca| TlsNode {
        ca,
        client: cert.zip(key),
        location: location.clone(),
    });
    (location, tls)
}

fn read_caches(
    node: &mut Dec<'_>,
    word: &'static str,
    templates: &mut Vec<Text>,
    not_carried: &mut Vec<Sourced<String>>,
) {
    for mut child in node.children(
        word,
        "a cache of build steps: registry, local, s3 or inline",
    ) {
        let kind = child
            .required_value("registry, local, s3 or inline")
            .and_then(|it| it.text());
        if let Some(kind) = &kind {
            no_template(&child, word, kind);
            check_word(&child, word, kind, &["registry", "local", "s3", "inline"]);
        }
        templates.extend(
            child
                .property("ref", "the image that holds it")
                .and_then(|it| it.text()),
        );
        let texts = [
            child.property("bucket", "the S3 bucket that holds it"),
            child.property("region", "the bucket's region"),
            child.property("path", "the folder that holds it"),
        ];
        for text in texts.into_iter().flatten().filter_map(|it| it.text()) {
            no_template(&child, word, &text);
        }
        if word == "cache-to"
            && let Some(mode) = child
                .property("mode", "min or max")
                .and_then(|it| it.text())
        {
            no_template(&child, "mode", &mode);
            check_word(&child, "mode", &mode, &["min", "max"]);
        }
        not_carried.push(Sourced::new(format!("`{word}`"), child.name_location()));
        child.finish();
    }
}

/// Reads the named contexts of an image.
pub(super) fn read_named_contexts(node: &mut Dec<'_>) -> Vec<NamedContextNode> {
    let mut all: Vec<NamedContextNode> = Vec::new();
    for mut child in node.children(
        "named-context",
        "a folder or image that the Dockerfile finds under a name",
    ) {
        let name = child
            .required_value("the name that the Dockerfile uses")
            .and_then(|it| it.text());
        let from = child.property("from", "a folder of the workspace, or an image");
        if from.is_none() {
            child.missing_property("from");
        }
        let from = from.and_then(|it| it.text());
        if let Some(name) = &name {
            no_template(&child, "named-context", name);
            if ImageName::new(name.value.clone()).is_err() && !name.value.contains("{{") {
                child.report(super::bad_name(name));
            }
            if let Some(earlier) = all.iter().find(|it| it.name.value == name.value) {
                child.report(
                    Diagnostic::error(
                        Code::DuplicateName,
                        format!("`named-context` gives `{}` twice", name.value),
                    )
                    .at(&name.location, "again here")
                    .at(&earlier.name.location, "first given here")
                    .help("keep one of them"),
                );
            }
        }
        if let (Some(name), Some(from)) = (name, from) {
            all.push(NamedContextNode { name, from });
        }
        child.finish();
    }
    all
}

/// Reads a number of bytes with its unit, such as `"200MiB"`.
pub(super) fn read_size(
    node: &mut Dec<'_>,
    name: &'static str,
    doc: &'static str,
) -> Option<Sourced<u64>> {
    let text = node.text(name, doc)?;
    node.reading().mark(&text.location, Mark::Kind(Kind::Size));
    plain(node, Some(&text));
    if let Some(bytes) = parse_size(&text.value) {
        return Some(Sourced::new(bytes, text.location));
    }
    node.report(
        Diagnostic::error(
            Code::WrongType,
            format!("`{name}` takes a number of bytes with its unit"),
        )
        .at(&text.location, "this is none")
        .help("a whole number with `B`, `KiB`, `MiB` or `GiB`: `\"200MiB\"`"),
    );
    None
}

fn parse_size(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim_start() {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit).filter(|it| *it > 0)
}

/// Notes a flag that is on.
pub(super) fn flag_on(
    node: &mut Dec<'_>,
    name: &'static str,
    doc: &'static str,
) -> Option<Location> {
    node.flag(name, doc)
        .filter(|it| it.value)
        .map(|it| it.location)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_whole_numbers_with_a_unit() {
        assert_eq!(parse_size("200MiB"), Some(200 << 20));
        assert_eq!(parse_size("1 GiB"), Some(1 << 30));
        for bad in ["200", "MiB", "1.5GiB", "0B", "200MB", "", "99999999999GiB"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }
}
