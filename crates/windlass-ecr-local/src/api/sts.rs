//! The two operations of STS that a client of ECR needs, in the query protocol.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;

use crate::api::Call;
use crate::errors::ApiError;
use crate::identity::{hex, is_account, random_bytes, random_uuid};
use crate::server::query_value;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Answers an operation; the text is XML.
pub(super) fn run(call: &Call<'_>, form: &str) -> Result<String, ApiError> {
    let body = match call.operation {
        "GetCallerIdentity" => caller_identity(call),
        "AssumeRole" => assume_role(call, form)?,
        other => {
            return Err(ApiError::new(
                "InvalidAction",
                format!("Could not find operation {other}"),
            ));
        }
    };
    let (name, request) = (call.operation, random_uuid());
    Ok(format!(
        "<{name}Response xmlns=\"{NAMESPACE}\"><{name}Result>{body}</{name}Result>\
         <ResponseMetadata><RequestId>{request}</RequestId></ResponseMetadata></{name}Response>"
    ))
}

fn caller_identity(call: &Call<'_>) -> String {
    let account = &call.caller.account;
    let arn = match call.principal.split_once(":role/") {
        Some((_, role)) => format!(
            "arn:{}:sts::{account}:assumed-role/{}/local",
            call.caller.partition(),
            role.rsplit('/').next().unwrap_or(role)
        ),
        None => call.principal.clone(),
    };
    format!(
        "<Arn>{}</Arn><UserId>{account}</UserId><Account>{account}</Account>",
        escaped(&arn)
    )
}

/// The credentials carry the account of the role as access key id, so that calls with them are of that account.
fn assume_role(call: &Call<'_>, form: &str) -> Result<String, ApiError> {
    let invalid = |text: String| ApiError::new("ValidationError", text);
    let role = query_value(form, "RoleArn").unwrap_or_default();
    let session = query_value(form, "RoleSessionName").unwrap_or_default();
    let account = role.split(':').nth(4).unwrap_or_default();
    let Some((_, name)) = role
        .split_once(":role/")
        .filter(|_| role.starts_with("arn:") && is_account(account))
    else {
        return Err(invalid(format!("{role} is invalid")));
    };
    if session.len() < 2 || session.len() > 64 {
        return Err(invalid(
            "roleSessionName must have length between 2 and 64".to_owned(),
        ));
    }
    let seconds = query_value(form, "DurationSeconds")
        .and_then(|text| text.parse().ok())
        .unwrap_or(3600);
    if !(900..=43_200).contains(&seconds) {
        return Err(invalid(
            "DurationSeconds must be between 900 and 43200".to_owned(),
        ));
    }
    let expires = call.now.plus(Duration::from_secs(seconds));
    let secret = hex(&random_bytes()[..20]);
    let token = STANDARD.encode(format!("role:{role}"));
    let partition = call.caller.partition();
    let name = name.rsplit('/').next().unwrap_or(name);
    Ok(format!(
        "<Credentials><AccessKeyId>{account}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>{expires}</Expiration></Credentials>\
         <AssumedRoleUser><AssumedRoleId>{account}:{session}</AssumedRoleId>\
         <Arn>arn:{partition}:sts::{account}:assumed-role/{name}/{session}</Arn></AssumedRoleUser>",
        session = escaped(&session),
        name = escaped(name),
    ))
}

/// Returns the role of a session token of ours, if it is of the account.
pub(super) fn principal_of(token: &str, account: &str) -> Option<String> {
    let plain = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let role = plain.strip_prefix("role:")?;
    (role.split(':').nth(4) == Some(account)).then(|| role.to_owned())
}

/// Returns the status of a refusal; STS says 403 to callers that it does not know.
pub(super) fn status(error: &ApiError) -> StatusCode {
    match error.code {
        "MissingAuthenticationTokenException"
        | "ExpiredTokenException"
        | "AccessDeniedException" => StatusCode::FORBIDDEN,
        _ => error.status,
    }
}

/// Returns a refusal in the query protocol; its codes end without `Exception`, but for access.
pub(super) fn error_text(error: &ApiError) -> String {
    let code = match error.code {
        "MissingAuthenticationTokenException" => "MissingAuthenticationToken",
        "AccessDeniedException" => "AccessDenied",
        "ThrottlingException" => "Throttling",
        "ServerException" => "InternalFailure",
        other => other,
    };
    let fault = if error.status.is_server_error() {
        "Receiver"
    } else {
        "Sender"
    };
    format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{fault}</Type><Code>{code}</Code><Message>{}</Message>\
         </Error><RequestId>{}</RequestId></ErrorResponse>",
        escaped(&error.message),
        random_uuid()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
