//! `environment`.

use crate::diag::{Code, Diagnostic, Sourced};
use crate::manifest::raw::{EnvironmentNode, Requirement, Text};
use crate::node::{Dec, Mark, Scalar, suggest};

use super::{identifier, no_template, pairs, plain, refers};

pub(super) fn read_environment(node: &mut Dec<'_>) -> Option<EnvironmentNode> {
    let name = identifier(node);
    let doc = node.text("doc", "what the environment is for");
    plain(node, doc.as_ref());
    let targets = node.texts(
        "target",
        "the registries it may use; an image's own `target` narrows them",
    );
    let set = pairs(node, "set", "values of variables: `set tier=\"live\"`");
    let require = node.texts(
        "require",
        "what must hold: clean-git, locked-bases, branch:GLOB",
    );
    let require = require
        .iter()
        .filter_map(|it| requirement(node, it))
        .collect();
    let promote_from = node.text(
        "promote-from",
        "the environment whose images are copied, never built",
    );
    let builder = node.text("builder", "the builder of its images that name none");
    for (what, kind, text) in [
        ("promote-from", "environment", &promote_from),
        ("builder", "builder", &builder),
    ] {
        if let Some(text) = text {
            no_template(node, what, text);
            refers(node, std::slice::from_ref(text), kind);
        }
    }
    refers(node, &targets, "registry");
    for pair in &set {
        if let Scalar::Text(text) = &pair.value.value {
            let text = Text::new(text.clone(), pair.value.location.clone());
            no_template(node, "set", &text);
        }
        node.reading().mark(&pair.value.location, Mark::Plain);
    }
    for target in &targets {
        no_template(node, "target", target);
    }
    Some(EnvironmentNode {
        location: node.head_location(),
        name: name?,
        targets,
        builder,
        set,
        require,
        promote_from,
    })
}

fn requirement(node: &Dec<'_>, text: &Text) -> Option<Sourced<Requirement>> {
    no_template(node, "require", text);
    let Some(found) = Requirement::parse(&text.value) else {
        let words = ["clean-git", "locked-bases", "branch:GLOB"];
        let other = &text.value;
        let hint = suggest::closest(other, &words).map_or_else(
            || format!("one of {}", suggest::list(&words)),
            |it| format!("did you mean `{it}`?"),
        );
        node.report(
            Diagnostic::error(Code::BadValue, format!("`require` does not know `{other}`"))
                .at(&text.location, "not one of its words")
                .help(hint),
        );
        return None;
    };
    Some(Sourced::new(found, text.location.clone()))
}
