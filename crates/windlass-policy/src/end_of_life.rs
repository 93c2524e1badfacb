//! When releases of base images got, or get, their last security fix, as their projects published it.
//!
//! Debian counts with its long-term support, Go until the second release after; days that were announced as a month are its last.

use windlass_core::name::Day;

/// Python (devguide.python.org/versions).
const PYTHON: &[(&str, &str)] = &[
    ("2", "2020-01-01"),
    ("3.4", "2019-03-18"),
    ("3.5", "2020-09-30"),
    ("3.6", "2021-12-23"),
    ("3.7", "2023-06-27"),
    ("3.8", "2024-10-07"),
    ("3.9", "2025-10-31"),
    ("3.10", "2026-10-31"),
    ("3.11", "2027-10-31"),
    ("3.12", "2028-10-31"),
    ("3.13", "2029-10-31"),
    ("3.14", "2030-10-31"),
];

/// Node (github.com/nodejs/release).
const NODE: &[(&str, &str)] = &[
    ("8", "2019-12-31"),
    ("10", "2021-04-30"),
    ("12", "2022-04-30"),
    ("14", "2023-04-30"),
    ("16", "2023-09-11"),
    ("17", "2022-06-01"),
    ("18", "2025-04-30"),
    ("19", "2023-06-01"),
    ("20", "2026-04-30"),
    ("21", "2024-06-01"),
    ("22", "2027-04-30"),
    ("23", "2025-06-01"),
    ("24", "2028-04-30"),
    ("25", "2026-06-01"),
];

/// Go (go.dev/doc/devel/release).
const GO: &[(&str, &str)] = &[
    ("1.16", "2022-03-15"),
    ("1.17", "2022-08-02"),
    ("1.18", "2023-02-01"),
    ("1.19", "2023-08-08"),
    ("1.20", "2024-02-06"),
    ("1.21", "2024-08-13"),
    ("1.22", "2025-02-11"),
    ("1.23", "2025-08-12"),
    ("1.24", "2026-02-28"),
    ("1.25", "2026-08-31"),
];

/// Debian by number and by name (wiki.debian.org/LTS).
const DEBIAN: &[(&str, &str)] = &[
    ("8", "2020-06-30"),
    ("jessie", "2020-06-30"),
    ("9", "2022-06-30"),
    ("stretch", "2022-06-30"),
    ("10", "2024-06-30"),
    ("buster", "2024-06-30"),
    ("11", "2026-08-31"),
    ("bullseye", "2026-08-31"),
    ("12", "2028-06-30"),
    ("bookworm", "2028-06-30"),
    ("13", "2030-06-30"),
    ("trixie", "2030-06-30"),
];

/// Ubuntu by number and by name (ubuntu.com/about/release-cycle).
const UBUNTU: &[(&str, &str)] = &[
    ("14.04", "2019-04-30"),
    ("trusty", "2019-04-30"),
    ("16.04", "2021-04-30"),
    ("xenial", "2021-04-30"),
    ("18.04", "2023-05-31"),
    ("bionic", "2023-05-31"),
    ("20.04", "2025-05-31"),
    ("focal", "2025-05-31"),
    ("22.04", "2027-04-30"),
    ("jammy", "2027-04-30"),
    ("24.04", "2029-05-31"),
    ("noble", "2029-05-31"),
    ("24.10", "2025-07-10"),
    ("25.04", "2026-01-15"),
];

/// Alpine (alpinelinux.org/releases).
const ALPINE: &[(&str, &str)] = &[
    ("3.12", "2022-05-01"),
    ("3.13", "2022-11-01"),
    ("3.14", "2023-05-01"),
    ("3.15", "2023-11-01"),
    ("3.16", "2024-05-23"),
    ("3.17", "2024-11-22"),
    ("3.18", "2025-05-09"),
    ("3.19", "2025-11-01"),
    ("3.20", "2026-04-01"),
    ("3.21", "2026-11-01"),
    ("3.22", "2027-05-01"),
    ("3.23", "2027-11-01"),
];

/// Returns what of an official image ends first, and its last day; `None` where the tag does not say which release it is.
pub(crate) fn end_of_life(image: &str, tag: &str) -> Option<(String, Day)> {
    let parts: Vec<&str> = tag.split('-').collect();
    let version = parts.first().copied().unwrap_or_default();
    let own = match image {
        "python" => named("Python", PYTHON, version),
        "node" => named("Node", NODE, version),
        "golang" => named("Go", GO, version),
        "debian" => parts.iter().find_map(|it| named("Debian", DEBIAN, it)),
        "ubuntu" => parts.iter().find_map(|it| named("Ubuntu", UBUNTU, it)),
        "alpine" => named("Alpine", ALPINE, version),
        _ => None,
    };
    let below = parts.iter().skip(1).find_map(|part| {
        let alpine = part.strip_prefix("alpine");
        let word = part.starts_with(|c: char| c.is_ascii_alphabetic());
        alpine
            .and_then(|it| named("Alpine", ALPINE, it))
            .or_else(|| named("Debian", DEBIAN, part).filter(|_| word))
            .or_else(|| named("Ubuntu", UBUNTU, part).filter(|_| word))
    });
    let ends = own.into_iter().chain(below);
    ends.min_by_key(|(_, day)| *day)
}

/// Finds a release by the first parts of a version: `3.8.19` is `3.8`.
fn named(name: &str, table: &[(&str, &str)], version: &str) -> Option<(String, Day)> {
    let (release, day) = table.iter().find(|(release, _)| {
        version
            .strip_prefix(release)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })?;
    Some((format!("{name} {release}"), Day::parse(day).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_the_tables_is_one() {
        for table in [PYTHON, NODE, GO, DEBIAN, UBUNTU, ALPINE] {
            for (release, day) in table {
                assert!(Day::parse(day).is_ok(), "{release}: {day}");
            }
        }
    }

    #[test]
    fn a_tag_ends_with_what_ends_first() {
        let ends = |image, tag| end_of_life(image, tag).map(|(what, day)| format!("{what} {day}"));
        for (image, tag, expected) in [
            ("python", "3.8.19-slim", Some("Python 3.8 2024-10-07")),
            (
                "python",
                "3.12-slim-buster",
                Some("Debian buster 2024-06-30"),
            ),
            ("node", "22-alpine3.18", Some("Alpine 3.18 2025-05-09")),
            ("node", "22.1.0-alpine", Some("Node 22 2027-04-30")),
            ("golang", "1.2", None),
            (
                "debian",
                "bookworm-20240101-slim",
                Some("Debian bookworm 2028-06-30"),
            ),
            ("debian", "10.13", Some("Debian 10 2024-06-30")),
            ("python", "3-slim", None),
            ("nginx", "1.25-bookworm", Some("Debian bookworm 2028-06-30")),
            ("postgres", "9", None),
            ("ubuntu", "latest", None),
        ] {
            assert_eq!(ends(image, tag).as_deref(), expected, "{image}:{tag}");
        }
    }
}
