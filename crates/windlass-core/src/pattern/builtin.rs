//! The patterns of this windlass and their parameters.

use super::parameter::{Parameter, ParameterDefault, ParameterKind, Shape};
use super::{Language, Pattern};

/// All patterns.
pub(super) const PATTERNS: &[Pattern] = &[
    Pattern {
        name: "python",
        major: 1,
        doc: "A Python application with its dependencies from requirements files, uv, Poetry or pyproject.toml, served by uvicorn unless `command` says otherwise.",
        parameters: PYTHON,
        expects: &["requirements.txt"],
        language: Language::Python,
        template: include_str!("templates/python@1.Dockerfile.j2"),
    },
    Pattern {
        name: "go-distroless",
        major: 1,
        doc: "A static Go binary on a distroless image: no shell, no package manager.",
        parameters: GO,
        expects: &["go.mod"],
        language: Language::Go,
        template: include_str!("templates/go-distroless@1.Dockerfile.j2"),
    },
    Pattern {
        name: "node",
        major: 1,
        doc: "A Node.js application with its production dependencies only, under an init as PID 1.",
        parameters: NODE,
        expects: &["package.json", "package-lock.json"],
        language: Language::Node,
        template: include_str!("templates/node@1.Dockerfile.j2"),
    },
];

/// The macros that templates import.
pub(super) const SHARED: &str = include_str!("templates/shared.j2");

const PYTHON: &[Parameter] = &[
    text("version", "The Python version, part of the base image's tag; not together with `base`.")
        .or_text("3.12")
        .like(Shape::Version),
    text("variant", "The distribution of the base image; with `base` it says which package manager that image has.")
        .or_text("debian")
        .of(VARIANTS),
    text("base", "The image to start from: a reference, or a workspace image named in `needs`.")
        .or_derived("`python:VERSION-slim-bookworm`, for alpine `python:VERSION-alpine`")
        .like(Shape::Image),
    text("app", "The module and the ASGI application that uvicorn serves; not together with `command`.")
        .or_text("main:app")
        .like(Shape::Module),
    integer("port", "The port the application listens on. EXPOSE is left out where `command` is given and `port` is not.", 1, 65_535)
        .or_integer(8000),
    command("command", "The command to run instead of uvicorn.")
        .or_derived("`python -m uvicorn APP --host 0.0.0.0 --port PORT`"),
    list("requirements", "The requirements files that pip installs.")
        .or_list(&["requirements.txt"])
        .like(Shape::Path),
    text("dependencies_from", "The file that names the dependencies, where no requirements files do. uv or Poetry write requirements from it in a stage of its own; `pyproject.toml` locks nothing. Not together with `requirements`.")
        .of(&["uv.lock", "poetry.lock", "pyproject.toml"]),
    text("exporter_version", "With `dependencies_from`, the version of the tool that writes the requirements.")
        .or_derived("`0.13.9` of uv; for `poetry.lock` `2.5.1` of Poetry")
        .like(Shape::Version),
    flag("project", "Whether the project itself is installed after it is copied, so that the programs of its `[project.scripts]` are there.")
        .or_flag(false),
    list("packages", "System packages that the application needs when it runs.").like(Shape::Package),
    list("build_packages", "System packages that pip needs to compile wheels: installed, used and removed in one layer.")
        .like(Shape::Package),
    text("init", "The init that runs as PID 1.").or_text("none").of(INITS),
    text("user", "The user that the application runs as.").or_text("appuser").like(Shape::User),
    text("group", "The group of that user.").or_text("appgroup").like(Shape::User),
    integer("uid", "The id of the user; where it is given, USER is written as numbers, which Kubernetes' `runAsNonRoot` can check.", 1, 65_534)
        .or_derived("a free system id"),
    integer("gid", "The id of the group.", 1, 65_534).or_derived("`uid` where that is given, else a free system id"),
    ENVIRONMENT,
    HEALTHCHECK,
    CA_BUNDLE,
];

const GO: &[Parameter] = &[
    text("version", "The Go version, part of the build image's tag; not together with `base`.")
        .or_text("1.22")
        .like(Shape::Version),
    text("variant", "The distribution of the build image; with `base` it says which package manager that image has.")
        .or_text("alpine")
        .of(VARIANTS),
    text("base", "The image to compile in: a reference, or a workspace image named in `needs`.")
        .or_derived("`golang:VERSION-alpine`, for debian `golang:VERSION-bookworm`")
        .like(Shape::Image),
    text("runtime", "The image that the binary is put on: a reference, or a workspace image named in `needs`.")
        .or_derived("`gcr.io/distroless/static-debian12:nonroot`, with `cgo` `gcr.io/distroless/base-debian12:nonroot`")
        .like(Shape::Image),
    text("main", "The Go package to compile.").or_text(".").like(Shape::GoPackage),
    text("ldflags", "Linker flags, added to `-s -w`. `$NAME` of a build arg is replaced in the build.").or_absent(),
    list("tags", "Build tags.").like(Shape::GoTag),
    flag("cgo", "Whether C code is compiled in; needs variant debian.").or_flag(false),
    command("arguments", "Arguments that the binary gets where the container is started without any."),
    integer("port", "The port the application listens on.", 1, 65_535),
    list("packages", "System packages that the build needs.").like(Shape::Package),
    text("init", "The init that runs as PID 1.").or_text("none").of(&["none", "tini"]),
    flag("tzdata", "Whether time zones are copied into the image; distroless has them, `scratch` has not.").or_flag(false),
    integer("uid", "The id of the user that the application runs as.", 1, 65_534).or_integer(65_532),
    integer("gid", "The id of the user's group.", 1, 65_534).or_derived("`uid`"),
    ENVIRONMENT,
    HEALTHCHECK,
    CA_BUNDLE,
];

