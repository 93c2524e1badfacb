//! Signed download addresses: what a blob redirects to. They need no token, and end.

use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};

use crate::clock::Timestamp;
use crate::identity::{hex, same_signature, signature};
use crate::model::Scope;
use crate::server::{Body, ListenError, Shared, empty, file_body, full, header, query_value};

/// Where download addresses point to.
pub(crate) const DOWNLOAD_PATH: &str = "/_blob/";
/// How long a download address holds.
const LIFE: Duration = Duration::from_hours(1);

/// Returns the address from which a blob can be downloaded for an hour.
pub(crate) fn download_url(
    server: &Arc<Shared>,
    scope: &Scope,
    digest: &str,
    now: Timestamp,
) -> Result<String, ListenError> {
    let address = server.listen(scope, None)?;
    let expires = now.plus(LIFE).0;
    let signed = signed(server, digest, expires);
    Ok(format!(
        "http://{address}{DOWNLOAD_PATH}{digest}?X-Amz-Expires={expires}&X-Amz-Signature={signed}"
    ))
}

fn signed(server: &Shared, digest: &str, expires: i64) -> String {
    hex(&signature(
        &server.secret,
        format!("download {digest} until {expires}").as_bytes(),
    ))
}

/// Answers a request for a download address; a range of bytes may be asked for.
pub(crate) async fn download(server: &Arc<Shared>, request: Request<Incoming>) -> Response<Body> {
    let digest = request.uri().path().trim_start_matches(DOWNLOAD_PATH);
    let query = request.uri().query().unwrap_or_default();
    if !is_allowed(server, digest, query) {
        return text(
            StatusCode::FORBIDDEN,
            "Request has expired, or its signature does not match.\n",
        );
    }
    let Some(path) = server.blobs.find(digest) else {
        return text(StatusCode::NOT_FOUND, "The blob is gone.\n");
    };
    let Ok(metadata) = std::fs::metadata(&path) else {
        return text(StatusCode::NOT_FOUND, "The blob is gone.\n");
    };
    let size = metadata.len();
    let range = header(request.headers(), "range").and_then(|range| parse_range(range, size));
    let (start, length) = range.unwrap_or((0, size));
    let body = match *request.method() {
        Method::HEAD => Ok(empty()),
        _ => file_body(&path, start, length).await,
    };
    let Ok(body) = body else {
        return text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The blob cannot be read.\n",
        );
    };
    let status = if range.is_some() {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let mut answer = Response::builder()
        .status(status)
        .header("content-length", length)
        .header("accept-ranges", "bytes");
    if range.is_some() {
        answer = answer.header(
            "content-range",
            format!("bytes {start}-{}/{size}", start + length - 1),
        );
    }
    let answer = answer
        .header("content-type", "application/octet-stream")
        .body(body);
    answer.expect("the parts of the answer are valid")
}

fn is_allowed(server: &Shared, digest: &str, query: &str) -> bool {
    let expires = query_value(query, "X-Amz-Expires")
        .and_then(|text| text.parse().ok())
        .unwrap_or(0);
    let given = query_value(query, "X-Amz-Signature").unwrap_or_default();
    server.clock.now().0 < expires
        && same_signature(given.as_bytes(), signed(server, digest, expires).as_bytes())
}

/// Returns start and length of a range of the form `bytes=start-end` or `bytes=start-`.
fn parse_range(header: &str, size: u64) -> Option<(u64, u64)> {
    let (start, end) = header.strip_prefix("bytes=")?.split_once('-')?;
    let start: u64 = start.parse().ok()?;
    let end = if end.is_empty() {
        size.checked_sub(1)?
    } else {
        end.parse::<u64>().ok()?.min(size.checked_sub(1)?)
    };
    (start <= end).then(|| (start, end - start + 1))
}

fn text(status: StatusCode, text: &'static str) -> Response<Body> {
    Response::builder()
        .status(status)
        .body(full(text))
        .expect("the parts of the answer are valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ranges() {
        assert_eq!(parse_range("bytes=2-3", 10), Some((2, 2)));
        assert_eq!(parse_range("bytes=2-", 10), Some((2, 8)));
        assert_eq!(parse_range("bytes=2-99", 10), Some((2, 8)));
        assert_eq!(parse_range("bytes=10-", 10), None);
        assert_eq!(parse_range("bytes=0-", 0), None);
        assert_eq!(parse_range("lines=1-2", 10), None);
    }
}
