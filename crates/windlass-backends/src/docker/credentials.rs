//! Registry credentials for base images: the Docker configuration, its helper programs, and what the caller adds.
//!
//! Nothing found here is written anywhere or shown in messages.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;

use base64::Engine as _;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;

use crate::docker::address::Environment;

/// The name Docker Hub has in the Docker configuration.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// A user name and password, or an identity token if the name is empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credential {
    /// The user name; empty for an identity token.
    pub username: String,
    /// The password or the token.
    pub secret: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Credential(hidden)")
    }
}

/// Where credentials for registries come from.
#[derive(Debug, Clone, Default)]
pub struct Credentials {
    config: Option<PathBuf>,
    /// Where helper programs are looked for.
    path: Option<String>,
    given: BTreeMap<String, Credential>,
}

impl Credentials {
    /// Uses the Docker configuration of an environment.
    pub fn new(environment: &Environment) -> Self {
        Self {
            config: environment
                .config_directory()
                .map(|directory| directory.join("config.json")),
            path: environment.get("PATH").map(str::to_owned),
            given: BTreeMap::new(),
        }
    }

    /// Adds a credential for one registry host, which then wins over the Docker configuration.
    #[must_use]
    pub fn with(mut self, host: impl Into<String>, credential: Credential) -> Self {
        self.given.insert(host.into(), credential);
        self
    }

