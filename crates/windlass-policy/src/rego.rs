//! Custom rules in Rego, evaluated by regorus.
//!
//! A package is asked once for each image, repository and plan (`docs/policies.md` describes the input). What `deny`, `violation` and
//! `warn` hold becomes findings, as conftest reads them. Nothing fails open: a text that cannot be loaded, an error of a built-in
//! function and an evaluation that takes too long deny.

mod answer;
mod functions;
mod input;
mod load;
mod run;

use windlass_core::finding::Level;

pub use self::answer::{Loc, RegoHit};
pub use self::input::{Facts, image_input, plan_input, repository_input};
pub use self::load::{RegoPack, load};
pub use self::run::Rego;

/// Returns the level that a kind of rule stands for.
fn level_of(name: &str) -> Option<(Level, Option<&str>)> {
    for (kind, level) in [
        ("deny", Level::Deny),
        ("violation", Level::Deny),
        ("warn", Level::Warn),
    ] {
        if name == kind {
            return Some((level, None));
        }
        if let Some(suffix) = name.strip_prefix(kind).and_then(|it| it.strip_prefix('_')) {
            return Some((level, Some(suffix)));
        }
    }
    None
}
