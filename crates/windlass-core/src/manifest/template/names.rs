//! The names in an expression: a closed set of namespaces, every name checked before anything is evaluated.

use std::fmt;
use std::ops::Range;

use minijinja::machinery::ast::{BinOpKind, Call, CallArg, Expr, GetAttr, Var};
use minijinja::machinery::{Span, parse_expr};

use crate::diag::{Code, Diagnostic, Location};
use crate::manifest::raw::Text;
use crate::node::{inner_location, suggest};

use super::filter::FILTERS;
use super::{Axes, Expression, Place, Use};

/// Where names come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::manifest) enum Namespace {
    /// Declared variables.
    Var,
    /// The commit that is checked out.
    Git,
    /// The workspace.
    Workspace,
    /// The selected environment.
    Environment,
    /// The image the text belongs to.
    Image,
    /// The registry of the target.
    Registry,
    /// The combination of the image's matrix.
    Matrix,
}

const NAMESPACES: &[(&str, Namespace)] = &[
    ("var", Namespace::Var),
    ("git", Namespace::Git),
    ("workspace", Namespace::Workspace),
    ("environment", Namespace::Environment),
    ("image", Namespace::Image),
    ("registry", Namespace::Registry),
    ("matrix", Namespace::Matrix),
];

impl Namespace {
    /// Returns the word it is called by.
    pub(super) fn word(self) -> &'static str {
        let found = NAMESPACES.iter().find(|it| it.1 == self);
        found.map_or("", |it| it.0)
    }

    /// Returns the fixed names in it; variables are the manifest's.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Var | Self::Matrix => &[],
            Self::Git => &[
                "sha",
                "short",
                "branch",
                "tag",
                "describe",
                "commit_time",
                "dirty",
            ],
            Self::Workspace | Self::Environment => &["name"],
            Self::Image => &["name", "repository"],
            Self::Registry => &["name", "account", "region", "host"],
        }
    }
}

/// Returns every fixed name, such as `git.sha`.
pub(in crate::manifest) fn fixed_names() -> Vec<String> {
    let names = NAMESPACES.iter().flat_map(|(word, namespace)| {
        let keys = namespace.keys().iter();
        keys.map(move |key| format!("{word}.{key}"))
    });
    names.collect()
}

/// A name such as `git.sha`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::manifest) struct Name {
    /// The part before the dot.
    pub(in crate::manifest) namespace: Namespace,
    /// The part behind it.
    pub(in crate::manifest) key: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.namespace.word(), self.key)
    }
}

/// What names there are.
pub(super) struct Known {
    pub(super) variables: Vec<String>,
    /// Variables may be missing from the list.
    pub(super) incomplete: bool,
}

/// Checks one expression.
pub(super) struct NameCheck<'a> {
    text: &'a Text,
    range: Range<usize>,
    source: &'a str,
    place: Place,
    axes: &'a Axes,
    known: &'a Known,
    uses: Vec<Use>,
    pub(super) diagnostics: Vec<Diagnostic>,
}

