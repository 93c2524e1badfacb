//! Whether the inputs of a build are still those that were planned.

use std::fmt;
use std::sync::Arc;

use windlass_core::desired::BuildSpec;

/// Returns what changed, each as `web/main.py changed`.
type Compare = dyn Fn(&BuildSpec) -> Vec<String> + Send + Sync;

/// How an apply compares the files of a context with those of the plan, before its first write.
#[derive(Clone)]
pub struct InputsAtHand(Arc<Compare>);

impl InputsAtHand {
    /// Compares with `compare`, which may take its time: it is called where waiting is allowed.
    pub fn new(compare: impl Fn(&BuildSpec) -> Vec<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(compare))
    }

    /// Returns what of the inputs is not as it was planned; empty where all is.
    pub async fn changed(&self, spec: &BuildSpec) -> Vec<String> {
        let (compare, spec) = (Arc::clone(&self.0), spec.clone());
        let compared = tokio::task::spawn_blocking(move || compare(&spec)).await;
        compared.unwrap_or_else(|error| vec![error.to_string()])
    }
}

impl Default for InputsAtHand {
    /// Compares nothing: the builder notices when it sends the files.
    fn default() -> Self {
        Self::new(|_| Vec::new())
    }
}

impl fmt::Debug for InputsAtHand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InputsAtHand")
    }
}
