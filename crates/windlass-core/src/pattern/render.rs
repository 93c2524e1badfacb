//! Rendering: checked parameters, their defaults, and the template of the pattern.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

use crate::diag::{Checked, Code, Diagnostic, Location, has_errors};
use crate::manifest::model::{Argument, Sourced};

use super::install::{Export, NodeInstall};
use super::parameter::{Given, ParameterDefault, Spec, Values, check, is_variable_name};
use super::{Language, Pattern, builtin, ignore, quote};

/// What a pattern is told besides its parameters.
#[derive(Clone, Copy)]
pub struct RenderContext<'a> {
    /// Build args that are part of the fingerprint; declared before dependencies are installed.
    pub args: &'a BTreeMap<String, Sourced<String>>,
    /// Stamped build args; declared right before the last step that can use them.
    pub stamp_args: &'a BTreeMap<String, Sourced<String>>,
    /// Says whether the context holds a file, by its path below the context. Asked for `vendor/modules.txt` by Go.
    pub has_file: &'a dyn Fn(&str) -> bool,
}

impl fmt::Debug for RenderContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RenderContext")
            .field("args", &self.args.keys())
            .field("stamp_args", &self.stamp_args.keys())
            .finish_non_exhaustive()
    }
}

/// What a pattern gives for one image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedPattern {
    /// The Dockerfile, with a final newline.
    pub dockerfile: String,
    /// Ignore lines, before those of the context and of the image.
    pub ignore: Vec<String>,
    /// Ignore lines that patterns of the workspace add, behind them.
    pub own_ignore: Vec<Sourced<String>>,
    /// Files that must be in the context, by their path below it.
    pub expects: Vec<String>,
    /// The parameters that were given, as text for people.
    pub parameters: BTreeMap<String, String>,
}

/// Renders `pattern` with the parameters under `with`. Every problem is said at its own place; with an error there is no value.
pub fn render(
    pattern: &Pattern,
    with: &BTreeMap<String, Argument>,
    context: &RenderContext<'_>,
) -> Checked<RenderedPattern> {
    let specs: Vec<Spec<'_>> = pattern.parameters.iter().map(Spec::from).collect();
    let (values, mut problems) = check(&pattern.reference(), &specs, with);
    let recipe = Recipe {
        pattern: Some(pattern),
        specs,
        values,
        with,
        context,
    };
    recipe.check(&mut problems);
    let ldflags = recipe.ldflags(&mut problems);
    if has_errors(&problems) {
        return (None, problems);
    }
    let dockerfile = tidy(&evaluate(pattern.template, recipe.facts(&ldflags)));
    (Some(recipe.rendered(dockerfile)), problems)
}

impl fmt::Display for Given {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => number.fmt(f),
            Self::Flag(flag) => write!(f, "#{flag}"),
            Self::List(texts) => f.write_str(&quote::exec(texts)),
            Self::Map(map) => {
                let pairs: Vec<String> = map
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect();
                f.write_str(&pairs.join(" "))
            }
        }
    }
}

/// What one image makes of a pattern.
pub(super) struct Recipe<'a> {
    /// The built-in pattern, or the one at the end of the chain.
    pub(super) pattern: Option<&'a Pattern>,
    pub(super) specs: Vec<Spec<'a>>,
    /// What is given, by the image or by a pattern of the workspace.
    pub(super) values: Values,
    pub(super) with: &'a BTreeMap<String, Argument>,
    pub(super) context: &'a RenderContext<'a>,
}

