//! Instances: the images that the `image` nodes stand for, each with its merged body.

use std::rc::Rc;

use crate::manifest::layers::{MergedImage, merge_image};
use crate::manifest::raw::{ImageNode, Text};

use super::Resolver;
use super::extends::{Families, Heir};

/// One image to be.
#[derive(Debug, Clone)]
pub(super) struct Instance<'a> {
    /// The node that it comes from.
    pub(super) node: &'a ImageNode,
    /// What the node and its layers say.
    pub(super) body: Rc<MergedImage<'a>>,
    /// Its name.
    pub(super) name: Text,
}

impl<'a> Resolver<'a> {
    /// Returns the images that are to be, in the order of their nodes.
    pub(super) fn instances(&mut self) -> Vec<Instance<'a>> {
        let manifest = self.manifest;
        let heirs = manifest.images.iter().map(|it| Heir {
            name: &it.name,
            extends: it.extends.as_ref(),
        });
        let families = Families::new(
            "image",
            heirs.collect(),
            manifest.incomplete,
            &mut self.diagnostics,
        );
        let mut all = Vec::new();
        for (at, node) in manifest.images.iter().enumerate() {
            let parents: Vec<&ImageNode> = families
                .chain(at)
                .into_iter()
                .map(|it| &manifest.images[it])
                .collect();
            let body = merge_image(node, &parents, &manifest.default_image);
            if node.is_abstract {
                self.check_abstract(&body);
            } else {
                all.push(Instance {
                    node,
                    body: Rc::new(body),
                    name: node.name.clone(),
                });
            }
        }
        all
    }
}
