//! What a simple command really calls: programs that only start another are looked through.

use super::{ShellWord, Simple};

/// A program with its arguments.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// The name of the program without its folder.
    pub name: &'a str,
    /// The word that names it.
    pub word: &'a ShellWord,
    /// Its arguments.
    pub arguments: &'a [ShellWord],
    /// What started it, outermost first.
    pub wrappers: Vec<Wrapper<'a>>,
    /// Variables that are set for it only: name and value.
    pub environment: Vec<(&'a str, &'a str)>,
}

/// A program that only starts another, such as `sudo`.
#[derive(Debug, Clone, Copy)]
pub struct Wrapper<'a> {
    /// The name of the program.
    pub name: &'a str,
    /// The word that names it.
    pub word: &'a ShellWord,
}

/// A wrapper: its name, its options that take a value, how many words stand before the program.
const WRAPPERS: &[(&str, &[&str], usize)] = &[
    (
        "sudo",
        &[
            "-u", "-g", "-h", "-p", "-C", "-r", "-t", "--user", "--group",
        ],
        0,
    ),
    ("doas", &["-u", "-C"], 0),
    ("env", &["-u", "-C", "--unset", "--chdir"], 0),
    ("exec", &["-a"], 0),
    ("command", &[], 0),
    ("builtin", &[], 0),
    ("nohup", &[], 0),
    ("time", &["-f", "-o"], 0),
    ("nice", &["-n"], 0),
    ("ionice", &["-c", "-n", "-p"], 0),
    ("setsid", &[], 0),
    ("stdbuf", &["-i", "-o", "-e"], 0),
    ("timeout", &["-k", "-s", "--signal", "--kill-after"], 1),
    ("gosu", &[], 1),
    ("su-exec", &[], 1),
    ("eatmydata", &[], 0),
    ("busybox", &[], 0),
    (
        "xargs",
        &["-I", "-n", "-P", "-L", "-d", "-E", "-s", "-a"],
        0,
    ),
];

impl Simple {
    /// Returns the program that is called; `None` for assignments and redirections alone.
    pub fn call(&self) -> Option<Call<'_>> {
        let mut words = self.words.as_slice();
        let mut wrappers = Vec::new();
        let mut environment: Vec<(&str, &str)> = self
            .assignments
            .iter()
            .map(|it| (it.name.as_str(), it.value.text.as_str()))
            .collect();
        loop {
            let (word, arguments) = words.split_first()?;
            let name = base_name(&word.text);
            let wrapper = WRAPPERS.iter().find(|(it, _, _)| *it == name);
            let Some((_, valued, skipped)) = wrapper.filter(|_| wraps(name, arguments)) else {
                return Some(Call {
                    name,
                    word,
                    arguments,
                    wrappers,
                    environment,
                });
            };
            let rest = behind(arguments, valued, *skipped, &mut environment);
            if rest.is_empty() {
                return Some(Call {
                    name,
                    word,
                    arguments,
                    wrappers,
                    environment,
                });
            }
            wrappers.push(Wrapper { name, word });
            words = rest;
        }
    }
}

/// `command -v x` asks for a program and does not call it.
fn wraps(name: &str, arguments: &[ShellWord]) -> bool {
    let first = arguments.first().map_or("", |it| it.text.as_str());
    !(name == "command" && matches!(first, "-v" | "-V"))
}

fn base_name(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// Returns the words behind a wrapper's own.
fn behind<'a>(
    words: &'a [ShellWord],
    valued: &[&str],
    skipped: usize,
    environment: &mut Vec<(&'a str, &'a str)>,
) -> &'a [ShellWord] {
    let mut at = 0;
    let mut skipped = skipped;
    while let Some(word) = words.get(at) {
        let text = word.text.as_str();
        if text == "--" {
            at += 1;
            break;
        }
        if text.starts_with('-') && text.len() > 1 {
            at += 1 + usize::from(valued.contains(&text));
        } else if let Some((name, value)) = assigned(text) {
            environment.push((name, value));
            at += 1;
        } else if skipped > 0 {
            skipped -= 1;
            at += 1;
        } else {
            break;
        }
    }
    words.get(at + skipped..).unwrap_or_default()
}

fn assigned(text: &str) -> Option<(&str, &str)> {
    let (name, value) = text.split_once('=')?;
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    good.then_some((name, value))
}

impl Call<'_> {
    /// Whether an argument is one of the flags: `-x`, `--long` or `--long=value`, also `x` among short ones (`-qxy`).
    pub fn has_flag(&self, flags: &[&str]) -> bool {
        self.flag(flags).is_some()
    }

    /// Returns the first argument that is one of the flags.
    pub fn flag(&self, flags: &[&str]) -> Option<&ShellWord> {
        self.arguments.iter().find(|it| is_flag(&it.text, flags))
    }

    /// Returns the value of a flag: `--long=value`, `--long value` or `-x value`, also behind other short ones (`-sSo value`).
    pub fn flag_value(&self, flags: &[&str]) -> Option<&str> {
        let mut words = self.arguments.iter();
        while let Some(word) = words.next() {
            if flags.iter().any(|it| takes_next(&word.text, it)) {
                return words.next().map(|it| it.text.as_str());
            }
            if let Some((name, value)) = word.text.split_once('=')
                && flags.contains(&name)
            {
                return Some(value);
            }
        }
        None
    }

    /// Returns the arguments that are no flags; what follows a flag counts unless the flag is among `valued`.
    pub fn operands(&self, valued: &[&str]) -> Vec<&ShellWord> {
        operands(self.arguments, valued)
    }
}

/// Whether a word is the flag, or short flags of which it is the last.
fn takes_next(word: &str, flag: &str) -> bool {
    let short = flag.len() == 2 && !word.starts_with("--") && word.starts_with('-');
    word == flag
        || short && word.ends_with(&flag[1..]) && word[1..].chars().all(|c| c.is_ascii_alphabetic())
}

pub(super) fn operands<'a>(words: &'a [ShellWord], valued: &[&str]) -> Vec<&'a ShellWord> {
    let mut found = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.text.as_str();
        if text == "--" {
            found.extend(words);
            return found;
        }
        if text.starts_with('-') && text.len() > 1 {
            if valued.contains(&text) {
                words.next();
            }
        } else {
            found.push(word);
        }
    }
    found
}

pub(super) fn is_flag(text: &str, flags: &[&str]) -> bool {
    flags.iter().any(|flag| {
        if flag.starts_with("--") {
            return text == *flag
                || text
                    .strip_prefix(flag)
                    .is_some_and(|rest| rest.starts_with('='));
        }
        let short = flag.trim_start_matches('-');
        text == *flag
            || (short.chars().count() == 1
                && !text.starts_with("--")
                && text.starts_with('-')
                && text[1..].chars().all(|c| c.is_ascii_alphabetic())
                && text[1..].contains(short))
    })
}
