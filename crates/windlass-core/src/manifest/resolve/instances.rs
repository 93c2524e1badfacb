//! Instances: the images that the `image` nodes stand for, each with its name, its needs and its merged body.

use std::collections::BTreeMap;
use std::rc::Rc;

use crate::diag::{Code, Diagnostic};
use crate::manifest::layers::{MergedImage, merge_image};
use crate::manifest::raw::{Axis, ImageNode, MatrixNode, NeedNode, Text};
use crate::manifest::read::snake_case;
use crate::manifest::template::{Axes, Place};
use crate::name::ImageName;
use crate::node::Scalar;

use super::Resolver;
use super::extends::{Families, Heir};
use super::inputs::Scope;
use super::matrix::{Combination, combinations};

/// The most images that a workspace may have.
const MAX_IMAGES: usize = 5000;

/// One image to be.
#[derive(Debug, Clone)]
pub(super) struct Instance<'a> {
    /// The node that it comes from.
    pub(super) node: &'a ImageNode,
    /// What the node and its layers say.
    pub(super) body: Rc<MergedImage<'a>>,
    /// Its rendered name, with the place of the name in the node.
    pub(super) name: Text,
    /// Its combination, where the node has a matrix.
    pub(super) matrix: Option<Rc<Combination<'a>>>,
    /// The images that it needs, by their rendered names.
    pub(super) needs: Vec<NeedNode>,
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
            let body = Rc::new(merge_image(node, &parents, &manifest.default_image));
            if node.is_abstract {
                self.check_abstract(&body);
            } else {
                self.expand(node, &body, &mut all);
            }
            if all.len() > MAX_IMAGES {
                self.too_many(node);
                break;
            }
        }
        self.check_names(&all);
        all
    }

    fn too_many(&mut self, node: &ImageNode) {
        self.images_unknown = true;
        self.report(
            Diagnostic::error(
                Code::BadMatrix,
                format!("the workspace has more than {MAX_IMAGES} images"),
            )
            .at(&node.location, "too many from here on")
            .help("split the workspace"),
        );
    }

    /// Adds the image of a node, or those of its matrix.
    fn expand(
        &mut self,
        node: &'a ImageNode,
        body: &Rc<MergedImage<'a>>,
        all: &mut Vec<Instance<'a>>,
    ) {
        let Some(matrix) = body.matrix else {
            all.extend(self.instance(node, body, None));
            return;
        };
        let axes = Axes::of(matrix.given);
        let is_empty = matrix.axes.is_empty() && matrix.rows.is_empty();
        let is_bad = |it: &Axis| it.values.is_empty() || snake_case(&it.name.value).is_some();
        let is_broken = is_empty || matrix.axes.iter().any(is_bad);
        if is_broken || !self.name_tells_apart(node, matrix.given, &axes) {
            self.images_unknown = true;
            return;
        }
        match combinations(matrix.given) {
            Ok(found) => {
                for combination in found {
                    all.extend(self.instance(node, body, Some(Rc::new(combination))));
                }
            }
            Err(diagnostic) => {
                self.images_unknown = true;
                self.report(diagnostic);
            }
        }
    }

    /// Every axis must be in the name, or two images would have the same one. Says so where it is not.
    fn name_tells_apart(&mut self, node: &ImageNode, matrix: &MatrixNode, axes: &Axes) -> bool {
        let before = self.templates.diagnostics.len();
        let used = self.templates.check(&node.name, Place::Name, axes);
        if self.templates.diagnostics.len() > before {
            return false;
        }
        let is_used = |key: &str| used.iter().any(|it| it.key == key);
        let unused = matrix
            .axes
            .iter()
            .map(|it| &it.name)
            .find(|it| !is_used(&it.value));
        let help = |key: &str| {
            format!(
                "write `image \"{}-{{{{ matrix.{key} }}}}\"`",
                node.name.value
            )
        };
        let diagnostic = if let Some(axis) = unused {
            let message = format!("the name does not use axis `{}`", axis.value);
            Diagnostic::error(Code::BadMatrix, message)
                .at(&node.name.location, "would name several images")
                .at(&axis.location, "this axis")
                .help(help(&axis.value))
        } else if used.is_empty() && !matrix.rows.is_empty() {
            let key = matrix.rows[0].pairs.first();
            Diagnostic::error(Code::BadMatrix, "the name is the same for every row")
                .at(&node.name.location, "would name several images")
                .at(&matrix.location, "this matrix")
                .help(help(key.map_or("name", |it| &it.key.value)))
        } else {
            return true;
        };
        self.report(diagnostic);
        false
    }

    fn instance(
        &mut self,
        node: &'a ImageNode,
        body: &Rc<MergedImage<'a>>,
        matrix: Option<Rc<Combination<'a>>>,
    ) -> Option<Instance<'a>> {
        let scope = self.matrix_scope(matrix.as_ref());
        let name = self.image_name(&node.name, matrix.as_deref(), &scope);
        let Some(name) = name else {
            self.images_unknown = true;
            return None;
        };
        let needs = body.needs.iter().filter_map(|need| {
            Some(NeedNode {
                image: self.text(&need.image, Place::Name, &scope)?,
                as_name: need.as_name.clone(),
            })
        });
        Some(Instance {
            needs: needs.collect(),
            node,
            body: Rc::clone(body),
            name,
            matrix,
        })
    }

    /// The values for what only a matrix can change.
    pub(super) fn matrix_scope(&self, matrix: Option<&Rc<Combination<'a>>>) -> Scope<'a> {
        Scope {
            matrix: matrix.cloned(),
            ..self.scope()
        }
    }

    fn image_name(
        &mut self,
        written: &Text,
        matrix: Option<&Combination<'a>>,
        scope: &Scope<'_>,
    ) -> Option<Text> {
        let name = self.text(written, Place::Name, scope)?;
        // A name without a template has been checked where it was read.
        if written.value == name.value || ImageName::new(name.value.clone()).is_ok() {
            return Some(name);
        }
        let message = format!("`{}` is not a name", name.value);
        let mut diagnostic =
            Diagnostic::error(Code::BadName, message).at(&name.location, "has other characters");
        if let Some(matrix) = matrix {
            diagnostic = diagnostic.at(matrix.location, "with this");
        }
        self.report(diagnostic.help(
            "lower-case letters and digits, with single `.`, `_` or `-` between them; `| slug` makes a name of any text",
        ));
        None
    }

    /// Reports names that two images have; those of literal nodes have been said.
    fn check_names(&mut self, all: &[Instance<'a>]) {
        let mut seen: BTreeMap<&str, &Instance<'a>> = BTreeMap::new();
        for image in all {
            let Some(earlier) = seen.insert(&image.name.value, image) else {
                continue;
            };
            if image.matrix.is_none() && earlier.matrix.is_none() {
                continue;
            }
            let message = format!("image `{}` is defined twice", image.name.value);
            let place = |it: &Instance<'a>| match &it.matrix {
                Some(matrix) => matrix.location.clone(),
                None => it.name.location.clone(),
            };
            self.diagnostics.push(
                Diagnostic::error(Code::DuplicateDefinition, message)
                    .at(&place(image), "again by this")
                    .at(&place(earlier), "first by this")
                    .help("give one of them another name"),
            );
        }
    }
}

/// Turns a scalar into a value of templates.
pub(super) fn value_of(scalar: &Scalar) -> minijinja::Value {
    match scalar {
        Scalar::Text(text) => minijinja::Value::from(text.as_str()),
        Scalar::Integer(number) => minijinja::Value::from(*number),
        Scalar::Flag(flag) => minijinja::Value::from(*flag),
    }
}
