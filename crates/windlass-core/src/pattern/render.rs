//! Rendering: checked parameters, their defaults, and the template of the pattern.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};

use crate::diag::{Checked, Code, Diagnostic, Location, has_errors};
use crate::manifest::model::{Argument, Sourced};

use super::parameter::{Given, ParameterDefault, Values, check, is_variable_name};
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
    let (values, mut problems) = check(pattern, with);
    let Some(values) = values else {
        return (None, problems);
    };
    let recipe = Recipe {
        pattern,
        values,
        with,
        context,
    };
    recipe.check_conflicts(&mut problems);
    recipe.check_arg_names(&mut problems);
    let ldflags = recipe.ldflags(&mut problems);
    if has_errors(&problems) {
        return (None, problems);
    }
    let rendered = RenderedPattern {
        dockerfile: recipe.dockerfile(&ldflags),
        ignore: recipe.ignore(),
        expects: recipe.expects(),
        parameters: recipe
            .values
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.to_string()))
            .collect(),
    };
    (Some(rendered), problems)
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

struct Recipe<'a> {
    pattern: &'a Pattern,
    values: Values,
    with: &'a BTreeMap<String, Argument>,
    context: &'a RenderContext<'a>,
}

impl Recipe<'_> {
    fn check_conflicts(&self, problems: &mut Vec<Diagnostic>) {
        self.exclude(
            "base",
            "version",
            "the base image has its version already",
            problems,
        );
        if self.pattern.language == Language::Python {
            self.exclude(
                "app",
                "command",
                "`app` is what the default command serves",
                problems,
            );
        }
        if self.pattern.language == Language::Node && !self.given("build") {
            self.refuse(
                "output",
                "`output` is what `build` makes",
                "add: build \"npm\" \"run\" \"build\"",
                problems,
            );
        }
        if self.flag("cgo") && self.text("variant") == "alpine" {
            self.refuse(
                "cgo",
                "a binary with C code from Alpine does not run on Debian's C library",
                "add: variant \"debian\"",
                problems,
            );
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
    fn ldflags(&self, problems: &mut Vec<Diagnostic>) -> String {
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
        Diagnostic::error(
            Code::ParameterValue,
            format!("`{expression}` in `ldflags` is no build arg of this image"),
        )
        .at(
            &self.value_location("ldflags"),
            "would be empty in the build",
        )
        .help(help)
    }

    fn value_location(&self, name: &str) -> Location {
        let argument = &self.with[name];
        argument
            .values
            .first()
            .map_or_else(|| argument.location.clone(), |it| it.location.clone())
    }

    fn arg_names(&self) -> impl Iterator<Item = &str> {
        let args = self.context.args.keys();
        args.chain(self.context.stamp_args.keys())
            .map(String::as_str)
    }

    fn given(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    fn text(&self, name: &str) -> String {
        match self.values.get(name) {
            Some(Given::Text(text)) => text.clone(),
            _ => match self.pattern.parameter(name).map(|it| it.default) {
                Some(ParameterDefault::Text(text)) => text.to_owned(),
                _ => String::new(),
            },
        }
    }

    fn integer(&self, name: &str) -> Option<i64> {
        match self.values.get(name) {
            Some(Given::Integer(number)) => Some(*number),
            _ => match self.pattern.parameter(name).map(|it| it.default) {
                Some(ParameterDefault::Integer(number)) => Some(number),
                _ => None,
            },
        }
    }

    fn flag(&self, name: &str) -> bool {
        self.values.get(name) == Some(&Given::Flag(true))
    }

    fn list(&self, name: &str) -> Vec<String> {
        match self.values.get(name) {
            Some(Given::List(texts)) => texts.clone(),
            _ => match self.pattern.parameter(name).map(|it| it.default) {
                Some(ParameterDefault::List(texts)) => {
                    texts.iter().map(|&it| it.to_owned()).collect()
                }
                _ => Vec::new(),
            },
        }
    }

    fn env(&self) -> BTreeMap<String, String> {
        match self.values.get("env") {
            Some(Given::Map(map)) => map.clone(),
            _ => BTreeMap::new(),
        }
    }

    fn is_vendored(&self) -> bool {
        self.pattern.language == Language::Go && (self.context.has_file)("vendor/modules.txt")
    }

    fn base(&self) -> String {
        if self.given("base") {
            return self.text("base");
        }
        let version = self.text("version");
        let alpine = self.text("variant") == "alpine";
        match (self.pattern.language, alpine) {
            (Language::Python, true) => format!("python:{version}-alpine"),
            (Language::Python, false) => format!("python:{version}-slim-bookworm"),
            (Language::Go, true) => format!("golang:{version}-alpine"),
            (Language::Go, false) => format!("golang:{version}-bookworm"),
            (Language::Node, true) => format!("node:{version}-alpine"),
            (Language::Node, false) => format!("node:{version}-bookworm-slim"),
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
        if self.pattern.language == Language::Python && !self.given("command") {
            let port = self.integer("port").unwrap_or_default().to_string();
            let app = self.text("app");
            let words = [
                "python", "-m", "uvicorn", &app, "--host", "0.0.0.0", "--port", &port,
            ];
            return words.map(str::to_owned).to_vec();
        }
        self.list("command")
    }

    fn dockerfile(&self, ldflags: &str) -> String {
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
            package_files => by_directory(&self.list("package_files")),
        };
        let values = context! {
            base => self.base(),
            own_base => self.given("base"),
            variant => self.text("variant"),
            packages => self.list("packages"),
            build_packages => self.list("build_packages"),
            init => self.text("init"),
            user, go, node, env,
            requirements => by_directory(&self.list("requirements")),
            pip => self.list("requirements").iter().map(|file| format!("-r {file}")).collect::<Vec<_>>().join(" "),
            port => self.integer("port"),
            expose => self.given("port") || !self.given("command"),
            command => quote::exec(&self.command()),
            healthcheck => exec("healthcheck"),
            ca_bundle => self.given("ca_bundle").then(|| self.text("ca_bundle")),
            args => names(self.context.args),
            stamp_args => names(self.context.stamp_args),
        };
        tidy(&evaluate(self.pattern.template, values))
    }

    /// Returns the ignore lines; files that parameters name are always let through.
    fn ignore(&self) -> Vec<String> {
        let mut lines = ignore::lines(self.pattern.language, self.is_vendored());
        let named = ["requirements", "package_files"]
            .into_iter()
            .filter(|name| self.given(name))
            .flat_map(|name| self.list(name));
        lines.extend(named.chain(self.ca_bundle()).map(|path| format!("!{path}")));
        lines
    }

    fn ca_bundle(&self) -> Option<String> {
        self.given("ca_bundle").then(|| self.text("ca_bundle"))
    }

    fn expects(&self) -> Vec<String> {
        let files: Vec<String> = match self.pattern.language {
            Language::Python => self.list("requirements"),
            Language::Go | Language::Node => {
                let expects = self.pattern.expects.iter();
                expects.map(|&it| it.to_owned()).collect()
            }
        };
        files.into_iter().chain(self.ca_bundle()).collect()
    }
}

fn names(args: &BTreeMap<String, Sourced<String>>) -> Vec<String> {
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
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(
        SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()
            .expect("the default delimiters are distinct"),
    );
    environment.add_filter("join", minijinja::filters::join);
    environment.add_filter("items", minijinja::filters::items);
    environment
        .add_template("shared", builtin::SHARED)
        .expect("the shared macros are valid");
    environment
        .render_str(template, values)
        .expect("a built-in template renders with every set of checked parameters")
}

/// Leaves at most one blank line in a row, and none at the end.
fn tidy(text: &str) -> String {
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
