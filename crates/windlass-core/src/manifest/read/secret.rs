//! `secret` at the top and inside an image.

use crate::diag::{Code, Diagnostic, Location};
use crate::manifest::raw::{SecretFrom, SecretNode, SecretUse, Text};
use crate::node::Dec;

use super::{identifier, no_template, plain, refers};

pub(super) fn read_secret(node: &mut Dec<'_>) -> Option<SecretNode> {
    let name = identifier(node);
    let doc = node.text("doc", "what the secret is for");
    plain(node, doc.as_ref());
    let env = node.text("from-env", "the environment variable that holds it");
    let file = node.text(
        "from-file",
        "the file that holds it; never part of a build context",
    );
    let ssm = read_service(
        node,
        "from-ssm",
        "the parameter of the Systems Manager that holds it",
    );
    let manager = read_service(
        node,
        "from-secretsmanager",
        "the secret of the Secrets Manager that holds it",
    );
    for text in [&env, &file].into_iter().flatten() {
        no_template(node, "secret", text);
    }
    if let Some(text) = env.as_ref().filter(|it| !is_variable(&it.value)) {
        node.report(
            Diagnostic::error(
                Code::BadValue,
                format!("`{}` is no environment variable", text.value),
            )
            .at(&text.location, "has other characters")
            .help("letters, digits and `_`, not starting with a digit"),
        );
    }
    let sources: Vec<(SecretFrom, Location)> = [
        env.map(|it| (it.location.clone(), SecretFrom::Env(it))),
        file.map(|it| (it.location.clone(), SecretFrom::File(it))),
        ssm.map(|it| (it.clone(), SecretFrom::Service("from-ssm", it))),
        manager.map(|it| (it.clone(), SecretFrom::Service("from-secretsmanager", it))),
    ]
    .into_iter()
    .flatten()
    .map(|(place, source)| (source, place))
    .collect();
    check_sources(node, &sources);
    Some(SecretNode {
        name: name?,
        source: sources.into_iter().next().map(|it| it.0),
    })
}

/// Reads a source in AWS: what it names, and in which region.
fn read_service(node: &mut Dec<'_>, name: &'static str, doc: &'static str) -> Option<Location> {
    node.block(name, doc, |it| {
        let text = it.required_value(doc).and_then(|it| it.text());
        let key = (name == "from-secretsmanager")
            .then(|| it.property("key", "the key of the value in a JSON secret"))
            .flatten();
        let region = it.property("region", "the AWS region");
        for text in [key, region]
            .into_iter()
            .flatten()
            .filter_map(|it| it.text())
            .chain(text)
        {
            no_template(it, name, &text);
        }
        it.head_location()
    })
}

fn check_sources(node: &Dec<'_>, sources: &[(SecretFrom, Location)]) {
    const WORDS: [&str; 4] = ["from-env", "from-file", "from-ssm", "from-secretsmanager"];
    let diagnostic = Diagnostic::error(Code::SecretSource, "a secret has exactly one source");
    let diagnostic = match sources {
        [_] => return,
        [] if WORDS
            .iter()
            .any(|it| node.was_given(it) || node.has_slip_of(it)) =>
        {
            return;
        }
        [] => diagnostic
            .at(&node.head_location(), "has none")
            .help("add `from-env \"NAME\"` or `from-file \"path\"`"),
        [first, second, ..] => diagnostic
            .at(&second.1, "and this")
            .at(&first.1, "this")
            .help("keep one of them"),
    };
    node.report(diagnostic);
}

/// Reads the secrets that an image mounts.
pub(super) fn read_uses(node: &mut Dec<'_>) -> Vec<SecretUse> {
    let mut all: Vec<SecretUse> = Vec::new();
    for mut child in node.children(
        "secret",
        "a secret that RUN steps may mount: `RUN --mount=type=secret,id=..`",
    ) {
        let secret = child
            .required_value("the name of a secret")
            .and_then(|it| it.text());
        let id = child
            .property(
                "id",
                "the id of the mount, where it is not the secret's name",
            )
            .and_then(|it| it.text());
        if let Some(secret) = secret {
            refers(&child, std::slice::from_ref(&secret), "secret");
            no_template(&child, "secret", &secret);
            all.extend(checked(&child, secret, id));
        }
        child.finish();
    }
    all
}

fn checked(node: &Dec<'_>, secret: Text, id: Option<Text>) -> Option<SecretUse> {
    plain(node, id.as_ref());
    if let Some(id) = &id {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if id.value.is_empty() || !id.value.chars().all(good) {
            node.report(
                Diagnostic::error(
                    Code::BadValue,
                    format!("`{}` is no id of a mount", id.value),
                )
                .at(&id.location, "empty, or with other characters")
                .help("letters, digits, `.`, `_` and `-`"),
            );
            return None;
        }
    }
    Some(SecretUse { secret, id })
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
