//! Node.js applications: package manager, version, what is built and what is started.

use regex_lite::Regex;
use semver::{Version, VersionReq};
use serde_json::Value;

use crate::init::tree::{Tree, folder_of, join};
use crate::init::{Found, FoundImage, LeftOut, Setting};

const PATTERN: &str = "node@1";
/// Majors that are tried against `engines`, the best first: the pattern's own, then newer, then older.
const MAJORS: [u64; 7] = [20, 22, 24, 26, 18, 16, 14];
/// Lock files of package managers that the pattern does not run, with the command that makes npm's.
const OTHER_LOCKS: [(&str, &str); 4] = [
    ("pnpm-lock.yaml", "pnpm"),
    ("yarn.lock", "yarn"),
    ("bun.lockb", "bun"),
    ("bun.lock", "bun"),
];
/// Scripts that serve while developing and nowhere else.
const DEVELOPMENT: [&str; 6] = [
    "vite",
    "react-scripts",
    "ng",
    "vue-cli-service",
    "nodemon",
    "webpack-dev-server",
];
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
    let start = start(tree, folder, &package);
    match start {
        Some(start) => found.images.push(image(tree, folder, &package, &start)),
        None if !package["workspaces"].is_null() || tree.has(folder, "pnpm-workspace.yaml") => {}
        None => found.left_out.push(left(
            "no `start` script, `main` or server.js: a library, or tools",
        )),
    }
    found
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
            let program = format!("node_modules/.bin/{program}");
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

fn image(tree: &Tree, folder: &str, package: &Value, start: &Start) -> FoundImage {
    let mut image = FoundImage::new(what(package), folder, Some(PATTERN));
    version(tree, folder, package, &mut image);
    image.settings.push(Setting::new(
        "variant \"debian\"",
        "\"alpine\" is smaller; packages with native code then need musl",
    ));
    if lacks_dependencies(tree, folder) {
        image.settings.push(Setting::new(
            "dependencies #false",
            "package-lock.json names none for production",
        ));
    }
    if package["scripts"]["build"].is_string() {
        image.settings.push(Setting::texts(
            "build",
            ["npm", "run", "build"],
            "the build script",
        ));
    }
    image.settings.push(Setting::texts(
        "command",
        &start.words,
        format!("from {}", start.source),
    ));
    port(tree, folder, &mut image);
    image.obstacles.extend(start.obstacle.clone());
    image
        .obstacles
        .extend(package_manager(tree, folder, package));
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

/// Says what of the package manager the pattern cannot do.
fn package_manager(tree: &Tree, folder: &str, package: &Value) -> Option<String> {
    let stated = package["packageManager"].as_str().unwrap_or_default();
    let other = OTHER_LOCKS
        .iter()
        .find(|(lock, _)| tree.has(folder, lock))
        .map(|(lock, name)| (*name, format!("{lock} is {name}'s")))
        .or_else(|| {
            let name = stated
                .split('@')
                .next()
                .filter(|it| !it.is_empty() && *it != "npm")?;
            Some((name, format!("package.json names {stated}")))
        });
    if tree.has(folder, "package-lock.json") {
        return None;
    }
    if let Some((name, why)) = other {
        return Some(format!(
            "{why}, and {PATTERN} installs with `npm ci`: keep a package-lock.json (npm install --package-lock-only) beside it, or use a Dockerfile that runs {name}"
        ));
    }
    if let Some(above) = workspace_above(tree, folder) {
        return Some(format!(
            "it is a workspace of {above}, whose lock file lies outside the build context {folder}; {PATTERN} installs from a package-lock.json of the folder's own: use a Dockerfile with context \"{above}\""
        ));
    }
    Some(format!(
        "there is no package-lock.json, which `npm ci` needs; run npm install --package-lock-only in {folder}, commit it, and take the comment marks away"
    ))
}

/// Says whether a lock file names no dependency for production: `npm ci` then makes no `node_modules`.
fn lacks_dependencies(tree: &Tree, folder: &str) -> bool {
    let text = tree.text(folder, "package-lock.json").unwrap_or_default();
    let lock: Value = serde_json::from_str(text).unwrap_or_default();
    let runs = |(path, package): (&String, &Value)| !path.is_empty() && package["dev"] != true;
    lock["packages"]
        .as_object()
        .is_some_and(|packages| !packages.iter().any(runs))
}

/// Returns the folder above that has a lock file or names workspaces.
fn workspace_above<'a>(tree: &Tree, folder: &'a str) -> Option<&'a str> {
    let mut at = folder;
    while at != "." {
        at = folder_of(at);
        let locked = tree.has(at, "package-lock.json")
            || OTHER_LOCKS.iter().any(|(lock, _)| tree.has(at, lock));
        if locked && tree.has(at, "package.json") {
            return Some(at);
        }
    }
    None
}

fn version(tree: &Tree, folder: &str, package: &Value, image: &mut FoundImage) {
    let stated = stated_major(tree, folder, package);
    let (major, why) = stated.unwrap_or_else(|| {
        let unknown = "the Node.js version: nothing in the tree states one";
        image.unknown.push(unknown.to_owned());
        (MAJORS[0], "not stated in the tree: the pattern's own")
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
