//! Registries and mirrors.

use crate::diag::{Code, Diagnostic, Sourced};
use crate::manifest::model::{Endpoint, Mirror, Registry, Role};
use crate::manifest::raw::{RegistryNode, Text};
use crate::manifest::template::Place;
use crate::name::RegistryName;

use super::Resolver;
use super::inputs::Scope;

impl Resolver<'_> {
    /// Evaluates all `registry` nodes: one registry for each region, sorted by name.
    pub(super) fn resolve_registries(&mut self) {
        let scope = self.scope();
        for node in &self.manifest.registries {
            let registries = self.resolve_registry(node, &scope);
            let names: Vec<RegistryName> = registries.iter().map(|it| it.name.clone()).collect();
            for name in &names {
                self.targets
                    .insert(name.as_str().to_owned(), vec![name.clone()]);
            }
            self.targets.insert(node.name.value.clone(), names);
            self.registries.extend(registries);
        }
        self.registries.sort_by(|a, b| a.name.cmp(&b.name));
    }

    fn resolve_registry(&mut self, node: &RegistryNode, scope: &Scope<'_>) -> Vec<Registry> {
        let account = node.account.as_ref().and_then(|it| self.account(it, scope));
        let role = node.role.as_ref().and_then(|role| {
            Some(Role {
                arn: self.role_arn(&role.arn, scope)?,
                external_id: self.optional(role.external_id.as_ref(), scope),
                session: self.optional(role.session.as_ref(), scope),
            })
        });
        let urls: Vec<Option<String>> = node
            .endpoint
            .iter()
            .map(|it| it.as_ref().and_then(|it| self.url(it, scope)))
            .collect();
        let endpoint = Endpoint {
            ecr: urls[0].clone(),
            registry: urls[1].clone(),
            sts: urls[2].clone(),
            tagging: urls[3].clone(),
            fips: node.fips,
            dual_stack: node.dual_stack,
        };
        let profile = self.optional(node.profile.as_ref(), scope);
        let mut all: Vec<Registry> = Vec::new();
        for region in &node.regions {
            let Some(value) = self.region(region, scope) else {
                continue;
            };
            let name = match node.regions.len() {
                1 => node.name.value.clone(),
                _ => format!("{}/{value}", node.name.value),
            };
            let Ok(name) = RegistryName::new(name) else {
                continue;
            };
            if all.iter().any(|it| it.name == name) {
                let diagnostic =
                    Diagnostic::error(Code::BadRegion, format!("region `{value}` is given twice"))
                        .at(&region.location, "again here")
                        .help("remove it");
                self.report(diagnostic);
                continue;
            }
            let first = all.first().map(|first| first.name.clone());
            all.push(Registry {
                name,
                account: account.clone().unwrap_or_default(),
                region: value,
                role: role.clone(),
                profile: profile.clone(),
                endpoint: endpoint.clone(),
                replicated_from: first.filter(|_| node.replicates),
                location: node.location.clone(),
            });
        }
        all
    }

    /// Refuses plans that reach a registry with settings that no stage carries out yet.
    pub(super) fn refuse_account_settings(&mut self) {
        let manifest = self.manifest;
        let reached = self.environment.filter(|it| !it.targets.is_empty());
        let reached = reached.map(|it| self.registries_of(it));
        for node in &manifest.registries {
            let names = self.targets.get(&node.name.value);
            let is_reached = reached.as_ref().is_none_or(|reached| {
                names.is_some_and(|names| names.iter().any(|it| reached.contains(it)))
            });
            for what in node.not_carried.iter().filter(|_| is_reached) {
                self.not_carried_out(&what.value, &what.location);
            }
        }
    }

    fn optional(&mut self, text: Option<&Text>, scope: &Scope<'_>) -> Option<String> {
        Some(self.text(text?, Place::Global, scope)?.value)
    }

    fn account(&mut self, text: &Text, scope: &Scope<'_>) -> Option<String> {
        let account = self.text(text, Place::Global, scope)?.value;
        let digits = account.bytes().filter(u8::is_ascii_digit).count();
        if digits == 12 && account.len() == 12 {
            return Some(account);
        }
        let count = account.chars().count();
        let diagnostic =
            Diagnostic::error(Code::BadAccount, format!("`{account}` is no AWS account"))
                .at(
                    &text.location,
                    format!("{count} characters; an account has 12 digits"),
                )
                .help("write all twelve digits, without dashes, in quotes");
        self.report(diagnostic);
        None
    }

    fn region(&mut self, text: &Text, scope: &Scope<'_>) -> Option<String> {
        let region = self.text(text, Place::Global, scope)?.value;
        let parts: Vec<&str> = region.split('-').collect();
        let good = parts.len() >= 3
            && parts.iter().all(|it| {
                !it.is_empty()
                    && it
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            })
            && parts
                .last()
                .is_some_and(|it| it.bytes().all(|b| b.is_ascii_digit()));
        if good {
            return Some(region);
        }
        let diagnostic = Diagnostic::error(Code::BadRegion, format!("`{region}` is no AWS region"))
            .at(&text.location, "not of the form of a region")
            .help("write it as in `\"eu-west-1\"`");
        self.report(diagnostic);
        None
    }

    fn role_arn(&mut self, text: &Text, scope: &Scope<'_>) -> Option<String> {
        let arn = self.text(text, Place::Global, scope)?.value;
        if arn.starts_with("arn:") && arn.contains(":iam::") && arn.contains(":role/") {
            return Some(arn);
        }
        let diagnostic =
            Diagnostic::error(Code::BadEndpoint, format!("`{arn}` is no ARN of a role"))
                .at(&text.location, "not of the form of a role")
                .help("write it as in `\"arn:aws:iam::123456789012:role/windlass\"`");
        self.report(diagnostic);
        None
    }

    fn url(&mut self, text: &Text, scope: &Scope<'_>) -> Option<String> {
        let url = self.text(text, Place::Global, scope)?.value;
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"));
        let host = rest.map(host_of).filter(|it| !it.is_empty());
        let diagnostic = match host {
            None => Diagnostic::error(Code::BadEndpoint, "this is no URL")
                .at(
                    &text.location,
                    "not `https://HOST` or `http://127.0.0.1:PORT`",
                )
                .help("write the URL with its scheme"),
            Some(host) if url.starts_with("http://") && !is_loopback(host) => {
                Diagnostic::error(Code::PlainHttp, "plain http leaves this machine")
                    .at(&text.location, format!("`{host}` is not loopback"))
                    .help("use https; http is for 127.0.0.1 and localhost only")
            }
            Some(_) => return Some(url),
        };
        self.report(diagnostic);
        None
    }

    /// Evaluates the mirrors of the manifest and adds those from outside, which win; sorted by upstream.
    pub(super) fn resolve_mirrors(&mut self) -> Vec<Mirror> {
        let scope = self.scope();
        let mut all = self.inputs.mirrors.clone();
        for node in &self.manifest.mirrors {
            let to = self.text(&node.to, Place::Global, &scope);
            let upstream = self.host(&node.upstream);
            let (Some(to), Some(upstream)) = (to, upstream) else {
                continue;
            };
            let Some(to) = self.host(&to) else { continue };
            if !all.iter().any(|it| it.upstream == upstream) {
                all.push(Mirror { upstream, to });
            }
        }
        all.sort_by(|a, b| a.upstream.cmp(&b.upstream));
        all
    }

    fn host(&mut self, text: &Sourced<String>) -> Option<String> {
        let value = text.value.trim_end_matches('/');
        let good = !value.is_empty()
            && !value.contains("://")
            && value
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "./:-_[]".contains(c));
        if good {
            return Some(value.to_owned());
        }
        let diagnostic = Diagnostic::error(
            Code::BadEndpoint,
            format!("`{}` is no registry host", text.value),
        )
        .at(&text.location, "not as image references name it")
        .help(
            "write host, port and path without scheme: `\"docker.io\"`, `\"127.0.0.1:5000/hub\"`",
        );
        self.report(diagnostic);
        None
    }
}

/// Returns the host of what follows the scheme.
pub(super) fn host_of(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let authority = authority.rsplit('@').next().unwrap_or_default();
    if authority.starts_with('[') {
        return authority.split_inclusive(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || host.ends_with(".localhost") || address.is_ok_and(|it| it.is_loopback())
}