impl<'a> NameCheck<'a> {
    pub(super) fn new(
        text: &'a Text,
        range: Range<usize>,
        (place, axes): (Place, &'a Axes),
        known: &'a Known,
    ) -> Self {
        Self {
            text,
            source: &text.value[range.clone()],
            range,
            place,
            axes,
            known,
            uses: Vec::new(),
            diagnostics: Vec::new(),
        }
    }

    /// Returns the checked expression, `None` after an error.
    pub(super) fn run(&mut self) -> Option<Expression> {
        if self.source.trim().is_empty() {
            let whole = self.range.start - 2..self.range.end + 2;
            let place = inner_location(&self.text.location, whole);
            self.diagnostics.push(
                Diagnostic::error(Code::TemplateSyntax, "the expression is empty")
                    .at(&place, "nothing in it")
                    .help("write a name, as in `{{ var.version }}`"),
            );
            return None;
        }
        let tree = match parse_expr(self.source) {
            Ok(tree) => tree,
            Err(error) => {
                self.syntax_error(&error);
                return None;
            }
        };
        let alone = matches!(&tree, Expr::GetAttr(it) if matches!(it.expr, Expr::Var(_)));
        self.walk(&tree, false);
        self.diagnostics.is_empty().then(|| Expression {
            source: self.source.to_owned(),
            range: self.range.clone(),
            alone: alone && self.uses.len() == 1,
            uses: std::mem::take(&mut self.uses),
        })
    }

    fn at(&self, range: Range<usize>) -> Location {
        let base = self.range.start;
        inner_location(&self.text.location, base + range.start..base + range.end)
    }

    fn syntax_error(&mut self, error: &minijinja::Error) {
        let whole = 0..self.source.len();
        let range = error
            .range()
            .filter(|it| it.start < it.end && it.end <= whole.end)
            .map_or(whole, |it| whole_characters(self.source, it));
        let detail = error.detail().unwrap_or("not an expression").to_owned();
        let diagnostic = Diagnostic::error(
            Code::TemplateSyntax,
            format!("the expression cannot be read: {detail}"),
        )
        .at(&self.at(range), "here")
        .help("an expression is a name with filters, as in `{{ git.branch | slug }}`");
        self.diagnostics.push(diagnostic);
    }

    fn report(
        &mut self,
        code: Code,
        range: Range<usize>,
        message: String,
        label: &str,
        help: impl Into<String>,
    ) {
        let place = self.at(range);
        self.diagnostics.push(
            Diagnostic::error(code, message)
                .at(&place, label)
                .help(help),
        );
    }

    fn walk(&mut self, expr: &Expr<'_>, guarded: bool) {
        match expr {
            Expr::Const(_) => {}
            Expr::Var(var) => self.bare_name(var, range(var.span())),
            Expr::GetAttr(it) => self.attribute(it, range(it.span()), guarded),
            Expr::GetItem(it) => match it.subscript_expr.as_const() {
                Some(key) if matches!(it.expr, Expr::Var(_)) => {
                    let key = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                    self.member(&it.expr, &key, range(it.span()), guarded);
                }
                _ => {
                    self.walk(&it.expr, guarded);
                    self.walk(&it.subscript_expr, guarded);
                }
            },
            Expr::Filter(it) => {
                if !FILTERS.contains(&it.name) {
                    self.unknown_filter(it.name, range(it.span()));
                }
                if let Some(inner) = &it.expr {
                    self.walk(inner, it.name == "default");
                }
                self.walk_arguments(&it.args);
            }
            Expr::IfExpr(it) => {
                self.walk(&it.test_expr, true);
                self.walk(&it.true_expr, true);
                if let Some(other) = &it.false_expr {
                    self.walk(other, true);
                }
            }
            Expr::BinOp(it) => {
                if matches!(it.op, BinOpKind::Sub) && self.is_dashed_name(&it.left, &it.right) {
                    return;
                }
                self.walk(&it.left, guarded);
                self.walk(&it.right, guarded);
            }
            Expr::UnaryOp(it) => self.walk(&it.expr, guarded),
            Expr::Compare(it) => {
                self.walk(&it.expr, guarded);
                for operand in &it.ops {
                    self.walk(&operand.expr, guarded);
                }
            }
            Expr::Slice(it) => {
                self.walk(&it.expr, guarded);
                for part in [&it.start, &it.stop, &it.step].into_iter().flatten() {
                    self.walk(part, guarded);
                }
            }
            Expr::Test(it) => self.report(
                Code::TemplateSyntax,
                range(it.span()),
                format!("there is no test `{}`", it.name),
                "tests do not exist here",
                "compare with `==`, or use `| default('..')`",
            ),
            Expr::Call(call) => self.call(call, range(call.span())),
            Expr::List(it) => it.items.iter().for_each(|it| self.walk(it, guarded)),
            Expr::Tuple(it) => it.items.iter().for_each(|it| self.walk(it, guarded)),
            Expr::Map(it) => {
                it.keys.iter().for_each(|it| self.walk(it, guarded));
                it.values.iter().for_each(|it| self.walk(it, guarded));
            }
        }
    }

    fn walk_arguments(&mut self, arguments: &[CallArg<'_>]) {
        for argument in arguments {
            match argument {
                CallArg::Pos(it)
                | CallArg::Kwarg(_, it)
                | CallArg::PosSplat(it)
                | CallArg::KwargSplat(it) => {
                    self.walk(it, false);
                }
            }
        }
    }

    fn unknown_filter(&mut self, name: &str, whole: Range<usize>) {
        let inside = &self.source[whole.clone()];
        let found = inside.rfind(name).map_or(whole.clone(), |it| {
            whole.start + it..whole.start + it + name.len()
        });
        let help = suggest::closest(name, FILTERS).map_or_else(
            || format!("filters: {}", suggest::list(FILTERS)),
            |it| format!("did you mean `{it}`? filters: {}", suggest::list(FILTERS)),
        );
        let message = format!("there is no filter `{name}`");
        self.report(Code::UnknownFilter, found, message, "unknown filter", help);
    }

    fn call(&mut self, call: &Call<'_>, whole: Range<usize>) {
        let _ = call;
        let help = format!("use a filter: {}", suggest::list(FILTERS));
        let message = "there are no functions in expressions".to_owned();
        self.report(Code::TemplateSyntax, whole, message, "a call", help);
    }

    /// `{{ version }}`, `{{ git }}`: a name without its namespace, or a namespace without a name.
    fn bare_name(&mut self, var: &Var<'_>, at: Range<usize>) {
        let id = var.id;
        if let Some((_, namespace)) = NAMESPACES.iter().find(|it| it.0 == id) {
            let keys = self.keys(*namespace);
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            let help = format!("name one of its values: {}", suggest::list(&keys));
            return self.report(
                Code::TemplateNotScalar,
                at,
                format!("`{id}` is not a value"),
                "a namespace",
                help,
            );
        }
        self.unknown_namespace(id, at);
    }

    fn unknown_namespace(&mut self, id: &str, at: Range<usize>) {
        match id {
            "secret" => self.report(
                Code::SecretInterpolated,
                at,
                "secrets cannot be interpolated".to_owned(),
                "would end up in the image",
                "give it to the build with `secret \"name\"`; RUN reads it from a mount",
            ),
            "env" => self.report(
                Code::UnknownTemplateName,
                at,
                "there is no `env`".to_owned(),
                "unknown name",
                "declare `var \"name\" { from-env \"NAME\" }` and write `var.name`",
            ),
            _ => {
                let help = self.namespace_hint(id);
                self.report(
                    Code::UnknownTemplateName,
                    at,
                    format!("there is no `{id}`"),
                    "unknown name",
                    help,
                );
            }
        }
    }

    fn namespace_hint(&self, id: &str) -> String {
        if self.known.variables.iter().any(|it| it == id) {
            return format!("did you mean `var.{id}`?");
        }
        if let Some((word, _)) = NAMESPACES.iter().find(|it| it.1.keys().contains(&id)) {
            return format!("did you mean `{word}.{id}`?");
        }
        let words: Vec<&str> = NAMESPACES.iter().map(|it| it.0).collect();
        suggest::hint(id, &words).unwrap_or_default()
    }

    fn attribute(&mut self, it: &GetAttr<'_>, at: Range<usize>, guarded: bool) {
        if matches!(it.expr, Expr::Var(_)) {
            self.member(&it.expr, it.name, at, guarded);
        } else {
            self.walk(&it.expr, guarded);
            let message = format!("the value has no `{}`", it.name);
            self.report(
                Code::UnknownTemplateName,
                at,
                message,
                "values have no parts",
                "remove it",
            );
        }
    }

    fn member(&mut self, owner: &Expr<'_>, key: &str, at: Range<usize>, guarded: bool) {
        let Expr::Var(var) = owner else { return };
        let Some((_, namespace)) = NAMESPACES.iter().find(|it| it.0 == var.id) else {
            return self.unknown_namespace(var.id, at);
        };
        let namespace = *namespace;
        let keys = self.keys(namespace);
        let name = Name {
            namespace,
            key: key.to_owned(),
        };
        if !self.has_key(namespace, &keys, key) {
            if namespace == Namespace::Var && self.known.incomplete {
                // The declaration may be in a part that could not be read.
                return;
            }
            if namespace == Namespace::Matrix && *self.axes == Axes::None {
                return self.no_matrix(&name, at);
            }
            let words: Vec<&str> = keys.iter().map(String::as_str).collect();
            let word = namespace.word();
            let help = suggest::closest(key, &words).map_or_else(
                || {
                    if words.is_empty() {
                        format!("declare it: `var \"{key}\" {{ default \"..\" }}`")
                    } else {
                        format!("known: {}", suggest::list(&words))
                    }
                },
                |it| format!("did you mean `{word}.{it}`?"),
            );
            return self.report(
                Code::UnknownTemplateName,
                at,
                format!("there is no `{name}`"),
                "unknown name",
                help,
            );
        }
        if let Some(reason) = self.not_here(&name) {
            let help = match self.place {
                Place::Name => "a name can use `matrix` only: it is the address of the image",
                _ => "names that have a meaning everywhere: `var`, `git`, `workspace`",
            };
            return self.report(
                Code::TemplateNotHere,
                at,
                format!("`{name}` has no meaning here"),
                reason,
                help,
            );
        }
        let base = self.range.start;
        self.uses.push(Use {
            name,
            range: base + at.start..base + at.end,
            guarded,
        });
    }

    fn not_here(&self, name: &Name) -> Option<&'static str> {
        match (name.namespace, self.place) {
            (Namespace::Matrix, _) | (Namespace::Registry, Place::Target) => None,
            (_, Place::Name) => Some("would change the name from run to run"),
            (Namespace::Registry, _) => Some(
                "only what is evaluated for each target can name the registry: `tag`, `repository`, `resource-tag`",
            ),
            (Namespace::Image, Place::Global) => Some("this does not belong to an image"),
            (Namespace::Image, Place::Image) if name.key == "repository" => {
                Some("the repository depends on it")
            }
            _ => None,
        }
    }

    fn has_key(&self, namespace: Namespace, keys: &[String], key: &str) -> bool {
        let any = namespace == Namespace::Matrix && *self.axes == Axes::Any;
        any || keys.iter().any(|it| it == key)
    }

    fn no_matrix(&mut self, name: &Name, at: Range<usize>) {
        let help = format!(
            "add one: `matrix {{ {} \"one\" \"two\" }}`, and use it in the image's name",
            name.key
        );
        let message = format!("`{name}` has no meaning here");
        let label = "this does not belong to an image with a matrix";
        self.report(Code::TemplateNotHere, at, message, label, help);
    }

    fn keys(&self, namespace: Namespace) -> Vec<String> {
        match namespace {
            Namespace::Var => self.known.variables.clone(),
            Namespace::Matrix => match self.axes {
                Axes::Keys { keys, .. } => keys.clone(),
                Axes::None | Axes::Any => Vec::new(),
            },
            _ => namespace.keys().iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    /// Finds `var.my-var`, which subtracts `var` from `var.my`.
    fn is_dashed_name(&mut self, left: &Expr<'_>, right: &Expr<'_>) -> bool {
        let (left, right) = (range(left.span()), range(right.span()));
        let text = self.source.get(left.start..right.end).unwrap_or("");
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if !text.contains('.') || !text.contains('-') || !text.chars().all(is_word) {
            return false;
        }
        let help = format!(
            "variables have `_` in their names: `{}`",
            text.replace('-', "_")
        );
        let message = format!("`-` subtracts in `{text}`");
        self.report(
            Code::TemplateSubtraction,
            left.start..right.end,
            message,
            "a subtraction",
            help,
        );
        true
    }
}

fn range(span: Span) -> Range<usize> {
    let start = usize::try_from(span.start_offset).unwrap_or(0);
    let end = usize::try_from(span.end_offset).unwrap_or(0);
    start..end.max(start)
}

/// Widens a range to whole characters: the parser of expressions ends an error in the middle of one that is not ASCII.
fn whole_characters(text: &str, mut range: Range<usize>) -> Range<usize> {
    while !text.is_char_boundary(range.start) {
        range.start -= 1;
    }
    while !text.is_char_boundary(range.end) {
        range.end += 1;
    }
    range
}
