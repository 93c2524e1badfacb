//! `ecr-kms`: images encrypted with a key that AWS owns.

use windlass_core::finding::Level;
use windlass_core::manifest::model::Encryption;

use crate::hit::{Hit, Hits};
use crate::rule::{Check, Need, Rule};
use crate::subject::RepositorySubject;

use super::settings::known;

pub(super) const RULE: Rule = Rule::new(
    "ecr-kms",
    Level::Off,
    Check::Repository(check),
    include_str!("../../../../docs/rules/ecr-kms.md"),
)
.aliases(&["CKV_AWS_136", "AWS-0033", "ECR.5"])
.needs(&[Need::Settings]);

fn check(subject: &RepositorySubject, hits: &mut Hits<'_>) {
    let found = known(&subject.encryption, "the encryption", subject, hits);
    let Some((encryption, place)) = found else {
        return;
    };
    let own = matches!(encryption, Encryption::Kms(Some(_)) | Encryption::KmsDsse(Some(_)));
    if !own {
        let message = format!("`{}` is not encrypted with a key of yours", subject.key.repository);
        hits.push(Hit::maybe_at(place, message).help("encryption \"kms\" key=..; it is fixed when a repository is created"));
    }
}
