//! What many rules ask about one Dockerfile, worked out once: the stage graph, the shell texts, what the base images are.

use std::collections::BTreeSet;

use windlass_core::dockerfile::graph::{
    BaseConfig, Graph, GraphQuery, StageBase, State, mount_fields, resolve,
};
use windlass_core::dockerfile::reference::ImageReference;
use windlass_core::dockerfile::{Dockerfile, Instruction};
use windlass_core::shell::{Call, PackageCall, Script, Simple, package_call, scripts};

use crate::known::known_config;
use crate::subject::ImageSubject;

/// Facts about one Dockerfile.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The stages, resolved.
    pub graph: Graph,
    /// The shell texts of all instructions, in their order.
    pub scripts: Vec<ScriptAt>,
    finals: BTreeSet<usize>,
}

/// A shell text with the instruction it belongs to.
#[derive(Debug, Clone)]
pub struct ScriptAt {
    /// The index of the instruction.
    pub instruction: usize,
    /// The index of the stage.
    pub stage: usize,
    /// Whether it is a RUN; otherwise it is what the image starts.
    pub is_run: bool,
    /// The text after reading.
    pub script: Script,
}

/// A call of a program in a RUN.
#[derive(Debug, Clone)]
pub struct CallAt<'a> {
    /// The script it stands in.
    pub at: &'a ScriptAt,
    /// The command.
    pub simple: &'a Simple,
    /// What it calls.
    pub call: Call<'a>,
}

/// A call of a package manager in a RUN.
#[derive(Debug, Clone)]
pub struct PackagesAt<'a> {
    /// The script it stands in.
    pub at: &'a ScriptAt,
    /// The command.
    pub simple: &'a Simple,
    /// What it does.
    pub call: PackageCall<'a>,
}

impl Facts {
    /// Works them out.
    pub(crate) fn of(subject: &ImageSubject) -> Self {
        let dockerfile = &subject.dockerfile;
        let args = subject.build_args();
        let platform = &subject.platforms[0];
        let graph = resolve(
            dockerfile,
            &GraphQuery {
                args: &args,
                stage: subject.stage.as_deref(),
                platform,
                bases: &|reference| base_config(subject, reference),
            },
        );
        let finals = graph.final_stages();
        let mut found = Vec::new();
        for (stage, node) in dockerfile.stages.iter().enumerate() {
            for index in node.instructions.clone() {
                let instruction = &dockerfile.instructions[index];
                let state = &graph.stages[stage].before[index - node.instructions.start];
                for script in scripts(dockerfile, instruction, Some(state)) {
                    found.push(ScriptAt {
                        instruction: index,
                        stage,
                        is_run: instruction.keyword == "RUN",
                        script,
                    });
                }
            }
        }
        Self {
            graph,
            scripts: found,
            finals,
        }
    }

    /// Returns the scripts of RUN.
    pub fn runs(&self) -> impl Iterator<Item = &ScriptAt> {
        self.scripts.iter().filter(|it| it.is_run)
    }

    /// Returns all calls in RUN.
    pub fn calls(&self) -> impl Iterator<Item = CallAt<'_>> {
        self.runs().flat_map(|at| {
            at.script.commands.iter().filter_map(move |simple| {
                let call = simple.call()?;
                Some(CallAt { at, simple, call })
            })
        })
    }

    /// Returns all calls of package managers in RUN.
    pub fn packages(&self) -> impl Iterator<Item = PackagesAt<'_>> {
        self.runs().flat_map(|at| {
            at.script.commands.iter().filter_map(move |simple| {
                let call = package_call(simple)?;
                Some(PackagesAt { at, simple, call })
            })
        })
    }

    /// Whether the layers of a stage are in the image that is built.
    pub fn is_final(&self, stage: usize) -> bool {
        self.finals.contains(&stage)
    }

    /// Returns what is in force before an instruction.
    pub fn before(&self, dockerfile: &Dockerfile, instruction: usize) -> Option<&State> {
        self.graph.before(dockerfile, instruction)
    }

    /// Returns what is in force at the end of the image that is built.
    pub fn end(&self) -> Option<&State> {
        Some(&self.graph.stages[self.graph.target?].end)
    }

    /// Returns the reference of the image that a stage goes back to; `None` for scratch and what is not known.
    pub fn root_image(&self, stage: usize) -> Option<ImageReference> {
        match self.graph.root(stage) {
            StageBase::Image(reference) => ImageReference::parse(reference).ok(),
            _ => None,
        }
    }

    /// Returns the instructions of a stage and of those it starts from, in the order in which they are carried out.
    pub fn history(&self, dockerfile: &Dockerfile, stage: usize) -> Vec<usize> {
        let mut line = self.graph.lineage(stage);
        line.reverse();
        let ranges = line.into_iter();
        ranges
            .flat_map(|it| dockerfile.stages[it].instructions.clone())
            .collect()
    }
}

fn base_config(subject: &ImageSubject, reference: &str) -> BaseConfig {
    let Ok(image) = ImageReference::parse(reference) else {
        return BaseConfig::default();
    };
    let mut config = known_config(&image);
    if let Some(locked) = subject.locked.get(&image.to_string())
        && let Some(user) = &locked.user
    {
        config.user = Some(user.clone());
        config.entrypoint = Some(locked.entrypoint.clone());
    }
    config
}

/// Returns the folders that mounts of a kind hide from the layer (`cache`, `tmpfs`).
pub(crate) fn mounted(
    dockerfile: &Dockerfile,
    instruction: &Instruction,
    kinds: &[&str],
) -> Vec<String> {
    let mounts = instruction.flags.iter().filter(|it| it.name == "mount");
    mounts
        .filter_map(|flag| {
            let fields = mount_fields(dockerfile, flag);
            let field = |names: &[&str]| {
                let found = fields.iter().find(|(key, _)| names.contains(&key.as_str()));
                found.map(|(_, value)| value.text.clone())
            };
            let kind = field(&["type"]).unwrap_or_else(|| "bind".to_owned());
            let target = field(&["target", "dst", "destination"])?;
            kinds.contains(&kind.as_str()).then_some(target)
        })
        .collect()
}

/// Whether a mount of a cache or of memory covers a folder.
pub(crate) fn is_cached(dockerfile: &Dockerfile, instruction: &Instruction, folder: &str) -> bool {
    let mounted = mounted(dockerfile, instruction, &["cache", "tmpfs"]);
    mounted.iter().any(|it| {
        let it = it.trim_end_matches('/');
        folder == it
            || folder.starts_with(&format!("{it}/"))
            || it.starts_with(&format!("{folder}/"))
    })
}

/// Returns the place behind the last word of a shell text where ` && command` can be added; `None` where that could change what it
/// does.
pub(crate) fn end_of_run(dockerfile: &Dockerfile, at: &ScriptAt) -> Option<usize> {
    let instruction = &dockerfile.instructions[at.instruction];
    let last = at.script.commands.iter().rfind(|it| it.within.is_empty())?;
    let plain = at.script.complete
        && instruction.heredocs.is_empty()
        && instruction.command()?.exec().is_none()
        && last.span.end == instruction.span.end
        && last.join != windlass_core::shell::Join::Or;
    plain.then_some(last.span.end)
}

/// Whether a text ends in one of these, in this case.
pub(crate) fn ends_in(text: &str, ends: &[&str]) -> bool {
    ends.iter().any(|end| text.ends_with(end))
}
