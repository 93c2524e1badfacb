//! Templates of a workspace's patterns: checked for their form, rendered, and their errors located in their files.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use minijinja::machinery::ast::Stmt;
use minijinja::machinery::{Span, parse};
use minijinja::{Environment, ErrorKind, Value};

use crate::diag::{Code, Diagnostic, Location, Source};
use crate::manifest::raw::Text;
use crate::node::suggest;

use super::{Pattern, quote, render};

/// How much one template may compute.
const FUEL: u64 = 200_000;

/// One template of a family.
#[derive(Debug, Clone, Copy)]
pub(super) enum Template<'a> {
    /// That of a built-in pattern.
    BuiltIn(&'static Pattern),
    /// A file of the workspace.
    Own {
        source: &'a Arc<Source>,
        /// What the pattern extends.
        extends: Option<&'a Text>,
    },
}

/// The templates of a pattern, from the one at the bottom to the one that is rendered. Each replaces blocks of those before it.
#[derive(Debug)]
pub(super) struct Family<'a> {
    members: Vec<Template<'a>>,
}

/// A block that a template may replace.
type Blocks = BTreeSet<String>;

impl<'a> Family<'a> {
    pub(super) fn new(members: Vec<Template<'a>>) -> Self {
        Self { members }
    }

    /// Checks that templates can be read, and that one that builds on another holds blocks that this one has.
    pub(super) fn check(&self, problems: &mut Vec<Diagnostic>) {
        let mut blocks: Option<Blocks> = None;
        for member in &self.members {
            let (name, text) = (member.name(), member.text());
            let tree = match parse(text, name, render::syntax()) {
                Ok(tree) => tree,
                Err(error) => {
                    problems.push(self.problem(&error, 0));
                    return;
                }
            };
            let Stmt::Template(tree) = &tree else { return };
            if let (Some(known), Template::Own { source, extends }) = (&blocks, member) {
                let child = Child {
                    source,
                    parent: extends.map_or("its parent", |it| it.value.as_str()),
                    blocks: known,
                };
                tree.children
                    .iter()
                    .for_each(|it| child.check(it, problems));
            } else if let Template::Own { source, .. } = member {
                tree.children
                    .iter()
                    .for_each(|it| check_root(it, source, problems));
            }
            let mut found = blocks.take().unwrap_or_default();
            collect_blocks(&tree.children, &mut found);
            blocks = Some(found);
        }
    }

    /// Renders the last template.
    pub(super) fn render(&self, facts: Value) -> Result<String, Diagnostic> {
        let mut environment = Environment::new();
        render::prepare(&mut environment);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(50);
        add_filters(&mut environment);
        let mut parent: Option<&str> = None;
        let mut prefix = 0;
        for member in &self.members {
            let text = match parent {
                Some(parent) => {
                    let extends = format!("{{% extends {parent:?} %}}");
                    prefix = extends.len();
                    extends + member.text()
                }
                None => member.text().to_owned(),
            };
            environment
                .add_template_owned(member.name().to_owned(), text)
                .map_err(|error| self.problem(&error, prefix))?;
            parent = Some(member.name());
        }
        let Some(last) = parent else {
            return Ok(String::new());
        };
        let rendered = environment
            .get_template(last)
            .and_then(|it| it.render(facts));
        rendered.map_err(|error| self.problem(&error, prefix))
    }

    /// Says what went wrong, at its place in the file. `prefix` is what stands before the text of a template that builds on another.
    fn problem(&self, error: &minijinja::Error, prefix: usize) -> Diagnostic {
        let detail = error
            .detail()
            .map_or_else(|| error.kind().to_string(), str::to_owned);
        let message = match error.kind() {
            ErrorKind::SyntaxError => format!("the template cannot be read: {detail}"),
            ErrorKind::OutOfFuel => "the template computes too much".to_owned(),
            ErrorKind::UndefinedError => "the template uses a value that is not there".to_owned(),
            ErrorKind::TemplateNotFound => {
                "a template of a pattern cannot include or import other files".to_owned()
            }
            _ => format!("the template fails: {detail}"),
        };
        let help = match error.kind() {
            ErrorKind::UndefinedError => {
                "parameters are `param.NAME`; what may be missing needs `is defined` or `| default(..)`"
            }
            ErrorKind::OutOfFuel => "a Dockerfile needs no long loops",
            ErrorKind::TemplateNotFound => "write it here; `pattern .. extends=` shares a template",
            _ => "templates are Jinja: docs/patterns.md, \"Patterns of your own\"",
        };
        let diagnostic = Diagnostic::error(Code::PatternTemplate, message).help(help);
        match self.place(error, prefix) {
            Some(place) => diagnostic.at(&place, "here"),
            None => diagnostic,
        }
    }

    fn place(&self, error: &minijinja::Error, prefix: usize) -> Option<Location> {
        let name = error.name()?;
        let at = self.members.iter().position(|it| it.name() == name)?;
        let Template::Own { source, .. } = self.members[at] else {
            return None;
        };
        let prefix = if at == 0 { 0 } else { prefix };
        let line = error.line().map_or(0..0, |it| line_range(&source.text, it));
        let range = error.range().map_or(line.clone(), |it| {
            it.start.saturating_sub(prefix)..it.end.saturating_sub(prefix)
        });
        let fits = range.start < range.end && source.text.get(range.clone()).is_some();
        Some(Location::new(source, if fits { range } else { line }))
    }
}

