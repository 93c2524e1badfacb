//! The packs that windlass ships.

/// Name and text of each pack.
pub const PACKS: [(&str, &str); 4] = [
    ("baseline", include_str!("../../../policies/baseline.kdl")),
    ("hardened", include_str!("../../../policies/hardened.kdl")),
    (
        "cis-docker",
        include_str!("../../../policies/cis-docker.kdl"),
    ),
    (
        "ecr-foundational",
        include_str!("../../../policies/ecr-foundational.kdl"),
    ),
];

/// Returns the text of a pack.
pub fn find(name: &str) -> Option<&'static str> {
    PACKS.iter().find(|it| it.0 == name).map(|it| it.1)
}

/// Files of their cases.
const CASE_FILES: [(&str, &str); 6] = [
    (
        "cases/add.Dockerfile",
        include_str!("../../../policies/cases/add.Dockerfile"),
    ),
    (
        "cases/ecr-bad.kdl",
        include_str!("../../../policies/cases/ecr-bad.kdl"),
    ),
    (
        "cases/ecr-good.kdl",
        include_str!("../../../policies/cases/ecr-good.kdl"),
    ),
    (
        "cases/good.Dockerfile",
        include_str!("../../../policies/cases/good.Dockerfile"),
    ),
    (
        "cases/latest.Dockerfile",
        include_str!("../../../policies/cases/latest.Dockerfile"),
    ),
    (
        "cases/secret.Dockerfile",
        include_str!("../../../policies/cases/secret.Dockerfile"),
    ),
];

/// Returns the text of a file that a case of a shipped pack names.
pub fn case_file(path: &str) -> Option<&'static str> {
    CASE_FILES.iter().find(|it| it.0 == path).map(|it| it.1)
}
