//! What rules about settings share: what is not known is objected to, at the level of the rule.

use windlass_core::diag::Location;

use crate::hit::{Hit, Hits};
use crate::subject::{Fact, RepositorySubject};

/// Returns a setting and its place where it is known. One that should have been read and was not is a finding: what nobody knows
/// cannot be what the rule wants.
pub(super) fn known<'a, T>(
    fact: &'a Fact<T>,
    what: &str,
    subject: &'a RepositorySubject,
    hits: &mut Hits<'_>,
) -> Option<(&'a T, Option<&'a Location>)> {
    match fact {
        Fact::Known(value, place) => Some((value, place.as_ref().or(subject.place.as_ref()))),
        Fact::Unmanaged => None,
        Fact::Unknown(why) => {
            let name = &subject.key.repository;
            let message = format!("{what} of `{name}` is not known: {why}");
            hits.push(
                Hit::maybe_at(subject.place.as_ref(), message)
                    .help(UNKNOWN_HELP)
                    .unknown(),
            );
            None
        }
    }
}

/// What to do where a read failed.
pub(super) const UNKNOWN_HELP: &str =
    "let windlass read it (`windlass iam plan` prints the permissions), and make the plan again";
