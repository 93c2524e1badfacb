//! `needs`: images of the workspace that others are built from.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Code, Diagnostic};
use crate::manifest::model::Need;
use crate::manifest::raw::NeedNode;
use crate::name::ImageName;
use crate::node::suggest;

use super::Resolver;
use super::images::Placed;
use super::instances::Instance;

/// Returns what an image needs, sorted by name.
pub(super) fn image_needs(image: &Instance<'_>) -> Vec<Need> {
    let mut all: Vec<Need> = image
        .needs
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

/// The images by name.
type Images<'p, 'a> = BTreeMap<&'p str, &'p Instance<'a>>;

impl<'a> Resolver<'a> {
    /// Reports needs of images that do not exist, names that stand for two images, and cycles.
    pub(super) fn check_needs(&mut self, placed: &[Placed<'a>]) {
        let images: Images<'_, 'a> = placed
            .iter()
            .map(|it| (it.image.name.value.as_str(), &it.image))
            .collect();
        let mut found = Vec::new();
        for Placed { image, .. } in placed {
            let needs = &image.needs;
            let mut names: BTreeMap<&str, &NeedNode> = BTreeMap::new();
            for need in needs {
                if !images.contains_key(need.image.value.as_str()) {
                    found.extend(self.unknown_need(need, &images));
                }
                found.extend(bad_as(need));
                let name = as_name(need);
                if let Some(earlier) = names.insert(name, need) {
                    found.push(
                        Diagnostic::error(Code::BadNeed, format!("`{name}` stands for two images"))
                            .at(&need.image.location, "this one")
                            .at(&earlier.image.location, "and this one")
                            .help("give one of them another name with `as=`"),
                    );
                }
            }
        }
        found.extend(find_cycle(&images));
        self.diagnostics.extend(found);
    }

    fn unknown_need(&self, need: &NeedNode, images: &Images<'_, 'a>) -> Option<Diagnostic> {
        if self.manifest.incomplete || self.images_unknown {
            return None;
        }
        let name = &need.image.value;
        let nodes = &self.manifest.images;
        if let Some(node) = nodes
            .iter()
            .find(|it| it.is_abstract && it.name.value == *name)
        {
            return Some(
                Diagnostic::error(Code::AbstractNode, format!("image `{name}` is abstract"))
                    .at(&need.image.location, "there is nothing to be built from")
                    .at(&node.location, "only there to be extended")
                    .help("name an image that extends it"),
            );
        }
        Some(unknown(need, images))
    }
}

fn find_cycle(images: &Images<'_, '_>) -> Option<Diagnostic> {
    let mut done: BTreeSet<&str> = BTreeSet::new();
    images
        .keys()
        .find_map(|start| walk(start, images, &mut done))
}

/// Follows needs without recursion: a chain may be as long as the manifest.
fn walk<'p>(
    start: &'p str,
    images: &'p Images<'_, '_>,
    done: &mut BTreeSet<&'p str>,
) -> Option<Diagnostic> {
    let mut path: Vec<&NeedNode> = Vec::new();
    let mut stack: Vec<(&str, usize)> = vec![(start, 0)];
    let mut places: BTreeMap<&str, usize> = BTreeMap::from([(start, 0)]);
    while let Some((name, next)) = stack.last_mut() {
        let needs = images.get(name).map_or(&[][..], |it| &it.needs);
        let Some(need) = needs.get(*next).filter(|_| !done.contains(name)) else {
            done.insert(name);
            places.remove(name);
            stack.pop();
            path.pop();
            continue;
        };
        *next += 1;
        let target = need.image.value.as_str();
        if let Some(at) = places.get(target) {
            path.push(need);
            return Some(cycle(&path[*at..]));
        }
        if !done.contains(target) {
            path.push(need);
            places.insert(target, stack.len());
            stack.push((target, 0));
        }
    }
    None
}

fn as_name(need: &NeedNode) -> &str {
    let name = need.as_name.as_ref().unwrap_or(&need.image);
    &name.value
}

fn unknown(need: &NeedNode, images: &Images<'_, '_>) -> Diagnostic {
    let name = &need.image.value;
    let names: Vec<&str> = images.keys().copied().collect();
    let diagnostic =
        Diagnostic::error(Code::UnknownImage, format!("image `{name}` is not defined"))
            .at(&need.image.location, "unknown image");
    let Some(close) = suggest::closest(name, &names) else {
        let hint = suggest::hint(name, &names);
        return Diagnostic {
            help: hint,
            ..diagnostic
        };
    };
    match &images[close].matrix {
        Some(_) => diagnostic.help(format!("did you mean `{close}` (from the matrix)?")),
        None => diagnostic.help(format!("did you mean `{close}`?")),
    }
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
