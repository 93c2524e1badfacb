//! Guards of an environment that ask git: whether the checkout is one that a plan may be made, or applied, from.

use super::raw::Requirement;
use super::resolve::{GitFact, GitFacts};
use crate::name::wildcard_matches;

/// Why a guard does not hold, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unmet {
    /// A fragment: `the tree differs from the commit`.
    pub why: String,
    /// What to do about it.
    pub help: &'static str,
}

impl Requirement {
    /// Reads the word of a manifest: `clean-git`, `locked-bases`, `branch:main`.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "clean-git" => Some(Self::CleanGit),
            "locked-bases" => Some(Self::LockedBases),
            other => {
                let glob = other.strip_prefix("branch:").filter(|it| !it.is_empty())?;
                Some(Self::Branch(glob.to_owned()))
            }
        }
    }

    /// Returns the word of a manifest.
    pub fn text(&self) -> String {
        match self {
            Self::CleanGit => "clean-git".to_owned(),
            Self::LockedBases => "locked-bases".to_owned(),
            Self::Branch(glob) => format!("branch:{glob}"),
        }
    }

    /// Says whether it asks git.
    pub fn asks_git(&self) -> bool {
        *self != Self::LockedBases
    }

    /// Compares it with a checkout. What is not about git holds here.
    pub fn unmet(&self, git: &GitFacts) -> Option<Unmet> {
        match self {
            Self::LockedBases => None,
            Self::CleanGit => unclean(&git.dirty),
            Self::Branch(glob) => other_branch(glob, &git.branch),
        }
    }
}

fn unclean(dirty: &GitFact<bool>) -> Option<Unmet> {
    let unmet = |why: String, help| Some(Unmet { why, help });
    match dirty {
        GitFact::Known(false) => None,
        GitFact::Known(true) => unmet(
            "the tree differs from the commit".to_owned(),
            "commit or stash what changed; files that git ignores do not count",
        ),
        GitFact::Absent(why) | GitFact::Unavailable(why) => unmet(
            format!("nothing tells whether the tree is the commit: {why}"),
            "run windlass in a checkout of the repository",
        ),
    }
}

fn other_branch(pattern: &str, branch: &GitFact<String>) -> Option<Unmet> {
    let why = match branch {
        GitFact::Known(branch) if wildcard_matches(pattern, branch) => return None,
        GitFact::Known(branch) => format!("the branch is `{branch}`"),
        GitFact::Absent(why) | GitFact::Unavailable(why) => {
            format!("the branch is not known: {why}")
        }
    };
    Some(Unmet {
        why,
        help: "check that branch out, or let its pipeline do this",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guard_is_read_as_it_is_written_and_holds_where_git_says_so() {
        for word in ["clean-git", "locked-bases", "branch:release/*"] {
            let guard = Requirement::parse(word).expect("a guard");
            assert_eq!(guard.text(), word);
        }
        assert_eq!(Requirement::parse("branch:"), None);
        let git = GitFacts {
            branch: GitFact::Known("release/7".to_owned()),
            dirty: GitFact::Known(true),
            ..GitFacts::default()
        };
        let unmet = |word: &str| Requirement::parse(word).and_then(|it| it.unmet(&git));
        assert_eq!(unmet("branch:release/*"), None);
        assert_eq!(unmet("locked-bases"), None);
        assert_eq!(
            unmet("branch:main").map(|it| it.why).as_deref(),
            Some("the branch is `release/7`")
        );
        assert_eq!(
            unmet("clean-git").map(|it| it.why).as_deref(),
            Some("the tree differs from the commit")
        );
    }
}
