//! The images that a build pulls: FROM, COPY --from, RUN --mount from= and `# syntax=`, after ARG substitution.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::diag::{Checked, Code, Diagnostic, has_errors};
use crate::manifest::model::Need;
use crate::name::Platform;

use super::graph::mount_fields;
use super::reference::ImageReference;
use super::words::{Word, expand};
use super::{Dockerfile, Flag, Instruction};

/// What decides which images a build pulls.
#[derive(Debug, Clone, Copy)]
pub struct BaseQuery<'a> {
    /// The build args.
    pub args: &'a BTreeMap<String, String>,
    /// The stage to build, by name or number; the last one where `None`.
    pub stage: Option<&'a str>,
    /// The platform to build for; gives `TARGETPLATFORM` and the like their values.
    pub platform: &'a Platform,
    /// The names that stand for workspace images.
    pub needs: &'a BTreeSet<String>,
}

/// Everything outside the Dockerfile that the wanted stage is built from, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bases {
    /// The images that are pulled; one that is named twice is here twice.
    pub pulled: Vec<BaseReference>,
    /// The workspace images that are used.
    pub needs: Vec<NeedReference>,
}

/// A place where an image is pulled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseReference {
    /// The reference as written, variables replaced.
    pub reference: String,
    /// The same, read. Its `to_string()` is the normalised reference, such as `docker.io/library/python:3.12`.
    pub image: ImageReference,
    /// Which kind of place it is.
    pub kind: BaseKind,
    /// The bytes of the word, which [`super::pin`] replaces.
    pub span: Range<usize>,
    /// The value of `--platform`; a variable of the building machine stays as it is (`$BUILDPLATFORM`).
    pub platform: Option<String>,
}

/// A place where a workspace image is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NeedReference {
    /// The name that stands for it.
    pub name: String,
    /// Which kind of place it is.
    pub kind: BaseKind,
    /// The bytes of the word, which [`super::pin`] replaces.
    pub span: Range<usize>,
}

/// The kinds of places that name an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BaseKind {
    /// `FROM image`
    From,
    /// `COPY --from=image`
    CopyFrom,
    /// `RUN --mount=from=image`
    MountFrom,
    /// `# syntax=image`
    Syntax,
}

/// Returns what the wanted stage is built from. Stages that it does not reach are not looked at.
pub fn bases(dockerfile: &Dockerfile, query: &BaseQuery<'_>) -> Checked<Bases> {
    let mut reader = Reader::new(dockerfile, query);
    let mut bases = Bases::default();
    if let Some(syntax) = &dockerfile.syntax {
        let found = reader.outside(&syntax.text, syntax, BaseKind::Syntax, None);
        bases.extend(found);
    }
    for stage in reader.reached() {
        let from = reader.from(stage);
        bases.extend(from.and_then(Link::outside));
        for instruction in dockerfile.instructions_of(stage) {
            for link in reader.links(stage, instruction) {
                bases.extend(link.outside());
            }
        }
    }
    let problems = reader.problems;
    let value = (!has_errors(&problems)).then_some(bases);
    (value, problems)
}

/// Says where `needs` gives a workspace image the name of a stage, which it would replace.
pub fn check_needs(dockerfile: &Dockerfile, needs: &[Need]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    for need in needs {
        let stages = dockerfile.stages.iter().filter_map(|it| it.name.as_ref());
        for stage in stages.filter(|it| it.text == need.as_name.to_lowercase()) {
            problems.push(
                Diagnostic::error(
                    Code::DockerfileStageShadowed,
                    format!("`{}` is the name of a stage as well", need.as_name),
                )
                .at(&need.location, "would replace the stage of that name")
                .at(&dockerfile.location(&stage.span), "the stage")
                .help(format!(
                    "give the image another name here: needs \"{}\" as=\"{}-image\"",
                    need.image, need.as_name
                )),
            );
        }
    }
    problems
}

/// What a FROM, COPY or RUN refers to.
enum Link {
    Stage(usize),
    Pulled(BaseReference),
    Need(NeedReference),
    Scratch,
}

impl Link {
    fn outside(self) -> Option<Self> {
        matches!(self, Self::Pulled(_) | Self::Need(_)).then_some(self)
    }
}

impl Bases {
    fn extend(&mut self, link: Option<Link>) {
        match link {
            Some(Link::Pulled(base)) => self.pulled.push(base),
            Some(Link::Need(need)) => self.needs.push(need),
            Some(Link::Stage(_) | Link::Scratch) | None => {}
        }
    }
}

struct Reader<'a> {
    dockerfile: &'a Dockerfile,
    query: &'a BaseQuery<'a>,
    globals: BTreeMap<String, String>,
    problems: Vec<Diagnostic>,
}

impl<'a> Reader<'a> {
    fn new(dockerfile: &'a Dockerfile, query: &'a BaseQuery<'a>) -> Self {
        let mut reader = Self {
            dockerfile,
            query,
            globals: platform_args(query.args, query.platform, query.stage),
            problems: Vec::new(),
        };
        reader.read_globals();
        reader
    }

