//! Builders: which one an image is built with, and what of it can be carried out.

use crate::diag::{Code, Diagnostic, Location};
use crate::manifest::model::{BuilderAddress, BuilderTls};
use crate::manifest::path;
use crate::manifest::raw::{BuilderNode, Text};
use crate::manifest::template::{Axes, Place};
use crate::node::suggest;

use super::Resolver;
use super::registries::{host_of, is_loopback};

/// What is said of an address that is none.
const NO_ADDRESS: (Code, &str, &str) = (
    Code::BadEndpoint,
    "this is no address of a Docker Engine",
    "write `\"unix:///var/run/docker.sock\"` or `\"tcp://host:2376\"`",
);

/// The builder of images and environments that name none, where it is defined.
const DEFAULT: &str = "default";

impl<'a> Resolver<'a> {
    /// Finds the builder of an image: its own, else the environment's, else the one named `default`.
    pub(super) fn builder(&self, own: Option<&Text>) -> Option<&'a BuilderNode> {
        let environment = self.environment.and_then(|it| it.builder.as_ref());
        let name = own.or(environment).map_or(DEFAULT, |it| it.value.as_str());
        self.manifest
            .builders
            .iter()
            .find(|it| it.name.value == name)
    }

    /// Reports the name of a builder that does not exist.
    pub(super) fn check_builder(&mut self, name: &Text) {
        let names: Vec<&str> = self
            .manifest
            .builders
            .iter()
            .map(|it| it.name.value.as_str())
            .collect();
        if names.contains(&name.value.as_str())
            || self.manifest.incomplete
            || name.value.contains("{{")
        {
            return;
        }
        let mut diagnostic = Diagnostic::error(
            Code::UnknownBuilder,
            format!("builder `{}` is not defined", name.value),
        )
        .at(&name.location, "unknown builder");
        diagnostic.help = suggest::hint(&name.value, &names).or_else(|| {
            Some(format!(
                "define it: `builder \"{}\" {{ engine \"docker\" }}`",
                name.value
            ))
        });
        self.report(diagnostic);
    }

    /// Checks all builders, used or not, and the names by which environments call them.
    pub(super) fn check_builders(&mut self) {
        let manifest = self.manifest;
        for node in &manifest.builders {
            for text in &node.templates {
                self.templates.check(text, Place::Global, &Axes::None);
            }
            self.platforms(&node.platforms);
        }
        for name in manifest
            .environments
            .iter()
            .filter_map(|it| it.builder.as_ref())
        {
            self.check_builder(name);
        }
    }

    /// Refuses plans of images whose builder asks for what only a buildkitd builder does.
    pub(super) fn refuse_builders(&mut self) {
        let manifest = self.manifest;
        let used = self.used_builders.clone();
        for node in manifest
            .builders
            .iter()
            .filter(|it| used.contains(it.name.value.as_str()))
        {
            for what in &node.not_carried {
                self.not_carried_out(
                    &format!(
                        "builder `{}`: {} needs a buildkitd builder, which",
                        node.name.value, what.value
                    ),
                    &what.location,
                );
            }
        }
    }

    /// Finds the Engine that the images are built on: a plan asks one, so builders of one plan may not name several.
    pub(super) fn engine(&mut self) -> Option<BuilderAddress> {
        let manifest = self.manifest;
        let mut found: Option<(BuilderAddress, &Text)> = None;
        for node in &manifest.builders {
            let Some(text) = &node.address else {
                if let Some(tls) = &node.tls {
                    let diagnostic =
                        Diagnostic::error(Code::BadEndpoint, "`tls` without `address`")
                            .at(&tls.location, "belongs to an address")
                            .help("add `address \"tcp://host:2376\"`, or remove it");
                    self.report(diagnostic);
                }
                continue;
            };
            let Some(address) = self.builder_address(node, text) else {
                continue;
            };
            if !self.used_builders.contains(node.name.value.as_str()) {
                continue;
            }
            match &found {
                Some((earlier, place))
                    if earlier.address != address.address || earlier.tls != address.tls =>
                {
                    self.several_engines(&text.location, &place.location);
                }
                Some(_) => {}
                None => found = Some((address, text)),
            }
        }
        let (address, text) = found?;
        if let Some(image) = self.built_on_default.take() {
            self.several_engines(&text.location, &image);
        }
        Some(address)
    }

    fn several_engines(&mut self, one: &Location, other: &Location) {
        self.refusals.push(
            Diagnostic::error(
                Code::NotCarriedOut,
                "building on several Engines in one plan is not carried out yet",
            )
            .at(one, "images are built here")
            .at(other, "and on another Engine as well")
            .help(
                "name one builder for all images, or plan them apart in environments of their own",
            ),
        );
    }

    fn builder_address(&mut self, node: &BuilderNode, text: &Text) -> Option<BuilderAddress> {
        let scope = self.scope();
        let address = self.text(text, Place::Global, &scope)?.value;
        let (scheme, rest) = address.split_once("://").unwrap_or(("", ""));
        let is_local = scheme == "unix" || is_loopback(host_of(rest));
        let problem = match scheme {
            "ssh" => {
                self.not_carried_out("an Engine over ssh", &text.location);
                return None;
            }
            "unix" if rest.starts_with('/') && !node.has_tls => None,
            "unix" if rest.starts_with('/') => Some((
                Code::BadEndpoint,
                "`tls` has no meaning for a socket of this machine",
                "remove `tls`",
            )),
            "tcp" | "http" | "https" if host_of(rest).is_empty() => Some(NO_ADDRESS),
            "https" if !node.has_tls => Some((
                Code::BadEndpoint,
                "an Engine behind TLS needs certificates",
                "add `tls ca=\"ca.pem\" cert=\"cert.pem\" key=\"key.pem\"`",
            )),
            "tcp" | "http" if !node.has_tls && !is_local => Some((
                Code::PlainHttp,
                "an Engine on another machine needs TLS: what is built, and secrets, would travel in the clear",
                "add `tls ca=\"ca.pem\" cert=\"cert.pem\" key=\"key.pem\"`; or remove `address` and set DOCKER_HOST where that is meant",
            )),
            "tcp" | "http" | "https" => None,
            _ => Some(NO_ADDRESS),
        };
        if let Some((code, message, help)) = problem {
            let diagnostic = Diagnostic::error(code, message)
                .at(&text.location, "the address of the builder")
                .help(help);
            self.report(diagnostic);
            return None;
        }
        let path = |text: &Text| path::normalize_from(&text.location.source.name, &text.value).ok();
        let tls = node.tls.as_ref().and_then(|tls| {
            Some(BuilderTls {
                ca: path(&tls.ca)?,
                client: tls
                    .client
                    .as_ref()
                    .and_then(|it| path(&it.0).zip(path(&it.1))),
            })
        });
        Some(BuilderAddress {
            builder: node.name.value.clone(),
            address,
            tls,
        })
    }
}
