//! Bodies, headers and queries.

use std::io;
use std::path::Path;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::AsHeaderName;
use hyper::{HeaderMap, Response, StatusCode};
use serde_json::Value;
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// The body of an answer.
pub(crate) type Body = BoxBody<Bytes, io::Error>;

/// How much of a file is read at once.
const CHUNK: usize = 256 * 1024;

/// Returns a body of bytes.
pub(crate) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed()
}

/// Returns a body without bytes.
pub(crate) fn empty() -> Body {
    full(Bytes::new())
}

/// Returns an answer of JSON.
pub(crate) fn json_body(
    status: StatusCode,
    content_type: &'static str,
    value: &Value,
) -> Response<Body> {
    let bytes = serde_json::to_vec(value).expect("a value is JSON");
    Response::builder()
        .status(status)
        .header("content-type", content_type)
        .header("x-amzn-requestid", crate::identity::random_uuid())
        .body(full(bytes))
        .expect("the parts of the answer are valid")
}

/// Returns a body that streams `length` bytes of a file from `start`.
pub(crate) async fn file_body(path: &Path, start: u64, length: u64) -> io::Result<Body> {
    let mut file = File::open(path).await?;
    file.seek(io::SeekFrom::Start(start)).await?;
    let frames = stream::try_unfold((file, length), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let wanted = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
        let mut bytes = BytesMut::zeroed(wanted);
        file.read_exact(&mut bytes).await?;
        Ok::<_, io::Error>(Some((
            Frame::data(bytes.freeze()),
            (file, left - wanted as u64),
        )))
    });
    Ok(StreamBody::new(SyncStream(std::sync::Mutex::new(Box::pin(frames)))).boxed())
}

/// A stream behind a lock that is never contended.
struct SyncStream<S>(std::sync::Mutex<S>);

impl<S: futures_util::Stream + Unpin> futures_util::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<S::Item>> {
        let stream = self
            .0
            .get_mut()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        std::pin::Pin::new(stream).poll_next(context)
    }
}

/// Returns an answer that breaks off in the middle of its body; `None`, which closes the connection, where it has none.
pub(crate) async fn cut_short(answer: Response<Body>) -> Option<Response<Body>> {
    let (mut parts, body) = answer.into_parts();
    let bytes = body.collect().await.ok()?.to_bytes();
    if bytes.is_empty() {
        return None;
    }
    parts.headers.insert("content-length", bytes.len().into());
    let half = Frame::data(bytes.slice(..bytes.len() / 2));
    let lost = io::Error::other("an injected fault");
    let frames = stream::iter([Ok(half), Err(lost)]);
    let body = StreamBody::new(SyncStream(std::sync::Mutex::new(frames))).boxed();
    Some(Response::from_parts(parts, body))
}

/// Reads a whole body of at most `limit` bytes; `None` if it is longer or broken off.
pub(crate) async fn collect(body: Incoming, limit: usize) -> Option<Bytes> {
    Limited::new(body, limit)
        .collect()
        .await
        .ok()
        .map(http_body_util::Collected::to_bytes)
}

/// Returns a header as text.
pub(crate) fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// Returns the decoded value of a query or form parameter.
pub(crate) fn query_value(query: &str, name: &str) -> Option<String> {
    let pairs = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    pairs
        .filter(|(key, _)| decoded(key) == name)
        .map(|(_, value)| decoded(value))
        .next()
}

/// Undoes form encoding; what is not encoded properly stays as it is.
fn decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let escaped = || {
            Some((
                digit(*bytes.get(index + 1)?)?,
                digit(*bytes.get(index + 2)?)?,
            ))
        };
        match bytes[index] {
            b'+' => plain.push(b' '),
            b'%' => match escaped() {
                Some((high, low)) => {
                    plain.push(high << 4 | low);
                    index += 2;
                }
                None => plain.push(b'%'),
            },
            byte => plain.push(byte),
        }
        index += 1;
    }
    String::from_utf8_lossy(&plain).into_owned()
}

fn digit(byte: u8) -> Option<u8> {
    u8::try_from(char::from(byte).to_digit(16)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_queries() {
        let query = "Action=AssumeRole&RoleArn=arn%3Aaws%3aiam&note=a+b%2&empty";
        assert_eq!(
            query_value(query, "RoleArn").as_deref(),
            Some("arn:aws:iam")
        );
        assert_eq!(query_value(query, "note").as_deref(), Some("a b%2"));
        assert_eq!(query_value(query, "empty").as_deref(), Some(""));
        assert_eq!(query_value(query, "absent"), None);
    }
}
