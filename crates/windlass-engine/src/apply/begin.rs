//! What the caller wants done between the last check and the first write of an apply.

use std::fmt;
use std::sync::Arc;

type Work = dyn Fn() -> Result<(), String> + Send + Sync;

/// Work of the caller's that belongs to an apply: done only where every check has passed, such as writing the lock.
#[derive(Clone)]
pub struct Begin(Arc<Work>);

impl Begin {
    /// Does `work`, which says what is wrong where it fails.
    pub fn new(work: impl Fn() -> Result<(), String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(work))
    }

    /// Does it.
    ///
    /// # Errors
    /// What is wrong, for people.
    pub fn run(&self) -> Result<(), String> {
        (self.0)()
    }
}

impl Default for Begin {
    /// Nothing.
    fn default() -> Self {
        Self::new(|| Ok(()))
    }
}

impl fmt::Debug for Begin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Begin")
    }
}
