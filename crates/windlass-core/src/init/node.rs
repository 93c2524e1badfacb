//! Node.js applications: package manager, version, what is built and what is started.

use regex_lite::Regex;
use semver::{Version, VersionReq};
use serde_json::Value;

use crate::init::tree::{Tree, join};
use crate::init::{Found, FoundImage, LeftOut, Setting};
use manager::Manager;

mod manager;
mod members;

const PATTERN: &str = "node@1";
/// Majors that are tried against `engines`, the best first: the one that is supported longest, then newer, then older.
const MAJORS: [u64; 7] = [24, 26, 22, 20, 18, 16, 14];
/// Scripts that serve while developing and nowhere else.
const DEVELOPMENT: [&str; 6] = [
    "vite",
    "react-scripts",
    "ng",
    "vue-cli-service",
    "nodemon",
    "webpack-dev-server",
];
/// Where npm puts the programs of dependencies.
const BIN: &str = "node_modules/.bin/";
/// What is started where nothing says what is.
const MAINS: [&str; 6] = [
    "server.js",
    "index.js",
    "app.js",
    "main.js",
    "src/server.js",
    "src/index.js",
];

pub(super) fn look(tree: &Tree, folder: &str) -> Found {
    let mut found = Found::default();
    let Some(text) = tree.text(folder, "package.json") else {
        return found;
    };
    let left = |why: &str| LeftOut {
        path: join(folder, "package.json"),
        why: why.to_owned(),
    };
    let Ok(package) = serde_json::from_str::<Value>(text) else {
        found.left_out.push(left("it is not JSON"));
        return found;
    };
    if !members::of(tree, folder).is_empty() {
        if start(tree, folder, &package).is_some() {
            found.left_out.push(left(
                "the root of a workspace; its members are looked at, to start the root itself use a Dockerfile",
            ));
        }
        return found;
    }
    match start(tree, folder, &package) {
        Some(_) if is_library(tree, folder, &package) => found.left_out.push(left(
            "no `start` script, and other members of its workspace depend on it: a library",
        )),
        Some(start) => found.images.push(image(tree, folder, &package, start)),
        None => found.left_out.push(left(
            "no `start` script, `main` or server.js: a library, or tools",
        )),
    }
    found
}

/// Says whether a package without a start script is there for other members of its workspace.
fn is_library(tree: &Tree, folder: &str, package: &Value) -> bool {
    let name = package["name"].as_str().unwrap_or_default();
    let workspace = Manager::find(tree, folder, package).ok();
    let workspace = workspace.filter(|it| it.is_workspace(folder));
    package["scripts"]["start"].is_null()
        && workspace.is_some_and(|it| members::is_used(tree, it.root, name))
}

/// What is run in production.
struct Start {
    words: Vec<String>,
    source: String,
    /// Why it cannot be what production runs.
    obstacle: Option<String>,
}

fn start(tree: &Tree, folder: &str, package: &Value) -> Option<Start> {
    if let Some(script) = package["scripts"]["start"].as_str() {
        return Some(start_script(script));
    }
    let main = package["main"]
        .as_str()
        .map(|it| it.trim_start_matches("./"));
    let is_private = package["private"] == true || package["exports"].is_null();
    let file = main
        .filter(|main| is_private && tree.has(folder, main))
        .or_else(|| tree.first(folder, &MAINS).filter(|_| main.is_none()))?;
    Some(Start {
        words: vec!["node".to_owned(), file.to_owned()],
        source: file.to_owned(),
        obstacle: None,
    })
}

fn start_script(script: &str) -> Start {
    let source = "the start script".to_owned();
    let words: Vec<String> = script.split_whitespace().map(str::to_owned).collect();
    let needs_shell = [
        '$', '|', '&', ';', '<', '>', '`', '"', '\'', '\\', '=', '{', '*',
    ];
    let plain = !script.contains(needs_shell) && script.chars().all(|c| (' '..='~').contains(&c));
    let program = words.first().map_or("", String::as_str);
    if DEVELOPMENT.contains(&program) {
        return Start {
            obstacle: Some(format!(
                "its start script is `{script}`, a server for development: what serves the built files in production cannot be known; write `command` under `with`, or use a Dockerfile with a web server"
            )),
            words: vec!["npm".to_owned(), "start".to_owned()],
            source,
        };
    }
    let words = match program {
        "node" if plain => words,
        "" => vec!["npm".to_owned(), "start".to_owned()],
        _ if plain => {
            // Programs of dependencies are in node_modules/.bin, which only npm puts in PATH.
            let program = format!("{BIN}{program}");
            std::iter::once(program)
                .chain(words[1..].iter().cloned())
                .collect()
        }
        _ => vec!["npm".to_owned(), "start".to_owned()],
    };
    Start {
        words,
        source,
        obstacle: None,
    }
}

fn image(tree: &Tree, folder: &str, package: &Value, start: Start) -> FoundImage {
    let mut image = FoundImage::new(what(package), folder, Some(PATTERN));
    version(tree, folder, package, &mut image);
    image.settings.push(Setting::new(
        "variant \"debian\"",
        "\"alpine\" is smaller; packages with native code then need musl",
    ));
    let manager = Manager::find(tree, folder, package);
    let (name, is_member) = match &manager {
        Ok(manager) => {
            manager.tell(tree, folder, &mut image);
            (manager.name, manager.is_workspace(folder))
        }
        Err(_) => ("npm", false),
    };
    if let Some(why) = lacks_dependencies(tree, folder, package, name).filter(|_| !is_member) {
        image
            .settings
            .push(Setting::new("dependencies #false", why));
    }
    if package["scripts"]["build"].is_string() {
        image.settings.push(Setting::texts(
            "build",
            [name, "run", "build"],
            "the build script",
        ));
    }
    // The programs of dependencies lie in the member's folder or in the workspace's; npm looks in both.
    let words = if is_member && start.words[0].starts_with(BIN) {
        vec!["npm".to_owned(), "start".to_owned()]
    } else {
        start.words
    };
    image.settings.push(Setting::texts(
        "command",
        words,
        format!("from {}", start.source),
    ));
    port(tree, folder, &mut image);
    image.obstacles.extend(start.obstacle);
    image.obstacles.extend(manager.err());
    image
}

