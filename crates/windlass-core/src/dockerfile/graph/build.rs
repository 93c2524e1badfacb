//! Walks the stages in order and keeps what is in force.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::super::bases::{is_build_arg, platform_args};
use super::super::words::expand;
use super::super::{Assignment, Body, Command, Dockerfile, Instruction, Word};
use super::links::{LinkTarget, links};
use super::{
    BaseConfig, Graph, GraphQuery, Origin, Placed, Process, Setting, StageBase, StageGraph, State,
    Value, Variable,
};

type Variables = BTreeMap<String, Variable>;

/// Expands a word; what it lacks, also through the values that it takes, is in [`Value::missing`].
pub(super) fn expand_with(word: &str, escape: char, variables: &Variables) -> Value {
    let missing = RefCell::new(Vec::new());
    let lookup = |name: &str| {
        let value = variables.get(name).and_then(|it| it.value.as_ref())?;
        missing.borrow_mut().extend(value.missing.iter().cloned());
        Some(value.text.clone())
    };
    let expanded = expand(word, escape, &lookup);
    match expanded {
        Ok(expanded) => {
            let mut missing = missing.into_inner();
            missing.extend(expanded.undefined);
            missing.sort();
            missing.dedup();
            Value {
                text: expanded.text,
                missing,
                problem: None,
            }
        }
        Err(problem) => Value {
            text: word.to_owned(),
            missing: Vec::new(),
            problem: Some(problem),
        },
    }
}

pub(super) fn resolve(dockerfile: &Dockerfile, query: &GraphQuery<'_>) -> Graph {
    let globals = globals(dockerfile, query);
    let mut stages: Vec<StageGraph> = Vec::new();
    for index in 0..dockerfile.stages.len() {
        let stage = Walk {
            dockerfile,
            query,
            globals: &globals,
            done: &stages,
            index,
        }
        .run();
        stages.push(stage);
    }
    let target = target(dockerfile, query);
    let mut graph = Graph {
        globals,
        stages,
        target,
    };
    mark_reached(&mut graph);
    graph
}

fn target(dockerfile: &Dockerfile, query: &GraphQuery<'_>) -> Option<usize> {
    let count = dockerfile.stages.len();
    let Some(wanted) = query.stage else {
        return count.checked_sub(1);
    };
    let numbered = wanted.parse().ok().filter(|&index: &usize| index < count);
    dockerfile.stage_named(wanted, count).or(numbered)
}

fn mark_reached(graph: &mut Graph) {
    let mut open: Vec<usize> = graph.target.into_iter().collect();
    while let Some(index) = open.pop() {
        let stage = &mut graph.stages[index];
        if std::mem::replace(&mut stage.reached, true) {
            continue;
        }
        if let StageBase::Stage(parent) = stage.base {
            open.push(parent);
        }
        for link in &stage.links {
            if let LinkTarget::Stage(source) = link.target {
                open.push(source);
            }
        }
    }
}

fn globals(dockerfile: &Dockerfile, query: &GraphQuery<'_>) -> Variables {
    let mut globals: Variables = platform_args(query.args, query.platform, query.stage)
        .into_iter()
        .map(|(name, value)| {
            let variable = Variable {
                value: Some(Value::fixed(value)),
                origin: Origin::Platform,
            };
            (name, variable)
        })
        .collect();
    let first = dockerfile.stages.first();
    let end = first.map_or(dockerfile.instructions.len(), |it| it.instructions.start);
    for (index, instruction) in dockerfile.instructions[..end].iter().enumerate() {
        if instruction.keyword != "ARG" {
            continue;
        }
        for assignment in instruction.assignments() {
            declare(dockerfile, query, &mut globals, None, index, assignment);
        }
    }
    globals
}

/// Carries out one name of an ARG.
fn declare(
    dockerfile: &Dockerfile,
    query: &GraphQuery<'_>,
    variables: &mut Variables,
    globals: Option<&Variables>,
    instruction: usize,
    assignment: &Assignment,
) {
    let name = expand_with(&assignment.name.text, dockerfile.escape, variables).text;
    let given = query.args.get(&name);
    let value = match (given, &assignment.value) {
        (Some(value), _) => Some(Value::fixed(value.clone())),
        (None, Some(default)) => Some(expand_with(&default.text, dockerfile.escape, variables)),
        (None, None) => {
            let from = globals.unwrap_or(variables).get(&name);
            from.and_then(|it| it.value.clone())
        }
    };
    let known = variables.get(&name).is_some_and(|it| it.value.is_some());
    // An ARG without a value leaves a variable of that name as it is.
    if value.is_none() && known {
        return;
    }
    let origin = Origin::Arg {
        instruction,
        given: given.is_some(),
    };
    variables.insert(name, Variable { value, origin });
}

struct Walk<'a> {
    dockerfile: &'a Dockerfile,
    query: &'a GraphQuery<'a>,
    globals: &'a Variables,
    done: &'a [StageGraph],
    index: usize,
}

