//! Custom rules in Rego, evaluated by regorus.
//!
//! A package is asked once for each image, repository and plan (`docs/policies.md` describes the input). What `deny`, `violation` and
//! `warn` hold becomes findings, as conftest reads them. Nothing fails open: a text that cannot be loaded, an error of a built-in
//! function and an evaluation that takes too long deny. A build without the feature `rego` refuses packs that bring any.

mod answer;
mod input;
#[cfg(feature = "rego")]
mod load;
#[cfg(feature = "rego")]
mod run;
#[cfg(not(feature = "rego"))]
mod without;

#[cfg(feature = "rego")]
use windlass_core::finding::Level;

pub use self::answer::{Loc, RegoHit};
pub use self::input::{Facts, image_input, plan_input, repository_input};
#[cfg(feature = "rego")]
pub use self::load::{RegoPack, load};
#[cfg(feature = "rego")]
pub use self::run::Rego;
#[cfg(not(feature = "rego"))]
pub use self::without::{Rego, RegoPack, load};

#[cfg(feature = "rego")]
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
