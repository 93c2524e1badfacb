//! The arguments of each instruction, read in its own form (BuildKit `parser/line_parsers.go`, `instructions/parse.go`).

use std::ops::Range;

use crate::diag::{Code, Diagnostic};

use super::lines::{is_blank, split_instruction};
use super::words::{Word, split_words};
use super::{Dockerfile, Instruction};

/// What an instruction says, in the form of its kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// FROM: see [`super::Stage`].
    From,
    /// ARG, ENV and LABEL.
    Assignments(Vec<Assignment>),
    /// RUN, CMD, ENTRYPOINT and SHELL.
    Command(Command),
    /// COPY and ADD.
    Transfer(Transfer),
    /// HEALTHCHECK; `None` for `HEALTHCHECK NONE`.
    Healthcheck(Option<Command>),
    /// ONBUILD with the instruction that waits.
    Onbuild(Box<Instruction>),
    /// EXPOSE and VOLUME.
    Words(Vec<Word>),
    /// USER, WORKDIR, STOPSIGNAL and MAINTAINER: all of the arguments, quotes included.
    Text(Word),
    /// No instruction, or one whose arguments the builder refuses.
    Unknown,
}

/// `NAME=value` of ARG, ENV or LABEL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assignment {
    /// The name.
    pub name: Word,
    /// The value as written, quotes and variables included; `None` where there is no `=` (an ARG without a default).
    pub value: Option<Word>,
    /// Whether it is the old form `ENV NAME value`.
    pub legacy: bool,
}

/// A command in one of its two forms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The form.
    pub form: Form,
    /// All of it as written, continuations joined.
    pub text: Word,
}

/// The forms of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// A JSON array of strings; the words have their text decoded and the place between the quotes.
    Exec(Vec<Word>),
    /// A text for the shell.
    Shell,
    /// A text that starts with `[` and is no JSON: the builder hands it to the shell without a word.
    Broken,
}

/// The files of COPY or ADD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// The sources in order; a heredoc is the word that opens it.
    pub sources: Vec<Word>,
    /// Where they go.
    pub target: Word,
    /// Whether it is the JSON form.
    pub json: bool,
}

impl Command {
    /// Returns the words of the exec form.
    pub fn exec(&self) -> Option<&[Word]> {
        match &self.form {
            Form::Exec(words) => Some(words),
            Form::Shell | Form::Broken => None,
        }
    }
}

impl Instruction {
    /// Returns the command of RUN, CMD, ENTRYPOINT, SHELL or HEALTHCHECK.
    pub fn command(&self) -> Option<&Command> {
        match &self.body {
            Body::Command(command) | Body::Healthcheck(Some(command)) => Some(command),
            _ => None,
        }
    }

    /// Returns what the text of its command is joined of: offset in the text, offset in the source.
    pub fn pieces_of(&self, command: &Command) -> Vec<(usize, usize)> {
        let length = self.arguments.len() - command.text.text.len().min(self.arguments.len());
        self.line.pieces_from(self.arguments_at + length)
    }

    /// Returns the assignments of ARG, ENV or LABEL, nothing for the others.
    pub fn assignments(&self) -> &[Assignment] {
        match &self.body {
            Body::Assignments(found) => found,
            _ => &[],
        }
    }

    /// Returns the files of COPY or ADD.
    pub fn transfer(&self) -> Option<&Transfer> {
        match &self.body {
            Body::Transfer(transfer) => Some(transfer),
            _ => None,
        }
    }

    /// Whether the builder looks for heredocs in it: RUN, COPY and ADD, also behind ONBUILD, not in the JSON form.
    pub(super) fn can_open_heredocs(&self) -> bool {
        let (keyword, arguments) = if self.keyword == "ONBUILD" {
            let text = self.arguments.trim_start();
            let length = text.find(is_blank).unwrap_or(text.len());
            (text[..length].to_uppercase(), &text[length..])
        } else {
            (self.keyword.clone(), self.arguments.as_str())
        };
        matches!(keyword.as_str(), "RUN" | "COPY" | "ADD")
            && !matches!(json_words(arguments), Json::Words(_))
    }
}

/// Reads the arguments of the instruction at `index`, and says what the builder would refuse.
pub(super) fn read_body(
    dockerfile: &Dockerfile,
    instruction: &Instruction,
    problems: &mut Vec<Diagnostic>,
) -> Body {
    let mut reader = Reader {
        dockerfile,
        instruction,
        problems,
    };
    reader.body()
}