impl Recipe<'_> {
    /// Says which parameters do not fit together, and which args cannot be declared.
    pub(super) fn check(&self, problems: &mut Vec<Diagnostic>) {
        self.check_conflicts(problems);
        self.check_arg_names(problems);
    }

    /// Puts together what a pattern gives, around its Dockerfile.
    pub(super) fn rendered(&self, dockerfile: String) -> RenderedPattern {
        RenderedPattern {
            dockerfile,
            ignore: self.ignore(),
            own_ignore: Vec::new(),
            expects: self.expects(),
            parameters: self
                .values
                .iter()
                .map(|(name, value)| (name.clone(), value.to_string()))
                .collect(),
        }
    }

    fn language(&self) -> Option<Language> {
        self.pattern.map(|it| it.language)
    }

    fn default(&self, name: &str) -> Option<ParameterDefault> {
        let spec = self.specs.iter().find(|it| it.name == name);
        spec.map(|it| it.default)
    }

    fn check_conflicts(&self, problems: &mut Vec<Diagnostic>) {
        self.exclude(
            "base",
            "version",
            "the base image has its version already",
            problems,
        );
        if self.language() == Some(Language::Python) {
            self.exclude(
                "app",
                "command",
                "`app` is what the default command serves",
                problems,
            );
        }
        self.check_installation(problems);
        if self.flag("cgo") && self.text("variant") == "alpine" {
            self.refuse(
                "cgo",
                "a binary with C code from Alpine does not run on Debian's C library",
                "add: variant \"debian\"",
                problems,
            );
        }
    }

    fn check_installation(&self, problems: &mut Vec<Diagnostic>) {
        match self.language() {
            Some(Language::Python) => {
                let why =
                    "the requirements are written from the file that `dependencies_from` names";
                self.exclude("dependencies_from", "requirements", why, problems);
                if !self.given("dependencies_from") {
                    let why = "pip installs requirements files; there is nothing to export";
                    let help = "add: dependencies_from \"uv.lock\"";
                    self.refuse("exporter_version", why, help, problems);
                }
            }
            Some(Language::Node) => {
                if !self.given("build") {
                    let help = "add: build \"npm\" \"run\" \"build\"";
                    self.refuse("output", "`output` is what `build` makes", help, problems);
                }
                if self.text("manager") == "npm" {
                    let why = "npm comes with Node.js";
                    let help = "remove it, or add: manager \"pnpm\"";
                    self.refuse("manager_version", why, help, problems);
                }
                if self.node_install().is_without_focus() {
                    let why = "Yarn 2 and 3 do not install production dependencies alone";
                    let help = "write a version from 4 on, or 1.22.22";
                    self.refuse("manager_version", why, help, problems);
                }
                if self.given("workspace") {
                    let why = "an application in a workspace is taken over whole, with the members it uses";
                    self.refuse("output", why, "remove it", problems);
                }
            }
            Some(Language::Go) | None => {}
        }
    }

    /// Says that two parameters cannot both be given.
    fn exclude(&self, one: &str, other: &str, why: &str, problems: &mut Vec<Diagnostic>) {
        if let (Some(first), Some(second)) = (self.with.get(one), self.with.get(other)) {
            problems.push(
                Diagnostic::error(
                    Code::ParameterConflict,
                    format!("parameters `{one}` and `{other}` exclude each other"),
                )
                .at(&second.location, why)
                .at(&first.location, format!("`{one}` is given here"))
                .help(format!("remove `{one}` or `{other}`")),
            );
        } else if self.given(one) && self.given(other) {
            // A pattern of the workspace gives the other one, or both of them.
            let given = [(one, other), (other, one)];
            for (name, by_pattern) in given {
                let why = format!("the pattern sets `{by_pattern}`");
                let help = format!("remove `{name}`, or give `{by_pattern}` in its place");
                self.refuse(name, &why, &help, problems);
            }
        }
    }

    /// Says that a parameter that was given cannot be used here.
    fn refuse(&self, name: &str, why: &str, help: &str, problems: &mut Vec<Diagnostic>) {
        if let Some(argument) = self.with.get(name) {
            problems.push(
                Diagnostic::error(
                    Code::ParameterConflict,
                    format!("parameter `{name}` cannot be used here"),
                )
                .at(&argument.location, why)
                .help(help),
            );
        }
    }

    fn check_arg_names(&self, problems: &mut Vec<Diagnostic>) {
        for (name, value) in self.context.args.iter().chain(self.context.stamp_args) {
            if !is_variable_name(name) {
                problems.push(
                    Diagnostic::error(
                        Code::BadInput,
                        format!("`{name}` is no name for a build arg"),
                    )
                    .at(&value.location, "cannot be declared in a Dockerfile")
                    .help("use letters, digits and `_`, not starting with a digit"),
                );
            }
        }
    }

    /// Returns the linker flags for the inside of double quotes.
    pub(super) fn ldflags(&self, problems: &mut Vec<Diagnostic>) -> String {
        let Some(Given::Text(flags)) = self.values.get("ldflags") else {
            return String::new();
        };
        let names: BTreeSet<&str> = self.arg_names().collect();
        match quote::shell_expanding(flags, &names) {
            Ok(flags) => flags,
            Err(expression) => {
                problems.push(self.unknown_variable(&expression, &names));
                String::new()
            }
        }
    }

    fn unknown_variable(&self, expression: &str, names: &BTreeSet<&str>) -> Diagnostic {
        let name = expression.trim_matches(['$', '{', '}']);
        let help = if is_variable_name(name) {
            let known: Vec<&str> = names.iter().copied().collect();
            match super::closest(name, &known) {
                Some(near) => format!("did you mean `${near}`?"),
                None => format!("add: stamp {{ arg {name}=\"{{{{ ... }}}}\" }}"),
            }
        } else {
            "only $NAME and ${NAME} of a build arg can stand here".to_owned()
        };
        let diagnostic = Diagnostic::error(
            Code::ParameterValue,
            format!("`{expression}` in `ldflags` is no build arg of this image"),
        );
        let diagnostic = match self.value_location("ldflags") {
            Some(place) => diagnostic.at(place, "would be empty in the build"),
            None => diagnostic,
        };
        diagnostic.help(help)
    }

    /// Returns where a value stands; `None` where a pattern of the workspace gives it.
    fn value_location(&self, name: &str) -> Option<&Location> {
        let argument = self.with.get(name)?;
        let first = argument.values.first().map(|it| &it.location);
        Some(first.unwrap_or(&argument.location))
    }

    fn arg_names(&self) -> impl Iterator<Item = &str> {
        let args = self.context.args.keys();
        args.chain(self.context.stamp_args.keys())
            .map(String::as_str)
    }

    pub(super) fn given(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn text(&self, name: &str) -> String {
        match self.values.get(name) {
            Some(Given::Text(text)) => text.clone(),
            _ => match self.default(name) {
                Some(ParameterDefault::Text(text)) => text.to_owned(),
                _ => String::new(),
            },
        }
    }

    fn integer(&self, name: &str) -> Option<i64> {
        match self.values.get(name) {
            Some(Given::Integer(number)) => Some(*number),
            _ => match self.default(name) {
                Some(ParameterDefault::Integer(number)) => Some(number),
                _ => None,
            },
        }
    }

    fn flag(&self, name: &str) -> bool {
        match self.values.get(name) {
            Some(Given::Flag(flag)) => *flag,
            _ => matches!(self.default(name), Some(ParameterDefault::Flag(true))),
        }
    }

    fn list(&self, name: &str) -> Vec<String> {
        match self.values.get(name) {
            Some(Given::List(texts)) => texts.clone(),
            _ => match self.default(name) {
                Some(ParameterDefault::List(texts)) => {
                    texts.iter().map(|&it| it.to_owned()).collect()
                }
                _ => Vec::new(),
            },
        }
    }

    fn optional(&self, name: &str) -> Option<String> {
        self.given(name).then(|| self.text(name))
    }

    fn export(&self) -> Option<Export> {
        let from = self.optional("dependencies_from")?;
        Some(Export::new(from, self.optional("exporter_version")))
    }

    fn node_install(&self) -> NodeInstall {
        NodeInstall::new(
            &self.text("manager"),
            self.optional("manager_version"),
            self.optional("workspace"),
        )
    }

    fn package_files(&self) -> Vec<String> {
        if self.given("package_files") {
            return self.list("package_files");
        }
        let own = self.node_install().package_files();
        own.iter().map(|&it| it.to_owned()).collect()
    }

    fn env(&self) -> BTreeMap<String, String> {
        match self.values.get("env") {
            Some(Given::Map(map)) => map.clone(),
            _ => BTreeMap::new(),
        }
    }

    fn is_vendored(&self) -> bool {
        self.language() == Some(Language::Go) && (self.context.has_file)("vendor/modules.txt")
    }

    fn base(&self) -> String {
        if self.given("base") {
            return self.text("base");
        }
        let version = self.text("version");
        let alpine = self.text("variant") == "alpine";
        match (self.language(), alpine) {
            (None, _) => String::new(),
            (Some(Language::Python), true) => format!("python:{version}-alpine"),
            (Some(Language::Python), false) => format!("python:{version}-slim-bookworm"),
            (Some(Language::Go), true) => format!("golang:{version}-alpine"),
            (Some(Language::Go), false) => format!("golang:{version}-bookworm"),
            (Some(Language::Node), true) => format!("node:{version}-alpine"),
            (Some(Language::Node), false) => format!("node:{version}-bookworm-slim"),
        }
    }

    fn runtime(&self) -> String {
        match (self.given("runtime"), self.flag("cgo")) {
            (true, _) => self.text("runtime"),
            (false, true) => "gcr.io/distroless/base-debian12:nonroot".to_owned(),
            (false, false) => "gcr.io/distroless/static-debian12:nonroot".to_owned(),
        }
    }

    fn command(&self) -> Vec<String> {
        if self.language() == Some(Language::Python) && !self.given("command") {
            let port = self.integer("port").unwrap_or_default().to_string();
            let app = self.text("app");
            let words = [
                "python", "-m", "uvicorn", &app, "--host", "0.0.0.0", "--port", &port,
            ];
            return words.map(str::to_owned).to_vec();
        }
        self.list("command")
    }

    /// Returns what the templates of built-in patterns know.
    pub(super) fn facts(&self, ldflags: &str) -> minijinja::Value {
        let uid = self.integer("uid");
        let env: BTreeMap<String, String> = self
            .env()
            .iter()
            .map(|(key, value)| (key.clone(), quote::env_value(value)))
            .collect();
        let exec = |name: &str| self.given(name).then(|| quote::exec(&self.list(name)));
        let user = context! {
            name => self.text("user"),
            group => self.text("group"),
            uid,
            gid => self.integer("gid").or(uid),
            numeric => self.given("uid"),
        };
        let go = context! {
            runtime => self.runtime(),
            main => self.text("main"),
            ldflags,
            tags => self.list("tags").join(","),
            cgo => self.flag("cgo"),
            tzdata => self.flag("tzdata"),
            vendored => self.is_vendored(),
            arguments => exec("arguments"),
        };
        let node = context! {
            build => self.given("build").then(|| quote::shell(&self.list("build"))),
            output => self.list("output"),
            package_files => by_directory(&self.package_files()),
            run => self.node_install().facts(),
            modules => if self.flag("dependencies") { "" } else { " && \\\n    mkdir -p node_modules" },
        };
        let python = context! {
            export => self.export().map(|it| it.facts()),
            project => self.flag("project"),
        };
        context! {
            base => self.base(),
            own_base => self.given("base"),
            variant => self.text("variant"),
            packages => self.list("packages"),
            build_packages => self.list("build_packages"),
            init => self.text("init"),
            user, go, node, python, env,
            requirements => by_directory(&self.list("requirements")),
            pip => self.list("requirements").iter().map(|file| format!("-r {file}")).collect::<Vec<_>>().join(" "),
            port => self.integer("port"),
            expose => self.given("port") || !self.given("command"),
            command => quote::exec(&self.command()),
            healthcheck => exec("healthcheck"),
            ca_bundle => self.ca_bundle(),
            args => names(self.context.args),
            stamp_args => names(self.context.stamp_args),
        }
    }

    /// Returns the value of a parameter that follows from others.
    pub(super) fn derived(&self, name: &str) -> minijinja::Value {
        match name {
            "base" => self.base().into(),
            "runtime" => self.runtime().into(),
            "command" => self.command().into(),
            "gid" => self.integer("uid").into(),
            "package_files" => self.package_files().into(),
            _ => minijinja::Value::from(()),
        }
    }

    /// Returns the ignore lines; files that parameters name are always let through.
    fn ignore(&self) -> Vec<String> {
        let Some(language) = self.language() else {
            return Vec::new();
        };
        let mut lines = ignore::lines(language, self.is_vendored());
        let mut named = Vec::new();
        if self.given("requirements") {
            named.extend(self.list("requirements"));
        }
        if language == Language::Node
            && (self.given("package_files") || self.node_install().lets_through())
        {
            named.extend(self.package_files());
        }
        named.extend(self.ca_bundle());
        lines.extend(named.into_iter().map(|path| format!("!{path}")));
        lines
    }

    fn ca_bundle(&self) -> Option<String> {
        self.optional("ca_bundle")
    }

    fn expects(&self) -> Vec<String> {
        let Some(pattern) = self.pattern else {
            return Vec::new();
        };
        let files: Vec<String> = match pattern.language {
            Language::Python => match self.export() {
                Some(export) => export.files(),
                None => self.list("requirements"),
            },
            Language::Go => pattern.expects.iter().map(|&it| it.to_owned()).collect(),
            Language::Node => self.node_install().expects().to_vec(),
        };
        files.into_iter().chain(self.ca_bundle()).collect()
    }
}