impl Walk<'_> {
    fn run(&self) -> StageGraph {
        let node = &self.dockerfile.stages[self.index];
        let base = self.base();
        let platform = node.platform.as_ref().map(|it| self.platform(it));
        let mut state = self.start(&base);
        let mut before = vec![state.clone()];
        for index in node.instructions.clone().skip(1) {
            before.push(state.clone());
            self.step(&mut state, index, &self.dockerfile.instructions[index]);
        }
        StageGraph {
            base,
            platform,
            before,
            end: state,
            links: links(self.dockerfile, self.index),
            reached: false,
        }
    }

    fn base(&self) -> StageBase {
        let base = &self.dockerfile.stages[self.index].base;
        let value = expand_with(&base.text, self.dockerfile.escape, self.globals);
        if !value.is_fixed() || value.text.is_empty() {
            return StageBase::Unknown(value);
        }
        match self.dockerfile.stage_named(&value.text, self.index) {
            Some(parent) => StageBase::Stage(parent),
            None if value.text == "scratch" => StageBase::Scratch,
            None => StageBase::Image(value.text),
        }
    }

    fn platform(&self, word: &Word) -> Value {
        let mut variables = self.globals.clone();
        for name in ["BUILDPLATFORM", "BUILDOS", "BUILDARCH", "BUILDVARIANT"] {
            if is_build_arg(name) {
                variables.entry(name.to_owned()).or_insert(Variable {
                    value: Some(Value::fixed(format!("${name}"))),
                    origin: Origin::Platform,
                });
            }
        }
        expand_with(&word.text, self.dockerfile.escape, &variables)
    }

    fn start(&self, base: &StageBase) -> State {
        match base {
            StageBase::Stage(parent) => self.done[*parent].end.clone(),
            StageBase::Scratch => from_config(&BaseConfig::empty()),
            StageBase::Image(reference) => from_config(&(self.query.bases)(reference)),
            StageBase::Unknown(_) => from_config(&BaseConfig::default()),
        }
    }

    fn step(&self, state: &mut State, index: usize, instruction: &Instruction) {
        let expand = |state: &State, text: &str| state.expand(text, self.dockerfile.escape);
        match (instruction.keyword.as_str(), &instruction.body) {
            ("ARG", Body::Assignments(found)) => {
                let variables = Arc::make_mut(&mut state.variables);
                for assignment in found {
                    let globals = Some(self.globals);
                    declare(
                        self.dockerfile,
                        self.query,
                        variables,
                        globals,
                        index,
                        assignment,
                    );
                }
            }
            ("ENV", Body::Assignments(found)) => self.environment(state, index, found),
            ("LABEL", Body::Assignments(found)) => {
                for assignment in found {
                    let name = expand(state, &assignment.name.text).text;
                    let value = assignment.value.as_ref();
                    let value = value.map_or_else(Value::default, |it| expand(state, &it.text));
                    Arc::make_mut(&mut state.labels).insert(name, value);
                }
            }
            ("USER", Body::Text(word)) => {
                state.user = set(index, word, expand(state, &word.text));
            }
            ("STOPSIGNAL", Body::Text(word)) => {
                state.stop_signal = set(index, word, expand(state, &word.text));
            }
            ("WORKDIR", Body::Text(word)) => {
                let value = join(&state.workdir, expand(state, &word.text));
                state.workdir = set(index, word, value);
            }
            ("SHELL", Body::Command(command)) => {
                let words = command.exec().unwrap_or_default();
                let words = words.iter().map(|it| it.text.clone()).collect();
                state.shell = set(index, &command.text, words);
            }
            ("CMD", Body::Command(command)) => {
                state.cmd = set(index, &command.text, process(command));
            }
            ("ENTRYPOINT", Body::Command(command)) => {
                state.entrypoint = set(index, &command.text, process(command));
                self.drop_inherited_cmd(state);
            }
            ("HEALTHCHECK", Body::Healthcheck(found)) => {
                let word = Word {
                    text: String::new(),
                    span: instruction.span.clone(),
                };
                state.healthcheck = set(index, &word, found.is_some());
            }
            _ => {}
        }
    }

    /// A CMD of the base goes when the entry point is set, one of this stage stays.
    fn drop_inherited_cmd(&self, state: &mut State) {
        let own = &self.dockerfile.stages[self.index].instructions;
        let kept = state.cmd.placed();
        if !kept.is_some_and(|it| own.contains(&it.instruction)) {
            state.cmd = Setting::Unset;
        }
    }

    /// All values of one ENV see the variables from before it.
    fn environment(&self, state: &mut State, instruction: usize, found: &[Assignment]) {
        let escape = self.dockerfile.escape;
        let values: Vec<(String, Value)> = found
            .iter()
            .map(|it| {
                let name = state.expand(&it.name.text, escape).text;
                let value = it.value.as_ref().map(|it| state.expand(&it.text, escape));
                (name, value.unwrap_or_default())
            })
            .collect();
        let environment = Arc::make_mut(&mut state.environment);
        let variables = Arc::make_mut(&mut state.variables);
        for (name, value) in values {
            environment.insert(name.clone(), value.clone());
            let origin = Origin::Env { instruction };
            let value = Some(value);
            variables.insert(name, Variable { value, origin });
        }
    }
}

