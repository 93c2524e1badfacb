//! Newtypes for everything that can be mixed up: names, tags, digests, fingerprints, platforms and addresses.
//!
//! Each type checks its text once, when it is made; afterwards it is trusted. Nothing here knows where a name came from.

mod day;
mod wildcard;

use std::fmt;

pub use self::day::Day;
pub(crate) use self::day::days_from_civil;
pub use self::wildcard::wildcard_matches;

/// Says why a text is not a valid name of its kind: a lower-case fragment without a full stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidName(pub String);

impl fmt::Display for InvalidName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidName {}

macro_rules! text_type {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and wraps it.
            ///
            /// # Errors
            /// [`InvalidName`] says what is wrong with the text.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                $check(&text)?;
                Ok(Self(text))
            }

            /// Returns the text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text_type!(
    /// The rendered name of an image: `[a-z0-9]+([._-][a-z0-9]+)*`. Its address is `image.NAME`.
    ImageName,
    check_identifier
);
text_type!(
    /// The full name of an ECR repository, prefix included, such as `shop/api` (ECR API `CreateRepository`, 2 to 256 characters).
    RepositoryName,
    check_repository
);
text_type!(
    /// The name of one registry: `prod`, or `prod/eu-west-1` where the `registry` node has several regions.
    RegistryName,
    check_registry
);
text_type!(
    /// A tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}` (OCI distribution specification, "Pulling manifests").
    Tag,
    check_tag
);
text_type!(
    /// A content digest, `sha256:` and 64 lower-case hex digits.
    Digest,
    check_digest
);
text_type!(
    /// A fingerprint of an image's inputs: 64 lower-case hex digits. See [`crate::fingerprint`].
    Fingerprint,
    check_hex64
);
text_type!(
    /// A platform as `os/architecture` or `os/architecture/variant`, such as `linux/amd64`.
    Platform,
    check_platform
);

impl Digest {
    /// Returns the 64 hex digits without `sha256:`.
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// Returns the digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self::of_sha256(&sha2::Sha256::digest(bytes).into())
    }

    /// Returns the digest that is this SHA-256.
    pub fn of_sha256(sha256: &[u8; 32]) -> Self {
        // A plan writes one for each file of its contexts.
        let mut text = *b"sha256:________________________________________________________________";
        let digit = |it: u8| b"0123456789abcdef"[usize::from(it & 15)];
        let (_, digits) = text.split_at_mut("sha256:".len());
        for (pair, byte) in digits.chunks_exact_mut(2).zip(sha256) {
            pair.copy_from_slice(&[digit(byte >> 4), digit(*byte)]);
        }
        Self(String::from_utf8_lossy(&text).into_owned())
    }
}

impl Fingerprint {
    /// Returns the tag under which an image with this fingerprint is kept in ECR: `in-` and the first 16 hex digits.
    pub fn tag(&self) -> Tag {
        Tag(format!("in-{}", &self.0[..16]))
    }

    /// Returns the first 12 hex digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..12]
    }
}

impl Tag {
    /// Says whether the tag is one that windlass keeps for itself (`in-*`).
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with("in-")
    }
}

impl Default for Platform {
    /// `linux/amd64`, what an image gets where nothing names a platform.
    fn default() -> Self {
        Self("linux/amd64".to_owned())
    }
}

/// One repository in one registry: what images are pushed to and settings apply to.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub struct RepositoryKey {
    /// The registry.
    pub registry: RegistryName,
    /// The repository in it.
    pub repository: RepositoryName,
}

impl fmt::Display for RepositoryKey {
    /// Writes `repository.NAME@REGISTRY`, the address of plan and reports.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "repository.{}@{}", self.repository, self.registry)
    }
}

/// What a plan, a report and `--only` call a thing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Address {
    /// `image.NAME`
    Image(ImageName),
    /// `repository.NAME@REGISTRY`
    Repository(RepositoryKey),
    /// `registry.NAME`
    Registry(RegistryName),
}

impl Address {
    /// Reads an address as a person types it.
    ///
    /// # Errors
    /// [`InvalidName`] where the text has no known kind or the name after it is not valid.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let (kind, name) = text
            .split_once('.')
            .ok_or_else(|| InvalidName(format!("`{text}` is no address; write image.NAME, repository.NAME@REGISTRY or registry.NAME")))?;
        match kind {
            "image" => Ok(Self::Image(ImageName::new(name)?)),
            "registry" => Ok(Self::Registry(RegistryName::new(name)?)),
            "repository" => {
                let (repository, registry) = name.split_once('@').ok_or_else(|| {
                    InvalidName(format!(
                        "`{text}` names no registry; write repository.NAME@REGISTRY"
                    ))
                })?;
                Ok(Self::Repository(RepositoryKey {
                    registry: RegistryName::new(registry)?,
                    repository: RepositoryName::new(repository)?,
                }))
            }
            _ => Err(InvalidName(format!(
                "`{kind}` is no kind of address; use image, repository or registry"
            ))),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image(name) => write!(f, "image.{name}"),
            Self::Repository(key) => key.fmt(f),
            Self::Registry(name) => write!(f, "registry.{name}"),
        }
    }
}