struct Reader<'a> {
    dockerfile: &'a Dockerfile,
    instruction: &'a Instruction,
    problems: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn body(&mut self) -> Body {
        let text = self.instruction.arguments.as_str();
        match self.instruction.keyword.as_str() {
            "FROM" => Body::From,
            "ARG" => self.arg(),
            "ENV" | "LABEL" => self.pairs(),
            "RUN" | "CMD" | "ENTRYPOINT" => Body::Command(self.command(0)),
            "SHELL" => self.shell(),
            "COPY" | "ADD" => self.transfer(),
            "HEALTHCHECK" => self.healthcheck(),
            "ONBUILD" => self.onbuild(),
            "EXPOSE" => Body::Words(self.instruction.words()),
            "VOLUME" => self.volume(),
            "USER" | "WORKDIR" | "STOPSIGNAL" | "MAINTAINER" if text.is_empty() => {
                let keyword = &self.instruction.keyword;
                self.refuse(
                    &self.instruction.span.clone(),
                    format!("{keyword} takes one argument"),
                    "write the value behind it",
                )
            }
            "USER" | "WORKDIR" | "STOPSIGNAL" | "MAINTAINER" => {
                Body::Text(self.instruction.word(0..text.len()))
            }
            _ => Body::Unknown,
        }
    }

    fn refuse(&mut self, span: &Range<usize>, message: String, help: &str) -> Body {
        self.problems.push(
            Diagnostic::error(Code::DockerfileSyntax, message)
                .at(&self.dockerfile.location(span), "the builder refuses this")
                .help(help),
        );
        Body::Unknown
    }

    fn words(&self) -> Vec<Word> {
        let found = split_words(&self.instruction.arguments, self.dockerfile.escape);
        let words = found.into_iter().map(|it| self.instruction.word(it));
        words.collect()
    }

    fn arg(&mut self) -> Body {
        let words = self.words();
        if words.is_empty() {
            return self.refuse(
                &self.instruction.span.clone(),
                "ARG names no argument".to_owned(),
                "write: ARG NAME=default",
            );
        }
        let found = split_words(&self.instruction.arguments, self.dockerfile.escape);
        let assignments = found.into_iter().map(|it| self.assignment(it));
        Body::Assignments(assignments.collect())
    }

    /// Splits a word at its first `=`.
    fn assignment(&self, range: Range<usize>) -> Assignment {
        let text = &self.instruction.arguments[range.clone()];
        let at = text.find('=');
        let name_end = range.start + at.unwrap_or(text.len());
        Assignment {
            name: self.instruction.word(range.start..name_end),
            value: at.map(|_| self.instruction.word(name_end + 1..range.end)),
            legacy: false,
        }
    }

    fn pairs(&mut self) -> Body {
        let text = self.instruction.arguments.as_str();
        let keyword = &self.instruction.keyword;
        let found = split_words(text, self.dockerfile.escape);
        let Some(first) = found.first().cloned() else {
            return self.refuse(
                &self.instruction.span.clone(),
                format!("{keyword} names nothing"),
                "write: NAME=value",
            );
        };
        if !text[first.clone()].contains('=') {
            return self.legacy_pair(text);
        }
        let mut assignments = Vec::new();
        for range in found {
            let assignment = self.assignment(range);
            if assignment.value.is_none() || assignment.name.text.is_empty() {
                self.refuse(
                    &assignment.name.span,
                    format!(
                        "`{}` in {keyword} is no NAME=value",
                        self.dockerfile.source.text[assignment.name.span.clone()].trim()
                    ),
                    "put a value with blanks in quotes: NAME=\"a b\"",
                );
            } else {
                assignments.push(assignment);
            }
        }
        Body::Assignments(assignments)
    }

    /// Reads `ENV NAME value`, where all behind the first blank is the value.
    fn legacy_pair(&mut self, text: &str) -> Body {
        let length = text.find(is_blank).unwrap_or(text.len());
        let rest = text[length..].trim_start_matches(is_blank);
        if rest.is_empty() {
            let keyword = &self.instruction.keyword;
            return self.refuse(
                &self.instruction.span.clone(),
                format!("{keyword} gives `{text}` no value"),
                "write: NAME=value",
            );
        }
        Body::Assignments(vec![Assignment {
            name: self.instruction.word(0..length),
            value: Some(self.instruction.word(text.len() - rest.len()..text.len())),
            legacy: true,
        }])
    }

    /// Reads the command that starts `at` bytes into the arguments.
    fn command(&mut self, at: usize) -> Command {
        let arguments = self.instruction.arguments.as_str();
        let text = self.instruction.word(at..arguments.len());
        let form = match json_words(&arguments[at..]) {
            Json::Words(words) => Form::Exec(self.located(words, at)),
            Json::NoStrings => {
                self.refuse(
                    &text.span,
                    "the exec form takes strings only".to_owned(),
                    "put every element in double quotes",
                );
                Form::Broken
            }
            Json::Broken => Form::Broken,
            Json::No => Form::Shell,
        };
        Command { form, text }
    }

    fn located(&self, words: Vec<(String, Range<usize>)>, at: usize) -> Vec<Word> {
        let place = |it: Range<usize>| self.instruction.word(it.start + at..it.end + at).span;
        let words = words.into_iter();
        words
            .map(|(text, range)| Word {
                text,
                span: place(range),
            })
            .collect()
    }

    fn shell(&mut self) -> Body {
        let command = self.command(0);
        match command.exec() {
            Some([_, ..]) => Body::Command(command),
            _ => self.refuse(
                &self.instruction.span.clone(),
                "SHELL takes the exec form".to_owned(),
                "write: SHELL [\"/bin/sh\", \"-c\"]",
            ),
        }
    }

    fn transfer(&mut self) -> Body {
        let (words, json) = match json_words(&self.instruction.arguments) {
            Json::Words(words) => (self.located(words, 0), true),
            _ => (self.transferred_words(), false),
        };
        match words.split_last() {
            Some((target, sources)) if !sources.is_empty() => Body::Transfer(Transfer {
                sources: sources.to_vec(),
                target: target.clone(),
                json,
            }),
            _ => {
                let keyword = &self.instruction.keyword;
                self.refuse(
                    &self.instruction.span.clone(),
                    format!("{keyword} takes a source and a target"),
                    "write the source, a blank and the target",
                )
            }
        }
    }

    /// The words of COPY and ADD are split at blanks, whatever quotes they have.
    fn transferred_words(&self) -> Vec<Word> {
        self.instruction.words()
    }

    fn healthcheck(&mut self) -> Body {
        let text = self.instruction.arguments.as_str();
        let length = text.find(char::is_whitespace).unwrap_or(text.len());
        let rest = text[length..].trim_start();
        match (text[..length].to_uppercase().as_str(), rest) {
            ("NONE", "") => Body::Healthcheck(None),
            ("CMD", rest) if !rest.is_empty() => {
                let command = self.command(text.len() - rest.len());
                Body::Healthcheck(Some(command))
            }
            _ => self.refuse(
                &self.instruction.span.clone(),
                "HEALTHCHECK takes NONE, or CMD and a command".to_owned(),
                "write: HEALTHCHECK CMD curl -f http://localhost/",
            ),
        }
    }

    fn volume(&mut self) -> Body {
        match json_words(&self.instruction.arguments) {
            Json::Words(words) => Body::Words(self.located(words, 0)),
            _ => Body::Words(self.instruction.words()),
        }
    }

    fn onbuild(&mut self) -> Body {
        let outer = self.instruction;
        let start = outer.arguments_at;
        let mut inner = split_instruction(outer.line.clone(), start, self.dockerfile.escape);
        inner.heredocs.clone_from(&outer.heredocs);
        let keyword = inner.keyword.clone();
        if matches!(keyword.as_str(), "" | "ONBUILD" | "FROM" | "MAINTAINER") {
            return self.refuse(
                &outer.span.clone(),
                format!("ONBUILD cannot hold `{keyword}`"),
                "it takes an instruction other than ONBUILD, FROM and MAINTAINER",
            );
        }
        if !super::KEYWORDS.contains(&keyword.as_str()) {
            return self.refuse(
                &inner.keyword_span,
                format!("`{keyword}` is no instruction"),
                "ONBUILD holds an instruction, such as: ONBUILD COPY . .",
            );
        }
        inner.body = read_body(self.dockerfile, &inner, self.problems);
        Body::Onbuild(Box::new(inner))
    }
}

/// What a text is, read as the exec form.
#[derive(Debug, PartialEq, Eq)]
enum Json {
    /// An array of strings: decoded, each with the place between its quotes.
    Words(Vec<(String, Range<usize>)>),
    /// An array of something else, which the builder refuses.
    NoStrings,
    /// Starts like an array and is no JSON.
    Broken,
    /// Does not start like an array.
    No,
}

fn json_words(text: &str) -> Json {
    let trimmed = text.trim_start();
    if !trimmed.starts_with('[') {
        return Json::No;
    }
    let Ok(values) = serde_json::from_str::<Vec<serde_json::Value>>(trimmed) else {
        return Json::Broken;
    };
    let places = json_strings(text);
    let mut words = Vec::new();
    for (index, value) in values.into_iter().enumerate() {
        match (value, places.get(index)) {
            (serde_json::Value::String(word), Some(place)) => words.push((word, place.clone())),
            _ => return Json::NoStrings,
        }
    }
    Json::Words(words)
}

/// Returns where the strings of a JSON text stand, without their quotes.
fn json_strings(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut open = None;
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match (open, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(start), b'"') => {
                found.push(start..at);
                open = None;
            }
            (None, b'"') => open = Some(at + 1),
            _ => {}
        }
    }
    found
}
