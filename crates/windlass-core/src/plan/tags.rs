//! Mutability of tags: which tags of a repository can be moved.

use crate::manifest::model::TagMutability;
use crate::name::{Tag, wildcard_matches};

/// Says whether a tag of a repository with this mutability can never be moved once it is there.
///
/// An exclusion turns the repository's rule round for the tags it matches (ECR API `ImageTagMutabilityExclusionFilter`, `WILDCARD`).
pub fn is_immutable(mutability: &TagMutability, tag: &Tag) -> bool {
    let excepted = mutability
        .except
        .iter()
        .any(|pattern| wildcard_matches(pattern, tag.as_str()));
    mutability.mutable == excepted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exclusions_turn_the_rule_round_for_the_tags_they_match() {
        let tag = |text: &str| Tag::new(text).expect("a tag");
        let immutable = TagMutability {
            mutable: false,
            except: vec!["dev*".to_owned(), "latest".to_owned()],
        };
        assert!(is_immutable(&immutable, &tag("v1")));
        assert!(!is_immutable(&immutable, &tag("dev-2")));
        assert!(!is_immutable(&immutable, &tag("latest")));
        assert!(is_immutable(&immutable, &tag("latest2")));
        let mutable = TagMutability {
            mutable: true,
            except: vec!["v*.*".to_owned()],
        };
        assert!(is_immutable(&mutable, &tag("v1.2")));
        assert!(!is_immutable(&mutable, &tag("v1")));
        assert!(!is_immutable(
            &TagMutability {
                mutable: true,
                except: Vec::new()
            },
            &tag("v1")
        ));
    }
}
