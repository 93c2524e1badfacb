//! Messages of JSON-RPC as the language protocol frames them: headers, an empty line, as many bytes as they say.

use std::io::{BufRead, Write as _};
use std::sync::mpsc::Sender;

use serde_json::Value;

use crate::failure::{Failure, io};

/// A larger message is no message.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// What comes in.
#[derive(Debug)]
pub(super) enum Incoming {
    /// A message.
    Message(Value),
    /// A framed message that is no JSON, and why.
    NotJson(String),
    /// Nothing that is framed like a message, and why.
    Broken(String),
    /// The end of the input.
    End,
}

/// Reads messages until the input ends or nobody listens.
pub(super) fn read_all(mut input: impl BufRead, sender: &Sender<Incoming>) {
    loop {
        let next = read(&mut input);
        let last = matches!(next, Incoming::End | Incoming::Broken(_));
        if sender.send(next).is_err() || last {
            return;
        }
    }
}

fn read(input: &mut impl BufRead) -> Incoming {
    let mut length = None;
    let mut any = false;
    loop {
        let mut line = String::new();
        match input.read_line(&mut line) {
            Ok(0) if !any => return Incoming::End,
            Ok(0) => return Incoming::Broken("the input ends inside of a message".to_owned()),
            Ok(_) => {}
            Err(error) => return Incoming::Broken(error.to_string()),
        }
        any = true;
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Incoming::Broken("a header has no colon".to_owned());
        };
        if name.eq_ignore_ascii_case("Content-Length") {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let Some(length) = length.filter(|it| *it <= MAX_BYTES) else {
        return Incoming::Broken("there is no Content-Length, or it is too large".to_owned());
    };
    let mut body = vec![0; length];
    if let Err(error) = input.read_exact(&mut body) {
        return Incoming::Broken(error.to_string());
    }
    match serde_json::from_slice(&body) {
        Ok(message) => Incoming::Message(message),
        Err(error) => Incoming::NotJson(error.to_string()),
    }
}

/// Writes one message to standard output.
pub(super) fn write(message: &Value) -> Result<(), Failure> {
    let body = message.to_string();
    let mut out = std::io::stdout().lock();
    write!(out, "Content-Length: {}\r\n\r\n{body}", body.len())
        .and_then(|()| out.flush())
        .map_err(|error| io("cannot answer the editor", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &str) -> Vec<String> {
        let (sender, receiver) = std::sync::mpsc::channel();
        read_all(input.as_bytes(), &sender);
        drop(sender);
        receiver.iter().map(|it| format!("{it:?}")).collect()
    }

    #[test]
    fn messages_are_cut_by_their_length() {
        let found = all("Content-Length: 2\r\nX: y\r\n\r\n{}content-length: 4\r\n\r\nnull");
        assert_eq!(found, ["Message(Object {})", "Message(Null)", "End"]);
    }

    #[test]
    fn what_is_no_message_is_said_and_ends_the_talk() {
        assert!(
            all("Content-Length: 1\r\n\r\n{Content-Length: 2\r\n\r\n{}")[0].starts_with("NotJson")
        );
        assert_eq!(all("hello\r\n\r\n").len(), 1);
        assert_eq!(all("Content-Length: 9\r\n\r\n{}").len(), 1);
        assert_eq!(all("Content-Length: 99999999999\r\n\r\n{}").len(), 1);
    }
}