    /// Gives the args before the first FROM their values.
    fn read_globals(&mut self) {
        let first = self.dockerfile.stages.first();
        let end = first.map_or(0, |stage| stage.instructions.start);
        for instruction in self.dockerfile.instructions[..end]
            .iter()
            .filter(|it| it.keyword == "ARG")
        {
            for assignment in instruction.assignments() {
                let name = &assignment.name.text;
                let value = match (self.query.args.get(name), &assignment.value) {
                    (Some(value), _) => Some(value.clone()),
                    (None, Some(default)) => self.expand(&default.text, default).map(|it| it.text),
                    (None, None) => None,
                };
                if let Some(value) = value {
                    self.globals.insert(name.clone(), value);
                }
            }
        }
    }

    fn expand(&mut self, text: &str, word: &Word) -> Option<super::words::Expanded> {
        let globals = &self.globals;
        match expand(text, self.dockerfile.escape, &|name| {
            globals.get(name).cloned()
        }) {
            Ok(expanded) => Some(expanded),
            Err(why) => {
                self.refuse(
                    Code::DockerfileReference,
                    format!("`{text}` cannot be expanded: {why}"),
                    &word.span,
                    "give the image's name or a default directly",
                );
                None
            }
        }
    }

    fn refuse(&mut self, code: Code, message: String, span: &Range<usize>, help: &str) {
        let problem = Diagnostic::error(code, message)
            .at(&self.dockerfile.location(span), "here")
            .help(help);
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// Returns the stages that the wanted one needs, sorted.
    fn reached(&mut self) -> Vec<usize> {
        let mut open: Vec<usize> = self.target().into_iter().collect();
        let mut reached = BTreeSet::new();
        while let Some(stage) = open.pop() {
            if !reached.insert(stage) {
                continue;
            }
            if let Some(Link::Stage(parent)) = self.from(stage) {
                open.push(parent);
            }
            for instruction in self.dockerfile.instructions_of(stage) {
                for link in self.links(stage, instruction) {
                    if let Link::Stage(source) = link {
                        open.push(source);
                    }
                }
            }
        }
        reached.into_iter().collect()
    }

    fn target(&mut self) -> Option<usize> {
        let count = self.dockerfile.stages.len();
        let Some(wanted) = self.query.stage else {
            return count.checked_sub(1);
        };
        let numbered = wanted.parse().ok().filter(|&index: &usize| index < count);
        let found = self.dockerfile.stage_named(wanted, count).or(numbered);
        if found.is_none()
            && let Some(last) = self.dockerfile.stages.last()
        {
            let names: Vec<&str> = self
                .dockerfile
                .stages
                .iter()
                .filter_map(|it| it.name.as_ref().map(|name| name.text.as_str()))
                .collect();
            let help = if names.is_empty() {
                "no stage has a name; write FROM image AS name".to_owned()
            } else {
                format!("the stages are {}", names.join(", "))
            };
            let span = last.base.span.clone();
            self.refuse(
                Code::DockerfileStageUnknown,
                format!("the Dockerfile has no stage `{wanted}`"),
                &span,
                &help,
            );
        }
        found
    }

    fn from(&mut self, stage: usize) -> Option<Link> {
        let it = &self.dockerfile.stages[stage];
        let base = &it.base;
        let expanded = self.expand(&base.text, base)?;
        if let Some(name) = expanded.undefined.first() {
            self.undefined(name, base);
            return None;
        }
        if let Some(parent) = self.dockerfile.stage_named(&expanded.text, stage) {
            return Some(Link::Stage(parent));
        }
        let platform = it.platform.as_ref().map(|word| self.platform(word));
        self.outside(&expanded.text, base, BaseKind::From, platform)
    }

    /// Expands a `--platform`; variables of the building machine stay.
    fn platform(&self, word: &Word) -> String {
        let lookup = |name: &str| {
            let kept = is_build_arg(name).then(|| format!("${name}"));
            self.globals.get(name).cloned().or(kept)
        };
        expand(&word.text, self.dockerfile.escape, &lookup)
            .map_or_else(|_| word.text.clone(), |it| it.text)
    }

    /// Returns what the flags of an instruction refer to.
    fn links(&mut self, stage: usize, instruction: &Instruction) -> Vec<Link> {
        match instruction.keyword.as_str() {
            "COPY" => {
                let from = instruction.flag("from");
                from.and_then(|flag| self.copy_from(stage, flag))
                    .into_iter()
                    .collect()
            }
            "RUN" => {
                let mounts = instruction.flags.iter().filter(|it| it.name == "mount");
                mounts.filter_map(|flag| self.mount_from(flag)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn copy_from(&mut self, stage: usize, flag: &Flag) -> Option<Link> {
        let name = flag.value.text.as_str();
        if let Ok(index) = name.parse::<usize>() {
            if index < stage {
                return Some(Link::Stage(index));
            }
            self.refuse(
                Code::DockerfileStageUnknown,
                format!("there is no stage {index} before this one"),
                &flag.value.span,
                "stages are counted from 0; better give the stage a name",
            );
            return None;
        }
        self.stage_or_image(&flag.value, BaseKind::CopyFrom)
    }

    fn mount_from(&mut self, flag: &Flag) -> Option<Link> {
        let kind = mount_field(self.dockerfile, flag, "type");
        if !matches!(
            kind.as_ref().map(|it| it.text.as_str()),
            None | Some("bind" | "cache")
        ) {
            return None;
        }
        let from = mount_field(self.dockerfile, flag, "from")?;
        self.stage_or_image(&from, BaseKind::MountFrom)
    }

    fn stage_or_image(&mut self, word: &Word, kind: BaseKind) -> Option<Link> {
        if word.text.contains('$') {
            self.refuse(
                Code::DockerfileReference,
                format!("`{}`: the builder expands no variables here", word.text),
                &word.span,
                "name a stage, and give it the variable: FROM image:$TAG AS name",
            );
            return None;
        }
        let count = self.dockerfile.stages.len();
        match self.dockerfile.stage_named(&word.text, count) {
            Some(stage) => Some(Link::Stage(stage)),
            None => self.outside(&word.text, word, kind, None),
        }
    }

    /// Reads a name that is no stage.
    fn outside(
        &mut self,
        text: &str,
        word: &Word,
        kind: BaseKind,
        platform: Option<String>,
    ) -> Option<Link> {
        if text == "scratch" && kind != BaseKind::Syntax {
            return Some(Link::Scratch);
        }
        let span = word.span.clone();
        if self.query.needs.contains(text) && kind != BaseKind::Syntax {
            let name = text.to_owned();
            return Some(Link::Need(NeedReference { name, kind, span }));
        }
        match ImageReference::parse(text) {
            Ok(image) => Some(Link::Pulled(BaseReference {
                reference: text.to_owned(),
                image,
                kind,
                span,
                platform,
            })),
            Err(why) => {
                self.refuse(
                    Code::DockerfileReference,
                    format!("`{text}` names neither a stage nor an image: {why}"),
                    &span,
                    "write an image such as python:3.12-slim-bookworm, or the name of a stage",
                );
                None
            }
        }
    }

    fn undefined(&mut self, name: &str, word: &Word) {
        let (message, help) = if is_build_arg(name) {
            (
                format!("the image in FROM depends on `{name}`, the machine that builds"),
                "use TARGETARCH or an arg, or choose with --platform=$BUILDPLATFORM".to_owned(),
            )
        } else if self.query.args.contains_key(name) || self.is_declared_in_stage(name) {
            (
                format!("`{name}` has no value in FROM"),
                format!(
                    "FROM sees only args that are declared before the first FROM; add there: ARG {name}"
                ),
            )
        } else {
            (
                format!("`{name}` has no value in FROM"),
                format!(
                    "give it one in the manifest: arg {name}=\"...\", or in the Dockerfile: ARG {name}=..."
                ),
            )
        };
        self.refuse(Code::DockerfileUndefinedArg, message, &word.span, &help);
    }

    fn is_declared_in_stage(&self, name: &str) -> bool {
        let first = self.dockerfile.stages.first();
        let start = first.map_or(0, |stage| stage.instructions.start);
        self.dockerfile.instructions[start..]
            .iter()
            .any(|it| it.keyword == "ARG" && it.assignments().iter().any(|it| it.name.text == name))
    }
}

/// Returns a field of the value of `--mount`, with its place in the source.
pub(super) fn mount_field(dockerfile: &Dockerfile, flag: &Flag, name: &str) -> Option<Word> {
    let fields = mount_fields(dockerfile, flag);
    let found = fields.into_iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value)
}

/// Says whether a predefined arg describes the machine that builds.
pub(super) fn is_build_arg(name: &str) -> bool {
    matches!(
        name,
        "BUILDPLATFORM" | "BUILDOS" | "BUILDARCH" | "BUILDVARIANT"
    )
}

/// Returns the predefined args that describe what is built.
pub(super) fn platform_args(
    args: &BTreeMap<String, String>,
    platform: &Platform,
    stage: Option<&str>,
) -> BTreeMap<String, String> {
    let platform = platform.as_str();
    let mut parts = platform.splitn(3, '/');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    [
        ("TARGETOS", part()),
        ("TARGETARCH", part()),
        ("TARGETVARIANT", part()),
        ("TARGETPLATFORM", platform.to_owned()),
        ("TARGETSTAGE", stage.unwrap_or("default").to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| {
        let given = args.get(name).cloned();
        (name.to_owned(), given.unwrap_or(value))
    })
    .collect()
}