pub(super) fn names(args: &BTreeMap<String, Sourced<String>>) -> Vec<String> {
    args.keys().cloned().collect()
}

/// Groups paths by their directory, so that each group is one COPY: the sources in order, and where they go.
fn by_directory(paths: &[String]) -> Vec<(String, String)> {
    let mut groups: Vec<(String, String)> = Vec::new();
    for path in paths {
        let directory = match path.rsplit_once('/') {
            Some((directory, _)) => format!("./{directory}/"),
            None => "./".to_owned(),
        };
        match groups.iter_mut().find(|(_, to)| *to == directory) {
            Some((sources, _)) => {
                sources.push(' ');
                sources.push_str(path);
            }
            None => groups.push((path.clone(), directory)),
        }
    }
    groups
}

fn evaluate(template: &str, values: minijinja::Value) -> String {
    let mut environment = Environment::empty();
    prepare(&mut environment);
    environment
        .render_str(template, values)
        .expect("a built-in template renders with every set of checked parameters")
}

/// How a line that holds a tag only leaves no trace.
pub(super) fn syntax() -> SyntaxConfig {
    SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .expect("the default delimiters are distinct")
}

/// Sets up what all templates of patterns have in common.
pub(super) fn prepare(environment: &mut Environment<'_>) {
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(syntax());
    environment.add_filter("join", minijinja::filters::join);
    environment.add_filter("items", minijinja::filters::items);
    environment
        .add_template("shared", builtin::SHARED)
        .expect("the shared macros are valid");
}

/// Leaves at most one blank line in a row, and none at the end.
pub(super) fn tidy(text: &str) -> String {
    let mut tidy = String::new();
    for line in text.lines() {
        if !line.is_empty() || !tidy.ends_with("\n\n") {
            tidy.push_str(line);
            tidy.push('\n');
        }
    }
    let length = tidy.trim_end().len();
    tidy.truncate(length);
    tidy.push('\n');
    tidy
}