const NODE: &[Parameter] = &[
    text("version", "The Node.js version, part of the base image's tag; not together with `base`.")
        .or_text("20")
        .like(Shape::Version),
    text("variant", "The distribution of the base image; with `base` it says which package manager that image has.")
        .or_text("alpine")
        .of(VARIANTS),
    text("base", "The image that both stages start from: a reference, or a workspace image named in `needs`.")
        .or_derived("`node:VERSION-alpine`, for debian `node:VERSION-bookworm-slim`")
        .like(Shape::Image),
    integer("port", "The port the application listens on. EXPOSE is left out where `command` is given and `port` is not.", 1, 65_535)
        .or_integer(3000),
    command("command", "The command to run.").or_list(&["node", "server.js"]),
    text("manager", "The package manager that installs from its lock file. Yarn 2 and later install into `node_modules`.")
        .or_text("npm")
        .of(&["npm", "pnpm", "yarn"]),
    text("manager_version", "The version of pnpm or Yarn; npm comes with Node.js.")
        .or_derived("for pnpm `10.34.9`, for yarn `1.22.22`")
        .like(Shape::Version),
    text("workspace", "The folder of the application, where it is a member of a workspace. The context is then the folder that holds the lock file, and `package_files` names the package.json of each member too.")
        .like(Shape::Path)
        .kind(ParameterKind::Path),
    list("package_files", "The files that the installation needs; all others are copied after it.")
        .or_derived("`package*.json`; for pnpm and yarn package.json, the lock file, and pnpm-workspace.yaml or (from Yarn 2) .yarnrc.yml")
        .like(Shape::Glob),
    flag("dependencies", "Whether `package-lock.json` names dependencies for production; where it names none, npm makes no `node_modules`, and `#false` makes an empty one.")
        .or_flag(true),
    command("build", "A command that builds the application, with development dependencies at hand; they are removed after it."),
    list("output", "With `build`, what is taken over into the image besides `node_modules` and package files.")
        .or_derived("everything")
        .like(Shape::Path),
    list("packages", "System packages that the application needs when it runs.").like(Shape::Package),
    list("build_packages", "System packages that the installation needs to compile addons; they stay in the build stage.")
        .like(Shape::Package),
    text("init", "The init that runs as PID 1.").or_text("dumb-init").of(INITS),
    text("user", "The user that the application runs as.").or_text("nodejs").like(Shape::User),
    text("group", "The group of that user.").or_text("nodejs").like(Shape::User),
    integer("uid", "The id of the user; where it is given, USER is written as numbers, which Kubernetes' `runAsNonRoot` can check.", 1, 65_534)
        .or_integer(1001),
    integer("gid", "The id of the group.", 1, 65_534).or_derived("`uid`"),
    ENVIRONMENT,
    HEALTHCHECK,
    CA_BUNDLE,
];

const VARIANTS: &[&str] = &["alpine", "debian"];
const INITS: &[&str] = &["none", "dumb-init", "tini"];

const ENVIRONMENT: Parameter = Parameter {
    kind: ParameterKind::Map,
    ..text(
        "env",
        "Environment variables of the image; values are taken literally.",
    )
};
const HEALTHCHECK: Parameter = command(
    "healthcheck",
    "A command that Docker runs to see whether the container is well; run without a shell.",
);
const CA_BUNDLE: Parameter = Parameter {
    kind: ParameterKind::Path,
    ..text(
        "ca_bundle",
        "A PEM file of the context with private certificate authorities that the build and the application trust.",
    )
    .like(Shape::Path)
};

const fn text(name: &'static str, doc: &'static str) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Text,
        doc,
        default: ParameterDefault::Absent,
        one_of: &[],
        matches: Shape::Any,
        range: None,
    }
}

const fn integer(name: &'static str, doc: &'static str, low: i64, high: i64) -> Parameter {
    Parameter {
        kind: ParameterKind::Integer,
        range: Some((low, high)),
        ..text(name, doc)
    }
}

const fn flag(name: &'static str, doc: &'static str) -> Parameter {
    Parameter {
        kind: ParameterKind::Flag,
        ..text(name, doc)
    }
}

const fn list(name: &'static str, doc: &'static str) -> Parameter {
    Parameter {
        kind: ParameterKind::List,
        ..text(name, doc)
    }
}

const fn command(name: &'static str, doc: &'static str) -> Parameter {
    Parameter {
        kind: ParameterKind::Command,
        ..text(name, doc)
    }
}

impl Parameter {
    const fn or_absent(self) -> Self {
        self.or(ParameterDefault::Absent)
    }

    const fn or_text(self, value: &'static str) -> Self {
        self.or(ParameterDefault::Text(value))
    }

    const fn or_integer(self, value: i64) -> Self {
        self.or(ParameterDefault::Integer(value))
    }

    const fn or_flag(self, value: bool) -> Self {
        self.or(ParameterDefault::Flag(value))
    }

    const fn or_list(self, value: &'static [&'static str]) -> Self {
        self.or(ParameterDefault::List(value))
    }

    const fn or_derived(self, description: &'static str) -> Self {
        self.or(ParameterDefault::Derived(description))
    }

    const fn or(self, default: ParameterDefault) -> Self {
        Self { default, ..self }
    }

    const fn kind(self, kind: ParameterKind) -> Self {
        Self { kind, ..self }
    }

    const fn of(self, one_of: &'static [&'static str]) -> Self {
        Self { one_of, ..self }
    }

    const fn like(self, matches: Shape) -> Self {
        Self { matches, ..self }
    }
}
