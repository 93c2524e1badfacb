//! Patterns of the workspace: what each one extends, and which one an image means.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::diag::{Code, Diagnostic};
use crate::manifest::model::{OwnPattern, PatternReference};
use crate::manifest::raw::{PatternNode, Text};
use crate::name::ImageName;
use crate::node::suggest;

use super::Resolver;
use super::extends::{Families, Heir};

impl Resolver<'_> {
    /// Resolves what patterns extend, sorted by name.
    pub(super) fn resolve_patterns(&mut self) -> Vec<Arc<OwnPattern>> {
        let nodes = &self.manifest.patterns;
        let heirs = nodes.iter().map(|it| Heir {
            name: &it.name,
            extends: it.extends.as_ref().filter(|it| !it.value.contains('@')),
        });
        let families = Families::new(
            "pattern",
            heirs.collect(),
            self.manifest.incomplete,
            &mut self.diagnostics,
        );
        for (at, node) in nodes.iter().enumerate() {
            let above = families.chain(at).into_iter().rev().map(|it| &nodes[it]);
            let mut parent = None;
            for node in above.chain([node]) {
                parent = Some(self.own_pattern(node, parent));
            }
            if let Some(own) = parent {
                self.patterns.insert(node.name.value.clone(), own);
            }
        }
        self.patterns.values().cloned().collect()
    }

    fn own_pattern(
        &mut self,
        node: &Arc<PatternNode>,
        above: Option<Arc<OwnPattern>>,
    ) -> Arc<OwnPattern> {
        let above = match (&node.extends, above) {
            (Some(extends), Some(above)) => {
                Some((PatternReference::Own(above), extends.location.clone()))
            }
            (Some(extends), None) if extends.value.contains('@') => self
                .built_in(extends)
                .map(|it| (it, extends.location.clone())),
            _ => None,
        };
        Arc::new(OwnPattern {
            node: Arc::clone(node),
            parent: above,
        })
    }

    /// Returns the pattern that a text names; reports a text that cannot name one.
    pub(super) fn pattern_reference(&mut self, text: &Text) -> Option<PatternReference> {
        if text.value.contains('@') {
            return self.built_in(text);
        }
        if let Some(own) = self.patterns.get(&text.value) {
            return Some(PatternReference::Own(Arc::clone(own)));
        }
        if self.manifest.incomplete {
            return None;
        }
        let name = &text.value;
        let names: Vec<&str> = self.patterns.keys().map(String::as_str).collect();
        let help = suggest::closest(name, &names).map_or_else(
            || format!("write the major version of a built-in pattern: `pattern=\"{name}@1\"`"),
            |it| format!("did you mean `{it}`?"),
        );
        let label =
            "neither a pattern of this workspace nor a built-in one, which has a major version";
        self.report(
            Diagnostic::error(Code::UnknownPattern, format!("`{name}` is no pattern"))
                .at(&text.location, label)
                .help(help),
        );
        None
    }

    /// Reads `name@major`. That there is such a pattern is for those to say who have them.
    fn built_in(&mut self, text: &Text) -> Option<PatternReference> {
        let (name, major) = text.value.split_once('@')?;
        if let Some(own) = self.patterns.get(name) {
            let diagnostic = Diagnostic::error(
                Code::UnknownPattern,
                format!("pattern `{name}` has no major version"),
            )
            .at(&text.location, "it is one of this workspace")
            .at(&own.node.name.location, "defined here")
            .help(format!("write `\"{name}\"`"));
            self.report(diagnostic);
            return None;
        }
        match major.parse() {
            Ok(major) if ImageName::new(name).is_ok() => Some(PatternReference::BuiltIn {
                name: name.to_owned(),
                major,
            }),
            _ => {
                let message = format!("`{}` is no pattern", text.value);
                let diagnostic = Diagnostic::error(Code::UnknownPattern, message)
                    .at(&text.location, "a pattern has a name and a major version")
                    .help(format!("write the major version: `\"{name}@1\"`"));
                self.report(diagnostic);
                None
            }
        }
    }
}

/// The patterns of the workspace by name.
pub(super) type Patterns = BTreeMap<String, Arc<OwnPattern>>;
