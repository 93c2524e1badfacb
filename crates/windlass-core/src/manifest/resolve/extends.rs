//! `extends`: who takes over from whom, without circles and not too deep.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic};
use crate::manifest::raw::Text;
use crate::node::suggest;

/// How many nodes a chain may have beyond the one that begins it.
const MAX_DEPTH: usize = 4;

/// A node that may extend another one of its kind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heir<'a> {
    pub(super) name: &'a Text,
    pub(super) extends: Option<&'a Text>,
}

/// All nodes of one kind, with the parent of each.
#[derive(Debug)]
pub(super) struct Families<'a> {
    kind: &'static str,
    heirs: Vec<Heir<'a>>,
    by_name: BTreeMap<&'a str, usize>,
    parents: Vec<Option<usize>>,
}

impl<'a> Families<'a> {
    /// Finds the parent of each node. `incomplete` where nodes could not be read, so that one not found may well be there.
    pub(super) fn new(
        kind: &'static str,
        heirs: Vec<Heir<'a>>,
        incomplete: bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut by_name = BTreeMap::new();
        for (at, heir) in heirs.iter().enumerate() {
            by_name.entry(heir.name.value.as_str()).or_insert(at);
        }
        let mut families = Self {
            kind,
            parents: vec![None; heirs.len()],
            heirs,
            by_name,
        };
        for at in 0..families.heirs.len() {
            if let Some(extends) = families.heirs[at].extends {
                families.parents[at] = families.find(extends, incomplete, diagnostics);
            }
        }
        families.cut_cycles(diagnostics);
        families.check_depth(diagnostics);
        families
    }

    /// Returns the node that `extends` names; reports where there is none.
    pub(super) fn find(
        &self,
        extends: &Text,
        incomplete: bool,
        diagnostics: &mut Vec<Diagnostic>,
    ) -> Option<usize> {
        let found = self.by_name.get(extends.value.as_str()).copied();
        if found.is_none() && !incomplete {
            diagnostics.push(self.unknown(extends));
        }
        found
    }

    /// Returns the nodes that a node takes over from, the nearest first.
    pub(super) fn chain(&self, of: usize) -> Vec<usize> {
        let mut next = self.parents[of];
        let steps = std::iter::from_fn(|| {
            let at = next?;
            next = self.parents[at];
            Some(at)
        });
        steps.take(MAX_DEPTH).collect()
    }

    fn unknown(&self, extends: &Text) -> Diagnostic {
        let name = &extends.value;
        let kind = self.kind;
        let message = format!("{kind} `{name}` is not defined");
        let diagnostic = Diagnostic::error(Code::UnknownParent, message)
            .at(&extends.location, "cannot be extended");
        if name.contains("{{") {
            return diagnostic.help("`extends` names a node as it is written; nodes cannot be extended by a rendered name");
        }
        let names: Vec<&str> = self.by_name.keys().copied().collect();
        if kind == "pattern" {
            let close = suggest::closest(name, &names).map(|it| format!("did you mean `{it}`?"));
            let help = close.unwrap_or_else(|| {
                format!("a built-in pattern has a major version: `extends=\"{name}@1\"`")
            });
            return Diagnostic {
                code: Code::UnknownPattern,
                ..diagnostic
            }
            .help(help);
        }
        let close = suggest::closest(name, &names).map(|it| format!("did you mean `{it}`?"));
        diagnostic.help(
            close.unwrap_or_else(|| {
                format!("define it: `{kind} \"{name}\" abstract=#true {{ .. }}`")
            }),
        )
    }

    /// Reports each circle once, and takes its nodes apart.
    fn cut_cycles(&mut self, diagnostics: &mut Vec<Diagnostic>) {
        let mut round_of = vec![0; self.heirs.len()];
        for start in 0..self.heirs.len() {
            let mut path = Vec::new();
            let mut next = Some(start);
            while let Some(at) = next.filter(|it| round_of[*it] == 0) {
                round_of[at] = start + 1;
                path.push(at);
                next = self.parents[at];
            }
            let Some(again) = next.filter(|it| round_of[*it] == start + 1) else {
                continue;
            };
            let first = path.iter().position(|it| *it == again).unwrap_or(0);
            diagnostics.push(self.cycle(&path[first..]));
            for at in &path[first..] {
                self.parents[*at] = None;
            }
        }
    }

    fn cycle(&self, members: &[usize]) -> Diagnostic {
        let heirs: Vec<&Heir<'_>> = members.iter().map(|it| &self.heirs[*it]).collect();
        let names: Vec<String> = heirs
            .iter()
            .map(|it| format!("`{}`", it.name.value))
            .collect();
        let message = match &names[..] {
            [one] => format!("{} {one} extends itself", self.kind),
            _ => format!("{} extend each other in a circle", names.join(", ")),
        };
        let mut diagnostic = Diagnostic::error(Code::ExtendsCycle, message);
        for extends in heirs.iter().filter_map(|it| it.extends) {
            diagnostic = diagnostic.at(&extends.location, "extended here");
        }
        diagnostic.help("remove one of these `extends`")
    }

    /// Reports where a chain gets too long, and only there.
    fn check_depth(&self, diagnostics: &mut Vec<Diagnostic>) {
        for (at, heir) in self.heirs.iter().enumerate() {
            let Some(extends) = heir.extends else {
                continue;
            };
            let chain = self.chain(at);
            let last = chain.last().copied();
            let Some(beyond) = last.filter(|_| chain.len() == MAX_DEPTH) else {
                continue;
            };
            // The first one that is too deep has a parent whose own chain is just long enough.
            let Some(too_far) = self.parents[beyond].filter(|it| self.parents[*it].is_none())
            else {
                continue;
            };
            let far = &self.heirs[too_far];
            diagnostics.push(
                Diagnostic::error(
                    Code::ExtendsTooDeep,
                    format!(
                        "`{}` stands on more than {MAX_DEPTH} others",
                        heir.name.value
                    ),
                )
                .at(&extends.location, "the chain that begins here is too long")
                .at(&far.name.location, "its end")
                .help("join some of the nodes in between"),
            );
        }
    }
}
