//! A few plain HTTP/1.1 requests to loopback, enough to ask whether a service is there.

use crate::failure::{Doing as _, Failure, Outcome};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

/// How long any one request may take.
const LIMIT: Duration = Duration::from_secs(3);

/// Where a service listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// A Unix socket.
    Unix(PathBuf),
    /// `host:port`.
    Tcp(String),
}

/// The parts of an answer that the tasks look at.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) status: u16,
    headers: String,
}

impl Answer {
    /// Returns the value of a header, by its name in any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value.trim()))
    }
}

/// Sends one request without a body and reads the answer's head.
pub(crate) fn request(
    address: &Address,
    method: &str,
    path: &str,
    accept: &str,
) -> Outcome<Answer> {
    match address {
        Address::Unix(socket) => {
            let stream = UnixStream::connect(socket).doing(socket.display())?;
            stream.set_read_timeout(Some(LIMIT))?;
            exchange(stream, method, path, accept)
        }
        Address::Tcp(host) => {
            let resolved = host.to_socket_addrs().doing(host)?.next();
            let resolved = resolved.ok_or_else(|| Failure::new(format!("{host}: no address")))?;
            let stream = TcpStream::connect_timeout(&resolved, LIMIT).doing(host)?;
            stream.set_read_timeout(Some(LIMIT))?;
            exchange(stream, method, path, accept)
        }
    }
}

fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    accept: &str,
) -> Outcome<Answer> {
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
    )?;
    let mut bytes = Vec::new();
    stream.take(1 << 20).read_to_end(&mut bytes)?;
    parse_answer(&String::from_utf8_lossy(&bytes))
}

fn parse_answer(text: &str) -> Outcome<Answer> {
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let (first, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
    let status = status.ok_or_else(|| Failure::new("the answer is not HTTP"))?;
    Ok(Answer {
        status,
        headers: headers.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_status_and_headers_in_any_case() {
        let answer =
            parse_answer("HTTP/1.1 200 OK\r\nDocker-Content-Digest: sha256:1\r\n\r\nbody: x")
                .unwrap();
        assert_eq!(
            (answer.status, answer.header("docker-content-digest")),
            (200, Some("sha256:1"))
        );
        assert_eq!(answer.header("body"), None);
    }

    #[test]
    fn refuses_what_is_not_http() {
        assert!(parse_answer("SSH-2.0-OpenSSH_9.2\r\n").is_err());
        assert!(parse_answer("").is_err());
    }
}
