//! A registry as it is shown.

use crate::diag::Source;
use crate::format::format;
use crate::manifest::layers::Layer;
use crate::manifest::model::Registry;
use crate::manifest::raw::{Manifest, RegistryNode, Text};

use super::line::{Lines, Origin, quoted};

/// Shows the registries behind a name: all regions of `prod`, or the one of `prod/eu-west-1`.
pub(super) fn show(manifest: &Manifest, registries: &[Registry], name: &str) -> Option<String> {
    let of_node = |it: &&Registry| {
        let full = it.name.to_string();
        full == name
            || full
                .strip_prefix(name)
                .is_some_and(|it| it.starts_with('/'))
    };
    let found: Vec<&Registry> = registries.iter().filter(of_node).collect();
    let first = found.first()?;
    let mut nodes = manifest.registries.iter();
    let node = nodes.find(|it| it.location == first.location)?;
    let mut lines = Lines::default();
    for registry in &found {
        lines.remark(&format!("registry.{}", registry.name));
    }
    let head = format!("registry {}", quoted(&node.name.value));
    let origin = Origin::at(Layer::Own, &node.location);
    lines.block(&head, &origin, |lines| fields(lines, node, &found));
    Some(lines.into_text())
}

fn fields(lines: &mut Lines, node: &RegistryNode, found: &[&Registry]) {
    let Some(first) = found.first() else { return };
    one(lines, "account", node.account.as_ref(), &first.account);
    for registry in found {
        let mut regions = node.regions.iter();
        let written = regions.find(|it| it.value == registry.region);
        let written = written.or(node.regions.first());
        one(lines, "region", written, &registry.region);
    }
    if let (Some(role), Some(value)) = (&node.role, &first.role) {
        let mut text = format!("role {}", quoted(&value.arn));
        for (key, given) in [
            ("external-id", &value.external_id),
            ("session", &value.session),
        ] {
            if let Some(given) = given {
                text.extend([" ", key, "=", &quoted(given)]);
            }
        }
        lines.line(&text, &Origin::at(Layer::Own, &role.arn.location));
    }
    if let Some(profile) = &first.profile {
        one(lines, "profile", node.profile.as_ref(), profile);
    }
    let endpoint = &first.endpoint;
    let urls = [
        &endpoint.ecr,
        &endpoint.registry,
        &endpoint.sts,
        &endpoint.tagging,
    ];
    let keys = ["ecr", "registry", "sts", "tagging"];
    let given: Vec<String> = keys
        .iter()
        .zip(urls)
        .filter_map(|(key, url)| Some(format!("{key}={}", quoted(url.as_ref()?))))
        .collect();
    if let Some(place) = node.endpoint.iter().flatten().next() {
        let text = format!("endpoint {}", given.join(" "));
        lines.line(&text, &Origin::at(Layer::Own, &place.location));
    }
    account_settings(lines, node);
}

/// Settings of the account hold no templates: they are shown as they are written, in the usual layout.
fn account_settings(lines: &mut Lines, node: &RegistryNode) {
    for place in &node.account_settings {
        let written = Source::new(place.source.name.as_str(), place.text());
        let text = format(&written).unwrap_or_else(|_| place.text().to_owned());
        lines.written(&text, &Origin::at(Layer::Own, place));
    }
}

fn one(lines: &mut Lines, name: &str, written: Option<&Text>, value: &str) {
    if let Some(written) = written {
        let text = format!("{name} {}", quoted(value));
        lines.line(&text, &Origin::at(Layer::Own, &written.location));
    }
}
