//! What is known about images that everybody starts from: who runs them, and what they lack.
//!
//! Kept small: only what does not change between releases. What the lock holds wins.

use windlass_core::dockerfile::graph::BaseConfig;
use windlass_core::dockerfile::reference::ImageReference;

/// Official images whose user is root and that do not leave root by themselves.
const ROOT: &[&str] = &[
    "almalinux",
    "alpine",
    "amazoncorretto",
    "amazonlinux",
    "archlinux",
    "buildpack-deps",
    "busybox",
    "caddy",
    "centos",
    "clojure",
    "composer",
    "debian",
    "docker",
    "eclipse-temurin",
    "elixir",
    "erlang",
    "fedora",
    "gcc",
    "golang",
    "haskell",
    "httpd",
    "julia",
    "maven",
    "nginx",
    "node",
    "openjdk",
    "oraclelinux",
    "perl",
    "php",
    "pypy",
    "python",
    "r-base",
    "rockylinux",
    "ruby",
    "rust",
    "sapmachine",
    "swift",
    "tomcat",
    "traefik",
    "ubuntu",
];

/// Official images that start as root and leave it in their entrypoint.
const DROPS_ROOT: &[&str] = &[
    "cassandra",
    "couchdb",
    "mariadb",
    "memcached",
    "mongo",
    "mysql",
    "neo4j",
    "postgres",
    "rabbitmq",
    "redis",
    "valkey",
    "zookeeper",
];

/// Returns the name of an official image of Docker Hub, also where it comes from AWS's copy of them.
pub(crate) fn official(image: &ImageReference) -> Option<&str> {
    match image.host.as_str() {
        "docker.io" => image.path.strip_prefix("library/"),
        "public.ecr.aws" => image.path.strip_prefix("docker/library/"),
        _ => None,
    }
}

/// Returns what is known about an image.
pub(crate) fn known_config(image: &ImageReference) -> BaseConfig {
    let tag = image.tag.as_ref().map_or("", |it| it.as_str());
    let root = official(image).is_some_and(|it| ROOT.contains(&it));
    let user = match (is_distroless(image), root) {
        (true, _) if tag.contains("nonroot") => Some("65532"),
        (true, _) => Some("0"),
        (false, true) => Some(""),
        (false, false) => None,
    };
    BaseConfig {
        user: user.map(str::to_owned),
        ..BaseConfig::default()
    }
}

/// Whether the image's entrypoint leaves root.
pub(crate) fn drops_root(image: &ImageReference) -> bool {
    official(image).is_some_and(|name| DROPS_ROOT.contains(&name))
}

/// Google's images without a shell.
pub(crate) fn is_distroless(image: &ImageReference) -> bool {
    image.host == "gcr.io" && image.path.starts_with("distroless/")
}

/// Whether it is a distroless image with a shell in it.
pub(crate) fn is_debug(image: &ImageReference) -> bool {
    image
        .tag
        .as_ref()
        .is_some_and(|it| it.as_str().contains("debug"))
}
