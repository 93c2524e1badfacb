//! Which pattern an image follows.

use std::fmt;
use std::sync::Arc;

use crate::diag::Location;
use crate::manifest::raw::PatternNode;

/// A pattern, by what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternReference {
    /// One of windlass's own, such as `python@1`; that it exists is checked where it is rendered.
    BuiltIn {
        /// `python`
        name: String,
        /// `1`
        major: u32,
    },
    /// One of the workspace.
    Own(Arc<OwnPattern>),
}

/// A pattern of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnPattern {
    /// What its node says.
    pub node: Arc<PatternNode>,
    /// What it extends, with the place that says so.
    pub parent: Option<(PatternReference, Location)>,
}

impl fmt::Display for PatternReference {
    /// Writes it as a manifest does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn { name, major } => write!(f, "{name}@{major}"),
            Self::Own(own) => f.write_str(&own.node.name.value),
        }
    }
}

impl OwnPattern {
    /// Returns the patterns of the workspace from this one to the last that it stands on, and the built-in one behind them.
    pub fn chain(&self) -> (Vec<&PatternNode>, Option<(&str, u32, &Location)>) {
        let mut nodes = vec![&*self.node];
        let mut parent = self.parent.as_ref();
        loop {
            match parent {
                None => return (nodes, None),
                Some((PatternReference::BuiltIn { name, major }, place)) => {
                    return (nodes, Some((name, *major, place)));
                }
                Some((PatternReference::Own(own), _)) => {
                    nodes.push(&own.node);
                    parent = own.parent.as_ref();
                }
            }
        }
    }
}