fn what(package: &Value) -> &'static str {
    let frameworks = [
        ("next", "Node.js, Next.js"),
        ("nuxt", "Node.js, Nuxt"),
        ("@nestjs/core", "Node.js, NestJS"),
        ("express", "Node.js, Express"),
        ("fastify", "Node.js, Fastify"),
        ("koa", "Node.js, Koa"),
        ("hono", "Node.js, Hono"),
    ];
    frameworks
        .into_iter()
        .find(|(name, _)| !package["dependencies"][name].is_null())
        .map_or("Node.js", |(_, what)| what)
}

/// Says why no `node_modules` is made: nothing is installed for production.
fn lacks_dependencies(
    tree: &Tree,
    folder: &str,
    package: &Value,
    manager: &str,
) -> Option<&'static str> {
    if manager != "npm" {
        let none = package["dependencies"]
            .as_object()
            .is_none_or(serde_json::Map::is_empty);
        return none.then_some("package.json names none for production");
    }
    let text = tree.text(folder, "package-lock.json").unwrap_or_default();
    let lock: Value = serde_json::from_str(text).unwrap_or_default();
    let runs = |(path, package): (&String, &Value)| !path.is_empty() && package["dev"] != true;
    lock["packages"]
        .as_object()
        .is_some_and(|packages| !packages.iter().any(runs))
        .then_some("package-lock.json names none for production")
}

fn version(tree: &Tree, folder: &str, package: &Value, image: &mut FoundImage) {
    let stated = stated_major(tree, folder, package);
    let (major, why) = stated.unwrap_or_else(|| {
        let unknown = "the Node.js version: nothing in the tree states one";
        image.unknown.push(unknown.to_owned());
        (MAJORS[0], "not stated in the tree: a supported one")
    });
    image
        .settings
        .push(Setting::new(format!("version \"{major}\""), why));
}

fn stated_major(tree: &Tree, folder: &str, package: &Value) -> Option<(u64, &'static str)> {
    let exact = |text: &str| -> Option<u64> {
        let digits = text.trim().trim_start_matches('v');
        digits.split('.').next()?.parse().ok()
    };
    for (file, why) in [
        (".nvmrc", "from .nvmrc"),
        (".node-version", "from .node-version"),
    ] {
        if let Some(major) = tree.above(folder, file).and_then(exact) {
            return Some((major, why));
        }
    }
    if let Some(major) = package["volta"]["node"].as_str().and_then(exact) {
        return Some((major, "from volta in package.json"));
    }
    let range = package["engines"]["node"].as_str()?;
    let major = MAJORS.into_iter().find(|major| allows(range, *major))?;
    Some((major, "allowed by engines in package.json"))
}

/// Says whether a range of npm allows the last version of a major.
fn allows(range: &str, major: u64) -> bool {
    let version = Version::new(major, 999, 999);
    range.split("||").any(|part| {
        let part = part.trim();
        if let Some((low, high)) = part.split_once(" - ") {
            return one(&format!(">={low}"), &version) && one(&format!("<={high}"), &version);
        }
        let joined = Regex::new(r"([<>=^~])\s+").map(|it| it.replace_all(part, "$1").into_owned());
        joined.is_ok_and(|part| part.split_whitespace().all(|it| one(it, &version)))
    })
}

fn one(comparator: &str, version: &Version) -> bool {
    // A bare number is exact to npm and a caret to Cargo; for a major both mean the same releases.
    VersionReq::parse(comparator).is_ok_and(|it| it.matches(version))
}

fn port(tree: &Tree, folder: &str, image: &mut FoundImage) {
    let patterns = [
        r#"\bPORT\s*(?:\|\||\?\?)\s*["']?(\d{2,5})"#,
        r"(?s)\.listen\(\s*(?:\{[^}]*?\bport:\s*)?(\d{2,5})\b",
        r"(?i)\b(?:const|let|var)\s+port\s*=\s*(\d{2,5})\b",
    ];
    let endings = [".js", ".mjs", ".cjs", ".ts"];
    let sources: Vec<(&str, &str)> = tree
        .below(folder)
        .into_iter()
        .filter(|(path, _)| endings.iter().any(|ending| path.ends_with(ending)))
        .filter(|(path, _)| {
            path.matches('/').count() < 3 && !path.contains(".test.") && !path.contains(".config.")
        })
        .filter(|(path, _)| !tree.is_others(folder, path, &["package.json"]))
        .collect();
    let found = patterns.iter().find_map(|pattern| {
        let pattern = Regex::new(pattern).ok()?;
        sources.iter().find_map(|(path, text)| {
            let port = pattern.captures(text)?.get(1)?.as_str();
            Some((port, *path))
        })
    });
    match found {
        Some((port, path)) => image
            .settings
            .push(Setting::new(format!("port {port}"), format!("from {path}"))),
        None => image.unknown.push(
            "the port, if it listens on one: the source names none; add `port NUMBER`".to_owned(),
        ),
    }
}
