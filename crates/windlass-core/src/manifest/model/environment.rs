//! The selected environment, as far as later stages need it.

use crate::diag::Location;
use crate::name::RegistryName;

/// `promote-from` of the selected environment: images are copied from there by fingerprint, never built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promotion {
    /// The environment that images come from.
    pub environment: String,
    /// Its registries, sorted; they are among those of the workspace, to be read only.
    pub registries: Vec<RegistryName>,
    /// Where the setting stands.
    pub location: Location,
}