fn set<T>(instruction: usize, word: &Word, value: T) -> Setting<T> {
    Setting::Set(Placed {
        value,
        instruction,
        span: word.span.clone(),
    })
}

fn process(command: &Command) -> Process {
    match command.exec() {
        Some(words) => Process::Exec(words.iter().map(|it| it.text.clone()).collect()),
        None => Process::Shell(command.text.text.clone()),
    }
}

fn join(before: &Setting<Value>, value: Value) -> Value {
    if value.text.starts_with('/') || value.text.starts_with('$') || value.problem.is_some() {
        return value;
    }
    let (root, missing) = match before {
        Setting::Unset => ("/", Vec::new()),
        Setting::Unknown => return value,
        Setting::Base(it) | Setting::Set(Placed { value: it, .. }) => {
            (it.text.as_str(), it.missing.clone())
        }
    };
    let mut joined = value;
    joined.text = format!("{}/{}", root.trim_end_matches('/'), joined.text);
    joined.missing.extend(missing);
    joined
}

fn from_config(config: &BaseConfig) -> State {
    let text = |it: &Option<String>| match it.as_deref() {
        None => Setting::Unknown,
        Some("") => Setting::Unset,
        Some(text) => Setting::Base(Value::fixed(text)),
    };
    let words = |it: &Option<Vec<String>>| match it.as_deref() {
        None => Setting::Unknown,
        Some([]) => Setting::Unset,
        Some(words) => Setting::Base(words.to_vec()),
    };
    let process = |it: &Option<Vec<String>>| match words(it) {
        Setting::Base(words) => Setting::Base(Process::Exec(words)),
        Setting::Unknown => Setting::Unknown,
        _ => Setting::Unset,
    };
    let values = |it: &Option<BTreeMap<String, String>>| -> BTreeMap<String, Value> {
        let pairs = it.iter().flatten();
        pairs
            .map(|(name, value)| (name.clone(), Value::fixed(value.clone())))
            .collect()
    };
    let environment = values(&config.environment);
    let variables = environment.iter().map(|(name, value)| {
        let variable = Variable {
            value: Some(value.clone()),
            origin: Origin::Base,
        };
        (name.clone(), variable)
    });
    State {
        user: text(&config.user),
        workdir: text(&config.workdir),
        entrypoint: process(&config.entrypoint),
        cmd: process(&config.cmd),
        shell: words(&config.shell),
        healthcheck: match config.healthcheck {
            None => Setting::Unknown,
            Some(false) => Setting::Unset,
            Some(true) => Setting::Base(true),
        },
        stop_signal: text(&config.stop_signal),
        variables: Arc::new(variables.collect()),
        environment: Arc::new(environment),
        labels: Arc::new(values(&config.labels)),
        base_known: config.environment.is_some(),
    }
}

/// The inverse of [`from_config`]: what is in force at the end of a stage, as an image that is built from it finds it.
pub(super) fn to_config(state: &State) -> BaseConfig {
    let fixed = |it: &Value| it.is_fixed().then(|| it.text.clone());
    let text = |it: &Setting<Value>| match it {
        Setting::Unset => Some(String::new()),
        Setting::Unknown => None,
        Setting::Base(value) => fixed(value),
        Setting::Set(placed) => fixed(&placed.value),
    };
    let process = |it: &Setting<Process>| match (it, it.value()) {
        (Setting::Unset, _) => Some(Vec::new()),
        (_, Some(Process::Exec(words))) => Some(words.clone()),
        (_, Some(Process::Shell(text))) => {
            let mut words = state.shell_words()?;
            words.push(text.clone());
            Some(words)
        }
        (_, None) => None,
    };
    let values = |it: &BTreeMap<String, Value>| -> Option<BTreeMap<String, String>> {
        let pairs = it.iter();
        pairs
            .map(|(name, value)| Some((name.clone(), fixed(value)?)))
            .collect()
    };
    let all_known = state.base_known.then_some(&state.environment);
    BaseConfig {
        user: text(&state.user),
        entrypoint: process(&state.entrypoint),
        cmd: process(&state.cmd),
        workdir: text(&state.workdir).filter(|it| it.is_empty() || it.starts_with('/')),
        shell: match &state.shell {
            Setting::Unset => Some(Vec::new()),
            other => other.value().cloned(),
        },
        environment: all_known.and_then(|it| values(it)),
        labels: values(&state.labels),
        healthcheck: match &state.healthcheck {
            Setting::Unset => Some(false),
            other => other.value().copied(),
        },
        stop_signal: text(&state.stop_signal),
    }
}