impl<'a> Template<'a> {
    fn name(&self) -> &'a str {
        match self {
            Self::BuiltIn(pattern) => pattern.name,
            Self::Own { source, .. } => &source.name,
        }
    }

    fn text(&self) -> &'a str {
        match self {
            Self::BuiltIn(pattern) => pattern.template,
            Self::Own { source, .. } => &source.text,
        }
    }
}

/// A template that builds on another.
struct Child<'a> {
    source: &'a Arc<Source>,
    parent: &'a str,
    blocks: &'a Blocks,
}

impl Child<'_> {
    fn check(&self, statement: &Stmt<'_>, problems: &mut Vec<Diagnostic>) {
        let parent = self.parent;
        let diagnostic = match statement {
            Stmt::Block(block) if self.blocks.contains(block.name) => return,
            Stmt::Block(block) => {
                let names: Vec<&str> = self.blocks.iter().map(String::as_str).collect();
                let mut diagnostic = Diagnostic::error(
                    Code::PatternTemplate,
                    format!("{parent} has no block `{}`", block.name),
                )
                .at(&self.head(block.span()), "would never be rendered");
                diagnostic.help = suggest::hint(block.name, &names);
                diagnostic
            }
            Stmt::EmitRaw(raw) if raw.raw.trim().is_empty() => return,
            Stmt::EmitRaw(_) | Stmt::EmitExpr(_) => Diagnostic::error(
                Code::PatternTemplate,
                format!("the pattern extends {parent}, and this is in no block"),
            )
            .at(&self.trimmed(span_of(statement)), "would never be rendered")
            .help("put it into a block of the pattern: `{% block NAME %}{{ super() }}..{% endblock %}`"),
            Stmt::Extends(it) => Diagnostic::error(
                Code::PatternTemplate,
                "a template does not say what it extends",
            )
            .at(&self.head(it.span()), format!("the `pattern` node does: extends=\"{parent}\""))
            .help("remove the line"),
            _ => return,
        };
        problems.push(diagnostic);
    }

    /// The first line of a statement.
    fn head(&self, span: Span) -> Location {
        let range = range_of(span);
        let text = self.source.text.get(range.clone()).unwrap_or("");
        let length = text.lines().next().map_or(0, str::len);
        Location::new(self.source, range.start..range.start + length)
    }

    /// The first line with something in it.
    fn trimmed(&self, span: Span) -> Location {
        let range = range_of(span);
        let text = self.source.text.get(range.clone()).unwrap_or("");
        let skipped = text.len() - text.trim_start().len();
        let length = text.trim_start().lines().next().map_or(0, str::len);
        let start = range.start + skipped;
        Location::new(self.source, start..start + length)
    }
}

/// `extends` in a template is windlass's matter, and there is nothing it could name.
fn check_root(statement: &Stmt<'_>, source: &Arc<Source>, problems: &mut Vec<Diagnostic>) {
    if let Stmt::Extends(it) = statement {
        problems.push(
            Diagnostic::error(
                Code::PatternTemplate,
                "a template does not say what it extends",
            )
            .at(
                &Location::new(source, range_of(it.span())),
                "the `pattern` node does",
            )
            .help("write `pattern \"name\" extends=\"python@1\" { .. }`, and remove the line"),
        );
    }
}

fn collect_blocks(statements: &[Stmt<'_>], found: &mut Blocks) {
    for statement in statements {
        match statement {
            Stmt::Block(block) => {
                found.insert(block.name.to_owned());
                collect_blocks(&block.body, found);
            }
            Stmt::IfCond(it) => {
                collect_blocks(&it.true_body, found);
                collect_blocks(&it.false_body, found);
            }
            Stmt::ForLoop(it) => collect_blocks(&it.body, found),
            Stmt::WithBlock(it) => collect_blocks(&it.body, found),
            _ => {}
        }
    }
}

fn span_of(statement: &Stmt<'_>) -> Span {
    match statement {
        Stmt::EmitRaw(it) => it.span(),
        Stmt::EmitExpr(it) => it.span(),
        _ => Span::default(),
    }
}

fn range_of(span: Span) -> Range<usize> {
    let start = usize::try_from(span.start_offset).unwrap_or(0);
    let end = usize::try_from(span.end_offset).unwrap_or(0);
    start..end.max(start)
}

fn line_range(text: &str, line: usize) -> Range<usize> {
    let start: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let length = text
        .get(start..)
        .and_then(|it| it.lines().next())
        .map_or(0, str::len);
    start..start + length
}

/// What writes values so that they cannot leave their place.
fn add_filters(environment: &mut Environment<'_>) {
    environment.add_filter("exec", |words: Vec<String>| quote::exec(&words));
    environment.add_filter("shell", |words: Value| match words.as_str() {
        Some(word) => Ok(quote::shell(&[word.to_owned()])),
        None => texts(&words).map(|it| quote::shell(&it)),
    });
    environment.add_filter("env_value", |text: String| quote::env_value(&text));
}

fn texts(values: &Value) -> Result<Vec<String>, minijinja::Error> {
    Ok(values.try_iter()?.map(|it| it.to_string()).collect())
}
