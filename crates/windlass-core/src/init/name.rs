//! Names of workspaces and images, made from names of folders.

use std::collections::BTreeMap;

use crate::init::FoundImage;
use crate::init::tree::{file_name, folder_of};

/// The longest name that is made.
const LONGEST: usize = 60;

/// Returns a name for the workspace in a folder of that name; `app` where nothing of it can be part of one.
pub fn workspace_name(folder: &str) -> String {
    let name = plain(folder);
    if name.is_empty() {
        "app".to_owned()
    } else {
        name
    }
}

/// Returns a name for the image of a folder; empty for `.`, which [`settle`] names.
pub(super) fn of_folder(folder: &str) -> String {
    if folder == "." {
        return String::new();
    }
    workspace_name(file_name(folder))
}

/// Returns `text` as an image may be called: lower-case letters and digits, with single hyphens between.
pub(super) fn plain(text: &str) -> String {
    let words: Vec<String> = text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_ascii_lowercase)
        .collect();
    let name: String = words.join("-").chars().take(LONGEST).collect();
    name.trim_matches('-').to_owned()
}

/// Sees to it that every image has a name and no two the same: the folder above, then the language, then a number tell them apart.
pub(super) fn settle(images: &mut [FoundImage], workspace: &str) {
    for image in images.iter_mut().filter(|image| image.name.is_empty()) {
        workspace.clone_into(&mut image.name);
    }
    // A repository's name has two characters at least.
    for image in images.iter_mut().filter(|image| image.name.len() < 2) {
        image.name = format!("{workspace}-{}", image.name);
    }
    tell_apart(images, |image| {
        let above = plain(file_name(folder_of(&image.context)));
        (!above.is_empty()).then(|| format!("{above}-{}", image.name))
    });
    tell_apart(images, |image| {
        let language = image.pattern?.split(['@', '-']).next()?;
        Some(format!("{}-{language}", image.name))
    });
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for image in images {
        let count = seen.entry(image.name.clone()).or_default();
        *count += 1;
        if *count > 1 {
            image.name = format!("{}-{count}", image.name);
        }
    }
}

fn tell_apart(images: &mut [FoundImage], rename: impl Fn(&FoundImage) -> Option<String>) {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for image in images.iter() {
        *counts.entry(image.name.clone()).or_default() += 1;
    }
    for image in images {
        if counts.get(&image.name).is_some_and(|count| *count > 1)
            && let Some(name) = rename(image)
        {
            image.name = name;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_folder_gives_a_valid_name() {
        for (folder, wanted) in [
            ("My Shop", "my-shop"),
            ("api_v2.1", "api-v2-1"),
            ("--", "app"),
            ("<script>", "script"),
            ("日本", "app"),
        ] {
            let name = workspace_name(folder);
            assert_eq!(name, wanted);
            assert!(crate::name::ImageName::new(name).is_ok());
        }
    }
}
