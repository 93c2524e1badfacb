//! Comments in Dockerfiles that switch rules off: ours, and those of other tools.
//!
//! Ours is `# windlass: allow RULE expires=2027-01-31 owner=".." reason=".."`, above an instruction, inside it, or above a FROM for its
//! whole stage. Those of other tools are read so that a project can move; they never reach a mandatory policy.

use std::ops::Range;

use windlass_core::dockerfile::{Dockerfile, Word};
use windlass_core::name::Day;

/// Which tool a comment speaks to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// windlass.
    Windlass,
    /// `# hadolint ignore=DL3006`
    Hadolint,
    /// `# check=skip=JSONArgsRecommended`
    BuildKit,
    /// `# checkov:skip=CKV_DOCKER_3: reason`
    Checkov,
    /// `# trivy:ignore:DS-0002`
    Trivy,
}

impl Tool {
    /// Returns its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Windlass => "windlass",
            Self::Hadolint => "hadolint",
            Self::BuildKit => "BuildKit",
            Self::Checkov => "checkov",
            Self::Trivy => "trivy",
        }
    }
}

/// A comment that switches rules off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pragma {
    /// Whom it speaks to.
    pub tool: Tool,
    /// The rules as written; `all` of BuildKit is `all`.
    pub rules: Vec<Word>,
    /// The bytes for which it holds; the whole file where `None`.
    pub scope: Option<Range<usize>>,
    /// The comment.
    pub span: Range<usize>,
    /// The last day it holds.
    pub expires: Option<Day>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// One of our comments that does not say what it has to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The comment.
    pub span: Range<usize>,
    /// What is wrong with it.
    pub why: String,
}

/// Reads the comments of a Dockerfile.
pub fn read_pragmas(dockerfile: &Dockerfile) -> (Vec<Pragma>, Vec<Malformed>) {
    let mut pragmas = Vec::new();
    let mut malformed = Vec::new();
    let text = &dockerfile.source.text;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let shown = line.trim();
        let Some(comment) = shown.strip_prefix('#') else {
            continue;
        };
        if is_in_heredoc(dockerfile, start) {
            continue;
        }
        let begin = start + line.find('#').unwrap_or_default();
        let span = begin..begin + shown.len();
        let reader = Comment {
            text: comment,
            at: span.start + 1,
            span: span.clone(),
        };
        let scope = scope_of(dockerfile, &span);
        match reader.read(scope) {
            Ok(Some(pragma)) => pragmas.push(pragma),
            Ok(None) => {}
            Err(why) => malformed.push(Malformed { span, why }),
        }
    }
    (pragmas, malformed)
}

fn is_in_heredoc(dockerfile: &Dockerfile, at: usize) -> bool {
    let mut heredocs = dockerfile.instructions.iter().flat_map(|it| &it.heredocs);
    heredocs.any(|it| it.span.contains(&at))
}

/// The instruction around or below a comment; the whole stage where that is a FROM.
fn scope_of(dockerfile: &Dockerfile, span: &Range<usize>) -> Range<usize> {
    let instructions = &dockerfile.instructions;
    let ends = |at: usize| {
        let it = &instructions[at];
        let heredocs = it.heredocs.iter().map(|it| it.span.end);
        heredocs.chain([it.span.end]).max().unwrap_or(it.span.end)
    };
    let found = (0..instructions.len()).find(|at| ends(*at) > span.start);
    let Some(at) = found else {
        return span.clone();
    };
    let stage = dockerfile
        .stages
        .iter()
        .find(|stage| stage.instructions.start == at);
    let last = stage.map_or(at, |stage| stage.instructions.end.max(at + 1) - 1);
    instructions[at].span.start..ends(last)
}

/// A comment without its `#`.
struct Comment<'a> {
    text: &'a str,
    at: usize,
    span: Range<usize>,
}

