//! `pattern`: a Dockerfile template of the workspace, with its parameters.

use std::sync::Arc;

use crate::diag::{Location, Source, Sourced};

use super::{Scalar, Text};

/// `pattern "name" { .. }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatternNode {
    /// Its name.
    pub name: Text,
    /// `extends=`: a built-in pattern with its major, or another one of the workspace.
    pub extends: Option<Text>,
    /// `doc`
    pub doc: Option<Text>,
    /// `template`: a path, relative to the file that says it.
    pub template: Option<Text>,
    /// The text of the template; `None` where there is none, or it could not be read.
    pub source: Option<Arc<Source>>,
    /// `ignore`
    pub ignore: Vec<Text>,
    /// `expects`
    pub expects: Vec<Text>,
    /// `platform`
    pub platforms: Vec<Text>,
    /// `param`
    pub parameters: Vec<ParameterNode>,
    /// Where the node stands.
    pub location: Location,
}

/// The type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterType {
    /// One text.
    Text,
    /// One whole number.
    Integer,
    /// `#true` or `#false`.
    Flag,
    /// Several texts.
    List,
    /// `key="value"`.
    Map,
    /// A path below the context.
    Path,
    /// The words of a command.
    Command,
}

/// `param "name" type="string" { .. }`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterNode {
    /// Its name.
    pub name: Text,
    /// `type=`; that of the parent's parameter of this name, else text, where it is not given.
    pub kind: Option<Sourced<ParameterType>>,
    /// `doc`
    pub doc: Option<Text>,
    /// `default`: its values, maybe none, with the place of the word.
    pub default: Option<(Vec<Sourced<Scalar>>, Location)>,
    /// `one-of`, as texts.
    pub one_of: Vec<Text>,
    /// `matches` and its message.
    pub matches: Option<(Text, Option<Text>)>,
    /// Both ends of `range`, inclusive.
    pub range: Option<(i64, i64)>,
}
