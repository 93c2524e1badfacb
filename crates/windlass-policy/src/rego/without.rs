//! What stands in for the evaluator in a build without the feature `rego`: packs that bring Rego are refused.

use serde_json::Value;

use super::answer::RegoHit;

/// Files of Rego and data that belong together; there are none.
#[derive(Debug, Clone, PartialEq)]
pub struct RegoPack {
    /// Path and text of each file.
    pub modules: Vec<(String, String)>,
    /// Path and content of each data file.
    pub data: Vec<(String, Value)>,
    never: std::convert::Infallible,
}

impl RegoPack {
    /// Returns the slugs of all packages.
    pub fn slugs(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// Says whether findings can have this name.
    pub fn has_rule(&self, _slug: &str) -> bool {
        match self.never {}
    }
}

/// The packages of a pack, ready to be asked.
#[derive(Debug)]
pub struct Rego {
    never: std::convert::Infallible,
}

impl Rego {
    /// Prepares a pack that was loaded.
    ///
    /// # Errors
    /// None: there is no such pack.
    pub fn new(pack: &RegoPack) -> Result<Self, String> {
        match pack.never {}
    }

    /// Counts which lines are reached.
    pub fn count_coverage(&mut self) {
        match self.never {}
    }

    /// Returns for each file the lines that were reached and those that were not.
    pub fn coverage(&self) -> Vec<(String, usize, Vec<u32>)> {
        match self.never {}
    }

    /// Runs the `test_` rules.
    pub fn test(&mut self) -> (usize, Vec<String>) {
        match self.never {}
    }

    /// Asks all packages about one input.
    pub fn ask(&mut self, _input: &Value, _dockerfile: Option<&Value>) -> Vec<RegoHit> {
        match self.never {}
    }
}

/// Refuses files of Rego.
///
/// # Errors
/// Always.
pub fn load(
    _modules: Vec<(String, String)>,
    _data: Vec<(String, Value)>,
) -> Result<RegoPack, Vec<String>> {
    Err(vec![
        "this windlass was built without the feature `rego` and evaluates no Rego".to_owned(),
    ])
}
