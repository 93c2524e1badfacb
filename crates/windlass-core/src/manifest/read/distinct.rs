//! Joining files: one namespace for all of them, and every name defined once.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic};
use crate::manifest::raw::{Manifest, Text};

impl Manifest {
    /// Takes in what an included file defines. Returns what is wrong with having both.
    pub(super) fn absorb(&mut self, other: Self) -> Option<Diagnostic> {
        let Self {
            files,
            incomplete,
            includes: _,
            has_errors: _,
            workspace: _,
            registries,
            mirrors,
            variables,
            defaults_location,
            default_image,
            default_settings,
            images,
            patterns,
            repositories,
            environments,
            builders,
            secrets,
            policies,
            waivers,
            moved,
            removed,
        } = other;
        self.files.extend(files);
        self.incomplete |= incomplete;
        self.registries.extend(registries);
        self.mirrors.extend(mirrors);
        self.variables.extend(variables);
        self.images.extend(images);
        self.patterns.extend(patterns);
        self.repositories.extend(repositories);
        self.environments.extend(environments);
        self.builders.extend(builders);
        self.secrets.extend(secrets);
        self.policies.extend(policies);
        self.waivers.extend(waivers);
        self.moved.extend(moved);
        self.removed.extend(removed);
        let again = defaults_location?;
        if let Some(first) = &self.defaults_location {
            return Some(
                Diagnostic::error(Code::DuplicateDefinition, "`defaults` is given twice")
                    .at(&again, "again here")
                    .at(first, "first given here")
                    .help("put them all into one `defaults`"),
            );
        }
        self.defaults_location = Some(again);
        self.default_image = default_image;
        self.default_settings = default_settings;
        None
    }
}

/// Reports every name that is defined twice, in one file or in two.
pub(super) fn check(manifest: &Manifest, diagnostics: &mut Vec<Diagnostic>) {
    fn names<T>(nodes: &[T], name: fn(&T) -> &Text) -> Vec<&Text> {
        nodes.iter().map(name).collect()
    }
    // What the names of a matrix are is known when they are rendered.
    let mut literal = names(&manifest.images, |it| &it.name);
    literal.retain(|it| !it.value.contains("{{"));
    let all = [
        ("registry", names(&manifest.registries, |it| &it.name)),
        ("mirror", names(&manifest.mirrors, |it| &it.upstream)),
        ("var", names(&manifest.variables, |it| &it.name)),
        ("image", literal),
        (
            "pattern",
            manifest.patterns.iter().map(|it| &it.name).collect(),
        ),
        ("repository", names(&manifest.repositories, |it| &it.name)),
        ("environment", names(&manifest.environments, |it| &it.name)),
        ("builder", names(&manifest.builders, |it| &it.name)),
        ("secret", names(&manifest.secrets, |it| &it.name)),
        ("policy", names(&manifest.policies, |it| &it.name)),
    ];
    for (kind, names) in all {
        let mut seen: BTreeMap<&str, &Text> = BTreeMap::new();
        for name in names {
            let Some(earlier) = seen.insert(&name.value, name) else {
                continue;
            };
            seen.insert(&name.value, earlier);
            diagnostics.push(
                Diagnostic::error(
                    Code::DuplicateDefinition,
                    format!("{kind} `{}` is defined twice", name.value),
                )
                .at(&name.location, "again here")
                .at(&earlier.location, "first defined here")
                .help("give one of them another name"),
            );
        }
    }
}
