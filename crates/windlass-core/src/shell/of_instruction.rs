//! The shell texts of an instruction: the shell form, heredocs, and `sh -c` in either form.

use crate::dockerfile::graph::State;
use crate::dockerfile::{Command, Dockerfile, Heredoc, Instruction};

use super::{Join, Script, ShellWord, Simple, Text, Within, read};

/// What runs a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The name of the program without its folder, such as `bash`.
    pub name: String,
    /// Whether it reads the language of `sh`; a script of any other is not read.
    pub posix: bool,
    /// Whether it is known; the SHELL of an unknown base is taken for `sh`.
    pub known: bool,
    /// Whether it is started with `-o pipefail`.
    pub pipefail: bool,
}

impl Default for Interpreter {
    fn default() -> Self {
        Self::of(&["/bin/sh".to_owned(), "-c".to_owned()], true)
    }
}

impl Interpreter {
    /// Reads the words of a SHELL or of a shebang.
    fn of(words: &[String], known: bool) -> Self {
        let mut words = words;
        while let [first, rest @ ..] = words {
            let passed = first.ends_with("/env") || first == "-S" || first.contains('=');
            if !passed || rest.is_empty() {
                break;
            }
            words = rest;
        }
        let program = words.first().map_or("sh", String::as_str);
        let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
        let name = name.trim_end_matches(".exe").to_ascii_lowercase();
        let options = &words[words.len().min(1)..];
        Self {
            posix: matches!(
                name.as_str(),
                "sh" | "bash" | "ash" | "dash" | "ksh" | "zsh" | "mksh" | "busybox"
            ),
            known,
            pipefail: options.iter().any(|it| it == "pipefail"),
            name,
        }
    }
}

/// Returns the scripts of RUN, CMD, ENTRYPOINT or HEALTHCHECK; `state` is what is in force before it.
///
/// The shell form gives one; a RUN that is nothing but heredocs gives theirs; the exec form gives the command as one simple
/// command, and the text behind `sh -c` if it has one. A script that is not for a POSIX shell has no commands.
pub fn scripts(
    dockerfile: &Dockerfile,
    instruction: &Instruction,
    state: Option<&State>,
) -> Vec<Script> {
    let Some(command) = instruction.command() else {
        return Vec::new();
    };
    let mut found = match command.exec() {
        Some(_) => vec![exec(command)],
        None => shell_form(dockerfile, instruction, command, state),
    };
    let nested: Vec<Script> = found.iter().flat_map(nested).collect();
    found.extend(nested);
    found
}

fn shell_form(
    dockerfile: &Dockerfile,
    instruction: &Instruction,
    command: &Command,
    state: Option<&State>,
) -> Vec<Script> {
    let words = state.map(State::shell_words);
    let interpreter = match words {
        Some(Some(words)) => Interpreter::of(&words, true),
        Some(None) => Interpreter {
            known: false,
            ..Interpreter::default()
        },
        None => Interpreter::default(),
    };
    let body = |it: &Heredoc| Text::at(&dockerfile.source.text[it.span.clone()], it.span.start);
    if let Some(heredoc) = only_heredoc(instruction, command) {
        return vec![heredoc_script(&body(heredoc), interpreter)];
    }
    let bodies: Vec<(String, Text)> = instruction
        .heredocs
        .iter()
        .map(|it| (it.name.clone(), body(it)))
        .collect();
    let text = Text::new(command.text.text.clone(), instruction.pieces_of(command));
    vec![run_by(interpreter, &text, &bodies)]
}

/// Returns the heredoc of a RUN that is nothing but one: it is the script.
fn only_heredoc<'a>(instruction: &'a Instruction, command: &Command) -> Option<&'a Heredoc> {
    match instruction.heredocs.as_slice() {
        [heredoc] if heredoc.end.is_some() && heredoc.opener == command.text.span => Some(heredoc),
        _ => None,
    }
}

fn heredoc_script(body: &Text, interpreter: Interpreter) -> Script {
    let first = body.as_str().lines().next().unwrap_or_default();
    let interpreter = match first.strip_prefix("#!") {
        Some(shebang) => {
            let words: Vec<String> = shebang.split_whitespace().map(str::to_owned).collect();
            Interpreter::of(&words, true)
        }
        None => interpreter,
    };
    run_by(interpreter, body, &[])
}

fn run_by(interpreter: Interpreter, text: &Text, bodies: &[(String, Text)]) -> Script {
    let mut script = if interpreter.posix {
        read(text, bodies)
    } else {
        read(&Text::at("", text.locate(0..0).start), &[])
    };
    script.span = text.locate(0..text.as_str().len());
    if interpreter.pipefail {
        for command in &mut script.commands {
            command.pipefail = true;
        }
        for pipe in &mut script.pipes {
            pipe.pipefail = true;
        }
    }
    script.interpreter = interpreter;
    script
}

/// Makes one simple command of the exec form.
fn exec(command: &Command) -> Script {
    let words = command.exec().unwrap_or_default().iter().map(|it| {
        let escaped = it.span.len() != it.text.len();
        ShellWord {
            text: it.text.clone(),
            span: it.span.clone(),
            variables: Vec::new(),
            substitutes: false,
            quoted: true,
            pieces: if escaped {
                scattered(&it.text, it.span.start)
            } else {
                vec![(0, it.span.start)]
            },
        }
    });
    Script {
        interpreter: Interpreter {
            name: String::new(),
            posix: false,
            known: true,
            pipefail: false,
        },
        commands: vec![Simple {
            words: words.collect(),
            assignments: Vec::new(),
            redirects: Vec::new(),
            join: Join::First,
            within: Vec::new(),
            list: 0,
            pipefail: false,
            span: command.text.span.clone(),
        }],
        pipes: Vec::new(),
        functions: Vec::new(),
        complete: true,
        span: command.text.span.clone(),
    }
}

/// A string with escapes stands at its beginning: good enough to name the line.
fn scattered(text: &str, start: usize) -> Vec<(usize, usize)> {
    text.char_indices().map(|(at, _)| (at, start)).collect()
}

/// Returns the texts that the commands of a script hand to a shell: `sh -c "..."`, and heredocs and files for `sh`.
fn nested(script: &Script) -> Vec<Script> {
    let mut found = Vec::new();
    for simple in &script.commands {
        let Some(call) = simple.call() else { continue };
        let name = [call.name.to_owned()];
        if !Interpreter::of(&name, true).posix {
            continue;
        }
        let options: Vec<String> = name
            .into_iter()
            .chain(call.arguments.iter().map(|it| it.text.clone()))
            .take_while(|it| !it.contains(char::is_whitespace))
            .collect();
        let interpreter = Interpreter::of(&options, true);
        let at = call
            .arguments
            .iter()
            .position(|it| is_command_option(&it.text));
        let text = at.and_then(|at| call.arguments.get(at + 1));
        let heredoc = simple.redirects.iter().find_map(|it| it.body.as_ref());
        let text = match (text, heredoc) {
            (Some(word), _) => word.as_text(),
            (None, Some(body)) => body.clone(),
            (None, None) => continue,
        };
        let mut inner = run_by(interpreter, &text, &[]);
        for command in &mut inner.commands {
            command.within.insert(0, Within::Nested);
            let outer = simple.within.iter().copied();
            command.within.splice(0..0, outer);
        }
        found.push(inner);
    }
    found
}

fn is_command_option(text: &str) -> bool {
    text.strip_prefix('-').is_some_and(|options| {
        options.ends_with('c') && options.chars().all(|c| c.is_ascii_alphabetic())
    })
}
