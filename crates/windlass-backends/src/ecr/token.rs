//! Registry tokens (`GetAuthorizationToken`): in memory only, renewed at half of their life.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use tokio::sync::Mutex;
use windlass_engine::ports::RegistryError;

use super::account::Account;

/// A user and a password for the registry plane.
pub(crate) struct Token {
    pub(crate) user: String,
    pub(crate) password: String,
    /// Host that ECR names with the token.
    pub(crate) host: Option<String>,
    renew_at: SystemTime,
    expires_at: SystemTime,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

#[derive(Debug, Default)]
pub(crate) struct Tokens(Mutex<Option<Arc<Token>>>);

impl Account {
    /// Returns a token that is good for a while; one caller at a time asks for a new one.
    pub(crate) async fn token(&self) -> Result<Arc<Token>, RegistryError> {
        let mut kept = self.tokens.0.lock().await;
        let now = SystemTime::now();
        if let Some(token) = kept.as_ref().filter(|token| now < token.renew_at) {
            return Ok(Arc::clone(token));
        }
        match self.fetch_token().await {
            Ok(token) => Ok(Arc::clone(kept.insert(Arc::new(token)))),
            // A token that still works is better than an error of the renewal.
            Err(error) => match kept.as_ref().filter(|token| now < token.expires_at) {
                Some(token) => Ok(Arc::clone(token)),
                None => Err(error),
            },
        }
    }

    /// Forgets `refused` because the registry did not accept it, unless it was replaced already.
    pub(crate) async fn drop_token(&self, refused: &Arc<Token>) {
        let mut kept = self.tokens.0.lock().await;
        if kept
            .as_ref()
            .is_some_and(|token| Arc::ptr_eq(token, refused))
        {
            *kept = None;
        }
    }

    async fn fetch_token(&self) -> Result<Token, RegistryError> {
        let asked_at = SystemTime::now();
        // `registryIds` is deprecated: a token is good for every registry that the caller may use.
        let request = self.clients().await.ecr.get_authorization_token().send();
        let answer = self
            .call("ecr:GetAuthorizationToken", None, request)
            .await?;
        let unusable = || {
            RegistryError::Other(format!(
                "ecr:GetAuthorizationToken of registry {} answered no usable token",
                self.name
            ))
        };
        let data = answer
            .authorization_data
            .unwrap_or_default()
            .into_iter()
            .next()
            .ok_or_else(unusable)?;
        let text = data
            .authorization_token
            .and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok())
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .ok_or_else(unusable)?;
        let (user, password) = text.split_once(':').ok_or_else(unusable)?;
        let life = data
            .expires_at
            .and_then(|at| SystemTime::try_from(at).ok())
            .and_then(|at| at.duration_since(asked_at).ok())
            .unwrap_or(Duration::from_mins(1));
        Ok(Token {
            user: user.to_owned(),
            password: password.to_owned(),
            host: data.proxy_endpoint.map(|url| {
                let bare = url.split_once("://").map_or(url.as_str(), |(_, rest)| rest);
                bare.trim_end_matches('/').to_owned()
            }),
            renew_at: asked_at + life / 2,
            expires_at: asked_at + life,
        })
    }
}
