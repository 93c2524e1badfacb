//! What many rules ask about one Dockerfile, worked out once: the stage graph, the shell texts, what the base images are.

use std::collections::BTreeSet;

use windlass_core::dockerfile::graph::{
    BaseConfig, Graph, GraphQuery, Setting, StageBase, State, mount_fields, resolve,
};
use windlass_core::dockerfile::reference::ImageReference;
use windlass_core::dockerfile::{Dockerfile, Instruction};
use windlass_core::shell::{Action, Call, PackageCall, Script, Simple, package_call, scripts};

use crate::known::{drops_root, known_config};
use crate::subject::ImageSubject;

/// Programs with which an entrypoint leaves root.
const LEAVES_ROOT: [&str; 7] = [
    "gosu",
    "su-exec",
    "setpriv",
    "runuser",
    "chroot",
    "s6-setuidgid",
    "s6-overlay",
];

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

    /// Whether what the image starts leaves root by itself: its base does, or a program for that is there.
    pub(crate) fn leaves_root(&self, subject: &ImageSubject) -> bool {
        let Some(target) = self.graph.target else {
            return false;
        };
        let own_entrypoint = matches!(self.graph.stages[target].end.entrypoint, Setting::Set(_));
        if !own_entrypoint && self.base_leaves_root(subject, target) {
            return true;
        }
        let named = |text: &str| LEAVES_ROOT.contains(&text.rsplit('/').next().unwrap_or(text));
        let installed = self.packages().any(|it| {
            self.is_final(it.at.stage)
                && it.call.action == Action::Install
                && it.call.packages.iter().any(|it| named(&it.text))
        });
        let started = self
            .scripts
            .iter()
            .filter(|it| !it.is_run && self.is_final(it.stage));
        let mut words = started
            .flat_map(|it| &it.script.commands)
            .flat_map(|it| &it.words);
        installed || words.any(|it| named(&it.text))
    }

    /// Whether the image that is built starts from `scratch`, by way of images of the workspace too.
    pub(crate) fn is_on_scratch(&self, subject: &ImageSubject) -> bool {
        match self.graph.target.map(|it| self.graph.root(it)) {
            Some(StageBase::Scratch) => true,
            Some(StageBase::Image(name)) => {
                let needed = subject.handed_on.get(name);
                needed.is_some_and(|it| it.on_scratch)
            }
            _ => false,
        }
    }

    fn base_leaves_root(&self, subject: &ImageSubject, stage: usize) -> bool {
        let StageBase::Image(reference) = self.graph.root(stage) else {
            return false;
        };
        if subject.needs.contains_key(reference) {
            let needed = subject.handed_on.get(reference);
            return needed.is_some_and(|it| it.leaves_root);
        }
        self.root_image(stage).is_some_and(|it| drops_root(&it))
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
    if subject.needs.contains_key(reference) {
        let found = subject.handed_on.get(reference);
        return found.map_or_else(BaseConfig::default, |it| it.config.clone());
    }
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
