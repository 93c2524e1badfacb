//! `needs`: images of the workspace that others are built from.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic};
use crate::manifest::model::Need;
use crate::manifest::raw::{ImageNode, NeedNode};
use crate::name::ImageName;
use crate::node::suggest;

use super::Resolver;
use super::images::pick;

impl<'a> Resolver<'a> {
    fn needs_of(&self, node: &'a ImageNode) -> &'a [NeedNode] {
        pick(&node.body.needs, &self.manifest.default_image.needs)
    }

    /// Returns what an image needs, sorted by name.
    pub(super) fn image_needs(&self, node: &ImageNode) -> Vec<Need> {
        let default = &self.manifest.default_image.needs;
        let mut all: Vec<Need> = pick(&node.body.needs, default)
            .iter()
            .filter_map(|need| {
                let as_name = need.as_name.as_ref().unwrap_or(&need.image);
                Some(Need {
                    image: ImageName::new(need.image.value.clone()).ok()?,
                    as_name: as_name.value.clone(),
                    location: need.image.location.clone(),
                })
            })
            .collect();
        all.sort_by(|a, b| (&a.image, &a.as_name).cmp(&(&b.image, &b.as_name)));
        all
    }

    /// Reports needs of images that do not exist, names that stand for two images, and cycles.
    pub(super) fn check_needs(&mut self) {
        let manifest = self.manifest;
        let names: Vec<&str> = manifest
            .images
            .iter()
            .map(|it| it.name.value.as_str())
            .collect();
        let mut found = Vec::new();
        for node in &manifest.images {
            let needs = self.needs_of(node);
            for (at, need) in needs.iter().enumerate() {
                if !names.contains(&need.image.value.as_str()) {
                    found.extend((!manifest.incomplete).then(|| unknown(need, &names)));
                }
                found.extend(bad_as(need));
                let name = as_name(need);
                if let Some(earlier) = needs[..at].iter().find(|it| as_name(it) == name) {
                    found.push(
                        Diagnostic::error(Code::BadNeed, format!("`{name}` stands for two images"))
                            .at(&need.image.location, "this one")
                            .at(&earlier.image.location, "and this one")
                            .help("give one of them another name with `as=`"),
                    );
                }
            }
        }
        found.extend(self.find_cycle());
        self.diagnostics.extend(found);
    }

    fn find_cycle(&self) -> Option<Diagnostic> {
        let images: BTreeMap<&str, &'a ImageNode> = self
            .manifest
            .images
            .iter()
            .map(|it| (it.name.value.as_str(), it))
            .collect();
        let mut done: Vec<&str> = Vec::new();
        for start in images.keys() {
            let mut path: Vec<&'a NeedNode> = Vec::new();
            if let Some(cycle) = self.walk(start, &images, &mut path, &mut done) {
                return Some(cycle);
            }
        }
        None
    }

    /// Follows needs without recursion: a chain may be as long as the manifest.
    fn walk(
        &self,
        start: &'a str,
        images: &BTreeMap<&str, &'a ImageNode>,
        path: &mut Vec<&'a NeedNode>,
        done: &mut Vec<&'a str>,
    ) -> Option<Diagnostic> {
        let mut stack: Vec<(&'a str, usize)> = vec![(start, 0)];
        while let Some((name, next)) = stack.last_mut() {
            let needs = images.get(name).map_or(&[][..], |it| self.needs_of(it));
            let Some(need) = needs.get(*next).filter(|_| !done.contains(name)) else {
                done.push(name);
                stack.pop();
                path.pop();
                continue;
            };
            *next += 1;
            let target = need.image.value.as_str();
            if let Some(at) = stack.iter().position(|it| it.0 == target) {
                path.push(need);
                return Some(cycle(&path[at..]));
            }
            if !done.contains(&target) {
                path.push(need);
                stack.push((target, 0));
            }
        }
        None
    }
}

fn as_name(need: &NeedNode) -> &str {
    let name = need.as_name.as_ref().unwrap_or(&need.image);
    &name.value
}

fn unknown(need: &NeedNode, names: &[&str]) -> Diagnostic {
    let name = &need.image.value;
    let mut diagnostic =
        Diagnostic::error(Code::UnknownImage, format!("image `{name}` is not defined"))
            .at(&need.image.location, "unknown image");
    diagnostic.help = suggest::hint(name, names);
    diagnostic
}

fn bad_as(need: &NeedNode) -> Option<Diagnostic> {
    let name = need.as_name.as_ref()?;
    if ImageName::new(name.value.clone()).is_ok() {
        return None;
    }
    Some(
        Diagnostic::error(
            Code::BadNeed,
            format!("`{}` cannot stand for an image", name.value),
        )
        .at(&name.location, "not a name")
        .help("lower-case letters and digits, with single `.`, `_` or `-` between them"),
    )
}

fn cycle(path: &[&NeedNode]) -> Diagnostic {
    let names: Vec<String> = path
        .iter()
        .map(|it| format!("`{}`", it.image.value))
        .collect();
    let mut diagnostic = Diagnostic::error(
        Code::NeedsCycle,
        format!("images need each other in a circle: {}", names.join(", ")),
    );
    for need in path {
        diagnostic = diagnostic.at(&need.image.location, "needed here");
    }
    diagnostic.help("remove one of these needs")
}
