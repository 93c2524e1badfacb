//! `GetAuthorizationToken`.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::Call;
use crate::errors::ApiError;
use crate::identity::Token;

/// How long a token holds.
const TOKEN_LIFE: Duration = Duration::from_hours(12);

/// Request of `GetAuthorizationToken`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Get {
    registry_ids: Option<Vec<String>>,
}

/// `GetAuthorizationToken`. One token for each registry asked for, the caller's without.
pub(super) fn get(call: &Call<'_>, request: &Get) -> Result<Value, ApiError> {
    let own = vec![call.caller.account.clone()];
    let accounts = request.registry_ids.as_ref().unwrap_or(&own);
    let data = accounts.iter().map(|account| authorization(call, account));
    Ok(json!({ "authorizationData": data.collect::<Result<Vec<Value>, ApiError>>()? }))
}

fn authorization(call: &Call<'_>, account: &String) -> Result<Value, ApiError> {
    let scope = call.scope(Some(account));
    let address = call
        .server
        .listen(&scope, None)
        .map_err(|error| ApiError::server(error.to_string()))?;
    let token = Token {
        account: call.caller.account.clone(),
        region: call.caller.region.clone(),
        expires: call.now.plus(TOKEN_LIFE),
    };
    Ok(json!({
        "authorizationToken": token.sealed(&call.server.secret),
        "expiresAt": token.expires.epoch(),
        "proxyEndpoint": format!("http://{address}"),
    }))
}
