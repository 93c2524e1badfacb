//! Evaluating packages with regorus.

use core::time::Duration;
use std::num::NonZeroU32;

use regorus::utils::limits::ExecutionTimerConfig;
use serde_json::Value;

use super::answer::{self, RegoHit};
use super::functions;
use super::load::{Package, RegoPack};

/// How long one package may take for one input.
const TIME: Duration = Duration::from_secs(2);
/// Work between two looks at the clock.
const INTERVAL: NonZeroU32 = NonZeroU32::new(256).expect("not zero");
/// Bytes that the whole process may hold while a policy is evaluated.
const MEMORY: u64 = 2 << 30;

/// The packages of a pack, ready to be asked.
pub struct Rego {
    engine: regorus::Engine,
    packages: Vec<Package>,
}

impl std::fmt::Debug for Rego {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rego")
            .field("packages", &self.packages)
            .finish_non_exhaustive()
    }
}

impl Rego {
    /// Prepares a pack that was loaded.
    ///
    /// # Errors
    /// What regorus says; a pack that [`load`] accepted gives none.
    pub fn new(pack: &RegoPack) -> Result<Self, String> {
        let mut engine = engine()?;
        for (path, text) in &pack.modules {
            engine
                .add_policy(path.clone(), text.clone())
                .map_err(|error| error.to_string())?;
        }
        for (path, data) in &pack.data {
            engine
                .add_data_json(&data.to_string())
                .map_err(|error| format!("{path}: {error}"))?;
        }
        Ok(Self {
            engine,
            packages: pack.packages.clone(),
        })
    }

    /// Counts which lines are reached.
    pub fn count_coverage(&mut self) {
        self.engine.set_enable_coverage(true);
    }

    /// Returns for each file the lines that were reached and those that were not.
    pub fn coverage(&self) -> Vec<(String, usize, Vec<u32>)> {
        let Ok(report) = self.engine.get_coverage_report() else {
            return Vec::new();
        };
        let files = report.files.into_iter();
        files
            .map(|file| {
                let missed = file.not_covered.into_iter().collect();
                (file.path.clone(), file.covered.len(), missed)
            })
            .collect()
    }

    /// Asks all packages about one input. A package that cannot be evaluated gives a denial.
    pub fn ask(&mut self, input: &Value, dockerfile: Option<&Value>) -> Vec<RegoHit> {
        let mut hits = Vec::new();
        let packages = self.packages.clone();
        let mut set: Option<bool> = None;
        for package in &packages {
            // Policies written for conftest see the Dockerfile alone.
            let given = match (package.is_conftest, dockerfile) {
                (true, None) => continue,
                (true, Some(dockerfile)) => dockerfile,
                (false, _) => input,
            };
            if set != Some(package.is_conftest) {
                self.engine.set_input(regorus::Value::from(given.clone()));
                set = Some(package.is_conftest);
            }
            match self.value(&package.path) {
                Ok(value) => hits.extend(answer::hits(package, &value)),
                Err(why) => hits.push(answer::failure(package, &why)),
            }
        }
        hits
    }

    /// Runs the `test_` rules and returns those that do not hold, with their number.
    pub fn test(&mut self) -> (usize, Vec<String>) {
        let mut failed = Vec::new();
        let mut count = 0;
        for package in self.packages.clone() {
            for test in &package.tests {
                count += 1;
                let path = format!("{}.{test}", package.path);
                match self.value(&path) {
                    Ok(Value::Bool(true)) => {}
                    Ok(_) => failed.push(path),
                    Err(why) => failed.push(format!("{path}: {why}")),
                }
            }
        }
        (count, failed)
    }

    fn value(&mut self, path: &str) -> Result<Value, String> {
        let results = self
            .engine
            .eval_query(path.to_owned(), false)
            .map_err(|error| first_line(&error))?;
        let expression = results
            .result
            .into_iter()
            .next()
            .and_then(|it| it.expressions.into_iter().next());
        let Some(expression) = expression else {
            return Ok(Value::Null);
        };
        if expression.value == regorus::Value::Undefined {
            return Ok(Value::Null);
        }
        serde_json::to_value(&expression.value).map_err(|error| error.to_string())
    }
}

/// Returns an engine with our functions and limits.
pub(super) fn engine() -> Result<regorus::Engine, String> {
    regorus::set_global_memory_limit(Some(MEMORY));
    let mut engine = regorus::Engine::new();
    // Undefined would let pass what a rule could not look at.
    engine.set_strict_builtin_errors(true);
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: TIME,
        check_interval: INTERVAL,
    });
    // Otherwise `print` writes to standard error in the midst of a report.
    engine.set_gather_prints(true);
    functions::add(&mut engine)?;
    Ok(engine)
}

/// regorus draws the place under the message; the message and its place are enough for one line.
pub(super) fn first_line(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let place = lines.clone().find_map(|line| line.strip_prefix("--> "));
    let message = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("error: "))
        .or_else(|| lines.next())
        .unwrap_or_default();
    place.map_or_else(|| message.to_owned(), |place| format!("{place}: {message}"))
}