fn is_alphanumeric(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit()
}

/// Checks `[a-z0-9]+([._-][a-z0-9]+)*`.
fn check_identifier(text: &str) -> Result<(), InvalidName> {
    let good = !text.is_empty()
        && text
            .split(['.', '_', '-'])
            .all(|part| !part.is_empty() && part.chars().all(is_alphanumeric));
    if good {
        Ok(())
    } else {
        Err(InvalidName(format!(
            "`{text}` is not a name: use lower-case letters and digits, with single `.`, `_` or `-` between them"
        )))
    }
}

/// Checks one path component of a repository name: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn check_component(text: &str) -> bool {
    let starts_and_ends = text.starts_with(is_alphanumeric) && text.ends_with(is_alphanumeric);
    let mut separator = String::new();
    for c in text.chars() {
        if is_alphanumeric(c) {
            let good = matches!(separator.as_str(), "" | "." | "_" | "__")
                || separator.chars().all(|s| s == '-');
            if !good {
                return false;
            }
            separator.clear();
        } else if matches!(c, '.' | '_' | '-') {
            separator.push(c);
        } else {
            return false;
        }
    }
    starts_and_ends
}

fn check_repository(text: &str) -> Result<(), InvalidName> {
    let count = text.chars().count();
    if !(2..=256).contains(&count) {
        let characters = if count == 1 {
            "character"
        } else {
            "characters"
        };
        return Err(InvalidName(format!(
            "`{text}` has {count} {characters}; an ECR repository name has 2 to 256"
        )));
    }
    if text.split('/').all(check_component) {
        Ok(())
    } else {
        Err(InvalidName(format!(
            "`{text}` is not an ECR repository name: lower-case letters and digits, with `.`, `_`, `__` or `-` between them and `/` between parts"
        )))
    }
}

fn check_registry(text: &str) -> Result<(), InvalidName> {
    match text.split_once('/') {
        Some((name, region)) => check_identifier(name).and_then(|()| check_identifier(region)),
        None => check_identifier(text),
    }
}

fn check_tag(text: &str) -> Result<(), InvalidName> {
    let count = text.chars().count();
    if count == 0 {
        return Err(InvalidName("a tag cannot be empty".to_owned()));
    }
    if count > 128 {
        return Err(InvalidName(format!(
            "`{text}` has {count} characters; a tag has at most 128"
        )));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.starts_with(word) && text.chars().all(|c| word(c) || c == '.' || c == '-') {
        Ok(())
    } else {
        Err(InvalidName(format!(
            "`{text}` is not a tag: letters, digits, `_`, `.` and `-`, not starting with `.` or `-`"
        )))
    }
}

fn check_hex64(text: &str) -> Result<(), InvalidName> {
    if text.len() == 64
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    {
        Ok(())
    } else {
        Err(InvalidName(format!(
            "`{text}` is not 64 lower-case hex digits"
        )))
    }
}

fn check_digest(text: &str) -> Result<(), InvalidName> {
    match text.strip_prefix("sha256:") {
        Some(hex) => check_hex64(hex),
        None => Err(InvalidName(format!(
            "`{text}` is not a digest: `sha256:` and 64 hex digits"
        ))),
    }
}

fn check_platform(text: &str) -> Result<(), InvalidName> {
    let parts: Vec<&str> = text.split('/').collect();
    let good = (2..=3).contains(&parts.len())
        && parts.iter().all(|part| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|c| is_alphanumeric(c) || c == '.' || c == '-')
        });
    if good {
        Ok(())
    } else {
        Err(InvalidName(format!(
            "`{text}` is not a platform such as linux/amd64"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repository_names_follow_the_pattern_of_ecr() {
        for good in ["ab", "shop/api", "a__b", "a--b/c.d", "0/1"] {
            assert!(RepositoryName::new(good).is_ok(), "{good}");
        }
        for bad in ["a", "A/b", "a//b", "/ab", "ab/", "a___b", "a._b", "-ab"] {
            assert!(RepositoryName::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn tags_have_at_most_128_characters_and_no_leading_dot() {
        assert!(Tag::new("v1.2.3_x-y").is_ok());
        assert!(Tag::new("a".repeat(128)).is_ok());
        for bad in ["", ".a", "-a", "a/b", "a b", &"a".repeat(129)] {
            assert!(Tag::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses_print_as_they_are_read() {
        for text in [
            "image.worker-arm",
            "repository.shop/api@prod/eu-west-1",
            "registry.prod",
        ] {
            assert_eq!(Address::parse(text).expect("an address").to_string(), text);
        }
        assert!(Address::parse("api").is_err());
        assert!(Address::parse("stack.api").is_err());
    }
}
