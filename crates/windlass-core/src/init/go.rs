//! Go modules: one image for each command.

use std::collections::BTreeMap;

use regex_lite::Regex;

use crate::init::name::plain;
use crate::init::tree::{Tree, extension, file_name, folder_of, join};
use crate::init::{Found, FoundImage, LeftOut, Setting};

const PATTERN: &str = "go-distroless@1";
/// The minor of Go 1 that is taken where go.mod asks for an older one: it compiles older modules too, and is supported.
const MINOR: u32 = 26;

pub(super) fn look(tree: &Tree, folder: &str) -> Found {
    let mut found = Found::default();
    let Some(module) = tree.text(folder, "go.mod") else {
        return found;
    };
    let commands = commands(tree, folder);
    if commands.is_empty() {
        found.left_out.push(LeftOut {
            path: folder.to_owned(),
            why: "a Go module without a command: a library".to_owned(),
        });
    }
    for (package, sources) in &commands {
        let mut image = FoundImage::new("Go", folder, Some(PATTERN));
        name(module, folder, package, commands.len(), &mut image);
        version(module, &mut image);
        image.settings.push(Setting::new(
            "variant \"debian\"",
            "what it is compiled in; \"alpine\" is smaller",
        ));
        if *package != "." {
            image
                .settings
                .push(Setting::texts("main", [format!("./{package}")], ""));
        }
        if uses_c(sources) {
            image
                .settings
                .push(Setting::new("cgo #true", "it imports C"));
        }
        port(sources, &mut image);
        obstacles(tree, folder, module, &mut image);
        found.images.push(image);
    }
    found
}

/// Returns the sources of each package that is a command, by its folder below the module.
fn commands<'a>(tree: &'a Tree, folder: &'a str) -> BTreeMap<&'a str, Vec<&'a str>> {
    let mut packages: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (path, text) in tree.below(folder) {
        let is_source = extension(path) == "go" && !path.ends_with("_test.go");
        if is_source && !tree.is_others(folder, path, &["go.mod"]) && !is_ignored(text) {
            packages.entry(folder_of(path)).or_default().push(text);
        }
    }
    packages.retain(|_, sources| {
        let has = |line: &str| {
            sources
                .iter()
                .any(|text| text.lines().any(|it| it.starts_with(line)))
        };
        has("package main") && has("func main()")
    });
    packages
}

fn is_ignored(text: &str) -> bool {
    text.lines()
        .take_while(|line| !line.starts_with("package "))
        .any(|line| line.starts_with("//go:build") && line.contains("ignore"))
}

fn name(module: &str, folder: &str, package: &str, commands: usize, image: &mut FoundImage) {
    if package != "." && (commands > 1 || folder == ".") {
        image.name = plain(file_name(package));
    } else if folder == "." {
        let path = module
            .lines()
            .find_map(|line| line.strip_prefix("module "))
            .unwrap_or_default();
        let last = path
            .trim()
            .trim_matches('"')
            .split('/')
            .rfind(|part| !is_major(part));
        image.name = plain(last.unwrap_or_default());
    }
}

/// Says whether a part of a module's path is its major, such as `v2`.
fn is_major(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
}

fn version(module: &str, image: &mut FoundImage) {
    let stated = module.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("go 1.")?;
        rest.split('.').next()?.trim().parse::<u32>().ok()
    });
    let (minor, why) = match stated {
        Some(minor) if minor >= MINOR => (minor, "from go.mod"),
        Some(_) => (MINOR, "supported; go.mod asks for this or older"),
        None => {
            let unknown = "the Go version: go.mod has no `go` line";
            image.unknown.push(unknown.to_owned());
            (MINOR, "not stated in go.mod: a supported one")
        }
    };
    image
        .settings
        .push(Setting::new(format!("version \"1.{minor}\""), why));
}

fn uses_c(sources: &[&str]) -> bool {
    sources
        .iter()
        .flat_map(|text| text.lines())
        .any(|line| matches!(line.trim(), "import \"C\"" | "\"C\""))
}

fn port(sources: &[&str], image: &mut FoundImage) {
    let address = Regex::new(r#""(?:[\d.]+|localhost|\[::\])?:(\d{2,5})""#);
    let listens = [
        "ListenAndServe",
        "net.Listen",
        "http.Server",
        ".Listen(",
        ".Run(",
        ".Start(",
    ];
    let found = address.ok().and_then(|pattern| {
        sources
            .iter()
            .filter(|text| listens.iter().any(|word| text.contains(word)))
            .find_map(|text| Some(pattern.captures(text)?.get(1)?.as_str().to_owned()))
    });
    match found {
        Some(port) => image
            .settings
            .push(Setting::new(format!("port {port}"), "from the source")),
        None => image
            .unknown
            .push("the port, if it listens on one: add `port NUMBER`".to_owned()),
    }
}

fn obstacles(tree: &Tree, folder: &str, module: &str, image: &mut FoundImage) {
    let outside = module.lines().find_map(|line| {
        let to = line.split_once("=>")?.1.trim();
        (to.starts_with("../") && leaves(to)).then(|| to.to_owned())
    });
    if let Some(to) = outside {
        image.obstacles.push(format!(
            "go.mod replaces a module by {to}, which lies outside the build context {folder}; {PATTERN} compiles one module from its own folder: use a Dockerfile with a context above both"
        ));
    }
    let requires = module
        .lines()
        .any(|line| line.trim_start().starts_with("require"));
    if requires && !tree.has(folder, "go.sum") && !tree.has(&join(folder, "vendor"), "modules.txt")
    {
        image
            .unknown
            .push("the sums of its modules: go.sum is missing, run `go mod tidy`".to_owned());
    }
}

/// Says whether a relative path leaves the folder it starts in.
fn leaves(path: &str) -> bool {
    let mut depth = 0_i32;
    path.split('/').any(|part| {
        depth += match part {
            ".." => -1,
            "." | "" => 0,
            _ => 1,
        };
        depth < 0
    })
}
