//! The saved plan: a plan on disk, exactly as apply will carry it out.
//!
//! One line with the format and the SHA-256 of the rest, then JSON (`docs/formats/saved-plan.md`). The digest detects damage, not
//! forgery. A saved plan holds no secret value and no path outside the workspace.

mod diagnostic;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use diagnostic::{SavedDiagnostic, SavedLabel};

use crate::name::Digest;
use crate::plan::{Plan, check};

/// Version of the format, the number in the first line.
pub const FORMAT_VERSION: u32 = 1;

/// What the first line of every saved plan begins with.
const MAGIC: &str = "windlass plan ";

/// What is said about the making of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the windlass that made the plan.
    pub windlass_version: String,
    /// When it was made, RFC 3339 in UTC.
    pub created_at: String,
    /// Names of the `WINDLASS_*` variables that took effect, sorted; never their values.
    pub environment_variables: Vec<String>,
}

/// A plan with everything that `show` and `apply` need to know about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPlan {
    /// Who made it, and when.
    pub header: Header,
    /// The plan.
    pub plan: Plan,
    /// What was said while it was made, sorted.
    pub diagnostics: Vec<SavedDiagnostic>,
}

impl SavedPlan {
    /// Puts a plan together with what was said while it was made.
    pub fn new(header: Header, plan: Plan, diagnostics: &[crate::diag::Diagnostic]) -> Self {
        let diagnostics = diagnostics.iter().map(SavedDiagnostic::from).collect();
        Self {
            header,
            plan,
            diagnostics,
        }
    }
}

/// Why bytes are not a saved plan that this windlass can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanFileError {
    /// They are something else.
    NotAPlan,
    /// They are a saved plan of another format.
    OtherFormat(String),
    /// They are not what was written: cut off or changed.
    Damaged,
    /// They were written whole, but cannot be read: the text says what and where.
    Content(String),
}

impl fmt::Display for PlanFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPlan => f.write_str("this is not a saved plan: write one with `windlass plan --out FILE`"),
            Self::OtherFormat(found) => write!(
                f,
                "the saved plan has format {found}, this windlass reads {FORMAT_VERSION}: plan again with the windlass that applies it"
            ),
            Self::Damaged => f.write_str(
                "the saved plan is damaged: its content does not have the SHA-256 in its first line; copy it again as it is, or plan again",
            ),
            Self::Content(what) => {
                write!(f, "the saved plan cannot be read: {what}; plan again with this windlass")
            }
        }
    }
}

impl std::error::Error for PlanFileError {}

/// Writes a saved plan. The same plan gives the same bytes.
pub fn render(saved: &SavedPlan) -> Vec<u8> {
    let mut content = serde_json::to_vec(saved).expect("a plan of texts and numbers is JSON");
    content.push(b'\n');
    let mut bytes = format!("{MAGIC}{FORMAT_VERSION} {}\n", Digest::of(&content)).into_bytes();
    bytes.append(&mut content);
    bytes
}

/// Reads a saved plan.
///
/// # Errors
/// [`PlanFileError`] says why the bytes cannot be used and what to do.
pub fn parse(bytes: &[u8]) -> Result<SavedPlan, PlanFileError> {
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(bytes.len());
    let (first, rest) = bytes.split_at(end);
    let first = std::str::from_utf8(first)
        .ok()
        .and_then(|line| line.strip_prefix(MAGIC))
        .ok_or(PlanFileError::NotAPlan)?;
    let (version, digest) = first.split_once(' ').unwrap_or((first, ""));
    if version.is_empty() || !version.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PlanFileError::NotAPlan);
    }
    if version != FORMAT_VERSION.to_string() {
        return Err(PlanFileError::OtherFormat(version.to_owned()));
    }
    let content = rest.get(1..).unwrap_or_default();
    if Digest::of(content).as_str() != digest {
        return Err(PlanFileError::Damaged);
    }
    let saved: SavedPlan = serde_json::from_slice(content)
        .map_err(|error| PlanFileError::Content(error.to_string()))?;
    match check(&saved.plan).into_iter().next() {
        None => Ok(saved),
        Some(broken) => Err(PlanFileError::Content(broken)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::{Code, Diagnostic, Location, Source};

    fn sample() -> SavedPlan {
        let source = Source::new("windlass.kdl", "image \"a\" {\n    tag \"é\" \"x\"\n}\n");
        let warning = Diagnostic::warning(Code::CommitInTag, "the tag holds the commit")
            .at(&Location::new(&source, 25..28), "here")
            .help("use a stamp");
        SavedPlan {
            header: Header {
                windlass_version: "0.1.0".to_owned(),
                created_at: "2026-11-23T09:15:00Z".to_owned(),
                environment_variables: vec!["WINDLASS_ENV".to_owned()],
            },
            plan: Plan {
                workspace: "shop".to_owned(),
                environment: None,
                git_sha: None,
                builder: None,
                registries: Vec::new(),
                variables: Vec::new(),
                bases: Vec::new(),
                images: Vec::new(),
                repositories: Vec::new(),
                notes: vec!["a note".to_owned()],
                refusals: Vec::new(),
                guards: Vec::new(),
                engine: None,
                policy: crate::plan::PolicyRecord::default(),
            },
            diagnostics: vec![SavedDiagnostic::from(&warning)],
        }
    }

    #[test]
    fn reads_back_what_it_wrote_byte_for_byte() {
        let bytes = render(&sample());
        let saved = parse(&bytes).expect("a saved plan");
        assert_eq!(saved, sample());
        assert_eq!(render(&saved), bytes);
    }

    #[test]
    fn every_single_changed_byte_is_noticed() {
        let bytes = render(&sample());
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1;
            assert!(parse(&damaged).is_err(), "byte {at}");
        }
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length]).is_err(), "cut at {length}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_what_to_do() {
        let bytes = render(&sample());
        let text = String::from_utf8(bytes.clone()).expect("JSON is UTF-8");
        let cut = &bytes[..bytes.len() - 1];
        let newer = text.replacen("windlass plan 1", "windlass plan 2", 1);
        let content = b"{}\n";
        let empty = format!("windlass plan 1 {}\n{{}}\n", Digest::of(content));
        let all: Vec<String> = [
            b"workspace \"shop\"\n".as_slice(),
            newer.as_bytes(),
            cut,
            empty.as_bytes(),
        ]
        .iter()
        .map(|bytes| parse(bytes).expect_err("not usable").to_string())
        .collect();
        insta::assert_snapshot!(all.join("\n"), @"
        this is not a saved plan: write one with `windlass plan --out FILE`
        the saved plan has format 2, this windlass reads 1: plan again with the windlass that applies it
        the saved plan is damaged: its content does not have the SHA-256 in its first line; copy it again as it is, or plan again
        the saved plan cannot be read: missing field `header` at line 1 column 2; plan again with this windlass
        ");
    }

    #[test]
    fn a_plan_that_no_planner_made_is_refused() {
        let mut saved = sample();
        saved.plan.repositories = vec![crate::plan::RepositoryPlan {
            key: serde_json::from_str(r#"{"registry":"prod","repository":"shop/api"}"#)
                .expect("a key"),
            declared: None,
            uri: None,
            action: crate::plan::RepositoryAction::Create,
            why: None,
            diffs: Vec::new(),
            create: None,
            delete: None,
            changes: Vec::new(),
            tags_after: None,
        }];
        assert!(matches!(
            parse(&render(&saved)),
            Err(PlanFileError::Content(_))
        ));
    }
}