impl Comment<'_> {
    fn read(&self, scope: Range<usize>) -> Result<Option<Pragma>, String> {
        let text = self.text.trim_start();
        if let Some(rest) = text.strip_prefix("windlass:") {
            return self.ours(rest, scope).map(Some);
        }
        Ok(self.foreign(text, scope))
    }

    fn pragma(&self, tool: Tool, rules: Vec<Word>, scope: Option<Range<usize>>) -> Pragma {
        Pragma {
            tool,
            rules,
            scope,
            span: self.span.clone(),
            expires: None,
            owner: None,
            reason: None,
        }
    }

    /// Splits at commas; `rest` is a part of the comment.
    fn words(&self, rest: &str) -> Vec<Word> {
        let begin = rest.as_ptr() as usize - self.text.as_ptr() as usize;
        let mut at = self.at + begin;
        let mut words = Vec::new();
        for part in rest.split(',') {
            let word = part.trim();
            let start = at + (part.len() - part.trim_start().len());
            if !word.is_empty() {
                words.push(Word {
                    text: word.to_owned(),
                    span: start..start + word.len(),
                });
            }
            at += part.len() + 1;
        }
        words
    }

    fn ours(&self, rest: &str, scope: Range<usize>) -> Result<Pragma, String> {
        let rest = rest.trim_start();
        let rest = rest
            .strip_prefix("allow")
            .filter(|rest| rest.starts_with([' ', '\t']))
            .ok_or("`allow` and a rule follow `windlass:`")?
            .trim_start();
        let length = rest.find([' ', '\t']).unwrap_or(rest.len());
        let rules = self.words(&rest[..length]);
        if rules.is_empty() || rest[..length].contains('=') {
            return Err("`allow` names no rule".to_owned());
        }
        let mut pragma = self.pragma(Tool::Windlass, rules, Some(scope));
        for (key, value) in fields(&rest[length..])? {
            let taken = match key {
                "expires" => {
                    let day = Day::parse(&value).map_err(|why| why.to_string())?;
                    pragma.expires.replace(day).is_some()
                }
                "owner" => pragma.owner.replace(value).is_some(),
                "reason" => pragma.reason.replace(value).is_some(),
                other => {
                    return Err(format!(
                        "`{other}=` is not known: expires, owner and reason are"
                    ));
                }
            };
            if taken {
                return Err(format!("`{key}=` is given twice"));
            }
        }
        let filled = |it: &Option<String>| it.as_ref().is_some_and(|it| !it.trim().is_empty());
        if pragma.expires.is_none() {
            return Err("`expires=` is missing".to_owned());
        }
        if !filled(&pragma.owner) {
            return Err("`owner=` is missing".to_owned());
        }
        if !filled(&pragma.reason) {
            return Err("`reason=` is missing".to_owned());
        }
        Ok(pragma)
    }

    fn foreign(&self, text: &str, scope: Range<usize>) -> Option<Pragma> {
        if let Some(rest) = text.strip_prefix("hadolint") {
            let rest = rest.trim_start();
            let (scope, rest) = match rest.strip_prefix("global") {
                Some(rest) => (None, rest.trim_start()),
                None => (Some(scope), rest),
            };
            let rest = rest.strip_prefix("ignore")?.trim_start();
            let rest = rest.strip_prefix('=')?;
            // hadolint stops at the first space behind the list.
            let list = rest.trim_start();
            let end = list
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == ','))
                .unwrap_or(list.len());
            return Some(self.pragma(Tool::Hadolint, self.words(&list[..end]), scope));
        }
        if let Some(rest) = text.strip_prefix("check=") {
            let skip = rest
                .split(';')
                .find_map(|part| part.trim().strip_prefix("skip="))?;
            return Some(self.pragma(Tool::BuildKit, self.words(skip), None));
        }
        if let Some(rest) = text.strip_prefix("checkov:skip=") {
            let (rule, reason) = rest.split_once(':').unwrap_or((rest, ""));
            let mut pragma = self.pragma(Tool::Checkov, self.words(rule), None);
            pragma.reason = Some(reason.trim().to_owned()).filter(|it| !it.is_empty());
            return Some(pragma);
        }
        let rest = text.strip_prefix("trivy:ignore:")?;
        let mut parts = rest.split(':');
        let rule = parts.next()?;
        let mut pragma = self.pragma(Tool::Trivy, self.words(rule), Some(scope));
        if parts.next() == Some("exp") {
            pragma.expires = parts.next().and_then(|day| Day::parse(day.trim()).ok());
        }
        Some(pragma)
    }
}

