//! Values of secrets: read once, before the first write of an apply, kept in memory, and shown nowhere.

use std::fmt;
use std::sync::Arc;

use windlass_core::manifest::model::SecretSource;

/// The value of a secret. It is never shown, also not by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretValue(Vec<u8>);

impl SecretValue {
    /// Takes a value.
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(value.into())
    }

    /// Returns the value, for the builder only.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for SecretValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretValue(redacted)")
    }
}

/// Reads a secret; says what is wrong otherwise: `is not set`.
type Read = dyn Fn(&SecretSource) -> Result<SecretValue, String> + Send + Sync;

/// Where an apply gets the values of secrets from.
#[derive(Clone)]
pub struct SecretReader(Arc<Read>);

impl SecretReader {
    /// Reads with `read`, which says in a few words what is wrong where it cannot: `is not set`.
    pub fn new(
        read: impl Fn(&SecretSource) -> Result<SecretValue, String> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(read))
    }

    /// Reads a secret.
    ///
    /// # Errors
    /// Says in a few words what is wrong, without the value.
    pub fn read(&self, source: &SecretSource) -> Result<SecretValue, String> {
        (self.0)(source)
    }
}

impl Default for SecretReader {
    /// A reader that knows no secret.
    fn default() -> Self {
        Self::new(|_| Err("is not set".to_owned()))
    }
}

impl fmt::Debug for SecretReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretReader")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_never_shown() {
        let value = SecretValue::new("hunter2");
        assert_eq!(format!("{value:?}"), "SecretValue(redacted)");
        assert_eq!(value.bytes(), b"hunter2");
    }
}
