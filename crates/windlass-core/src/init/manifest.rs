//! The text of a first manifest: commented, formatted, and a manifest that `validate` accepts.

use std::fmt::Write as _;

use crate::init::{Found, FoundImage};

/// What the manifest says about the workspace and its registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the workspace.
    pub workspace: String,
    /// The account, twelve digits.
    pub account: String,
    /// Where the account comes from, for the comment; empty where the person gave it.
    pub account_why: String,
    /// The region.
    pub region: String,
    /// Where the region comes from, for the comment; empty where the person gave it.
    pub region_why: String,
}

/// Writes the manifest.
pub fn write_manifest(place: &Place, found: &Found) -> String {
    let mut text = head(place);
    for image in &found.images {
        text.push('\n');
        if image.is_ready() {
            text.push_str(&ready(image));
        } else {
            text.push_str(&held(image));
        }
    }
    text
}

fn head(place: &Place) -> String {
    let Place {
        workspace,
        account,
        account_why,
        region,
        region_why,
    } = place;
    format!(
        "\
// Written by `windlass init`; it is yours now. `windlass validate` checks it, `windlass --local plan` tries it without an AWS account.
workspace {workspace}

// The version that tags carry: VERSION in the environment (a pipeline sets it from its tag), `--var version=1.2.3`, or else `dev`.
var \"version\" {{
    default \"dev\"
    from-env \"VERSION\"
}}

// The ECR that holds the images. With `--local` a strict local one plays it.
registry \"main\" {{
    account {account}{account_why}
    region {region}{region_why}
}}

defaults {{
    image {{
        target \"main\"
        platform \"linux/amd64\"
        tag \"{{{{ var.version }}}}\"
        // Stamps reach a build when one happens and never cause one.
        stamp {{
            label org.opencontainers.image.version=\"{{{{ var.version }}}}\"
            label org.opencontainers.image.revision=\"{{{{ git.sha | default('none') }}}}\"
        }}
    }}
    repository {{
        // A released version stays what it is; `dev` moves.
        tags \"immutable\" {{ except \"dev\" }}
        scan-on-push
        lifecycle {{ expire untagged=#true pushed-days=14 }}
    }}
}}
",
        workspace = quoted(workspace),
        account = quoted(account),
        account_why = behind(account_why),
        region = quoted(region),
        region_why = behind(region_why),
    )
}

fn behind(why: &str) -> String {
    if why.is_empty() {
        String::new()
    } else {
        format!(" // {}", comment(why))
    }
}

fn ready(image: &FoundImage) -> String {
    let mut text = above(image);
    text.push_str(&node(image));
    text
}

/// Writes an image that cannot be built as it is: every line is a comment.
fn held(image: &FoundImage) -> String {
    let mut text = above(image);
    text.push_str("//\n// Not an image yet:\n");
    for obstacle in &image.obstacles {
        let _ = writeln!(text, "// - {}.", comment(obstacle));
    }
    text.push_str("//\n");
    for line in node(image).lines() {
        let _ = writeln!(text, "// {line}");
    }
    text
}

/// Writes the comment above an image: what it is, and what could not be known.
fn above(image: &FoundImage) -> String {
    let place = if image.context == "." {
        "this folder"
    } else {
        &image.context
    };
    let mut text = format!("// {}: {}.\n", comment(place), comment(&image.what));
    for unknown in &image.unknown {
        let _ = writeln!(text, "// Not known: {}.", comment(unknown));
    }
    text
}

fn node(image: &FoundImage) -> String {
    let pattern = image
        .pattern
        .map_or(String::new(), |it| format!(" pattern={}", quoted(it)));
    let mut text = format!("image {}{pattern} {{\n", quoted(&image.name));
    let _ = writeln!(text, "    context {}", quoted(&image.context));
    if !image.settings.is_empty() {
        text.push_str("    with {\n");
        for setting in &image.settings {
            let _ = writeln!(text, "        {}{}", setting.line, behind(&setting.why));
        }
        text.push_str("    }\n");
    }
    text.push_str("}\n");
    text
}

/// Writes a text as a string of KDL.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{{{:x}}}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// Returns a text as a comment may hold it: on one line, with nothing that cannot be seen.
fn comment(text: &str) -> String {
    text.chars()
        .map(|c| {
            let shown = c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric();
            if shown { c } else { '?' }
        })
        .collect()
}
