//! The digests of an apply as environment variables: one line an image, nothing else, as CI systems read it.

use std::collections::BTreeSet;

use crate::outcome::{ImageOutcome, Outcome};

/// Writes `NAME_IMAGE=URI@DIGEST` for the first place of every image, and `NAME_IMAGE_REGISTRY=..` for each where there are several.
///
/// Images that no repository holds have no line. Names that come out equal are told apart by a number: `A_B_IMAGE`, `A_B_IMAGE_2`.
pub(super) fn render(outcome: &Outcome) -> String {
    let mut taken = BTreeSet::new();
    let mut text = String::new();
    for (name, reference) in outcome.images.iter().flat_map(lines) {
        text.push_str(&free_name(&name, &mut taken));
        text.push('=');
        text.push_str(&reference);
        text.push('\n');
    }
    text
}

fn lines(image: &ImageOutcome) -> Vec<(String, String)> {
    let name = format!("{}_IMAGE", variable(image.name.as_str()));
    let held: Vec<(&str, String)> = image
        .targets
        .iter()
        .filter_map(|target| {
            let (uri, digest) = target.uri.as_ref().zip(target.digest.as_ref())?;
            Some((target.key.registry.as_str(), format!("{uri}@{digest}")))
        })
        .collect();
    let first = held
        .first()
        .map(|(_, reference)| (name.clone(), reference.clone()));
    let several = held.iter().filter(|_| image.targets.len() > 1);
    first
        .into_iter()
        .chain(several.map(|(registry, reference)| {
            (format!("{name}_{}", variable(registry)), reference.clone())
        }))
        .collect()
}

/// Turns a name into the characters of a variable: upper case, `_` for everything else, no digit first.
fn variable(name: &str) -> String {
    let text: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        })
        .collect();
    if text.starts_with(|c: char| c.is_ascii_digit()) {
        format!("_{text}")
    } else {
        text
    }
}

fn free_name(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2..).map(|number: u32| format!("{name}_{number}"));
    let free = std::iter::once(name.to_owned())
        .chain(numbered)
        .find(|candidate| !taken.contains(candidate))
        .expect("there is a number that is not taken");
    taken.insert(free.clone());
    free
}
