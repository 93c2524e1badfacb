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

/// Pairs names below `policies` with what the files hold.
macro_rules! held {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_str!(concat!("../../../policies/", $name)))),*]
    };
}

/// Files of their cases.
const CASE_FILES: &[(&str, &str)] = &held![
    "cases/add.Dockerfile",
    "cases/ecr-bad.kdl",
    "cases/ecr-good.kdl",
    "cases/go.Dockerfile",
    "cases/good.Dockerfile",
    "cases/latest.Dockerfile",
    "cases/node.Dockerfile",
    "cases/python.Dockerfile",
    "cases/secret.Dockerfile",
    "cases/tools.Dockerfile",
];

/// Returns the text of a file that a case of a shipped pack names.
pub fn case_file(path: &str) -> Option<&'static str> {
    CASE_FILES.iter().find(|it| it.0 == path).map(|it| it.1)
}