    /// Returns the credential for a registry host; `None` means anonymous.
    ///
    /// # Errors
    ///
    /// A sentence that names the configuration file or the helper program that failed.
    pub async fn find(&self, host: &str) -> Result<Option<Credential>, String> {
        if let Some(credential) = self.given.get(host) {
            return Ok(Some(credential.clone()));
        }
        let Some(path) = &self.config else {
            return Ok(None);
        };
        let text = match tokio::fs::read(path).await {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("cannot read `{}`: {error}", path.display())),
        };
        // The parser's message could quote a secret.
        let config: Config = serde_json::from_slice(&text)
            .map_err(|_| format!("`{}` is not a valid Docker configuration", path.display()))?;
        let host = config_name(host);
        if let Some(helper) = config.helper(host) {
            return self.ask_helper(helper, host).await;
        }
        Ok(config.stored(host))
    }

    async fn ask_helper(&self, helper: &str, host: &str) -> Result<Option<Credential>, String> {
        let program = format!("docker-credential-{helper}");
        let failed = |reason: &str| {
            format!(
                "the credential helper `{program}` failed for `{host}`: {reason}; try `docker login {host}`"
            )
        };
        if helper.contains(['/', '\\']) {
            return Err(failed("its name holds a slash"));
        }
        let mut child = tokio::process::Command::new(&program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .envs(self.path.as_ref().map(|path| ("PATH", path)))
            .spawn()
            .map_err(|error| failed(&error.to_string()))?;
        let mut input = child.stdin.take().expect("its input is a pipe");
        // A helper that does not read its input says why in its answer.
        drop(input.write_all(host.as_bytes()).await);
        drop(input);
        let output = child
            .wait_with_output()
            .await
            .map_err(|error| failed(&error.to_string()))?;
        if !output.status.success() {
            // Helpers report a missing entry as a failure, with this sentence of docker-credential-helpers on their output.
            let answer = String::from_utf8_lossy(&output.stdout);
            return if answer.contains("credentials not found") {
                Ok(None)
            } else {
                Err(failed(&format!("it ended with {}", output.status)))
            };
        }
        let answer: HelperAnswer = serde_json::from_slice(&output.stdout)
            .map_err(|_| failed("its answer is not the JSON expected"))?;
        let username = match answer.username.as_str() {
            "<token>" => String::new(),
            _ => answer.username,
        };
        Ok(Some(Credential {
            username,
            secret: answer.secret,
        }))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Config {
    auths: BTreeMap<String, Stored>,
    #[serde(rename = "credHelpers")]
    helpers: BTreeMap<String, String>,
    #[serde(rename = "credsStore")]
    store: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Stored {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

impl Config {
    fn helper(&self, host: &str) -> Option<&str> {
        let helper = self
            .helpers
            .iter()
            .find(|(name, _)| same_registry(name, host))
            .map_or(&self.store, |(_, helper)| helper);
        (!helper.is_empty()).then_some(helper)
    }

    fn stored(&self, host: &str) -> Option<Credential> {
        let stored = self.auths.get(host).or_else(|| {
            self.auths
                .iter()
                .find(|(name, _)| same_registry(name, host))
                .map(|(_, stored)| stored)
        })?;
        if !stored.identitytoken.is_empty() {
            return Some(Credential {
                username: String::new(),
                secret: stored.identitytoken.clone(),
            });
        }
        let credential = match decode_pair(&stored.auth) {
            Some((username, secret)) => Credential { username, secret },
            None => Credential {
                username: stored.username.clone(),
                secret: stored.password.clone(),
            },
        };
        (credential != Credential::default()).then_some(credential)
    }
}

fn decode_pair(auth: &str) -> Option<(String, String)> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(auth.trim())
        .ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let (username, secret) = text.split_once(':')?;
    Some((
        username.to_owned(),
        secret.trim_end_matches('\0').to_owned(),
    ))
}

/// Returns the name a registry has in the Docker configuration.
fn config_name(host: &str) -> &str {
    match host {
        "docker.io" | "index.docker.io" | "registry-1.docker.io" => DOCKER_HUB,
        other => other,
    }
}

fn same_registry(left: &str, right: &str) -> bool {
    fn plain(name: &str) -> &str {
        let name = name.split_once("://").map_or(name, |(_, rest)| rest);
        name.split('/').next().unwrap_or(name)
    }
    plain(left) == plain(right)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct HelperAnswer {
    username: String,
    secret: String,
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    use super::*;

    fn credentials(folder: &Path, config: &str) -> Credentials {
        fs::write(folder.join("config.json"), config).unwrap();
        let path = format!("{}:/usr/bin:/bin", folder.display());
        Credentials::new(&Environment::from_variables([
            ("DOCKER_CONFIG".to_owned(), folder.display().to_string()),
            ("PATH".to_owned(), path),
        ]))
    }

    fn helper(folder: &Path, name: &str, script: &str) {
        let path = folder.join(format!("docker-credential-{name}"));
        fs::write(&path, format!("#!/bin/sh\nread host\n{script}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn pair(credential: Option<Credential>) -> Option<(String, String)> {
        credential.map(|credential| (credential.username, credential.secret))
    }

    fn words(username: &str, secret: &str) -> (String, String) {
        (username.to_owned(), secret.to_owned())
    }

    #[tokio::test]
    async fn reads_stored_credentials_under_any_spelling_of_the_registry() {
        let folder = tempfile::tempdir().unwrap();
        // "ann:pass" and "bob:word" in base64.
        let config = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "YW5uOnBhc3M="},
            "https://one.example/v2/": {"auth": "Ym9iOndvcmQ="},
            "two.example": {"identitytoken": "token"},
            "three.example": {}
        }}"#;
        let credentials = credentials(folder.path(), config);
        let find = async |host: &str| pair(credentials.find(host).await.unwrap());
        assert_eq!(
            find("registry-1.docker.io").await,
            Some(words("ann", "pass"))
        );
        assert_eq!(find("one.example").await, Some(words("bob", "word")));
        assert_eq!(find("two.example").await, Some(words("", "token")));
        assert_eq!(find("three.example").await, None);
        assert_eq!(find("four.example").await, None);
    }

    #[tokio::test]
    async fn asks_helpers_and_tells_their_failures_from_their_refusals() {
        let folder = tempfile::tempdir().unwrap();
        let answer =
            r#"echo "{\"ServerURL\":\"$host\",\"Username\":\"<token>\",\"Secret\":\"for $host\"}""#;
        helper(folder.path(), "good", answer);
        helper(
            folder.path(),
            "empty",
            "echo credentials not found in native keychain; exit 1",
        );
        helper(folder.path(), "bad", "echo secret-canary; exit 3");
        let config = r#"{"credsStore": "empty", "credHelpers":
            {"one.example": "good", "two.example": "bad", "three.example": "missing"}}"#;
        let credentials = credentials(folder.path(), config);
        let found = credentials.find("one.example").await.unwrap();
        assert_eq!(pair(found), Some(words("", "for one.example")));
        assert_eq!(credentials.find("other.example").await.unwrap(), None);
        let error = credentials.find("two.example").await.unwrap_err();
        assert!(error.contains("docker-credential-bad"), "{error}");
        assert!(!error.contains("canary"), "{error}");
        let error = credentials.find("three.example").await.unwrap_err();
        assert!(error.contains("docker-credential-missing"), "{error}");
    }

    #[tokio::test]
    async fn a_given_credential_wins_and_nothing_shows_it() {
        let folder = tempfile::tempdir().unwrap();
        let given = Credential {
            username: "AWS".to_owned(),
            secret: "canary".to_owned(),
        };
        let credentials = credentials(folder.path(), "not JSON, secret-canary")
            .with("one.example", given.clone());
        assert_eq!(credentials.find("one.example").await.unwrap(), Some(given));
        assert!(!format!("{credentials:?}").contains("canary"));
        let error = credentials.find("two.example").await.unwrap_err();
        assert!(!error.contains("canary"), "{error}");
    }
}
