//! The Dockerfile as it is sent: every image word by digest, or by the name it has in the builder.

use std::collections::BTreeMap;
use std::ops::Range;

use windlass_core::desired::{BuildSpec, Pin, PinTo};
use windlass_core::diag::Source;
use windlass_core::dockerfile;

use crate::ports::BuilderError;

/// Returns the Dockerfile of `spec` with base images by digest and workspace images by `needs`, the reference of each by its name.
///
/// # Errors
/// Where the spans do not fit the text, or a workspace image has no reference: the plan was made by something else than windlass.
pub(super) fn pinned(
    spec: &BuildSpec,
    needs: &BTreeMap<&str, String>,
) -> Result<String, BuilderError> {
    let text = &spec.inputs.dockerfile;
    let replacements: Option<Vec<(Range<usize>, String)>> = spec
        .pins
        .iter()
        .map(|pin| replacement(text, pin, needs))
        .collect();
    let replacements = replacements.ok_or_else(|| {
        BuilderError::Other("the plan does not fit its Dockerfile: plan again".to_owned())
    })?;
    let (parsed, _) = dockerfile::parse(&Source::new("Dockerfile", text.as_str()));
    Ok(dockerfile::pin(&parsed, &replacements))
}

fn replacement(
    text: &str,
    pin: &Pin,
    needs: &BTreeMap<&str, String>,
) -> Option<(Range<usize>, String)> {
    text.get(pin.start..pin.end)?;
    let reference = match &pin.to {
        PinTo::Base { reference } => reference.clone(),
        PinTo::Need { name } => needs.get(name.as_str())?.clone(),
    };
    Some((pin.start..pin.end, reference))
}

/// Returns the names of the workspace images that the Dockerfile really starts from.
pub(super) fn named_needs(spec: &BuildSpec) -> impl Iterator<Item = &str> {
    spec.pins.iter().filter_map(|pin| match &pin.to {
        PinTo::Need { name } => Some(name.as_str()),
        PinTo::Base { .. } => None,
    })
}