/// Reads `key=value key="value"`.
fn fields(text: &str) -> Result<Vec<(&str, String)>, String> {
    let mut found = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest
            .split_once('=')
            .filter(|(key, _)| !key.contains(char::is_whitespace))
            .ok_or_else(|| format!("`{rest}` is no `key=\"value\"`"))?;
        let (value, after) = if let Some(quoted) = after.strip_prefix('"') {
            quoted
                .split_once('"')
                .ok_or_else(|| format!("the text of `{key}=` is not closed"))?
        } else {
            let end = after.find(char::is_whitespace).unwrap_or(after.len());
            after.split_at(end)
        };
        found.push((key, value.to_owned()));
        rest = after.trim_start();
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use windlass_core::diag::Source;
    use windlass_core::dockerfile::parse;

    fn read(text: &str) -> (Vec<Pragma>, Vec<Malformed>) {
        read_pragmas(&parse(&Source::new("Dockerfile", text)).0)
    }

    fn scoped(text: &str) -> Vec<String> {
        let (pragmas, malformed) = read(text);
        assert_eq!(malformed, []);
        pragmas
            .iter()
            .map(|it| {
                it.scope
                    .clone()
                    .map_or("file".to_owned(), |it| text[it].to_owned())
            })
            .collect()
    }

    const FULL: &str = "expires=2027-01-31 owner=\"web\" reason=\"until the base is out\"";

    #[test]
    fn our_comment_needs_a_day_an_owner_and_a_reason() {
        let (pragmas, malformed) = read(&format!(
            "# windlass: allow sudo,base-latest {FULL}\nFROM a\n"
        ));
        assert_eq!(malformed, []);
        let pragma = &pragmas[0];
        let rules: Vec<&str> = pragma.rules.iter().map(|it| it.text.as_str()).collect();
        assert_eq!(rules, ["sudo", "base-latest"]);
        assert_eq!(pragma.owner.as_deref(), Some("web"));
        assert_eq!(pragma.reason.as_deref(), Some("until the base is out"));
        assert_eq!(
            pragma.expires.map(|it| it.to_string()).as_deref(),
            Some("2027-01-31")
        );
    }

    #[test]
    fn what_is_not_understood_is_said_and_switches_nothing_off() {
        for (text, why) in [
            ("allow", "`allow` and a rule follow `windlass:`"),
            ("ignore sudo", "`allow` and a rule follow `windlass:`"),
            ("allow expires=2027-01-31", "`allow` names no rule"),
            ("allow sudo", "`expires=` is missing"),
            (
                "allow sudo expires=2027-02-30 owner=a reason=b",
                "there is no day `2027-02-30`",
            ),
            (
                "allow sudo expires=2027-01-31 reason=b",
                "`owner=` is missing",
            ),
            (
                "allow sudo expires=2027-01-31 owner=\" \" reason=b",
                "`owner=` is missing",
            ),
            (
                "allow sudo expires=2027-01-31 owner=a",
                "`reason=` is missing",
            ),
            (
                "allow sudo because we must",
                "`because we must` is no `key=\"value\"`",
            ),
            (
                "allow sudo until=2027-01-31",
                "`until=` is not known: expires, owner and reason are",
            ),
            ("allow sudo owner=a owner=b", "`owner=` is given twice"),
            ("allow sudo owner=\"a", "the text of `owner=` is not closed"),
        ] {
            let (pragmas, malformed) = read(&format!("# windlass: {text}\nFROM a\n"));
            assert_eq!(pragmas, [], "{text}");
            assert_eq!(malformed[0].why, why, "{text}");
        }
    }

    #[test]
    fn a_comment_holds_for_its_instruction_and_above_from_for_the_stage() {
        let comment = format!("# windlass: allow sudo {FULL}\n");
        assert_eq!(
            scoped(&format!(
                "FROM a\n{comment}\n# more\nRUN b \\\n  c\nRUN d\n"
            )),
            ["RUN b \\\n  c"]
        );
        assert_eq!(
            scoped(&format!("FROM z\n{comment}FROM a\nRUN b\nFROM c\nRUN d\n")),
            ["FROM a\nRUN b"]
        );
        assert_eq!(
            scoped(&format!("FROM a\nRUN b \\\n{comment}  c\nRUN d\n")),
            [format!("RUN b \\\n{comment}  c")]
        );
    }

    #[test]
    fn a_comment_in_a_heredoc_is_text() {
        let text = format!("FROM a\nRUN <<EOF\n# windlass: allow sudo {FULL}\nsudo x\nEOF\n");
        assert_eq!(read(&text), (Vec::new(), Vec::new()));
    }

    #[test]
    fn comments_of_other_tools_are_read() {
        let text = "# check=skip=JSONArgsRecommended,StageNameCasing;error=true\n# hadolint global ignore=DL3007\nFROM a\n# hadolint ignore=DL3008,DL3015 we need it\nRUN b\n#checkov:skip=CKV_DOCKER_3: dev only\n# trivy:ignore:DS-0002:exp:2027-01-01\nRUN c\n# hadolint is nice\n";
        let (pragmas, malformed) = read(text);
        assert_eq!(malformed, []);
        let shown: Vec<String> = pragmas
            .iter()
            .map(|it| {
                let rules: Vec<&str> = it
                    .rules
                    .iter()
                    .map(|rule| &text[rule.span.clone()])
                    .collect();
                let scope = it.scope.clone().map_or("file", |it| &text[it]);
                format!("{} {} for {scope}", it.tool.as_str(), rules.join(" "))
            })
            .collect();
        assert_eq!(
            shown,
            [
                "BuildKit JSONArgsRecommended StageNameCasing for file",
                "hadolint DL3007 for file",
                "hadolint DL3008 DL3015 for RUN b",
                "checkov CKV_DOCKER_3 for file",
                "trivy DS-0002 for RUN c",
            ]
        );
    }
}
